package grammar

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func mostly(usual, rare *rapid.Generator[string]) *rapid.Generator[string] {
	return rapid.OneOf(usual, usual, usual, usual, usual, usual, usual, rare)
}

// What Row says of a line is what Response says of it, and only of lines without problems.
func TestRow(t *testing.T) {
	hits := 0
	rapid.Check(t, func(t *rapid.T) {
		var p, fresh Parser
		number := mostly(rapid.Map(rapid.IntRange(1, 1_000_000), func(n int) string { return fmt.Sprint(n) }),
			rapid.SampledFrom([]string{"0", "07", "4294967296", "99999999999999999999"}))
		word := mostly(rapid.StringMatching(`[ !#-\[\]-~]{0,20}`), rapid.SampledFrom([]string{`a\"b`, `a\b`, "é", "a\x7f", "a\x01", "NIL", ""}))
		date := mostly(rapid.SampledFrom([]string{"01-Jan-2026 00:00:00 +0000", " 1-Jan-2026 00:00:00 +0000"}),
			rapid.SampledFrom([]string{"1-Jan-2026 00:00:00 +0000", "x"}))
		flags := rapid.SampledFrom([]string{"", `\Seen`, `\Seen \Answered`, "$Junk", `\Seen)`})
		form := rapid.SampledFrom([]string{
			`* %[1]s FETCH (UID %[2]s FLAGS (%[6]s))`,
			`* %[1]s FETCH (FLAGS (%[6]s) MODSEQ (%[3]s) UID %[2]s)`,
			`* %[1]s FETCH (uid %[2]s RFC822.SIZE %[3]s INTERNALDATE "%[5]s")`,
			`* %[1]s FETCH (UID %[2]s ENVELOPE ("%[4]s" "%[4]s" (("%[4]s" NIL "a" "b")) NIL NIL NIL NIL NIL NIL "<%[4]s>"))`,
			`* %[1]s FETCH (UID %[2]s X-GM-MSGID %[3]s X-GM-LABELS ("%[4]s"))`,
			`* %[1]s FETCH (UID %[2]s BODY ("TEXT" "PLAIN" NIL NIL NIL "7BIT" %[3]s 3))`,
			`* %[1]s EXPUNGE`,
			`* %[1]s FETCH (UID %[2]s BODY[] "%[4]s")`,
			`* %[1]s FETCH (UID %[2]s X-NEW (%[3]s "%[4]s"))`,
		}).Draw(t, "form")
		kept := flags.Draw(t, "flags")
		for range 20 {
			text := fmt.Appendf(nil, form, number.Draw(t, "number"), number.Draw(t, "uid"), number.Draw(t, "n"), word.Draw(t, "word"), date.Draw(t, "date"), kept)
			row := p.Row(text)
			want := fresh.Response(&Line{Text: text})
			if row == nil {
				l := &Line{Text: text}
				p.Learn(l, p.Response(l))
				continue
			}
			hits++
			got, f := row.Data.(*Fetch), want.Data.(*Fetch)
			if len(want.Problems) > 0 {
				t.Fatalf("%q fits, and has problems: %v", text, want.Problems)
			}
			if row.Name != want.Name || row.Kind != want.Kind || row.Number != want.Number || got.Number != f.Number || got.UID != f.UID ||
				!equalNumber(got.Size, f.Size) || !equalNumber(got.ModSeq, f.ModSeq) || (got.Flags == nil) != (f.Flags == nil) ||
				!slices.EqualFunc(got.Flags, f.Flags, func(a, b Text) bool { return string(a) == string(b) }) {
				t.Fatalf("%q is %+v, want %+v", text, got, f)
			}
		}
	})
	if hits < 100 {
		t.Errorf("only %d rows fitted", hits)
	}
}

func TestFewDigits(t *testing.T) {
	for range 500_000 {
		p := fmt.Append(nil, rand.Uint64N(1<<rand.IntN(34)))
		want, digits := 0, len(p)
		fmt.Sscan(string(p), &want)
		for range 8 {
			p = append(p, " )\x00/:\xff9a\xb0"[rand.IntN(9)])
		}
		if p[digits] == '9' {
			continue
		}
		d, n := fewDigits(p)
		if digits > 7 && n == 0 {
			continue
		}
		if n != digits || d != uint64(want) {
			t.Fatalf("%q: %d of %d digits, want %d of %d", p, d, n, want, digits)
		}
	}
	for _, p := range []string{"", "1", "1234567", "x1234567", "12345678"} {
		if _, n := fewDigits([]byte(p)); n != 0 {
			t.Errorf("%q has %d digits", p, n)
		}
	}
}

func TestPlainString(t *testing.T) {
	for range 500_000 {
		p := make([]byte, rand.IntN(60))
		for i := range p {
			p[i] = byte(1 + rand.IntN(127))
			switch rand.IntN(25) {
			case 0:
				p[i] = '"' ^ byte(rand.IntN(2))
			case 1:
				p[i] = "\x00\r\\\x80\xff\x01\f\x0e]["[rand.IntN(10)]
			}
		}
		want := bytes.IndexByte(p, '"')
		if want >= 0 && bytes.ContainsFunc(p[:want], func(r rune) bool { return r == 0 || r == '\r' || r == '\n' || r == '\\' || r >= 0x80 }) {
			want = -1
		}
		if got := plainString(p); got != want {
			t.Fatalf("%q: %d, want %d", p, got, want)
		}
	}
}

