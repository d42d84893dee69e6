package mime

import (
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

var words = stdmime.WordDecoder{CharsetReader: func(name string, r io.Reader) (io.Reader, error) {
	return charset.Reader(name, r)
}}
