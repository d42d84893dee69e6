package pop3

import (
	"bytes"
	"strconv"
)

// decimal reads a number of digits alone, false where it is none or too large.
func decimal(p []byte) (int64, bool) {
	if len(p) == 0 || len(p) > 18 || !only(p, "0123456789") {
		return 0, false
	}
	n, err := strconv.ParseInt(string(p), 10, 64)
	return n, err == nil
}

// numbers reads "n SP m", behind which a space and more may follow: what STAT answers, and
// a scan listing (RFC 1939 §5).
func numbers(p []byte) (n, m int64, ok bool) {
	a, rest, _ := bytes.Cut(p, []byte(" "))
	b, _, _ := bytes.Cut(rest, []byte(" "))
	n, ok = decimal(a)
	if !ok {
		return 0, 0, false
	}
	m, ok = decimal(b)
	return n, m, ok
}

// uniqueID reads "n SP unique-id" (RFC 1939 §7).
func uniqueID(p []byte) (n int64, id []byte, ok bool) {
	a, id, more := bytes.Cut(p, []byte(" "))
	n, ok = decimal(a)
	return n, id, ok && more
}

// validID tells whether a unique-id is one to 70 octets in 0x21 to 0x7E (RFC 1939 §7).
func validID(id []byte) bool {
	for _, c := range id {
		if c < 0x21 || c > 0x7e {
			return false
		}
	}
	return len(id) >= 1 && len(id) <= 70
}

// statusText is what stands behind the status indicator.
func statusText(text []byte) []byte { return text[min(indicator(text), len(text)):] }

// responseCode reads an extended response code (RFC 2449 §8), "" where there is none.
func responseCode(text []byte) string {
	rest, ok := bytes.CutPrefix(statusText(text), []byte("["))
	if !ok {
		return ""
	}
	code, _, ok := bytes.Cut(rest, []byte("]"))
	if !ok || len(code) == 0 || len(code) > 64 || bytes.IndexByte(code, ' ') >= 0 {
		return ""
	}
	return upper(code)
}

// announced reads the size that the reply to RETR gives. It is free text to RFC 1939 §5,
// so that only "255 octets", "255 bytes" and "255" alone are taken for one.
func announced(text []byte) (int64, bool) {
	rest := statusText(text)
	if i := bytes.IndexByte(rest, ']'); len(rest) > 0 && rest[0] == '[' && i > 0 {
		rest = rest[i+1:]
	}
	word, unit, more := bytes.Cut(bytes.Trim(rest, " "), []byte(" "))
	n, ok := decimal(bytes.TrimPrefix(word, []byte("(")))
	if !ok || !more {
		return n, ok
	}
	unit, _, _ = bytes.Cut(unit, []byte(" "))
	unit = bytes.TrimRight(unit, ".),:;")
	return n, bytes.EqualFold(unit, []byte("octets")) || bytes.EqualFold(unit, []byte("octet")) ||
		bytes.EqualFold(unit, []byte("bytes")) || bytes.EqualFold(unit, []byte("byte"))
}

// timestamp is what APOP needs of a greeting (RFC 1939 §7: a msg-id in angle brackets),
// "" where there is none.
func timestamp(text []byte) string {
	i := bytes.IndexByte(text, '<')
	if i < 0 {
		return ""
	}
	n := bytes.IndexByte(text[i:], '>')
	if n <= 1 || n > 512 {
		return ""
	}
	return string(text[i : i+n+1])
}

// sendsSecret tells whether a mechanism sends a password or a token as it is.
func sendsSecret(mechanism []byte) bool {
	switch upper(mechanism) {
	case "PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER":
		return true
	}
	return false
}

// bound tells whether a mechanism is bound to one TLS connection (RFC 5802 §6).
func bound(mechanism []byte) bool {
	m := bytes.ToUpper(mechanism)
	return bytes.HasPrefix(m, []byte("SCRAM-")) && bytes.HasSuffix(m, []byte("-PLUS"))
}

// argumentsFit tells whether a command has the arguments that RFC 1939 §5 and §7 and
// RFC 2449 §5 want. It does not look into what may be filled, only whether it is there.
func argumentsFit(c code, args []byte) bool {
	digits := only(args, "0123456789 ")
	words := words(args)
	switch c & codeName {
	case codeRetr, codeDele:
		return digits && words == 1
	case codeTop:
		return digits && words == 2
	case codeList, codeUidl:
		return digits && words <= 1
	case codeStat, codeNoop, codeRset, codeQuit, codeCapa, codeStls, codeUTF8:
		return words == 0
	case codeUser, codePass, codeApop:
		return words > 0
	}
	return true
}

// words counts what stands between spaces.
func words(p []byte) (n int) {
	for i, c := range p {
		if c != ' ' && (i == 0 || p[i-1] == ' ') {
			n++
		}
	}
	return n
}
