package grammar

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// Most rows of a long FETCH differ from the one before in numbers and strings alone. A shape is
// such a row with holes in these places:
//
//   - 17 FETCH (UID 1017 FLAGS (\Seen) INTERNALDATE "01-Jan-2026 00:00:00 +0000")
//     └┘└┘└──────────┘└──┘└────────────────────────────┘└────────────────────────┘└┘
//     number        UID  fixed                         string                    fixed
//
// A row that fits is one without problems, since the one was that the shape was learned from; what
// goes into holes is checked as the parser would. Of what is the same as in the row before, holes
// and all, nothing is looked at but that (BenchmarkRow).
type shape struct {
	last     []byte // the row that fitted last
	roles    []role // by hole
	holes    []hole
	other    []hole // for the next row
	fetch    Fetch
	response Response
	size     int64
	modSeq   int64
}

// hole is text[start:end] of a row; a string is without its quotes.
type hole struct{ start, end int32 }

type role uint8

const (
	aNumber role = iota
	theSequence
	theUID
	theSize
	theModSeq
	aString
	aDateTime
)

// values are those of a row's holes that somebody reads.
type values struct {
	number, uid  uint32
	size, modSeq int64
}

// shapes are those that were of use last, the latest first.
type shapes struct {
	list   [shapesKept]*shape
	misses int // in a row
}

const (
	shapesKept   = 6
	shapeOctets  = 2 << 10 // of the longest row that is learned from
	missesSuffer = 32      // then only one row in 16 is tried
)

// Row gives the response of an untagged FETCH whose like was parsed before, nil otherwise: then
// Response has to parse it, and Learn may be told. Of the data of a Row only Number, UID, Flags,
// Size and ModSeq can be relied on; it is for readers who want no more. The result is valid
// until the next call.
func (p *Parser) Row(text []byte) *Response {
	s := &p.shapes
	if s.misses > missesSuffer && s.misses&15 != 0 {
		s.misses++
		return nil
	}
	for i, x := range s.list {
		if x == nil {
			break
		}
		if !x.fits(text) {
			continue
		}
		if s.misses = 0; i > 0 {
			copy(s.list[1:i+1], s.list[:i])
			s.list[0] = x
		}
		return &x.response
	}
	s.misses++
	return nil
}

// Learn takes a row that Response parsed, if others may be like it.
func (p *Parser) Learn(l *Line, r *Response) {
	s := &p.shapes
	f, ok := r.Data.(*Fetch)
	switch {
	case !ok, r.Name != "FETCH", len(r.Problems) > 0, len(l.Literals) > 0, l.Cut, len(l.Text) > shapeOctets:
		return
	case f.Body != nil, f.BodyStructure != nil, len(f.Sections)+len(f.BinarySizes)+len(f.Annotations)+len(f.Other) > 0:
		return // more of these is read than a Row has
	case s.misses > missesSuffer && s.misses&15 != 1:
		return
	}
	x := newShape(l.Text)
	if x == nil {
		return
	}
	x.fetch.Flags = keptFlags(f.Flags)
	// A hole of a role that was not recognized would lose what it holds.
	if x.fetch.Number != f.Number || x.fetch.UID != f.UID ||
		!equalNumber(x.fetch.Size, f.Size) || !equalNumber(x.fetch.ModSeq, f.ModSeq) {
		return
	}
	copy(s.list[1:], s.list[:])
	s.list[0] = x
}

func equalNumber(a, b *int64) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

func keptFlags(flags []Text) []Text {
	if flags == nil {
		return nil
	}
	kept := make([]Text, 0, len(flags))
	for _, f := range flags {
		kept = append(kept, bytes.Clone(f))
	}
	return kept
}

// newShape finds the holes of a row, nil where it has none or holds what no shape may.
func newShape(row []byte) *shape {
	if !plainRow(row) {
		return nil
	}
	x := &shape{last: bytes.Clone(row)}
	x.response = Response{Kind: Untagged, Name: "FETCH", Data: &x.fetch}
	var v values
	text, from := x.last, 0
	for i := 0; i < len(text); {
		start, end := i, 0
		var r role
		switch c := text[i]; {
		case c == '"':
			start++
			r = aString
			if hasSuffix(text[from:start], `DATE "`) {
				r = aDateTime
			}
			if end = r.take(text, start, &v); end < 0 {
				return nil
			}
			i = end + 1
		case class[c]&digitChar != 0 && i > 0 && (text[i-1] == ' ' || text[i-1] == '('):
			n := i + 1
			for n < len(text) && class[text[n]]&digitChar != 0 {
				n++
			}
			if n == len(text) || text[n] != ' ' && text[n] != ')' {
				i = n
				continue
			}
			r = x.roleOf(text[from:i])
			if end = r.take(text, start, &v); end < 0 {
				return nil
			}
			i = n
		default:
			i++
			continue
		}
		x.holes, x.roles = append(x.holes, hole{int32(start), int32(end)}), append(x.roles, r)
		from = end
	}
	if len(x.holes) == 0 || x.roles[0] != theSequence {
		return nil
	}
	x.other = make([]hole, len(x.holes))
	x.hold(v)
	return x
}

func (x *shape) roleOf(before []byte) role {
	switch {
	case len(x.holes) == 0:
		return theSequence
	case hasSuffix(before, "UID "):
		return theUID
	case hasSuffix(before, "RFC822.SIZE "):
		x.fetch.Size = &x.size
		return theSize
	case hasSuffix(before, "MODSEQ ("):
		x.fetch.ModSeq = &x.modSeq
		return theModSeq
	}
	return aNumber
}

func hasSuffix(p []byte, suffix string) bool {
	return len(p) >= len(suffix) && string(p[len(p)-len(suffix):]) == suffix
}

