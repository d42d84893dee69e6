package imap

import (
	"bytes"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/internal/redact"
)

// tap is what one direction still owes to the recorder.
type tap struct {
	// A client line longer than Limits.Line was decided by its beginning: the rest goes on
	// in clear (passing) or as filler (filling).
	passing, filling bool
	// A server line is held while a secret may be repeated in it; its pieces keep their
	// times.
	holding bool
	pieces  []piece
}

type piece struct {
	time time.Time
	n    int
}

func (p *tap) reset() { *p = tap{pieces: p.pieces[:0]} }

func (s *session) emit(d decode.Dir, t time.Time, p []byte, end, fill, body bool) {
	if s.o.Tap != nil && (len(p) > 0 || end) {
		s.o.Tap(decode.Octets{Dir: d, Time: t, P: p, End: end, Fill: fill, Body: body})
	}
}

func fillCopy(p []byte) []byte {
	f := bytes.Clone(p)
	redact.Fill(f)
	return f
}

// tapClientPart gives a part of a client line longer than Limits.Line to the recorder.
// What was held of it so far is given first, once its beginning says how.
func (s *session) tapClientPart(t time.Time, held, part []byte, done bool) {
	x := &s.client
	if !x.tap.passing && !x.tap.filling {
		kept, _ := x.lines.Held()
		if len(kept) == 0 {
			kept = append(bytes.Clone(held), part...)
		}
		c := s.classify(kept[:min(len(kept), s.o.Limits.Line)], true)
		x.tap.passing = c.from >= c.to || s.o.Secrets
		x.tap.filling = !x.tap.passing
		if x.tap.filling {
			// All of it behind the beginning that the grammar proves harmless.
			all := append(bytes.Clone(held), part...)
			redact.Fill(all[min(c.from, len(all)):])
			held, part = all[:len(held)], all[len(held):]
			s.emit(decode.Client, t, held, false, true, false)
			s.emit(decode.Client, t, part, done, true, false)
			return
		}
		s.emit(decode.Client, t, held, false, false, false)
	}
	if x.tap.filling {
		part = fillCopy(part)
	}
	s.emit(decode.Client, t, part, done, x.tap.filling, false)
}

// flushHeld gives what is held of a line that never got its end, as filler.
func (s *session) flushHeld(x *side, t time.Time) {
	kept, _ := x.lines.Held()
	switch {
	case s.o.Tap == nil:
	case x.dir == decode.Client && !x.tap.passing && !x.tap.filling:
		if !s.o.Secrets {
			kept = fillCopy(kept)
		}
		s.emit(x.dir, t, kept, true, !s.o.Secrets, false)
	case x.dir == decode.Server && x.tap.holding:
		s.releaseServer(fillCopy(kept), true, true)
	}
	x.tap.reset()
}

// holdServer notes a piece of a server line that is held.
func (s *session) holdServer(t time.Time, n int) {
	p := &s.server.tap
	if k := len(p.pieces); k > 0 && p.pieces[k-1].time.Equal(t) {
		p.pieces[k-1].n += n
		return
	}
	p.pieces = append(p.pieces, piece{t, n})
}

// releaseServer gives a held line, piece by piece as it came.
func (s *session) releaseServer(line []byte, end, fill bool) {
	p := &s.server.tap
	for i, x := range p.pieces {
		n := min(x.n, len(line))
		last := i == len(p.pieces)-1
		if last {
			n = len(line)
		}
		s.emit(decode.Server, x.time, line[:n], last && end, fill, false)
		line = line[n:]
	}
	p.pieces, p.holding = p.pieces[:0], false
}
