package print

import (
	"io"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// Printer shows events. The printers of this package are not safe for concurrent use;
// Queue makes one that is.
type Printer interface {
	// Events shows events at once. It keeps none of them.
	Events(events []decode.Event)
	// Close shows what is still held and gives the first error of the output.
	Close() error

	emit(events []decode.Event) error
	// missing says that n events are not shown here, among them the ends of the
	// connections closed; all when those are too many to name.
	missing(n uint64, closed []int, all bool) error
	// idle is called now and then while nothing happens. It lets go of held rows, and says
	// so where a command waits longer than pending (0: never). again asks for another call.
	idle(now time.Time, pending time.Duration) (again bool, err error)
}

// Options say how events are shown.
type Options struct {
	Color   bool // with SGR sequences
	ASCII   bool // nothing outside ASCII, for locales that are not UTF-8
	Width   int  // columns of a line; 0 means 100, less than 60 means 60
	Verbose bool // every row, explanations each time, findings of severity note
	Conn    int  // this connection only; 0 means all
	// Filter, where set, chooses the events that are shown. The rules at a connection's ends are
	// shown where anything of it is.
	Filter func(*decode.Event) bool
	Local  *time.Location // of the times in opening rules; nil means time.Local
	// Notes gives what a protocol has to say on an event, "" for nothing. What stands behind
	// a tab is an explanation, shown once a connection. Without a tab, a note is one on a
	// command, a continuation request and a status line that announces a body, and on an
	// untagged response where there is no number in it.
	Notes func(*decode.Event) string
}

// None shows nothing.
func None() Printer { return none{} }

type none struct{}

func (none) Events([]decode.Event)                       {}
func (none) Close() error                                { return nil }
func (none) emit([]decode.Event) error                   { return nil }
func (none) missing(uint64, []int, bool) error           { return nil }
func (none) idle(time.Time, time.Duration) (bool, error) { return false, nil }

// output writes whole lines. Of a line that was cut by a failing Write it keeps the
// rest, so that the next success does not begin inside it.
type output struct {
	w    io.Writer
	rest []byte
	err  error // the first one
}

func (o *output) write(p []byte) error {
	err := o.try(p)
	if err != nil && o.err == nil {
		o.err = err
	}
	return err
}

func (o *output) try(p []byte) error {
	if len(o.rest) > 0 {
		n, err := o.w.Write(o.rest)
		o.rest = o.rest[min(n, len(o.rest)):]
		if err != nil {
			return err
		}
	}
	if len(p) == 0 {
		return nil
	}
	n, err := o.w.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil && n > 0 && n < len(p) && p[n-1] != '\n' {
		end := n
		for p[end] != '\n' {
			end++
		}
		o.rest = append([]byte(nil), p[n:end+1]...)
	}
	return err
}
