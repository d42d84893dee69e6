package tcp

import (
	"net/netip"
	"time"
)

// Sink is told what happened, in order. The octets belong to the record that is being
// read, and are valid until the next one.
type Sink interface {
	// Begin is the first thing that is said of a connection.
	Begin(c *Conn)
	// Octets gives octets of the direction that side sends.
	Octets(c *Conn, side int, at time.Time, p []byte)
	// Gap says that n octets of a direction are missing.
	Gap(c *Conn, side int, at time.Time, n int64)
	// End says that a direction ended in order.
	End(c *Conn, side int, at time.Time)
	// Close says that the connection ended, and nothing follows. side is who ended it, -1
	// where that is not known; reason is empty for an orderly end.
	Close(c *Conn, side int, at time.Time, reason string)
	// Left says that the capture ends and the connection, last heard of at that time, does
	// not.
	Left(c *Conn, at time.Time)
}

// Reset is the reason of a connection that a RST ended.
const Reset = "reset"

// Conn is one TCP connection. Its sides are 0 and 1.
type Conn struct {
	// Ends are the addresses of its sides. Side 0 sent what was captured first.
	Ends [2]netip.AddrPort
	// Opener is the side that sent the SYN, -1 where the beginning was not captured.
	Opener int
	// Began is the time of the first segment.
	Began time.Time
	// User is the Sink's.
	User any

	halves   [2]half
	id       int64
	segments int64
	last     time.Time
	settling bool // more of its beginning may come
	ended    bool // nothing more is given; it is kept to know what comes late
	ignored  bool
	waiting  bool // it stands in the assembler's list of those with queues
	closer   int

	newer, older *Conn // by when they were last heard of
}

// Ignore says that nothing of the connection is wanted any more.
func (c *Conn) Ignore() {
	c.ignored = true
	for i := range c.halves {
		c.halves[i].queue, c.halves[i].held = nil, 0
	}
}

// Seen tells whether a segment that side sent was captured.
func (c *Conn) Seen(side int) bool { return c.halves[side].seen }

func (c *Conn) held() int { return c.halves[0].held + c.halves[1].held }

func (c *Conn) now() moment { return moment{c.last, c.segments} }

// What a segment waits for, at most.
const (
	lateSegments = 64
	lateTime     = 3 * time.Second
	holeTime     = 30 * time.Second
	// settleSegments is how long a connection waits for the SYN of either side: in a capture
	// out of order, they may follow.
	settleSegments = 16
	settleOctets   = 64 << 10 // how far before what came first
	mostHeld       = 4 << 20
	mostPieces     = 4096
)

// take follows one segment of the connection.
func (c *Conn) take(sink Sink, side int, s *segment) {
	h, o := &c.halves[side], &c.halves[1-side]
	h.seen = true
	seq := s.seq
	if s.has(flagSYN) {
		seq++
	}
	if !h.begun {
		h.begin(seq)
	}
	p := piece{off: h.offset(seq), p: s.p, fin: s.has(flagFIN), came: c.now()}
	if s.has(flagACK) {
		if !o.begun {
			o.begin(s.ack)
		}
		if ack := o.offset(s.ack); ack <= o.next+farthest {
			o.exist(ack, p.came)
			p.ack = ack
		}
	}
	if p.off > h.next+farthest || p.off < h.next-farthest {
		return // no window is that large: it belongs to another connection
	}
	if s.missing > 0 {
		// The capture has not all of it. Some other copy may.
		p.fin = false
		h.exist(p.off+int64(len(s.p)+s.missing), p.came)
	}
	if c.settling {
		// A probe of an idle connection has an old number and no octets (RFC 9293 §3.8.4).
		if p.off < h.first && h.first-p.off <= settleOctets && (p.end() > p.off || s.has(flagSYN)) {
			h.first, h.next = p.off, p.off
		}
		if s.has(flagSYN) {
			h.syn = true
			if c.Opener = side; s.has(flagACK) {
				c.Opener = 1 - side
			}
		}
		if h.syn && o.syn {
			c.settle(sink)
		}
	}
	if p = p.from(h.next); p.end() > p.off {
		if len(h.queue) == 0 && c.deliverable(side, &p) {
			c.give(sink, side, p)
		} else {
			h.hold(p)
		}
	}
	c.drain(sink)
}

// settle says that whatever of the connection's beginning was captured is there.
func (c *Conn) settle(sink Sink) {
	if c.settling {
		c.settling = false
		sink.Begin(c)
	}
}

// deliverable tells whether nothing that stands before a piece is missing.
func (c *Conn) deliverable(side int, p *piece) bool {
	return !c.settling && p.off == c.halves[side].next && p.ack <= c.halves[1-side].next
}

func (c *Conn) give(sink Sink, side int, p piece) {
	h := &c.halves[side]
	h.next = p.end()
	h.exists = max(h.exists, h.next)
	if len(p.p) > 0 && !c.ignored {
		sink.Octets(c, side, c.last, p.p)
	}
	if !p.fin || h.fin {
		return
	}
	h.fin = true
	if !c.ignored {
		sink.End(c, side, c.last)
	}
	if c.halves[1-side].fin {
		c.end(sink, c.closer, "")
	} else {
		c.closer = side
	}
}

