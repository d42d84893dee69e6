package replay

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

// linesHeld is how many octets of a body are held in memory that is compared with lines, as a list is.
const linesHeld = 64 << 20

// readBody reads lines as they are on the wire, up to the one that is ".". A body of more octets
// than held comes as long instead: its octets without dot-stuffing, each line with CRLF.
func (p *player) readBody(at Pos, timeout time.Duration, held int64) (lines [][]byte, long *Literal, err error) {
	size := int64(0)
	for size <= held {
		line, err := p.wire.line(timeout)
		if err != nil {
			return nil, nil, err
		}
		if p.opts.Log != nil {
			p.log(at, "S: "+string(line))
		}
		if string(line) == "." {
			return lines, nil, nil
		}
		size += int64(len(line))
		lines = append(lines, line)
	}
	l, err := p.wire.spool.take(&bodyReader{p: p, at: at, timeout: timeout, buf: unstuff(lines), left: maxLiteral - size})
	if err != nil {
		return nil, nil, err
	}
	return nil, &Literal{large: l}, nil
}

// bodyReader gives the octets of the body that is read, behind those of buf.
type bodyReader struct {
	p       *player
	at      Pos
	timeout time.Duration
	buf     []byte
	left    int64
	over    bool
}

func (b *bodyReader) Read(p []byte) (int, error) {
	for len(b.buf) < 32<<10 && !b.over {
		line, err := b.p.wire.line(b.timeout)
		if err != nil {
			return 0, err
		}
		if b.p.opts.Log != nil {
			b.p.log(b.at, "S: "+string(line))
		}
		if b.over = string(line) == "."; b.over {
			break
		}
		if b.left -= int64(len(line)); b.left < 0 {
			return 0, fmt.Errorf("a body of more than %d octets", int64(maxLiteral))
		}
		b.buf = append(append(b.buf, bytes.TrimPrefix(line, []byte("."))...), "\r\n"...)
	}
	if len(b.buf) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.buf)
	b.buf = b.buf[:copy(b.buf, b.buf[n:])]
	return n, nil
}

// onlyLiteral is the literal that a body is, its final "." left out; nil where it is more, or less.
func onlyLiteral(body []expected) *Literal {
	if len(body) != 2 || len(body[0].line.Pattern) != 1 || body[0].line.Forbidden {
		return nil
	}
	lit, _ := body[0].line.Pattern[0].(*Literal)
	if lit != nil && lit.Kind == Counted {
		return nil
	}
	return lit
}

// longBody compares a body line by line without holding it. It came as lines, or as long.
func (p *player) longBody(body []expected, came [][]byte, long *Literal) {
	first := body[0].line
	if long == nil {
		long = &Literal{Octets: unstuff(came)}
	}
	lit := onlyLiteral(body)
	switch {
	case lit != nil && lit.Kind == ToFile:
		if err := p.save([]save{{lit, long}}); err != nil {
			p.differ(first, err.Error(), "")
			return
		}
	case lit != nil:
		if n, got, same := sameLines(lit.Reader(), long.Reader()); !same {
			p.differ(first, fmt.Sprintf("line %d of the body", n), got)
			if came != nil {
				p.res.Differences[len(p.res.Differences)-1].body = &lines{body[:len(body)-1], came}
			}
			return
		}
	default:
		if _, _, rest, err := wireLines(body[:len(body)-1]); err != nil || !rest || len(body) > 2 {
			p.differ(first, "another body", long.shown())
			return
		}
	}
	p.res.Same += len(body)
}

// sameLines compares two texts line by line, whatever ends the lines. Where they differ it gives
// the number of the line, from 1, and what stands there in got.
func sameLines(want, got io.Reader) (n int, line string, same bool) {
	w, g := lineReader(want), lineReader(got)
	defer giveBack(w)
	defer giveBack(g)
	var a, b []byte
	for n = 1; ; n++ {
		var aErr, bErr error
		a, aErr = readLine(w, a[:0])
		b, bErr = readLine(g, b[:0])
		if over := len(b) == 0 && bErr != nil; over || len(a) == 0 && aErr != nil {
			return n, string(withoutEnd(b)), over && len(a) == 0 && errors.Is(aErr, io.EOF) && errors.Is(bErr, io.EOF)
		}
		if !bytes.Equal(withoutEnd(a), withoutEnd(b)) {
			return n, string(withoutEnd(b)), false
		}
	}
}

// readLine adds a line, of any length, to p.
func readLine(r *bufio.Reader, p []byte) ([]byte, error) {
	for {
		part, err := r.ReadSlice('\n')
		p = append(p, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return p, err
		}
	}
}

func withoutEnd(line []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
}
