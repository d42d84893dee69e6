package mime_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/mime"
)

// header has the size and the fields of a header as it comes from a large provider.
var header = crlf("Return-Path: <list-bounces@example.org>\nDelivered-To: u1@example.net\n" +
	strings.Repeat("Received: from mx.example.org (mx.example.org [192.0.2.1])\n\tby mail.example.net (Postfix) with ESMTPS id 4XabcD1234z9\n\tfor <u1@example.net>; Thu,  1 Jan 2026 00:00:00 +0000 (UTC)\n", 3) +
	"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=20260101;\n\tt=1767225600; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\n\th=From:To:Subject:Date:Message-ID;\n\tb=" +
	strings.Repeat("Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFy\n\t ", 4) + "Zg==\n" +
	"From: Bob <bob@example.org>\nTo: u1@example.net\nSubject: Hello world\nDate: Thu, 1 Jan 2026 00:00:00 +0000\n" +
	"Message-ID: <1234@example.org>\nMIME-Version: 1.0\n")

func bench(b *testing.B, message []byte, chunk int) {
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	var s mime.Scanner
	for b.Loop() {
		s.Reset(decode.Limits{})
		for p := message; len(p) > 0; {
			n := min(chunk, len(p))
			s.Write(p[:n])
			p = p[n:]
		}
		s.Close()
	}
}

func BenchmarkSmallMessage(b *testing.B) {
	m := header + crlf("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 7bit\n\n")
	for len(m) < 4<<10 {
		m += "The quick brown fox jumps over the lazy dog, and then it goes on and on.\r\n"
	}
	bench(b, []byte(m), 64<<10)
}

func mixed(body string) []byte {
	return []byte(header + crlf("Content-Type: multipart/mixed; boundary=\"=_mix\"\n\n--=_mix\n"+body+"\n--=_mix--\n"))
}

func BenchmarkBase64(b *testing.B) {
	line := strings.Repeat("Zm9vYmFyYmF6", 7)[:76] + "\n"
	bench(b, mixed("Content-Transfer-Encoding: base64\n\n"+strings.Repeat(line, 200_000)), 32<<10)
}

func BenchmarkText(b *testing.B) {
	text := "The quick brown fox - a well-known one - jumps over the lazy dog.\nAnd then:\n-- \nsignature\n----------------------------------------\n" +
		strings.Repeat("Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod.\n", 10)
	bench(b, mixed("\n"+strings.Repeat(text, 15_000)), 32<<10)
}

func BenchmarkRootLeaf(b *testing.B) {
	m := append([]byte(header+"\r\n"), bytes.Repeat([]byte("The quick brown fox jumps - over the lazy dog.\r\n"), 300_000)...)
	bench(b, m, 32<<10)
}

// BenchmarkBody is what looking at the octets of a body costs, by its transfer encoding.
func BenchmarkBody(b *testing.B) {
	text := strings.Repeat("The quick brown fox jumps over the lazy dog, and then it goes on and on.\r\n", 14_000)
	for _, c := range []struct{ name, encoding, body string }{
		{"7bit", "7bit", text},
		{"8bit", "8bit", strings.ReplaceAll(text, "quick", "qu\u00efck")},
		{"base64", "base64", strings.Repeat(strings.Repeat("Zm9vYmFyYmF6", 7)[:76]+"\r\n", 14_000)},
		{"quoted-printable", "quoted-printable", strings.ReplaceAll(text, "and then", "=C3=A9")},
	} {
		b.Run(c.name, func(b *testing.B) {
			bench(b, []byte(header+crlf("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: "+c.encoding+"\n\n")+c.body), 32<<10)
		})
	}
}
