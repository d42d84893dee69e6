package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
)

// answers are what the server says to FETCH, by the item asked for; built once.
type answers map[string][]byte

func workloads() answers {
	return answers{
		"BIG":      messages(1, 64<<20),
		"MESSAGES": messages(5000, 4096),
		"ROWS":     rows(20_000),
	}
}

// rows are FETCH responses of 330 octets each.
func rows(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		row := fmt.Sprintf(`* %d FETCH (UID %d FLAGS (\Seen) INTERNALDATE "01-Jan-2026 00:00:00 +0000" RFC822.SIZE %d `+
			`ENVELOPE ("Thu, 1 Jan 2026 00:00:00 +0000" "Subject %d" (("A" NIL "a" "example.org")) NIL NIL NIL NIL NIL "<%d@example.org>" "`,
			i+1, i+1000, i*7, i, i)
		b.WriteString(row)
		b.WriteString(strings.Repeat("z", 330-5-len(row)))
		b.WriteString("\"))\r\n")
	}
	return b.Bytes()
}

func messages(n, octets int) []byte {
	const head = "Return-Path: <alice@example.org>\r\n" +
		"Received: from mx.example.org (mx.example.org [192.0.2.9])\r\n\tby mail.example.org with ESMTPS id 123\r\n" +
		"\tfor <bob@example.org>; Thu, 1 Jan 2026 00:00:00 +0000\r\n" +
		"From: Alice <alice@example.org>\r\nTo: Bob <bob@example.org>\r\nSubject: Hello\r\n" +
		"Date: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: text/plain; charset=utf-8\r\n\r\n"
	const line = "The quick brown fox jumps over the lazy dog, and the dog does not mind.\r\n"
	m := []byte(head)
	for len(m)+len(line) <= octets {
		m = append(m, line...)
	}
	m = append(m, bytes.Repeat([]byte{'.'}, octets-len(m))...)
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "* %d FETCH (UID %d BODY[] {%d}\r\n", i+1, i+1, len(m))
		b.Write(m)
		b.WriteString(")\r\n")
	}
	return b.Bytes()
}

// serve speaks as much IMAP as the client here needs.
func serve(l net.Listener, config *tls.Config, what answers) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			session(tls.Server(c, config), what)
		}()
	}
}

func session(c net.Conn, what answers) {
	if _, err := c.Write([]byte("* OK [CAPABILITY IMAP4rev1 IDLE] ready\r\n")); err != nil {
		return
	}
	// Small, so that a thousand sessions do not weigh on the machine.
	in := bufio.NewReaderSize(c, 512)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		tag, rest, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		name, args, _ := strings.Cut(rest, " ")
		reply := tag + " OK done\r\n"
		switch name {
		case "SELECT":
			reply = "* 20000 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n* OK [UIDNEXT 40000] ok\r\n" + tag + " OK [READ-WRITE] done\r\n"
		case "IDLE":
			reply = "+ idling\r\n"
		case "FETCH":
			if _, err := c.Write(what[args[strings.LastIndexByte(args, ' ')+1:]]); err != nil {
				return
			}
		}
		if _, err := c.Write([]byte(reply)); err != nil {
			return
		}
		if name == "LOGOUT" {
			return
		}
	}
}
