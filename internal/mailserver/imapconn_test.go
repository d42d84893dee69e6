package mailserver

import (
	"io"
	"net"
	"strings"
	"testing"
)

// Before TLS a client that has to begin it can do nothing else.
func TestIMAPOnlySTARTTLS(t *testing.T) {
	server, _ := certificate()
	s := &Server{Store: NewStore(DemoMessages(), ReadOnly()), TLSConfig: server, RequireTLS: true}
	p := imapPeer(t, s)
	p.has(p.run("a", "CAPABILITY"), " STARTTLS LOGINDISABLED\r\n")
	p.ask("b LOGIN u1 secret", "b NO [PRIVACYREQUIRED]")
	p.ask("c LOGIN {2}", "c NO [PRIVACYREQUIRED]")
	p.ask("d LOGIN {2+}\r\nu1 {6+}\r\nsecret", "d NO [PRIVACYREQUIRED]")
	p.ask("e SELECT INBOX", "e BAD")
	p.ask("f NOOP", "f OK")
	p.ask("g STARTTLS", "g OK")
	p.upgrade()
	p.has(p.run("h", "LOGIN u1 secret"), "h OK [CAPABILITY")
	p.has(p.run("i", "SELECT INBOX"), "i OK [READ-ONLY]")
	p.has(p.run("j", "EXAMINE INBOX"), "j OK [READ-ONLY]")
}

func TestIMAPBeforeTLSEnds(t *testing.T) {
	server, _ := certificate()
	for _, c := range []struct{ sent, end string }{
		{"a LOGOUT\r\n", "a OK LOGOUT completed\r\n"},
		{"GET / HTTP/1.1\r\nHost: x\r\n", "GET BAD Expected STARTTLS\r\nHost: BAD Expected STARTTLS\r\n"},
		{"\x16\x03\x01\n", "IMAP server ready\r\n"},
		{"a LOGIN {9223372036854775807+}\r\nx", "IMAP server ready\r\n"},
		{strings.Repeat("x", 10_000), "IMAP server ready\r\n"},
		{strings.Repeat("a x\r\n", 30), strings.Repeat("a BAD Expected STARTTLS\r\n", badCommands)},
	} {
		p := imapPeer(t, &Server{Store: NewStore(nil), TLSConfig: server, RequireTLS: true})
		p.send(c.sent)
		_ = p.conn.(*net.TCPConn).CloseWrite() // the server may have hung up
		rest, _ := io.ReadAll(p.r)             // a reset is an end too
		if got := "IMAP server ready\r\n" + string(rest); !strings.HasSuffix(got, c.end) && len(c.sent) < 100 {
			t.Errorf("%.40q: got %.200q, want %.200q", c.sent, got, c.end)
		}
	}
}
