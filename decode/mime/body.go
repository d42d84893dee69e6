package mime

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/mailtrace/mailtrace/decode/rules"
)

// longestLine is what RFC 5322 §2.1.1 allows, without the line end.
const longestLine = 998

// body is what is to be known of a body to judge the next octets of it.
type body struct {
	encoding byte        // one of the following
	eight    *rules.Rule // broken by an octet beyond ASCII; nil: none is, or it was told
	nul      bool        // a NUL breaks a rule
	line     int64       // octets of the line so far

	digits  int64 // base64
	padding int64

	escape byte // quoted-printable: octets seen behind an equals sign, plus one
	equals int64
}

const (
	asIs = iota
	base64Text
	quotedText
)

// judge says how the body of a leaf is looked at.
func (s *Scanner) judge(p *Part) {
	b := body{nul: true}
	switch p.Encoding {
	case "base64":
		b.encoding = base64Text
	case "quoted-printable":
		b.encoding, b.eight = quotedText, rules.BodyEightBit
	case "7bit":
		b.eight = rules.BodyEightBit // RFC 2045 §2.7
	case "8bit":
		if p.Charset == "" && p.Type == "text/plain" {
			b.eight = rules.CharsetMissing // other types may say it in their text (RFC 2046 §4.1.2)
		}
	default:
		b.nul = false
	}
	s.body = b
}

// shortLine is a line that no rule is too short for (RFC 2045 §6.7), with its CR.
const shortLine = 76 + len("\r")

// inspect looks at the next octets of a body, of which s.off is the first, and counts the line
// ends among them.
func (s *Scanner) inspect(p []byte) (lines int) {
	b := &s.body
	last := s.tail[len(s.tail)-1]
	if b.encoding == asIs {
		if n, ascii, ok := plainText(p, last, b.line); ok && (ascii || b.eight == nil) {
			b.line = lineSoFar(p, b.line)
			return n
		}
	}
	crlf := 0
	for rest := p; ; {
		j := bytes.IndexByte(rest, '\n')
		if j < 0 {
			if b.encoding == base64Text {
				s.base64(rest, s.off+int64(len(p)-len(rest)))
			}
			b.line += int64(len(rest))
			break
		}
		lines++
		off := s.off + int64(len(p)-len(rest))
		if b.encoding == base64Text {
			s.base64(rest[:j], off)
		}
		if j > 1 && j <= shortLine && rest[j-1] == '\r' && b.line == 0 { // as most lines are
			if b.encoding == quotedText && (rest[j-2] == ' ' || rest[j-2] == '\t') {
				s.problem(rules.QuotedPrintableSpace, off+int64(j), 1, "")
			}
			crlf++
		} else if s.inspectLine(p, len(p)-len(rest), j) {
			crlf++
		}
		rest = rest[j+1:]
	}
	s.bareCR(p, last, crlf)
	if b.encoding == quotedText {
		s.quoted(p)
	}
	if b.eight != nil {
		if i := beyondASCII(p); i >= 0 {
			s.problem(b.eight, s.off+int64(i), 1, octet(p[i]))
			b.eight = nil
		}
	}
	if b.nul {
		if i := bytes.IndexByte(p, 0); i >= 0 {
			s.problem(rules.MessageNUL, s.off+int64(i), 1, "")
			b.nul = false
		}
	}
	return lines
}

// inspectLine looks at the end of a line: the LF at p[at+n], before which n octets of the line
// are in p. It tells whether that is a CRLF.
func (s *Scanner) inspectLine(p []byte, at, n int) (crlf bool) {
	b := &s.body
	// before is the octet k before the LF.
	before := func(k int) byte {
		if i := at + n - k; i >= 0 {
			return p[i]
		}
		return s.tail[len(s.tail)+at+n-k]
	}
	b.line += int64(n)
	end, text := s.off+int64(at+n), b.line
	final := before(1)
	if crlf = final == '\r'; crlf {
		text--
		final = before(2)
	} else {
		s.problem(rules.BareLF, end, 1, "")
	}
	if text > longestLine && s.untold(rules.MessageLongLine) {
		s.problem(rules.MessageLongLine, end-b.line, b.line, strconv.FormatInt(text, 10)+" octets")
	}
	if b.encoding == quotedText {
		if text > 76 && s.untold(rules.QuotedPrintableLine) {
			s.problem(rules.QuotedPrintableLine, end-b.line, text, strconv.FormatInt(text, 10)+" octets")
		}
		if text > 0 && (final == ' ' || final == '\t') {
			s.problem(rules.QuotedPrintableSpace, end, 1, "")
		}
	}
	b.line = 0
	return crlf
}

// bareCR counts CRs against line ends, and looks for the one that is bare only where the
// numbers differ (BenchmarkBody). A CR at the very end is judged with what follows.
func (s *Scanner) bareCR(p []byte, last byte, crlf int) {
	n := bytes.Count(p, cr)
	if p[len(p)-1] == '\r' {
		n--
	}
	if last == '\r' {
		if p[0] != '\n' {
			s.problem(rules.BareCR, s.off-1, 1, "")
			return
		}
		crlf--
	}
	if n == crlf {
		return
	}
	for i, c := range p[:len(p)-1] {
		if c == '\r' && p[i+1] != '\n' {
			s.problem(rules.BareCR, s.off+int64(i), 1, "")
			return
		}
	}
}

var cr = []byte{'\r'}

