package imap

import (
	"bytes"
	"unicode"

	"github.com/mailtrace/mailtrace/decode/internal/fragment"
	"github.com/mailtrace/mailtrace/decode/internal/redact"
)

// clientLine is what a client's line turns out to be, before anything is made of it.
type clientLine struct {
	kind    lineKind
	tag     []byte
	word    []byte // the command name as sent, UID and what follows it together
	at      int    // where word begins
	info    *command
	args    int // where the arguments begin
	literal fragment.LiteralSpec
	more    bool // literal announces octets
	// from and to enclose the secret; from == to where there is none. Of a line that is cut
	// hidden says that a secret stands from there to its end, whatever is kept of it.
	from, to int
	hidden   bool
	cut      bool
}

// nameless tells whether not even the name of the command may be seen.
func (c *clientLine) nameless() bool { return c.info == nil && c.hidden && c.from <= c.at }

type lineKind uint8

const (
	isCommand lineKind = iota
	isRest             // behind a literal
	isSASL             // a SASL response
	isDone             // DONE
	isHTTP             // an HTTP request line
	isNone             // nothing that the grammar knows
)

// doubt is how much of what a client says may be a secret although it does not stand where
// the grammar has one.
type doubt uint8

const (
	// noDoubt: the client is logged in. What an unknown command is called is no secret.
	noDoubt doubt = iota
	// wary: nobody logged in yet, or a login is under way. The word behind the tag may be a
	// password whose LOGIN was refused at the user's name.
	wary
	// suspicious: what comes next may be the rest of a secret, since its literal was refused,
	// its quotes have no end, or octets are missing. Only a known command is no secret.
	suspicious
)

var done = []byte("DONE")

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
			c.hide(0, end, cut)
		case s.cur.Name == "LOGIN":
			from, to := loginSecret(line[:end], 0, s.cur.arg)
			c.hide(from, to, cut)
		}
		return c
	}
	known := c.parseCommand(line[:end])
	if cut && c.kind == isCommand && c.at+len(c.word) >= end {
		known, c.kind = false, isNone // the name of the command may go on
	}
	switch {
	case known && c.info.name == "LOGIN":
		from, to := loginSecret(line[:end], c.args, 0)
		c.hide(from, to, cut)
	case known && c.info.name == "AUTHENTICATE":
		// The mechanism is no secret; what stands behind it is the initial response
		// (RFC 4959 §3).
		mech := firstWord(line[c.args:end])
		if isMechanism(mech) {
			c.hide(min(c.args+len(mech)+1, end), end, cut)
		} else {
			c.hide(c.args, end, cut)
		}
	case known:
	case bytes.EqualFold(line, done) && s.auth == nil && (s.idle != nil || s.doubt == noDoubt):
		c = clientLine{kind: isDone}
	case s.auth != nil:
		c = clientLine{kind: isSASL}
		if string(line) != "*" { // which cancels the exchange (RFC 9051 §6.2.2)
			c.hide(0, len(line), cut)
		}
	case c.kind == isCommand && s.doubt < suspicious:
		switch {
		case !cut && isHTTPRequest(line):
			c = clientLine{kind: isHTTP}
			c.hide(bytes.IndexByte(line, ' ')+1, bytes.LastIndexByte(line, ' '), false)
		case s.o.Mid && s.doubt == noDoubt: // only what has the shape of credentials
		case s.doubt == noDoubt && isName(c.word):
			c.hide(c.args, end, cut)
		case cut: // filler leaves no word of it
			c = clientLine{kind: isNone}
			c.hide(0, end, cut)
		default:
			c.hide(c.at, end, cut)
		}
	default:
		c = clientLine{kind: isNone}
		if !s.o.Mid || s.doubt > noDoubt || bytes.IndexByte(line, ' ') < 0 {
			c.hide(0, len(line), cut)
		}
	}
	return c
}

// hide says where the secret stands.
func (c *clientLine) hide(from, to int, cut bool) {
	c.from, c.to, c.hidden, c.cut = from, to, cut || from < to, cut
}

// isMechanism: 1*20(UPPER-ALPHA / DIGIT / "-" / "_") (RFC 4422 §3.1), in lower case too. What
// is neither may be an initial response without its mechanism.
func isMechanism(p []byte) bool {
	var lower, upper bool
	for _, c := range p {
		switch {
		case 'a' <= c && c <= 'z':
			lower = true
		case 'A' <= c && c <= 'Z':
			upper = true
		case '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	mixed := lower && upper && !bytes.EqualFold(p, []byte("PLAIN")) && !bytes.EqualFold(p, []byte("LOGIN"))
	return len(p) <= 20 && !mixed
}

// isName tells whether a word looks like the name of a command (or of UID and a command),
// and not like filler.
func isName(p []byte) bool {
	for _, c := range p {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '-' && c != '.' && c != '_' && c != ' ' {
			return false
		}
	}
	return len(p) <= longestName && len(bytes.Trim(p, "xX")) > 0
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
	c.kind, c.at = isCommand, sp+1
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
	// Noted of every secret, since what is too short to be looked for must not show in what
	// the recorder gets.
	s.remembered()
	if c.kind == isCommand {
		s.secretAt++ // the command that is about to begin
	}
	secret := bytes.TrimRight(line[c.from:c.to], "\r")
	if c.cut {
		s.echo.All() // it may stand behind what is kept
	}
	switch {
	case c.kind == isSASL:
		s.auth.answers++
		if s.auth.mech == "LOGIN" && s.auth.answers == 1 {
			return // the user's name
		}
		s.echo.AddEncoded(secret)
		s.rememberWords(secret)
	case c.kind == isRest && s.cur.Name == "LOGIN", c.kind == isCommand && c.info != nil && c.info.name == "LOGIN":
		s.echo.Add(secret)
		inner := bytes.Trim(secret, `"`)
		s.echo.Add(inner)
		s.echo.Add(unquote(secret))
		if !balanced(secret) {
			s.doubt = suspicious
			s.rememberWords(secret)
		} else if bytes.ContainsFunc(secret, unicode.IsControl) {
			s.rememberWords(secret)
		}
	case c.kind == isCommand && c.info != nil:
		s.echo.AddEncoded(secret)
		s.rememberWords(secret)
	default:
		s.echo.AddEncoded(secret)
		s.rememberWords(secret)
		// A line that is no command has no completion to wait for.
		s.stray = s.stray || c.kind != isCommand && c.kind != isRest
	}
}

// remembered notes that secrets are under way.
func (s *session) remembered() {
	s.secret, s.secretAt = true, s.pending.pushed
}

// rememberWords remembers each word of what the grammar does not divide.
func (s *session) rememberWords(p []byte) {
	for _, w := range bytes.FieldsFunc(p, func(r rune) bool { return r <= ' ' || r == '"' }) {
		s.echo.Add(w)
		s.echo.AddEncoded(w)
	}
}

// balanced tells whether what stands in quotes ends.
func balanced(p []byte) bool {
	open := false
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '\\':
			if open {
				i++
			}
		case '"':
			open = !open
		}
	}
	return !open
}

// filled gives a copy of the line with its secret overwritten, or the line itself.
func (s *session) filled(c *clientLine, line []byte) []byte {
	if s.o.Secrets || !c.hidden {
		return line
	}
	f := bytes.Clone(line)
	if c.cut {
		redact.Blank(f[min(c.from, len(f)):])
	} else {
		redact.Fill(f[c.from:c.to])
	}
	return f
}
