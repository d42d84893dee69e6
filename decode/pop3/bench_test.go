package pop3_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/pop3"
)

// retrieving gives a session that is in TRANSACTION.
func retrieving(tap func(decode.Octets)) decode.Session {
	x := pop3.New(decode.Options{Tap: tap})
	for _, r := range []run{s("+OK\r\n"), c("USER u1\r\n"), s("+OK\r\n"), c("PASS secret\r\n"), s("+OK\r\n")} {
		x.Write(r.dir, time.Time{}, []byte(r.p))
	}
	return x
}

func benchRetr(b *testing.B, message string, tap func(decode.Octets)) {
	x := retrieving(tap)
	reply := []byte("+OK\r\n" + message + ".\r\n")
	b.SetBytes(int64(len(reply)))
	b.ReportAllocs()
	now := time.Unix(0, 0)
	for b.Loop() {
		x.Write(decode.Client, now, []byte("RETR 1\r\n"))
		for p := reply; len(p) > 0; {
			n := min(len(p), 64<<10)
			x.Write(decode.Server, now, p[:n])
			p = p[n:]
		}
	}
}

var head = "From: Bob <bob@example.org>\r\nTo: u1@example.net\r\nSubject: Hello world\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n" +
	"Message-ID: <1234@example.org>\r\nMIME-Version: 1.0\r\n"

func BenchmarkSmallMessage(b *testing.B) {
	m := head + "Content-Type: text/plain; charset=utf-8\r\n\r\n"
	for len(m) < 4<<10 {
		m += "The quick brown fox jumps over the lazy dog, and then it goes on.\r\n"
	}
	benchRetr(b, m, nil)
}

func BenchmarkSmallMessageTapped(b *testing.B) {
	m := head + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + strings.Repeat("The quick brown fox jumps over the lazy dog.\r\n", 85)
	benchRetr(b, m, func(decode.Octets) {})
}

func BenchmarkLargeMessage(b *testing.B) {
	line := strings.Repeat("Zm9vYmFyYmF6", 7)[:76] + "\r\n"
	benchRetr(b, head+"Content-Type: multipart/mixed; boundary=\"=_mix\"\r\n\r\n--=_mix\r\nContent-Transfer-Encoding: base64\r\n\r\n"+
		strings.Repeat(line, 800_000)+"--=_mix--\r\n", nil)
}

func BenchmarkCommand(b *testing.B) {
	x := retrieving(nil)
	b.ReportAllocs()
	now := time.Unix(0, 0)
	command, reply := []byte("NOOP\r\n"), []byte("+OK\r\n")
	for b.Loop() {
		x.Write(decode.Client, now, command)
		x.Write(decode.Server, now, reply)
	}
}
