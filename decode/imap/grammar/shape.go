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
// A hole is open once a row had something else in it than the row that the shape was learned from;
// till then it counts as fixed. A row that fits is one without problems, since the one was that the
// shape was learned from; what goes into open holes is checked as the parser would (BenchmarkRow).
type shape struct {
	learned  []byte // the row
	holes    []hole
	runs     []run  // by open hole
	tail     []byte // what is fixed behind the last run; a part of learned
	fetch    Fetch
	response Response
	size     int64
	modSeq   int64
	octets   int // of the row that fitted last, with its line end
}

// hole is learned[start:end]; a string is without its quotes.
type hole struct {
	start, end int
	role       role
	open       bool
}

// run is fixed text and the open hole behind it.
type run struct {
	fixed []byte // a part of learned
	role  role
	last  []byte // a long string that was in the hole last: it may be there again
}

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
	if x := p.shapes.fitting(text, ""); x != nil {
		return &x.response
	}
	return nil
}

// RowAt is Row where p goes on behind the row: with CRLF, or there is none. It gives the data, and
// the octets of the row with its line end. Flags is a slice that nobody changes.
func (p *Parser) RowAt(b []byte) (d *Fetch, n int) {
	if x := p.shapes.fitting(b, "\r\n"); x != nil {
		return &x.fetch, x.octets
	}
	return nil, 0
}

// fitting gives the shape of a row, which ends in end.
func (s *shapes) fitting(text []byte, end string) *shape {
	if s.misses > missesSuffer && s.misses&15 != 0 {
		s.misses++
		return nil
	}
	for i, x := range s.list {
		if x == nil {
			break
		}
		if !x.fits(text, end) {
			continue
		}
		if s.misses = 0; i > 0 {
			copy(s.list[1:i+1], s.list[:i])
			s.list[0] = x
		}
		return x
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
	x := &shape{learned: bytes.Clone(row)}
	x.response = Response{Kind: Untagged, Name: "FETCH", Data: &x.fetch}
	var v values
	text, from := x.learned, 0
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
			n := r.take(text[start:], &v)
			if n < 0 {
				return nil
			}
			end = start + n
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
			taken := r.take(text[start:], &v)
			if taken < 0 {
				return nil
			}
			end = start + taken
			i = n
		default:
			i++
			continue
		}
		x.holes = append(x.holes, hole{start: start, end: end, role: r})
		from = end
	}
	if len(x.holes) == 0 || x.holes[0].role != theSequence {
		return nil
	}
	x.divide()
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

// divide makes runs of what is open.
func (x *shape) divide() {
	x.runs = x.runs[:0]
	from := 0
	for _, h := range x.holes {
		if h.open {
			x.runs = append(x.runs, run{fixed: x.learned[from:h.start], role: h.role})
			from = h.end
		}
	}
	x.tail = x.learned[from:]
}

// longString is one that is looked for again in the next row: comparing it is cheaper than looking
// at what is in it.
const longString = 40

// fits tells whether text is a row of the shape and end, and takes what is in its holes. Where end is
// a line end, text may go on behind it.
func (x *shape) fits(text []byte, end string) bool {
	v := x.values()
	rest := text
	for i := range x.runs {
		g := &x.runs[i]
		n := len(g.fixed)
		if len(rest) <= n || string(rest[:n]) != string(g.fixed) {
			return x.opens(text, end)
		}
		rest = rest[n:]
		if n = len(g.last); n > 0 && n < len(rest) && rest[n] == '"' && string(rest[:n]) == string(g.last) {
			rest = rest[n:]
			continue
		}
		if n = g.role.take(rest, &v); n < 0 {
			return false
		}
		if n >= longString && g.role == aString {
			g.last = append(g.last[:0], rest[:n]...)
		}
		rest = rest[n:]
	}
	n := ends(rest, x.tail, end)
	if n < 0 {
		return x.opens(text, end)
	}
	x.octets = len(text) - len(rest) + n
	x.hold(v)
	return true
}

