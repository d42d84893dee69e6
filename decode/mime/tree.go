package mime

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/mailtrace/mailtrace/decode/rules"
)

// node is one part that has not ended yet.
type node struct {
	part     *Part  // nil: beyond the limits, or an attached message's multipart
	owner    *Part  // whose From, Subject and Date the header gives; nil in a part's header
	prefix   string // of the children's numbers
	boundary string // of a multipart whose close-delimiter has not come
	multi    bool   // a multipart; without boundary it is closed
	digest   bool
	within   string // an attached message: the number of what its body becomes
	depth    int
	children int
	lines    int64  // LFs before the body
	eol      int64  // octets of the line end behind the header
	said     said   // what was told of it
	quiet    bool   // octets of it are missing: nothing more is told
	fields   uint32 // header fields that it has
}

func (s *Scanner) push(n node) { s.nodes = append(s.nodes, n) }

func (s *Scanner) beginHeader() {
	s.header, s.begun = true, s.off
	s.fields.reset()
}

// child begins the next part of the multipart on top of the stack, behind its delimiter.
func (s *Scanner) child(line []byte) {
	parent := &s.nodes[len(s.nodes)-1]
	parent.children++
	n := node{depth: parent.depth + 1}
	if parent.within != "" {
		n.depth-- // under the attached message itself
	}
	if len(s.parts) >= s.limits.Parts {
		if parent.part != nil {
			parent.part.Cut = true
		}
		s.push(n)
		s.beginBody(line)
		return
	}
	s.numbers = append(s.numbers[:0], parent.prefix...)
	s.numbers = strconv.AppendInt(s.numbers, int64(parent.children), 10)
	n.part = s.newPart(string(s.numbers), n.depth)
	s.push(n)
	s.beginHeader()
	s.eol = eolOctets(line)
}

func (s *Scanner) newPart(number string, depth int) *Part {
	p := &Part{Number: number, Depth: depth, Off: s.off}
	s.parts = append(s.parts, p)
	return p
}

// beginBody begins a body, preamble or epilogue behind a line, of which the line end may
// belong to the next delimiter.
func (s *Scanner) beginBody(line []byte) {
	s.header, s.bol = false, true
	s.body = body{nul: true}
	s.tail = [len(s.tail)]byte{}
	eol := line[len(line)-int(eolOctets(line)):]
	copy(s.tail[len(s.tail)-len(eol):], eol)
}

// eolOctets is the length of a line's end: CRLF, LF or none.
func eolOctets(line []byte) int64 {
	n := len(line)
	switch {
	case n == 0 || line[n-1] != '\n':
		return 0
	case n > 1 && line[n-2] == '\r':
		return 2
	}
	return 1
}

// endHeader says what the part on top of the stack is, and goes on with its body. The
// header ended in a blank line, nil where it just ended.
func (s *Scanner) endHeader(blank []byte) {
	n := &s.nodes[len(s.nodes)-1]
	owner := n.owner
	if n.within != "" && owner.Number == "" {
		owner = nil // the message is one attached message: its own header has its From
	}
	s.judgeHeader(n)
	if s.Unseen {
		owner = nil
	}
	c := s.fields.content(owner, len(s.nodes) > 1 && s.inDigest())
	s.beginBody(blank)
	n.lines, n.eol = s.nl, eolOctets(blank)
	multi := c.boundary != "" && strings.HasPrefix(c.typ, "multipart/")
	deep := n.depth >= s.limits.Depth
	s.judgeContent(c, multi)
	n = &s.nodes[len(s.nodes)-1]
	if n.within != "" {
		// The body of an attached message (RFC 9051 §6.4.5.1).
		if multi && !deep {
			n.owner.Boundary = c.boundary
			s.openMultipart(n, c, n.within+".")
			return
		}
		if len(s.parts) >= s.limits.Parts {
			n.owner.Cut = true
			return
		}
		n.part = s.newPart(n.within+".1", n.depth)
	}
	p := n.part
	p.Type, p.Charset, p.Boundary, p.Name, p.Encoding = c.typ, c.charset, c.boundary, c.name, c.encoding
	p.Off, p.Decoded = s.off, -1
	if !multi && !(isMessage(c.typ) && identity(c.encoding)) {
		s.judge(p)
	}
	attached := isMessage(c.typ) && identity(c.encoding)
	switch {
	case (multi || attached) && deep:
		p.Cut = true
	case multi:
		prefix := ""
		if p.Number != "" {
			prefix = p.Number + "."
		}
		s.openMultipart(n, c, prefix)
	case attached:
		within := p.Number
		if within == "" {
			within = "1" // the message's own body is part 1
		}
		s.push(node{owner: p, within: within, depth: n.depth + 1})
		s.beginHeader()
		s.eol = eolOctets(blank)
	}
}

