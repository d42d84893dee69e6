package pop3

import (
	"hash/maphash"
	"math"
)

// maildrop is what a session tells of the messages in it. A message costs 4 octets for its
// size, 8 for the hash of its unique-id, up to 16 for finding that again, and a bit for its
// deletion mark: 29 MiB for 2^20 messages, and slices that grow may have a quarter to spare. Sizes of 4 GiB and more lie in a table of at most 1,024.
// Messages behind the last known one are not followed.
type maildrop struct {
	sizes  []uint32 // by message number; unknownSize, or largeSize
	large  map[int]int64
	ids    []uint64 // hashes by message number, 0 where not known
	index  []uint32 // open addressing: message numbers by the hash of their id
	filled int      // of index
	marks  []uint64 // bits by message number: DELE was accepted
	marked int

	messages, octets int64 // as the last whole STAT or LIST said; -1 where not known
	highest          int64 // the highest message number; -1 where not known
}

// known bounds the messages that are followed: those with lower numbers.
const known = 1 << 20

const (
	unknownSize = math.MaxUint32
	largeSize   = math.MaxUint32 - 1
	largeKept   = 1024
)

// forget makes the maildrop one of which nothing is known.
func (d *maildrop) forget() { *d = maildrop{messages: -1, octets: -1, highest: -1} }

// setSize notes a message's size.
func (d *maildrop) setSize(n int, size int64) {
	if n <= 0 || n >= known {
		return
	}
	for len(d.sizes) <= n {
		d.sizes = append(d.sizes, unknownSize)
	}
	d.sizes[n] = unknownSize
	switch {
	case size < largeSize:
		d.sizes[n] = uint32(size)
	case len(d.large) < largeKept:
		if d.large == nil {
			d.large = map[int]int64{}
		}
		d.large[n], d.sizes[n] = size, largeSize
	}
}

// size gives a message's size, false where it is not known.
func (d *maildrop) size(n int) (int64, bool) {
	if n <= 0 || n >= len(d.sizes) || d.sizes[n] == unknownSize {
		return 0, false
	}
	if d.sizes[n] == largeSize {
		size, ok := d.large[n]
		return size, ok
	}
	return int64(d.sizes[n]), true
}

// setID notes a message's unique-id. It gives another message that has the same, 0 where
// there is none, and whether the message had another one before.
func (d *maildrop) setID(n int, id []byte) (same int, changed bool) {
	if n <= 0 || n >= known {
		return 0, false
	}
	h := max(maphash.Bytes(seed, id), 1)
	for len(d.ids) <= n {
		d.ids = append(d.ids, 0)
	}
	if d.ids[n] == h {
		return 0, false
	}
	changed = d.ids[n] != 0
	d.ids[n] = h
	if d.filled*2 >= len(d.index) {
		d.grow()
	}
	return d.place(n, h), changed
}

// place puts a message into the index, and gives another one with the same hash.
func (d *maildrop) place(n int, h uint64) (same int) {
	mask := uint64(len(d.index) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		switch other := int(d.index[i]); {
		case other == 0:
			d.index[i] = uint32(n)
			d.filled++
			return 0
		case d.ids[other] == h && other != n:
			return other
		case other == n:
			return 0
		}
	}
}

// grow makes room in the index, and leaves out what changed since.
func (d *maildrop) grow() {
	d.index = make([]uint32, max(64, 4*d.live()))
	if n := len(d.index); n&(n-1) != 0 {
		size := 64
		for size < n {
			size *= 2
		}
		d.index = make([]uint32, size)
	}
	d.filled = 0
	for n, h := range d.ids {
		if h != 0 {
			d.place(n, h)
		}
	}
}

// live is how many ids are known.
func (d *maildrop) live() int { return min(d.filled+1, len(d.ids)) }

// seed is the same for all sessions, so that events do not depend on which one tells.
var seed = maphash.MakeSeed()

// mark notes that DELE was accepted.
func (d *maildrop) mark(n int) {
	// What STAT and LIST said holds no longer (RFC 1939 §5: marked messages do not count).
	d.messages, d.octets = -1, -1
	if n <= 0 || n >= known {
		d.marked++ // not followed, and deleted all the same
		return
	}
	for len(d.marks) <= n/64 {
		d.marks = append(d.marks, 0)
	}
	if d.isMarked(n) {
		return
	}
	d.marks[n/64] |= 1 << (n % 64)
	d.marked++
}

// isMarked tells whether a message is marked as deleted.
func (d *maildrop) isMarked(n int) bool {
	return n > 0 && n/64 < len(d.marks) && d.marks[n/64]>>(n%64)&1 != 0
}

// unmark takes all marks away (RFC 1939 §5, RSET).
func (d *maildrop) unmark() {
	if d.marked > 0 {
		d.messages, d.octets = -1, -1
	}
	clear(d.marks)
	d.marked = 0
}

// counted notes how many messages there are, and what their sizes add up to (-1: not told).
// It tells whether that contradicts what was said before.
func (d *maildrop) counted(messages, octets int64) (contradicts bool) {
	contradicts = d.messages >= 0 && d.messages != messages ||
		d.octets >= 0 && octets >= 0 && d.octets != octets
	d.messages = messages
	if octets >= 0 {
		d.octets = octets
	}
	if d.marked == 0 {
		d.highest = max(d.highest, messages)
	}
	return contradicts
}
