//go:build interop

package interop

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"strings"
	"testing"
)

// endless is a server of one mailbox whose messages are made while they are sent. Message
// 1 has a mebibyte, message 2 has size octets; message 3 stops after size and waits until
// the server is closed.
type endless struct {
	protocol string
	size     int64
	port     int
	hold     chan struct{}
}

const block = 64 << 10

// body is what the messages repeat: lines of 64 octets.
var body = []byte(strings.Repeat(strings.Repeat("abcdefg ", 7)+"123456\r\n", block/64))

func startEndless(t *testing.T, protocol string, size int64) *endless {
	t.Helper()
	s := &endless{protocol: protocol, size: size, hold: make(chan struct{})}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{lab.certs.certificate}})
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	t.Cleanup(func() {
		close(s.hold)
		l.Close()
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	return s
}

func (s *endless) url() string { return fmt.Sprintf("%ss://localhost:%d", s.protocol, s.port) }

func (s *endless) serve(c net.Conn) {
	defer c.Close()
	say := func(format string, a ...any) { fmt.Fprintf(c, format+"\r\n", a...) }
	ok := map[string]string{"imap": "* OK ready", "pop3": "+OK ready"}[s.protocol]
	say("%s", ok)
	for in := bufio.NewScanner(c); in.Scan(); {
		words := strings.Fields(in.Text())
		if s.protocol == "imap" {
			switch {
			case len(words) > 3 && words[1] == "FETCH":
				n := s.octets(words[2])
				say("* %s FETCH (BODY[] {%d}", words[2], n)
				s.send(c, words[2], n)
				say(")")
			case len(words) > 1 && words[1] == "LOGOUT":
				say("* BYE\r\n%s OK done", words[0])
				return
			}
			say("%s OK done", words[0])
			continue
		}
		switch words[0] {
		case "RETR":
			say("+OK")
			s.send(c, words[1], s.octets(words[1]))
			say(".")
		case "QUIT":
			say("+OK")
			return
		default:
			say("+OK")
		}
	}
}

func (s *endless) octets(message string) int64 {
	switch message {
	case "1":
		return 1 << 20
	case "2":
		return s.size
	}
	return 2 * s.size // of which half comes
}

func (s *endless) send(c net.Conn, message string, n int64) {
	head := "Subject: endless\r\n\r\n"
	io.WriteString(c, head)
	if message == "3" {
		n = s.size
	}
	for left := n - int64(len(head)); left > 0; {
		k := min(left, block)
		if _, err := c.Write(body[block-k:]); err != nil {
			return
		}
		left -= k
	}
	if message == "3" {
		<-s.hold
	}
}

// reader fetches from an endless server and keeps nothing.
type reader struct {
	c  net.Conn
	in *bufio.Reader
	s  *endless
}

func (s *endless) dial(t *testing.T, port int, ca string) *reader {
	t.Helper()
	c := dialRaw(t, port, ca)
	r := &reader{c, bufio.NewReaderSize(c, block), s}
	r.line(t)
	for _, command := range []string{"USER u1", "PASS secret"} {
		if s.protocol == "imap" {
			command = "a0 " + command // it says OK to anything
		}
		r.say(t, command)
		r.line(t)
	}
	return r
}

func (r *reader) say(t *testing.T, line string) {
	t.Helper()
	if _, err := io.WriteString(r.c, line+"\r\n"); err != nil {
		t.Fatal(err)
	}
}

func (r *reader) line(t *testing.T) string {
	t.Helper()
	s, err := r.in.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// begin asks for a message and reads its first n octets; it gives their checksum.
func (r *reader) begin(t *testing.T, message string, n int64) uint32 {
	t.Helper()
	if r.s.protocol == "imap" {
		r.say(t, "a1 FETCH "+message+" (BODY.PEEK[])")
	} else {
		r.say(t, "RETR "+message)
	}
	r.line(t)
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	if _, err := io.CopyN(sum, r.in, n); err != nil {
		t.Fatal(err)
	}
	return sum.Sum32()
}

// fetch reads a whole message.
func (r *reader) fetch(t *testing.T, message string) uint32 {
	t.Helper()
	sum := r.begin(t, message, r.s.octets(message))
	r.line(t)
	if r.s.protocol == "imap" {
		r.line(t)
	}
	return sum
}
