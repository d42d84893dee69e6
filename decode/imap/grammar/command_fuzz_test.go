package grammar

import (
	"encoding/json"
	"reflect"
	"testing"
)

// meant is all that a command says, as values that can be compared.
type meant struct {
	Tag, Name string
	UID       bool
	Detail    string
	Needs     []Need
	Problems  []Problem
}

func meantBy(t *testing.T, p *Parser, l *Line) meant {
	c := p.Command(l)
	detail, err := json.Marshal(c.Detail())
	if err != nil {
		t.Fatalf("%q: %v", l.Text, err)
	}
	return meant{string(c.Tag), c.Name, c.UID, string(detail), c.Needs(nil), append([]Problem(nil), c.Problems...)}
}

func FuzzCommand(f *testing.F) {
	for _, c := range plain {
		f.Add([]byte(c.text), false, []byte(`a UID FETCH 1:* (FLAGS)`))
	}
	for _, w := range wrong {
		f.Add([]byte(w.text), true, []byte(w.twin))
	}
	f.Fuzz(func(t *testing.T, text []byte, cut bool, before []byte) {
		if len(text) > 1<<14 || len(before) > 1<<14 {
			return
		}
		l := fuzzLine(text, cut)
		var fresh, used Parser
		used.Response(fuzzLine(before, !cut))
		used.Command(fuzzLine(before, !cut))
		want := meantBy(t, &fresh, l)
		kept := used.Command(l).Detail()
		if got := meantBy(t, &used, l); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q behind %q:\n got %+v\nwant %+v", text, before, got, want)
		}
		for _, x := range want.Problems {
			if x.Off < 0 || x.Len < 0 || x.Off+x.Len > len(l.Text) || x.Rule == nil {
				t.Fatalf("%q: problem %+v", text, x)
			}
		}
		for _, n := range want.Needs {
			if n.Off < 0 || n.Len <= 0 || n.Off+n.Len > len(l.Text) || len(n.Anyof) == 0 || n.Ref == "" {
				t.Fatalf("%q: need %+v", text, n)
			}
		}
		// What is kept does not change when the line and the Parser are used again.
		for i := range l.Text {
			l.Text[i] = 'x'
		}
		used.Command(fuzzLine(before, cut))
		if b, _ := json.Marshal(kept); string(b) != want.Detail {
			t.Fatalf("%q: the Detail changed to %s from %s", text, b, want.Detail)
		}
	})
}

// TestCommandAllocates nothing once its memory has grown, but for words that are unknown.
func TestCommandAllocates(t *testing.T) {
	var p Parser
	needs := make([]Need, 0, 64)
	var lines []*Line
	for _, c := range plain {
		lines = append(lines, lineOf(c.text))
		p.Command(lines[len(lines)-1])
	}
	for _, l := range lines {
		switch c := p.Command(l).Args.(type) {
		case *Tokens:
			continue
		case *NotifyArgs:
			continue // filters have names in lower case
		case *FetchArgs:
			if c.Items != nil && c.Items[0].Name == "X-FOO" {
				continue
			}
		case *SearchArgs:
			if c.In != nil || c.Keys[0].Name == "X-NEW" {
				continue
			}
		}
		if n := testing.AllocsPerRun(10, func() { needs = p.Command(l).Needs(needs[:0]) }); n > 0 {
			t.Errorf("%s: %v allocations", l.Text, n)
		}
	}
}

// TestCutCommand says nothing of what the end of a cut line looks like.
func TestCutCommand(t *testing.T) {
	var p Parser
	for _, c := range plain {
		text := lineOf(c.text).Text
		if len(c.text) != len(text) {
			continue
		}
		for n := range text {
			if c := p.Command(&Line{Text: text[:n:n], Cut: true}); len(c.Problems) > 0 {
				t.Errorf("%s: cut: %s: %s", text[:n], c.Problems[0].Rule.ID, c.Problems[0].Fact)
			}
		}
	}
}

func BenchmarkCommand(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"flags", `12 UID FETCH 1:* (FLAGS)`},
		{"headers", `8 UID fetch 4:7 (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)])`},
		{"store", `9 UID STORE 3,5 +FLAGS.SILENT (\Seen)`},
		{"search", `4 UID SEARCH 1:* NOT DELETED SINCE 1-Feb-2024 FROM "smith"`},
		{"select", `5 select "Entw&APw-rfe"`},
		{"noop", `5 NOOP`},
	} {
		b.Run(c.name, func(b *testing.B) {
			var p Parser
			l := lineOf(c.text)
			b.ReportAllocs()
			for b.Loop() {
				p.Command(l)
			}
		})
	}
}

func BenchmarkWords(b *testing.B) {
	w := []byte("Fetch")
	b.Run("words", func(b *testing.B) {
		for b.Loop() {
			commandWords.of(w)
		}
	})
	b.Run("map", func(b *testing.B) {
		var p Parser
		for b.Loop() {
			_ = commands[string(p.upper(w))]
		}
	})
}
