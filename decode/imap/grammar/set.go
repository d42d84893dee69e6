package grammar

import (
	"cmp"
	"iter"
	"math"
	"slices"
	"strconv"
)

// Set is a sequence-set as it was sent (RFC 9051 §9): numbers and ranges of message sequence
// numbers or UIDs such as "1,3:5,*:7", or "$" for the result of the last search that was saved
// (RFC 9051 §6.4.4.1). It needs no memory but the octets of the line that it is a slice of.
type Set Text

// Star is what stands for "*" in a Range: the largest number in use (RFC 9051 §9, seq-number).
const Star = 0

// ParseSet reads the sequence-set at the begin of p and gives how many octets it has. ok is false
// where p does not begin with one, or that has the number 0 or one of more than 32 bits; n is then
// where the reason stands.
func ParseSet(p []byte) (s Set, n int, ok bool) {
	if len(p) > 0 && p[0] == '$' {
		return Set(p[:1:1]), 1, true
	}
	for {
		next, good := seqNumber(p, n)
		if !good {
			return nil, n, false
		}
		if n = next; n < len(p) && p[n] == ':' {
			if next, good = seqNumber(p, n+1); !good {
				return nil, n + 1, false
			}
			n = next
		}
		if n == len(p) || p[n] != ',' {
			return Set(p[:n:n]), n, true
		}
		n++
	}
}

// seqNumber passes "*" or a number from 1 to 2^32-1 at i.
func seqNumber(p []byte, i int) (int, bool) {
	if i < len(p) && p[i] == '*' {
		return i + 1, true
	}
	v, from := uint64(0), i
	for ; i < len(p) && p[i]-'0' < 10; i++ {
		if v = v*10 + uint64(p[i]-'0'); v > math.MaxUint32 {
			return from, false
		}
	}
	// nz-number begins with no zero (RFC 9051 §9).
	return i, i > from && p[from] != '0'
}

// Saved tells whether it is "$".
func (s Set) Saved() bool { return len(s) == 1 && s[0] == '$' }

// All gives the ranges in the order in which they were sent, the smaller number first. "*" is
// Star, and never before a number: "*:7" is 7 to Star. "$" has none.
func (s Set) All() iter.Seq[Range] {
	return func(yield func(Range) bool) {
		for i := 0; i < len(s); i++ {
			var r Range
			r.First, i = setNumber(s, i)
			r.Last = r.First
			if i < len(s) && s[i] == ':' {
				r.Last, i = setNumber(s, i+1)
			}
			if r.Last != Star && (r.First == Star || r.First > r.Last) {
				r.First, r.Last = r.Last, r.First
			}
			if s.Saved() || !yield(r) {
				return
			}
		}
	}
}

// setNumber reads a number of a set that is in order; all else is Star.
func setNumber(s Set, i int) (v uint32, end int) {
	for ; i < len(s) && s[i] != ',' && s[i] != ':'; i++ {
		if s[i] != '*' {
			v = v*10 + uint32(s[i]-'0')
		}
	}
	return v, i
}

// within puts last, the largest number in use, where "*" stands. Of "*:7" in a mailbox that has
// only 4 becomes 4 to 7 (RFC 9051 §9, seq-range).
func (r Range) within(last uint32) Range {
	if r.First == Star {
		r.First = last
	}
	if r.Last == Star {
		r.Last = last
	}
	if r.First > r.Last {
		r.First, r.Last = r.Last, r.First
	}
	return r
}

// Contains tells whether n is in the set, where last is the largest number in use.
func (s Set) Contains(n, last uint32) bool {
	for r := range s.All() {
		if r = r.within(last); r.First <= n && n <= r.Last {
			return n != 0
		}
	}
	return false
}

// Single gives the number of a set that is nothing but one number.
func (s Set) Single() (uint32, bool) {
	if len(s) == 0 || s[0] == '$' || s[0] == '*' {
		return 0, false
	}
	v, end := setNumber(s, 0)
	return v, end == len(s)
}

// Highest gives the largest number that stands in the set, "*" and "$" aside; 0 where there is none.
func (s Set) Highest() (most uint32) {
	for r := range s.All() {
		most = max(most, r.First, r.Last)
	}
	return most
}

// Count gives how many numbers are in the set, each once, where last is the largest in use.
func (s Set) Count(last uint32) (n uint64) {
	var few [64]Range
	for _, r := range s.Normal(few[:0], last) {
		n += uint64(r.Last) - uint64(r.First) + 1
	}
	return n
}

// Normal appends the ranges of the set to dst, sorted and joined where they overlap or adjoin,
// where last is the largest number in use. With last 0 nothing is in use, and "*" is left out.
func (s Set) Normal(dst []Range, last uint32) []Range {
	start := len(dst)
	for r := range s.All() {
		if last == 0 {
			if r.First == Star {
				continue
			}
			if r.Last == Star {
				r.Last = r.First
			}
		}
		dst = append(dst, r.within(last))
	}
	own := dst[start:]
	slices.SortFunc(own, func(a, b Range) int { return cmp.Compare(a.First, b.First) })
	k := 0
	for _, r := range own {
		if k > 0 && uint64(r.First) <= uint64(own[k-1].Last)+1 {
			own[k-1].Last = max(own[k-1].Last, r.Last)
			continue
		}
		own[k] = r
		k++
	}
	return dst[:start+k]
}

// AppendSet writes ranges as a sequence-set. Star is written as "*".
func AppendSet(dst []byte, ranges []Range) []byte {
	number := func(n uint32) {
		if n == Star {
			dst = append(dst, '*')
			return
		}
		dst = strconv.AppendUint(dst, uint64(n), 10)
	}
	for i, r := range ranges {
		if i > 0 {
			dst = append(dst, ',')
		}
		number(r.First)
		if r.Last != r.First {
			dst = append(dst, ':')
			number(r.Last)
		}
	}
	return dst
}

// String gives the set as it was sent.
func (s Set) String() string { return string(s) }

// MarshalJSON writes it as it was sent.
func (s Set) MarshalJSON() ([]byte, error) { return Text(s).MarshalJSON() }

// set reads a sequence-set. What is none is a problem and read up to the next SP or parenthesis;
// ok is false where nothing stands there at all.
func (p *Parser) set() (Set, bool) {
	s := &p.scanner
	from := s.pos
	set, n, ok := ParseSet(s.text[from:])
	if end := from + n; ok && (end == len(s.text) || class[s.text[end]]&wordChar == 0) {
		s.pos = end
		return set, true
	}
	w := s.word()
	p.badSet(from, w)
	return nil, w != nil
}
