package pop3

import (
	"bytes"

	"github.com/mailtrace/mailtrace/decode"
)

// Protocol is POP3 as the registry knows it.
var Protocol = decode.Protocol{
	Name: "pop3", Port: 110, TLSPort: 995, Greets: greets,
	New: New, Note: Note, Rewriter: NewRewriter,
}

// greets recognises a greeting: a status indicator (RFC 1939 §3).
func greets(p []byte) (yes, more bool) {
	for _, g := range [...]string{"+OK", "-ERR"} {
		if len(p) >= len(g) {
			yes = yes || bytes.EqualFold(p[:len(g)], []byte(g))
		} else {
			more = more || bytes.EqualFold(p, []byte(g)[:len(p)])
		}
	}
	return yes, more && !yes
}
