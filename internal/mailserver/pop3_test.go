package mailserver

import (
	"bytes"
	"crypto/md5"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
)

func pop3(t *testing.T, s *Server) *peer {
	t.Helper()
	_, addr := start(t, s, nil)
	return dial(t, addr)
}

func (p *peer) login() {
	p.Helper()
	p.expect("+OK")
	p.ask("USER u1", "+OK")
	p.ask("PASS secret", "+OK")
}

// small is a store of two messages, one of them hard to send.
func small() *Store {
	return NewStore([]Message{
		{Octets: []byte("A: 1\r\n\r\none\r\n")},
		{Octets: []byte("A: 2\r\n\r\n.\r\n..x\r\nline\n.y\r\nno end")},
	}, testClock)
}

func TestPOP3RetrieveExactly(t *testing.T) {
	msgs := DemoMessages()
	p := pop3(t, &Server{Store: NewStore(msgs)})
	p.login()
	for i, m := range msgs {
		p.ask(fmt.Sprintf("RETR %d", i+1), fmt.Sprintf("+OK %d octets", len(m.Octets)))
		var body bytes.Buffer
		for {
			line := p.line()
			if line == ".\r\n" {
				break
			}
			body.WriteString(strings.TrimPrefix(line, "."))
		}
		if !bytes.Equal(body.Bytes(), m.Octets) {
			t.Errorf("message %d differs:\n%q\n%q", i+1, body.Bytes(), m.Octets)
		}
	}
}

