// Package inflate decompresses a DEFLATE stream that is pushed into it piece by piece,
// and gives what each flush of the sender made available, at once (RFC 1951; RFC 4978
// §3 lets a sender flush with an empty stored block or with a partial flush).
//
// The library's reader pulls its input. Here it runs as a coroutine that is resumed by
// Push and suspends itself where its input ends, so that nothing waits and no goroutine
// is scheduled.
package inflate

import (
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/klauspost/compress/flate"
)

// chunk is how many octets are given at a time: what a deflate bomb can make of one
// push is streamed through a buffer of this size.
const chunk = 16 << 10

// Inflater decompresses one direction. Stop must be called when it is no longer needed.
type Inflater struct {
	in    []byte
	yield func([]byte) bool
	next  func() ([]byte, bool)
	stop  func()
	err   error // io.EOF where the stream ended in order
	told  bool  // err is what Push reports
	total int64 // octets consumed
}

var errStopped = errors.New("inflate: stopped")

// New gives an Inflater that stands at the beginning of a stream.
func New() *Inflater {
	z := &Inflater{}
	z.next, z.stop = iter.Pull(z.run)
	return z
}

func (z *Inflater) run(yield func([]byte) bool) {
	z.yield = yield
	r := flate.NewReaderOpts((*source)(z), flate.WithPartialBlock())
	out := make([]byte, chunk)
	for {
		n, err := r.Read(out)
		if n > 0 && !yield(out[:n]) {
			return
		}
		if err != nil {
			z.err = err
			return
		}
	}
}

// source is the input side of an Inflater. It reads one octet at a time where the
// library asks for it, so that nothing behind a flush is taken.
type source Inflater

func (s *source) wait() error {
	for len(s.in) == 0 {
		if !s.yield(nil) {
			return errStopped
		}
	}
	return nil
}

func (s *source) ReadByte() (byte, error) {
	if len(s.in) == 0 {
		if err := s.wait(); err != nil {
			return 0, err
		}
	}
	c := s.in[0]
	s.in = s.in[1:]
	s.total++
	return c, nil
}

func (s *source) Read(p []byte) (int, error) {
	if err := s.wait(); err != nil {
		return 0, err
	}
	n := copy(p, s.in)
	s.in = s.in[n:]
	s.total += int64(n)
	return n, nil
}

// Push takes the next octets of the stream and gives what they decompress to, in pieces
// that are valid until the next one is given. emit may return false to stop early: Rest
// then gives the input not yet consumed. An error ends the stream and names the offset
// of the compressed octet.
func (z *Inflater) Push(p []byte, emit func([]byte) bool) error {
	if z.err != nil && (z.err != io.EOF || len(p) == 0) {
		return z.failure()
	}
	z.in = p
	for {
		out, ok := z.next()
		if !ok {
			return z.failure()
		}
		if len(out) == 0 {
			return nil
		}
		if !emit(out) {
			return nil
		}
	}
}

// failure is what Push reports once the stream is over. A final block ends it in order, as
// Dovecot writes one when it logs a client out; only octets behind that are wrong.
func (z *Inflater) failure() error {
	switch {
	case z.err == io.EOF && len(z.in) == 0:
		return nil
	case z.err == io.EOF:
		z.err = fmt.Errorf("inflate: octets follow the end of the stream at octet %d", z.total)
	case !z.told:
		z.err = fmt.Errorf("inflate: at octet %d: %w", z.total, z.err)
	}
	z.told = true
	return z.err
}

// Rest gives the input that was not consumed.
func (z *Inflater) Rest() []byte { return z.in }

// Stop ends the coroutine. It may be called more than once.
func (z *Inflater) Stop() { z.stop() }
