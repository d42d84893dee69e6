package pop3

import (
	"bytes"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/internal/fragment"
	"github.com/mailtrace/mailtrace/decode/internal/redact"
)

func (s *session) emit(d decode.Dir, t time.Time, p []byte, end, fill, body bool) {
	if s.o.Tap != nil && len(p) > 0 {
		s.o.Tap(decode.Octets{Dir: d, Time: t, P: p, End: end, Fill: fill, Body: body})
	}
}

// fill overwrites all but line ends. POP3 has no quoted strings, so that quotes are part
// of the secret.
func fill(p []byte) {
	for i, c := range p {
		if c != '\r' && c != '\n' {
			p[i] = redact.Filler
		}
	}
}

// giveClientPart gives a part of a client line that goes on, where it need not be held.
func (s *session) giveClientPart(t time.Time, held []byte, before int64, part []byte) {
	x := &s.client
	if s.o.Tap == nil {
		return
	}
	if s.o.Secrets {
		s.emit(decode.Client, t, part, false, false, false)
		x.given = before + int64(len(part))
		return
	}
	if x.rule == byWhole {
		return
	}
	if x.given < before {
		s.giveClient(t, held[x.given:], x.given, false)
	}
	s.giveClient(t, part, before, false)
	x.given = before + int64(len(part))
}

// giveClient gives octets at a position of the unfinished line, as it was decided early.
func (s *session) giveClient(t time.Time, p []byte, at int64, end bool) {
	x := &s.client
	filled := x.rule != byWhole && !s.o.Secrets
	if filled {
		p = bytes.Clone(p)
		fill(p[min(max(int64(x.decided.from)-at, 0), int64(len(p))):])
	}
	s.emit(decode.Client, t, p, end, filled, false)
}

// giveClientLine gives what the recorder lacks of a client line that is whole.
func (s *session) giveClientLine(t time.Time, c *clientLine, line fragment.Line, before int64, part []byte) {
	x := &s.client
	switch {
	case s.o.Tap == nil:
	case s.o.Secrets:
		s.emit(decode.Client, t, part, true, false, false)
	case x.rule != byWhole:
		if held := line.Text; x.given < before {
			// What is held is no longer than the text that is kept.
			s.giveClient(t, held[min(x.given, int64(len(held))):min(before, int64(len(held)))], x.given, false)
		}
		s.giveClient(t, part, before, true)
	default:
		raw := part
		if before > 0 {
			raw = append(s.copied(line.Text), line.EOL...)
		}
		s.emit(decode.Client, t, s.filled(c, raw)[x.given:], true, c.secret(), false)
	}
}

// flushClient forgets an unfinished client line. The recorder gets it filled.
func (s *session) flushClient(t time.Time) {
	x := &s.client
	if kept, n := x.lines.Held(); n > x.given && s.o.Tap != nil {
		if x.rule == byWhole {
			s.decideEarly(kept, byNothing)
		}
		s.giveClient(t, kept[x.given:], x.given, false)
	}
	x.lines.Drop()
}

// textOfClientPart gives the text of an unfinished client line.
func (s *session) textOfClientPart() []byte {
	kept, _ := s.client.lines.Held()
	text := s.copied(kept)
	if s.o.Secrets {
		return text
	}
	from := 0
	if s.client.rule != byWhole {
		from = s.client.decided.from
	}
	fill(text[min(from, len(text)):])
	return text
}

// piece is what came of a held server line at one time.
type piece struct {
	time time.Time
	n    int
}

// hold notes a piece of a server line that is held.
func (x *server) hold(t time.Time, n int) {
	if k := len(x.pieces); k > 0 && (x.pieces[k-1].time.Equal(t) || k >= 1024) {
		x.pieces[k-1].n += n
		return
	}
	x.pieces = append(x.pieces, piece{t, n})
}

// release gives what is held of a server line, piece by piece as it came.
func (s *session) release(p []byte, end, filled bool) {
	x := &s.server
	for i, piece := range x.pieces {
		n := min(piece.n, len(p))
		last := i == len(x.pieces)-1
		if last {
			n = len(p)
		}
		s.emit(decode.Server, piece.time, p[:n], last && end, filled, false)
		p = p[n:]
	}
	x.pieces = x.pieces[:0]
}

// flushServer forgets an unfinished server line. What was held of it goes to the
// recorder filled.
func (s *session) flushServer(t time.Time) {
	x := &s.server
	if len(x.pieces) > 0 {
		kept, _ := x.lines.Held()
		rest := bytes.Clone(kept)
		fill(rest[min(max(x.clear, int64(indicator(kept))), int64(len(kept))):])
		s.release(rest[min(x.clear, int64(len(rest))):], false, true)
	}
	x.lines.Drop()
	x.clear, x.filler = 0, false
	if s.multi.active && s.multi.stuffing.Held() > 0 {
		s.content(t, s.multi.stuffing.Finish())
	}
}

// textOfServerPart gives the text of an unfinished server line.
func (s *session) textOfServerPart() []byte {
	kept, _ := s.server.lines.Held()
	text := s.copied(kept)
	switch {
	case s.server.filler:
		fill(text[min(s.server.keep, int64(len(text))):])
	case len(s.server.pieces) > 0:
		fill(text[min(max(s.server.clear, int64(indicator(text))), int64(len(text))):])
	}
	return text
}
