package mailfile

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf16"
)

var base64UTF7 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)

// FolderName gives the directory of a mailbox below a Maildir++, of the levels of its name: ".Sent.2026" in
// modified UTF-7 (RFC 3501 §5.1.3). Dots, slashes and what is not printable ASCII are encoded too, so that no
// name leads anywhere else, and different names have different directories.
func FolderName(levels []string) string {
	var b strings.Builder
	for _, level := range levels {
		b.WriteString("." + encodeLevel(level))
	}
	name := b.String()
	if len(name) > 200 {
		sum := sha256.Sum256([]byte(name))
		name = fmt.Sprintf("%s%x", name[:160], sum[:8])
	}
	return name
}

func encodeLevel(level string) string {
	plain := func(r rune) bool { return r >= ' ' && r <= '~' && !strings.ContainsRune(`./\:`, r) }
	var b strings.Builder
	var run []rune
	flush := func() {
		if len(run) == 0 {
			return
		}
		var octets []byte
		for _, u := range utf16.Encode(run) {
			octets = append(octets, byte(u>>8), byte(u))
		}
		b.WriteString("&" + base64UTF7.EncodeToString(octets) + "-")
		run = run[:0]
	}
	for _, r := range level {
		switch {
		case !plain(r):
			run = append(run, r)
		case r == '&':
			flush()
			b.WriteString("&-")
		default:
			flush()
			b.WriteRune(r)
		}
	}
	flush()
	if level == "" {
		return "&2AA-" // half a surrogate pair, which no name has
	}
	return b.String()
}
