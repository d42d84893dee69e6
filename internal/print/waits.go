package print

import (
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// waitsLimit bounds the commands remembered while unanswered; more are only counted.
const waitsLimit = 1024

// waits are the unanswered commands of a connection, in their order.
type waits struct {
	list   []wait
	inLine int // of them, those that no answer has overtaken
	more   int // that did not fit
}

type wait struct {
	ref
	since  time.Time // when the server's turn began
	turn   bool      // it is the server's turn
	passed bool      // a later command was answered: this one is not in line any more
	said   bool      // that it takes long
	follow follow    // what comes behind a success
}

// add notes a command and gives how many stand in line with it.
func (w *waits) add(c *decode.Command, at time.Time) int {
	if c == nil {
		return 0
	}
	if len(w.list) < waitsLimit {
		w.list = append(w.list, wait{ref: refTo(c), since: at, turn: true})
		w.inLine++
	} else {
		w.more++
	}
	return w.inLine + w.more
}

func (w *waits) find(c *decode.Command) *wait {
	for i := range w.list {
		if w.list[i].is(c) {
			return &w.list[i]
		}
	}
	return nil
}

// answered notes a continuation request: now it is the client's turn.
func (w *waits) answered(c *decode.Command) {
	if x := w.find(c); x != nil {
		x.turn = false
	}
}

// resumed notes that the client went on.
func (w *waits) resumed(c *decode.Command, at time.Time) {
	if x := w.find(c); x != nil {
		x.turn, x.since = true, at
	}
}

// done notes a completion.
func (w *waits) done(c *decode.Command) {
	for i := range w.list {
		if !w.list[i].is(c) {
			continue
		}
		for j := range i + 1 {
			if !w.list[j].passed {
				w.list[j].passed = true
				w.inLine--
			}
		}
		if i == 0 {
			w.list = w.list[1:]
		} else {
			w.list = append(w.list[:i], w.list[i+1:]...)
		}
		return
	}
	if c != nil && w.more > 0 {
		w.more--
	}
}

// overdue says which commands wait longer than limit, each once, and tells whether
// another one may.
func (t *text) overdue(c *connection, now time.Time, limit time.Duration) (again bool) {
	for i := range c.waits.list {
		w := &c.waits.list[i]
		if !w.turn || w.said {
			continue
		}
		d := now.Sub(w.since)
		if d < limit {
			again = true
			continue
		}
		w.said = true
		t.release(c)
		t.words = w.appendTo(t.words[:0])
		t.words = append(t.words, " pending "...)
		t.words = appendSeconds(t.words, d)
		t.print(row{conn: c, at: now, mark: t.signs.more, text: t.words, own: true, style: caution})
	}
	return again
}
