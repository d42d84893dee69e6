package main

import (
	"io"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/internal/spool"
)

// body holds the octets of one body that goes by.
type body struct {
	spool.Spool
	off    int64            // of its first octet in the stream of its direction
	octets int64            // on the wire
	filled bool             // some of them are filler
	un     *spool.Unstuffer // of a POP3 body
}

// wire takes octets as they went by.
func (s *body) wire(p []byte) error {
	s.octets += int64(len(p))
	w := io.Writer(&s.Spool)
	if s.un != nil {
		w = s.un
	}
	_, err := w.Write(p)
	return err
}

// append adds what goes on in another one, which is of no use then.
func (s *body) append(other *body) error {
	s.octets += other.octets
	s.filled = s.filled || other.filled
	return s.Append(&other.Spool)
}

// save puts the octets into the file at path, which is there already and empty.
func (s *body) save(path string) error { return s.Keep(path, false) }

// drop removes what there is.
func (s *body) drop() { s.Drop() }

// side is one direction of a connection: the bodies that no event has claimed yet.
type side struct {
	off  int64 // octets that went by
	open bool  // the last body may go on
	runs []*body
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
		s := &body{Spool: spool.Spool{Dir: dir}, off: off}
		if stuffed {
			s.un = &spool.Unstuffer{}
			s.un.Reset(&s.Spool)
		}
		d.runs, d.open = append(d.runs, s), true
	}
	s := d.runs[len(d.runs)-1]
	s.filled = s.filled || o.Fill
	return s.wire(o.P)
}

// claim gives the body within span, nil if there is none. Those before it are dropped.
func (d *side) claim(span decode.Span) *body {
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
