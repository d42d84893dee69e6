package imap

import (
	"bytes"

	"github.com/mailtrace/mailtrace/decode/internal/fragment"
	"github.com/mailtrace/mailtrace/decode/internal/redact"
)

// clientLine is what a client's line turns out to be, before anything is made of it.
type clientLine struct {
	kind    lineKind
	tag     []byte
	word    []byte // the command name as sent, UID and what follows it together
	info    *command
	args    int // where the arguments begin
	literal fragment.LiteralSpec
	more    bool // literal announces octets
	// from and to enclose the secret; from == to where there is none.
	from, to int
}

type lineKind uint8

const (
	isCommand lineKind = iota
	isRest             // behind a literal
	isSASL             // a SASL response
	isDone             // DONE
	isHTTP             // an HTTP request line
	isNone             // nothing that the grammar knows
)

// classify tells what a line is, and where its secret stands. It never looks at what
// filler destroys, so that a redacted line is classified like the original.
func (s *session) classify(line []byte, cut bool) clientLine {
	var c clientLine
	if !cut {
		c.literal, c.more = fragment.ParseLiteral(line)
	}
	end := len(line)
	if c.more {
		end = c.literal.Start
	}
	if s.cur != nil {
		c.kind, c.info = isRest, s.cur.info
		switch {
		case s.cur.info == nil || s.cur.Name == "AUTHENTICATE":
			c.from, c.to = 0, end
		case s.cur.Name == "LOGIN":
			c.from, c.to = loginSecret(line[:end], 0, s.cur.arg)
		}
		return c
	}
	if s.idle != nil && s.idle.idling && bytes.EqualFold(line, []byte("DONE")) {
		c.kind = isDone
		return c
	}
	known := c.parseCommand(line)
	switch {
	case known && c.info.name == "LOGIN":
		c.from, c.to = loginSecret(line[:end], c.args, 0)
	case known && c.info.name == "AUTHENTICATE":
		// The mechanism is no secret; what stands behind it is the initial response
		// (RFC 4959 §3).
		c.from = c.args
		if i := bytes.IndexByte(line[c.args:end], ' '); i >= 0 {
			c.from += i + 1
		} else if !c.more {
			c.from = end
		}
		c.to = end
	case known:
	case s.auth != nil:
		c = clientLine{kind: isSASL, to: len(line)}
		if string(line) == "*" {
			c.to = 0 // cancels the exchange (RFC 9051 §6.2.2)
		}
	case c.kind == isCommand:
		if isHTTPRequest(line) {
			c = clientLine{kind: isHTTP, from: bytes.IndexByte(line, ' ') + 1, to: bytes.LastIndexByte(line, ' ')}
			break
		}
		if !s.o.Mid {
			c.from, c.to = c.args, end
		}
	default:
		c = clientLine{kind: isNone, to: len(line)}
		if s.o.Mid && bytes.IndexByte(line, ' ') >= 0 {
			c.to = 0 // only what has the shape of credentials
		}
	}
	return c
}

// parseCommand reads "tag SP command" and tells whether the command is known.
func (c *clientLine) parseCommand(line []byte) bool {
	c.kind = isNone
	sp := bytes.IndexByte(line, ' ')
	if sp <= 0 || !isTag(line[:sp]) {
		return false
	}
	c.tag = line[:sp]
	rest := line[sp+1:]
	word := firstWord(rest)
	if len(word) == 0 {
		return false
	}
	c.kind = isCommand
	if len(word) == 3 && bytes.EqualFold(word, []byte("UID")) && len(rest) > 4 {
		if second := firstWord(rest[4:]); len(second) > 0 {
			word = rest[:4+len(second)]
		}
	}
	c.word = word
	c.args = min(sp+1+len(word)+1, len(line))
	var buf [longestName]byte
	c.info = commands[string(upper(&buf, word))]
	return c.info != nil
}

func firstWord(p []byte) []byte {
	if i := bytes.IndexByte(p, ' '); i >= 0 {
		return p[:i]
	}
	return p
}

// isTag: 1*<any ASTRING-CHAR except "+"> (RFC 9051 §9).
func isTag(p []byte) bool {
	for _, c := range p {
		if c <= ' ' || c >= 0x7f {
			return false
		}
		switch c {
		case '(', ')', '{', '%', '*', '"', '\\', '+':
			return false
		}
	}
	return len(p) > 0
}

var httpMethods = [][]byte{[]byte("GET"), []byte("POST"), []byte("HEAD"), []byte("PUT"), []byte("OPTIONS"), []byte("CONNECT"), []byte("DELETE")}

// isHTTPRequest recognises somebody who took the port for a web server's.
func isHTTPRequest(line []byte) bool {
	last := bytes.LastIndexByte(line, ' ')
	if last < 0 || !bytes.HasPrefix(line[last+1:], []byte("HTTP/")) {
		return false
	}
	for _, m := range httpMethods {
		if bytes.HasPrefix(line, m) && line[len(m)] == ' ' && last > len(m) {
			return true
		}
	}
	return false
}

// loginSecret finds what of LOGIN's arguments must not be seen: everything behind the
// first one; all of it where the first one has no end or is the only one.
func loginSecret(line []byte, at, arg int) (from, to int) {
	to = len(line)
	for at < to && line[at] == ' ' {
		at++
	}
	if arg > 0 {
		return at, to
	}
	end, whole := astring(line, at)
	if !whole {
		return at, to
	}
	next := end
	for next < to && line[next] == ' ' {
		next++
	}
	if next == to && next == end {
		return at, to // LOGIN with one argument: whatever it is
	}
	return next, to
}

// astring gives the end of the atom or quoted string at p[at:], and whether it is whole.
// The end of the arguments counts as the end of an empty one, a literal follows.
func astring(p []byte, at int) (end int, whole bool) {
	if at >= len(p) {
		return at, true
	}
	if p[at] != '"' {
		if i := bytes.IndexByte(p[at:], ' '); i >= 0 {
			return at + i, true
		}
		return len(p), true
	}
	for i := at + 1; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '"':
			return i + 1, true
		}
	}
	return len(p), false
}

// unquote gives the octets that a quoted string stands for.
func unquote(p []byte) []byte {
	if len(p) < 2 || p[0] != '"' || p[len(p)-1] != '"' {
		return p
	}
	out := make([]byte, 0, len(p))
	for i := 1; i < len(p)-1; i++ {
		if p[i] == '\\' && i+1 < len(p)-1 {
			i++
		}
		out = append(out, p[i])
	}
	return out
}

// remember puts the secret of a line where a server's echo of it is found.
func (s *session) remember(c *clientLine, line []byte) {
	// Set for every secret, since what is too short to be looked for must not show in
	// what the recorder gets.
	s.secret = true
	secret := line[c.from:c.to]
	switch {
	case c.kind == isSASL:
		s.auth.answers++
		if s.auth.mech == "LOGIN" && s.auth.answers == 1 {
			return // the user's name
		}
		s.echo.AddEncoded(secret)
	case c.info == nil:
	case c.info.name == "LOGIN":
		s.echo.Add(secret)
		if raw := unquote(secret); len(raw) != len(secret) {
			s.echo.Add(raw)
		}
	case c.info.name == "AUTHENTICATE":
		s.echo.AddEncoded(secret)
	}
}

// filled gives a copy of the line with its secret overwritten, or the line itself.
func (s *session) filled(c *clientLine, line []byte) []byte {
	if s.o.Secrets || c.from >= c.to {
		return line
	}
	f := bytes.Clone(line)
	redact.Fill(f[c.from:c.to])
	return f
}