// end tells that the connection is over.
func (c *Conn) end(sink Sink, side int, reason string) {
	if !c.ended && !c.ignored {
		sink.Close(c, side, c.last, reason)
	}
	c.ended = true
	for i := range c.halves {
		c.halves[i].queue, c.halves[i].held = nil, 0
	}
}

// drain gives what may be given.
func (c *Conn) drain(sink Sink) {
	for again := true; again; {
		again = false
		for side := range c.halves {
			for h := &c.halves[side]; len(h.queue) > 0 && c.deliverable(side, &h.queue[0]); again = true {
				c.give(sink, side, h.pop())
			}
		}
	}
}

// overdue finds the side whose first piece has waited long enough, -1 for none.
func (c *Conn) overdue(now time.Time) int {
	found := -1
	var since moment
	for side := range c.halves {
		h := &c.halves[side]
		if len(h.queue) == 0 {
			continue
		}
		p := &h.queue[0]
		began := p.came
		late := false
		if p.off > h.next && p.proven.at.IsZero() {
			late = now.Sub(began.at) >= holeTime
		} else {
			if p.off > h.next && p.proven.segments > began.segments {
				began = p.proven
			}
			late = now.Sub(began.at) >= lateTime || c.segments-began.segments >= lateSegments
		}
		if late && (found < 0 || began.segments < since.segments) {
			found, since = side, began
		}
	}
	return found
}

// hurry gives up waiting for what is overdue, and for all that is more than may be held.
func (c *Conn) hurry(sink Sink, now time.Time) {
	if c.settling {
		if c.segments < settleSegments && now.Sub(c.Began) < lateTime {
			return
		}
		c.settle(sink)
		c.drain(sink)
	}
	for {
		side := c.overdue(now)
		if side < 0 {
			if c.held() <= mostHeld && len(c.halves[0].queue)+len(c.halves[1].queue) <= mostPieces {
				return
			}
			side = c.oldest()
		}
		c.force(sink, side)
		c.drain(sink)
	}
}

// oldest gives the side whose first piece came first.
func (c *Conn) oldest() int {
	a, b := c.halves[0].queue, c.halves[1].queue
	if len(a) == 0 || len(b) > 0 && b[0].came.segments < a[0].came.segments {
		return 1
	}
	return 0
}

// force gives a side's first piece, with a gap for what is missing before it in either
// direction.
func (c *Conn) force(sink Sink, side int) {
	h, o := &c.halves[side], &c.halves[1-side]
	p := h.pop()
	for p.ack > o.next {
		if p.fin && len(p.p) == 0 && c.unseenFIN(sink, 1-side) {
			break
		}
		if len(o.queue) == 0 || o.queue[0].off >= p.ack {
			c.skip(sink, 1-side, p.ack)
			break
		}
		q := o.pop()
		c.skip(sink, 1-side, q.off)
		c.give(sink, 1-side, q)
	}
	c.skip(sink, side, p.off)
	if !c.ended {
		c.give(sink, side, p)
	}
}

// skip goes to an offset, with a gap where it is not the next one.
func (c *Conn) skip(sink Sink, side int, to int64) {
	h := &c.halves[side]
	if n := to - h.next; n > 0 {
		h.next = to
		h.exists = max(h.exists, to)
		if !c.ignored && !c.ended {
			sink.Gap(c, side, c.last, n)
		}
	}
}

// release gives all that waits.
func (c *Conn) release(sink Sink) {
	c.settle(sink)
	c.drain(sink)
	for len(c.halves[0].queue)+len(c.halves[1].queue) > 0 {
		c.force(sink, c.oldest())
		c.drain(sink)
	}
}

// flush gives all that waits, and says what is missing behind it.
func (c *Conn) flush(sink Sink) {
	c.release(sink)
	for side := range c.halves {
		h := &c.halves[side]
		switch missing := h.exists - h.next; {
		case missing > 1:
			c.skip(sink, side, h.exists)
		case missing == 1 && c.halves[1-side].fin:
			c.unseenFIN(sink, side)
		}
	}
}

// unseenFIN ends a side of which one more octet was acknowledged as the other side ended:
// that was its FIN, and the capture does not have it.
func (c *Conn) unseenFIN(sink Sink, side int) bool {
	h := &c.halves[side]
	if h.fin || len(h.queue) > 0 || h.exists != h.next+1 {
		return false
	}
	c.give(sink, side, piece{off: h.next, fin: true})
	return true
}

// reset ends the connection as a RST does, if it is one that its receiver would believe.
func (c *Conn) reset(sink Sink, side int, s *segment) {
	h := &c.halves[side]
	h.seen = true
	if h.begun {
		if off := h.offset(s.seq); off < h.next-1 || off > h.next+farthest {
			return
		}
	}
	c.flush(sink)
	c.end(sink, side, Reset)
}
