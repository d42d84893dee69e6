package imap

import (
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap/meaning"
	"github.com/mailtrace/mailtrace/decode/internal/fragment"
	"github.com/mailtrace/mailtrace/decode/internal/inflate"
	"github.com/mailtrace/mailtrace/decode/internal/redact"
	"github.com/mailtrace/mailtrace/decode/mime"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// session decodes both directions of one IMAP connection.
type session struct {
	o       decode.Options
	events  []decode.Event
	known   int     // of them, how many the analyst saw
	analyst analyst // nil once it failed

	client side
	server side

	state      decode.State
	greeted    bool // a greeting came and the first command ends the greetings
	spoken     bool // the client sent a command
	tls        bool
	opaque     bool
	pending    queue
	cur        *pending // the command whose lines are being read, nil between commands
	starttls   *pending // a STARTTLS that is unanswered
	tlsDue     bool     // STARTTLS was accepted and Resume was not called yet
	early      []early  // completions that came before their command was whole
	echo       redact.Echo
	secret     bool   // a secret is under way: server lines are held
	secretAt   uint64 // the number of the command that was the last one when it came
	stray      bool   // a secret stood where no command can be answered for it
	doubt      doubt
	auth       *pending // the oldest AUTHENTICATE under way
	idle       *pending // an IDLE under way
	compressed bool     // COMPRESS=DEFLATE is in force
	announced  bool     // the first greeting came
	caps       map[string]bool
	mailbox    mailbox
	joiner     mime.Joiner
	told       map[*rules.Rule]int // findings about messages
	details    []LiteralDetail     // allocated, not yet used
	grow       int                 // how many were allocated last
	detail     LiteralDetail       // of the server's literal at hand, where nobody sees it
	result     Result              // of the completion at hand, where nobody sees it
	volatile   bool                // texts do not outlive the write: they must be copied
}

// side is one direction.
type side struct {
	dir      decode.Dir
	lines    fragment.Lines
	off      int64 // of the next octet
	last     time.Time
	literal  literal
	inflater *inflate.Inflater
	ending   *inflate.Inflater // of compression that has ended, in the midst of a block
	drain    int               // octets that may still belong to the flush behind ended compression
	resync   bool              // octets were lost: skip lines until one makes sense
	injected bool              // the unfinished line began where TLS should have
	long     bool              // the unfinished line passed Limits.Line and a finding said so
	from     int64             // offset of the unfinished line's first octet
	ended    bool
	tap      tap
	rest     string // response name that continues behind a literal, "" otherwise
	restOf   *decode.Command
	piece    mime.Key // whose piece may follow: the message of the FETCH response under way
	kept     int      // octets of text that the events of the logical line carry so far
}

// early is a completion whose command was not whole when it came.
type early struct {
	tag string
	ok  bool
}

// New gives a session that stands before the greeting.
func New(o decode.Options) decode.Session {
	o.Limits = o.Limits.WithDefaults()
	o.Bare = o.Bare || o.Unseen
	s := &session{o: o, state: decode.NotAuthenticated, tls: o.TLS, greeted: o.Mid, doubt: wary}
	if o.Mid {
		s.state, s.doubt = decode.NoState, noDoubt
		s.client.resync, s.server.resync = true, true // the first line may be the end of one
	}
	s.joiner.Limits = o.Limits
	s.server.literal.scanner.Unseen, s.client.literal.scanner.Unseen = o.Unseen, o.Unseen
	s.client.dir, s.server.dir = decode.Client, decode.Server
	s.client.lines.Max, s.server.lines.Max = o.Limits.Line, o.Limits.Line
	s.pending.max = o.Limits.Commands
	s.analyst = meaning.New(o)
	return s
}

func (s *session) side(d decode.Dir) *side {
	if d == decode.Client {
		return &s.client
	}
	return &s.server
}

// Write implements decode.Session.
func (s *session) Write(d decode.Dir, t time.Time, p []byte) (int, decode.Next, []decode.Event) {
	s.events = s.events[:0]
	x := s.side(d)
	x.last = t
	if s.opaque {
		return len(p), decode.Continue, nil
	}
	if x.inflater != nil {
		s.inflate(x, t, p)
		return len(p), decode.Continue, s.analysed()
	}
	if x.ending != nil {
		rest, done := x.ending.Finish(p)
		if !done {
			return len(p), decode.Continue, s.analysed()
		}
		x.ending = nil
		taken := len(p) - len(rest)
		drained := x.drained(rest)
		n, next := s.from(x, t, rest[drained:])
		return taken + drained + n, next, s.analysed()
	}
	drained := x.drained(p)
	n, next := s.from(x, t, p[drained:])
	return drained + n, next, s.analysed()
}

// inflate decodes what p decompresses to. Under compression nothing parks: STARTTLS
// behind it is not to be (RFC 4978 §3).
func (s *session) inflate(x *side, t time.Time, p []byte) {
	s.volatile = true
	defer func() { s.volatile = false }()
	z := x.inflater
	err := z.Push(p, func(clear []byte) bool {
		for len(clear) > 0 && x.inflater == z && !s.opaque {
			n, _ := s.from(x, t, clear)
			if n == 0 {
				n = len(clear) // what a park would leave is taken all the same
			}
			clear = clear[n:]
		}
		return x.inflater == z && !s.opaque
	})
	switch {
	case s.opaque:
	case x.inflater == nil:
		// RFC 8437 §4.1: UNAUTHENTICATE ended compression behind this line.
		// Its block ends the stream: where the octets were cut must not matter.
		x.drain = 8
		rest, done := z.Finish(z.Rest())
		if !done {
			x.ending = z
			return
		}
		s.from(x, t, rest[x.drained(rest):])
	case err != nil:
		x.inflater = nil
		s.goOpaque(t, x.dir, "the compressed stream is broken: "+err.Error())
	}
}

// drained tells how many octets of p belong to the flush behind compressed data that
// has ended: an empty block, none of whose octets could begin a line.
func (x *side) drained(p []byte) int {
	n := 0
	for x.drain > 0 && n < len(p) {
		if p[n] > ' ' && p[n] < 0x7f {
			x.drain = 0
			break
		}
		x.drain--
		n++
	}
	return n
}

func (s *session) from(x *side, t time.Time, p []byte) (int, decode.Next) {
	if x.dir == decode.Client {
		return s.fromClient(t, p)
	}
	return s.fromServer(t, p)
}

// Resume implements decode.Session.
func (s *session) Resume(how decode.Resume, t time.Time) []decode.Event {
	s.events = s.events[:0]
	if s.opaque {
		return nil
	}
	if how == decode.Ciphertext {
		s.goOpaque(t, decode.NoDir, "TLS that was not intercepted")
		return s.analysed()
	}
	began := s.client.off+s.server.off > 0
	s.cur = nil
	s.tls, s.tlsDue, s.starttls = true, false, nil
	s.caps = nil // RFC 9051 §6.2.1: what was known of the server is discarded
	if s.analyst != nil {
		s.analyst.Secured()
	}
	for _, x := range [...]*side{&s.client, &s.server} {
		if x.literal.active {
			x.literal.damaged = true
			s.endLiteral(x, t)
		}
		x.rest, x.restOf, x.resync = "", nil, false
		if kept, n := x.lines.Held(); n > 0 {
			first := len(s.events)
			s.endInMidLine(x, t, kept, n, "TLS begins in the middle of a line")
			x.injected = true
			s.injection(x, first, decode.Span{Off: x.from, Len: n})
		}
		x.injected = false
	}
	if began && s.state == decode.NotAuthenticated {
		s.enter(t, decode.NotAuthenticated)
	}
	return s.analysed()
}

// Gap implements decode.Session.
func (s *session) Gap(d decode.Dir, t time.Time, n int64) []decode.Event {
	s.events = s.events[:0]
	x := s.side(d)
	if s.opaque {
		return nil
	}
	if kept, octets := x.lines.Held(); octets > 0 {
		s.endInMidLine(x, t, kept, octets, "octets are missing inside the line")
	}
	e := s.event(t, d, decode.Desync)
	e.Span = decode.Span{Off: x.off, Len: max(n, 0)}
	e.Text = []byte("octets are missing here; decoding goes on with the next line that makes sense")
	if x.inflater != nil {
		x.stop()
		s.goOpaque(t, d, "octets of a compressed stream are missing")
		return s.analysed()
	}
	if n > 0 {
		x.off += n
	}
	if n > 0 && x.literal.left >= n && x.literal.active {
		x.literal.left -= n
		x.literal.damaged = true
		if x.literal.left == 0 {
			s.endLiteral(x, t)
		}
		return s.analysed()
	}
	if x.literal.active {
		x.literal.damaged = true
		s.endLiteral(x, t)
	}
	x.resync, x.rest, x.restOf = true, "", nil
	if d == decode.Server {
		s.mailbox.known = false
	} else {
		if s.doubt > noDoubt { // what is missing may be a login
			s.remembered()
			s.stray = true
			s.echo.All()
		}
		s.cur, s.doubt = nil, suspicious
	}
	return s.analysed()
}

// Close implements decode.Session.
func (s *session) Close(d decode.Dir, t time.Time) []decode.Event {
	s.events = s.events[:0]
	x := s.side(d)
	defer x.stop()
	if s.opaque || x.ended {
		return nil
	}
	x.ended = true
	if x.literal.active {
		s.endLiteral(x, t)
	} else if kept, n := x.lines.Held(); n > 0 {
		s.endInMidLine(x, t, kept, n, "the stream ended in the middle of a line")
	}
	s.analysed()
	if s.client.ended && s.server.ended {
		s.conclude(t)
	}
	return s.events
}

// endInMidLine makes an event of a line that never got its end.
func (s *session) endInMidLine(x *side, t time.Time, kept []byte, n int64, reason string) {
	text := append([]byte(nil), kept[:min(len(kept), s.o.Limits.Line)]...)
	switch {
	case s.o.Secrets || x.tap.passing:
	case x.dir == decode.Client:
		redact.Blank(text)
		s.remembered()
		s.stray = true
		s.rememberWords(kept)
	case x.tap.holding:
		redact.Blank(text[min(x.tap.clear, len(text)):])
	case x.tap.filling:
		redact.Blank(text[min(x.tap.from, len(text)):])
	}
	s.flushHeld(x, t)
	x.lines.Drop()
	if n > int64(s.o.Limits.Line)+2 {
		s.tooLong(x, t)
	}
	x.long = false
	e := s.event(t, x.dir, decode.Malformed)
	e.Text = text
	e.Span = decode.Span{Off: x.from, Len: n}
	e.Detail = decode.Fields{{Key: "reason", Value: reason}}
}

// Octets implements decode.Counter.
func (s *session) Octets(d decode.Dir) int64 { return s.side(d).off }

// Stop implements decode.Stopper.
func (s *session) Stop() {
	s.client.stop()
	s.server.stop()
}

// Pending implements decode.Session.
func (s *session) Pending(d decode.Dir) (int, int64) {
	x := s.side(d)
	if x.literal.active {
		return s.pending.len(), x.literal.spec.Octets - x.literal.left
	}
	_, n := x.lines.Held()
	return s.pending.len(), n
}

func (x *side) stop() { x.inflater, x.ending = nil, nil }

// event appends an event and gives it to be filled in. The pointer is good until the next
// one is appended.
func (s *session) event(t time.Time, d decode.Dir, k decode.Kind) *decode.Event {
	s.events = append(s.events, decode.Event{Time: t, Dir: d, Kind: k, State: s.state, Mailbox: s.mailbox.name})
	return &s.events[len(s.events)-1]
}

func (s *session) goOpaque(t time.Time, d decode.Dir, reason string) {
	s.opaque = true
	e := s.event(t, d, decode.Opaque)
	e.Text = []byte(reason)
	e.Detail = decode.Fields{{Key: "reason", Value: reason}}
	s.echo.Reset()
	s.client.stop()
	s.server.stop()
}

// finding puts a finding on the event that was appended last.
func (s *session) finding(f decode.Finding) {
	e := &s.events[len(s.events)-1]
	e.Findings = append(e.Findings, f)
}

// text gives a text that is valid until the next call of the session.
func (s *session) text(p []byte) []byte {
	if s.volatile {
		return append([]byte(nil), p...)
	}
	return p
}
