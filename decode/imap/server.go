package imap

import (
	"bytes"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/internal/fragment"
	"github.com/mailtrace/mailtrace/decode/internal/redact"
)

// fromServer takes cleartext octets of the server. What needs no second look goes to the
// recorder in runs: from begins the run that was not given yet.
func (s *session) fromServer(t time.Time, p []byte) (int, decode.Next) {
	x := &s.server
	next := decode.Continue
	from, body, i := 0, false, 0
	run := func(end bool) {
		if from < i || end {
			s.emit(decode.Server, t, p[from:i], end, false, body)
		}
		from = i
	}
	for i < len(p) && !s.opaque {
		if x.literal.active {
			n := int(min(x.literal.left, int64(len(p)-i)))
			if x.literal.body != body {
				run(false)
				body = x.literal.body
			}
			s.literalOctets(x, t, p[i:i+n])
			i += n
			continue
		}
		if body {
			run(false)
			body = false
		}
		if x.lines.Empty() {
			if s.tlsDue {
				if isTLSRecord(p[i:]) || p[i] == tlsAlert {
					break
				}
				x.injected = true
			}
			x.from = x.off
		}
		if s.secret && !s.o.Secrets && !x.tap.holding && !x.tap.passing && !x.tap.filling {
			run(false)
			_, before := x.lines.Held()
			x.tap.holding, x.tap.clear = true, int(before)
		} else if x.lines.Empty() {
			if n := s.row(t, p[i:]); n > 0 {
				i += n
				x.off += int64(n)
				continue
			}
		}
		held, before := x.lines.Held()
		line, n, done := x.lines.Take(p[i:], t)
		part := p[i : i+n]
		i += n
		x.off += int64(n)
		long := line.Cut || before+int64(n) > int64(s.o.Limits.Line)+2
		switch {
		case x.tap.holding && long:
			s.holdServer(t, n)
			s.heldTooLong(t, held, before, part)
			from = i
		case x.tap.holding:
			s.holdServer(t, n)
			from = i
		case x.tap.filling:
			s.emit(decode.Server, t, blankCopy(part), false, true, false)
			from = i
		}
		if !done {
			if long {
				s.tooLong(x, t)
			}
			break
		}
		first := len(s.events)
		completes := s.serverLine(t, line)
		s.injection(x, first, decode.Span{Off: x.from, Len: line.Wire})
		if completes {
			run(true)
		}
		if s.tlsDue || s.starttlsRefused(&next) {
			continue
		}
		if x.inflater != nil && !s.volatile {
			// RFC 4978 §3: the server compresses from behind the CRLF of its OK.
			run(false)
			s.inflate(x, t, p[i:])
			return len(p), next
		}
		if s.volatile && x.inflater == nil {
			break // RFC 8437 §4.1: the OK to UNAUTHENTICATE ended it
		}
	}
	run(false)
	if s.tlsDue {
		return i, decode.TLSHere
	}
	return i, next
}

// row takes a FETCH response, or the parenthesis that ends one behind a literal, where the
// line lies whole in p: the lines that go by most often, tens of thousands at a time
// (BenchmarkRows, BenchmarkMessages4KiB). It makes the events that the way through
// serverLine would make, and gives 0 for every other line.
func (s *session) row(t time.Time, p []byte) int {
	x := &s.server
	if x.rest != "" {
		if len(p) < 3 || p[0] != ')' || p[1] != '\r' || p[2] != '\n' || x.resync || x.injected {
			return 0
		}
		s.fetched(t, decode.Continuation, x.rest, x.restOf, p[:1], 3)
		x.rest, x.restOf = "", nil
		return 3
	}
	if len(p) < 12 || p[0] != '*' || p[1] != ' ' || x.resync || x.injected {
		return 0
	}
	if s.o.Unseen && s.state == decode.Selected {
		if n := s.unseenRow(t, p); n > 0 {
			return n
		}
	}
	i := 2
	for i < len(p) && p[i]-'0' < 10 {
		i++
	}
	if i == 2 || len(p)-i < 8 || string(p[i:i+7]) != " FETCH " {
		return 0
	}
	end := bytes.IndexByte(p[i:], '\n')
	if end < 0 || i+end > s.o.Limits.Line {
		return 0
	}
	n := i + end + 1
	text := p[:n-1]
	if last := len(text) - 1; text[last] == '\r' {
		text = text[:last]
	}
	spec, literal := fragment.ParseLiteral(text)
	var owner *decode.Command
	if c := s.pending.wanting("FETCH"); c != nil {
		c.replied(t)
		c.data++
		owner = c.Command
	}
	s.fetched(t, decode.Untagged, "FETCH", owner, text, n)
	if literal {
		x.off += int64(n)
		x.rest, x.restOf, x.kept = "FETCH", owner, 0
		s.announce(t, text, spec)
		x.off -= int64(n) // the caller's to count
	}
	return n
}

func (s *session) fetched(t time.Time, kind decode.Kind, name string, owner *decode.Command, text []byte, n int) {
	s.events = append(s.events, decode.Event{
		Time: t, Dir: decode.Server, Kind: kind, State: s.state, Mailbox: s.mailbox.name, Name: name,
		Command: owner, Text: s.text(text), Span: decode.Span{Off: s.server.off, Len: int64(n)},
	})
}

