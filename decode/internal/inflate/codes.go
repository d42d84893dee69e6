package inflate

import (
	"math/bits"
	"sync"
)

// entry is what a code means. From the lowest bit: six bits of how many bits it takes with
// its extra bits, two of nothing, four of how many it takes without them; flags; and, from
// bit 16, a literal octet, the base of a length or distance, or a place in a subtable.
type entry uint32

const (
	literal entry = 1 << 12 // the value is an octet
	end     entry = 1 << 13 // the end of the block
	link    entry = 1 << 14 // the code is longer: the subtable at value, as wide as bits says
	special entry = 1 << 15 // one of the two, or no code
)

func (e entry) bits() uint { return uint(e & 63) }
func (e entry) value() int { return int(e >> 16) }

// with is the base with the extra bits that stand behind the code.
func (e entry) with(b uint64) int {
	return int(e>>16) + int(b&(1<<(e&63)-1)>>(e>>8&15))
}

const (
	litWidth  = 10 // bits of the tables that are looked at first
	distWidth = 8
	preWidth  = 7 // no code of the precode is longer
	maxCode   = 15
)

type (
	litTable struct {
		first [1 << litWidth]entry
		sub   []entry
	}
	distTable struct {
		first [1 << distWidth]entry
		sub   []entry
	}
	preTable [1 << preWidth]entry
)

func (t *litTable) build(lengths []uint8) (ok bool) {
	t.sub, ok = build(t.first[:], litWidth, t.sub[:0], &litMeaning, lengths)
	return ok
}

func (t *distTable) build(lengths []uint8) (ok bool) {
	t.sub, ok = build(t.first[:], distWidth, t.sub[:0], &distMeaning, lengths)
	return ok
}

func (t *preTable) build(lengths []uint8) (ok bool) {
	_, ok = build(t[:], preWidth, nil, &preMeaning, lengths)
	return ok
}

// find gives the entry of the code that b begins with.
func (t *litTable) find(b uint64) entry {
	e := t.first[b%(1<<litWidth)]
	if e&link != 0 {
		e = t.sub[e.value()+int(b>>litWidth&(1<<(e&63)-1))]
	}
	return e
}

func (t *distTable) find(b uint64) entry {
	e := t.first[b%(1<<distWidth)]
	if e&link != 0 {
		e = t.sub[e.value()+int(b>>distWidth&(1<<(e&63)-1))]
	}
	return e
}

// build fills first with the codes of these lengths (RFC 1951 §3.2.2), and sub with those
// longer than width bits. It is false where they are no complete prefix code. One code of
// one bit is allowed (§3.2.7), and so is none: the compressors do both.
func build(first []entry, width uint, sub []entry, meaning *[288]entry, lengths []uint8) ([]entry, bool) {
	var count, next [maxCode + 1]int
	for _, n := range lengths {
		count[n]++
	}
	count[0] = 0
	used, longest, free := 0, 0, 1
	for n := 1; n <= maxCode; n++ {
		next[n] = used
		used += count[n]
		free = free<<1 - count[n]
		if free < 0 {
			return sub, false
		}
		if count[n] > 0 {
			longest = n
		}
	}
	if free > 0 && longest > 1 {
		return sub, false
	}
	if free > 0 {
		for i := range first {
			first[i] = special | 1
		}
	}
	var sorted [288]uint16
	for symbol, n := range lengths {
		if n > 0 {
			sorted[next[n]] = uint16(symbol)
			next[n]++
		}
	}
	code, i, prefix, from, wide := uint(0), 0, -1, 0, uint(0)
	for n := uint(1); n <= uint(longest); n++ {
		for left := count[n]; left > 0; left-- {
			symbol := sorted[i]
			i++
			e := meaning[symbol] + entry(n|n<<8)
			b := uint(bits.Reverse16(uint16(code)) >> (16 - n)) // codes come highest bit first (§3.1.1)
			code++
			if n <= width {
				for j := b; j < uint(len(first)); j += 1 << n {
					first[j] = e
				}
				continue
			}
			if p := int(b & (1<<width - 1)); p != prefix {
				prefix, from, wide = p, len(sub), n-width
				for room := 1<<wide - left; room > 0; {
					wide++
					room = room<<1 - count[width+wide]
				}
				sub = append(sub, make([]entry, 1<<wide)...)
				first[p] = link | special | entry(from)<<16 | entry(wide)
			}
			for j := b >> width; j < 1<<wide; j += 1 << (n - width) {
				sub[from+int(j)] = e
			}
		}
		code <<= 1
	}
	return sub, true
}

// What symbols mean, without the lengths of their codes (RFC 1951 §3.2.5).
var litMeaning, distMeaning, preMeaning = meanings()

func meanings() (lit, dist, pre [288]entry) {
	for i := range 256 {
		lit[i] = literal | entry(i)<<16
	}
	lit[256] = end | special
	base, extra := 3, 0
	for i := 257; i < 285; i++ {
		if i >= 265 {
			extra = (i - 261) / 4
		}
		lit[i] = entry(base)<<16 | entry(extra)
		base += 1 << extra
	}
	lit[285] = longest << 16
	lit[286], lit[287] = special, special
	base, extra = 1, 0
	for i := range maxDist {
		if i >= 4 {
			extra = (i - 2) / 2
		}
		dist[i] = entry(base)<<16 | entry(extra)
		base += 1 << extra
	}
	dist[30], dist[31] = special, special
	for i := range 19 {
		pre[i] = entry(i) << 16
	}
	return lit, dist, pre
}

// fixed gives the codes of a block of fixed codes (RFC 1951 §3.2.6).
var fixed = sync.OnceValues(func() (*litTable, *distTable) {
	var n [288]uint8
	for i := range n {
		switch {
		case i < 144:
			n[i] = 8
		case i < 256:
			n[i] = 9
		case i < 280:
			n[i] = 7
		default:
			n[i] = 8
		}
	}
	lit, dist := new(litTable), new(distTable)
	lit.build(n[:])
	for i := range 32 {
		n[i] = 5
	}
	dist.build(n[:32])
	return lit, dist
})