// ends gives the octets of tail and end if rest begins with them, and ends with them where end is
// none; otherwise -1.
func ends(rest, tail []byte, end string) int {
	n := len(tail)
	if len(rest) < n+len(end) || string(rest[:n]) != string(tail) || string(rest[n:n+len(end)]) != end || end == "" && len(rest) > n {
		return -1
	}
	return n + len(end)
}

// opens tells whether a row has the shape once more of its holes are open.
func (x *shape) opens(text []byte, end string) bool {
	v := x.values()
	from, rest := 0, text
	for i := range x.holes {
		h := &x.holes[i]
		n := h.start - from
		if len(rest) <= n || string(rest[:n]) != string(x.learned[from:h.start]) {
			return false
		}
		rest = rest[n:]
		if n = h.role.take(rest, &v); n < 0 {
			return false
		}
		h.open = h.open || string(rest[:n]) != string(x.learned[h.start:h.end])
		from, rest = h.end, rest[n:]
	}
	n := ends(rest, x.learned[from:], end)
	if n < 0 {
		return false
	}
	x.octets = len(text) - len(rest) + n
	x.divide()
	x.hold(v)
	return true
}

// take gives the octets of a hole that p begins with, and checks what is in it; -1 for what may not
// be there.
func (r role) take(p []byte, v *values) int {
	if r >= aString {
		n := plainString(p)
		if r == aDateTime && n >= 0 && !isDateTime(p[:n]) {
			return -1
		}
		return n
	}
	// Up to 9 digits are a number of 32 bits for sure, up to 18 one of 63.
	d, n := fewDigits(p)
	if n == 0 {
		for n < len(p) && n < 19 && p[n]-'0' <= 9 {
			d = 10*d + uint64(p[n]-'0')
			n++
		}
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
	return n
}

const (
	lows = 0x0101010101010101
	tops = 0x8080808080808080
)

// fewDigits gives the number that p begins with and how many digits it has, no digits where there
// are none or more than seven, or where p ends too early to tell at a glance.
func fewDigits(p []byte) (d uint64, n int) {
	if len(p) < 8 {
		return 0, 0
	}
	w := binary.LittleEndian.Uint64(p) ^ '0'*lows
	n = bits.TrailingZeros64((w+(0x80-10)*lows|w)&tops) >> 3 // nothing carries out of an octet before the first that is none
	if n == 0 || n > 7 {
		return 0, 0
	}
	// The digits go to the high end, behind zeros: then pairs are added up, pairs of pairs, and these.
	w <<= (8 - n) * 8
	w = w*10 + w>>8
	return ((w&0x000000ff000000ff)*(100+1_000_000<<32) + (w>>16&0x000000ff000000ff)*(1+10_000<<32)) >> 32, n
}

// plainString gives the octets before the first double quote, -1 where there is none or something
// before it that a quoted string may not hold as it is: NUL, CR, LF, a backslash, anything beyond ASCII
// (RFC 9051 §9, QUOTED-CHAR).
func plainString(p []byte) int {
	n := 0
	for ; n+8 <= len(p); n += 8 {
		w := binary.LittleEndian.Uint64(p[n:])
		// An octet that is looked for has its high bit set here. What a subtraction borrows from
		// stands behind one, so that of each word the first is sure to be one.
		quote := w ^ '"'*lows
		quote = (quote - lows) &^ quote & tops
		other := (w | (w - lows) | ((w ^ '\r'*lows) - lows) | ((w ^ '\n'*lows) - lows) | ((w ^ '\\'*lows) - lows)) & tops
		switch {
		case quote|other == 0:
		case quote == 0 || other&(quote&-quote-1) != 0:
			return -1
		default:
			return n + bits.TrailingZeros64(quote)>>3
		}
	}
	for ; n < len(p); n++ {
		switch c := p[n]; {
		case c == '"':
			return n
		case c == 0, c == '\r', c == '\n', c == '\\', c >= 0x80:
			return -1
		}
	}
	return -1
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
