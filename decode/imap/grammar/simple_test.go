package grammar

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What is read of the simplest lines is what the parser reads of them, and they leave nothing behind
// of the lines before.
func TestSimple(t *testing.T) {
	var names []string
	for name := range commands {
		names = append(names, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		var a, b Parser
		tag := rapid.StringMatching(`[a-zA-Z0-9.\]]{1,4}`).Draw(t, "tag")
		for range rapid.IntRange(1, 6).Draw(t, "lines") {
			name := rapid.SampledFrom(names).Draw(t, "command")
			said := rapid.SampledFrom([]string{name, strings.ToLower(name)}).Draw(t, "said")
			line := Line{Text: []byte(tag + " " + said + rapid.SampledFrom([]string{"", " ", " x", "\r", " (UNSEEN) NIL"}).Draw(t, "behind"))}
			want := a.Command(&line)
			got := want
			if Alone(name) {
				if got = b.SimpleCommand(&line, tag, name); got == nil {
					got = b.Command(&line)
				} else if len(want.Problems) > 0 {
					t.Fatalf("%q is simple, and has problems: %v", line.Text, want.Problems)
				}
			} else {
				got = b.Command(&line)
			}
			if got.Name != want.Name || got.UID != want.UID || !bytes.Equal(got.Tag, want.Tag) || (got.Args == nil) != (want.Args == nil) ||
				len(got.Problems) != len(want.Problems) || len(got.Needs(nil)) != len(want.Needs(nil)) {
				t.Fatalf("%q: %+v, want %+v", line.Text, got, want)
			}

			name = rapid.SampledFrom([]string{"OK", "NO", "BAD"}).Draw(t, "result")
			line = Line{Text: []byte(tag + " " + name + rapid.SampledFrom([]string{
				"", " ", " done", "  [x", " [ALERT] x", " [UIDNEXT 3]", " [", " gr\xc3\xbc\xc3\x9fe", "x y",
			}).Draw(t, "text"))}
			r := a.Response(&line)
			s := b.SimpleResult(&line, tag, name)
			if s == nil {
				s = b.Response(&line)
			} else if len(r.Problems) > 0 {
				t.Fatalf("%q is simple, and has problems: %v", line.Text, r.Problems)
			}
			if s.Kind != r.Kind || s.Name != r.Name || !bytes.Equal(s.Tag, r.Tag) || (s.Code == nil) != (r.Code == nil) ||
				!bytes.Equal(s.Human, r.Human) || s.Data != nil != (r.Data != nil) || len(s.Problems) != len(r.Problems) {
				t.Fatalf("%q: %+v, want %+v", line.Text, s, r)
			}
		}
	})
}
