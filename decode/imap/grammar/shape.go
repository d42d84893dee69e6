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
// goes into holes is checked as the parser would. BenchmarkRow has what it saves.
type shape struct {
	text     []byte // of the row that it was learned from; fixed parts are slices of it
	slashes  int    // backslashes in it, all of them in fixed parts
	holes    []hole
	tail     []byte // behind the last hole
	fetch    Fetch
	response Response
	size     int64
	modSeq   int64
}

type hole struct {
	fixed []byte // before it
	role  role
	head  word // the first octets of fixed
}

// word is up to eight octets, which are compared at once (BenchmarkRow).
type word struct{ octets, mask uint64 }

func wordOf(p []byte) word {
	var b, mask [8]byte
	for i := range copy(b[:], p) {
		mask[i] = 0xff
	}
	return word{binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(mask[:])}
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
	slashes := -1
	if plainRow(text) {
		slashes = bytes.Count(text, backslash)
	}
	for i, x := range s.list {
		if x == nil {
			break
		}
		if x.slashes != slashes || !x.fits(text) {
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
	if !plainRow(l.Text) || !x.fits(l.Text) || x.fetch.Number != f.Number || x.fetch.UID != f.UID ||
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

// newShape finds the holes of a row, nil where it has none.
func newShape(row []byte) *shape {
	x := &shape{text: bytes.Clone(row), slashes: bytes.Count(row, backslash)}
	x.response = Response{Kind: Untagged, Name: "FETCH", Data: &x.fetch}
	text, from := x.text, 0
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			n := bytes.IndexByte(text[i+1:], '"')
			if n < 0 || bytes.IndexByte(text[i+1:i+1+n], '\\') >= 0 {
				return nil
			}
			h := hole{fixed: text[from : i+1], role: aString}
			if hasSuffix(h.fixed, `DATE "`) {
				h.role = aDateTime
			}
			x.holes = append(x.holes, h)
			from = i + 1 + n
			i = from + 1
		case class[c]&digitChar != 0 && i > 0 && (text[i-1] == ' ' || text[i-1] == '('):
			n := 1
			for i+n < len(text) && class[text[i+n]]&digitChar != 0 {
				n++
			}
			if i+n == len(text) || text[i+n] != ' ' && text[i+n] != ')' {
				i += n
				continue
			}
			x.holes = append(x.holes, hole{fixed: text[from:i], role: x.roleOf(text[from:i])})
			i += n
			from = i
		default:
			i++
		}
	}
	x.tail = text[from:]
	for i := range x.holes {
		x.holes[i].head = wordOf(x.holes[i].fixed)
	}
	if len(x.holes) == 0 || x.holes[0].role != theSequence {
		return nil
	}
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

// fits tells whether a row has the shape, and takes what is in its holes. The row is plain, and has as
// many backslashes as the shape, so that none stands in a string if all fixed parts are there.
func (x *shape) fits(text []byte) bool {
	for i := range x.holes {
		h := &x.holes[i]
		if len(text) >= 8 && binary.LittleEndian.Uint64(text)&h.head.mask != h.head.octets {
			return false
		}
		if (len(h.fixed) > 8 || len(text) < 8) && !bytes.HasPrefix(text, h.fixed) {
			return false
		}
		text = text[len(h.fixed):]
		if h.role >= aString {
			n := quoteIn(text)
			if n < 0 || h.role == aDateTime && !isDateTime(text[:n]) {
				return false
			}
			text = text[n:]
			continue
		}
		// Up to 9 digits are a number of 32 bits for sure, up to 18 one of 63.
		var v uint64
		n := 0
		for n < len(text) && n < 19 {
			d := text[n] - '0'
			if d > 9 {
				break
			}
			v = 10*v + uint64(d)
			n++
		}
		if n == 0 || n > 18 || text[0] == '0' {
			return false
		}
		text = text[n:]
		switch h.role {
		case theSequence, theUID:
			if n > 9 {
				return false
			}
			if h.role == theUID {
				x.fetch.UID = uint32(v)
			} else {
				x.fetch.Number, x.response.Number = uint32(v), uint32(v)
			}
		case theSize:
			x.size = int64(v)
		case theModSeq:
			x.modSeq = int64(v)
		default:
			if n > 9 {
				return false
			}
		}
	}
	return bytes.Equal(text, x.tail)
}

// quoteIn is the place of the first double quote, -1 where there is none. Most strings of a row
// are shorter than what a call of bytes.IndexByte is worth (BenchmarkRow).
func quoteIn(p []byte) int {
	const low, tops, quotes = 0x0101010101010101, 0x8080808080808080, '"' * 0x0101010101010101
	n := 0
	for ; n+8 <= len(p) && n < 32; n += 8 {
		w := binary.LittleEndian.Uint64(p[n:]) ^ quotes
		if found := (w - low) &^ w & tops; found != 0 {
			return n + bits.TrailingZeros64(found)>>3
		}
	}
	if i := bytes.IndexByte(p[n:], '"'); i >= 0 {
		return n + i
	}
	return -1
}

var backslash = []byte{'\\'}

// plainRow tells whether a line has nothing in it but ASCII without NUL and CR: what a string may hold
// (RFC 9051 §9, QUOTED-CHAR).
func plainRow(p []byte) bool {
	if bytes.IndexByte(p, 0) >= 0 || bytes.IndexByte(p, '\r') >= 0 {
		return false
	}
	const tops = 0x8080808080808080
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
