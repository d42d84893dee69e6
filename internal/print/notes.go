package print

import (
	"hash/maphash"
	"strings"

	"github.com/mailtrace/mailtrace/decode"
)

// noted gives the protocol's note. The slice is valid until the next note.
func (t *text) noted(c *connection, e *decode.Event) []byte {
	t.words = t.words[:0]
	t.addNoted(c, e)
	return t.words
}

// addNoted appends the protocol's note to t.words.
func (t *text) addNoted(c *connection, e *decode.Event) {
	note := t.noteOf(e)
	t.addSaid(c, note, explains(e.Kind, note))
}

// explains tells whether a note says what a word means rather than what happened.
func explains(k decode.Kind, note string) bool {
	switch k {
	case decode.CommandLine, decode.ContinuationRequest:
		return true
	case decode.Untagged:
		return !strings.ContainsAny(note, "0123456789")
	}
	return false
}

// addSaid appends a note to t.words, of what only explains no more than is new.
func (t *text) addSaid(c *connection, note string, explains bool) {
	note, explanation, split := strings.Cut(note, "\t")
	if explains && !split {
		note, explanation = "", note
	}
	t.addNote(note)
	if explanation != "" && t.fresh(c, explanation) {
		t.addNote(explanation)
	}
}

// addNote appends to t.words, behind a dot where something stands there.
func (t *text) addNote(note string) {
	if note == "" {
		return
	}
	switch {
	case len(t.words) == 0:
	case strings.HasPrefix(note, "after "):
		t.words = append(t.words, ' ') // belongs to the latency that stands there
	default:
		t.words = append(t.words, " · "...)
	}
	t.words = append(t.words, note...)
}

// saidLimit bounds what a connection remembers of explanations; beyond it they are
// said again.
const saidLimit = 256

var saidSeed = maphash.MakeSeed()

// fresh tells whether an explanation was not given on this connection, and remembers
// it. Numbers do not count: "all of message 1" explains "all of message 2" as well.
func (t *text) fresh(c *connection, explanation string) bool {
	if t.o.Verbose {
		return true
	}
	var h maphash.Hash
	h.SetSeed(saidSeed)
	for i := range len(explanation) {
		if b := explanation[i]; b < '0' || b > '9' {
			h.WriteByte(b)
		}
	}
	return c.first(h.Sum64())
}

// first tells whether the connection has not said this yet, and remembers it.
func (c *connection) first(sum uint64) bool {
	if _, said := c.said[sum]; said {
		return false
	}
	if c.said == nil {
		c.said = map[uint64]struct{}{}
	}
	if len(c.said) < saidLimit {
		c.said[sum] = struct{}{}
	}
	return true
}

// findings prints what is worth telling of an event, beneath it. The same sentence again
// is left out.
func (t *text) findings(c *connection, e *decode.Event) {
	for i := range e.Findings {
		f := &e.Findings[i]
		s := caution
		switch f.Severity {
		case decode.Note:
			if !t.o.Verbose {
				continue
			}
			s = dim
		case decode.Error:
			s = trouble
		}
		t.words = append(t.words[:0], t.signs.finding...)
		t.words = append(t.words, ' ')
		t.words = append(t.words, f.Severity.String()...)
		t.words = append(t.words, ' ')
		t.words = append(t.words, f.ID...)
		if f.Fact != "" {
			t.words = append(t.words, " · "...)
			t.words = append(t.words, f.Fact...)
		}
		if f.Dir != decode.NoDir {
			t.words = append(t.words, " · "...)
			t.words = append(t.words, f.Dir.String()...)
			t.words = append(t.words, '@')
			t.words = appendPlain(t.words, f.Span.Off)
		}
		t.addNote(f.Ref)
		t.subOwn(c, "", 0, t.words, s)
		if t.o.Verbose || c.first(maphash.String(saidSeed, f.Text)) {
			t.words = append(t.words[:0], f.Text...)
			t.subOwn(c, "", 3, t.words, s)
		}
	}
}
