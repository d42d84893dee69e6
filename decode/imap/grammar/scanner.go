package grammar

import (
	"bytes"
	"math"

	"github.com/mailtrace/mailtrace/decode/rules"
)

// scanner reads one logical line from left to right. Its functions give ok == false and stay
// where they are when something else stands there; small deviations they report as Problems
// and read on.
type scanner struct {
	text     []byte
	pos      int
	literals []Literal // not passed yet
	cut      bool      // the line goes on behind text
	utf8     bool      // quoted strings may hold UTF-8
	server   bool      // it is a response
	dense    bool      // only nstrings, numbers and lists follow: a quote that something else follows is none
	search   int       // octets that the search for misplaced quotes may still look at
	problems []Problem
	buf      []byte // strings without their escapes
}

// Classes of octets (RFC 9051 §9).
const (
	atomChar    = 1 << iota // ATOM-CHAR
	astringChar             // ASTRING-CHAR: "]" too
	listChar                // list-char: wildcards too
	tagChar                 // ASTRING-CHAR but "+"
	plainChar               // in a quoted string: neither quote nor escape nor 8-bit nor NUL
	digitChar
	wordChar  // neither SP nor parenthesis
	nameChar  // in the name of a FETCH item: an atom up to a section or an origin
	lowerChar // "a" to "z"
)

var class = func() (t [256]uint16) {
	for c := range 256 {
		b := byte(c)
		if c > ' ' && c < 0x7f && bytes.IndexByte([]byte(`(){%*"\]`), b) < 0 {
			t[c] |= atomChar | astringChar | listChar | tagChar
		}
		switch b {
		case ']':
			t[c] |= astringChar | listChar | tagChar
		case '%', '*':
			t[c] |= listChar
		case '+':
			t[c] &^= tagChar
		}
		if c > 0 && c < 0x80 && b != '"' && b != '\\' {
			t[c] |= plainChar
		}
		if b >= '0' && b <= '9' {
			t[c] |= digitChar
		}
		if b != ' ' && b != '(' && b != ')' {
			t[c] |= wordChar
		}
		if t[c]&atomChar != 0 && b != '[' && b != '<' {
			t[c] |= nameChar
		}
		if b >= 'a' && b <= 'z' {
			t[c] |= lowerChar
		}
	}
	return t
}()

// reset begins a line. The memory of the problems and strings before is used again.
func (s *scanner) reset(l *Line) {
	s.text, s.literals, s.cut = l.Text, l.Literals, l.Cut
	s.pos, s.dense, s.server = 0, false, false
	s.search = 2*len(l.Text) + 64
	s.problems, s.buf = s.problems[:0], s.buf[:0]
}

// maxProblems bounds what is told about one line.
const maxProblems = 16

// problem reports a deviation of the octets off to off+n, each rule once a line: what the rule
// says of the line does not become truer by repetition. Where the line is cut, what its end
// looks like says nothing.
func (s *scanner) problem(r *rules.Rule, off, n int, fact string) {
	off = min(max(off, 0), len(s.text))
	n = min(max(n, 0), len(s.text)-off)
	if s.cut && (off+n >= len(s.text) || s.lastWord()) || len(s.problems) >= maxProblems {
		return
	}
	for i := range s.problems {
		if s.problems[i].Rule == r {
			return
		}
	}
	s.problems = append(s.problems, Problem{Rule: r, Off: off, Len: n, Fact: fact})
}

// lastWord tells whether nothing but what may be half a word is left.
func (s *scanner) lastWord() bool {
	for i := s.pos; i < len(s.text); i++ {
		if class[s.text[i]]&wordChar == 0 && i > s.pos {
			return false
		}
	}
	return true
}

// shown gives octets of the line for a Fact, quoted and cut to a bearable length.
func (s *scanner) shown(off, end int) string {
	off = min(max(off, 0), len(s.text))
	end = min(max(end, off), len(s.text))
	if end-off > 40 {
		return string(appendVisible(nil, s.text[off:off+37])) + "..."
	}
	return string(appendVisible(nil, s.text[off:end]))
}

// atEnd tells whether nothing is left.
func (s *scanner) atEnd() bool { return s.pos >= len(s.text) }

// peek gives the next octet, 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

