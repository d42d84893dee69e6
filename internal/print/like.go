package print

import (
	"github.com/mailtrace/mailtrace/decode"
)

// Of more than runShown like rows the first and the last runEnd are printed.
const (
	runShown = 8
	runEnd   = 3
	runHeld  = runShown - runEnd
)

// run is a series of like responses: untagged, of one name. One that literals break into
// several rows counts as one.
//
//	untagged ──no literal──────────────────────────► counted
//	   └──{n}──► open ──literal, rest of the line──┬──► counted
//	               ▲                               │ {n}
//	               └───────────────────────────────┘
type run struct {
	name string
	n    int64
	rows [runHeld][]byte // formatted rows behind the first ones, a ring
	open bool            // a response goes on behind a literal
	part []byte          // of that response, where it is held, the rows so far
}

// held is the number of responses that are not printed.
func (r *run) held() int64 { return max(r.n-runEnd, 0) }

// waits tells whether anything is not printed.
func (r *run) waits() bool { return r.held() > 0 || len(r.part) > 0 }

// on tells whether a run has begun.
func (r *run) on() bool { return r.n > 0 || r.open }

// like tells whether an event goes on with the run.
func (r *run) like(e *decode.Event) bool {
	if !r.open {
		return e.Name == r.name && repeats(e)
	}
	plain := e.Dir == decode.Server && len(e.Findings) == 0 && e.Origin == decode.FromPeer
	return plain && (e.Kind == decode.Literal && len(e.Text) == 0 || e.Kind == decode.Continuation)
}

// repeats tells whether an event may begin one of like responses: nothing about it is special.
func repeats(e *decode.Event) bool {
	return e.Kind == decode.Untagged && len(e.Findings) == 0 && e.Origin == decode.FromPeer
}

// untagged prints an untagged response, or keeps it for the end of its run.
func (t *text) untagged(c *connection, e *decode.Event) {
	if t.o.Verbose || !repeats(e) {
		t.row(c, e, t.noted(c, e))
		t.announced(c, e)
		t.findings(c, e)
		return
	}
	c.run.name = e.Name
	start := len(t.buf)
	t.row(c, e, t.noted(c, e))
	t.announced(c, e)
	t.goOn(c, e, start)
}

// goOn counts or holds the row of a run that was formatted last, from start on.
func (t *text) goOn(c *connection, e *decode.Event, start int) {
	r := &c.run
	if r.n >= runEnd {
		r.part = append(r.part, t.buf[start:]...)
		t.buf = t.buf[:start]
	}
	if r.open = c.inside[e.Dir].due >= 0; r.open {
		return
	}
	if r.n >= runEnd {
		slot := &r.rows[(r.n-runEnd)%runHeld]
		*slot, r.part = r.part, (*slot)[:0]
	}
	r.n++
}

// endRun prints what was held of a run.
func (t *text) endRun(c *connection) {
	r := &c.run
	held := r.held()
	from := int64(0)
	if held > runHeld {
		from = held - runEnd
		t.words = append(append(t.words[:0], t.signs.more...), ' ')
		t.words = appendCount(t.words, from)
		t.words = append(t.words, " more"...)
		t.sub(c, t.words, dim)
	}
	for i := from; i < held; i++ {
		t.buf = append(t.buf, r.rows[i%runHeld]...)
	}
	t.buf = append(t.buf, r.part...)
	r.n, r.open, r.part = 0, false, r.part[:0]
}
