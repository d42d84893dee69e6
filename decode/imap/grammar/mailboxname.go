package grammar

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/mailtrace/mailtrace/decode/rules"
)

// DisplayName gives the name of a mailbox for a reader: decoded from modified UTF-7
// (RFC 3501 §5.1.3), or as it is where utf8 says that names are UTF-8 (RFC 9051 §5.1,
// RFC 6855 §3). What cannot be decoded stays as it was sent; octets that are no UTF-8, and
// characters that cannot be shown, stand as \xNN and \u{NNNN}.
func DisplayName(octets []byte, utf8 bool) string {
	if utf8 || bytes.IndexByte(octets, '&') < 0 {
		if isPlain(octets) {
			return string(octets)
		}
		return visibleName(octets)
	}
	name, _ := decodeUTF7(make([]byte, 0, len(octets)+16), octets)
	return visibleName(name)
}

// isPlain tells whether p is printable ASCII.
func isPlain(p []byte) bool {
	for _, c := range p {
		if c < ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

func visibleName(p []byte) string {
	var b strings.Builder
	b.Grow(len(p))
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		switch {
		case r == utf8.RuneError && n == 1, r < ' ' || r == 0x7f:
			b.WriteString(`\x`)
			b.WriteByte(hexDigits[p[0]>>4])
			b.WriteByte(hexDigits[p[0]&15])
		case r >= 0x80 && !unicode.IsPrint(r): // and what turns the direction of writing
			b.WriteString(`\u{`)
			shift := 12
			if r > 0xffff {
				shift = 20
			}
			for ; shift >= 0; shift -= 4 {
				b.WriteByte(hexDigits[r>>shift&15])
			}
			b.WriteByte('}')
		default:
			b.Write(p[:n])
		}
		p = p[n:]
	}
	return b.String()
}

// base64Digit gives the value of a digit of modified BASE64, in which "," stands for "/".
var base64Digit = func() (t [256]int8) {
	for i := range t {
		t[i] = -1
	}
	for i, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+," {
		t[c] = int8(i)
	}
	return t
}()

// EncodeName gives the name of a mailbox in modified UTF-7 (RFC 3501 §5.1.3): the reverse of
// DisplayName, for a name of UTF-8 that can be shown.
func EncodeName(name string) []byte {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,"
	var b []byte
	var acc, bits uint32
	inRun := false
	put := func(u uint16) {
		acc, bits = acc<<16|uint32(u), bits+16
		for bits >= 6 {
			bits -= 6
			b = append(b, digits[acc>>bits&63])
		}
		acc &= 1<<bits - 1
	}
	leave := func() {
		if !inRun {
			return
		}
		if bits > 0 {
			b = append(b, digits[acc<<(6-bits)&63])
		}
		b, inRun, acc, bits = append(b, '-'), false, 0, 0
	}
	for _, r := range name {
		if r >= ' ' && r < 0x7f {
			leave()
			if b = append(b, byte(r)); r == '&' {
				b = append(b, '-')
			}
			continue
		}
		if !inRun {
			b, inRun = append(b, '&'), true
		}
		if hi, lo := utf16.EncodeRune(r); hi != utf8.RuneError {
			put(uint16(hi))
			put(uint16(lo))
		} else {
			put(uint16(r))
		}
	}
	leave()
	return b
}

// decodeUTF7 appends what modified UTF-7 means. A run that is none is left as it stands; bad is
// where the first one begins, or another octet that the encoding does not have: -1 for none.
func decodeUTF7(dst, p []byte) (name []byte, bad int) {
	bad = -1
	wrong := func(at int) {
		if bad < 0 {
			bad = at
		}
	}
	ended := -1 // where the run before ended
	for i := 0; i < len(p); {
		c := p[i]
		if c != '&' {
			if c < ' ' || c >= 0x7f {
				wrong(i)
			}
			dst = append(dst, c)
			i++
			continue
		}
		end := i + 1
		for end < len(p) && base64Digit[p[end]] >= 0 {
			end++
		}
		switch {
		case end == len(p) || p[end] != '-': // no implicit shift back
			wrong(i)
			dst = append(dst, p[i:end]...)
			i = end
			continue
		case end == i+1:
			dst = append(dst, '&')
		default:
			start := len(dst)
			var ok bool
			if dst, ok = decodeRun(dst, p[i+1:end]); !ok {
				wrong(i)
				if len(dst) == start {
					dst = append(dst, p[i:end+1]...)
				}
			}
			if ended == i { // "-&" in BASE64 is a null shift, which is not permitted
				wrong(i)
			}
			ended = end + 1
		}
		i = end + 1
	}
	return dst, bad
}

// decodeRun appends what the digits of one run mean: UTF-16 in network byte order. It appends nothing
// where they mean nothing. ok is false as well where they encode printable ASCII, which represents
// itself.
func decodeRun(dst, digits []byte) (_ []byte, ok bool) {
	start, ok := len(dst), true
	var acc, bits uint32
	var high rune
	for _, c := range digits {
		acc = acc<<6 | uint32(base64Digit[c])
		if bits += 6; bits < 16 {
			continue
		}
		bits -= 16
		u := rune(acc >> bits & 0xffff)
		acc &= 1<<bits - 1
		switch {
		case high != 0:
			r := utf16.DecodeRune(high, u)
			if r == utf8.RuneError {
				return dst[:start], false
			}
			dst, high = utf8.AppendRune(dst, r), 0
		case u >= 0xd800 && u < 0xdc00:
			high = u
		case u >= 0xdc00 && u < 0xe000:
			return dst[:start], false
		default:
			if u >= ' ' && u < 0x7f {
				ok = false
			}
			dst = utf8.AppendRune(dst, u)
		}
	}
	if high != 0 || bits >= 6 || acc != 0 || len(dst) == start {
		return dst[:start], false
	}
	return dst, ok
}

// judgeName reports what is wrong with the name of a mailbox that stands at off in the line with n
// octets. A pattern may have wildcards in it.
func (p *Parser) judgeName(name Text, off, n int, pattern bool) {
	s := &p.scanner
	shift := false
	for i, c := range name {
		switch {
		case c == '&':
			shift = true
		case c < ' ' || c == 0x7f:
			s.problem(rules.MailboxControl, off, n, "octet "+string(appendVisible(nil, name[i:i+1])))
		}
	}
	if !shift || p.UTF8 || pattern && bytes.ContainsAny(name, "%*") {
		return
	}
	p.decoded = p.decoded[:0]
	var bad int
	if p.decoded, bad = decodeUTF7(p.decoded, name); bad >= 0 && name[bad] == '&' {
		s.problem(rules.MailboxUTF7, off, n, s.shown(off, off+n))
	}
}
