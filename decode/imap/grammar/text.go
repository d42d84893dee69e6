package grammar

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// Text is a string of the protocol: the octets that it means, without quotes and escapes. nil
// is NIL, which is not the empty string. As JSON it is text; octets that are no UTF-8 or
// cannot be shown stand as \xNN.
type Text []byte

// String gives the octets as a string.
func (t Text) String() string { return string(t) }

// IsNIL tells whether it is NIL, or nothing was said.
func (t Text) IsNIL() bool { return t == nil }

// Is compares with a word in upper case, ASCII case aside.
func (t Text) Is(upper string) bool { return equalFold(t, upper) }

// Clone gives a Text that shares no memory; NIL stays NIL.
func (t Text) Clone() Text { return bytes.Clone(t) }

// MarshalJSON writes null for NIL.
func (t Text) MarshalJSON() ([]byte, error) {
	if t == nil {
		return []byte("null"), nil
	}
	b := append(make([]byte, 0, len(t)+2), '"')
	for i := 0; i < len(t); {
		c := t[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
			i++
		case c >= ' ' && c < 0x7f:
			b = append(b, c)
			i++
		default:
			r, n := utf8.DecodeRune(t[i:])
			if n > 1 && unicode.IsPrint(r) {
				b = append(b, t[i:i+n]...)
			} else {
				n = 1
				b = append(b, '\\', '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
			}
			i += n
		}
	}
	return append(b, '"'), nil
}

const hexDigits = "0123456789abcdef"

// appendVisible appends octets so that each can be read: what is not printable ASCII as \xNN.
func appendVisible(b, octets []byte) []byte {
	for _, c := range octets {
		if c >= ' ' && c < 0x7f {
			b = append(b, c)
		} else {
			b = append(b, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return b
}
