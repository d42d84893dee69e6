package print

import (
	"io"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// flushAt is the size at which formatted rows are written before a batch is through.
const flushAt = 32 << 10

// text prints events for people.
type text struct {
	o       Options
	out     output
	palette palette
	signs   signs
	width   int
	noteAt  int // the column where notes stand
	conns   map[key]*connection
	begun   bool // something was printed
	drawn   drawn

	buf     []byte // formatted, not yet written
	visible []byte // scratch: text in visible form
	words   []byte // scratch: sentences of our own
	table   []byte // scratch: cells of a table
}

// Text prints events for people, as rows aligned in columns.
func Text(w io.Writer, o Options) Printer {
	t := &text{o: o, out: output{w: w}, palette: newPalette(o.Color), signs: inUnicode, conns: map[key]*connection{}}
	if o.ASCII {
		t.signs = inPlain
	}
	if t.o.Local == nil {
		t.o.Local = time.Local
	}
	if o.Width == 0 {
		o.Width = widthDefault
	}
	t.width = max(o.Width, widthMin)
	t.noteAt = min(noteColumn, t.width-noteMin)
	return t
}

// Events implements Printer. The first error is kept for Close.
func (t *text) Events(events []decode.Event) { _ = t.emit(events) }

func (t *text) emit(events []decode.Event) error {
	var first error
	for i := range events {
		e := &events[i]
		if t.o.Conn != 0 && e.Conn != t.o.Conn {
			continue
		}
		if t.o.Filter != nil && !t.o.Filter(e) {
			t.hidden(e)
			continue
		}
		t.event(e)
		if len(t.buf) >= flushAt {
			if err := t.flush(); err != nil && first == nil {
				first = err
			}
		}
	}
	if err := t.flush(); err != nil && first == nil {
		first = err
	}
	return first
}

func (t *text) flush() error {
	if len(t.buf) > 0 {
		t.begun = true
		if err := t.undraw(); err != nil {
			t.buf = t.buf[:0]
			return err
		}
	}
	err := t.out.write(t.buf)
	t.buf = t.buf[:0]
	return err
}

// Close implements Printer.
func (t *text) Close() error {
	for _, c := range t.inOrder() {
		t.release(c)
		t.settleInside(c, decode.Client)
		t.settleInside(c, decode.Server)
	}
	clear(t.conns)
	_ = t.undraw() // the output keeps its first error
	t.flush()
	return t.out.err
}

// missing implements Printer.
func (t *text) missing(n uint64, closed []int, all bool) error {
	for _, number := range closed {
		for _, own := range [...]bool{false, true} {
			if c := t.conns[key{number, own}]; c != nil {
				t.release(c)
				delete(t.conns, c.key)
			}
		}
	}
	if all {
		for _, c := range t.inOrder() {
			t.release(c)
		}
		clear(t.conns)
	}
	t.words = append(t.words[:0], "… "...)
	t.words = appendCounted(t.words, int64(n), "event")
	t.words = append(t.words, " not shown (output stalled)"...)
	t.visible = appendOwn(t.visible[:0], t.words, t.o.ASCII)
	t.painted(caution, t.visible)
	t.buf = append(t.buf, '\n')
	return t.flush()
}

// event prints one event, or holds it.
func (t *text) event(e *decode.Event) {
	c := t.connection(e)
	if e.Time.Sub(c.last) > lull {
		t.release(c)
	}
	if e.Time.After(c.last) {
		c.last = e.Time
	}
	if c.failed {
		// All was said in one line.
		if e.Kind == decode.Close && e.Dir == decode.NoDir {
			delete(t.conns, c.key)
			return
		}
		if e.Kind == decode.TLS || e.Kind == decode.Close {
			return
		}
		c.failed = false
	}
	t.settle(c, e)
	switch e.Kind {
	case decode.Open:
		t.open(c, e)
		return
	case decode.TLS:
		t.handshake(c, e)
	case decode.CommandLine:
		t.command(c, e)
	case decode.Completion:
		t.completion(c, e)
	case decode.Multiline:
		t.multiline(c, e)
	case decode.Greeting:
		t.greeting(c, e)
	case decode.Untagged:
		t.untagged(c, e)
		return // with its findings
	case decode.ContinuationRequest:
		c.waits.answered(e.Command)
		t.row(c, e, t.noted(c, e))
	case decode.Continuation:
		t.continuation(c, e)
	case decode.Literal:
		t.literal(c, e)
	case decode.MIME:
		t.mime(c, e)
	case decode.StateChange:
		t.state(c, e)
	case decode.Layer:
		t.layer(c, e)
	case decode.FindingOnly:
	case decode.Malformed:
		t.malformed(c, e)
	case decode.Desync, decode.Opaque, decode.Undelivered:
		t.lost(c, e)
	case decode.Edit:
		t.edit(c, e)
	case decode.Close:
		t.close(c, e)
	default:
		t.row(c, e, t.noted(c, e))
	}
	t.findings(c, e)
}

// hidden takes of an event that is not shown what later rows need.
func (t *text) hidden(e *decode.Event) {
	c := t.connection(e)
	switch e.Kind {
	case decode.Open:
		// Printed before the first event that is shown, if any is.
		fields, _ := e.Detail.(decode.Fields)
		c.base = e.Time
		c.opening = &opening{at: e.Time, fields: fields, origin: e.Origin}
	case decode.CommandLine:
		c.waits.add(e.Command, e.Time)
	case decode.ContinuationRequest:
		c.waits.answered(e.Command)
	case decode.Continuation:
		c.waits.resumed(e.Command, e.Time)
	case decode.Completion:
		c.waits.done(e.Command)
	case decode.Close:
		if e.Dir == decode.NoDir && c.opening == nil {
			t.event(e)
		} else if e.Dir == decode.NoDir {
			delete(t.conns, c.key)
		}
	}
}

// row prints an event that shows wire text.
func (t *text) row(c *connection, e *decode.Event, note []byte) {
	t.print(row{conn: c, at: e.Time, mark: markOf(e.Dir, e.Origin), text: e.Text, note: note, style: styleOf(e.Dir)})
}

// noteOf asks the protocol. A note that panics is none: the printer must not end a
// session.
func (t *text) noteOf(e *decode.Event) (note string) {
	if t.o.Notes == nil {
		return ""
	}
	defer func() {
		if recover() != nil {
			note = ""
		}
	}()
	return t.o.Notes(e)
}
