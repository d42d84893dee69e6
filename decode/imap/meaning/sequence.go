package meaning

import (
	"math"
	"slices"
)

const (
	blockSize = 512
	// mostMapped bounds the messages whose UIDs are followed: 2,048 blocks of 3 KiB, or 5.
	mostMapped = 1 << 20
)

// sequence maps message sequence numbers to UIDs and flags (RFC 9051 §2.3.1.2). It takes 6
// octets a message, and 4 more where its size was said, in blocks, so that the removal of a message moves at most one block and
// counts the others down; a block of which nothing is known takes no memory. Of a mailbox of
// more than mostMapped messages only the number is kept.
type sequence struct {
	count    uint32
	deleted  uint32 // messages known to have \Deleted
	unmapped bool   // there were too many messages
	chunks   []chunk
	found    int // the chunk that was looked up last
}

// chunk is a run of messages.
type chunk struct {
	start uint32 // sequence number of the message before it
	n     uint32
	lo    uint32 // bounds of the UIDs known in it, 0 where none is
	hi    uint32
	block *block // nil: nothing is known
}

type block struct {
	uids  [blockSize]uint32 // 0: not known
	flags [blockSize]flagSet
	sizes *[blockSize]uint32 // RFC822.SIZE, 0: not said; nil while nobody said any
}

// move gives the messages from at to end the places from to on.
func (b *block) move(to, at, end uint32) {
	copy(b.uids[to:], b.uids[at:end])
	copy(b.flags[to:], b.flags[at:end])
	if b.sizes != nil {
		copy(b.sizes[to:], b.sizes[at:end])
	}
}

// empty makes n places from at on those of messages of which nothing is known.
func (b *block) empty(at, n uint32) {
	clear(b.uids[at : at+n])
	clear(b.flags[at : at+n])
	if b.sizes != nil {
		clear(b.sizes[at : at+n])
	}
}

// clear forgets the UIDs and flags, not how many messages there are.
func (q *sequence) clear() {
	for i := range q.chunks {
		c := &q.chunks[i]
		c.lo, c.hi, c.block = 0, 0, nil
	}
	q.deleted = 0
}

// resize takes the number of messages that an EXISTS response says. What is new has no UID
// yet; where there are fewer, the last ones go.
func (q *sequence) resize(n uint32) {
	if n > mostMapped {
		q.unmapped, q.chunks, q.deleted = true, nil, 0
	}
	if q.unmapped {
		if q.count = n; n == 0 {
			q.unmapped = false
		}
		return
	}
	for q.count > n {
		q.remove(q.count)
	}
	for q.count < n {
		last := len(q.chunks) - 1
		if last < 0 || q.chunks[last].n == blockSize {
			q.chunks = append(q.chunks, chunk{start: q.count})
			last++
		}
		c := &q.chunks[last]
		more := min(n-q.count, blockSize-c.n)
		if c.block != nil {
			c.block.empty(c.n, more)
		}
		c.n += more
		q.count += more
	}
}

// at finds a message: its chunk and place there, nil where the number is none.
func (q *sequence) at(number uint32) (*chunk, uint32) {
	if number == 0 || number > q.count || q.unmapped {
		return nil, 0
	}
	i := number - 1
	for k := q.found; k < len(q.chunks) && k < q.found+2; k++ {
		if c := &q.chunks[k]; i-c.start < c.n { // no less than start, or it wraps
			q.found = k
			return c, i - c.start
		}
	}
	k, _ := slices.BinarySearchFunc(q.chunks, i, func(c chunk, i uint32) int {
		switch {
		case c.start+c.n <= i:
			return -1
		case c.start > i:
			return 1
		}
		return 0
	})
	q.found = k
	c := &q.chunks[k]
	return c, i - c.start
}

// known gives the UID and the flags of a message, 0 where they are not known.
func (q *sequence) known(number uint32) (uid uint32, flags flagSet) {
	c, i := q.at(number)
	if c == nil || c.block == nil {
		return 0, 0
	}
	return c.block.uids[i], c.block.flags[i]
}

// learn notes the UID of a message. It gives the UID and number of a message that it cannot
// stand beside: that of the same number, or a neighbour in the wrong order.
func (q *sequence) learn(number, uid uint32) (against, of uint32) {
	c, i := q.at(number)
	if c == nil {
		return 0, 0
	}
	b := c.block
	if b == nil {
		b = new(block)
		c.block = b
	}
	if b.uids[i] == uid {
		return 0, 0
	}
	if against, of = c.against(i, uid); against != 0 {
		of += c.start + 1
		q.clear()
		b = new(block)
		c.block = b
	}
	b.uids[i] = uid
	if c.hi < uid {
		c.hi = uid
	}
	if c.lo == 0 || c.lo > uid {
		c.lo = uid
	}
	if against == 0 && i == 0 && number > 1 {
		if before, _ := q.known(number - 1); before >= uid {
			return before, number - 1
		}
	}
	return against, of
}

// against gives the UID and place of a message of the chunk that uid cannot stand beside at place i.
func (c *chunk) against(i, uid uint32) (against, of uint32) {
	b := c.block
	switch {
	case b.uids[i] != 0:
		return b.uids[i], i
	case i > 0 && b.uids[i-1] >= uid:
		return b.uids[i-1], i - 1
	case i+1 < c.n && b.uids[i+1] != 0 && b.uids[i+1] <= uid:
		return b.uids[i+1], i + 1
	}
	return 0, 0
}

