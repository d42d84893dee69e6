package pop3

import (
	"bytes"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/internal/fragment"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// server is the server's direction.
type server struct {
	lines   fragment.Lines
	off     int64 // of the next octet
	from    int64 // of the unfinished line
	resync  bool  // framing was lost: skip lines until one is a status line
	gap     bool  // and it was lost with octets
	long    bool  // a finding said that the line is too long
	mayEcho bool  // the line may repeat a secret: it is no line of a listing
	clear   int64 // octets of the line that passed before there was a secret under way
	filler  bool  // the line is too long to be held: what is left of it is filled
	keep    int64 // and what of it is not
	pieces  []piece
}

// fromServer takes octets of the server and gives how many it took.
func (s *session) fromServer(t time.Time, p []byte) int {
	i := 0
	for i < len(p) && !s.opaque {
		n := s.serverStep(t, p[i:])
		if n == 0 {
			break
		}
		i += n
	}
	return i
}

// serverStep takes one line, or one piece of a message, or what there is of it. It takes
// nothing of what begins TLS.
func (s *session) serverStep(t time.Time, p []byte) int {
	x := &s.server
	if s.multi.active && s.multi.code.body() {
		return s.bodyOctets(t, p)
	}
	if x.lines.Empty() {
		const handshake = 0x16
		if s.tlsDue && p[0] == handshake {
			return 0
		}
		x.from, x.clear, x.filler, x.long = x.off, 0, false, false
		// A line of a listing repeats no secret, unless it is a status line all the same.
		x.mayEcho = !s.multi.active || p[0] == '+' || p[0] == '-' || p[0] == '.'
	}
	held, before := x.lines.Held()
	line, n, done := x.lines.Take(p, t)
	part := p[:n]
	x.off += int64(n)
	octets := before + int64(n)
	if done {
		octets-- // the LF
	}
	if octets > int64(s.o.Limits.Line) {
		s.tooLong(t, decode.Server, &x.long, x.from)
		if !x.filler && (len(x.pieces) > 0 || x.mayEcho && s.secretive()) {
			kept := line.Text
			if !done {
				kept, _ = x.lines.Held()
			}
			s.stopHolding(kept, held)
		}
	}
	switch {
	case x.filler:
		s.giveFiller(t, part, before, done)
		part = nil
	case len(x.pieces) > 0 || x.mayEcho && s.secretive():
		x.hold(t, n)
		part = nil
	case !done:
		x.clear += int64(n)
		s.emit(decode.Server, t, part, false, false, false)
	}
	if done {
		line.Text = s.lasting(line.Text, before, n)
		first, injected := len(s.events), s.tlsDue
		s.serverLine(t, line, part)
		if injected {
			s.injected(first, decode.Server)
		}
	}
	return n
}

// secretive tells whether the server may repeat a secret.
func (s *session) secretive() bool {
	return !s.o.Secrets && (s.secrets > 0 || s.auths > 0 || s.afterAuth != nil)
}

// stopHolding gives what is held of a line that is too long: filled, but for its status
// indicator, as all that follows of it will be.
func (s *session) stopHolding(kept, held []byte) {
	x := &s.server
	x.filler = true
	x.keep = max(x.clear, int64(indicator(kept)))
	if s.o.Tap != nil && len(x.pieces) > 0 {
		rest := bytes.Clone(held[min(x.clear, int64(len(held))):])
		fill(rest[min(x.keep-x.clear, int64(len(rest))):])
		s.release(rest, false, true)
	}
	x.pieces = x.pieces[:0]
}

// giveFiller gives a part of a line that is too long to be held.
func (s *session) giveFiller(t time.Time, part []byte, before int64, end bool) {
	if s.o.Tap == nil {
		return
	}
	part = bytes.Clone(part)
	fill(part[min(max(s.server.keep-before, 0), int64(len(part))):])
	s.emit(decode.Server, t, part, end, true, false)
}

// serverLine goes on with a line that is whole. The recorder lacks part of it, and what
// is held.
func (s *session) serverLine(t time.Time, line fragment.Line, part []byte) {
	x := &s.server
	text := line.Text
	if s.repliesEarly(text) {
		s.flushEarly(t)
	}
	switch {
	case x.filler:
		text = s.copied(text)
		fill(text[min(x.keep, int64(len(text))):])
	case len(x.pieces) > 0:
		text = s.copied(text)
		found := false
		if from := max(int(x.clear), indicator(text)); from < len(text) {
			found = s.echo.Fill(text[from:])
		}
		if s.o.Tap != nil {
			raw := append(bytes.Clone(text), line.EOL...)
			s.release(raw[min(x.clear, int64(len(raw))):], true, found)
		}
		x.pieces = x.pieces[:0]
	default:
		end := !s.multi.active || len(text) > 0 && text[0] == '.' && s.multi.ends(text)
		s.emit(decode.Server, t, part, end, false, false)
	}
	span := decode.Span{Off: x.from, Len: line.Wire}
	if s.multi.active {
		s.row(t, text, span, line.First)
		return
	}
	s.reply(t, text, span, line.First)
}

// status is what a server line begins with.
type status uint8

const (
	noStatus status = iota
	statusOK
	statusErr
	statusMore // "+", a SASL challenge (RFC 5034 §4)
)

// statusOf reads a status indicator (RFC 1939 §3). QUIRK: it may be in lower case, and
// lack the space behind it.
func statusOf(text []byte) status {
	switch {
	case len(text) >= 3 && bytes.EqualFold(text[:3], []byte("+OK")):
		return statusOK
	case len(text) >= 4 && bytes.EqualFold(text[:4], []byte("-ERR")):
		return statusErr
	case len(text) > 0 && text[0] == '+' && (len(text) == 1 || text[1] == ' '):
		return statusMore
	}
	return noStatus
}

// indicator gives the length of the status indicator and the space behind it, in which
// nothing is filled.
func indicator(text []byte) int {
	n := 0
	if len(text) > 2 && text[0] == '.' && text[1] == '\r' {
		n = 2 // a broken terminator
	}
	switch statusOf(text[n:]) {
	case statusOK:
		n += len("+OK")
	case statusErr:
		n += len("-ERR")
	case statusMore:
		n += len("+")
	default:
		return 0
	}
	if n < len(text) && text[n] == ' ' {
		n++
	}
	return n
}

// repliesEarly tells whether a line is the reply to a command that is not whole yet.
func (s *session) repliesEarly(text []byte) bool {
	st := statusOf(text)
	return (st == statusOK || st == statusErr) && s.early == nil && s.greeted && !s.server.resync && !s.multi.active &&
		s.queue.len() == 0 && !s.conversing() && !s.client.lines.Empty()
}

// reply goes on with a line where a status line is expected.
func (s *session) reply(t time.Time, text []byte, span decode.Span, first time.Time) {
	st := statusOf(text)
	x := &s.server
	switch {
	case (st == statusOK || st == statusErr) && s.greets(span):
		s.greeting(t, st, text, span)
	case st == statusOK && s.owed():
		s.challenge(t, text, span, first)
		s.doubtful = true
		s.find(&s.events[len(s.events)-1], rules.POP3SASLOK, decode.Server, span, "")
	case st == statusOK || st == statusErr:
		s.completion(t, st == statusOK, text, span, first)
	case st == statusMore && (!x.resync || s.conversing()):
		s.challenge(t, text, span, first)
	case x.resync:
		return
	case !s.greeted:
		s.malformed(t, decode.Server, text, span, "expected a greeting, +OK or -ERR")
		return
	default:
		x.resync, s.conduct.unsure = true, true
		e := s.event(t, decode.Server, decode.Desync)
		e.Text, e.Span = text, span
		e.Detail = decode.Fields{{Key: "reason", Value: "expected +OK or -ERR; decoding goes on with the next line that begins so"}}
		return
	}
	x.resync, x.gap = false, false
}

// greets tells whether a status line is the greeting: the first one, unless the stream
// begins in mid-session.
func (s *session) greets(span decode.Span) bool {
	return !s.greeted || s.o.Mid && span.Off == 0 && s.client.off == 0
}

func (s *session) greeting(t time.Time, st status, text []byte, span decode.Span) {
	s.greeted = true
	e := s.event(t, decode.Server, decode.Greeting)
	e.Name, e.Text, e.Span = statusName(st == statusOK), text, span
	s.conduct.unsure = false
	s.statusLine(e, text, span)
	if !s.o.Bare {
		e.Detail = greeted(text)
	}
	if st == statusOK {
		s.enter(t, decode.Authorization)
	}
}

func statusName(ok bool) string {
	if ok {
		return "+OK"
	}
	return "-ERR"
}

// challenge is the continuation request of a SASL exchange (RFC 5034 §4).
func (s *session) challenge(t time.Time, text []byte, span decode.Span, first time.Time) {
	p, ok := s.queue.head()
	e := s.event(t, decode.Server, decode.ContinuationRequest)
	e.Text, e.Span, e.Name = text, span, p.code.name()
	answer(e, p.cmd, t, first)
	s.challenged, s.doubtful = s.challenged || ok, false
}

// owed tells whether an AUTH is under way, and alone, whose mechanism cannot be done.
func (s *session) owed() bool {
	p := s.queue.first()
	return p != nil && p.code&codeSASL != 0 && p.owes > 0 && s.queue.len() == 1
}

// completion is the status line that answers the oldest command.
func (s *session) completion(t time.Time, ok bool, text []byte, span decode.Span, first time.Time) {
	before := s.repliesEarly(text)
	p, asked := s.queue.pop()
	e := s.event(t, decode.Server, decode.Completion)
	e.Name, e.Text, e.Span = statusName(ok), text, span
	answer(e, p.cmd, t, first)
	s.statusLine(e, text, span)
	if !asked {
		if before {
			s.early = &early{ok}
		} else if !s.conduct.unsure && !s.tlsDue {
			s.unasked(e, ok)
		}
		return
	}
	s.count(p.code, -1)
	follows := ok && p.code&codeMulti != 0
	said := s.judgeReply(e, &p, ok, follows, text)
	s.settle(t, p, ok)
	if follows {
		s.multi.begin(s, p)
		s.multi.said = said
		return
	}
	s.enterUpdate(t)
}

// answer puts the command and its times on an event that answers it.
func answer(e *decode.Event, c *decode.Command, t, first time.Time) {
	if c == nil {
		return
	}
	e.Command = c
	if c.First.IsZero() {
		c.First = first
	}
	e.Latency = max(t.Sub(c.Complete), 0)
	e.First = max(c.First.Sub(c.Complete), 0)
}

// settle draws the consequences of a command that was answered.
func (s *session) settle(t time.Time, p pending, ok bool) {
	name := p.code & codeName
	switch name {
	case codeUser:
		s.conduct.named = ok
	case codePass, codeApop:
		s.conduct.named = false
		if ok {
			s.login(t)
		}
	case codeAuth:
		if p.code&codeSASL == 0 {
			break
		}
		s.challenged, s.doubtful, s.conduct.named = false, false, false
		if ok {
			s.login(t)
			if s.queue.len() == 0 && p.cmd != nil {
				s.afterAuth = &p
			}
		}
	case codeStls:
		s.tlsDue = s.tlsDue || ok
		s.conduct.refused = s.conduct.refused || !ok && !s.tls
	case codeDele:
		if ok {
			s.drop.mark(p.number)
		}
	case codeRset:
		if ok {
			s.drop.unmark()
		}
	}
	switch name {
	case codeStat, codeList, codeRetr, codeDele, codeRset, codeTop, codeUidl:
		// RFC 1939 §5: these are of the TRANSACTION state.
		if ok && (s.state == decode.NoState || s.state == decode.Authorization) {
			s.enter(t, decode.Transaction)
		}
	}
	if !s.secretive() {
		s.echo.Reset()
	}
}

// login enters the TRANSACTION state (RFC 1939 §4).
func (s *session) login(t time.Time) {
	if s.state != decode.Transaction && s.state != decode.Update {
		s.enter(t, decode.Transaction)
	}
}
