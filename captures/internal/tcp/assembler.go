package tcp

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// What an Assembler remembers.
const (
	mostConns   = 1 << 16
	mostHeldAll = 64 << 20
	sweepEvery  = 4096 // records
	sweepAfter  = time.Second
)

// Assembler follows all connections of a capture. It is not safe for use from two
// goroutines at once.
type Assembler struct {
	sink    Sink
	conns   map[key]*Conn
	newest  *Conn
	oldest  *Conn
	waiting []*Conn // those with queues, and some that had some
	held    int
	frags   fragments
	ids     int64
	now     time.Time
	swept   time.Time
	records int64
}

type key struct{ a, b netip.AddrPort }

// keyOf is the same for both directions.
func keyOf(a, b netip.AddrPort) key {
	if a.Compare(b) > 0 {
		return key{b, a}
	}
	return key{a, b}
}

// New gives an Assembler that tells sink.
func New(sink Sink) *Assembler { return &Assembler{sink: sink, conns: map[key]*Conn{}} }

// LostFragments gives the datagrams that could not be put together from fragments.
func (a *Assembler) LostFragments() int { return a.frags.lost + len(a.frags.parts) }

// Record takes what a link of type l carried at one time; p is what was captured of n
// octets. It says whether it was a TCP segment, or a fragment that may belong to one.
func (a *Assembler) Record(l Link, at time.Time, p []byte, n int) bool {
	a.now = at
	a.records++
	if a.records%sweepEvery == 0 || at.Sub(a.swept) >= sweepAfter || a.swept.Sub(at) >= sweepAfter {
		a.sweep()
	}
	begin := datagram(l, p)
	if begin < 0 {
		return false
	}
	d, ok := parseIP(p[begin:], max(n, len(p))-begin)
	if !ok {
		return false
	}
	if d.fragment {
		whole, ok := a.frags.add(d)
		if !ok {
			return true
		}
		if d = whole; !d.extensions() {
			return true
		}
	}
	s, ok := parseTCP(&d)
	if ok {
		a.segment(&s)
	}
	return ok
}

// segment finds the connection that a segment belongs to, or makes it.
func (a *Assembler) segment(s *segment) {
	k := keyOf(s.from, s.to)
	c := a.conns[k]
	side := 0
	if c != nil && c.Ends[0] != s.from {
		side = 1
	}
	if c != nil && s.has(flagSYN) && !s.has(flagRST) && c.again(side, s) {
		a.counted(c, func() {
			c.flush(a.sink)
			c.end(a.sink, -1, "a new connection took its ports")
		})
		a.forget(c)
		c, side = nil, 0
	}
	if c == nil {
		if s.has(flagRST) || !s.has(flagSYN) && len(s.p)+s.missing == 0 {
			return // the end of something that was not captured
		}
		c = a.begin(k, s)
	}
	c.last = a.now
	c.segments++
	a.touch(c)
	if c.ended || c.ignored {
		return
	}
	a.counted(c, func() {
		if s.has(flagRST) {
			c.reset(a.sink, side, s)
		} else {
			c.take(a.sink, side, s)
			c.hurry(a.sink, a.now)
		}
	})
	if c.held() > 0 && !c.waiting {
		c.waiting = true
		a.waiting = append(a.waiting, c)
	}
	for a.held > mostHeldAll && len(a.waiting) > 0 {
		a.relieve()
	}
}

// counted notes what a connection holds more or less behind f.
func (a *Assembler) counted(c *Conn, f func()) {
	before := c.held()
	f()
	a.held += c.held() - before
}

// relieve takes the connection that has had a queue for longest and gives all of it.
func (a *Assembler) relieve() {
	c := a.waiting[0]
	a.waiting = a.waiting[1:]
	c.waiting = false
	a.counted(c, func() { c.release(a.sink) })
}

// sweep looks for connections of which nothing comes any more while others go on.
func (a *Assembler) sweep() {
	a.swept = a.now
	kept := a.waiting[:0]
	for _, c := range a.waiting {
		a.counted(c, func() { c.hurry(a.sink, a.now) })
		if c.waiting = c.held() > 0; c.waiting {
			kept = append(kept, c)
		}
	}
	clear(a.waiting[len(kept):])
	a.waiting = kept
}

// again tells whether a SYN opens a connection between the same ports anew.
func (c *Conn) again(side int, s *segment) bool {
	h := &c.halves[side]
	if !h.begun {
		return c.ended
	}
	ahead := h.first - h.offset(s.seq+1)
	return ahead != 0 && !(c.settling && 0 < ahead && ahead <= settleOctets)
}

func (a *Assembler) begin(k key, s *segment) *Conn {
	for len(a.conns) >= mostConns {
		old := a.oldest
		a.counted(old, func() {
			old.flush(a.sink)
			old.end(a.sink, -1, "too many connections at once: this one was silent longest")
		})
		a.forget(old)
	}
	a.ids++
	c := &Conn{Ends: [2]netip.AddrPort{s.from, s.to}, Opener: -1, Began: a.now, id: a.ids, closer: -1, settling: true}
	a.conns[k] = c
	c.last = a.now
	a.touch(c)
	return c
}

func (a *Assembler) forget(c *Conn) {
	delete(a.conns, keyOf(c.Ends[0], c.Ends[1]))
	a.unlink(c)
}

// touch makes a connection the one heard of last.
func (a *Assembler) touch(c *Conn) {
	if a.newest == c {
		return
	}
	a.unlink(c)
	if c.older = a.newest; c.older != nil {
		c.older.newer = c
	} else {
		a.oldest = c
	}
	a.newest = c
}

func (a *Assembler) unlink(c *Conn) {
	if c.newer != nil {
		c.newer.older = c.older
	} else if a.newest == c {
		a.newest = c.older
	}
	if c.older != nil {
		c.older.newer = c.newer
	} else if a.oldest == c {
		a.oldest = c.newer
	}
	c.newer, c.older = nil, nil
}

// End gives what still waits, at the end of the capture. Connections stay open.
func (a *Assembler) End() {
	all := make([]*Conn, 0, len(a.conns))
	for _, c := range a.conns {
		all = append(all, c)
	}
	slices.SortFunc(all, func(x, y *Conn) int { return cmp.Compare(x.id, y.id) })
	for _, c := range all {
		if !c.ended && !c.ignored {
			a.counted(c, func() { c.flush(a.sink) })
			if !c.ended && !c.ignored {
				a.sink.Left(c, c.last)
			}
		}
	}
}
