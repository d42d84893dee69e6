package main

import (
	"io"
	"os"

	"github.com/mailtrace/mailtrace/decode"
)

// spool holds the octets of one body that goes by: small ones in memory, large ones in a
// temporary file of the directory where they will stay.
type spool struct {
	dir    string
	off    int64 // of its first octet in the stream of its direction
	octets int64 // on the wire
	filled bool  // some of them are filler
	buf    []byte
	file   *os.File
	un     *unstuffer // of a POP3 body
}

// spoolMemory is how much of a body stays in memory.
const spoolMemory = 64 << 10

// Write takes octets of the wire.
func (s *spool) Write(p []byte) (int, error) {
	s.octets += int64(len(p))
	if s.un != nil {
		return s.un.Write(p)
	}
	return s.keep(p)
}

// keep takes octets of the message.
func (s *spool) keep(p []byte) (int, error) {
	if s.file == nil {
		if len(s.buf)+len(p) <= spoolMemory {
			s.buf = append(s.buf, p...)
			return len(p), nil
		}
		file, err := os.CreateTemp(s.dir, ".mailtrace-*.part") // mode 0600
		if err != nil {
			return 0, err
		}
		s.file = file
		if _, err := file.Write(s.buf); err != nil {
			return 0, err
		}
		s.buf = nil
	}
	return s.file.Write(p)
}

// kept makes a spool's keep a writer.
type kept struct{ *spool }

func (k kept) Write(p []byte) (int, error) { return k.keep(p) }

// append adds the octets of another spool, which is of no use then.
func (s *spool) append(other *spool) error {
	defer other.drop()
	s.octets += other.octets
	s.filled = s.filled || other.filled
	if other.file == nil {
		_, err := s.keep(other.buf)
		return err
	}
	if _, err := other.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := io.Copy(kept{s}, other.file)
	return err
}

// save puts the octets into the file at path, which is there already and empty.
func (s *spool) save(path string) error {
	if s.file == nil {
		return os.WriteFile(path, s.buf, 0o600)
	}
	name := s.file.Name()
	if err := s.file.Close(); err != nil {
		return err
	}
	return os.Rename(name, path)
}

// drop removes what there is.
func (s *spool) drop() {
	if s.file != nil {
		discard(s.file)
		_ = os.Remove(s.file.Name()) // hidden, and in nobody's way
	}
}

// side is one direction of a connection: the bodies that no event has claimed yet.
type side struct {
	off  int64 // octets that went by
	open bool  // the last body may go on
	runs []*spool
}

// take takes octets that go by. Bodies are apart, since a line stands between them.
func (d *side) take(o decode.Octets, dir string, stuffed bool) error {
	off := d.off
	d.off += int64(len(o.P))
	if !o.Body || len(o.P) == 0 {
		d.open = d.open && len(o.P) == 0
		return nil
	}
	if !d.open {
		s := &spool{dir: dir, off: off}
		if stuffed {
			s.un = &unstuffer{}
			s.un.reset(kept{s})
		}
		d.runs, d.open = append(d.runs, s), true
	}
	s := d.runs[len(d.runs)-1]
	s.filled = s.filled || o.Fill
	_, err := s.Write(o.P)
	return err
}

// claim gives the body within span, nil if there is none. Those before it are dropped.
func (d *side) claim(span decode.Span) *spool {
	for len(d.runs) > 0 && d.runs[0].off < span.End() {
		s := d.runs[0]
		d.runs = d.runs[1:]
		d.open = d.open && len(d.runs) > 0
		if s.off >= span.Off {
			return s
		}
		s.drop()
	}
	return nil
}

// lost notes that octets are missing.
func (d *side) lost(span decode.Span) {
	if end := span.End(); span.Len > 0 && end > d.off {
		d.off = end
	}
}
