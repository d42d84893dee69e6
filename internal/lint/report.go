package lint

import (
	"io"

	"github.com/mailtrace/mailtrace/decode"
)

// Item is one finding in its place. It is valid during a call.
type Item struct {
	File  string // the capture, as named on the command line
	Event *decode.Event
	*decode.Finding
}

// Format writes findings.
type Format interface {
	item(*Item) error
	// end says what is left to be said of a file; finish of all.
	end(file string) error
	finish() error
}

// Report counts findings and has them written. It is not safe for concurrent use.
type Report struct {
	format      Format
	filter      func(*decode.Event) bool
	file        string
	connections int
	counts      [decode.Error + 1]int
	err         error
}

// New gives a report. filter, where set, chooses the events whose findings count.
func New(f Format, filter func(*decode.Event) bool) *Report {
	return &Report{format: f, filter: filter}
}

// Begin says which capture the events to come are of.
func (r *Report) Begin(file string) { r.file = file }

// Events takes the events of a capture.
func (r *Report) Events(events []decode.Event) {
	for i := range events {
		e := &events[i]
		if e.Kind == decode.Open && e.Origin == decode.FromPeer {
			r.connections++
		}
		if len(e.Findings) == 0 || r.filter != nil && !r.filter(e) {
			continue
		}
		for j := range e.Findings {
			r.counts[e.Findings[j].Severity]++
			if r.err == nil {
				r.err = r.format.item(&Item{r.file, e, &e.Findings[j]})
			}
		}
	}
}

// End ends a capture.
func (r *Report) End() {
	if r.err == nil {
		r.err = r.format.end(r.file)
	}
}

// Close ends the report and gives the first error of the output.
func (r *Report) Close() error {
	if r.err == nil {
		r.err = r.format.finish()
	}
	return r.err
}

// Connections is how many there were.
func (r *Report) Connections() int { return r.connections }

// Count is how many findings there were of a severity.
func (r *Report) Count(s decode.Severity) int { return r.counts[s] }

// Fails tells whether there were findings of a severity or above.
func (r *Report) Fails(s decode.Severity) bool {
	for ; s <= decode.Error; s++ {
		if r.counts[s] > 0 {
			return true
		}
	}
	return false
}

// writer keeps the first error, so that what is written can be put together in pieces.
type writer struct {
	w   io.Writer
	buf []byte
}

func (w *writer) flush() error {
	_, err := w.w.Write(w.buf)
	w.buf = w.buf[:0]
	return err
}
