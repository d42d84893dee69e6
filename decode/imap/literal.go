package imap

import (
	"bytes"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/internal/fragment"
	"github.com/mailtrace/mailtrace/decode/internal/redact"
	"github.com/mailtrace/mailtrace/decode/mime"
)

// literal is the literal that a direction is in.
type literal struct {
	active  bool
	spec    fragment.LiteralSpec
	left    int64
	off     int64
	item    string
	secret  bool // its octets are filled
	body    bool // its octets are RFC 5322 content
	whole   bool // and a whole message
	damaged bool
	kept    bool   // its octets go into the event
	text    []byte // them, while there are more to come
	scanner mime.Scanner
	piece   *mime.Piece // of a message fetched in pieces, nil otherwise
	origin  int64       // where it stands in the message
}

// beginLiteral enters the literal that the line just read announced. It tells whether
// there is anything to come.
func (s *session) beginLiteral(x *side, t time.Time, spec fragment.LiteralSpec) {
	l := &x.literal
	l.active, l.spec, l.left, l.off, l.damaged = true, spec, spec.Octets, x.off, false
	l.kept, l.text = !l.secret && !l.body && spec.Octets <= int64(s.o.Limits.Line-x.kept), nil
	if l.kept {
		x.kept += int(spec.Octets)
	}
	if s.o.Unseen && x.dir == decode.Server {
		s.analyse() // then what the literal before gave may be used again
	}
	if l.whole {
		l.scanner.Reset(s.o.Limits)
	}
	if spec.Octets == 0 {
		s.endLiteral(x, t)
	}
}

// literalOctets takes octets of the literal.
func (s *session) literalOctets(x *side, t time.Time, p []byte) {
	l := &x.literal
	x.off += int64(len(p))
	l.left -= int64(len(p))
	switch {
	case l.whole:
		l.scanner.Write(p)
	case l.piece != nil:
		l.piece.Write(p)
	case !l.kept:
	case int64(len(p)) == l.spec.Octets:
		l.text = s.text(p)
	default:
		l.text = append(l.text, p...)
	}
	if x.dir == decode.Client {
		s.clientLiteral(t, p)
	}
	if l.left == 0 {
		s.endLiteral(x, t)
	}
}

// keptLiteral bounds what is kept of a literal that is a name or a password.
const keptLiteral = 4 << 10

// keptName bounds what is kept of a mailbox name.
const keptName = 1 << 10

func (s *session) clientLiteral(t time.Time, p []byte) {
	l, cur := &s.client.literal, s.cur
	if cur != nil {
		switch {
		case l.secret:
			cur.secret = append(cur.secret, p[:min(len(p), max(0, keptLiteral-len(cur.secret)))]...)
		case cur.info != nil && cur.info.mailbox && !cur.named:
			cur.name = append(cur.name, p[:min(len(p), max(0, keptName-len(cur.name)))]...)
		}
	}
	fill := l.secret && !s.o.Secrets
	if s.o.Tap == nil {
		return
	}
	if fill {
		// Every octet, CR and LF too: a literal needs no line ends to be counted.
		p = bytes.Repeat([]byte{redact.Filler}, len(p))
	}
	s.emit(decode.Client, t, p, false, fill, l.body)
}

// endLiteral gives the events of a literal that is whole, or as whole as it gets.
func (s *session) endLiteral(x *side, t time.Time) {
	l := &x.literal
	l.active = false
	var owner *decode.Command
	if x.dir == decode.Client && s.cur != nil {
		owner = s.cur.Command
		s.cur.named = true
		if l.secret {
			s.remembered()
			s.rememberLiteral(s.cur)
			clear(s.cur.secret)
			s.cur.secret = nil
		}
		s.cur.arg++
	} else if x.dir == decode.Server {
		owner = x.restOf
	}
	var gaps []mime.Octets
	switch {
	case l.whole:
		s.parts(t, x, owner, l.scanner.Close(), l.scanner.Problems(), l.off)
	case l.piece != nil:
		gaps = s.endPiece(t, x, owner)
	}
	e := s.event(t, x.dir, decode.Literal)
	e.Command, e.Span = owner, decode.Span{Off: l.off, Len: l.spec.Octets - l.left}
	if l.kept && !l.damaged {
		e.Text = l.text
	}
	l.text = nil
	if owner != nil && x.dir == decode.Client {
		e.Name = owner.Name
	} else {
		e.Name = x.rest
	}
	d := s.newDetail(x.dir)
	*d = LiteralDetail{
		Announced: l.spec.Octets, Seen: l.spec.Octets - l.left, Item: l.item, NonSync: l.spec.NonSync,
		Binary: l.spec.Binary, Message: l.whole, Damaged: l.damaged, Gaps: gaps,
	}
	e.Detail = d
}