// The look at words finds what an octet by octet one finds.
func TestPlainRow(t *testing.T) {
	for range 200_000 {
		p := make([]byte, rand.IntN(80))
		want := true
		for i := range p {
			if p[i] = byte(1 + rand.IntN(127)); rand.IntN(100) == 0 {
				p[i] = byte(rand.IntN(256))
			}
			want = want && p[i] != 0 && p[i] != '\r' && p[i] < 0x80
		}
		if got := plainRow(p); got != want {
			t.Fatalf("%q: %v", p, got)
		}
	}
}

// What opens a hole is looked at as what is in an open one.
func TestRowOpens(t *testing.T) {
	var p Parser
	l := &Line{Text: []byte(`* 1 FETCH (UID 5 ENVELOPE (NIL "a" NIL NIL NIL NIL NIL NIL NIL "<b>"))`)}
	p.Learn(l, p.Response(l))
	for _, c := range []struct {
		text string
		fits bool
	}{
		{`* 1 FETCH (UID 5 ENVELOPE (NIL "a" NIL NIL NIL NIL NIL NIL NIL "<b>"))`, true},
		{`* 1 FETCH (UID 5 ENVELOPE (NIL "c" NIL NIL NIL NIL NIL NIL NIL "<b>"))`, true},
		{`* 2 FETCH (UID 6 ENVELOPE (NIL "a longer one" NIL NIL NIL NIL NIL NIL NIL "<b>"))`, true},
		{`* 2 FETCH (UID 6 ENVELOPE (NIL "a\"b" NIL NIL NIL NIL NIL NIL NIL "<b>"))`, false},
		{`* 2 FETCH (UID 6 ENVELOPE (NIL "a" NIL NIL NIL NIL NIL NIL NIL "<é>"))`, false},
		{`* 2 FETCH (UID 6 ENVELOPE (NIL "a" NIL NIL NIL NIL NIL NIL NIL "<c>") X)`, false},
		{`* 2 FETCH (UID 6 ENVELOPE (NIL "a" NIL NIL NIL NIL NIL NIL NIL "<c>"))`, true},
		{`* 3 FETCH (UID 7 ENVELOPE (NIL "` + long + `" NIL NIL NIL NIL NIL NIL NIL "<c>"))`, true},
		{`* 3 FETCH (UID 7 ENVELOPE (NIL "` + long + `" NIL NIL NIL NIL NIL NIL NIL "<c>"))`, true},
		{`* 3 FETCH (UID 7 ENVELOPE (NIL "` + long + `\" NIL NIL NIL NIL NIL NIL NIL "<c>"))`, false},
		{`* 3 FETCH (UID 7 ENVELOPE (NIL "` + long + long + `" NIL NIL NIL NIL NIL NIL NIL "<c>"))`, true},
		{`* 3 FETCH (UID 7 ENVELOPE (NIL "` + long + `" NIL NIL NIL NIL NIL NIL NIL "<`, false},
		{`* 3 FETCH (UID 07 ENVELOPE (NIL "a" NIL NIL NIL NIL NIL NIL NIL "<c>"))`, false},
	} {
		r := p.Row([]byte(c.text))
		if (r != nil) != c.fits {
			t.Errorf("%s fits: %v", c.text, r != nil)
		}
	}
}

const long = "a string that is worth being kept for the row that comes next"

// Rows that are never alike do not cost a look at each shape each time.
func TestRowGivesUp(t *testing.T) {
	var p Parser
	for i := range 10_000 {
		l := &Line{Text: fmt.Appendf(nil, "* 1 FETCH (FLAGS (k%d))", i)}
		if p.Row(l.Text) != nil {
			t.Fatalf("%s fits", l.Text)
		}
		p.Learn(l, p.Response(l))
	}
	if p.shapes.misses < 9000 {
		t.Errorf("%d misses", p.shapes.misses)
	}
	l := &Line{Text: []byte("* 1 FETCH (FLAGS (k) UID 5)")}
	for i := 0; ; i++ {
		if p.Row(l.Text) != nil {
			break
		}
		if i > 64 {
			t.Fatal("nothing is learned any more")
		}
		p.Learn(l, p.Response(l))
	}
}

func BenchmarkRow(b *testing.B) {
	for _, text := range []string{envelopeRow, `* 7 FETCH (UID 1007 FLAGS (\Seen))`} {
		l := &Line{Text: []byte(text)}
		b.Run(fmt.Sprintf("learned/%d", len(text)), func(b *testing.B) {
			var p Parser
			p.Learn(l, p.Response(l))
			for b.Loop() {
				if p.Row(l.Text) == nil {
					b.Fatal("does not fit")
				}
			}
		})
		b.Run(fmt.Sprintf("parsed/%d", len(text)), func(b *testing.B) {
			var p Parser
			for b.Loop() {
				p.Response(l)
			}
		})
	}
}
