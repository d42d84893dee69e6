package dial

import (
	"bytes"
	"context"
	"io"
	"net"
	"time"
)

const (
	maxLine  = 8 << 10  // octets of a line before TLS, its line end included
	maxTotal = 64 << 10 // octets of all of them
)

// lineReader reads lines of a server, and no octet more than one read gave.
type lineReader struct {
	ctx   context.Context // of the exchange: says why a read failed
	conn  net.Conn
	chunk [4096]byte
	buf   []byte // read, not yet taken
	taken int    // octets taken as lines
}

// next is the next line with its line end, LF or CRLF. At the end of the stream it is what
// came last, with an error. The line is valid until the next call.
func (r *lineReader) next() ([]byte, error) {
	for scanned := 0; ; {
		if i := bytes.IndexByte(r.buf[scanned:], '\n'); i >= 0 {
			i += scanned + 1
			line := r.buf[:i:i]
			r.buf = r.buf[i:]
			r.taken += i
			return line, nil
		}
		scanned = len(r.buf)
		if scanned >= maxLine || r.taken+scanned >= maxTotal {
			return r.buf, ErrTooLong
		}
		if r.taken == 0 && startsTLS(r.buf) {
			return r.buf, ErrGreeting // no line will come
		}
		n, err := r.conn.Read(r.chunk[:])
		// Appending may move what is left, never the line given out: its capacity ends with it.
		r.buf = append(r.buf, r.chunk[:n]...)
		if n > 0 {
			continue
		}
		switch {
		case err == nil:
			err = io.ErrNoProgress
		case isTimeout(err) && r.ctx.Err() != nil:
			err = r.ctx.Err()
		}
		return r.buf, err
	}
}

// received counts the octets that came so far.
func (r *lineReader) received() int { return r.taken + len(r.buf) }

// startsTLS tells whether p begins with the header of a TLS alert or handshake record.
func startsTLS(p []byte) bool {
	return len(p) >= 2 && (p[0] == 21 || p[0] == 22) && p[1] == 3
}

// bound makes conn's reads and writes fail when ctx ends. The function it returns lifts
// that again and leaves conn without a deadline.
func bound(ctx context.Context, conn net.Conn) (release func()) {
	past := time.Unix(1, 0)
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = conn.SetDeadline(past) // fails on a closed connection, where nothing blocks
	})
	return func() {
		if !stop() {
			<-done
		}
		_ = conn.SetDeadline(time.Time{})
	}
}
