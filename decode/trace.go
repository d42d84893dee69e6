package decode

import (
	"strconv"
	"time"
)

// TraceOptions configure a Trace.
type TraceOptions struct {
	Options
	Conn      int
	Origin    Origin     // FromProxy for the proxy's own exchange with an upstream
	Protocol  *Protocol  // nil: told by the greeting, among Protocols
	Protocols []Protocol // usually registry.All
	// Keep, where set, is told every mark that a recorder must keep to tell the same
	// story again: those given to Trace.Mark, and those the trace came to by itself.
	Keep func(Mark)
	// Wrap, where set, wraps every new session inside its Guard (tests break decoders so).
	Wrap func(Session) Session
}

// Trace follows one connection from its first octet to its end and gives its events
// in order. It is not safe for use from two goroutines at once.
//
//	undecided ──greeting──► decoding ──TLSHere, Resume(Terminated)──► decoding
//	    │                      │
//	    └──no mail protocol────┴──panic, ciphertext──► opaque
type Trace struct {
	o        TraceOptions
	protocol *Protocol
	session  *guard
	opaque   bool
	opened   time.Time
	totals   Totals
	mailbox  string   // selected
	octets   [3]int64 // by Dir; opaque octets included
	closed   [3]bool
	held     []heldOctets // before the protocol is known
	heldSize int
	events   []Event
}

type heldOctets struct {
	dir  Dir
	time time.Time
	p    []byte
	gap  int64 // octets that are missing, instead of p
}

// undecidedLimit bounds what is held of a connection whose protocol is not known yet.
const undecidedLimit = 4 << 10

// NewTrace begins to follow a connection.
func NewTrace(o TraceOptions) *Trace {
	t := &Trace{o: o}
	if o.Protocol != nil {
		t.begin(o.Protocol)
	}
	return t
}

// Protocol is what the connection speaks, nil while that is not known.
func (t *Trace) Protocol() *Protocol { return t.protocol }

// Opaque tells whether octets are no longer decoded.
func (t *Trace) Opaque() bool { return t.opaque }

func (t *Trace) begin(p *Protocol) {
	t.protocol = p
	s := p.New(t.o.Options)
	if t.o.Wrap != nil {
		s = t.o.Wrap(s)
	}
	t.session = newGuard(s)
}

// Write takes the next octets of one direction. The results are those of Session.Write;
// the events are valid until the next call.
func (t *Trace) Write(d Dir, at time.Time, p []byte) (n int, next Next, events []Event) {
	if t.opaque {
		t.octets[d] += int64(len(p))
		return len(p), Continue, nil
	}
	if t.session == nil {
		return t.undecided(d, at, p)
	}
	n, next, events = t.write(d, at, p)
	return n, next, t.finish(events)
}

// write counts what it gives to the session: octets of the cleartext stream.
func (t *Trace) write(d Dir, at time.Time, p []byte) (n int, next Next, events []Event) {
	before, counts := t.session.octets(d)
	n, next, events = t.session.Write(d, at, p)
	after, still := t.session.octets(d)
	counted := after - before
	for i := range events {
		if events[i].Kind == Opaque { // the session gave up in the midst of p
			counted = max(counted, int64(n))
		}
	}
	if counts && still {
		t.octets[d] += counted
	} else {
		t.octets[d] += int64(n)
	}
	return n, next, events
}

// undecided holds octets until the server's first ones tell the protocol.
func (t *Trace) undecided(d Dir, at time.Time, p []byte) (int, Next, []Event) {
	t.held = append(t.held, heldOctets{dir: d, time: at, p: append([]byte(nil), p...)})
	t.heldSize += len(p)
	var greeting []byte
	for _, h := range t.held {
		if h.dir == Server {
			greeting = append(greeting, h.p...)
		}
	}
	undecided := false
	for i := range t.o.Protocols {
		yes, more := t.o.Protocols[i].Greets(greeting)
		if yes {
			return t.decided(&t.o.Protocols[i], len(p))
		}
		undecided = undecided || more
	}
	if undecided && t.heldSize+len(t.held) <= undecidedLimit {
		return len(p), Continue, nil
	}
	return len(p), Continue, t.goOpaque(at, d, "the server's first octets are no mail protocol")
}

// heldOf tells how many octets of a direction are held.
func (t *Trace) heldOf(d Dir) (n int64) {
	for _, h := range t.held {
		if h.dir == d {
			n += int64(len(h.p))
		}
	}
	return n
}

