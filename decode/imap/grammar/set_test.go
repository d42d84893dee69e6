package grammar

import (
	"bytes"
	"slices"
	"testing"
)

func TestSets(t *testing.T) {
	for _, c := range []struct {
		text   string
		last   uint32
		ranges []Range
		normal string
		count  uint64
		has    []uint32
		hasNot []uint32
	}{
		{"1", 9, []Range{{1, 1}}, "1", 1, []uint32{1}, []uint32{0, 2}},
		{"*", 9, []Range{{Star, Star}}, "9", 1, []uint32{9}, []uint32{0, 1, 10}},
		{"1,3:5,*:7", 9, []Range{{1, 1}, {3, 5}, {7, Star}}, "1,3:5,7:9", 7, []uint32{1, 4, 8}, []uint32{2, 6, 10}},
		{"*:7", 4, []Range{{7, Star}}, "4:7", 4, []uint32{4, 7}, []uint32{3, 8}}, // the larger one may come first
		{"5:3,4:8,9", 9, []Range{{3, 5}, {4, 8}, {9, 9}}, "3:9", 7, []uint32{3, 9}, []uint32{2}},
		{"1:*", 0, []Range{{1, Star}}, "1", 1, nil, nil},
		{"*", 0, []Range{{Star, Star}}, "", 0, nil, []uint32{1}},
		{"$", 9, nil, "", 0, nil, []uint32{1}},
		{"1:4294967295", 9, []Range{{1, 4294967295}}, "1:4294967295", 4294967295, []uint32{4294967295}, []uint32{0}},
		{"4294967295,1", 9, []Range{{4294967295, 4294967295}, {1, 1}}, "1,4294967295", 2, nil, []uint32{2}},
	} {
		s, n, ok := ParseSet([]byte(c.text))
		if !ok || n != len(c.text) || s.String() != c.text {
			t.Fatalf("%s: %q %d %v", c.text, s, n, ok)
		}
		if got := slices.Collect(s.All()); !slices.Equal(got, c.ranges) {
			t.Errorf("%s: ranges %v, want %v", c.text, got, c.ranges)
		}
		if got := string(AppendSet(nil, s.Normal(nil, c.last))); got != c.normal {
			t.Errorf("%s of %d: %s, want %s", c.text, c.last, got, c.normal)
		}
		if got := s.Count(c.last); got != c.count {
			t.Errorf("%s of %d: count %d, want %d", c.text, c.last, got, c.count)
		}
		for _, n := range c.has {
			if !s.Contains(n, c.last) {
				t.Errorf("%s of %d does not contain %d", c.text, c.last, n)
			}
		}
		for _, n := range c.hasNot {
			if s.Contains(n, c.last) {
				t.Errorf("%s of %d contains %d", c.text, c.last, n)
			}
		}
	}
	for _, text := range []string{"", "0", "01", "1,", ",1", "1:", ":1", "1::2", "4294967296", "a", "1:0", "**:", "-1", "1,$"} {
		if s, n, ok := ParseSet([]byte(text)); ok && n == len(text) {
			t.Errorf("%q is taken as %s", text, s)
		}
	}
}

func FuzzSet(f *testing.F) {
	for _, s := range []string{"1,3:5,*:7", "$", "4294967295:*", "7:3,5", "1,,2"} {
		f.Add([]byte(s), uint32(5), uint32(9))
	}
	f.Fuzz(func(t *testing.T, p []byte, n, last uint32) {
		s, end, ok := ParseSet(p)
		if end < 0 || end > len(p) {
			t.Fatalf("%q: end %d", p, end)
		}
		if !ok {
			if s != nil {
				t.Fatalf("%q: %q, and it is none", p, s)
			}
			return
		}
		if !bytes.Equal(s, p[:end]) {
			t.Fatalf("%q: %q", p, s)
		}
		if last == 0 {
			last = 1
		}
		normal := s.Normal(nil, last)
		var count uint64
		has := false
		for i, r := range normal {
			if r.First == 0 || r.First > r.Last || i > 0 && uint64(r.First) <= uint64(normal[i-1].Last)+1 {
				t.Fatalf("%q: %v is not normal", p, normal)
			}
			count += uint64(r.Last-r.First) + 1
			has = has || r.First <= n && n <= r.Last
		}
		if got := s.Count(last); got != count {
			t.Fatalf("%q: count %d, want %d", p, got, count)
		}
		if got := s.Contains(n, last); got != has {
			t.Fatalf("%q contains %d: %v, want %v", p, n, got, has)
		}
		if len(normal) == 0 {
			return
		}
		text := AppendSet(nil, normal)
		again, end, ok := ParseSet(text)
		if !ok || end != len(text) || !slices.Equal(slices.Collect(again.All()), normal) {
			t.Fatalf("%q: %q does not read back", p, text)
		}
		if v, ok := s.Single(); ok && (count != 1 || normal[0].First != v) {
			t.Fatalf("%q: single %d", p, v)
		}
	})
}
