package captures

import (
	"encoding/binary"
	"math/bits"
	"time"

	"github.com/mailtrace/mailtrace/captures/internal/tcp"
)

// Blocks and options of pcapng that only others write.
const (
	oldBlock     = 2 // the block before there were enhanced ones
	simpleBlock  = 3
	optOffset    = 14 // of the interface description: seconds to add to its times
	mostLinks    = 1 << 16
	oldestHeader = 28
)

// link is an interface of a section.
type link struct {
	kind   tcp.Link
	snap   uint32
	tick   byte // if_tsresol
	offset int64
}

// pcapngFile reads a pcapng file of another program: several sections, interfaces and
// byte orders, whatever their resolution of time.
type pcapngFile struct {
	blocks *blocks
	order  binary.ByteOrder
	links  []link
	last   time.Time
}

func (f *pcapngFile) next() (captured, error) {
	for {
		block, offset, err := f.blocks.next()
		if err != nil {
			return captured{}, err
		}
		r, ok, err := f.block(block, offset)
		if err != nil || ok {
			r.offset = offset
			return r, err
		}
	}
}

// block takes a block and gives its record, if it is one that has one.
func (f *pcapngFile) block(b []byte, offset int64) (r captured, ok bool, err error) {
	f.order = binary.LittleEndian
	if f.blocks.big {
		f.order = binary.BigEndian
	}
	u32 := func(at int) uint32 { return f.order.Uint32(b[at:]) }
	body := b[:len(b)-4]
	var id, size, full uint32
	var ticks uint64
	begin := oldestHeader
	switch kind := u32(0); kind {
	case sectionHeader:
		f.links = f.links[:0]
		return r, false, nil
	case interfaceBlock:
		return r, false, f.describe(body, offset)
	case enhancedBlock, oldBlock:
		if len(body) < oldestHeader {
			return r, false, damaged(offset, "expected a block of %d octets at least, got %d", oldestHeader+4, len(b))
		}
		if id = u32(8); kind == oldBlock {
			id = uint32(f.order.Uint16(b[8:]))
		}
		ticks = uint64(u32(12))<<32 | uint64(u32(16))
		size, full = u32(20), u32(24)
	case simpleBlock:
		if len(body) < 12 {
			return r, false, damaged(offset, "expected a block of 16 octets at least, got %d", len(b))
		}
		begin, full = 12, u32(8)
		if size = full; len(f.links) > 0 && f.links[0].snap > 0 {
			size = min(size, f.links[0].snap)
		}
		size = min(size, uint32(len(body)-begin))
	default:
		return r, false, nil
	}
	if int(id) >= len(f.links) {
		return r, false, damaged(offset, "expected a description of interface %d before it", id)
	}
	if int(size) > len(body)-begin {
		return r, false, damaged(offset, "expected %d octets, got %d", size, len(body)-begin)
	}
	l := &f.links[id]
	if begin == oldestHeader { // a simple one has no time
		f.last = l.time(ticks)
	}
	r.link, r.at, r.p, r.octets = l.kind, f.last, body[begin:begin+int(size)], int(min(full, largestBlock))
	return r, true, nil
}

func (f *pcapngFile) describe(body []byte, offset int64) error {
	if len(body) < 16 {
		return damaged(offset, "expected an interface description of 20 octets at least, got %d", len(body)+4)
	}
	if len(f.links) == mostLinks {
		return damaged(offset, "expected at most %d interfaces", mostLinks)
	}
	l := link{kind: tcp.Link(f.order.Uint16(body[8:])), snap: f.order.Uint32(body[12:]), tick: microseconds}
	err := options(f.order, body[16:], func(code uint16, value []byte) error {
		switch {
		case code == optResolution && len(value) == 1:
			l.tick = value[0]
		case code == optOffset && len(value) == 8:
			l.offset = int64(f.order.Uint64(value))
		}
		return nil
	})
	if err != nil {
		return damaged(offset, "%v", err)
	}
	if n := l.tick &^ 0x80; l.tick != n && n > 63 || l.tick == n && n > 19 {
		return damaged(offset, "expected a resolution of time of 2^-63 or 10^-19 seconds at most, got %#x", l.tick)
	}
	f.links = append(f.links, l)
	return nil
}

// time gives the time of so many ticks: powers of 10, or with the highest bit set of 2.
func (l *link) time(ticks uint64) time.Time {
	var seconds, nanos uint64
	if n := l.tick &^ 0x80; l.tick != n {
		seconds = ticks >> n
		high, low := bits.Mul64(ticks&(1<<n-1), 1e9)
		nanos = high<<(64-n) | low>>n
		if n == 0 {
			nanos = 0
		}
	} else {
		unit := uint64(1)
		for range n {
			unit *= 10
		}
		seconds = ticks / unit
		high, low := bits.Mul64(ticks%unit, 1e9)
		nanos, _ = bits.Div64(high, low, unit)
	}
	whole := int64(min(seconds, largestTime))
	offset := min(max(l.offset, -largestTime), largestTime)
	return timeOf(whole+offset, int64(nanos))
}
