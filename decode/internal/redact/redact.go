// Package redact overwrites secrets with filler of the same length, so that offsets and
// literal counts still hold.
//
// Fill is for what the grammar says is a secret. Echo remembers the secrets of a command
// until that command is complete, and fills them where a server repeats them in the text
// of a status response, raw or in base64.
package redact

import (
	"bytes"
	"encoding/base64"
)

// Filler stands for every octet of a secret.
const Filler = 'x'

// Fill overwrites p, but for CR, LF and double quotes at both of its ends.
func Fill(p []byte) {
	if n := len(p); n >= 2 && p[0] == '"' && p[n-1] == '"' {
		p = p[1 : n-1]
	}
	for i, c := range p {
		if c != '\r' && c != '\n' {
			p[i] = Filler
		}
	}
}

// shortest is the fewest octets of a secret that is looked for in a server's text: a
// shorter one would be found everywhere.
const shortest = 4

// longest bounds what is remembered of one secret; a longer one is looked for by its
// beginning.
const longest = 4 << 10

// Echo holds the secrets of the commands that are under way. The zero value is ready.
type Echo struct{ needles [][]byte }

// Active tells whether there is anything to look for.
func (e *Echo) Active() bool { return len(e.needles) > 0 }

// Reset forgets all secrets.
func (e *Echo) Reset() {
	for _, n := range e.needles {
		clear(n)
	}
	e.needles = nil
}

// Add remembers a secret and its base64 form. It copies p.
func (e *Echo) Add(p []byte) {
	if len(p) < shortest {
		return
	}
	p = p[:min(len(p), longest)]
	e.needle(bytes.Clone(p))
	// Without padding, so that it is found with and without.
	e.needle(base64.RawStdEncoding.AppendEncode(nil, p))
}

// AddEncoded remembers a SASL response as sent, in base64, and the secrets inside it:
// the whole and each part between the separators of PLAIN (NUL, RFC 4616 §2) and of
// OAUTHBEARER and XOAUTH2 (0x01, RFC 7628 §3.1), and the token behind "Bearer ".
func (e *Echo) AddEncoded(p []byte) {
	trimmed := bytes.TrimRight(p, "=")
	if len(trimmed) >= shortest {
		e.needle(bytes.Clone(trimmed[:min(len(trimmed), longest)]))
	}
	raw, err := base64.RawStdEncoding.AppendDecode(nil, trimmed)
	if err != nil {
		return
	}
	parts := bytes.FieldsFunc(raw, func(r rune) bool { return r == 0 || r == 1 })
	for i, part := range parts {
		if len(parts) > 1 && i < len(parts)-1 && bytes.IndexByte(raw, 0) >= 0 {
			continue // PLAIN: authorization and authentication identity are no secrets
		}
		e.Add(part)
		if _, token, ok := bytes.Cut(part, []byte("earer ")); ok {
			e.Add(token)
		}
	}
}

func (e *Echo) needle(n []byte) {
	if len(e.needles) < 64 {
		e.needles = append(e.needles, n)
	}
}

// Find gives the next secret in text at or after from: its place and length, or -1.
func (e *Echo) Find(text []byte, from int) (at, n int) {
	at = -1
	for _, needle := range e.needles {
		if i := bytes.Index(text[from:], needle); i >= 0 && (at < 0 || from+i < at || from+i == at && len(needle) > n) {
			at, n = from+i, len(needle)
		}
	}
	return at, n
}

// Fill overwrites every secret in text and tells whether there was one.
func (e *Echo) Fill(text []byte) bool {
	found := false
	for from := 0; from < len(text); {
		at, n := e.Find(text, from)
		if at < 0 {
			break
		}
		found = true
		Fill(text[at : at+n])
		from = at + n
	}
	return found
}
