package tcp

import (
	"bytes"
	"slices"
	"time"
)

// moment is when something happened: the time of the record, and how many segments the
// connection had had by then.
type moment struct {
	at       time.Time
	segments int64
}

// piece is a segment that waits. Offsets count sequence numbers without wrapping.
type piece struct {
	off, ack int64 // ack is 0 where the segment acknowledges nothing
	p        []byte
	fin      bool
	came     moment
	proven   moment // when the octets before it were known to exist; zero before
}

// end is the offset behind the piece. A FIN has a number of its own.
func (p piece) end() int64 {
	n := p.off + int64(len(p.p))
	if p.fin {
		n++
	}
	return n
}

// half is one direction of a connection.
type half struct {
	begun  bool
	first  int64 // offset of the first octet
	next   int64 // offset of the next octet to give
	exists int64 // the end of what is known to have been sent, whether it was captured or not
	syn    bool  // first stands behind a SYN
	seen   bool  // a segment of this direction was captured
	fin    bool
	queue  []piece // by offset, none overlapping another
	held   int     // cost of the queue in octets
}

// pieceCost is what a piece costs beside its octets.
const pieceCost = 128

// turn is where offsets begin, so that some can stand before the first one.
const turn = 1 << 32

// farthest is the largest distance that two live sequence numbers can have: that of the
// largest window (RFC 7323 §2.3).
const farthest = 1 << 30

// begin makes seq the next octet.
func (h *half) begin(seq uint32) {
	h.begun = true
	h.first = turn + int64(seq)
	h.next, h.exists = h.first, h.first
}

// offset unwraps a sequence number.
func (h *half) offset(seq uint32) int64 { return h.next + int64(int32(seq-uint32(h.next))) }

// exist is told that octets up to end were sent.
func (h *half) exist(end int64, now moment) {
	if end <= h.exists {
		return
	}
	h.exists = end
	for i := range h.queue {
		if p := &h.queue[i]; p.off > end {
			break
		} else if p.proven.at.IsZero() {
			p.proven = now
		}
	}
}

// hold puts what of a piece is new into the queue, its octets copied.
func (h *half) hold(p piece) {
	i, _ := slices.BinarySearchFunc(h.queue, p.off, func(q piece, off int64) int {
		if q.off < off {
			return -1
		}
		return 1 // behind those of the same offset: none
	})
	if i > 0 {
		p = p.from(h.queue[i-1].end())
	}
	// What lies between the pieces that are there; each hole is a piece of its own.
	for i < len(h.queue) && p.end() > h.queue[i].off {
		if q := &h.queue[i]; p.off < q.off {
			h.insert(i, p.upTo(q.off))
			i++
		}
		p = p.from(h.queue[i].end())
		i++
	}
	h.insert(i, p)
}

func (h *half) insert(i int, p piece) {
	if p.end() <= p.off {
		return
	}
	p.p = bytes.Clone(p.p)
	if p.off <= h.exists {
		p.proven = p.came
	}
	h.queue = slices.Insert(h.queue, i, p)
	h.held += len(p.p) + pieceCost
}

// pop takes the first piece out of the queue.
func (h *half) pop() piece {
	p := h.queue[0]
	h.held -= len(p.p) + pieceCost
	h.queue[0] = piece{}
	if h.queue = h.queue[1:]; len(h.queue) == 0 {
		h.queue = nil
	}
	return p
}

// from gives the piece without what stands before off.
func (p piece) from(off int64) piece {
	skip := min(max(off-p.off, 0), int64(len(p.p)))
	p.p = p.p[skip:]
	p.off += skip
	if p.off < off { // even the FIN is old
		p.off, p.fin = off, false
	}
	return p
}

// upTo gives the piece without what stands at off and behind it.
func (p piece) upTo(off int64) piece {
	if n := off - p.off; n <= int64(len(p.p)) {
		p.p, p.fin = p.p[:n], false
	}
	return p
}
