package query

import (
	"io"
	"strings"
	"unicode/utf8"
)

// inBody looks into the texts of a message. What cannot be read is not known.
func (n *node) inBody(m *Message) verdict {
	if m.Body == nil {
		return unknown
	}
	text, found := strings.ToLower(n.value), false
	var failed error
	err := m.Body(func(r io.Reader) bool {
		found, failed = contains(r, text)
		return !found && failed == nil
	})
	switch {
	case found:
		return yes
	case err != nil || failed != nil:
		return unknown
	}
	return no
}

// contains looks for text, which is in lower case, whatever the case there. It keeps a piece of what it
// reads at a time.
func contains(r io.Reader, text string) (bool, error) {
	buf := make([]byte, 32<<10)
	last := "" // of what was searched, in lower case
	held := 0  // octets of a character that is not whole
	for {
		n, err := r.Read(buf[held:])
		n += held
		whole := n
		if err == nil {
			whole = wholeRunes(buf[:n])
		}
		s := last + strings.ToLower(string(buf[:whole]))
		if strings.Contains(s, text) {
			return true, nil
		}
		last = s[max(0, len(s)-len(text)):]
		held = copy(buf, buf[whole:n])
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// wholeRunes is the length of p without a character at its end that may go on.
func wholeRunes(p []byte) int {
	for i := len(p) - 1; i >= 0 && i > len(p)-utf8.UTFMax; i-- {
		if utf8.RuneStart(p[i]) {
			if !utf8.FullRune(p[i:]) {
				return i
			}
			break
		}
	}
	return len(p)
}