// giveUp counts what is held, since no session will see it.
func (t *Trace) giveUp() {
	for _, h := range t.held {
		t.octets[h.dir] += int64(len(h.p))
	}
	t.held = nil
}

func (t *Trace) decided(p *Protocol, last int) (n int, next Next, _ []Event) {
	t.begin(p)
	held := t.held
	t.held = nil
	var all []Event
	add := func(events []Event) {
		for j := range events {
			all = append(all, events[j].Clone())
		}
	}
	for i, h := range held {
		if h.gap != 0 {
			add(t.session.Gap(h.dir, h.time, h.gap))
			continue
		}
		k, nx, events := t.write(h.dir, h.time, h.p)
		add(events)
		if i == len(held)-1 {
			last, next = k, nx
			break
		}
		if k < len(h.p) {
			// TLS before the greeting. Its octets were forwarded long ago, so that it is between the
			// client and the server alone.
			add(t.session.Resume(Ciphertext, h.time))
			t.held = append([]heldOctets{{dir: h.dir, time: h.time, p: h.p[k:]}}, held[i+1:]...)
			break
		}
	}
	for _, d := range [...]Dir{Client, Server} {
		if t.closed[d] {
			add(t.session.Close(d, held[len(held)-1].time))
		}
	}
	return last, next, t.finish(all)
}

func (t *Trace) goOpaque(at time.Time, d Dir, reason string) []Event {
	return t.finish([]Event{{
		Time: at, Dir: d, Kind: Opaque, Text: []byte(reason), Detail: Fields{{"reason", reason}},
	}})
}

// finish puts on each event what only the trace knows, counts it, and tells the
// recorder what no octet will tell again.
func (t *Trace) finish(events []Event) []Event {
	for i := range events {
		e := &events[i]
		e.Conn, e.Origin = t.o.Conn, max(e.Origin, t.o.Origin)
		if t.protocol != nil {
			e.Protocol = t.protocol.Name
		}
		switch e.Kind {
		case CommandLine:
			t.totals.Commands++
		case StateChange:
			t.totals.LastState, t.mailbox = e.State, e.Mailbox
		case Opaque, Desync:
			// From a capture it comes of a mark, which knows neither.
			e.State, e.Mailbox = t.totals.LastState, t.mailbox
			if e.Kind == Opaque && !t.opaque {
				t.opaque = true
				t.giveUp()
				t.stop()
			}
			// What no octet of the capture will tell again, as a gap or nonsense would.
			if f, ok := e.Detail.(Fields); ok && (e.Kind == Opaque || f.Get("reason") == stopped) {
				f = append(Fields(nil), f...)
				t.keep(Mark{Time: e.Time, Kind: e.Kind, Dir: e.Dir, Fields: f.With("text", string(e.Text))})
			}
		}
		for _, f := range e.Findings {
			t.count(f.Severity)
		}
	}
	return events
}

// Pending gives the octets of d that belong to an unfinished line, literal or body.
func (t *Trace) Pending(d Dir) int64 {
	if t.session == nil || t.opaque {
		return 0
	}
	_, octets := t.session.Pending(d)
	return octets
}

// stop gives back what the session holds.
func (t *Trace) stop() {
	if t.session != nil {
		t.session.Stop()
	}
}

func (t *Trace) count(s Severity) {
	switch s {
	case Error:
		t.totals.Errors++
	case Warning:
		t.totals.Warnings++
	case Note:
		t.totals.Notes++
	}
}

func (t *Trace) keep(m Mark) {
	if t.o.Keep != nil {
		t.o.Keep(m)
	}
}

// Resume says how the connection goes on after TLSHere, where no TLS mark does.
func (t *Trace) Resume(how Resume, at time.Time) []Event {
	if t.session == nil || t.opaque {
		return nil
	}
	return t.finish(t.session.Resume(how, at))
}

// Gap says that n octets of one direction are missing (n < 0: an unknown number).
func (t *Trace) Gap(d Dir, at time.Time, n int64) []Event {
	if n > 0 {
		t.octets[d] += n
	}
	if t.opaque {
		return nil
	}
	if t.session == nil {
		t.held = append(t.held, heldOctets{dir: d, time: at, gap: n})
		return nil
	}
	return t.finish(t.session.Gap(d, at, n))
}