func (x *shape) values() values { return values{x.fetch.Number, x.fetch.UID, x.size, x.modSeq} }

func (x *shape) hold(v values) {
	x.fetch.Number, x.response.Number, x.fetch.UID, x.size, x.modSeq = v.number, v.number, v.uid, v.size, v.modSeq
}

// fits tells whether a row has the shape, and takes what is in its holes.
//
//	last  * 16 FETCH (UID 1016 FLAGS (\Seen) RFC822.SIZE 512 …
//	      └──┘└┘             └┘                         └─┘
//	text  * 17 FETCH (UID 1017 FLAGS (\Seen) RFC822.SIZE 498 …
//	      same, hole, same  , hole, same               , hole
func (x *shape) fits(text []byte) bool {
	v := x.values()
	at, was := 0, 0 // in text, in last
	for k := 0; ; k++ {
		same := was + samePrefix(text[at:], x.last[was:])
		// A hole is as it was if what ended it is the same too.
		for ; k < len(x.holes) && int(x.holes[k].end) < same; k++ {
			h := x.holes[k]
			x.other[k] = hole{h.start + int32(at-was), h.end + int32(at-was)}
		}
		if k == len(x.holes) {
			if same != len(x.last) || at+same-was != len(text) {
				return false
			}
			break
		}
		old := x.holes[k]
		if int(old.start) > same {
			return false
		}
		start := int(old.start) + at - was
		end := x.roles[k].take(text, start, &v)
		if end < 0 {
			return false
		}
		x.other[k] = hole{int32(start), int32(end)}
		at, was = end, int(old.end)
	}
	x.holes, x.other = x.other, x.holes
	x.last = append(x.last[:0], text...)
	x.hold(v)
	return true
}

// take gives the end of a hole that begins at start, and checks what is in it; -1 for what may not
// be there. The text has no line end.
func (r role) take(text []byte, start int, v *values) (end int) {
	p := text[start:]
	if r >= aString {
		n := quoteIn(p)
		if n < 0 || r == aDateTime && !isDateTime(p[:n]) || !plainString(p[:n]) {
			return -1
		}
		return start + n
	}
	// Up to 9 digits are a number of 32 bits for sure, up to 18 one of 63.
	var d uint64
	n := 0
	for n < len(p) && n < 19 {
		c := p[n] - '0'
		if c > 9 {
			break
		}
		d = 10*d + uint64(c)
		n++
	}
	switch {
	case n == 0 || n > 18 || p[0] == '0':
		return -1
	case r == theSize:
		v.size = int64(d)
	case r == theModSeq:
		v.modSeq = int64(d)
	case n > 9:
		return -1
	case r == theSequence:
		v.number = uint32(d)
	case r == theUID:
		v.uid = uint32(d)
	}
	return start + n
}

const (
	lows = 0x0101010101010101
	tops = 0x8080808080808080
)

func word(p []byte) uint64 { return binary.LittleEndian.Uint64(p) }

// samePrefix is how many octets two texts have in common at their beginning.
func samePrefix(a, b []byte) int {
	n := 0
	for len(a) >= 32 && len(b) >= 32 {
		if (word(a)^word(b))|(word(a[8:])^word(b[8:]))|(word(a[16:])^word(b[16:]))|(word(a[24:])^word(b[24:])) != 0 {
			break
		}
		a, b, n = a[32:], b[32:], n+32
	}
	for len(a) >= 8 && len(b) >= 8 {
		if x := word(a) ^ word(b); x != 0 {
			return n + bits.TrailingZeros64(x)>>3
		}
		a, b, n = a[8:], b[8:], n+8
	}
	for i := 0; i < len(a) && i < len(b) && a[i] == b[i]; i++ {
		n++
	}
	return n
}

// quoteIn is the place of the first double quote, -1 where there is none. Most strings of a row
// are shorter than what a call of bytes.IndexByte is worth (BenchmarkRow).
func quoteIn(p []byte) int {
	n := 0
	for ; n+8 <= len(p) && n < 32; n += 8 {
		w := binary.LittleEndian.Uint64(p[n:]) ^ '"'*lows
		if found := (w - lows) &^ w & tops; found != 0 {
			return n + bits.TrailingZeros64(found)>>3
		}
	}
	if i := bytes.IndexByte(p[n:], '"'); i >= 0 {
		return n + i
	}
	return -1
}

// plainString tells whether a string has nothing in it that a quoted one may not hold as it is:
// NUL, CR, a backslash, anything beyond ASCII (RFC 9051 §9, QUOTED-CHAR).
func plainString(p []byte) bool {
	all := uint64(0)
	for len(p) >= 8 {
		w := binary.LittleEndian.Uint64(p)
		all |= w | (w - lows) | ((w ^ '\r'*lows) - lows) | ((w ^ '\\'*lows) - lows)
		p = p[8:]
	}
	for _, c := range p {
		if c == 0 || c == '\r' || c == '\\' || c >= 0x80 {
			return false
		}
	}
	return all&tops == 0
}

// plainRow tells whether a line has nothing in it but ASCII without NUL and CR: what a string may hold
// (RFC 9051 §9, QUOTED-CHAR).
func plainRow(p []byte) bool {
	if bytes.IndexByte(p, 0) >= 0 || bytes.IndexByte(p, '\r') >= 0 {
		return false
	}
	for len(p) >= 32 {
		if (binary.LittleEndian.Uint64(p)|binary.LittleEndian.Uint64(p[8:])|
			binary.LittleEndian.Uint64(p[16:])|binary.LittleEndian.Uint64(p[24:]))&tops != 0 {
			return false
		}
		p = p[32:]
	}
	for _, c := range p {
		if c >= 0x80 {
			return false
		}
	}
	return true
}
