package captures

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// readSize is what is asked of the file at once.
const readSize = 256 << 10

// blocks splits a file into pcapng blocks, without copying them. It believes a block's
// length only as far as the file goes on: memory grows with what was read.
type blocks struct {
	r        io.Reader
	buf      []byte
	from, to int   // what of buf was read and not yet given
	offset   int64 // of buf[from] in the file, or in what it unpacks to
	eof      bool
	cut      bool // the file ends where it cannot have ended
	big      bool // the section is big-endian
}

func (b *blocks) uint32(p []byte) uint32 {
	if b.big {
		return binary.BigEndian.Uint32(p)
	}
	return le.Uint32(p)
}

// peek gives the next n octets, or those that are left of the file.
func (b *blocks) peek(n int) ([]byte, error) {
	for b.to-b.from < n && !b.eof {
		if b.from > 0 && len(b.buf)-b.from < n || b.from == b.to {
			b.to = copy(b.buf, b.buf[b.from:b.to])
			b.from = 0
		}
		if b.to == len(b.buf) {
			b.buf = append(b.buf, make([]byte, max(readSize, len(b.buf)))...)
		}
		k, err := b.r.Read(b.buf[b.to:])
		b.to += k
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			b.eof, b.cut = true, !errors.Is(err, io.EOF)
		} else if err != nil {
			return nil, err
		}
	}
	return b.buf[b.from : b.from+min(n, b.to-b.from)], nil
}

// next gives the next block and its offset. The block is valid until the next call.
func (b *blocks) next() (block []byte, offset int64, err error) {
	offset = b.offset
	head, err := b.peek(8)
	if err != nil {
		return nil, offset, err
	}
	if len(head) == 0 && !b.cut {
		return nil, offset, io.EOF
	}
	if len(head) < 8 {
		return nil, offset, &Truncated{Offset: offset}
	}
	if le.Uint32(head) == sectionHeader { // the same in both byte orders
		if head, err = b.peek(12); err != nil {
			return nil, offset, err
		}
		if len(head) < 12 {
			return nil, offset, &Truncated{Offset: offset}
		}
		switch {
		case le.Uint32(head[8:]) == byteOrderMagic:
			b.big = false
		case binary.BigEndian.Uint32(head[8:]) == byteOrderMagic:
			b.big = true
		default:
			return nil, offset, damaged(offset, "expected a byte-order magic, got %q", head[8:])
		}
	}
	kind, size := b.uint32(head), b.uint32(head[4:])
	if kind == 0 && size == 0 {
		// A file system that lost power leaves zeros where data was not yet written.
		return nil, offset, &Truncated{Offset: offset}
	}
	if size < smallestBlock || size > largestBlock || size%4 != 0 {
		return nil, offset, damaged(offset, "expected a length of %d to %d octets, got %d", smallestBlock, largestBlock, size)
	}
	n := int(size)
	block, err = b.peek(n)
	if err != nil {
		return nil, offset, err
	}
	if len(block) < n {
		return nil, offset, &Truncated{Offset: offset}
	}
	if end := b.uint32(block[n-4:]); end != size {
		return nil, offset, damaged(offset, "expected its length %d again at its end, got %d", size, end)
	}
	b.skip(n)
	return block, offset, nil
}

// skip goes on behind n octets that peek gave.
func (b *blocks) skip(n int) {
	b.from += n
	b.offset += int64(n)
}

func damaged(offset int64, format string, args ...any) *Damaged {
	return &Damaged{Offset: offset, What: fmt.Sprintf(format, args...)}
}

// options calls each for every option in p. It stops at what is no option.
func options(order binary.ByteOrder, p []byte, each func(code uint16, value []byte) error) error {
	for len(p) >= 4 {
		code, n := order.Uint16(p), int(order.Uint16(p[2:]))
		p = p[4:]
		if code == optEnd {
			return nil
		}
		if n > len(p) {
			return fmt.Errorf("expected an option of %d octets, got %d", n, len(p))
		}
		if err := each(code, p[:n]); err != nil {
			return err
		}
		p = p[min(len(p), n+pad(n)):]
	}
	return nil
}

// comments gives the comments of ours among the options in p, without their prefix.
func comments(p []byte) (texts []string, err error) {
	err = options(le, p, func(code uint16, value []byte) error {
		if code != optComment {
			return nil
		}
		if text, ok := strings.CutPrefix(string(value), commentPrefix); ok {
			texts = append(texts, text)
		} else if text, ok := strings.CutPrefix(string(value), commentContinued); ok && len(texts) > 0 {
			texts[len(texts)-1] += text
		}
		return nil
	})
	return texts, err
}
