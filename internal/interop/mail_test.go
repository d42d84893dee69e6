//go:build interop

package interop

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// mailbox gives the messages of an account's INBOX, in order, as they travel: the same on
// every call.
func mailbox(user string) [][]byte {
	a := accountOf(user)
	var ms [][]byte
	for i := range a.messages {
		if user == "sample" {
			ms = append(ms, smallMessage(i))
		} else {
			ms = append(ms, message(i))
		}
	}
	return ms
}

// smallMessage is one of three short messages for the samples.
func smallMessage(i int) []byte {
	head := func(subject, rest string) string {
		return "From: Alice <alice@example.org>\nTo: Bob <bob@example.org>\nSubject: " + subject +
			"\nDate: Mon, 01 Jan 2024 10:00:00 +0000\nMIME-Version: 1.0\n" + rest + "\n"
	}
	text := []string{
		head("Hello", "Content-Type: text/plain\n") + "A line.\n.\n..dots first\nBye.\n",
		head("=?utf-8?Q?R=C3=A9union?= demain", "Content-Type: multipart/mixed; boundary=mix\n") +
			"--mix\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nÀ demain ✓\n" +
			"--mix\nContent-Type: application/octet-stream; name=a.bin\nContent-Transfer-Encoding: base64\n\nAAECAwQFBgc=\n--mix--\n",
		head("Fwd: status", "Content-Type: message/rfc822\n") + "From: Carol <carol@example.org>\nSubject: status\n\nAll well.\n",
	}
	return crlf(text[i])
}

// message makes one of varied messages; i decides which kind.
func message(i int) []byte {
	r := rand.New(rand.NewPCG(7, uint64(i)))
	head := fmt.Sprintf("Return-Path: <s%d@example.org>\nFrom: %s <s%d@example.org>\nTo: Bob <bob@example.org>,\n\tCarol\n <carol@example.org>\n"+
		"Subject: %s %d\nDate: %s\nMessage-ID: <m%d@example.org>\nMIME-Version: 1.0\n",
		i, pick(r, "Sender", "=?utf-8?B?SsO8cmdlbg==?=", `"Last, First"`), i,
		pick(r, "Invoice", "=?utf-8?Q?R=C3=A9union_demain_=E2=9C=93?=", "会议通知", "Re: a\n folded subject"), i,
		time.Date(2024, 1, 1, i, 0, 0, 0, time.UTC).Format(time.RFC1123Z), i)
	switch i % 10 {
	case 0:
		return crlf(head + "\n" + lines(r, 5))
	case 1:
		return crlf(head + alternative(r, "alt"))
	case 2:
		size := []int{500, 20_000, 300_000}[r.IntN(3)]
		return crlf(head + "Content-Type: multipart/mixed; boundary=\"=mix of=\"\n\npreamble\n--=mix of=\n" + alternative(r, "in") +
			"--=mix of=\nContent-Type: application/pdf;\n name*=utf-8''donn%C3%A9es.pdf\nContent-Disposition: attachment\n" +
			"Content-Transfer-Encoding: base64\n\n" + wrapped(r, size) + "--=mix of=--\nepilogue\n")
	case 3:
		return crlf(head + "Content-Type: multipart/mixed; boundary=out\n\n--out\nContent-Type: message/rfc822\n\n" +
			"From: x@example.org\nSubject: inner\n" + alternative(r, "out2") + "--out--\n")
	case 4: // 8-bit in two charsets, one of them undeclared
		return append(crlf(head+"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGrüße aus Köln ✓\n"),
			"\xe9\xe8\xff latin 1\r\n"...)
	case 5: // what POP3 stuffs
		return crlf(head + "\n.\n..\n...\n.hidden\n. \n\n.\n")
	case 6: // beyond RFC 5322's 998 octets, and beyond a TLS record
		return crlf(head + "\n" + strings.Repeat("long ", 400) + "\n" + strings.Repeat("x", 40_000) + "\n.\n")
	case 7: // what looks like the protocols
		return crlf(head + "\n+OK\n-ERR no\n* OK\n* 3 FETCH (BODY[] {10}\n)\na1 OK done\n{5}\n+ go on\nQUIT\nFrom here on\n")
	case 8: // no body at all, not even the empty line's text
		return crlf(head + "\n")
	default: // an unfinished multipart, tabs, trailing spaces, no line end at the end
		return bytes.TrimSuffix(crlf(head+"Content-Type: multipart/mixed; boundary=never\n\n--never\n\nlast \t\nline"), []byte("\r\n"))
	}
}

func alternative(r *rand.Rand, boundary string) string {
	return "Content-Type: multipart/alternative; boundary=" + boundary + "\n\n--" + boundary +
		"\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nGr=C3=BC=C3=9Fe=\n" + lines(r, 8) +
		"--" + boundary + "\nContent-Type: text/html\n\n<p>" + lines(r, 3) + "</p>\n--" + boundary + "--\n"
}

func lines(r *rand.Rand, n int) string {
	var b strings.Builder
	for range n + r.IntN(30) {
		b.WriteString(pick(r, "A line of text.\n", ".\n", "..\n", ".leading dot\n", "From here on\n", "\n", "a trailing space \n"))
	}
	return b.String()
}

func wrapped(r *rand.Rand, n int) string {
	raw := make([]byte, n)
	for i := range raw {
		raw[i] = byte(r.Uint32())
	}
	text := base64.StdEncoding.EncodeToString(raw)
	var b strings.Builder
	for len(text) > 76 {
		b.WriteString(text[:76] + "\n")
		text = text[76:]
	}
	return b.String() + text + "\n"
}

func pick(r *rand.Rand, from ...string) string { return from[r.IntN(len(from))] }

func crlf(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) }
