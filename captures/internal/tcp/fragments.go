package tcp

import (
	"bytes"
	"net/netip"
	"slices"
)

// What is held of datagrams that came in fragments.
const (
	mostDatagrams = 256
	mostFragments = 1024 // of one datagram
	mostOctets    = 8 << 20
	largestIP     = 1 << 16
)

type fragmentKey struct {
	from, to netip.Addr
	id       uint32
}

// partial is a datagram of which fragments are missing.
type partial struct {
	pieces   []packed // by offset
	protocol byte     // of the first fragment: it says what all of it is (RFC 8200 §4.5)
	octets   int
	total    int // -1 until the last fragment came
}

// fragments puts datagrams together (RFC 791 §3.2, RFC 8200 §4.5).
type fragments struct {
	parts  map[fragmentKey]*partial
	order  []fragmentKey // oldest first; those that were completed stand there too
	octets int
	lost   int // datagrams that were given up
}

// add takes a fragment and gives the whole datagram if it was the last one missing.
func (f *fragments) add(d packed) (whole packed, ok bool) {
	key := fragmentKey{d.from, d.to, d.id}
	part := f.parts[key]
	if part == nil {
		part = f.begin(key)
	}
	if d.missing > 0 || d.off+len(d.p) > largestIP || d.more && len(d.p)%8 != 0 {
		return d, false // the datagram is lost, and counts as that
	}
	i, again := slices.BinarySearchFunc(part.pieces, d.off, func(p packed, off int) int { return p.off - off })
	if again || len(part.pieces) == mostFragments {
		return d, false // the one that came first counts
	}
	d.p = bytes.Clone(d.p)
	part.pieces = slices.Insert(part.pieces, i, d)
	part.octets += len(d.p)
	f.octets += len(d.p)
	if d.off == 0 {
		part.protocol = d.protocol
	}
	if !d.more && part.total < 0 {
		part.total = d.off + len(d.p)
	}
	if part.total >= 0 && part.octets >= part.total {
		if p, ok := part.join(); ok {
			f.drop(key)
			d.fragment, d.more, d.off = false, false, 0
			d.p, d.protocol = p, part.protocol
			return d, true
		}
	}
	for f.octets > mostOctets {
		f.oldest()
	}
	return d, false
}

func (f *fragments) begin(key fragmentKey) *partial {
	if f.parts == nil {
		f.parts = map[fragmentKey]*partial{}
	}
	if len(f.order) >= 2*mostDatagrams {
		f.order = slices.DeleteFunc(f.order, func(k fragmentKey) bool { return f.parts[k] == nil })
	}
	for len(f.parts) >= mostDatagrams {
		f.oldest()
	}
	part := &partial{total: -1}
	f.parts[key] = part
	f.order = append(f.order, key)
	return part
}

func (f *fragments) drop(key fragmentKey) {
	if part := f.parts[key]; part != nil {
		f.octets -= part.octets
		delete(f.parts, key)
	}
}

// oldest gives up the datagram that waits longest.
func (f *fragments) oldest() {
	for len(f.order) > 0 {
		key := f.order[0]
		f.order = f.order[1:]
		if f.parts[key] != nil {
			f.drop(key)
			f.lost++
			return
		}
	}
}

// join gives the payload if it has no hole.
func (p *partial) join() ([]byte, bool) {
	whole := make([]byte, 0, p.total)
	for _, d := range p.pieces {
		if d.off > len(whole) {
			return nil, false
		}
		if skip := len(whole) - d.off; skip < len(d.p) {
			whole = append(whole, d.p[skip:]...)
		}
	}
	if len(whole) < p.total {
		return nil, false
	}
	return whole[:p.total], true
}
