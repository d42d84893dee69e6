package decode_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailtrace/mailtrace/decode"
)

func TestFields(t *testing.T) {
	f := decode.Fields{}.With("by", "client").With("empty", "").With("reason", `said "no"`)
	if got, want := f.String(), `by=client reason="said \"no\""`; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	if f.Get("reason") != `said "no"` || f.Get("empty") != "" {
		t.Fatal(f)
	}
	if got, want := (decode.Fields{{Key: "a", Value: ""}, {Key: "b", Value: "a=b"}, {Key: "c", Value: "ü\x00\xff"}}).String(), `a="" b="a=b" c="\u00fc\x00\xff"`; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
}

// Two marks that are made of the same fields do not see each other's.
func TestWithLeavesItsFieldsAlone(t *testing.T) {
	base := append(make(decode.Fields, 0, 8), decode.Field{Key: "a", Value: "1"})
	b, c := base.With("b", "2"), base.With("c", "3")
	if b.String() != "a=1 b=2" || c.String() != "a=1 c=3" || base.String() != "a=1" {
		t.Fatal(base, b, c)
	}
}

func TestParseFieldsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var f decode.Fields
		for range rapid.IntRange(0, 8).Draw(t, "n") {
			f = append(f, decode.Field{
				Key:   rapid.StringMatching(`[a-z][a-zA-Z0-9-]*`).Draw(t, "key"),
				Value: string(rapid.SliceOf(rapid.Byte()).Draw(t, "value")),
			})
		}
		text := f.String()
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("%q is not printable ASCII", text)
		}
		back, err := decode.ParseFields(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if len(back) != len(f) {
			t.Fatalf("%s: %d fields of %d", text, len(back), len(f))
		}
		for i := range f {
			if back[i] != f[i] {
				t.Fatalf("%s: field %d is %q", text, i, back[i])
			}
		}
	})
}

func TestParseFieldsSaysWhere(t *testing.T) {
	for text, want := range map[string]string{
		"a=1 b":         `column 5: expected key=value, got "b"`,
		"=1":            `column 1: expected key=value, got "=1"`,
		`a=1 b="x`:      `column 5: unfinished quotes after b=`,
		`a="x"b=2`:      `column 6: expected a space behind a="x", got "b=2"`,
		`a=1  "b"=2`:    `column 6: expected key=value, got "\"b\"=2"`,
		"a=1 b c=2 d=3": `column 5: expected key=value, got "b c=2 d=3"`,
	} {
		_, err := decode.ParseFields(text)
		if err == nil || !strings.HasSuffix(err.Error(), want) || !strings.HasPrefix(err.Error(), "decode: mark: ") {
			t.Errorf("%q: %v, want … %s", text, err, want)
		}
	}
	if f, err := decode.ParseFields("  a=1   b=2  "); err != nil || len(f) != 2 {
		t.Error(f, err)
	}
}

func FuzzParseFields(f *testing.F) {
	f.Add(`a=1 b="\x00" c=`)
	f.Fuzz(func(t *testing.T, text string) {
		fields, err := decode.ParseFields(text)
		if err != nil {
			return
		}
		for _, x := range fields {
			if strings.ContainsAny(x.Key, "=\" ") || x.Key == "" {
				t.Fatalf("%q: key %q", text, x.Key)
			}
		}
		again, err := decode.ParseFields(fields.String())
		if err != nil || again.String() != fields.String() {
			t.Fatalf("%q: %v, %v", text, again, err)
		}
	})
}
