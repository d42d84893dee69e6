package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mailtrace/mailtrace/captures"
	"github.com/mailtrace/mailtrace/decode"
)

// tally counts what connections came to, and where no printer shows rows to a person it
// tells hints and the end of each connection on stderr. It never blocks: a terminal that
// stands still loses lines of it and nothing else.
type tally struct {
	u     *ui
	lines chan line // nil where the printer tells it
	done  chan struct{}

	mu          sync.Mutex
	connections int
	failed      int
	commands    int
	errors      int
	warnings    int
	open        map[int]decode.Fields // of the connections that are open, for their last line
	hints       map[int]string        // told of them already: a handshake that failed says it, and so does its end
}

type line struct {
	hint bool
	text string
}

// newTally begins to count. tell says that connections are told on stderr.
func newTally(u *ui, tell bool) *tally {
	t := &tally{u: u, open: map[int]decode.Fields{}, hints: map[int]string{}, done: make(chan struct{})}
	if !tell {
		close(t.done)
		return t
	}
	lines := make(chan line, 256)
	t.lines = lines
	go func() {
		defer close(t.done)
		for l := range lines {
			if l.hint {
				u.hint("%s", l.text)
			} else {
				u.say("%s", l.text)
			}
		}
	}()
	return t
}

// Events implements proxy.Sink.
func (t *tally) Events(events []decode.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range events {
		e := &events[i]
		if e.Origin == decode.FromProxy {
			continue // our own exchange belongs to a connection that is counted
		}
		switch e.Kind {
		case decode.Open:
			t.connections++
			t.open[e.Conn], _ = e.Detail.(decode.Fields)
		case decode.TLS:
			if f, ok := e.Detail.(decode.Fields); ok {
				t.tell(e.Conn, f.Get("hint"))
			}
		case decode.Close:
			if d, ok := e.Detail.(*decode.CloseDetail); ok && e.Dir == decode.NoDir {
				t.ended(e, d)
			}
		}
	}
}

func (t *tally) ended(e *decode.Event, d *decode.CloseDetail) {
	t.commands += d.Commands
	t.errors += d.Errors
	t.warnings += d.Warnings
	if d.Reason != "" && d.Reason != captures.EndsHere && d.ClosedBy != "proxy" || d.Fields.Get("error") != "" {
		t.failed++
	}
	t.tell(e.Conn, d.Fields.Get("hint"))
	delete(t.hints, e.Conn)
	opened := t.open[e.Conn]
	delete(t.open, e.Conn)
	if t.lines != nil {
		t.send(line{text: connectionLine(e, opened, d)})
	}
}

// connectionLine sums up a connection that ended.
func connectionLine(e *decode.Event, opened decode.Fields, d *decode.CloseDetail) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#%d %s to %s: ", e.Conn, opened.Get("client"), opened.Get("upstream"))
	if d.Reason != "" {
		b.WriteString(d.Reason)
		if what := d.Fields.Get("error"); what != "" && what != d.Reason {
			b.WriteString(": " + what)
		}
		b.WriteString("; ")
	}
	fmt.Fprintf(&b, "%s, C %d S %d octets, %s", plural(d.Commands, "command"), d.ClientOctets, d.ServerOctets, seconds(d.Duration))
	if d.Errors > 0 {
		b.WriteString(", " + plural(d.Errors, "error"))
	}
	if d.Warnings > 0 {
		b.WriteString(", " + plural(d.Warnings, "warning"))
	}
	return b.String()
}

func seconds(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

func (t *tally) tell(conn int, hint string) {
	if hint != "" && t.hints[conn] != hint && t.lines != nil {
		t.hints[conn] = hint
		t.send(line{hint: true, text: hint})
	}
}

func (t *tally) send(l line) {
	select {
	case t.lines <- l:
	default:
	}
}

// close tells what is still to be told, for no longer than a moment.
func (t *tally) close() {
	t.mu.Lock()
	if t.lines != nil {
		close(t.lines)
		t.lines = nil
	}
	t.mu.Unlock()
	select {
	case <-t.done:
	case <-time.After(time.Second):
	}
}

// String is the total.
func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := plural(t.connections, "connection")
	if t.failed > 0 {
		s += fmt.Sprintf(" (%d failed)", t.failed)
	}
	s += ", " + plural(t.commands, "command")
	if t.errors > 0 {
		s += ", " + plural(t.errors, "error")
	}
	return s + ", " + plural(t.warnings, "warning")
}