// rememberLiteral puts a secret that came as a literal where a server's echo of it is found.
func (s *session) rememberLiteral(p *pending) {
	if len(p.secret) == keptLiteral {
		s.echo.All() // there may be more of it
	}
	s.echo.Add(p.secret)
	if p.Name != "LOGIN" {
		s.echo.AddEncoded(p.secret)
	}
	if bytes.ContainsAny(p.secret, "\r\n") {
		s.rememberWords(p.secret) // a server may take each line for a command
	}
}

// newDetail allocates for several literals at a time, the more of them have gone by
// (BenchmarkMessages4KiB).
func (s *session) newDetail(dir decode.Dir) *LiteralDetail {
	if s.o.Unseen && dir == decode.Server {
		return &s.detail
	}
	if len(s.details) == 0 {
		s.grow = min(max(2*s.grow, 1), 32)
		s.details = make([]LiteralDetail, s.grow)
	}
	d := &s.details[0]
	s.details = s.details[1:]
	return d
}

// refuseLiteral ends a synchronizing literal whose command the server completed instead
// of asking for it (RFC 9051 §4.3).
func (s *session) refuseLiteral(t time.Time, p *pending) {
	l := &s.client.literal
	if s.cur != p || l.spec.NonSync || p.owed == 0 || l.left != l.spec.Octets {
		return
	}
	s.cur = nil
	if l.secret || p.info != nil && p.info.credentials {
		s.doubt = suspicious
	}
	if !l.active {
		return // an empty one: nothing is left to refuse but the rest of the line
	}
	l.active = false
	e := s.event(t, decode.Client, decode.Literal)
	e.Command, e.Name = p.Command, p.Name
	e.Span = decode.Span{Off: l.off}
	e.Detail = &LiteralDetail{Announced: l.spec.Octets, Refused: true}
}

// fetchItem gives the data item whose value the announced literal is: the word before
// the announcement, such as BODY[HEADER.FIELDS (DATE)]<0>.
func fetchItem(line []byte) []byte {
	line = bytes.TrimRight(line, " ")
	depth := 0
	for i := len(line) - 1; i >= 0; i-- {
		switch line[i] {
		case ']':
			depth++
		case '[':
			depth--
		case ' ', '(':
			if depth <= 0 {
				return line[i+1:]
			}
		}
	}
	return line
}

// isDatum tells whether a word is a FETCH data item other than content whose value may be a
// literal: PREVIEW (RFC 8970 §3) or one of a vendor's. It is not where the literal is part
// of an ENVELOPE, say.
func isDatum(item []byte) bool {
	return bytes.EqualFold(item, []byte("PREVIEW")) || len(item) > 2 && bytes.EqualFold(item[:2], []byte("X-"))
}

// contentItem tells whether the value of a FETCH data item is RFC 5322 content, and
// whether it is a whole message.
func contentItem(item []byte) (content, whole bool) {
	has := func(prefix string) bool {
		return len(item) >= len(prefix) && bytes.EqualFold(item[:len(prefix)], []byte(prefix))
	}
	switch {
	case bytes.EqualFold(item, []byte("BODY[]")), bytes.EqualFold(item, []byte("RFC822")), bytes.EqualFold(item, []byte("BINARY[]")):
		return true, true
	case has("BODY["), has("BINARY["), has("RFC822."):
		return true, false
	}
	return false, false
}
