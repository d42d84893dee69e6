package decode

import (
	"fmt"
	"time"
)

// Guard wraps a session so that a panic in it becomes a Desync event followed by
// Opaque. From then on the octets of both directions are taken unseen, nothing parks,
// and nothing more goes to the recorder. A session that breaks the contract of Write (it took
// more than it was given, or less without saying what for) is treated alike.
func Guard(s Session) Session { return newGuard(s) }

func newGuard(s Session) *guard {
	g := &guard{inner: s}
	g.counter, _ = s.(Counter)
	return g
}

// stopped is the reason of the events that follow a panic.
const stopped = "decoder stopped"

type guard struct {
	inner   Session
	counter Counter // inner, where it is one
	parked  bool    // a Park was returned and neither TLSHere nor Release followed
	broken  bool
}

func (g *guard) rescue(t time.Time, d Dir, events *[]Event) {
	r := recover()
	if r == nil {
		return
	}
	g.broken = true
	g.Stop()
	text := fmt.Appendf(nil, "decoder stopped: %v", r)
	*events = []Event{
		{Time: t, Dir: d, Kind: Desync, Text: text, Detail: Fields{{"reason", stopped}}},
		{Time: t, Dir: d, Kind: Opaque, Text: []byte("octets go on untouched and undecoded"), Detail: Fields{{"reason", stopped}}},
	}
}

// Stop implements Stopper.
func (g *guard) Stop() {
	defer func() { _ = recover() }() // it may be what broke
	if s, ok := g.inner.(Stopper); ok {
		s.Stop()
	}
}

func (g *guard) Write(d Dir, t time.Time, p []byte) (n int, next Next, events []Event) {
	if g.broken {
		return len(p), g.release(Continue), nil
	}
	defer func() {
		if g.broken {
			n, next = len(p), g.release(Continue)
		}
	}()
	defer g.rescue(t, d, &events)
	n, next, events = g.inner.Write(d, t, p)
	if n < 0 || n > len(p) || n < len(p) && next != Park && next != TLSHere {
		panic(fmt.Sprintf("it took %d of %d octets", n, len(p)))
	}
	switch next {
	case Park:
		g.parked = true
	case TLSHere, Release:
		g.parked = false
	}
	return n, next, events
}

func (g *guard) release(otherwise Next) Next {
	if g.parked {
		g.parked = false
		return Release
	}
	return otherwise
}

func (g *guard) Resume(how Resume, t time.Time) (events []Event) {
	if g.broken {
		return nil
	}
	defer g.rescue(t, NoDir, &events)
	return g.inner.Resume(how, t)
}

func (g *guard) Gap(d Dir, t time.Time, n int64) (events []Event) {
	if g.broken {
		return nil
	}
	defer g.rescue(t, d, &events)
	return g.inner.Gap(d, t, n)
}

func (g *guard) Close(d Dir, t time.Time) (events []Event) {
	if g.broken {
		return nil
	}
	defer g.rescue(t, d, &events)
	return g.inner.Close(d, t)
}

// octets asks the session for what a Counter tells.
func (g *guard) octets(d Dir) (n int64, ok bool) {
	if g.counter == nil || g.broken {
		return 0, false
	}
	return g.counter.Octets(d), true
}

func (g *guard) Pending(d Dir) (commands int, octets int64) {
	if g.broken {
		return 0, 0
	}
	var events []Event
	defer g.rescue(time.Time{}, d, &events)
	return g.inner.Pending(d)
}
