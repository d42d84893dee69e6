package imap_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap"
	"github.com/mailtrace/mailtrace/decode/internal/decodetest"
)

func benchServer(b *testing.B, prologue string, octets []byte, tap func(decode.Octets)) {
	b.SetBytes(int64(len(octets)))
	b.ReportAllocs()
	for b.Loop() {
		s := imap.New(decode.Options{Tap: tap, TLS: true, Unseen: true})
		s.Write(decode.Server, decodetest.Epoch, []byte("* PREAUTH hi\r\n"))
		s.Write(decode.Client, decodetest.Epoch, []byte(prologue))
		s.Write(decode.Server, decodetest.Epoch, []byte("* 20000 EXISTS\r\na0 OK [READ-WRITE] Selected\r\n"))
		for p := octets; len(p) > 0; {
			n := min(len(p), 16<<10)
			s.Write(decode.Server, decodetest.Epoch, p[:n])
			p = p[n:]
		}
	}
}

func rows(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		row := func(subject string) string {
			return fmt.Sprintf(`* %d FETCH (UID %d FLAGS (\Seen) INTERNALDATE "01-Jan-2026 00:00:00 +0000" RFC822.SIZE %d ENVELOPE ("Thu, 1 Jan 2026 00:00:00 +0000" "Subject %d%s" (("A" NIL "a" "example.org")) (("A" NIL "a" "example.org")) (("A" NIL "a" "example.org")) NIL NIL NIL NIL "<%d@example.org>"))`, i+1, i+1000, i*7, i, subject, i)
		}
		b.WriteString(row(strings.Repeat("z", max(0, 328-len(row("")))))) // 330 octets with the line end
		b.WriteString("\r\n")
	}
	return b.Bytes()
}

func message(octets int) []byte {
	head := "Return-Path: <a@example.org>\r\nReceived: from mx.example.org (mx.example.org [192.0.2.9])\r\n\tby mail.example.org with ESMTPS id 123\r\n\tfor <bob@example.org>; Thu, 1 Jan 2026 00:00:00 +0000\r\nFrom: Alice <alice@example.org>\r\nTo: Bob <bob@example.org>\r\nSubject: Hello\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
	line := "The quick brown fox jumps over the lazy dog, and the dog does not mind it.\r\n"
	var b bytes.Buffer
	b.WriteString(head)
	for b.Len()+len(line) < octets {
		b.WriteString(line)
	}
	b.Write(bytes.Repeat([]byte{'.'}, max(0, octets-b.Len())))
	return b.Bytes()
}

func messages(n, octets int) []byte {
	var b bytes.Buffer
	for i := range n {
		m := message(octets)
		fmt.Fprintf(&b, "* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n", i+1, i+1, len(m), m)
	}
	return b.Bytes()
}

func drop(decode.Octets) {}

func BenchmarkRows(b *testing.B) {
	benchServer(b, "a0 SELECT INBOX\r\na1 FETCH 1:* ALL\r\n", rows(20_000), nil)
}

func BenchmarkRowsTapped(b *testing.B) {
	benchServer(b, "a0 SELECT INBOX\r\na1 FETCH 1:* ALL\r\n", rows(20_000), drop)
}

func BenchmarkMessages4KiB(b *testing.B) {
	benchServer(b, "a0 SELECT INBOX\r\na1 FETCH 1:* BODY[]\r\n", messages(1000, 4096), nil)
}

func BenchmarkMessage64MiB(b *testing.B) {
	benchServer(b, "a0 SELECT INBOX\r\na1 FETCH 1 BODY[]\r\n", messages(1, 64<<20), nil)
}

// A command and its result, the round trip that people wait for.
func BenchmarkNoop(b *testing.B) {
	o := decode.TraceOptions{Protocol: &imap.Protocol}
	o.TLS, o.Unseen = true, true
	t := decode.NewTrace(o)
	t.Write(decode.Server, decodetest.Epoch, []byte("* PREAUTH hi\r\n"))
	command, result := []byte("a2 NOOP\r\n"), []byte("a2 OK done\r\n")
	b.ReportAllocs()
	for b.Loop() {
		t.Write(decode.Client, decodetest.Epoch, command)
		t.Write(decode.Server, decodetest.Epoch, result)
	}
}
