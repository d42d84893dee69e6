package spool

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Memory is how many octets of a content stay in memory.
const Memory = 64 << 10

// Spool holds the octets of one content. The zero value is empty, and puts what is large into
// the system's directory of temporary files. It is not safe for concurrent use.
type Spool struct {
	// Dir is where a temporary file goes; "" is the system's. Set it before the first Write.
	Dir  string
	n    int64
	buf  []byte
	file *os.File
}

// Size is how many octets it holds.
func (s *Spool) Size() int64 { return s.n }

// Write takes octets.
func (s *Spool) Write(p []byte) (int, error) {
	if s.file == nil {
		if len(s.buf)+len(p) <= Memory {
			s.buf = append(s.buf, p...)
			s.n += int64(len(p))
			return len(p), nil
		}
		file, err := os.CreateTemp(s.Dir, ".mailtrace-*.part") // mode 0600
		if err != nil {
			return 0, err
		}
		s.file = file
		if _, err := file.Write(s.buf); err != nil {
			return 0, err
		}
		s.buf = nil
	}
	n, err := s.file.Write(p)
	s.n += int64(n)
	return n, err
}

// Bytes gives all octets where they lie in memory; they belong to the spool. ok is false where
// they are in a file.
func (s *Spool) Bytes() (p []byte, ok bool) { return s.buf, s.file == nil }

// Reader reads the octets from the first on. Readers of a spool do not disturb each other; they
// are valid until Keep or Drop.
func (s *Spool) Reader() io.ReadSeeker {
	if s.file == nil {
		return bytes.NewReader(s.buf)
	}
	return io.NewSectionReader(s.file, 0, s.n)
}

// WriteTo writes all octets to w.
func (s *Spool) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, s.Reader()) }

// Take gives the octets to a spool of their own, and leaves this one empty.
func (s *Spool) Take() *Spool {
	taken := *s
	*s = Spool{Dir: s.Dir}
	return &taken
}

// Append adds the octets of another spool, which is of no use then.
func (s *Spool) Append(other *Spool) error {
	defer other.Drop()
	_, err := io.Copy(s, other.Reader())
	return err
}

// Keep makes the file at path of the octets: one that is there is replaced. With sync they are on the
// disk when it returns. The spool is of no use then.
func (s *Spool) Keep(path string, sync bool) error {
	if s.file == nil {
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		_, err = file.Write(s.buf)
		if err == nil && sync {
			err = file.Sync()
		}
		return errors.Join(err, file.Close())
	}
	var err error
	if sync {
		err = s.file.Sync()
	}
	name := s.file.Name()
	if err := errors.Join(err, s.file.Close()); err != nil {
		return err
	}
	s.file = nil
	if s.Dir != "" && filepath.Dir(path) == filepath.Clean(s.Dir) {
		return os.Rename(name, path)
	}
	if err := os.Rename(name, path); err == nil {
		return nil
	}
	return moved(name, path, sync) // another file system
}

// moved copies a file, and removes it where it was.
func moved(from, to string, sync bool) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	w, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err == nil {
		_, err = io.Copy(w, r)
		if err == nil && sync {
			err = w.Sync()
		}
		err = errors.Join(err, w.Close())
	}
	_ = r.Close() // it was only read
	if err != nil {
		return err
	}
	return os.Remove(from)
}

// Drop forgets the octets.
func (s *Spool) Drop() {
	if s.file != nil {
		_ = s.file.Close()
		_ = os.Remove(s.file.Name()) // hidden, and in nobody's way
	}
	s.file, s.buf, s.n = nil, nil, 0
}
