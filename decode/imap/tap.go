package imap

import (
	"bytes"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/internal/fragment"
	"github.com/mailtrace/mailtrace/decode/internal/redact"
)

// tap is what one direction still owes to the recorder, of the unfinished line.
//
//	client  ──whole──► given, its secret filled
//	        ──longer than Limits.Line: decided by its beginning──► passing │ filling
//	server  ──no secret under way──► given as it comes
//	        ──holding──whole──► given, what it repeats filled
//	                   ──longer than Limits.Line──► passing │ filling
type tap struct {
	passing, filling bool
	holding          bool
	kind             lineKind // of a client line that was decided
	from             int      // filling: where filler begins
	// tail is what was not given yet of a client line that is filled: it may announce a
	// literal.
	tail []byte
	// clear is how many octets of a server line were given before there was a secret.
	clear int
	// pieces of a held server line keep their times.
	pieces []piece
}

type piece struct {
	time time.Time
	n    int
}

// manyPieces is what is kept of the room for pieces.
const manyPieces = 1 << 10

func (p *tap) reset() {
	*p = tap{pieces: p.pieces[:0], tail: p.tail[:0]}
	if cap(p.pieces) > manyPieces {
		p.pieces = nil
	}
}

func (s *session) emit(d decode.Dir, t time.Time, p []byte, end, fill, body bool) {
	if s.o.Tap != nil && (len(p) > 0 || end) {
		s.o.Tap(decode.Octets{Dir: d, Time: t, P: p, End: end, Fill: fill, Body: body})
	}
}

func blankCopy(p []byte) []byte {
	f := bytes.Clone(p)
	redact.Blank(f)
	return f
}

// announcement is more octets than "~{9223372036854775807+}" and its line end.
const announcement = 32

// tapClientPart gives a part of a client line longer than Limits.Line to the recorder.
// What was held of it so far is given first, once its beginning says how.
func (s *session) tapClientPart(t time.Time, held, part []byte, end bool) {
	p := &s.client.tap
	if !p.passing && !p.filling {
		all := append(bytes.Clone(held), part...)
		c := s.classify(all[:min(len(all), s.o.Limits.Line)], true)
		p.passing = !c.hidden || s.o.Secrets
		p.filling = !p.passing
		p.kind, p.from = c.kind, c.from
		part = all
		if p.filling {
			s.emit(decode.Client, t, all[:c.from], false, false, false)
			part = all[c.from:]
		}
	}
	if p.passing {
		s.emit(decode.Client, t, part, end, false, false)
		return
	}
	p.tail = append(p.tail, part...)
	keep := 0
	if p.kind == isCommand || p.kind == isRest {
		keep = announcement
	}
	if n := len(p.tail) - keep; n > 0 {
		redact.Blank(p.tail[:n])
		s.emit(decode.Client, t, p.tail[:n], false, true, false)
		p.tail = append(p.tail[:0], p.tail[n:]...)
	}
}

// clientLineCut ends a client line of which not everything is kept.
func (s *session) clientLineCut(t time.Time, c *clientLine, line fragment.Line, held, part []byte) {
	p := &s.client.tap
	s.tapClientPart(t, held, part, true)
	c.more = c.more && (c.kind == isCommand || c.kind == isRest)
	if !p.filling {
		return
	}
	// What was decided by the beginning stands, whatever happened meanwhile.
	if c.kind != p.kind && c.kind == isCommand {
		c.kind, c.more = isNone, false
	}
	c.hide(min(p.from, c.from), len(line.Text), true)
	keep := len(line.EOL)
	if c.more {
		keep += len(line.Tail) - c.literal.Start
	}
	redact.Blank(p.tail[:max(0, len(p.tail)-keep)])
	s.emit(decode.Client, t, p.tail, true, true, false)
}

// flushHeld gives what is held of a line that never got its end, as filler.
func (s *session) flushHeld(x *side, t time.Time) {
	kept, _ := x.lines.Held()
	p := &x.tap
	switch {
	case s.o.Tap == nil || p.passing:
	case x.dir == decode.Client && p.filling:
		s.emit(x.dir, t, blankCopy(p.tail), true, true, false)
	case x.dir == decode.Client && s.o.Secrets:
		s.emit(x.dir, t, kept, true, false, false)
	case x.dir == decode.Client:
		s.emit(x.dir, t, blankCopy(kept), true, true, false)
	case p.holding:
		s.releaseServer(blankCopy(kept[min(p.clear, len(kept)):]), true, true)
	}
	p.reset()
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

// releaseServer gives what is held of a line, piece by piece as it came.
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

// heldTooLong decides, by its beginning, about a held line that is longer than what is kept
// of it: what may repeat a secret is filled, the data of other responses passes. held is
// what was kept before part came, of octets.
func (s *session) heldTooLong(t time.Time, held []byte, octets int64, part []byte) {
	p := &s.server.tap
	all := append(bytes.Clone(held), part...)
	text := all[:min(len(all), s.o.Limits.Line)]
	r := s.parseResponse(text)
	from, _ := s.mayEcho(&r, text)
	if r.kind == decode.Untagged && r.status < 0 {
		from = min(from, 0) // filler leaves no name of it
	}
	p.filling = from >= 0
	p.passing = !p.filling
	clear := p.clear
	if int64(len(held)) < octets { // most of it was given before there was a secret
		all, clear = all[len(held):], 0
		p.from = max(from, s.o.Limits.Line)
		if p.filling {
			redact.Blank(all)
		}
	} else if p.filling {
		if r.kind == decode.Completion && s.isEchoedTag(&r) {
			from = 0
		}
		p.from = max(from, clear)
		redact.Blank(all[p.from:])
	}
	s.releaseServer(all[clear:], false, p.filling)
}

// mayEcho gives the part of a line in which a server may repeat a secret: the text of a
// status response, or a line that the grammar does not know. from is -1 for all others.
func (s *session) mayEcho(r *response, text []byte) (from, to int) {
	switch {
	case r.status >= 0:
		return r.status, len(text)
	case r.kind == decode.Malformed:
		return 0, len(text)
	case r.kind == decode.Untagged && r.number < 0 && responses[r.name] == "":
		if spec, ok := fragment.ParseLiteral(text); ok {
			return 2, max(2, len(bytes.TrimRight(text[:spec.Start], " ")))
		}
		return 2, len(text)
	}
	return -1, -1
}

// isEchoedTag tells whether what stands in the place of a tag is no tag but a secret, which
// the server took for the tag of a command: no command has it.
func (s *session) isEchoedTag(r *response) bool {
	if r.kind != decode.Completion || s.pending.find(r.tag) != nil {
		return false
	}
	at, _ := s.echo.Find(r.tag, 0)
	return at >= 0 || s.echo.Begins(r.tag)
}

// withoutEchoes gives a line of the server in which what it repeats of a secret is filled:
// the line itself where there is nothing of it.
func (s *session) withoutEchoes(text []byte, r *response) []byte {
	from, to := s.mayEcho(r, text)
	if from < 0 {
		return text
	}
	filled := bytes.Clone(text)
	found := s.echo.Fill(filled[from:to])
	if l := &s.client.literal; l.active && l.secret && s.cur != nil {
		// The server has a part of the literal.
		var part redact.Echo
		part.Add(s.cur.secret)
		found = part.Fill(filled[from:to]) || found
	}
	if s.isEchoedTag(r) {
		redact.Blank(filled[:len(r.tag)])
		found = true
	}
	if !found {
		return text
	}
	copy(filled, text[:min(s.server.tap.clear, len(text))])
	return filled
}
