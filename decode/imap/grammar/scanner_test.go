package grammar

import (
	"math"
	"testing"
)

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		text string
		want uint64
		ok   bool
		rest string
	}{
		{"0", 0, true, ""},
		{"00042)", 42, true, ")"},
		{"18446744073709551615 x", math.MaxUint64, true, " x"},
		{"9999999999999999999", 9999999999999999999, true, ""},
		{"18446744073709551616", math.MaxUint64, true, ""},
		{"00000000000000000000000007", 7, true, ""},
		{"99999999999999999999999999a", math.MaxUint64, true, "a"},
		{"-1", 0, false, "-1"},
		{"", 0, false, ""},
	} {
		var s scanner
		s.reset(&Line{Text: []byte(c.text)})
		n, ok := s.number()
		if n != c.want || ok != c.ok || string(s.rest()) != c.rest {
			t.Errorf("%q: %d, %v", c.text, n, ok)
		}
	}
}

// TestPlainEnd finds each octet that ends plain text at each place, whatever stands before it.
func TestPlainEnd(t *testing.T) {
	for at := range 40 {
		for c := range 256 {
			text := make([]byte, 40)
			for i := range text {
				text[i] = '!' // one less than a quote
			}
			text[at] = byte(c)
			want := len(text)
			if class[c]&plainChar == 0 {
				want = at
			}
			if got := plainEnd(text, 0); got != want {
				t.Fatalf("octet %#x at %d: %d, want %d", c, at, got, want)
			}
		}
	}
}

func TestQuoted(t *testing.T) {
	for _, c := range []struct{ text, want, rest string }{
		{`"" x`, "", " x"},
		{`"a\"b\\c")`, `a"b\c`, ")"},
		{`"a b" c`, "a b", " c"},
		{`"a"b" (c`, `a"b`, " (c"},
		{`"a"b" c`, `a`, `b" c`}, // nothing says that the second one ends it
		{`"a"b c`, `a`, "b c"},
		{`"a`, `a`, ""},
		{`"a\`, `a\`, ""},
		{`"\"`, `"`, ""},
		{`"]"] x`, "]", "] x"},
	} {
		var s scanner
		s.reset(&Line{Text: []byte(c.text)})
		if got := s.quoted(); string(got) != c.want || string(s.text[s.pos:]) != c.rest || got == nil {
			t.Errorf("%s: %q, left %q", c.text, got, s.text[s.pos:])
		}
	}
}

// TestValue passes whole values, whatever is in them.
func TestValue(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`a b`, "a"},
		{`(a (b ")") c) d`, `(a (b ")") c)`},
		{`"a b" c`, `"a b"`},
		{`BODY[HEADER.FIELDS (A B)]<0> x`, `BODY[HEADER.FIELDS (A B)]<0>`},
		{`) x`, ``},
		{` x`, ``},
		{`((((`, `((((`},
	} {
		var s scanner
		s.reset(&Line{Text: []byte(c.text)})
		if got := s.value(); string(got) != c.want {
			t.Errorf("%s: %q, want %q", c.text, got, c.want)
		}
	}
	var s scanner
	s.reset(lineOf("(a {3}\r\n) ( b) c"))
	if got := s.value(); string(got) != "(a {3} b)" {
		t.Errorf("a list with a literal: %q", got)
	}
}