// peekAt gives the octet n behind the next one, 0 behind the end.
func (s *scanner) peekAt(n int) byte {
	if s.pos+n < len(s.text) {
		return s.text[s.pos+n]
	}
	return 0
}

// take passes the octet c.
func (s *scanner) take(c byte) bool {
	if s.pos < len(s.text) && s.text[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

// space passes one SP; more of them are a problem, but passed.
func (s *scanner) space() bool {
	if s.pos >= len(s.text) || s.text[s.pos] != ' ' {
		return false
	}
	s.pos++
	if s.pos < len(s.text) && s.text[s.pos] == ' ' {
		s.spaces(rules.ExtraSpace)
	}
	return true
}

// spaces passes any further SP as a problem.
func (s *scanner) spaces(r *rules.Rule) {
	from := s.pos
	for s.take(' ') {
	}
	if s.pos > from && !s.atEnd() { // at the end it is the end's problem
		s.problem(r, from, s.pos-from, "")
	}
}

// run passes octets of a class and gives them, nil where there are none.
func (s *scanner) run(mask uint16) []byte {
	text, i := s.text, s.pos
	for i < len(text) && class[text[i]]&mask != 0 {
		i++
	}
	if i == s.pos {
		return nil
	}
	b := text[s.pos:i:i]
	s.pos = i
	return b
}

// atom reads 1*ATOM-CHAR, nil where there is none.
func (s *scanner) atom() []byte { return s.run(atomChar) }

// word reads what stands up to the next SP or parenthesis, nil where that is nothing.
func (s *scanner) word() []byte { return s.run(wordChar) }

// keyword passes a word, in whatever case, which SP, a parenthesis or the end follows.
func (s *scanner) keyword(upper string) bool {
	end := s.pos + len(upper)
	if end > len(s.text) || end < len(s.text) && class[s.text[end]]&wordChar != 0 || !equalFold(s.text[s.pos:end], upper) {
		return false
	}
	s.pos = end
	return true
}

// equalFold compares with a word in upper case, ASCII only.
func equalFold(b []byte, upper string) bool {
	if len(b) != len(upper) {
		return false
	}
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != upper[i] {
			return false
		}
	}
	return true
}

// number reads 1*DIGIT of at most 64 bits. What is larger is math.MaxUint64.
func (s *scanner) number() (n uint64, ok bool) {
	text, from := s.text, s.pos
	i := from
	for i < len(text) {
		d := uint64(text[i] - '0')
		if d > 9 {
			break
		}
		n = n*10 + d
		i++
	}
	s.pos = i
	if i-from > 19 { // more digits than are sure to fit
		n = longNumber(text[from:i])
	}
	return n, i > from
}

// longNumber gives the value of digits, math.MaxUint64 for what is larger.
func longNumber(digits []byte) (n uint64) {
	for _, c := range digits {
		d := uint64(c - '0')
		if n > (math.MaxUint64-d)/10 {
			return math.MaxUint64
		}
		n = n*10 + d
	}
	return n
}

// number32 reads a number of 32 bits; what is larger is a problem and becomes 0.
func (s *scanner) number32() (uint32, bool) {
	from := s.pos
	n, ok := s.number()
	if n > math.MaxUint32 {
		s.problem(rules.NumberRange, from, s.pos-from, s.shown(from, s.pos)+" needs more than 32 bits")
		n = 0
	}
	return uint32(n), ok
}

// number64 reads a number of 63 bits; what is larger is a problem and becomes 0.
func (s *scanner) number64() (int64, bool) {
	from := s.pos
	n, ok := s.number()
	if n > math.MaxInt64 {
		s.problem(rules.NumberRange, from, s.pos-from, s.shown(from, s.pos)+" needs more than 63 bits")
		n = 0
	}
	return int64(n), ok
}

// nilWord passes NIL.
func (s *scanner) nilWord() bool {
	i, text := s.pos, s.text
	if i+3 > len(text) || text[i]|0x20 != 'n' || text[i+1]|0x20 != 'i' || text[i+2]|0x20 != 'l' ||
		i+3 < len(text) && class[text[i+3]]&wordChar != 0 {
		return false
	}
	s.pos = i + 3
	return true
}

// nstring reads a string or NIL, which is a nil Text.
func (s *scanner) nstring() (Text, bool) {
	if s.pos < len(s.text) {
		switch s.text[s.pos] {
		case '"':
			return s.quoted(), true
		case 'N', 'n':
			return nil, s.nilWord()
		case '{', '~':
			return s.literalText()
		}
	}
	return nil, false
}

// str reads a quoted string or a literal.
func (s *scanner) str() (Text, bool) {
	if s.pos < len(s.text) {
		switch s.text[s.pos] {
		case '"':
			return s.quoted(), true
		case '{', '~':
			return s.literalText()
		}
	}
	return nil, false
}

// astring reads an atom, in which "]" may stand too, or a string. What stands unquoted but
// should not is a problem and read up to the next SP or closing parenthesis.
func (s *scanner) astring() (Text, bool) {
	if t, ok := s.str(); ok {
		return t, true
	}
	from := s.pos
	t := s.run(astringChar)
	if i := s.pos; i < len(s.text) && s.text[i] != ' ' && s.text[i] != ')' && (i > from || s.text[i] != '(') {
		// QUIRK: Exchange sends mailbox names with control characters without quotes.
		for s.pos < len(s.text) && s.text[s.pos] != ' ' && s.text[s.pos] != ')' {
			s.pos++
		}
		t = s.text[from:s.pos:s.pos]
		s.problem(rules.Unquoted, i, s.pos-i, s.shown(i, s.pos))
	}
	return t, t != nil
}

// literal passes "{n}", "{n+}" or "~{n}" where one was announced and gives its content.
func (s *scanner) literal() (Literal, bool) {
	i := s.pos
	if i < len(s.text) && s.text[i] == '~' {
		i++
	}
	if i >= len(s.text) || s.text[i] != '{' {
		return Literal{}, false
	}
	n := bytes.IndexByte(s.text[i:min(len(s.text), i+32)], '}')
	if n < 0 {
		return Literal{}, false
	}
	at := i + n + 1
	for len(s.literals) > 0 && s.literals[0].At < at {
		s.literals = s.literals[1:]
	}
	if len(s.literals) == 0 || s.literals[0].At != at {
		return Literal{}, false
	}
	l := s.literals[0]
	s.literals = s.literals[1:]
	if s.server && s.text[at-2] == '+' {
		s.problem(rules.ServerLiteralPlus, s.pos, at-s.pos, s.shown(s.pos, at))
	}
	s.pos = at
	return l, true
}

// literalText reads a literal as text. One whose content was not kept is empty, not NIL.
func (s *scanner) literalText() (Text, bool) {
	l, ok := s.literal()
	if !ok {
		return nil, false
	}
	if l.Content == nil {
		return Text{}, true
	}
	return l.Content, true
}

// value passes any one value: a string, a word, or a list with all that is in it, however deep.
// It gives the octets as they stand, nil where there is no value.
func (s *scanner) value() Text {
	from := s.pos
	for depth := 0; s.pos < len(s.text); {
		switch s.text[s.pos] {
		case '"':
			s.quoted()
		case '(':
			depth++
			s.pos++
		case ')':
			if depth == 0 {
				return s.since(from)
			}
			depth--
			s.pos++
		case ' ':
			if depth == 0 {
				return s.since(from)
			}
			s.pos++
		default:
			if _, ok := s.literal(); !ok {
				for s.pos < len(s.text) && class[s.text[s.pos]]&wordChar != 0 && s.text[s.pos] != '"' {
					s.pos++
					if s.text[s.pos-1] == '[' { // BODY[HEADER.FIELDS (A B)] is one word
						s.bracket()
					}
				}
			}
		}
		if depth == 0 && (s.pos >= len(s.text) || class[s.text[s.pos]]&wordChar == 0) {
			break
		}
	}
	return s.since(from)
}

// bracket passes what stands up to the "]" if there is one within reach.
func (s *scanner) bracket() {
	if n := bytes.IndexByte(s.text[s.pos:min(len(s.text), s.pos+1024)], ']'); n >= 0 {
		s.pos += n + 1
	}
}

// since gives the octets from an offset up to here, nil where there are none.
func (s *scanner) since(from int) Text {
	if s.pos == from {
		return nil
	}
	return Text(s.text[from:s.pos:s.pos])
}

// rest passes all that is left and gives it.
func (s *scanner) rest() Text {
	from := s.pos
	s.pos = len(s.text)
	return s.since(from)
}