func (s *Scanner) openMultipart(n *node, c content, prefix string) {
	n.prefix, n.boundary, n.multi = prefix, c.boundary, true
	n.digest = c.typ == "multipart/digest"
	s.open++
	s.longest = max(s.longest, len(c.boundary)+len("----\r\n")+padding)
}

// inDigest tells whether the part on top of the stack is a child of a multipart/digest.
func (s *Scanner) inDigest() bool { return s.nodes[len(s.nodes)-2].digest }

func isMessage(typ string) bool { return typ == "message/rfc822" || typ == "message/global" }

// identity tells whether a transfer encoding leaves the octets as they are; an attached
// message may have no other (RFC 2046 §5.2.1), and is not looked into where it has.
func identity(encoding string) bool {
	return encoding == "7bit" || encoding == "8bit" || encoding == "binary"
}

// match tells which open multipart a line, with or without its line end, delimits, -1
// for none, and whether it is a close-delimiter.
func (s *Scanner) match(line []byte) (level int, closing bool) {
	if len(line) < 3 || line[0] != '-' || line[1] != '-' {
		return -1, false
	}
	text := bytes.TrimRight(line[2:], " \t\r\n")
	for i := len(s.nodes) - 1; i >= 0; i-- {
		b := s.nodes[i].boundary
		if b == "" || len(text) < len(b) || string(text[:len(b)]) != b {
			continue
		}
		switch string(text[len(b):]) {
		case "":
			return i, false
		case "--":
			return i, true
		}
	}
	return -1, false
}

// delimiter goes on behind a line of a body, if it is a delimiter.
func (s *Scanner) delimiter(line []byte) bool {
	level, closing := s.match(line)
	if level < 0 {
		return false
	}
	s.delimitedBody(level, closing, line)
	return true
}

// delimiterAt is where a delimiter stands.
type delimiterAt struct {
	off   int64 // of its first hyphen
	eol   int64 // octets of the line end before it, which belongs to it (RFC 2046 §5.1.1)
	lines int64 // LFs before it
}

// delimitedBody goes on behind a delimiter that stands in a body.
func (s *Scanner) delimitedBody(level int, closing bool, line []byte) {
	at := delimiterAt{s.off, eolOctets(s.tail[:]), s.nl}
	s.off += int64(len(line))
	if line[len(line)-1] == '\n' {
		s.nl++
	}
	s.delimit(level, closing, line, at)
}

// delimit ends all parts inside the multipart at level, and begins its next part or its
// epilogue.
func (s *Scanner) delimit(level int, closing bool, line []byte, at delimiterAt) {
	if at.eol > 0 {
		at.lines--
	}
	for len(s.nodes) > level+1 {
		s.pop(at.off-at.eol, at.lines)
	}
	if !closing {
		s.child(line)
		return
	}
	s.nodes[level].boundary = ""
	s.open--
	s.beginBody(line)
}

// pop ends the part on top of the stack at an offset.
func (s *Scanner) pop(end, lines int64) {
	n := &s.nodes[len(s.nodes)-1]
	if !s.aborted {
		s.endBody(end)
		if n.multi && n.boundary != "" {
			s.problem(rules.BoundaryOpen, end, 0, "boundary "+n.boundary)
		}
	}
	s.nodes = s.nodes[:len(s.nodes)-1]
	if n.boundary != "" {
		s.open--
	}
	p := n.part
	if n.multi && n.boundary != "" {
		// The close-delimiter is missing.
		if p == nil {
			p = n.owner
		}
		p.Cut = true
	}
	if n.part == nil {
		return
	}
	p.Size = max(end-p.Off, 0)
	p.Lines = max(lines-n.lines, 0)
	if p.Encoding == "base64" && !n.multi {
		p.Decoded = s.decoded(p, n.eol)
	}
}

// decoded counts the octets that a base64 body decodes to, from what is known without
// looking at each: its octets, less line ends, all as long as the one behind the header,
// and less the padding.
func (s *Scanner) decoded(p *Part, eol int64) int64 {
	if eol == 0 {
		return 0
	}
	text := bytes.TrimRight(s.tail[:], "\r\n")
	pad := len(text) - len(bytes.TrimRight(text, "="))
	digits := p.Size - p.Lines*eol - int64(min(pad, 2))
	return max(digits, 0) * 6 / 8
}
