package pop3

import (
	"strconv"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/internal/fragment"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// client is the client's direction.
type client struct {
	lines   fragment.Lines
	off     int64 // of the next octet
	from    int64 // of the unfinished line
	resync  bool  // octets were lost: skip lines until one is a known command
	rule    rule
	decided clientLine // what the line is, where the rule is not byWhole
	given   int64      // octets of the line that the recorder has
	flushed bool       // a part of the line was given before the line was decided
	long    bool       // a finding said that the line is too long
}

// fromClient takes octets of the client and gives how many it took.
func (s *session) fromClient(t time.Time, p []byte) int {
	x := &s.client
	i := 0
	for i < len(p) && !s.opaque {
		if x.lines.Empty() {
			// The content type of the record that begins TLS (RFC 8446 §5.1); no line of
			// POP3 begins so.
			const handshake = 0x16
			if p[i] == handshake {
				if s.stls > 0 || s.tlsDue {
					break
				}
				if !s.tls {
					s.goOpaque(t, decode.Client, "a TLS ClientHello where cleartext POP3 was expected",
						"the client speaks TLS from the start: give it a listener pop3s://")
					return len(p)
				}
			}
			x.from, x.rule, x.given, x.long, x.flushed = x.off, byWhole, 0, false, false
		}
		held, before := x.lines.Held()
		line, n, done := x.lines.Take(p[i:], t)
		part := p[i : i+n]
		x.off += int64(n)
		i += n
		octets := before + int64(n)
		if done {
			octets-- // the LF
		}
		if octets > int64(s.limitHeld()) && x.rule == byWhole {
			beginning := line.Text
			if !done {
				beginning, _ = x.lines.Held()
			}
			s.decideEarly(beginning, byBeginning)
		}
		if octets > int64(s.o.Limits.Line) {
			s.tooLong(t, decode.Client, &x.long, x.from)
		}
		if !done {
			s.giveClientPart(t, held, before, part)
			return i
		}
		line.Text = s.lasting(line.Text, before, n)
		first, injected := len(s.events), s.stls > 0 || s.tlsDue
		s.clientLine(t, line, before, part)
		if injected {
			s.injected(first, decode.Client)
		}
	}
	if s.opaque {
		return len(p)
	}
	return i
}

func (s *session) limitHeld() int { return min(holdLimit, s.o.Limits.Line) }

// decideEarly says what a line is before it is whole.
func (s *session) decideEarly(beginning []byte, r rule) {
	s.client.rule = r
	s.client.decided = s.classify(beginning, r)
}

// flushEarly gives what came of an unfinished line to the recorder, so that it keeps the
// order of both directions where that matters. What is not the beginning of a known
// keyword is filled.
func (s *session) flushEarly(t time.Time) {
	x := &s.client
	kept, n := x.lines.Held()
	if x.rule == byWhole && !beginsKeyword(kept) {
		r := byNothing
		if kw, args := keyword(kept); kw != codeNone && args < len(kept) {
			r = byBeginning
		}
		s.decideEarly(kept, r)
	}
	if s.o.Tap != nil && x.given < n {
		s.giveClient(t, kept[x.given:], x.given, false)
	}
	x.given, x.flushed = n, true
}

// tooLong tells once that a line is longer than what is kept of it.
func (s *session) tooLong(t time.Time, d decode.Dir, told *bool, from int64) {
	if *told {
		return
	}
	*told = true
	e := s.event(t, d, decode.FindingOnly)
	e.Span = decode.Span{Off: from, Len: int64(s.o.Limits.Line)}
	s.find(e, rules.POP3LongLine, d, e.Span, "its text is shown up to "+strconv.Itoa(s.o.Limits.Line)+" octets")
}

// clientLine makes events of a line that is whole.
func (s *session) clientLine(t time.Time, line fragment.Line, before int64, part []byte) {
	x := &s.client
	c := x.decided
	if x.rule == byWhole {
		c = s.classify(line.Text, byWhole)
		if x.flushed && c.code&codeName <= codeUnknown {
			// What was given began like a keyword, and filler like the rest may follow it.
			c = s.classify(line.Text, byNothing)
		}
	} else {
		c.to = len(line.Text)
	}
	skip := x.resync && !(c.kind == isCommand && c.code&codeName > codeUnknown) && c.kind != isResponse
	asks := !skip && c.kind != isResponse && c.kind != isCancel && s.early == nil
	if asks {
		if !s.queue.room() {
			s.goOpaque(t, decode.Client, "more commands are unanswered than can be counted", "")
			return
		}
	}
	if c.kind == isCommand {
		s.overAfterAll(t)
	}
	s.remember(&c, line.Text)
	text := s.filled(&c, line.Text)
	s.giveClientLine(t, &c, line, before, part)
	if skip {
		return
	}
	x.resync = false
	span := decode.Span{Off: x.from, Len: line.Wire}
	switch c.kind {
	case isResponse, isCancel:
		s.response(t, &c, text, span)
	default:
		s.command(t, &c, text, span)
	}
}

// overAfterAll ends an exchange that was in doubt: a command follows its +OK.
func (s *session) overAfterAll(t time.Time) {
	if s.doubtful {
		p, _ := s.queue.pop()
		s.count(p.code, -1)
		s.settle(t, p, true)
	}
	s.afterAuth = nil
}

// response makes the event of a SASL response (RFC 5034 §4).
func (s *session) response(t time.Time, c *clientLine, text []byte, span decode.Span) {
	p, ok := pending{}, false
	switch {
	case s.challenged:
		s.count(s.queue.mark(), 1)
		if f := s.queue.first(); f != nil {
			f.owes--
		}
		p, ok = s.queue.head()
		if f := s.queue.first(); f != nil {
			f.plain = false
		}
	case s.auths > 0:
		p, ok = s.queue.oldest(codeSASL)
	case s.afterAuth != nil:
		// QUIRK: the server said +OK where "+ " was due; the exchange goes on.
		p, ok = *s.afterAuth, true
		s.afterAuth = nil
		s.push(p)
		if s.state == decode.Transaction {
			s.enter(t, decode.Authorization)
		}
	}
	s.challenged, s.doubtful = false, false
	e := s.event(t, decode.Client, decode.Continuation)
	e.Text, e.Span = text, span
	if c.kind == isResponse && !s.o.Secrets {
		e.Detail = sentRedacted
	}
	if ok && p.plain && c.kind == isResponse {
		s.inTheClear(e, "")
	}
	s.lineEnd(e, decode.Client, text, span)
	if ok {
		e.Command, e.Name = p.cmd, p.code.name()
		if p.cmd != nil {
			p.cmd.Complete, p.cmd.First = t, time.Time{}
		}
	}
}

// command makes the event of a line that the server answers: a command, or anything that
// it takes for one.
func (s *session) command(t time.Time, c *clientLine, text []byte, span decode.Span) {
	name := c.code.name()
	if c.kind == isCommand && name == "" {
		name = upper(text[:min(wordEnd(text), len(text))])
	}
	p := pending{cmd: &decode.Command{Name: name, Complete: t}, code: c.code, number: c.number, owes: c.owes, lines: -1, span: span}
	switch c.kind {
	case isCommand:
		e := s.event(t, decode.Client, decode.CommandLine)
		e.Name, e.Command, e.Text, e.Span = name, p.cmd, text, span
		switch {
		case c.code&codeSecret != 0 && !s.o.Secrets:
			e.Detail = sentRedacted
		case c.code.is(codeCapa):
			if s.askAnew {
				e.Detail = sentAskedAnew
			}
			s.askAnew, s.asked = false, s.asked || !s.tls
		}
		s.judgeCommand(e, c, &p, text)
		if e.Detail == nil && !s.o.Bare {
			e.Detail = sent(c, &p, text)
		}
	default:
		reason := "expected a command of three or four letters"
		if c.kind == isHTTP {
			reason = "an HTTP request where POP3 was expected"
		} else if span.Len <= 2 && len(text) == 0 {
			reason = "an empty line"
		}
		e := s.malformed(t, decode.Client, text, span, reason)
		e.Command = p.cmd
		if c.kind == isHTTP {
			e.Detail = e.Detail.(decode.Fields).With("hint", "a browser or a health check was pointed at this port")
		}
	}
	if s.server.gap && s.server.resync && !s.conduct.pipelined {
		// A client that waits for answers had those that were lost with the octets.
		s.forgetPending()
	}
	if s.early != nil {
		ok := s.early.ok
		s.early = nil
		s.answeredEarly(t, p, ok)
		return
	}
	s.push(p)
	s.enterUpdate(t)
}

// push queues a command and counts what its reply decides.
func (s *session) push(p pending) {
	s.queue.push(p)
	s.count(p.code, 1)
}

func (s *session) count(c code, n int) {
	if c&codeSecret != 0 {
		s.secrets += n
	}
	if c&codeSASL != 0 {
		s.auths += n
	}
	switch c & codeName {
	case codeStls:
		s.stls += n
	case codeUser:
		s.conduct.users += n
	}
}

// answeredEarly settles a command whose reply came before it was whole.
func (s *session) answeredEarly(t time.Time, p pending, ok bool) {
	if p.code.is(codeStls) {
		e := s.event(t, decode.Server, decode.FindingOnly)
		e.Command = p.cmd
		s.find(e, rules.EarlyTagged, decode.Server, e.Span, "")
	}
	s.settle(t, p, ok)
}

// wordEnd is where the first word of a line ends.
func wordEnd(p []byte) int {
	for i, c := range p {
		if c == ' ' {
			return i
		}
	}
	return len(p)
}

func upper(p []byte) string {
	b := make([]byte, len(p))
	for i, c := range p {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		b[i] = c
	}
	return string(b)
}
