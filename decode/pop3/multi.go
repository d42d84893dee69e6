package pop3

import (
	"bytes"
	"slices"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/internal/fragment"
	"github.com/mailtrace/mailtrace/decode/mime"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// multi is a multi-line response (RFC 1939 §3) that has begun.
type multi struct {
	pending
	active bool
	from   int64 // offset of the first octet behind the status line

	stuffing fragment.Body
	scanner  mime.Scanner
	dots     []Dot
	dot      []byte // the text of the last dot line, while it goes by
	dotting  bool

	listing *Listing
	last    [listed][]byte // a ring of the last lines
	caps    []string

	mechanisms []string         // of CAPA's SASL, or of AUTH without argument
	said       int64            // RETR: the size that the status line gave, -1 where it gave none
	undotted   int64            // lines that began with a single dot
	doubled    int64            // lines that begin with a dot still, now that they are un-stuffed
	stuffed    []int64          // where in the message dots were taken away, the first stuffedKept
	afterDot   bool             // the next octet stands behind a dot that was taken away
	findings   []decode.Finding // of lines of a listing
}

// rowLimit bounds what is kept of one line of a listing; RFC 2449 §3 allows 512 octets.
const rowLimit = 1 << 10

func (m *multi) begin(s *session, p pending) {
	m.pending, m.active, m.from = p, true, s.server.off
	m.undotted, m.doubled, m.afterDot, m.findings, m.stuffed = 0, 0, false, nil, m.stuffed[:0]
	if p.code.body() {
		m.stuffing.Reset()
		m.scanner.Unseen = s.o.Unseen
		m.scanner.Reset(s.o.Limits)
		m.dots, m.dotting = nil, false
		return
	}
	m.listing = &Listing{}
	switch {
	case p.code.is(codeCapa):
		m.caps, m.mechanisms = nil, nil
	case p.code.is(codeAuth):
		m.mechanisms = nil
	}
}

// drop forgets the response without telling.
func (m *multi) drop() {
	m.active, m.listing, m.caps, m.dots, m.mechanisms, m.findings = false, nil, nil, nil, nil, nil
	m.last = [listed][]byte{}
	if m.scanner.Active() {
		m.scanner.Abort()
	}
}

// bodyOctets takes the next piece of a message.
func (s *session) bodyOctets(t time.Time, p []byte) int {
	m := &s.multi
	for {
		piece, n := m.stuffing.Take(p)
		switch {
		case piece.End:
			s.server.off += int64(len(piece.Wire))
			s.emit(decode.Server, t, piece.Wire, true, false, false)
			s.endMulti(t, true, piece.Broken)
			for rest := s.copied(piece.Rest); len(rest) > 0; {
				// What stood behind a broken terminator is the beginning of a status line.
				rest = rest[s.serverStep(t, rest):]
			}
		case len(piece.Wire) > 0:
			s.content(t, piece)
		}
		if n > 0 {
			return n
		}
	}
}

// content takes a piece of a message that is none of its terminator.
func (s *session) content(t time.Time, p fragment.Piece) {
	m := &s.multi
	s.server.off += int64(len(p.Wire))
	s.emit(decode.Server, t, p.Wire, false, false, true)
	if p.Stuff && len(m.stuffed) < stuffedKept {
		m.stuffed = append(m.stuffed, m.stuffing.Octets-int64(len(p.Text)))
	}
	if p.Stuff || m.afterDot {
		m.judgeDot(p)
	}
	if p.Stuff || m.dotting {
		m.noteDot(p)
	}
	m.scanner.Write(p.Text)
}

// noteDot keeps the first lines that were un-stuffed.
func (m *multi) noteDot(p fragment.Piece) {
	wire := p.Wire
	if p.Stuff {
		m.endDot()
		if len(m.dots) == dotsKept {
			return
		}
		m.dots = append(m.dots, Dot{Line: m.scanner.Lines() + 1})
		m.dot, m.dotting = m.dot[:0], true
	}
	end := bytes.IndexByte(wire, '\n')
	line := wire
	if end >= 0 {
		line = wire[:end]
	}
	m.dot = append(m.dot, line[:min(len(line), dotText+1-len(m.dot))]...)
	if end >= 0 || len(m.dot) > dotText {
		m.endDot()
	}
}

func (m *multi) endDot() {
	if !m.dotting {
		return
	}
	m.dotting = false
	text := bytes.TrimSuffix(m.dot, []byte("\r"))
	m.dots[len(m.dots)-1].Text = string(text[:min(len(text), dotText)])
}

// ends tells whether a line of a listing is, or begins with, the terminator. A lone dot
// is never content there, whatever ends its line.
//
// QUIRK: Cyrus 3.4 ends "." with CR alone; then the next status line follows at once.
func (m *multi) ends(line []byte) bool {
	return len(line) == 1 || line[1] == '\r' && statusOf(line[2:]) != noStatus
}

// row takes one line of a listing.
func (s *session) row(t time.Time, line []byte, span decode.Span, first time.Time) {
	m := &s.multi
	if len(line) > 0 && line[0] == '.' {
		if !m.ends(line) {
			if line[1] != '.' {
				s.findRow(rules.POP3DotStuffing, span, "a line of the listing begins with a single dot")
			}
			m.add(s, line[1:], span)
			return
		}
		if len(line) == 1 {
			s.endMulti(t, true, span.Len < int64(len(".\r\n")))
			return
		}
		// The offset of the next line is where the terminator ended.
		off := s.server.off
		s.server.off = span.Off + 2
		s.endMulti(t, true, true)
		s.server.off = off
		// Whether a client line had begun before it is not recorded here: it may answer that.
		unsure := s.conduct.unsure
		s.conduct.unsure = true
		s.reply(t, line[2:], decode.Span{Off: span.Off + 2, Len: span.Len - 2}, first)
		s.conduct.unsure = unsure
		return
	}
	if st := statusOf(line); (st == statusOK || st == statusErr) && s.queue.len() > 0 {
		// QUIRK: +OK to CAPA without the list that should follow. No line of a listing
		// begins so, and somebody waits for an answer.
		off := s.server.off
		s.server.off = span.Off
		s.breakOff(t)
		s.server.off = off
		e := s.event(t, decode.Server, decode.Desync)
		e.Span = decode.Span{Off: span.Off}
		e.Text = []byte("the multi-line response has no end; decoding goes on with this status line")
		s.reply(t, line, span, first)
		return
	}
	s.rowEnd(line, span)
	m.add(s, line, span)
}

// add keeps a line of a listing, and what it says.
func (m *multi) add(s *session, line []byte, span decode.Span) {
	l := m.listing
	line = line[:min(len(line), rowLimit)]
	switch {
	case s.o.Bare:
	case len(l.First) < listed:
		l.First = append(l.First, bytes.Clone(line))
	default:
		i := l.Lines % listed
		m.last[i] = append(m.last[i][:0], line...)
	}
	l.Lines++
	s.judgeRow(line, span)
}

// finish gives the listing.
func (m *multi) finish(s *session, complete, broken bool) *Listing {
	l := m.listing
	l.Complete, l.Broken = complete, broken
	if m.code.is(codeAuth) && !s.o.Bare {
		l.Mechanisms = m.mechanisms
	}
	if over := l.Lines - listed; over > 0 && !s.o.Bare {
		n := min(over, listed)
		l.Last = make([][]byte, 0, n)
		for i := l.Lines - n; i < l.Lines; i++ {
			l.Last = append(l.Last, bytes.Clone(m.last[i%listed]))
		}
	}
	if m.code.is(codeCapa) && complete {
		l.Before = len(s.caps)
		for _, c := range s.caps {
			if !slices.Contains(m.caps, c) {
				l.Gone = append(l.Gone, c)
			}
		}
		for _, c := range m.caps {
			if !slices.Contains(s.caps, c) {
				l.New++
			}
		}
		s.caps, s.mechanisms = m.caps, m.mechanisms
	}
	return l
}

// endMulti makes the events of the end of a multi-line response: the parts of a message,
// and the end itself.
func (s *session) endMulti(t time.Time, complete, broken bool) {
	m := &s.multi
	var detail any
	if m.code.body() {
		var parts []*mime.Part
		if complete {
			parts = m.scanner.Close()
		} else {
			parts = m.scanner.Abort()
		}
		if s.o.Bodiless {
			parts = nil
		}
		m.endDot()
		for _, p := range parts {
			e := s.event(t, decode.Server, decode.MIME)
			e.Command, e.Name, e.Detail = m.cmd, m.code.name(), p
			if complete && m.code.is(codeRetr) {
				s.findInPart(e, p)
			}
		}
		b := &Body{
			Message: m.number, Octets: m.stuffing.Octets, Wire: m.stuffing.Wire, Stuffed: m.stuffing.Stuffed,
			Dots: m.dots, Complete: complete, Broken: broken,
		}
		if size, ok := s.drop.size(m.number); ok && m.code.is(codeRetr) {
			b.Listed = &size
		}
		s.judgeBody(b, parts)
		detail = b
	} else {
		detail = m.finish(s, complete, broken)
	}
	e := s.event(t, decode.Server, decode.Multiline)
	e.Name, e.Detail = m.code.name(), detail
	e.Span = decode.Span{Off: m.from, Len: s.server.off - m.from}
	if complete {
		e.Text = dot
	}
	answer(e, m.cmd, t, t)
	s.judgeEnd(e, complete, broken)
	m.drop()
	s.enterUpdate(t)
}

var dot = []byte(".")

// breakOff ends a multi-line response that will not be whole.
func (s *session) breakOff(t time.Time) {
	s.endMulti(t, false, false)
}

// endAtClose ends a multi-line response behind which nothing follows. A broken
// terminator is one there.
func (s *session) endAtClose(t time.Time) {
	m, x := &s.multi, &s.server
	if m.code.body() {
		piece := m.stuffing.Finish()
		if piece.End {
			x.off += int64(len(piece.Wire))
			s.emit(decode.Server, t, piece.Wire, true, false, false)
		} else if len(piece.Wire) > 0 {
			s.content(t, piece)
		}
		s.endMulti(t, piece.End, piece.Broken)
		return
	}
	kept, n := x.lines.Held()
	ended := string(kept) == ".\r"
	switch {
	case ended:
		s.release(bytes.Clone(kept[min(x.clear, n):]), true, false)
	case n > 0:
		m.add(s, s.textOfServerPart(), decode.Span{Off: x.from, Len: n})
	}
	s.flushServer(t)
	s.endMulti(t, ended, ended)
}
