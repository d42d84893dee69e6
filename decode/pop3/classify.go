package pop3

import (
	"bytes"
	"strings"
)

type lineKind uint8

const (
	isNone     lineKind = iota // no command
	isHTTP                     // an HTTP request line
	isCommand                  // a command
	isResponse                 // a SASL response
	isCancel                   // "*"
)

// rule says how much of a line the decision may rest on. It is stricter for a line of
// which a part went to the recorder before the line was whole.
type rule uint8

const (
	byWhole     rule = iota // the whole line is there
	byBeginning             // only the keyword counts; all behind it is filled
	byNothing               // all of it is filled
)

// clientLine is what a client line is, and what of it is a secret.
type clientLine struct {
	kind     lineKind
	code     code
	args     int // where the arguments begin
	from, to int // what has to be filled
	encoded  int // where a base64 text begins inside of it; to where there is none
	number   int // message number of LIST, RETR, DELE, TOP and UIDL; 0 where there is none
	owes     int // AUTH: SASL responses that have to follow, at the least
}

// secret tells whether there is anything to fill.
func (c *clientLine) secret() bool { return c.from < c.to }

// classify tells what a client line without its line end is. Decisions never rest on
// octets that it says have to be filled, so that a filled line is classified alike.
func (s *session) classify(line []byte, r rule) clientLine {
	c := clientLine{to: len(line), encoded: len(line)}
	if r == byNothing {
		if s.conversing() {
			c.kind = isResponse
			return c
		}
		return c.marked()
	}
	kw, args := keyword(line)
	known := kw > codeUnknown
	if s.responds(line, known) {
		c.kind = isResponse
		c.encoded = 0
		if len(line) == 1 && line[0] == '*' {
			// RFC 5034 §4: the client cancels.
			c.kind, c.from, c.encoded = isCancel, c.to, c.to
		}
		return c
	}
	if from, to, ok := httpLine(line); ok && r == byWhole {
		c.kind, c.from, c.to = isHTTP, from, to
		return c.marked()
	}
	if kw == codeNone {
		if s.o.Mid && r == byWhole && !s.client.resync && !credentialShaped(line) {
			c.from = c.to
		}
		return c.marked()
	}
	c.kind, c.code, c.args, c.from = isCommand, kw, args, args
	if r == byBeginning {
		// A line as long as that has an argument, whatever it is.
		if multiline(kw, []byte("x")) {
			c.code |= codeMulti
		}
		if kw == codeAuth {
			c.code |= codeSASL
		}
	} else {
		s.arguments(&c, line)
	}
	return c.marked()
}

// marked puts on the code that there is a secret.
func (c clientLine) marked() clientLine {
	if c.secret() {
		c.code |= codeSecret
	}
	return c
}

