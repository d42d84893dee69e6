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

// run is a series of like rows: untagged responses of one name.
type run struct {
	name string
	n    int64
	rows [runHeld][]byte // formatted rows behind the first ones, a ring
}

// held is the number of rows that are not printed.
func (r *run) held() int64 { return max(r.n-runEnd, 0) }

// like tells whether an event goes on with the run.
func (r *run) like(e *decode.Event) bool { return e.Name == r.name && repeats(e) }

// repeats tells whether an event may be one of like rows: nothing about it is special.
func repeats(e *decode.Event) bool {
	return e.Kind == decode.Untagged && len(e.Findings) == 0 && e.Origin == decode.FromPeer && announces(e.Text) < 0
}

// untagged prints an untagged response, or keeps it for the end of its run.
func (t *text) untagged(c *connection, e *decode.Event) {
	if t.o.Verbose || !repeats(e) {
		t.row(c, e, t.noted(c, e))
		t.announced(c, e)
		t.findings(c, e)
		return
	}
	r := &c.run
	r.name = e.Name
	start := len(t.buf)
	t.row(c, e, t.noted(c, e))
	if r.n >= runEnd {
		slot := &r.rows[(r.n-runEnd)%runHeld]
		*slot = append((*slot)[:0], t.buf[start:]...)
		t.buf = t.buf[:start]
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
	r.n = 0
}
