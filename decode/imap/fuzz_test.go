package imap_test

import (
	"testing"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap"
	"github.com/mailtrace/mailtrace/decode/internal/decodetest"
)

// prologue is a dialogue of lines, the server's first, then in turns.
func prologue(lines ...string) []decodetest.Chunk {
	var out []decodetest.Chunk
	d := decode.Server
	for _, l := range lines {
		out = append(out, decodetest.Chunk{Dir: d, Octets: []byte(l + "\r\n")})
		d = d.Other()
	}
	return out
}

func FuzzGreeting(f *testing.F) {
	decodetest.Fuzz(f, imap.New, nil,
		"\xfe* OK Waiting\r\n* OK ready\r\n\xfea1 NOOP\r\n", "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x00", "\xfe* BYE no\r\n")
}

func FuzzNotAuthenticated(f *testing.F) {
	decodetest.Fuzz(f, imap.New, prologue("* OK ready"),
		"a1 LOGIN u1 secret\r\n\xfea1 NO secret\r\n", "a1 LOGIN {2}\r\n\xfe+ go\r\n\xfeu1 {6+}\r\nsecret\r\n\xfea1 OK in\r\n",
		"a1 LOGIN \"u\\\"1\" \"se cret\"\r\n", "a1 STARTTLS\r\na2 NOOP\r\n\xfea1 OK go\r\n* OK more\r\n\xfe\x16\x03", "a1 STARTTLS\r\n\xfea1 BAD no\r\n\xfea2 NOOP\r\n",
		"a1 FOO secret {3}\r\n\xfea1 BAD what\r\n")
}

func FuzzAuthenticate(f *testing.F) {
	decodetest.Fuzz(f, imap.New, prologue("* OK ready", "a1 AUTHENTICATE PLAIN", "+ "),
		"AHUxAHNlY3JldA==\r\n\xfea1 NO AHUxAHNlY3JldA== secret\r\n", "*\r\n\xfea1 BAD cancelled\r\n", "a2 NOOP\r\nAHUxAHNlY3JldA==\r\n",
		"a2 AUTHENTICATE LOGIN dTE=\r\n\xfea1 NO\r\n+ \r\n\xfec2VjcmV0\r\n\xfea2 OK c2VjcmV0 secret\r\n")
}

func FuzzSelected(f *testing.F) {
	decodetest.Fuzz(f, imap.New, prologue("* PREAUTH hi", "s1 SELECT INBOX", "* 3 EXISTS\r\ns1 OK [READ-WRITE] in"),
		"a1 FETCH 1:* ALL\r\n\xfe* 1 FETCH (UID 1)\r\n* 2 FETCH (BODY[] {5}\r\nA: b\n UID 2)\r\na1 OK\r\n",
		"a1 APPEND x {3}\r\n\xfea1 NO\r\n\xfea2 NOOP\r\n", "a1 IDLE\r\n\xfe+ idling\r\n* 1 EXPUNGE\r\n\xfeDONE\r\n\xfea1 OK\r\n",
		"a1 UID FETCH 1 BODY[]\r\n\xfe* 1 FETCH (BODY[] {60}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--)\r\n",
		"a1 CLOSE\r\n\xfea1 OK\r\n", "a1 SELECT {1}\r\n\xfe+\r\n\xfex\r\n\xfea1 NO\r\n")
}

func FuzzCompress(f *testing.F) {
	decodetest.Fuzz(f, imap.New, prologue("* PREAUTH hi", "z1 COMPRESS DEFLATE", "z1 OK go"),
		"\x4a\x34\x54\xf0\xf3\xf7\x0f\xe0\xe5\x02\x00\x00\x00\xff\xff\xfe\x4a\x34\x54\xf0\xf7\xe6\xe5\x02\x00\x00\x00\xff\xff")
}
