package pop3

import (
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/internal/fragment"
	"github.com/mailtrace/mailtrace/decode/internal/redact"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// session decodes both directions of one POP3 connection.
type session struct {
	o      decode.Options
	events []decode.Event
	arena  []byte // filled texts of this call

	client client
	server server
	multi  multi

	state   decode.State
	greeted bool
	tls     bool
	opaque  bool

	queue   queue
	secrets int // commands among them that held something to fill
	auths   int // AUTH exchanges among them
	stls    int // STLS among them: the client is parked

	challenged bool     // "+" came: the next client line is a response
	doubtful   bool     // QUIRK: what challenged was +OK where "+ " is due
	afterAuth  *pending // QUIRK: its +OK may have stood for "+ "
	tlsDue     bool     // STLS was accepted and Resume was not called yet
	early      *early   // the reply to the unfinished client line
	echo       redact.Echo

	asked      bool // CAPA was sent before TLS began
	askAnew    bool // and has to be sent again
	caps       []string
	mechanisms []string // of CAPA's SASL, or of the list that AUTH without argument gave
	drop       maildrop
	conduct    conduct
}

// early is a status line that came before its command was whole.
type early struct{ ok bool }

// holdLimit bounds how much of a client line is held until it is known whether it is
// harmless. RFC 2449 §4 allows commands of 255 octets.
const holdLimit = 16 << 10

// New gives a session that stands before the greeting.
func New(o decode.Options) decode.Session { return newSession(o) }

func newSession(o decode.Options) *session {
	o.Limits = o.Limits.WithDefaults()
	o.Bare = o.Bare || o.Unseen
	s := &session{o: o, state: decode.Authorization, tls: o.TLS}
	s.client.lines = fragment.Lines{Max: o.Limits.Line}
	s.server.lines = fragment.Lines{Max: o.Limits.Line}
	s.drop.forget()
	s.conduct.unsure = o.Mid
	s.queue.max, s.queue.limit = o.Limits.Commands, o.Limits.Queue
	if o.Mid {
		s.greeted, s.client.resync, s.server.resync = true, true, true
		s.state = decode.NoState
	}
	return s
}

// Write implements decode.Session.
func (s *session) Write(d decode.Dir, t time.Time, p []byte) (int, decode.Next, []decode.Event) {
	s.begin()
	if s.opaque {
		if d == decode.Server && s.stls > 0 {
			s.stls = 0
			return len(p), decode.Release, nil
		}
		return len(p), decode.Continue, nil
	}
	if d == decode.Client {
		n := s.fromClient(t, p)
		switch {
		case s.opaque:
		case s.tlsDue:
			return n, decode.TLSHere, s.events
		case s.stls > 0:
			return n, decode.Park, s.events
		}
		return n, decode.Continue, s.events
	}
	parked := s.stls > 0
	n := s.fromServer(t, p)
	switch {
	case s.tlsDue:
		return n, decode.TLSHere, s.events
	case parked && s.stls == 0:
		return n, decode.Release, s.events
	}
	return n, decode.Continue, s.events
}

func (s *session) begin() {
	s.events = s.events[:0]
	if cap(s.arena) > 1<<20 {
		s.arena = nil
	}
	s.arena = s.arena[:0]
}

// Resume implements decode.Session.
func (s *session) Resume(how decode.Resume, t time.Time) []decode.Event {
	s.begin()
	if s.opaque {
		return nil
	}
	if how == decode.Ciphertext {
		s.goOpaque(t, decode.NoDir, "TLS that was not intercepted", "")
		return s.events
	}
	began := s.client.off+s.server.off > 0
	s.flushClient(t)
	s.flushServer(t)
	s.tls, s.tlsDue, s.stls, s.secrets, s.auths = true, false, 0, 0, 0
	s.challenged, s.doubtful, s.afterAuth, s.early = false, false, nil, nil
	s.queue.reset()
	s.conduct.users = 0
	s.echo.Reset()
	s.multi.drop()
	if began {
		s.conduct.underTLS(s)
	}
	// RFC 2595 §4: what the client knows of the server's capabilities is to be discarded.
	s.askAnew, s.asked = s.asked, false
	if began {
		s.enter(t, decode.Authorization)
	}
	return s.events
}

// Gap implements decode.Session.
func (s *session) Gap(d decode.Dir, t time.Time, n int64) []decode.Event {
	s.begin()
	if s.opaque {
		return nil
	}
	s.conduct.unsure = true
	if d == decode.Client {
		s.flushClient(t)
		s.early, s.client.resync = nil, true
		s.desync(t, d, decode.Span{Off: s.client.off, Len: max(n, 0)}, "octets are missing here; decoding goes on with the next known command")
		s.client.off += max(n, 0)
		return s.events
	}
	s.flushServer(t)
	if s.multi.active {
		s.breakOff(t)
	}
	s.server.resync, s.server.gap = true, true
	s.desync(t, d, decode.Span{Off: s.server.off, Len: max(n, 0)}, "octets are missing here; decoding goes on with the next status line")
	s.server.off += max(n, 0)
	return s.events
}

func (s *session) desync(t time.Time, d decode.Dir, span decode.Span, text string) {
	e := s.event(t, d, decode.Desync)
	e.Span, e.Text = span, []byte(text)
}

// Close implements decode.Session.
func (s *session) Close(d decode.Dir, t time.Time) []decode.Event {
	s.begin()
	if s.opaque {
		return nil
	}
	if d == decode.Client {
		if s.client.lines.Empty() {
			return nil
		}
		text := s.textOfClientPart()
		_, n := s.client.lines.Held()
		span := decode.Span{Off: s.client.from, Len: n}
		s.flushClient(t)
		s.malformed(t, d, text, span, "the stream ended in the middle of a line")
		return s.events
	}
	if s.multi.active {
		s.endAtClose(t)
		s.endDeletions(t)
		return s.events
	}
	if !s.server.lines.Empty() {
		text := s.textOfServerPart()
		_, n := s.server.lines.Held()
		span := decode.Span{Off: s.server.from, Len: n}
		s.flushServer(t)
		s.malformed(t, d, text, span, "the stream ended in the middle of a line")
	}
	s.endDeletions(t)
	return s.events
}

// Pending implements decode.Session.
func (s *session) Pending(d decode.Dir) (int, int64) {
	if d == decode.Client {
		_, n := s.client.lines.Held()
		return s.queue.len(), n
	}
	_, n := s.server.lines.Held()
	if s.multi.active {
		n = s.server.off + n + int64(s.multi.stuffing.Held()) - s.multi.from
	}
	waiting := s.queue.len()
	if s.multi.active {
		waiting++
	}
	return waiting, n
}

// event appends an event and gives it to be filled in. The pointer is good until the
// next one is appended.
func (s *session) event(t time.Time, d decode.Dir, k decode.Kind) *decode.Event {
	s.events = append(s.events, decode.Event{Time: t, Dir: d, Kind: k, State: s.state})
	return &s.events[len(s.events)-1]
}

// lasting gives a line's text that is valid until the next call. What was gathered from
// pieces, or was too long, lies in a buffer that a line behind it uses again.
func (s *session) lasting(text []byte, before int64, n int) []byte {
	if before > 0 || n > s.o.Limits.Line {
		return s.copied(text)
	}
	return text
}

func (s *session) malformed(t time.Time, d decode.Dir, text []byte, span decode.Span, reason string) *decode.Event {
	e := s.event(t, d, decode.Malformed)
	e.Text, e.Span, e.Detail = text, span, decode.Fields{{Key: "reason", Value: reason}}
	return e
}

// goOpaque gives up decoding. The octets that led to it do not go to the recorder: a
// capture could not tell the same from them, and keeps the event itself.
func (s *session) goOpaque(t time.Time, d decode.Dir, reason, hint string) {
	s.opaque = true
	e := s.event(t, d, decode.Opaque)
	e.Text = []byte(reason)
	e.Detail = decode.Fields{{Key: "reason", Value: reason}}.With("hint", hint)
	s.echo.Reset()
}

// enter makes the event of a state that was entered.
func (s *session) enter(t time.Time, state decode.State) {
	s.state = state
	d := &Entered{TLS: s.tls}
	if state == decode.Update {
		d.Deleted = s.drop.marked
	}
	s.event(t, decode.NoDir, decode.StateChange).Detail = d
}

// enterUpdate enters the UPDATE state, where QUIT is what the server deals with next
// (RFC 1939 §6).
func (s *session) enterUpdate(t time.Time) {
	if s.state != decode.Transaction || s.multi.active {
		return
	}
	if p, ok := s.queue.head(); ok && p.code.is(codeQuit) {
		s.enter(t, decode.Update)
	}
}

// injected puts on the first event of a line that it stands, in the clear, where TLS has
// to begin.
func (s *session) injected(first int, d decode.Dir) {
	if first >= len(s.events) {
		return
	}
	e := &s.events[first]
	r := rules.CommandInjection
	if d == decode.Server {
		r = rules.ResponseInjection
	}
	s.find(e, r, d, e.Span, "")
}
