package replay

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// largeAbove is the size in octets above which the content of a literal or a body is not held in
// memory but in a file.
const largeAbove = 64 << 10

// large is content that lies in a file.
type large struct {
	file   io.ReaderAt
	off, n int64
}

func (l *large) reader() io.Reader { return io.NewSectionReader(l.file, l.off, l.n) }

// Size is the size of the content in octets.
func (l *Literal) Size() int64 {
	if l.large != nil {
		return l.large.n
	}
	return int64(len(l.Octets))
}

// Reader reads the content, wherever it lies.
func (l *Literal) Reader() io.Reader {
	if l.large != nil {
		return l.large.reader()
	}
	return bytes.NewReader(l.Octets)
}

// all gives the content in memory.
func (l *Literal) all() ([]byte, error) {
	if l.large == nil {
		return l.Octets, nil
	}
	return io.ReadAll(l.Reader())
}

// shown gives the content for comparison with text, and for people: what is large as its size.
func (l *Literal) shown() string {
	if l.large != nil {
		return fmt.Sprintf("{%d octets}", l.large.n)
	}
	return string(l.Octets)
}

// pieces are what is read at a time of what is not held: thousands of messages share a few.
var pieces = sync.Pool{New: func() any { return new([pieceSize]byte) }}

const pieceSize = 32 << 10

// lineReaders are like pieces, where lines are looked for.
var lineReaders = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, pieceSize) }}

func lineReader(r io.Reader) *bufio.Reader {
	br := lineReaders.Get().(*bufio.Reader)
	br.Reset(r)
	return br
}

func giveBack(br *bufio.Reader) {
	br.Reset(nil)
	lineReaders.Put(br)
}

// sameContent compares the content of two literals without holding what is large. differs is the
// offset of the first octet that is another, or where the shorter one ends.
func sameContent(a, b *Literal) (same bool, differs int64) {
	if a.large == nil && b.large == nil {
		if bytes.Equal(a.Octets, b.Octets) {
			return true, 0
		}
		return false, int64(common(a.Octets, b.Octets))
	}
	x, y := a.Reader(), b.Reader()
	p, q := pieces.Get().(*[pieceSize]byte), pieces.Get().(*[pieceSize]byte)
	defer pieces.Put(p)
	defer pieces.Put(q)
	for at := int64(0); ; {
		n, err := io.ReadFull(x, p[:])
		m, err2 := io.ReadFull(y, q[:])
		if !bytes.Equal(p[:n], q[:m]) {
			return false, at + int64(common(p[:n], q[:m]))
		}
		at += int64(n)
		if err != nil || err2 != nil {
			return (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) && a.Size() == b.Size(), at
		}
	}
}

// spool is a temporary file that holds what is large. It is removed at once where the system
// allows that, else when it is closed.
type spool struct {
	mu   sync.Mutex
	f    *os.File
	end  int64
	left bool // it has a name still
}

// write adds octets, and gives where they are.
func (s *spool) write(p []byte) (at int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		if s.f, err = os.CreateTemp("", "mailtrace-*"); err != nil {
			return 0, fmt.Errorf("replay: no room for what is large: %w", err)
		}
		s.left = os.Remove(s.f.Name()) != nil
	}
	if _, err := s.f.WriteAt(p, s.end); err != nil {
		return 0, fmt.Errorf("replay: no room for what is large: %w", err)
	}
	at = s.end
	s.end += int64(len(p))
	return at, nil
}

// ReadAt implements io.ReaderAt.
func (s *spool) ReadAt(p []byte, off int64) (int, error) {
	s.mu.Lock()
	f := s.f
	s.mu.Unlock()
	if f == nil {
		return 0, io.EOF
	}
	return f.ReadAt(p, off)
}

// take adds what r has, in one piece: nobody else may write meanwhile.
func (s *spool) take(r io.Reader) (*large, error) {
	l := &large{file: s, off: s.end}
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if _, err := s.write(buf[:n]); err != nil {
				return nil, err
			}
			l.n += int64(n)
		}
		if errors.Is(err, io.EOF) {
			return l, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// close gives the room back.
func (s *spool) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		return nil
	}
	err := s.f.Close()
	if s.left {
		err = errors.Join(err, os.Remove(s.f.Name()))
	}
	s.f = nil
	return err
}

// fileAt reads a file beside a script that is not kept open.
type fileAt struct {
	open func() (*os.File, error)
}

// ReadAt implements io.ReaderAt.
func (f fileAt) ReadAt(p []byte, off int64) (int, error) {
	file, err := f.open()
	if err != nil {
		return 0, err
	}
	defer file.Close() // it was read, closing cannot lose anything
	return file.ReadAt(p, off)
}
