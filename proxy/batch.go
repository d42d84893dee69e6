package proxy

import (
	"errors"
	"net"
	"sync"
)

// batch is a socket under TLS that saves calls while much goes by: crypto/tls reads and
// writes a record of at most 16 KiB at a time (internal/bench has the figures).
//
//	reading   direct ──a read fills all its room──► ahead: 64 KiB at once, handed out from there;
//	             ▲                                     │    512 KiB once a read filled that
//	             └────── a short read, handed out ─────┘
//	writing   straight through; between cork and uncork all records go in one call
//
// A connection that idles or says little holds no memory here.
type batch struct {
	net.Conn
	ahead []byte // read, and not handed out yet; a part of room
	room  []byte // nil in direct reading
	much  amount // what the last read gave
	dry   bool   // hand out what is there, and do not read

	mu     sync.Mutex // crypto/tls may answer a KeyUpdate while another goroutine writes
	corked bool
	out    []byte
}

// amount tells a stream of octets from a line.
type amount uint8

const (
	little amount = iota
	much
	veryMuch
)

const (
	// aheadSize holds four records of full size (RFC 8446 §5.2), wideAhead thirty-two.
	aheadSize = 4 * (16<<10 + 256 + 5)
	wideAhead = 8 * aheadSize
	muchRead  = 8 << 10
)

var (
	rooms     = sync.Pool{New: func() any { return new([aheadSize]byte) }}
	wideRooms = sync.Pool{New: func() any { return new([wideAhead]byte) }}
)

func newRoom(wide bool) []byte {
	if wide {
		return wideRooms.Get().(*[wideAhead]byte)[:]
	}
	return rooms.Get().(*[aheadSize]byte)[:]
}

// freeRoom gives room back, unless it has grown.
func freeRoom(p []byte) {
	switch cap(p) {
	case aheadSize:
		rooms.Put((*[aheadSize]byte)(p[:aheadSize]))
	case wideAhead:
		wideRooms.Put((*[wideAhead]byte)(p[:wideAhead]))
	}
}

// errDry is what a read gives in the place of waiting.
var errDry error = dryError{}

// dryError is temporary, so that crypto/tls goes on behind it.
type dryError struct{}

func (dryError) Error() string   { return "proxy: nothing was read ahead" }
func (dryError) Timeout() bool   { return true }
func (dryError) Temporary() bool { return true }

// Read implements net.Conn.
func (b *batch) Read(p []byte) (int, error) {
	if len(b.ahead) == 0 {
		switch {
		case b.dry:
			return 0, errDry
		case b.much == little:
			n, err := b.Conn.Read(p)
			if n == len(p) && n >= muchRead {
				b.much = much
			}
			return n, err
		}
		b.room = newRoom(b.much == veryMuch)
		n, err := b.Conn.Read(b.room)
		b.ahead = b.room[:n]
		switch {
		case n >= aheadSize:
			b.much = veryMuch
		case n >= muchRead:
			b.much = much
		default:
			b.much = little
		}
		if n == 0 {
			b.giveBack()
			return 0, err
		}
		// An error that came with octets comes again.
	}
	n := copy(p, b.ahead)
	if b.ahead = b.ahead[n:]; len(b.ahead) == 0 {
		b.giveBack()
	}
	return n, nil
}

func (b *batch) giveBack() {
	freeRoom(b.room)
	b.ahead, b.room = nil, nil
}

// Write implements net.Conn.
func (b *batch) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.corked {
		b.out = append(b.out, p...)
		return len(p), nil
	}
	return b.Conn.Write(p)
}

// cork keeps what is written, of about n octets, until uncork.
func (b *batch) cork(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.corked = true
	if b.out == nil {
		b.out = newRoom(n > bufferSize)[:0]
	}
}

func (b *batch) uncork() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.corked = false
	out := b.out
	b.out = nil
	_, err := b.Conn.Write(out)
	freeRoom(out)
	return err
}

// readMore reads from a leg what is there: at least what one read gives, and of TLS
// whatever records were read ahead, as far as there is room. It waits for nothing but the
// first octet.
func (l *leg) readMore(p []byte) (int, error) {
	n, err := l.Read(p)
	if l.batch == nil || err != nil || len(l.batch.ahead) == 0 {
		return n, err
	}
	l.batch.dry = true
	defer func() { l.batch.dry = false }()
	for n < len(p) && err == nil {
		var k int
		k, err = l.Read(p[n:])
		n += k
	}
	if errors.Is(err, errDry) {
		err = nil
	}
	return n, err
}

// Write implements net.Conn.
func (l *leg) Write(p []byte) (int, error) {
	if l.batch == nil || len(p) <= maxRecord {
		return l.Conn.Write(p)
	}
	l.batch.cork(len(p))
	n, err := l.Conn.Write(p)
	if e := l.batch.uncork(); err == nil && e != nil {
		return 0, e // nobody knows how much of it went
	}
	return n, err
}

// maxRecord is the most cleartext that one TLS record holds (RFC 8446 §5.1).
const maxRecord = 16 << 10
