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
	Blank(p)
}

// Blank overwrites p, but for CR and LF: a piece of a secret, whose quotes are elsewhere.
func Blank(p []byte) {
	for i, c := range p {
		if c != '\r' && c != '\n' {
			p[i] = Filler
		}
	}
}

func overwrite(p []byte) {
	for i := range p {
		p[i] = Filler
	}
}

// shortest is the fewest octets of a secret that is looked for in a server's text: a
// shorter one would be found everywhere.
const shortest = 4

// longest bounds what is remembered of one secret. Where the beginning of a longer one is
// found, everything behind it is taken for the rest.
const longest = 4 << 10

// telling is how many octets of a long secret are enough to know it by: servers cut what
// they repeat.
const telling = 8

// most bounds how many forms of secrets are remembered. Beyond it everything is taken for
// a secret.
const most = 64

// Echo holds the secrets of the commands that are under way. Letter case does not count,
// since servers write in upper case what they took for a command. The zero value is ready.
type Echo struct {
	needles []needle
	over    bool // there is more than what is kept: everything is taken for a secret
}

type needle struct {
	p    []byte // in lower case
	more bool   // p is not all of the secret
}

// Active tells whether there is anything to look for.
func (e *Echo) Active() bool { return len(e.needles) > 0 || e.over }

// All says that a secret went by that is not kept: from now on everything is taken for it.
func (e *Echo) All() { e.over = true }

// Reset forgets all secrets.
func (e *Echo) Reset() {
	for _, n := range e.needles {
		clear(n.p)
	}
	*e = Echo{}
}

// Add remembers a secret as it is, in base64, and as the inside of a quoted string. It
// copies p.
func (e *Echo) Add(p []byte) {
	if len(p) < shortest || isFiller(p) {
		return
	}
	e.needle(p)
	kept := p[:min(len(p), longest)]
	// Without padding, so that it is found with and without.
	e.needle(base64.RawStdEncoding.AppendEncode(nil, kept))
	if bytes.ContainsAny(kept, `"\`) {
		e.needle(bytes.ReplaceAll(bytes.ReplaceAll(kept, []byte(`\`), []byte(`\\`)), []byte(`"`), []byte(`\"`)))
	}
}

// AddEncoded remembers a SASL response as sent, in base64, and the secrets inside it: the
// password of PLAIN (behind the last NUL, RFC 4616 §2), and of all others each part
// between the separators of OAUTHBEARER and XOAUTH2 (0x01, RFC 7628 §3.1), the token
// behind "Bearer ", and the last word, which is the digest of CRAM-MD5 (RFC 2195 §2).
func (e *Echo) AddEncoded(p []byte) {
	trimmed := bytes.TrimRight(p, "= \t")
	if len(trimmed) < shortest || isFiller(trimmed) {
		return
	}
	e.needle(trimmed)
	raw, err := base64.RawStdEncoding.AppendDecode(nil, trimmed)
	if err != nil {
		if raw, err = base64.RawURLEncoding.AppendDecode(nil, trimmed); err != nil {
			return
		}
	}
	if i := bytes.LastIndexByte(raw, 0); i >= 0 && i+1 < len(raw) {
		e.Add(raw[i+1:]) // what stands before it are identities
		return
	}
	for _, part := range bytes.FieldsFunc(raw, func(r rune) bool { return r == 0 || r == 1 }) {
		e.Add(part)
		if i := bytes.LastIndexByte(part, ' '); i >= 0 {
			e.Add(part[i+1:])
		}
	}
}

// isFiller tells whether a secret is what Fill left of one, in a capture that is decoded
// again: it must not hide what was shown before.
func isFiller(p []byte) bool { return len(bytes.Trim(p, "xX\"\r\n")) == 0 }

func (e *Echo) needle(p []byte) {
	if len(e.needles) == most {
		e.over = true
		return
	}
	kept := p[:min(len(p), longest)]
	e.needles = append(e.needles, needle{lower(kept), len(kept) < len(p)})
}

// lower gives a copy with the letters of ASCII in lower case.
func lower(p []byte) []byte {
	q := bytes.Clone(p)
	for i, c := range q {
		if 'A' <= c && c <= 'Z' {
			q[i] = c + 'a' - 'A'
		}
	}
	return q
}

// in gives where the secret, or a telling part of its beginning, stands in a text in lower
// case at or after from.
func (n *needle) in(text []byte, from int) (at, length int) {
	head := n.p[:min(len(n.p), telling)]
	i := bytes.Index(text[from:], head)
	if i < 0 {
		return -1, 0
	}
	at, length = from+i, len(head)
	for length < len(n.p) && at+length < len(text) && text[at+length] == n.p[length] {
		length++
	}
	if n.more && length == len(n.p) {
		length = len(text) - at
	}
	return at, length
}

// Find gives the next secret in text at or after from: its place and length, or -1.
func (e *Echo) Find(text []byte, from int) (at, n int) {
	if e.over && from < len(text) {
		return from, len(text) - from
	}
	at = -1
	folded := lower(text)
	for i := range e.needles {
		if a, k := e.needles[i].in(folded, from); a >= 0 && (at < 0 || a < at || a == at && k > n) {
			at, n = a, k
		}
	}
	return at, n
}

// Begins tells whether p, of at least 4 octets, is the beginning of a secret.
func (e *Echo) Begins(p []byte) bool {
	if e.over {
		return true
	}
	folded := lower(p)
	for _, n := range e.needles {
		if len(p) >= shortest && bytes.HasPrefix(n.p, folded) {
			return true
		}
	}
	return false
}

// Fill overwrites every secret in text, which has no line end, and tells whether there was
// one.
func (e *Echo) Fill(text []byte) bool {
	if e.over {
		overwrite(text)
		return len(text) > 0
	}
	found := false
	folded := lower(text) // what is overwritten may be the beginning of another one
	for i := range e.needles {
		for from := 0; from < len(text); from++ {
			at, n := e.needles[i].in(folded, from)
			if at < 0 {
				break
			}
			found, from = true, at
			overwrite(text[at : at+n])
		}
	}
	return found
}
