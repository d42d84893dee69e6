package imap

import (
	"bytes"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/internal/fragment"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// fromClient takes cleartext octets of the client.
func (s *session) fromClient(t time.Time, p []byte) (int, decode.Next) {
	x := &s.client
	i := 0
	for i < len(p) && !s.opaque {
		if x.literal.active {
			n := int(min(x.literal.left, int64(len(p)-i)))
			s.literalOctets(x, t, p[i:i+n])
			i += n
			continue
		}
		fresh := x.lines.Empty()
		if fresh {
			if s.cur == nil && (s.starttls != nil || s.tlsDue) {
				if isTLSRecord(p[i:]) {
					break
				}
				x.injected = true
			}
			if x.off == 0 && p[i] == tlsHandshake && !s.tls {
				s.clientHello(t)
				return len(p), decode.Continue
			}
			x.from = x.off
		}
		held, _ := x.lines.Held()
		line, n, done := x.lines.Take(p[i:], t)
		part := p[i : i+n]
		x.off += int64(n)
		i += n
		if !done {
			s.clientPart(t, held, part)
			break
		}
		z, first := x.inflater, len(s.events)
		s.clientLine(t, line, held, part)
		s.injection(x, first, decode.Span{Off: x.from, Len: line.Wire})
		if x.inflater != z {
			break // UNAUTHENTICATE: what follows is no longer compressed
		}
	}
	switch {
	case s.tlsDue:
		return i, decode.TLSHere
	case s.starttls != nil:
		return i, decode.Park
	}
	return i, decode.Continue
}

// tlsHandshake is the content type of the record that begins TLS (RFC 8446 §5.1).
const tlsHandshake = 0x16

// isTLSRecord tells whether octets begin a TLS record: 16 03, as far as they go.
func isTLSRecord(p []byte) bool {
	return len(p) > 0 && p[0] == tlsHandshake && (len(p) == 1 || p[1] == 3)
}

func (s *session) clientHello(t time.Time) {
	s.goOpaque(t, decode.Client, "a TLS ClientHello where cleartext IMAP was expected")
	e := &s.events[len(s.events)-1]
	e.Detail = e.Detail.(decode.Fields).With("hint", "the client speaks TLS from the start: give it a listener imaps://")
}

// injection puts a finding on the first event of a line that stands, in the clear, where
// TLS has to begin.
func (s *session) injection(x *side, first int, span decode.Span) {
	if !x.injected {
		return
	}
	x.injected = false
	for first < len(s.events) && s.events[first].Kind == decode.FindingOnly {
		first++ // of the line's length, which may have been said long ago
	}
	if first >= len(s.events) {
		return
	}
	rule := rules.CommandInjection
	if x.dir == decode.Server {
		rule = rules.ResponseInjection
	}
	e := &s.events[first]
	e.Findings = append(e.Findings, rule.At(x.dir, span, ""))
}

// clientPart is called while a line has no end yet.
func (s *session) clientPart(t time.Time, held, part []byte) {
	x := &s.client
	if _, n := x.lines.Held(); n > int64(s.o.Limits.Line)+2 {
		s.tapClientPart(t, held, part, false)
	}
}

// tooLong says once that a line is longer than what is kept of it.
func (s *session) tooLong(x *side, t time.Time) {
	if x.long {
		return
	}
	x.long = true
	e := s.event(t, x.dir, decode.FindingOnly)
	e.Span = decode.Span{Off: x.from, Len: int64(s.o.Limits.Line)}
	s.finding(rules.LongLine.At(x.dir, e.Span, ""))
}

// clientLine makes events of a line that is whole.
func (s *session) clientLine(t time.Time, line fragment.Line, held, part []byte) {
	x := &s.client
	c := s.classify(line.Text, line.Cut)
	if line.Cut {
		c.literal, c.more = fragment.ParseLiteral(line.Tail)
		s.tooLong(x, t)
		s.clientLineCut(t, &c, line, held, part)
	}
	x.long = false
	if c.kind == isCommand && c.info != nil && s.doubt == suspicious {
		s.doubt = wary
	}
	if c.hidden {
		s.remember(&c, line.Text)
	}
	text := s.filled(&c, line.Text)
	if !line.Cut {
		if raw := s.filled(&c, line.Raw()); s.o.Tap != nil {
			s.emit(decode.Client, t, raw, true, c.hidden && !s.o.Secrets, false)
		}
	}
	x.tap.reset()
	if x.resync {
		if c.kind == isNone {
			return
		}
		x.resync = false
	}
	s.spoken = true
	span := decode.Span{Off: x.from, Len: line.Wire}
	switch c.kind {
	case isCommand:
		s.beginCommand(t, &c, line, text, span)
	case isRest:
		s.restOfCommand(t, &c, line, text, span)
	case isSASL:
		s.continuation(t, s.auth, text, span)
	case isDone:
		p := s.idle
		if p == nil {
			e := s.event(t, decode.Client, decode.Malformed)
			e.Text, e.Span = s.text(text), span
			e.Detail = decode.Fields{{Key: "reason", Value: "DONE, and no IDLE is under way"}}
			return
		}
		s.idle = nil
		p.Complete, p.First = t, time.Time{}
		s.continuation(t, p, text, span).Tag = p.Tag
		s.events[len(s.events)-1].Name = "DONE"
	default:
		e := s.event(t, decode.Client, decode.Malformed)
		e.Text, e.Span = s.text(text), span
		reason := "expected a tag, a space and a command"
		if c.kind == isHTTP {
			reason = "an HTTP request where IMAP was expected"
		}
		e.Detail = decode.Fields{{Key: "reason", Value: reason}}
	}
}

func (s *session) continuation(t time.Time, p *pending, text []byte, span decode.Span) *decode.Event {
	e := s.event(t, decode.Client, decode.Continuation)
	e.Text, e.Span = s.text(text), span
	e.Command, e.Name = p.Command, p.Name
	return e
}

func (s *session) beginCommand(t time.Time, c *clientLine, line fragment.Line, text []byte, span decode.Span) {
	p := s.pending.next()
	p.own.Tag, p.Command, p.info = string(keptTag(c.tag)), &p.own, c.info
	if c.info != nil {
		p.Name = c.info.name
	} else if !c.nameless() {
		p.Name = unknownName(text[c.at : c.at+len(c.word)])
	}
	s.pending.push(p)
	if c.info != nil && c.info.credentials {
		s.doubt = max(s.doubt, wary)
	}
	args := text[min(c.args, len(text)):]
	switch p.Name {
	case "AUTHENTICATE":
		p.mech = unknownName(firstWord(args))
		if bytes.IndexByte(args, ' ') >= 0 {
			p.answers++ // the initial response (RFC 4959 §3)
		}
		if s.auth == nil {
			s.auth = p
		}
	case "IDLE":
		if s.idle == nil {
			s.idle = p
		}
	case "FETCH", "UID FETCH":
		p.piece = asksPiece(args)
	case "LOGIN":
		p.arg = countArgs(args)
	case "SELECT", "EXAMINE":
		p.readOnly = p.Name == "EXAMINE"
		args = bytes.TrimLeft(args, " ")
		if end, _ := astring(args, 0); !c.more || end < len(args) && !isAnnouncement(args) {
			name := unquote(args[:end])
			p.name = append(p.name, name[:min(len(name), keptName)]...)
			p.named = true
		}
	}
	e := s.event(t, decode.Client, decode.CommandLine)
	e.Command, e.Tag, e.Name = p.Command, p.Tag, p.Name
	e.Text, e.Span = s.text(text), span
	s.cur = p
	s.client.kept = 0
	s.lineEnds(t, c, line, text)
}

func isAnnouncement(args []byte) bool {
	return bytes.HasPrefix(args, []byte("{")) || bytes.HasPrefix(args, []byte("~{"))
}

// namesMailbox tells whether the literal that a line of APPEND or REPLACE announces is the
// mailbox name, not a message.
func namesMailbox(c *clientLine, text []byte) bool {
	if c.kind != isCommand {
		return false
	}
	before := 0
	if c.info.name != "APPEND" {
		before = 1 // the message that is replaced (RFC 8508 §3.2)
	}
	return countArgs(bytes.TrimLeft(text[min(c.args, len(text)):], " ")) == before
}

// isCatenated tells whether the literal behind before is one part of a message (RFC 4469
// §5: TEXT literal).
func isCatenated(before []byte) bool {
	before = bytes.TrimRight(before, " ")
	n := len(before) - len("TEXT")
	return n > 0 && bytes.EqualFold(before[n:], []byte("TEXT")) && (before[n-1] == ' ' || before[n-1] == '(')
}

// countArgs tells how many arguments are on the line, literals not counted.
func countArgs(args []byte) (n int) {
	for at := 0; at < len(args); n++ {
		end, _ := astring(args, at)
		if isAnnouncement(args[at:]) {
			break
		}
		for at = end; at < len(args) && args[at] == ' '; at++ {
			continue
		}
	}
	return n
}

func (s *session) restOfCommand(t time.Time, c *clientLine, line fragment.Line, text []byte, span decode.Span) {
	s.continuation(t, s.cur, text, span)
	s.lineEnds(t, c, line, text)
}

// lineEnds goes on behind a command's line: into the literal that it announced, or to
// the next command.
func (s *session) lineEnds(t time.Time, c *clientLine, line fragment.Line, text []byte) {
	p := s.cur
	if c.more {
		s.client.kept += len(text)
		l := &s.client.literal
		l.item = ""
		l.secret = p.info == nil || p.Name == "AUTHENTICATE" || p.Name == "LOGIN" && p.arg > 0
		l.body = p.info != nil && p.info.message && !namesMailbox(c, text)
		l.whole = l.body && !isCatenated(line.Tail[:c.literal.Start])
		if !c.literal.NonSync {
			p.owed++
		}
		if l.secret {
			s.remembered() // a server may repeat the part of it that it has
		}
		s.beginLiteral(&s.client, t, c.literal)
		return
	}
	s.cur = nil
	p.whole, p.Complete = true, t
	switch p.Name {
	case "STARTTLS":
		if !s.compressed && s.starttls == nil { // the first of two is the one that is answered first
			s.askTLS(t, p)
		}
	case "UNAUTHENTICATE":
		// The client's compression ends behind this line (RFC 8437 §4.1).
		s.client.inflater = nil
		s.doubt = max(s.doubt, wary)
	}
}

// askTLS waits for the answer to STARTTLS, unless it came before the command was whole.
func (s *session) askTLS(t time.Time, p *pending) {
	for i, a := range s.early {
		if a.tag != p.Tag {
			continue
		}
		s.early = append(s.early[:i], s.early[i+1:]...)
		s.pending.remove(p)
		s.tlsDue = a.ok
		e := s.event(t, decode.Server, decode.FindingOnly)
		e.Command = p.Command
		s.finding(rules.EarlyTagged.At(decode.Server, decode.Span{}, ""))
		return
	}
	s.starttls = p
}