// arguments decides what of a command's arguments is a secret. What the grammar has no
// place for is taken for one.
func (s *session) arguments(c *clientLine, line []byte) {
	rest := line[c.args:]
	start := c.args + len(rest) - len(bytes.TrimLeft(rest, " "))
	args := line[start:]
	if multiline(c.code, args) {
		c.code |= codeMulti
	}
	name := c.code & codeName
	if name != codePass && len(args) == 0 {
		c.from = c.to
		return
	}
	harmless := false
	switch name {
	case codePass: // RFC 1939 §7: the password may hold spaces
	case codeUser:
		harmless = true
	case codeApop: // RFC 1939 §7: name SP digest
		if i := bytes.IndexByte(rest, ' '); i >= 0 {
			c.from = c.args + i + 1
		}
	case codeAuth:
		c.code |= codeSASL
		word, _, more := bytes.Cut(args, []byte(" "))
		switch {
		case !isMechanism(word):
			c.from = start
		case more:
			c.from = start + len(word) + 1
			c.encoded = c.from
			c.owes = responses(word) - 1
		default:
			harmless = true
			c.owes = responses(word)
		}
	case codeList, codeRetr, codeDele, codeTop, codeUidl:
		harmless = only(args, "0123456789 ")
		if harmless {
			c.number = number(args)
		}
		c.from = start
	case codeLang: // RFC 6856 §3: a language tag or "*"
		harmless = only(args, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-*")
		c.from = start
	case codeXtnd:
		word, _, more := bytes.Cut(args, []byte(" "))
		c.from = start
		if bytes.EqualFold(word, []byte("XLIST")) || bytes.EqualFold(word, []byte("XMIT")) {
			c.from = start + len(word) + 1
			harmless = !more || bytes.EqualFold(word, []byte("XLIST")) && listable(line[c.from:])
		}
	case codeUnknown:
		harmless = s.o.Mid
		c.from = start
	default:
		c.from = start
	}
	if harmless {
		c.from = c.to
	}
}

// conversing tells whether the server asked for a SASL response, or may be about to.
func (s *session) conversing() bool { return s.challenged || s.auths > 0 || s.afterAuth != nil }

// responds tells whether a client line is a SASL response: one that was asked for, or,
// while an AUTH is under way, one that is no known command. Behind a "+" even a keyword
// is a response, where it stands alone: it is valid base64.
func (s *session) responds(line []byte, known bool) bool {
	if s.challenged && !s.doubtful {
		return !known || bytes.IndexByte(line, ' ') < 0
	}
	return !known && s.conversing()
}

func only(p []byte, allowed string) bool {
	for _, b := range p {
		if bytes.IndexByte([]byte(allowed), b) < 0 {
			return false
		}
	}
	return true
}

// listable tells whether XTND XLIST is asked for a header field that clients list, of all
// messages or of one.
func listable(args []byte) bool {
	name, message, _ := bytes.Cut(args, []byte(" "))
	switch strings.ToLower(string(name)) {
	case "from", "sender", "reply-to", "to", "cc", "date", "subject", "message-id":
		return only(message, "0123456789")
	}
	return false
}

// number reads the first argument as a message number; 0 where it is none.
func number(p []byte) int {
	n := 0
	for _, b := range p {
		if b < '0' || b > '9' {
			break
		}
		if n = n*10 + int(b-'0'); n > 1<<30 {
			return 0
		}
	}
	return n
}

// isMechanism tells whether a word is a SASL mechanism's name (RFC 4422 §3.1: upper-case
// letters, digits, hyphens and underscores), or one of the common ones in lower case. A
// password in its place is hardly ever one.
func isMechanism(word []byte) bool {
	if len(word) == 0 || len(word) > 20 {
		return false
	}
	if only(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") {
		return true
	}
	switch string(bytes.ToUpper(word)) {
	case "PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "NTLM", "GSSAPI", "EXTERNAL", "ANONYMOUS", "XOAUTH2",
		"OAUTHBEARER", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS":
		return true
	}
	return false
}

// responses is how many responses a mechanism has at the least. LOGIN sends name and
// password one by one; there is none without any.
func responses(mechanism []byte) int {
	if bytes.EqualFold(mechanism, []byte("LOGIN")) {
		return 2
	}
	return 1
}

// credentialShaped tells whether a line looks like a SASL response.
func credentialShaped(line []byte) bool {
	return len(line) >= 8 && len(line)%4 == 0 &&
		only(bytes.TrimRight(line, "="), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
}

// httpLine recognises an HTTP request line, and gives what stands between the method and
// the version.
func httpLine(line []byte) (from, to int, ok bool) {
	from, to = bytes.IndexByte(line, ' ')+1, bytes.LastIndexByte(line, ' ')
	if from <= 0 || to < from || !bytes.HasPrefix(line[to+1:], []byte("HTTP/")) {
		return 0, 0, false
	}
	switch string(line[:from-1]) {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PATCH", "PRI":
		return from, to, true
	}
	return 0, 0, false
}

// remember keeps the secrets of a line, so that they are found where the server repeats
// them.
func (s *session) remember(c *clientLine, line []byte) {
	if s.o.Secrets || !c.secret() {
		return
	}
	secret := line[c.from:min(c.to, len(line))]
	if c.encoded < c.to {
		s.echo.AddEncoded(line[c.encoded:])
		return
	}
	s.echo.Add(secret)
	if c.code.is(codePass) {
		return
	}
	for word := range bytes.FieldsSeq(secret) {
		if len(word) < len(secret) {
			s.echo.Add(word)
		}
	}
}

// filled gives a line with its secrets overwritten: itself, where it has none.
func (s *session) filled(c *clientLine, line []byte) []byte {
	if s.o.Secrets || !c.secret() || c.from >= len(line) {
		return line
	}
	f := s.copied(line)
	fill(f[c.from:min(c.to, len(f))])
	return f
}

// copied gives a copy that is valid until the next call of the session.
func (s *session) copied(p []byte) []byte {
	n := len(s.arena)
	s.arena = append(s.arena, p...)
	return s.arena[n:len(s.arena):len(s.arena)]
}
