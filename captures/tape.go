package captures

import (
	"slices"

	"github.com/mailtrace/mailtrace/decode"
)

// Tape takes what a capture keeps of one connection. Octets, Mark and Commit are called
// one at a time, under the connection's lock.
//
// Octets and Mark stage; what they are given may be reused after the call. Commit moves
// the staged batch into the Recorder's queue, behind everything committed before it on
// any tape. It never waits, and costs the same however much is staged.
type Tape = interface {
	Octets(decode.Octets)
	Mark(decode.Mark)
	Commit()
}

// Open gives the tape of a connection, numbered from 1, or of the proxy's own exchange
// with its upstream. Each (conn, origin) may be opened once.
func (r *Recorder) Open(conn int, origin decode.Origin) Tape {
	return &tape{r: r, enc: newEncoder(&r.o, conn, origin, r.next)}
}

// tape stages blocks. Where the queue refuses a batch, the encoder goes back to where the
// batch began and writes its marks again without the octets between, so that sequence
// numbers jump, the next segment says by how much, and the connection's story goes on.
type tape struct {
	r       *Recorder
	enc     encoder
	before  encoder // as it was when the batch began
	staging bool
	marks   []stagedMark
	ended   bool // even the reserve for marks was full: nothing more is kept
}

type stagedMark struct {
	mark decode.Mark
	off  [3]int64 // octets of each direction before it
}

func (t *tape) stage() bool {
	if t.ended || t.r.stopped.Load() {
		return false
	}
	if !t.staging {
		t.before = t.enc
		t.enc.buf = t.r.buffer()
		t.staging = true
	}
	return true
}

func (t *tape) Octets(o decode.Octets) {
	for {
		if !t.stage() {
			return
		}
		piece := o
		if len(o.P) > pieceSize {
			piece.P, piece.End = o.P[:pieceSize], false
		}
		t.enc.octets(piece)
		// Nothing bounds what comes out of one compressed read.
		if len(t.enc.buf) > batchSize {
			t.Commit()
		}
		if len(piece.P) == len(o.P) {
			return
		}
		o.P = o.P[pieceSize:]
	}
}

func (t *tape) Mark(m decode.Mark) {
	if !t.stage() {
		return
	}
	t.enc.seal()
	m.Fields = slices.Clone(m.Fields)
	t.marks = append(t.marks, stagedMark{m, t.enc.off})
	t.enc.mark(m)
}

func (t *tape) Commit() {
	if !t.staging {
		return
	}
	t.enc.seal()
	if len(t.enc.buf) > 0 {
		if !t.r.push(t.enc.buf, t.enc.off == t.before.off) {
			t.drop()
		}
	} else {
		t.r.release(t.enc.buf)
	}
	t.enc.buf = nil
	t.staging = false
	clear(t.marks)
	t.marks = t.marks[:0]
}

// drop takes the octets out of a batch that the queue refused, and tries again.
func (t *tape) drop() {
	refused, marks := t.enc, t.marks
	for d := range refused.off {
		t.r.lost.Add(refused.off[d] - t.before.off[d])
	}
	t.enc = t.before
	t.enc.last = refused.last
	if t.enc.buf = refused.buf[:0]; cap(refused.buf) > bufferSize {
		t.enc.buf = t.r.buffer()
	}
	for _, m := range marks {
		t.enc.off = m.off
		t.enc.mark(m.mark)
	}
	t.enc.off = refused.off
	if len(t.enc.buf) == 0 {
		t.r.release(t.enc.buf)
	} else if !t.r.push(t.enc.buf, true) {
		t.ended = true
		t.r.release(t.enc.buf)
	}
}
