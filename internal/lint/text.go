package lint

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/mailtrace/mailtrace/decode"
)

// TextOptions say how findings are written for people.
type TextOptions struct {
	Paint     func(decode.Severity, string) string // colours a word as the severity has it
	Verbose   bool                                 // notes too, and each occurrence
	Printable func(string) string                  // makes what a peer said safe for a terminal
}

// most is how many findings of a rule are written of one connection, unless all are.
const most = 5

// text writes a line a finding, the way compilers do:
//
//	tb.pcapng: #2 S@648: warning: pop3.size: LIST said 1405, 1407 octets came (RFC 1939 §11)
//	    a client that trusts the size cuts the mail short
type text struct {
	writer
	o     TextOptions
	told  map[string]bool // rules whose sentence was written
	more  map[string]int  // of the file: findings not written, by rule
	seen  map[place]int
	notes int
}

type place struct {
	conn int
	rule string
}

// Text writes findings for people.
func Text(w io.Writer, o TextOptions) Format {
	return &text{writer: writer{w: w}, o: o, told: map[string]bool{}, more: map[string]int{}, seen: map[place]int{}}
}

func (t *text) item(x *Item) error {
	if x.Severity == decode.Note && !t.o.Verbose {
		t.notes++
		return nil
	}
	at := place{x.Event.Conn, x.ID}
	if t.seen[at]++; t.seen[at] > most && !t.o.Verbose {
		t.more[x.ID]++
		return nil
	}
	where := fmt.Sprintf("#%d", x.Event.Conn)
	if x.Dir != decode.NoDir {
		where += fmt.Sprintf(" %s@%d", x.Dir, x.Span.Off)
	}
	what := x.Fact
	if what == "" {
		what = x.Text
	}
	t.buf = fmt.Appendf(t.buf, "%s: %s: %s: %s: %s (%s)\n", t.o.Printable(x.File), where,
		t.o.Paint(x.Severity, x.Severity.String()), x.ID, t.o.Printable(what), x.Ref)
	if !t.told[x.ID] && x.Fact != "" {
		t.buf = fmt.Appendf(t.buf, "    %s\n", t.o.Printable(x.Text))
	}
	t.told[x.ID] = true
	return t.flush()
}

func (t *text) end(file string) error {
	for _, id := range slices.Sorted(maps.Keys(t.more)) {
		t.buf = fmt.Appendf(t.buf, "%s: %d more of %s (-v)\n", t.o.Printable(file), t.more[id], id)
	}
	if t.notes > 0 {
		noun := "notes"
		if t.notes == 1 {
			noun = "note"
		}
		t.buf = fmt.Appendf(t.buf, "%s: %d %s not shown (-v)\n", t.o.Printable(file), t.notes, noun)
	}
	clear(t.more)
	clear(t.seen)
	t.notes = 0
	return t.flush()
}

func (t *text) finish() error { return nil }
