package replay

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/mailtrace/mailtrace/decode"
)

// stream holds the octets of a direction that no event has claimed: the first of them in a file
// of its own where they are many, the rest in memory.
type stream struct {
	off   int64
	spool *spool
	from  int64 // in spool
	held  int64 // octets in spool
	buf   []byte
}

// streamHeld is how many octets of a stream are held in memory.
const streamHeld = 1 << 20

// add takes octets as they come.
func (s *stream) add(p []byte) error {
	s.buf = append(s.buf, p...)
	if len(s.buf) < streamHeld {
		return nil
	}
	return s.spill()
}

func (s *stream) spill() error {
	if s.spool == nil {
		s.spool = &spool{}
	}
	at, err := s.spool.write(s.buf)
	if err != nil {
		return err
	}
	if s.held == 0 {
		s.from = at
	}
	s.held += int64(len(s.buf))
	s.buf = s.buf[:0]
	return nil
}

// take gives the octets of a span, those before it are dropped. What is in the file comes as l;
// it is valid for as long as anybody keeps it.
func (s *stream) take(span decode.Span) (p []byte, l *large, err error) {
	total := s.held + int64(len(s.buf))
	from := min(max(span.Off-s.off, 0), total)
	to := min(max(span.End()-s.off, from), total)
	if s.held == 0 {
		p = bytes.Clone(s.buf[from:to])
		s.buf = append(s.buf[:0], s.buf[to:]...)
		s.off += to
		return p, nil, nil
	}
	if err := s.spill(); err != nil {
		return nil, nil, err
	}
	l = &large{file: s.spool, off: s.from + from, n: to - from}
	rest := &large{file: s.spool, off: s.from + to, n: total - to}
	if s.buf, err = io.ReadAll(rest.reader()); err != nil {
		return nil, nil, err
	}
	s.off, s.held = s.off+to, 0
	if l.n <= largeAbove {
		p, err = io.ReadAll(l.reader())
		return p, nil, err
	}
	return nil, l, nil
}

// longBody undoes the dot-stuffing of a body that lies in a file, its final "." included; nil where
// it cannot be said again from what it holds.
func (c *capturer) longBody(wire *large) *Literal {
	in, out := io.Pipe()
	done := make(chan *large, 1)
	go func() {
		l, err := c.spool.take(in)
		if err != nil {
			l = nil
		}
		_ = in.CloseWithError(err) // ends the writer
		done <- l
	}()
	err := unstuffTo(out, wire.reader())
	_ = out.CloseWithError(err) // nil is the end of what is read
	l := <-done
	if err != nil || l == nil {
		return nil
	}
	return &Literal{large: l}
}

// errStuffing says that a body has other octets than Stuff would make of what it holds.
var errStuffing = errors.New("no dot-stuffing, or no CRLF at the end")

// unstuffTo writes a body without its dot-stuffing and without its final ".".
func unstuffTo(w io.Writer, wire io.Reader) error {
	in, out := bufio.NewReaderSize(wire, 64<<10), bufio.NewWriterSize(w, 64<<10)
	begins, crlf, last := true, true, byte(0)
	for {
		part, err := in.ReadSlice('\n')
		if begins && bytes.Equal(part, []byte(".\r\n")) {
			if _, err := in.Peek(1); !errors.Is(err, io.EOF) || !crlf {
				return errStuffing
			}
			return out.Flush()
		}
		if begins && len(part) > 0 && part[0] == '.' {
			if len(part) < 2 || part[1] != '.' {
				return errStuffing
			}
			part = part[1:]
		}
		if n := len(part); n > 0 {
			if _, err := out.Write(part); err != nil {
				return err
			}
			if n > 1 {
				last = part[n-2]
			}
			begins = part[n-1] == '\n'
			crlf = begins && last == '\r'
			last = part[n-1]
		}
		switch {
		case errors.Is(err, io.EOF):
			return errStuffing // no final "."
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

// unstuffed undoes dot-stuffing.
func unstuffed(body []byte) []byte {
	out := make([]byte, 0, len(body))
	for line := range bytes.Lines(body) {
		out = append(out, bytes.TrimPrefix(line, []byte("."))...)
	}
	return out
}