// Mark takes what no octet carries and gives its events. A successful TLS mark that
// includes the client's leg, or names none, resumes a session that waits for it; an Opaque mark ends
// decoding; a Close mark ends one direction, or without Dir the connection.
func (t *Trace) Mark(m Mark) []Event {
	t.events = t.events[:0]
	e := Event{Time: m.Time, Kind: m.Kind, Dir: m.Dir, State: t.totals.LastState, Detail: m.Fields}
	switch m.Kind {
	case Open:
		t.opened = m.Time
		if m.Fields.Get("upstream") != "" && m.Fields.Get("listen") == "" && t.octets == [3]int64{} {
			// A client of ours: nobody listens in between.
			if t.o.Direct = true; t.session != nil && !t.opaque {
				t.begin(t.protocol)
			}
		}
	case Edit:
		e.Origin = FromProxy
	case TLS:
		if m.Fields.Get("error") == "" && m.Fields.Get("leg") != "server" {
			t.keep(m)
			t.o.TLS = true
			t.add(e)
			if t.session != nil && !t.opaque {
				t.add(t.session.Resume(Terminated, m.Time)...)
			} else if t.protocol != nil && !t.opaque {
				t.begin(t.protocol)
			}
			return t.finish(t.events)
		}
	case Opaque, Desync:
		if t.opaque && (m.Kind == Opaque || m.Fields.Get("reason") == stopped) {
			return nil // what a capture says, and this decoder came to by itself
		}
		e.Text = []byte(m.Fields.Get("text"))
		e.Detail = m.Fields.without("text")
		t.add(e)
		if m.Kind == Desync && m.Fields.Get("reason") != stopped {
			t.keep(m)
		}
		return t.finish(t.events) // which keeps the other marks
	case FindingOnly:
		f := Finding{ID: m.Fields.Get("id"), Ref: m.Fields.Get("ref"), Text: m.Fields.Get("text"), Dir: m.Dir}
		for s := Note; s <= Error; s++ {
			if s.String() == m.Fields.Get("severity") {
				f.Severity = s
			}
		}
		e.Findings = []Finding{f}
	case Close:
		return t.end(m)
	}
	t.keep(m)
	t.add(e)
	return t.finish(t.events)
}

func (t *Trace) add(events ...Event) { t.events = append(t.events, events...) }

func (t *Trace) end(m Mark) []Event {
	m = t.unseen(m)
	for _, d := range [...]Dir{Client, Server} {
		if (m.Dir == d || m.Dir == NoDir) && !t.closed[d] {
			t.closed[d] = true
			if t.session != nil && !t.opaque {
				_, pending := t.session.Pending(d) // closing ends what is unfinished
				from := len(t.events)
				for _, e := range t.session.Close(d, m.Time) {
					t.add(e.Clone())
				}
				t.finish(t.events[from:])
				if t.opaque { // it panicked: a capture will not have what it held
					m, pending = t.unseen(m), 0
				}
				t.totals.PendingOctets += pending
			}
			t.add(Event{Time: m.Time, Kind: Close, Dir: d, State: t.totals.LastState, Span: Span{0, t.octets[d] + t.heldOf(d)}})
			t.finish(t.events[len(t.events)-1:])
		}
	}
	ended := len(t.events)
	if m.Dir != NoDir {
		t.keep(m)
		return t.events
	}
	t.keep(m)
	t.totals.PendingOctets += t.heldOf(Client) + t.heldOf(Server)
	t.giveUp()
	tot := t.totals
	tot.ClientOctets, tot.ServerOctets = t.octets[Client], t.octets[Server]
	if !t.opened.IsZero() {
		tot.Duration = m.Time.Sub(t.opened)
	}
	tot.ClosedBy, tot.Reason = m.Fields.Get("by"), m.Fields.Get("reason")
	if t.session != nil && !t.opaque {
		tot.Unanswered, _ = t.session.Pending(Client)
	}
	t.stop()
	t.add(Event{
		Time: m.Time, Kind: Close, State: tot.LastState, Detail: &CloseDetail{Totals: tot, Fields: m.Fields},
	})
	t.finish(t.events[ended:])
	return t.events
}

// unseen puts the octets of an opaque connection, which no capture holds, into the mark
// that ends it, or takes them from there.
func (t *Trace) unseen(m Mark) Mark {
	if !t.opaque {
		return m
	}
	for _, d := range [...]Dir{Client, Server} {
		key := "octets-" + d.String()
		if n, err := strconv.ParseInt(m.Fields.Get(key), 10, 64); err == nil {
			t.octets[d] = n
		} else if m.Dir == d || m.Dir == NoDir {
			m.Fields = append(Fields(nil), m.Fields...).With(key, strconv.FormatInt(t.octets[d], 10))
		}
	}
	return m
}

// CloseDetail is the Detail of a connection's last event.
type CloseDetail struct {
	Totals
	Fields Fields // the mark's: by, reason, error, hint
}
