package inflate

import (
	"fmt"
)

const (
	// window is how far back a distance reaches, in octets (RFC 1951 §2).
	window = 32 << 10
	// chunk is how many octets are given at a time, at most: what a deflate bomb can
	// make of one push is streamed through a buffer of this size.
	chunk = 16 << 10
	// longest is the length of the longest match, in octets (RFC 1951 §3.2.5).
	longest = 258
)

// Inflater decompresses one direction.
type Inflater struct {
	in   []byte // of this Push
	pos  int    // of the next octet of in to go into bits
	base int64  // octets taken by earlier Pushes
	bits uint64 // the next bits of the stream, the lowest first, zeros above them
	nb   uint   // how many: at most 63

	state state
	final bool // the block under way is the last
	left  int  // octets to come of a stored block
	codes lengths
	lit   *litTable // of the block under way
	dist  *distTable
	own   struct {
		lit  litTable
		dist distTable
	}

	err   error
	given int // out[:given] was given
	w     int // out[:w] was decompressed
	// out ends in what is decompressed, behind up to a window of what was given. A copy
	// of whole words may run over its end.
	out [window + chunk + overrun]byte
}

// New gives an Inflater that stands at the beginning of a stream.
func New() *Inflater { return &Inflater{} }

// Push takes the next octets of the stream and gives what they decompress to, in pieces of
// 16 KiB at most that are valid until emit returns. emit may return false to stop early:
// Rest then gives the octets not yet consumed, and a Push of those goes on. An error ends
// the stream, stays, and names the offset of the octet where the invalid element begins.
// The end of a final block is none, as Dovecot writes one when it logs a client out; octets
// behind that are wrong.
func (z *Inflater) Push(p []byte, emit func([]byte) bool) error {
	z.in, z.pos = p, 0
	if z.err != nil {
		return z.err
	}
	for {
		at := z.step()
		piece := z.out[z.given:z.w]
		z.given = z.w
		wanted := len(piece) == 0 || emit(piece)
		if z.w > window+chunk-longest {
			z.slide()
		}
		if !wanted || at == over {
			z.unread()
			break
		}
		if at == more {
			break // all is in bits, as far as it was not consumed
		}
		if at == failed {
			return z.err
		}
	}
	z.in = z.in[z.pos:]
	z.base += int64(z.pos)
	z.pos = 0
	if z.state == ended && len(z.in) > 0 && z.err == nil {
		z.err = fmt.Errorf("inflate: octets follow the end of the stream at octet %d", z.base)
		return z.err
	}
	return nil
}

// Finish goes on to the end of the block under way, of which nothing is wanted any more. It gives the
// octets of p that follow it; done is false where p ends before.
func (z *Inflater) Finish(p []byte) (rest []byte, done bool) {
	z.in, z.pos = p, 0
	for z.err == nil && z.state != header && z.state != ended {
		at := z.step()
		if z.given = z.w; z.w > window+chunk-longest {
			z.slide()
		}
		if at == more {
			z.in = z.in[:0]
			z.base += int64(z.pos)
			z.pos = 0
			return nil, false
		}
		if at == block || at == over {
			break
		}
	}
	z.unread()
	return z.in[z.pos:], true
}

// slide makes room behind the window.
func (z *Inflater) slide() {
	copy(z.out[:window], z.out[z.w-window:z.w])
	z.w, z.given = window, window
}

// limit is how far the output may go before it is given.
func (z *Inflater) limit() int { return min(z.given+chunk, window+chunk) }

// fail ends the stream at the next bit.
func (z *Inflater) fail(format string, a ...any) status {
	at := ((z.base+int64(z.pos))*8 - int64(z.nb)) / 8
	z.err = fmt.Errorf("inflate: at octet %d: %s", at, fmt.Errorf(format, a...))
	return failed
}

// Rest gives the octets of the last Push that were not consumed.
func (z *Inflater) Rest() []byte { return z.in[z.pos:] }