// mark notes the flags of a message.
func (q *sequence) mark(number uint32, flags flagSet) {
	c, i := q.at(number)
	if c == nil {
		return
	}
	if c.block == nil {
		c.block = new(block)
	}
	q.deleted -= c.block.flags[i].deleted()
	c.block.flags[i] = flags
	q.deleted += flags.deleted()
}

// told is what a response says of a message.
type told struct {
	uid   uint32  // 0: nothing
	flags flagSet // 0: nothing
	size  int64   // octets; 0: nothing
}

// plain notes what learn, mark and measure would, unless the UID cannot stand beside what is known.
func (q *sequence) plain(number uint32, x told) bool {
	c, i := q.at(number)
	if c == nil {
		return true
	}
	b := c.block
	if b == nil {
		b = new(block)
		c.block = b
	}
	if x.uid != 0 && b.uids[i] != x.uid {
		if against, _ := c.against(i, x.uid); against != 0 || i == 0 && number > 1 {
			return false
		}
		b.uids[i] = x.uid
		c.hi = max(c.hi, x.uid)
		if c.lo == 0 || c.lo > x.uid {
			c.lo = x.uid
		}
	}
	if x.flags != 0 {
		q.deleted += x.flags.deleted() - b.flags[i].deleted()
		b.flags[i] = x.flags
	}
	if x.size > 0 && x.size <= math.MaxUint32 {
		if b.sizes == nil {
			b.sizes = new([blockSize]uint32)
		}
		b.sizes[i] = uint32(x.size)
	}
	return true
}

// size is what was said to be the size of a message in octets, 0 where nothing was.
func (q *sequence) size(number uint32) uint32 {
	c, i := q.at(number)
	if c == nil || c.block == nil || c.block.sizes == nil {
		return 0
	}
	return c.block.sizes[i]
}

// measure notes the size of a message.
func (q *sequence) measure(number uint32, octets int64) {
	c, i := q.at(number)
	if c == nil || octets <= 0 || octets > math.MaxUint32 {
		return
	}
	if c.block == nil {
		c.block = new(block)
	}
	if c.block.sizes == nil {
		c.block.sizes = new([blockSize]uint32)
	}
	c.block.sizes[i] = uint32(octets)
}

// remove takes a message out and gives what was known of it.
func (q *sequence) remove(number uint32) (uid uint32, flags flagSet) {
	if q.unmapped && q.count > 0 {
		q.count--
		return 0, 0
	}
	c, i := q.at(number)
	if c == nil {
		return 0, 0
	}
	if b := c.block; b != nil {
		uid, flags = b.uids[i], b.flags[i]
		b.move(i, i+1, c.n)
		q.deleted -= flags.deleted()
	}
	c.n--
	q.shrunk(q.found, 1)
	return uid, flags
}

// shrunk moves the chunks behind the k-th, which lost n messages, and drops it if it is empty.
func (q *sequence) shrunk(k int, n uint32) {
	q.count -= n
	for j := k + 1; j < len(q.chunks); j++ {
		q.chunks[j].start -= n
	}
	if q.chunks[k].n == 0 {
		q.chunks = slices.Delete(q.chunks, k, k+1)
		q.found = max(0, k-1)
	}
}

// find gives the number of the message with a UID, 0 where it is not known.
func (q *sequence) find(uid uint32) uint32 {
	for k := range q.chunks {
		c := &q.chunks[k]
		if c.block == nil || uid < c.lo || uid > c.hi {
			continue
		}
		if i := slices.Index(c.block.uids[:c.n], uid); i >= 0 && uid != 0 {
			return c.start + uint32(i) + 1
		}
	}
	return 0
}

// vanish takes out the messages of a range of UIDs, every one of which was there (RFC 7162
// §3.2.10.2). Those whose UIDs are not known are taken from between the known neighbours. It
// tells how many the range has more than there can be.
func (q *sequence) vanish(from, to uint32) (missing uint32) {
	missing = to - from + 1
	if q.unmapped {
		gone := min(missing, q.count)
		q.count -= gone
		return missing - gone
	}
	gap := uint32(0) // number of the first message known to stand behind the range
	for k := 0; k < len(q.chunks) && gap == 0; k++ {
		c := &q.chunks[k]
		if c.block == nil || c.hi < from {
			continue
		}
		b, kept := c.block, uint32(0)
		for i := range c.n {
			uid := b.uids[i]
			if uid >= from && uid <= to && missing > 0 {
				missing--
				q.deleted -= b.flags[i].deleted()
				continue
			}
			if kept < i {
				b.move(kept, i, i+1)
			}
			kept++
			if uid > to && gap == 0 {
				gap = c.start + kept
			}
		}
		if n := c.n - kept; n > 0 {
			c.n = kept
			chunks := len(q.chunks)
			q.shrunk(k, n)
			k -= chunks - len(q.chunks)
		}
	}
	if gap == 0 {
		gap = q.count + 1
	}
	for missing > 0 && gap > 1 {
		c, i := q.at(gap - 1)
		if c.block == nil { // nobody knows which of them
			n := min(missing, i+1)
			c.n -= n
			k := q.found
			q.shrunk(k, n)
			missing, gap = missing-n, gap-n
			continue
		}
		if c.block.uids[i] != 0 {
			break
		}
		q.remove(gap - 1)
		missing, gap = missing-1, gap-1
	}
	return missing
}
