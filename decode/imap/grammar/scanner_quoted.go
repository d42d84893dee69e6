package grammar

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"github.com/mailtrace/mailtrace/decode/rules"
)

// quoted reads a quoted string from its opening quote. It always makes progress.
func (s *scanner) quoted() Text {
	text := s.text
	from := s.pos + 1
	i := plainEnd(text, from)
	if i < len(text) && text[i] == '"' && s.ends(i, s.dense) {
		s.pos = i + 1
		return Text(text[from:i:i])
	}
	return s.quotedSlow(i)
}

// plainEnd finds the first octet from i on that is not plainChar, eight at a time.
func plainEnd(text []byte, i int) int {
	const (
		ones    = 0x0101010101010101
		highs   = 0x80 * ones
		quotes  = '"' * ones
		escapes = '\\' * ones
	)
	for ; i+8 <= len(text); i += 8 {
		v := binary.LittleEndian.Uint64(text[i:])
		q, e := v^quotes, v^escapes
		// A zero octet of v, q or e, or a high bit of v; the lowest one found is right.
		if stop := ((q-ones)&^q | (e-ones)&^e | (v-ones)&^v | v) & highs; stop != 0 {
			return i + bits.TrailingZeros64(stop)>>3
		}
	}
	for i < len(text) && class[text[i]]&plainChar != 0 {
		i++
	}
	return i
}

// ends tells whether the quote at i is a closing one, by what follows. In a list of nstrings,
// numbers and lists that is known well.
func (s *scanner) ends(i int, dense bool) bool {
	text := s.text
	if i+1 >= len(text) {
		return true
	}
	switch text[i+1] {
	case ')', '(', ']':
		return true
	case ' ':
		if !dense || i+2 >= len(text) {
			return true
		}
		c := text[i+2]
		return c == '"' || c == '(' || s.begins(i+2)
	case '"':
		return !dense
	}
	return false
}

// begins tells whether an nstring, number or list begins at i, or the line ends.
func (s *scanner) begins(i int) bool {
	if i >= len(s.text) {
		return true
	}
	switch c := s.text[i]; c {
	case '"', '(', ')', '{', '~', ' ', '-':
		return true
	case 'N', 'n':
		end := i + 3
		return end <= len(s.text) && equalFold(s.text[i:end], "NIL") && (end == len(s.text) || class[s.text[end]]&wordChar == 0)
	default:
		return class[c]&digitChar != 0
	}
}

// quotedSlow reads on in a quoted string at i, where an escape, an octet above 0x7f, NUL, a
// quote that closes nothing or the end of the line stands.
func (s *scanner) quotedSlow(i int) Text {
	from := s.pos + 1
	start := len(s.buf)
	eight := -1         // where the first 8-bit octet stands
	inner, at := -1, -1 // the first quote that may not be one: its place and len(s.buf) there
	dense := s.dense
	copied := from // up to here the text is in buf
	for i < len(s.text) {
		switch c := s.text[i]; {
		case class[c]&plainChar != 0:
		case c == '"' && s.ends(i, dense):
			s.buf = append(s.buf, s.text[copied:i]...)
			if inner >= 0 {
				// QUIRK: GroupWise leaves quotes inside quoted strings unescaped.
				s.problem(rules.QuotedUnescaped, inner, 1, s.shown(from-1, i+1))
			}
			return s.quotedEnd(i+1, start, eight)
		case c == '"':
			if inner < 0 {
				inner, at = i, len(s.buf)+i-copied
				dense = true
			}
		case c == '\\':
			if i+1 == len(s.text) {
				break
			}
			s.buf = append(s.buf, s.text[copied:i]...)
			copied = i + 1
			if e := s.text[i+1]; e != '"' && e != '\\' {
				// QUIRK: GroupWise escapes parentheses.
				s.problem(rules.QuotedEscape, i, 2, s.shown(i, i+2))
			}
			if s.text[i+1] >= 0x80 && eight < 0 {
				eight = i + 1
			}
			i++
		case c >= 0x80 && eight < 0:
			eight = i
		case c == 0:
			s.problem(rules.NUL, i, 1, "")
		}
		i++
		if inner >= 0 {
			if s.search--; s.search < 0 {
				break
			}
		}
	}
	if inner >= 0 { // nothing better was found: the quote it is
		if copied < inner {
			s.buf = append(s.buf, s.text[copied:inner]...)
		} else {
			s.buf = s.buf[:at]
		}
		return s.quotedEnd(inner+1, start, eight)
	}
	s.buf = append(s.buf, s.text[min(copied, len(s.text)):]...)
	s.problem(rules.QuotedOpen, from-1, len(s.text)-from+1, "")
	return s.quotedEnd(len(s.text), start, eight)
}

// quotedEnd ends a quoted string behind its closing quote; what it says is in buf from start.
func (s *scanner) quotedEnd(end, start, eight int) Text {
	s.pos = end
	t := s.buf[start:len(s.buf):len(s.buf)]
	if eight >= 0 && eight < end {
		switch {
		case !utf8.Valid(t):
			s.problem(rules.EightBitQuoted, eight, 1, "not UTF-8 either")
		case !s.utf8:
			s.problem(rules.EightBitQuoted, eight, 1, "")
		}
	}
	if t == nil {
		return Text{}
	}
	return Text(t)
}
