package fragment

import (
	"bytes"
	"math"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func collect(max int, pieces ...[]byte) (lines []string, cut []bool, held int64) {
	l := Lines{Max: max}
	for i, p := range pieces {
		for len(p) > 0 {
			line, n, done := l.Take(p, time.Unix(int64(i), 0))
			p = p[n:]
			if done {
				lines = append(lines, string(line.Text)+string(line.EOL))
				cut = append(cut, line.Cut)
				if raw := line.Raw(); raw != nil && string(raw) != string(line.Text)+string(line.EOL) {
					panic("raw is not text and line end")
				}
			}
		}
	}
	_, held = l.Held()
	return lines, cut, held
}

func TestLinesDoNotDependOnCuts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		octets := rapid.SliceOf(rapid.SampledFrom([]byte("ab\r\n{1}+"))).Draw(t, "octets")
		limit := rapid.IntRange(2, 40).Draw(t, "max")
		cuts := rapid.SliceOfN(rapid.IntRange(0, len(octets)), 0, 5).Draw(t, "cuts")
		var pieces [][]byte
		rest := octets
		for _, c := range cuts {
			c = min(c, len(rest))
			pieces, rest = append(pieces, rest[:c]), rest[c:]
		}
		pieces = append(pieces, rest)
		w, wc, wh := collect(limit, octets)
		g, gc, gh := collect(limit, pieces...)
		if len(w) != len(g) || wh != gh {
			t.Fatalf("whole: %q and %d held; pieces: %q and %d held", w, wh, g, gh)
		}
		for i := range w {
			if w[i] != g[i] || wc[i] != gc[i] {
				t.Fatalf("line %d: whole %q, pieces %q", i, w[i], g[i])
			}
		}
	})
}

func TestLongLineKeepsItsTail(t *testing.T) {
	l := Lines{Max: 10}
	long := append(bytes.Repeat([]byte("y"), 1000), " {12345+}\r\n"...)
	for i := range long {
		line, _, done := l.Take(long[i:i+1], time.Time{})
		if !done {
			continue
		}
		spec, ok := ParseLiteral(line.Tail)
		if !ok || spec.Octets != 12345 || !spec.NonSync || !line.Cut || len(line.Text) != 10 || line.Wire != int64(len(long)) {
			t.Fatalf("%+v %+v %v", line, spec, ok)
		}
	}
}

func TestParseLiteral(t *testing.T) {
	for _, c := range []struct {
		line string
		want LiteralSpec
		ok   bool
	}{
		{"a1 LOGIN {4}", LiteralSpec{Octets: 4, Start: 9}, true},
		{"a1 APPEND x ~{10+}", LiteralSpec{Octets: 10, NonSync: true, Binary: true, Start: 12}, true},
		{"{0}", LiteralSpec{}, true},
		{"x {" + strconv.FormatInt(math.MaxInt64, 10) + "}", LiteralSpec{Octets: math.MaxInt64, Start: 2}, true},
		{"x {9223372036854775808}", LiteralSpec{}, false},
		{"x {}", LiteralSpec{}, false},
		{"x {+}", LiteralSpec{}, false},
		{"x {4-}", LiteralSpec{}, false},
		{"x 4}", LiteralSpec{}, false},
		{"}", LiteralSpec{}, false},
		{"", LiteralSpec{}, false},
		{"x {4} ", LiteralSpec{}, false},
	} {
		if got, ok := ParseLiteral([]byte(c.line)); ok != c.ok || ok && got != c.want {
			t.Errorf("%q: got %+v %v, want %+v %v", c.line, got, ok, c.want, c.ok)
		}
	}
}

// What lies whole inside one write is given as a slice of it, however long it is, so that
// every line of one write outlives the others.
func TestLinesOfOneWriteOutliveEachOther(t *testing.T) {
	l := Lines{Max: 4}
	l.Take([]byte("be"), time.Time{})
	p := []byte("gun\nlonger than that\r\nagain longer\n1234\r\n12345\nlast")
	var lines []Line
	for len(p) > 0 {
		line, n, done := l.Take(p, time.Time{})
		p = p[n:]
		if done {
			lines = append(lines, line)
		}
	}
	want := []struct {
		text, tail string
		wire       int64
		cut        bool
	}{
		{"begu", "begun", 6, true},
		{"long", "longer than that", 18, true},
		{"agai", "again longer", 13, true},
		{"1234", "1234", 6, false},
		{"1234", "12345", 6, true},
	}
	for i, w := range want {
		g := lines[i]
		if string(g.Text) != w.text || string(g.Tail) != w.tail || g.Wire != w.wire || g.Cut != w.cut {
			t.Errorf("line %d: %q … %q, %d octets, cut %t", i, g.Text, g.Tail, g.Wire, g.Cut)
		}
	}
	if raw := lines[3].Raw(); string(raw) != "1234\r\n" {
		t.Errorf("raw %q", raw)
	}
	if kept, n := l.Held(); string(kept) != "last" || n != 4 {
		t.Errorf("held %q", kept)
	}
}