// endBody judges what only the end of a body shows, which is at the offset end.
func (s *Scanner) endBody(end int64) {
	b := &s.body
	if s.off > 0 && s.tail[len(s.tail)-1] == '\r' {
		s.problem(rules.BareCR, s.off-1, 1, "")
	}
	if b.line > longestLine {
		s.problem(rules.MessageLongLine, s.off-b.line, b.line, strconv.FormatInt(b.line, 10)+" octets")
	}
	switch {
	case b.encoding == base64Text && (b.digits+b.padding)%4 != 0:
		s.problem(rules.Base64Padding, end, 0,
			strconv.FormatInt(b.digits, 10)+" digits and "+strconv.FormatInt(b.padding, 10)+" equals signs")
	case b.encoding == quotedText && b.escape > 1:
		s.problem(rules.QuotedPrintable, b.equals, 2, "it ends there")
	}
	s.body = body{}
}

// base64 looks at octets of one line. White space in it is harmless, and so is every
// length of a line: decoders pass over line ends.
func (s *Scanner) base64(p []byte, off int64) {
	b := &s.body
	if n := len(p); n > 0 && p[n-1] == '\r' {
		p = p[:n-1] // harmless anywhere
	}
	i := 0
	if n := len(p); b.padding == 0 && n >= 8 {
		all := uint64(high)
		for ; i+8 <= len(p); i += 8 {
			all &= base64Digits(binary.LittleEndian.Uint64(p[i:]))
		}
		// The last word overlaps the one before where the line is no multiple of eight.
		if all &= base64Digits(binary.LittleEndian.Uint64(p[n-8:])); all == high {
			i = n
		} else {
			i = 0 // one is none: look at each
		}
		b.digits += int64(i)
	}
	for ; i < len(p); i++ {
		switch c := p[i]; {
		case base64Digit[c]:
			if b.padding > 0 {
				s.problem(rules.Base64Invalid, off+int64(i), 1, "it goes on behind its padding")
			}
			b.digits++
		case c == '=':
			b.padding++
		case c == '\r' || c == ' ' || c == '\t':
		case s.untold(rules.Base64Invalid):
			s.problem(rules.Base64Invalid, off+int64(i), 1, octet(c))
		}
	}
}

var base64Digit = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = true
	}
	return t
}()

const (
	ones = 0x0101010101010101
	high = 0x8080808080808080
)

// base64Digits sets the high bit of each octet of a word that is a base64 digit. Each range is a
// pair of additions that carry into the high bit of an octet and, the octets being ASCII, no further.
func base64Digits(w uint64) uint64 {
	ascii := w &^ high
	folded := ascii | 0x20*ones
	letter := (folded + (0x80-'a')*ones) &^ (folded + (0x7f-'z')*ones)
	figure := (ascii + (0x80-'/')*ones) &^ (ascii + (0x7f-'9')*ones)
	plus := ^((ascii ^ '+'*ones) + 0x7f*ones)
	return (letter | figure | plus) &^ w & high
}

// plain tells whether text has neither NUL nor CR nor anything beyond ASCII: of an octet that is
// none of these the high bit stays clear, whichever of them is subtracted.
func plain(text []byte) bool {
	n := len(text)
	if n < 8 {
		for _, c := range text {
			if c == 0 || c == '\r' || c >= 0x80 {
				return false
			}
		}
		return true
	}
	// The last word overlaps the one before where the text is no multiple of eight.
	w := binary.LittleEndian.Uint64(text[n-8:])
	all := w | (w - ones) | ((w ^ '\r'*ones) - ones)
	for ; len(text) >= 8; text = text[8:] {
		w := binary.LittleEndian.Uint64(text)
		all |= w | (w - ones) | ((w ^ '\r'*ones) - ones)
	}
	return all&high == 0
}

// beyondASCII is the place of the first octet that is not ASCII, -1 where there is none.
func beyondASCII(p []byte) int {
	i := 0
	for ; i+32 <= len(p); i += 32 {
		w := binary.LittleEndian.Uint64(p[i:]) | binary.LittleEndian.Uint64(p[i+8:]) |
			binary.LittleEndian.Uint64(p[i+16:]) | binary.LittleEndian.Uint64(p[i+24:])
		if w&high != 0 {
			break
		}
	}
	for ; i < len(p); i++ {
		if p[i] >= 0x80 {
			return i
		}
	}
	return -1
}

// quoted looks at the escapes of quoted-printable text (RFC 2045 §6.7): two hexadecimal
// digits, or a soft line break, before which white space may stand.
func (s *Scanner) quoted(p []byte) {
	b := &s.body
	for i := 0; i < len(p); {
		if b.escape == 0 {
			j := bytes.IndexByte(p[i:], '=')
			if j < 0 {
				return
			}
			i += j
			b.escape, b.equals = 1, s.off+int64(i)
			i++
			continue
		}
		c := p[i]
		i++
		switch {
		case b.escape == 1 && isHex(c):
			b.escape = 2
		case b.escape == 2 && isHex(c):
			b.escape = 0
		case b.escape != 2 && c == '\n':
			b.escape = 0
		case b.escape != 2 && (c == ' ' || c == '\t' || c == '\r'):
			b.escape = 3
		default:
			if s.untold(rules.QuotedPrintable) {
				s.problem(rules.QuotedPrintable, b.equals, 2, "behind it: "+octet(c))
			}
			b.escape = 0
			if c == '=' {
				i--
			}
		}
	}
}

func isHex(c byte) bool { return c-'0' <= 9 || (c|0x20)-'a' <= 5 }

// octet shows one octet in a fact.
func octet(c byte) string {
	if c > ' ' && c < 0x7f {
		return string(rune(c))
	}
	return `\x` + strings.ToUpper(string([]byte{hexDigits[c>>4], hexDigits[c&15]}))
}

const hexDigits = "0123456789abcdef"
