package pop3_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/mailtrace/mailtrace/decode"
)

var clientWords = []string{
	"CAPA\r\n", "STLS\r\n", "USER u1\r\n", "PASS secret word\r\n", "pass \"a\"\r\n", "APOP u1 c4c9334bac560ecc\r\n", "STAT\r\n",
	"LIST\r\n", "LIST 1\r\n", "LIST secret\r\n", "UIDL\r\n", "RETR 1\r\n", "TOP 1 0\r\n", "DELE 2\r\n", "RSET\r\n", "NOOP\r\n",
	"QUIT\r\n", "LANG\r\n", "LANG es\r\n", "UTF8\r\n", "XTND XLIST 1\r\n", "AUTH\r\n", "AUTH PLAIN\r\n", "AUTH PLAIN AHUxAHNlY3JldA==\r\n",
	"AUTH login\r\n", "AUTH secret\r\n", "AUTH  \r\n", "AHUxAHNlY3JldA==\r\n", "c2Vj\r\n", "*\r\n", "\r\n", "STAT", "\n", "\r", "x", "XXXX a\r\n", "FOO bar\r\n",
	"LIST ", "PASS se", "cret\r\n", "GET / HTTP/1.1\r\n", "Host: x\r\n", "\x16\x03\x01", "PA", "SS secret\r\n", "ST", "LS\r\n", "\"q\"\r\n",
	"USER aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", "LIST                                                     \r\n",
}

var serverWords = []string{
	"+OK\r\n", "+OK ready <1@x>\r\n", "-ERR\r\n", "-ERR secret word\r\n", "+OK secret\r\n", "+ \r\n", "+\r\n", "+ UGFzc3dvcmQ6\r\n", "+ok hi\r\n",
	".\r\n", ".\n", ".\r", "..\r\n", ".stuffed\r\n", "1 120\r\n", "2 400\r\n", "TOP\r\n", "STLS\r\n", "Subject: x\r\n", "\r\n", "body\r\n",
	"Content-Type: multipart/mixed; boundary=b\r\n", "--b\r\n", "--b--\r\n", "garbage\n", "+O", "K\r\n", "-", "\x16\x03", "\r", "\n",
	"-ERR AHUxAHNlY3JldA== is wrong\r\n", "+OK aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
}

func drawRuns(t *rapid.T) []run {
	var runs []run
	if rapid.IntRange(0, 9).Draw(t, "greets") > 0 {
		runs = append(runs, s("+OK ready\r\n"))
	}
	for range rapid.IntRange(1, 14).Draw(t, "runs") {
		words, dir := clientWords, decode.Client
		if len(runs) > 0 && runs[len(runs)-1].dir == decode.Client {
			words, dir = serverWords, decode.Server
		}
		p := ""
		for range rapid.IntRange(1, 5).Draw(t, "words") {
			p += rapid.SampledFrom(words).Draw(t, "word")
		}
		runs = append(runs, run{dir, p})
	}
	return runs
}

// every cuts into pieces of n octets.
func every(n int) func(string) []string {
	return func(p string) []string {
		var list []string
		for p != "" {
			k := min(n, len(p))
			list, p = append(list, p[:k]), p[k:]
		}
		return list
	}
}

func TestEventsDoNotDependOnCuts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := decode.Options{
			Secrets: rapid.IntRange(0, 4).Draw(t, "secrets") == 0,
			Mid:     rapid.IntRange(0, 4).Draw(t, "mid") == 0,
			TLS:     rapid.Bool().Draw(t, "tls"),
		}
		if rapid.Bool().Draw(t, "small") {
			o.Limits = decode.Limits{Line: 40, Commands: 2, Queue: 5}
		}
		check(t, o, drawRuns(t), every(rapid.IntRange(2, 9).Draw(t, "cut")))
	})
}