// tlsAlert is the content type of a TLS alert record (RFC 8446 §5.1).
const tlsAlert = 0x15

func (s *session) starttlsRefused(next *decode.Next) bool {
	if s.starttls == nil || !s.starttls.done {
		return false
	}
	s.starttls, s.client.injected = nil, false
	*next = decode.Release
	return true
}

// serverLine makes events of a line that is whole. It tells whether a synthetic segment
// should end behind it.
func (s *session) serverLine(t time.Time, line fragment.Line) bool {
	x := &s.server
	if line.Cut {
		s.tooLong(x, t)
	}
	x.long = false
	text := line.Text
	r := s.parseResponse(text)
	switch {
	case x.tap.filling:
		text = bytes.Clone(text)
		redact.Blank(text[min(x.tap.from, len(text)):])
		line.Tail = text
		r = s.parseResponse(text)
	case x.tap.holding:
		filled := s.withoutEchoes(text, &r)
		raw := line.Raw()
		fill := len(text) > 0 && &filled[0] != &text[0]
		if fill {
			raw = append(bytes.Clone(filled), line.EOL...)
			text, line.Tail = filled, filled
			r = s.parseResponse(text)
		}
		s.releaseServer(raw[min(x.tap.clear, len(raw)):], r.kind == decode.Completion, fill)
	}
	x.tap.reset()
	if x.resync {
		if r.kind == decode.Malformed {
			return false
		}
		x.resync = false
	}
	span := decode.Span{Off: x.from, Len: line.Wire}
	switch r.kind {
	case decode.Completion:
		s.completion(t, line.First, &r, text, span)
		return true
	case decode.ContinuationRequest:
		s.continuationRequest(t, line.First, text, span)
		return true
	case decode.Untagged, decode.Continuation:
		s.untagged(t, line, &r, text, span)
	default:
		e := s.event(t, decode.Server, decode.Malformed)
		e.Text, e.Span = s.text(text), span
		e.Detail = decode.Fields{{Key: "reason", Value: "expected \"* \", \"+\" or a tag and a result"}}
	}
	return false
}

// response is what a server's line turns out to be.
type response struct {
	kind   decode.Kind
	tag    []byte
	name   string
	number int64 // before the name, -1 where there is none
	status int   // where resp-text begins, -1 where the line is no status response
	args   int   // where the data behind the name begins
}

// parseResponse tells what a line is (RFC 9051 §7).
func (s *session) parseResponse(p []byte) response {
	if s.server.rest != "" {
		return response{kind: decode.Continuation, name: s.server.rest, number: -1, status: -1}
	}
	return parseResponse(p)
}

func parseResponse(p []byte) response {
	r := response{kind: decode.Malformed, number: -1, status: -1}
	switch {
	case len(p) >= 2 && p[0] == '*' && p[1] == ' ':
		r.parseUntagged(p)
	case len(p) >= 1 && p[0] == '+' && (len(p) == 1 || p[1] == ' '):
		// QUIRK: Yandex, public-inbox: "+" without the space.
		r.kind, r.status = decode.ContinuationRequest, min(2, len(p))
	default:
		sp := bytes.IndexByte(p, ' ')
		if sp <= 0 || !isTag(p[:sp]) {
			return r
		}
		word := firstWord(p[sp+1:])
		name := statusName(word)
		if name == "" || name == "BYE" || name == "PREAUTH" {
			return r
		}
		r.kind, r.tag, r.name = decode.Completion, p[:sp], name
		r.status = min(sp+1+len(word)+1, len(p))
	}
	return r
}

func (r *response) parseUntagged(p []byte) {
	i := spaces(p, 2)
	if i < len(p) && p[i] >= '0' && p[i] <= '9' {
		n := int64(0)
		for ; i < len(p) && p[i] >= '0' && p[i] <= '9'; i++ {
			if n < 1<<53 {
				n = n*10 + int64(p[i]-'0')
			}
		}
		if i >= len(p) || p[i] != ' ' {
			return
		}
		r.number = n
		i = spaces(p, i)
	}
	word := firstWord(p[i:])
	if j := bytes.IndexByte(word, '{'); j > 0 {
		if spec, ok := fragment.ParseLiteral(p); ok && spec.Start <= i+j {
			word = p[i:spec.Start]
		}
	}
	if len(word) == 0 || !isAtomLike(word) {
		return
	}
	r.kind, r.name = decode.Untagged, responseName(word)
	r.args = min(i+len(word)+1, len(p))
	if end := i + len(word); r.number < 0 && statusName(word) != "" && (end == len(p) || p[end] == ' ') {
		r.status = r.args
	}
}

// spaces gives where the spaces at p[i:] end: there should be one at most.
func spaces(p []byte, i int) int {
	for i < len(p) && p[i] == ' ' {
		i++
	}
	return i
}

// isAtomLike is more generous than the grammar: it refuses only what no name can be.
func isAtomLike(p []byte) bool {
	for _, c := range p {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '{' {
			return false
		}
	}
	return true
}

var statusNames = [...]string{"OK", "NO", "BAD", "BYE", "PREAUTH"}

func statusName(word []byte) string {
	if len(word) < 2 || len(word) > 7 {
		return ""
	}
	for _, n := range statusNames {
		if len(n) == len(word) && (string(word) == n || bytes.EqualFold(word, []byte(n))) {
			return n
		}
	}
	return ""
}
