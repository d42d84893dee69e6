package mime

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mailtrace/mailtrace/decode/rules"
)

// judgeLine looks at one line of a header, as far as it is kept, of n octets, and gives the
// field that it begins.
func (s *Scanner) judgeLine(line []byte, n int64) field {
	whole := n == int64(len(line))
	eol := 0
	if whole {
		eol = int(eolOctets(line))
	}
	text := line[:len(line)-eol]
	if eol != 2 || n-2 > longestLine || !plain(text) {
		s.judgeOctets(line, text, n)
	}
	if s.twice.name != "" {
		if len(text) > 0 && (text[0] == ' ' || text[0] == '\t') {
			s.twice.n = s.off - s.twice.off
		} else {
			s.judgeTwice()
		}
	}
	if len(text) == 0 || text[0] == ' ' || text[0] == '\t' || s.open > 0 && text[0] == '-' {
		return field{index: -1}
	}
	f := fieldOf(line)
	s.judgeName(f, line, n)
	return f
}

// judgeOctets looks for what is wrong with a header line, whatever its field.
func (s *Scanner) judgeOctets(line, text []byte, n int64) {
	off, eol := s.lineOff, int64(len(line)-len(text))
	whole := n == int64(len(line))
	if eol == 1 {
		s.problem(rules.BareLF, off+n-1, 1, "")
	}
	if n-eol > longestLine && s.untold(rules.MessageLongLine) {
		s.problem(rules.MessageLongLine, off, n, strconv.FormatInt(n-eol, 10)+" octets")
	}
	if i := bytes.IndexByte(text, '\r'); i >= 0 {
		s.problem(rules.BareCR, off+int64(i), 1, "")
	}
	if i := bytes.IndexByte(text, 0); i >= 0 {
		s.problem(rules.MessageNUL, off+int64(i), 1, "")
	}
	if i := beyondASCII(text); i >= 0 {
		r := rules.HeaderUTF8
		if !utf8.Valid(text) && (whole || !utf8.Valid(wholeRunes(text))) {
			r = rules.HeaderEightBit
		}
		s.problem(r, off+int64(i), 1, octet(text[i]))
	}
}

// wholeRunes takes the beginning of a character off the end of text that was cut.
func wholeRunes(p []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(p); i++ {
		if c := p[len(p)-i]; utf8.RuneStart(c) {
			return p[:len(p)-i]
		}
	}
	return p
}

const (
	hasFrom   = 1 << nameFrom
	hasDate   = 1 << nameDate
	ofContent = ^uint32(1<<nameContentType - 1)
)

// mboxFrom is what the line begins with that separates messages in an mbox file.
var mboxFrom = []byte("From ")

// judgeName looks at the name of a field, of which the first line is n octets.
func (s *Scanner) judgeName(f field, line []byte, n int64) {
	top := &s.nodes[len(s.nodes)-1]
	if f.colon <= 0 {
		r := rules.HeaderNoColon
		// QUIRK: messages from mbox files that are delivered as they are begin with "From ".
		if s.lineOff == s.begun && top.owner != nil && bytes.HasPrefix(line, mboxFrom) {
			r = rules.HeaderMbox
		}
		s.problem(r, s.lineOff, n, "")
		return
	}
	if f.index < 0 {
		return
	}
	bit := uint32(1) << f.index
	if top.fields&bit != 0 && (top.owner != nil || bit&ofContent != 0) && s.untold(rules.FieldDuplicate) {
		s.twice = twice{place{s.lineOff, n}, string(line[:len(single[f.index])])}
	}
	top.fields |= bit
}

// twice is a field that stands there for the second time, of which there may be more lines.
type twice struct {
	place
	name string // "" for none
}

// judgeTwice tells of a field that stands there twice, once it is whole.
func (s *Scanner) judgeTwice() {
	if a := s.twice; a.name != "" {
		s.twice = twice{}
		s.problem(rules.FieldDuplicate, a.off, a.n, a.name)
	}
}

// judgeHeader looks at the header of a message as a whole.
func (s *Scanner) judgeHeader(n *node) {
	s.judgeTwice()
	if n.owner == nil {
		return
	}
	if n.fields != 0 && n.fields&(hasFrom|hasDate) != hasFrom|hasDate {
		missing := "Date"
		if n.fields&hasFrom == 0 {
			missing = "From"
		}
		s.problem(rules.FieldMissing, s.begun, s.off-s.begun, "no "+missing)
	}
	order := [...]int{fieldFrom, fieldSubject}
	if s.fields.at[fieldSubject].off < s.fields.at[fieldFrom].off {
		order[0], order[1] = order[1], order[0] // the first of them is told
	}
	for _, i := range order {
		if v := s.fields.value(i); bytes.Contains(v, []byte("=?")) {
			if word := brokenWord(v); word != "" {
				s.inField(rules.EncodedWord, i, word)
			}
		}
	}
}

// inField tells of a problem of a field whose value is kept.
func (s *Scanner) inField(r *rules.Rule, i int, fact string) {
	at := s.fields.at[i]
	s.problem(r, at.off, at.n, fact)
}

// judgeContent looks at what a header says of its body.
func (s *Scanner) judgeContent(c content, multi bool) {
	composite := strings.HasPrefix(c.typ, "multipart/") || c.typ == "message/rfc822" // RFC 6532 §3.7 allows more of message/global
	switch {
	case composite && !identity(c.encoding):
		s.inField(rules.EncodingOnComposite, fieldEncoding, c.typ+" in "+c.encoding)
	case identity(c.encoding) || c.encoding == "base64" || c.encoding == "quoted-printable" || strings.HasPrefix(c.encoding, "x-"):
	default:
		s.inField(rules.EncodingUnknown, fieldEncoding, c.encoding)
	}
	if c.continuation != "" {
		s.inField(rules.ParameterContinuation, c.continued, c.continuation)
	}
	if c.charsetUnknown {
		s.inField(rules.CharsetUnknown, fieldType, c.charset)
	}
	if multi && c.boundaries > 1 {
		s.inField(rules.BoundaryDuplicate, fieldType, strconv.Itoa(c.boundaries)+" of them")
	}
	if !multi && strings.HasPrefix(c.typ, "multipart/") {
		s.inField(rules.BoundaryMissing, fieldType, c.typ)
	}
	if !multi {
		return
	}
	if n := len(c.boundary); n > 70 {
		s.inField(rules.BoundaryInvalid, fieldType, strconv.Itoa(n)+" octets")
	}
	for i := len(s.nodes) - 2; i >= 0; i-- {
		switch b := s.nodes[i].boundary; {
		case b == "":
		case b == c.boundary:
			s.inField(rules.BoundaryNested, fieldType, b)
		case strings.HasPrefix(c.boundary, b):
			s.inField(rules.BoundaryPrefix, fieldType, c.boundary+" begins with "+b)
		}
	}
}
