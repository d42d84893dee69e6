package mime

import (
	"bytes"
	"io"
	stdmime "mime"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-message/charset"
)

// Display gives a raw header value, such as Part.Subject or Part.Name, as valid UTF-8:
// encoded words decoded (RFC 2047), octets in no known charset shown as U+FFFD. It is for
// printers; nothing on the way of the octets calls it.
func Display(value string) string {
	if strings.Contains(value, "=?") {
		// Only an unknown charset makes an error; then the words stay as they are.
		if decoded, err := words.DecodeHeader(value); err == nil {
			value = decoded
		}
	}
	if utf8.ValidString(value) {
		return value
	}
	return strings.ToValidUTF8(value, "\uFFFD")
}

// knownCharset tells whether text in the charset can be shown.
func knownCharset(name string) bool {
	_, err := charset.Reader(name, strings.NewReader(""))
	return err == nil
}

// brokenWord gives the first encoded word of a raw header value that cannot be decoded,
// "" where there is none. What only begins like one is text (RFC 2047 §2).
func brokenWord(value []byte) string {
	for _, word := range bytes.FieldsFunc(value, func(c rune) bool { return c == ' ' || c == '\t' || c == ',' || c == '"' || c == '(' || c == ')' }) {
		if !bytes.HasPrefix(word, []byte("=?")) || !bytes.HasSuffix(word, []byte("?=")) || bytes.Count(word, []byte("?")) != 4 {
			continue
		}
		if _, err := words.Decode(string(word)); err != nil {
			return string(word)
		}
	}
	return ""
}

var words = stdmime.WordDecoder{CharsetReader: func(name string, r io.Reader) (io.Reader, error) {
	return charset.Reader(name, r)
}}
