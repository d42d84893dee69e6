package pop3

import "bytes"

// code is a pending command in one octet: what it is, and what its reply looks like.
type code uint8

const (
	codeNone    code = iota // a line that is no command; servers answer it all the same
	codeUnknown             // three or four letters that are in no table
	codeUser
	codePass
	codeApop
	codeAuth
	codeStat
	codeList
	codeRetr
	codeDele
	codeNoop
	codeRset
	codeQuit
	codeTop
	codeUidl
	codeCapa
	codeStls
	codeUTF8
	codeLang
	codeXtnd
	codeLast
	codes

	codeName   code = 0x1f // mask of the above
	codeMulti  code = 0x20 // +OK begins a multi-line response
	codeSecret code = 0x40 // the line held something that was filled
	codeSASL   code = 0x80 // AUTH with a mechanism: an exchange
)

// names are the keywords of RFC 1939 §5–7, RFC 2449 §5, RFC 2595 §4, RFC 5034 §4 and
// RFC 6856 §2 and §3. XTND and LAST are of older servers (LAST: RFC 1939's predecessors).
var names = [codes]string{
	codeUser: "USER", codePass: "PASS", codeApop: "APOP", codeAuth: "AUTH", codeStat: "STAT", codeList: "LIST",
	codeRetr: "RETR", codeDele: "DELE", codeNoop: "NOOP", codeRset: "RSET", codeQuit: "QUIT", codeTop: "TOP",
	codeUidl: "UIDL", codeCapa: "CAPA", codeStls: "STLS", codeUTF8: "UTF8", codeLang: "LANG", codeXtnd: "XTND",
	codeLast: "LAST",
}

var byName = func() map[string]code {
	m := map[string]code{}
	for c, n := range names {
		if n != "" {
			m[n] = code(c)
		}
	}
	return m
}()

func (c code) is(name code) bool { return c&codeName == name }

// name is the canonical name, "" of what is in no table.
func (c code) name() string { return names[c&codeName] }

// body tells whether the multi-line response is a message.
func (c code) body() bool { return c.is(codeRetr) || c.is(codeTop) }

// multiline tells whether +OK begins a multi-line response: always of CAPA, RETR and TOP
// (RFC 2449 §5, RFC 1939 §5 and §7), without argument of LIST, UIDL and LANG (RFC 1939
// §5 and §7, RFC 6856 §3.2), of AUTH without argument, which older servers answer with
// their mechanisms, and of XTND XLIST.
func multiline(c code, args []byte) bool {
	switch c {
	case codeCapa, codeRetr, codeTop:
		return true
	case codeList, codeUidl, codeLang, codeAuth:
		return len(args) == 0
	case codeXtnd:
		word, _, _ := bytes.Cut(args, []byte(" "))
		return bytes.EqualFold(word, []byte("XLIST"))
	}
	return false
}

// keyword finds the keyword that begins a line: its code, and where its arguments begin.
// A keyword of no table has three or four letters (RFC 2449 §3: keyword = 3*4VCHAR); what
// is longer may be a secret that stands in the wrong place. Neither is one that consists
// of filler.
func keyword(line []byte) (c code, args int) {
	n := bytes.IndexByte(line, ' ')
	args = n + 1
	if n < 0 {
		n, args = len(line), len(line)
	}
	if n < 3 || n > 4 {
		return codeNone, 0
	}
	var upper [4]byte
	letters, filler := true, true
	for i, b := range line[:n] {
		if b >= 'a' && b <= 'z' {
			b -= 'a' - 'A'
		}
		letters = letters && b >= 'A' && b <= 'Z'
		filler = filler && b == 'X'
		upper[i] = b
	}
	if c, ok := byName[string(upper[:n])]; ok {
		return c, args
	}
	if letters && !filler {
		return codeUnknown, args
	}
	return codeNone, 0
}

// beginsKeyword tells whether a line's beginning is, or may become, a known keyword.
func beginsKeyword(p []byte) bool {
	for _, n := range names {
		if len(p) <= len(n) && bytes.EqualFold(p, []byte(n[:len(p)])) {
			return true
		}
	}
	return false
}
