package mime

import (
	"bytes"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// Scanner finds the parts of one message after the other. Reset begins a message, Write
// takes its octets cut anywhere, Close gives its parts. Its memory is bounded by
// Limits.Parts, Depth and Header.
type Scanner struct {
	// Unseen leaves out From, Subject and Date of messages: nobody looks. The Part of the message itself
	// is good until Reset then.
	Unseen bool

	limits decode.Limits
	active bool
	header bool // in a header, otherwise in a body
	bol    bool // in a body: the next octet begins a line

	off int64 // octets of the message seen, but for a held delimiter candidate
	nl  int64 // LFs among them

	line    []byte // header: the beginning of a line that is cut; body: a delimiter candidate
	lineOff int64  // header: where the line begins
	begun   int64  // header: where it begins itself
	twice   twice  // header: a field that should not stand there
	eol     int64  // header: octets of the line end before the line
	tail    [16]byte

	open    int // multiparts whose delimiter is looked for
	longest int // octets a delimiter candidate may have, line end included
	nodes   []node
	parts   []*Part
	fields  fields
	numbers []byte

	body     body
	problems []Problem
	more     int
	aborted  bool // the message broke off: its end says nothing

	roots []root // allocated, not yet used
	grow  int    // how many were allocated last
	again root   // used for each message, where nobody looks
}

// padding is the linear whitespace that is tolerated behind a delimiter.
const padding = 128

// Reset begins a new message. Parts already given away are not touched, but for what Unseen says.
func (s *Scanner) Reset(limits decode.Limits) {
	s.limits = limits.WithDefaults()
	s.active, s.off, s.nl = true, 0, 0
	s.line, s.nodes = s.line[:0], s.nodes[:0]
	s.open, s.longest = 0, 0
	s.problems, s.more, s.body, s.aborted = nil, 0, body{}, false
	s.tail, s.twice = [len(s.tail)]byte{}, twice{}
	root := s.newRoot()
	root.list[0] = &root.part
	s.parts = root.list[:1:1]
	s.push(node{part: &root.part, owner: &root.part})
	s.beginHeader()
}

// root is the message itself, and the list of parts while there are no others.
type root struct {
	part Part
	list [1]*Part
}

// newRoot allocates for several messages at a time, the more of them have gone by
// (BenchmarkSmallMessage).
func (s *Scanner) newRoot() *root {
	if s.Unseen {
		s.again.part = Part{}
		return &s.again
	}
	if len(s.roots) == 0 {
		s.grow = min(max(2*s.grow, 1), 16)
		s.roots = make([]root, s.grow)
	}
	r := &s.roots[0]
	s.roots = s.roots[1:]
	return r
}

// Active tells whether a message has begun and was not closed.
func (s *Scanner) Active() bool { return s.active }

// Lines is how many line ends were seen so far.
func (s *Scanner) Lines() int64 { return s.nl }

// Write takes the next octets of the message.
func (s *Scanner) Write(p []byte) {
	for len(p) > 0 && s.active {
		if s.header {
			p = s.headerOctets(p)
		} else {
			p = s.bodyOctets(p)
		}
	}
}

// Close ends the message and gives its parts in the order in which they begin. The
// caller owns them.
func (s *Scanner) Close() []*Part { return s.close(false) }

// Abort is Close for a message that broke off: all open parts are marked Cut.
func (s *Scanner) Abort() []*Part { return s.close(true) }

func (s *Scanner) close(cut bool) []*Part {
	if !s.active {
		return nil
	}
	if len(s.line) > 0 {
		// The last line has no end.
		line := s.line
		s.line = s.line[:0]
		switch {
		case s.header:
			s.headerLine(line, s.judgeLine(line, s.off-s.lineOff))
		case !s.delimiter(line):
			s.advance(line)
		}
	}
	for s.header {
		s.endHeader(nil)
	}
	s.aborted = cut
	for len(s.nodes) > 0 {
		n := &s.nodes[len(s.nodes)-1]
		if n.part != nil && (cut || s.open > 0) {
			n.part.Cut = true
		}
		s.pop(s.off, s.nl)
	}
	parts := s.parts
	s.parts, s.active = nil, false
	s.fields.trim()
	return parts
}

// Skip passes over octets of the message that never came. What is open is marked Cut, and
// nothing of it is judged any more; where the gap begins in a header, the rest counts as body.
func (s *Scanner) Skip(n int64) {
	if !s.active || n <= 0 {
		return
	}
	if len(s.line) > 0 {
		line := s.line
		s.line = s.line[:0]
		if s.header {
			s.headerLine(line, fieldOf(line))
		} else {
			s.advance(line)
		}
	}
	s.judgeTwice()
	for s.header {
		s.nodes[len(s.nodes)-1].quiet = true
		s.endHeader(nil)
	}
	for i := range s.nodes {
		if s.nodes[i].quiet = true; s.nodes[i].part != nil {
			s.nodes[i].part.Cut = true
		}
	}
	s.off += n
	s.tail, s.bol = [len(s.tail)]byte{}, false
	s.body.line = 0
}

// headerOctets takes header lines, up to the end of the header.
func (s *Scanner) headerOctets(p []byte) []byte {
	for len(p) > 0 {
		if len(s.line) == 0 {
			s.lineOff = s.off
		}
		j := bytes.IndexByte(p, '\n')
		if j < 0 {
			s.keepLine(p)
			s.off += int64(len(p))
			return nil
		}
		line := p[:j+1]
		p = p[j+1:]
		s.off += int64(len(line))
		if len(s.line) > 0 {
			s.keepLine(line)
			line = s.line
			s.line = s.line[:0]
		} else if len(line) > s.limits.Header {
			line = line[:s.limits.Header]
		}
		s.nl++
		eol := int64(1)
		if len(line) > 1 && line[len(line)-2] == '\r' {
			eol = 2
		}
		f := s.judgeLine(line, s.off-s.lineOff)
		if s.headerLine(line, f) {
			break
		}
		s.eol = eol
	}
	return p
}

func (s *Scanner) keepLine(p []byte) {
	if room := s.limits.Header - len(s.line); room > 0 {
		s.line = append(s.line, p[:min(room, len(p))]...)
	}
}

// headerLine takes one header line, as far as it is kept, with the field that it begins, and
// tells whether the header ended with it.
func (s *Scanner) headerLine(line []byte, f field) bool {
	switch c := line[0]; c {
	case '\n', '\r':
		if c == '\n' || len(line) == 2 && line[1] == '\n' {
			s.endHeader(line)
			return true
		}
		s.fields.current = -1
	case ' ', '\t':
		s.fields.fold(line, s.limits.Header, s.off)
	case '-':
		s.fields.current = -1
		return s.open > 0 && s.delimitedHeader(line)
	default:
		s.fields.begin(f, line, s.limits.Header, s.lineOff, s.off)
	}
	return false
}

// delimitedHeader ends a part whose header has no end, and which so has no body, if the
// line is a delimiter.
func (s *Scanner) delimitedHeader(line []byte) bool {
	level, closing := s.match(line)
	if level < 0 || s.off-s.lineOff != int64(len(line)) {
		return false
	}
	off, nl, eol := s.off, s.nl, s.eol
	s.off = s.lineOff
	if line[len(line)-1] == '\n' {
		s.nl--
	}
	lines := s.nl
	s.problem(rules.HeaderEnd, s.lineOff, int64(len(line)), "")
	s.endHeader(nil)
	s.off, s.nl = off, nl
	s.delimit(level, closing, line, delimiterAt{s.lineOff, eol, lines})
	return true
}

// bodyOctets takes octets of a body, up to the end of the next delimiter.
func (s *Scanner) bodyOctets(p []byte) []byte {
	if s.open == 0 {
		s.advance(p)
		return nil
	}
	if len(s.line) > 0 {
		return s.heldCandidate(p)
	}
	for k := 0; ; {
		d := bytes.IndexByte(p[k:], '-')
		if d < 0 {
			break
		}
		k += d
		begins := s.bol
		if k > 0 {
			begins = p[k-1] == '\n'
		}
		if begins && (k+1 == len(p) || p[k+1] == '-') {
			window := p[k:min(len(p), k+s.longest)]
			j := bytes.IndexByte(window, '\n')
			if j < 0 && len(window) < s.longest {
				s.advance(p[:k])
				s.line = append(s.line[:0], window...)
				return nil
			}
			if j >= 0 {
				if level, closing := s.match(window[:j+1]); level >= 0 {
					s.advance(p[:k])
					s.delimitedBody(level, closing, window[:j+1])
					return p[k+j+1:]
				}
				k += j + 1
				continue
			}
		}
		// A ruler of hyphens costs one look, not one an octet.
		for k++; k < len(p) && p[k] == '-'; k++ {
			continue
		}
	}
	s.advance(p)
	return nil
}

// heldCandidate goes on with a line that may be a delimiter.
func (s *Scanner) heldCandidate(p []byte) []byte {
	j := bytes.IndexByte(p, '\n')
	n := j + 1
	if j < 0 {
		n = len(p)
	}
	if len(s.line)+n <= s.longest && (len(s.line) > 1 || p[0] == '-') {
		s.line = append(s.line, p[:n]...)
		if j < 0 && len(s.line) < s.longest {
			return nil
		}
		line := s.line
		s.line = s.line[:0]
		if j < 0 || !s.delimiter(line) {
			s.advance(line)
		}
		return p[n:]
	}
	line := s.line
	s.line = s.line[:0]
	s.advance(line)
	return p
}

// advance counts octets of a body.
func (s *Scanner) advance(p []byte) {
	if len(p) == 0 {
		return
	}
	lines := s.inspect(p)
	s.off += int64(len(p))
	s.nl += int64(lines)
	s.bol = p[len(p)-1] == '\n'
	if len(p) >= len(s.tail) {
		copy(s.tail[:], p[len(p)-len(s.tail):])
		return
	}
	copy(s.tail[:], s.tail[len(p):])
	copy(s.tail[len(s.tail)-len(p):], p)
}