func TestPOP3Replies(t *testing.T) {
	long := strings.Repeat("x", 250)
	for _, test := range []struct {
		name, send, want string
	}{
		{"dot-stuffing", "RETR 2\r\n", "+OK 33 octets\r\nA: 2\r\n\r\n..\r\n...x\r\nline\n..y\r\nno end\r\n.\r\n"},
		{"TOP 0", "TOP 2 0\r\n", "+OK top of message follows\r\nA: 2\r\n\r\n.\r\n"},
		{"TOP 1", "TOP 2 1\r\n", "+OK top of message follows\r\nA: 2\r\n\r\n..\r\n.\r\n"},
		{"TOP more than there is", "TOP 1 99\r\n", "+OK top of message follows\r\nA: 1\r\n\r\none\r\n.\r\n"},
		{"TOP without lines", "TOP 1\r\n", "-ERR TOP takes a message and a number of lines\r\n"},
		{"TOP negative", "TOP 1 -1\r\n", "-ERR TOP takes a message and a number of lines\r\n"},
		{"LIST", "LIST\r\n", "+OK 2 messages, 46 octets\r\n1 13\r\n2 33\r\n.\r\n"},
		{"LIST n", "LIST 2\r\n", "+OK 2 33\r\n"},
		{"UIDL", "UIDL\r\n", "+OK 2 messages, 46 octets\r\n1 000000016b027e71\r\n2 000000026b027e71\r\n.\r\n"},
		{"UIDL n", "uidl 1\r\n", "+OK 1 000000016b027e71\r\n"},
		{"STAT", "STAT\r\n", "+OK 2 46\r\n"},
		{"no such message", "RETR 3\r\nRETR 0\r\nRETR -1\r\nRETR x\r\nRETR\r\nRETR 99999999999999999999\r\n", strings.Repeat("-ERR no such message\r\n", 6)},
		{"marked", "DELE 1\r\nRETR 1\r\nDELE 1\r\nLIST\r\nSTAT\r\nRSET\r\nSTAT\r\n", "+OK message 1 marked\r\n-ERR no such message\r\n-ERR no such message\r\n+OK 1 messages, 33 octets\r\n2 33\r\n.\r\n+OK 1 33\r\n+OK no message is marked\r\n+OK 2 46\r\n"},
		{"wrong state", "USER u1\r\nPASS x\r\nSTLS\r\n", strings.Repeat("-ERR already logged in\r\n", 3)},
		{"unknown", "XYZZY\r\n\r\n \r\n", strings.Repeat("-ERR unknown command\r\n", 3)},
		{"LF alone", "NOOP\n", "+OK\r\n"},
		{"overlong line", "NOOP " + long + "\r\nNOOP\r\n", "-ERR line of more than 255 octets\r\n+OK\r\n"},
		{"very long line", "NOOP " + strings.Repeat(long, 1000) + "\r\nNOOP\r\n", "-ERR line of more than 255 octets\r\n+OK\r\n"},
		{"pipelining", "STAT\r\nNOOP\r\nLIST 1\r\nQUIT\r\n", "+OK 2 46\r\n+OK\r\n+OK 1 13\r\n+OK bye, 0 messages deleted\r\n"},
		{"CAPA after login", "CAPA\r\n", "+OK capabilities follow\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE NEVER\r\nIMPLEMENTATION mailtrace\r\n.\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := pop3(t, &Server{Store: small()})
			p.login()
			p.send(test.send)
			got := make([]byte, len(test.want))
			for n := 0; n < len(got); {
				k, err := p.r.Read(got[n:])
				n += k
				if err != nil {
					t.Fatalf("%v after %q", err, got[:n])
				}
			}
			if string(got) != test.want {
				t.Errorf("\n got %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestPOP3BeforeLogin(t *testing.T) {
	server, _ := certificate()
	p := pop3(t, &Server{Store: small(), TLSConfig: server, Greeting: "100% ready", Timestamp: "<1.1@pop.example.org>"})
	p.expect("+OK 100% ready <1.1@pop.example.org>\r\n")
	p.ask("STAT", "-ERR log in first")
	p.ask("PASS secret", "-ERR USER first")
	p.ask("USER", "-ERR USER takes a name")
	p.ask("USER u1", "+OK")
	p.ask("PASS wrong", "-ERR [AUTH]")
	p.ask("PASS secret", "-ERR USER first")
	p.ask("AUTH CRAM-MD5", "-ERR")
	p.ask("AUTH PLAIN !", "-ERR not base64")
	p.ask("AUTH PLAIN", "+ \r\n")
	p.ask("*", "-ERR cancelled")
	p.ask("APOP u1 00", "-ERR [AUTH]")
	p.ask("APOP u2 "+fmt.Sprintf("%x", md5.Sum([]byte("<1.1@pop.example.org>"))), "-ERR [AUTH]")
	p.ask("APOP u1 "+fmt.Sprintf("%x", md5.Sum([]byte("<1.1@pop.example.org>secret"))), "+OK 2 messages")
	p.ask("QUIT", "+OK")
	if _, err := p.r.ReadByte(); err == nil {
		t.Error("the connection stayed open behind QUIT")
	}
}

func TestPOP3Plain(t *testing.T) {
	for _, send := range []string{"AUTH PLAIN AHUxAHNlY3JldA==", "auth plain\r\nAHUxAHNlY3JldA=="} {
		p := pop3(t, &Server{Store: small()})
		p.expect("+OK")
		p.send(send + "\r\n")
		if strings.Contains(send, "\n") {
			p.expect("+ ")
		}
		p.expect("+OK 2 messages")
	}
}

func TestPOP3STLS(t *testing.T) {
	server, _ := certificate()
	p := pop3(t, &Server{Store: small(), TLSConfig: server, RequireTLS: true})
	p.expect("+OK")
	p.send("CAPA\r\n")
	if caps := p.until("."); !strings.Contains(caps, "\r\nSTLS\r\n") || strings.Contains(caps, "USER") || strings.Contains(caps, "SASL") {
		t.Errorf("capabilities before TLS: %q", caps)
	}
	p.ask("USER u1", "-ERR [AUTH]")
	// What comes in clear behind STLS must not count as said under TLS.
	p.send("STLS\r\nNOOP\r\n")
	p.expect("+OK begin TLS")
	p.upgrade()
	p.send("CAPA\r\n")
	p.expect("+OK capabilities follow")
	if caps := p.until("."); strings.Contains(caps, "STLS") || !strings.Contains(caps, "\r\nUSER\r\n") {
		t.Errorf("capabilities under TLS: %q", caps)
	}
	p.ask("STLS", "-ERR TLS is active")
	p.ask("USER u1", "+OK")
	p.ask("PASS secret", "+OK")
	p.ask("QUIT", "+OK")
}

func TestPOP3ImplicitTLS(t *testing.T) {
	server, _ := certificate()
	s := &Server{Store: small(), TLSConfig: server, RequireTLS: true}
	_, addr := start(t, s, func(ln net.Listener) net.Listener { return tls.NewListener(ln, server) })
	p := dial(t, addr)
	p.upgrade()
	p.login()
}

func TestPOP3MaildropIsLocked(t *testing.T) {
	s := &Server{Store: small()}
	_, addr := start(t, s, nil)
	first := dial(t, addr)
	first.login()
	second := dial(t, addr)
	second.expect("+OK")
	second.ask("USER u1", "+OK")
	second.ask("PASS secret", "-ERR [IN-USE]")
	first.ask("DELE 1", "+OK")
	first.conn.Close() // no QUIT: nothing is deleted, the lock is free
	for {              // the server notices in its own time, before the peer's deadline
		second.ask("USER u1", "+OK")
		second.send("PASS secret\r\n")
		if line := second.line(); strings.HasPrefix(line, "+OK 2 messages") {
			return
		} else if !strings.HasPrefix(line, "-ERR [IN-USE]") {
			t.Fatal(line)
		}
	}
}

func TestPOP3TooManyBadCommands(t *testing.T) {
	p := pop3(t, &Server{Store: small()})
	p.expect("+OK")
	for range badCommands - 1 {
		p.ask("GET / HTTP/1.1", "-ERR unknown command")
	}
	p.ask("Host: x", "-ERR too many bad commands")
	if _, err := p.r.ReadByte(); err == nil {
		t.Error("the connection stayed open")
	}
}

// Each greeting has a timestamp of its own, and what answers another one does not count.
func TestPOP3APOP(t *testing.T) {
	s := &Server{Store: small(), APOP: true}
	_, addr := start(t, s, nil)
	stamp := func(p *peer) string {
		line := p.line()
		return line[strings.Index(line, "<") : strings.Index(line, ">")+1]
	}
	digest := func(stamp string) string { return fmt.Sprintf("%x", md5.Sum([]byte(stamp+"secret"))) }
	p, q := dial(t, addr), dial(t, addr)
	first, second := stamp(p), stamp(q)
	if first == second {
		t.Errorf("both greetings have %s", first)
	}
	q.ask("APOP u1 "+digest(first), "-ERR [AUTH]")
	q.ask("APOP nobody "+digest(second), "-ERR [AUTH]")
	q.ask("APOP u1 "+digest(second), "+OK")
}
