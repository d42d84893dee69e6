package proxy

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
)

// holder is a Rewriter that holds lines that begin with "*" and takes the X out of them. It
// panics at one of its calls, half-way through.
type holder struct {
	held  []byte
	until int
}

func (h *holder) tick() {
	if h.until--; h.until == 0 {
		panic("broken on purpose")
	}
}

func (h *holder) Client([]byte) { h.tick() }

func (h *holder) Server(dst, p []byte) (out []byte, edits []decode.Edited) {
	for _, c := range p {
		if len(h.held) == 0 && c != '*' {
			dst = append(dst, c)
			continue
		}
		h.held = append(h.held, c)
		if c != '\n' {
			continue
		}
		h.tick()
		before := bytes.TrimSuffix(h.held, []byte("\n"))
		if after := bytes.ReplaceAll(before, []byte("X"), nil); len(after) != len(before) {
			edits = append(edits, decode.Edited{Before: string(before), After: string(after)})
			dst = append(append(dst, after...), '\n')
		} else {
			dst = append(dst, h.held...)
		}
		h.held = h.held[:0]
	}
	return dst, edits
}

func (h *holder) Flush(dst []byte) []byte {
	h.tick()
	dst = append(dst, h.held...)
	h.held = h.held[:0]
	return dst
}

func (h *holder) Reset(decode.Rewrite) { h.tick() }

// Whenever a rewriter panics, each octet still comes out once, and in order.
func TestEditorSurvivesPanics(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("*Xab\n\n")), 0, 200, -1).Draw(t, "text")
		rw := &holder{until: rapid.IntRange(0, 30).Draw(t, "panic at")}
		e := newEditor(decode.Rewrite{}, decode.Protocol{Rewriter: func(decode.Rewrite) decode.Rewriter { return rw }})
		var want, got []byte
		problems := 0
		told := func(problem string) {
			if problem != "" {
				problems++
			}
		}
		for in := []byte(text); len(in) > 0; {
			n := rapid.IntRange(1, len(in)).Draw(t, "cut")
			told(e.client([]byte("noop\r\n")))
			out, edits, problem := e.server(in[:n])
			told(problem)
			got = append(got, out...)
			for range edits {
				want = append(want, 0) // counted only
			}
			in = in[n:]
			if rapid.Bool().Draw(t, "flush") {
				out, problem := e.flush()
				told(problem)
				got = append(got, out...)
			}
		}
		out, problem := e.flush()
		told(problem)
		got = append(got, out...)
		if e.holds() || problems > 1 || problems == 1 != (e.rw == nil) {
			t.Fatalf("holds %v, %d problems", e.holds(), problems)
		}
		// Nothing but X may be missing, and only where a line was edited.
		if !bytes.Equal(bytes.ReplaceAll(got, []byte("X"), nil), bytes.ReplaceAll([]byte(text), []byte("X"), nil)) {
			t.Fatalf("got %q of %q", got, text)
		}
		if len(want) == 0 && string(got) != text {
			t.Fatalf("got %q of %q without an edit", got, text)
		}
	})
}

func TestEditorLearnsProtocol(t *testing.T) {
	tests := []struct {
		pieces []string
		want   []string
	}{
		{[]string{"* OK [CAPABILITY IMAP4rev1 X] hi\r\n"}, []string{"* OK [CAPABILITY IMAP4rev1] hi\r\n"}},
		{[]string{"*", " O", "K [CAPABILITY IMAP4rev1 X] hi\r\n"}, []string{"", "", "* OK [CAPABILITY IMAP4rev1] hi\r\n"}},
		{[]string{"HTTP/1.1", " 200"}, []string{"HTTP/1.1", " 200"}},
		{[]string{"* X", " and on"}, []string{"* X", " and on"}},
	}
	for _, test := range tests {
		e := newEditor(decode.Rewrite{Hide: []string{"X"}}, registry.All...)
		for i, piece := range test.pieces {
			if out, _, problem := e.server([]byte(piece)); string(out) != test.want[i] || problem != "" {
				t.Errorf("%q: piece %d gave %q %s", test.pieces, i, out, problem)
			}
		}
	}
	e := newEditor(decode.Rewrite{Hide: []string{"X"}}, registry.All...)
	e.server([]byte("* O"))
	if out, _ := e.flush(); string(out) != "* O" || e.holds() {
		t.Errorf("flush gave %q", out)
	}
}
