package imap

import (
	"bytes"

	"github.com/mailtrace/mailtrace/decode"
)

// Protocol is IMAP as the registry knows it.
var Protocol = decode.Protocol{
	Name: "imap", Port: 143, TLSPort: 993, Greets: greets, New: New, Note: note, Rewriter: newRewriter,
}

// greets recognises a greeting: "* OK", "* PREAUTH" or "* BYE" (RFC 9051 §7.1).
func greets(p []byte) (yes, more bool) {
	for _, g := range [...]string{"* OK", "* PREAUTH", "* BYE"} {
		if len(p) >= len(g) {
			yes = yes || bytes.EqualFold(p[:len(g)], []byte(g))
		} else {
			more = more || bytes.EqualFold(p, []byte(g)[:len(p)])
		}
	}
	return yes, more && !yes
}
