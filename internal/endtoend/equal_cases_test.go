package endtoend

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
	"github.com/mailtrace/mailtrace/proxy"
)

// imapServer is a small server in clear.
func imapServer(t tester) func(net.Conn) {
	return func(c net.Conn) {
		s := talk(t, c)
		s.send("* OK [CAPABILITY IMAP4rev1] ready\r\n")
		for {
			line := s.line()
			tag, rest, _ := strings.Cut(line, " ")
			switch {
			case strings.HasSuffix(line, "EOF"), strings.Contains(line, "error:"):
				return
			case strings.HasPrefix(line, "\x16"): // a ClientHello: who sent it may be gone before it is answered
				return
			case strings.HasPrefix(rest, "FETCH"):
				s.send("* 1 FETCH (BODY[] {28}\r\nSubject: hello\r\n\r\n.a line.\r\n)\r\n" + tag + " OK\r\n")
			case rest == "LOGOUT":
				s.send("* BYE\r\n" + tag + " OK\r\n")
				return
			default:
				s.send(tag + " OK\r\n")
			}
		}
	}
}

func imapClient(c *dialog) {
	c.expect("* OK [CAPABILITY IMAP4rev1] ready")
	c.send("a FETCH 1 BODY[]\r\n")
	for _, want := range []string{"* 1 FETCH (BODY[] {28}", "Subject: hello", "", ".a line.", ")", "a OK"} {
		c.expect(want)
	}
	imapLogout(c)
}

func imapLogout(c *dialog) {
	c.send("b LOGOUT\r\n")
	c.expect("* BYE")
	c.expect("b OK")
	c.expect("EOF")
	c.Close()
}

// single runs a proxy on one route and one connection through it; the capture must then
// tell what was told live.
func single(t *testing.T, cfg proxy.Config, client func(*dialog)) *live {
	t.Helper()
	noLeaks(t)
	l := start(t, cfg, outputs{})
	client(talk(t, l.dial(t, 0)))
	l.events.closed(t, 1)
	l.equal(t)
	return l
}

// reason is what the last event of the first connection says.
func (l *live) reason(t tester) string {
	t.Helper()
	x := l.events.closed(t, 1)
	return strings.Join([]string{x.Reason, x.Fields.Get("error")}, ": ")
}

// reasonHolds tells that the connection ended for one of these reasons.
func (l *live) reasonHolds(t *testing.T, any ...string) {
	t.Helper()
	r := l.reason(t)
	if !slices.ContainsFunc(any, func(s string) bool { return strings.Contains(r, s) }) {
		t.Errorf("closed: %q, want %q\n%s", r, any, l.events.text())
	}
}

func TestEqualSocks(t *testing.T) {
	plain, secured := serve(t, imapServer(t)), serve(t, overTLS(imapServer(t)))
	web := serve(t, func(c net.Conn) {
		s := talk(t, c)
		s.expect("GET / HTTP/1.1")
		s.expect("")
		s.send("HTTP/1.1 204 No Content\r\n\r\n")
	})
	tests := []struct {
		name   string
		cfg    proxy.Config
		port   int
		client func(*dialog)
		opaque string
	}{
		{"mail", proxy.Config{}, portOf(plain), imapClient, ""},
		{"mail over TLS", proxy.Config{Only: []string{"localhost"}}, portOf(secured), func(d *dialog) { imapClient(d.secure()) }, ""},
		{"TLS that passes", proxy.Config{Pass: []string{"local*"}}, portOf(secured), func(d *dialog) { imapClient(d.secure()) }, "not intercepted"},
		{"mail that passes", proxy.Config{Pass: []string{"local*"}}, portOf(plain), imapClient, "not intercepted"},
		{"TLS on any port", proxy.Config{}, portOf(secured), func(d *dialog) { imapClient(d.secure()) }, "no mail protocol"},
		{"the web", proxy.Config{}, portOf(web), func(d *dialog) {
			d.send("GET / HTTP/1.1\r\n\r\n")
			d.expect("HTTP/1.1 204 No Content")
			d.expect("")
			d.expect("EOF")
			d.Close()
		}, "no mail protocol"},
		{"nothing listens", proxy.Config{}, 1, nil, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.cfg.Socks = "127.0.0.1:0"
			l := single(t, test.cfg, func(d *dialog) {
				if test.client == nil {
					d.send("\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x01")
					d.line()
					return
				}
				test.client(socksTo(t, d.Conn, "localhost", test.port))
			})
			opaque := l.events.reasons(decode.Opaque)
			if test.opaque == "" && len(opaque) > 0 || test.opaque != "" && (len(opaque) != 1 || !strings.Contains(opaque[0], test.opaque)) {
				t.Errorf("opaque: %q", opaque)
			}
			if test.client != nil && test.opaque == "" && len(l.events.kept(decode.CommandLine)) != 2 {
				t.Errorf("%s", l.events.text())
			}
		})
	}
}

func TestEqualFailures(t *testing.T) {
	refused := serve(t, func(net.Conn) {})
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	plain, secured := serve(t, imapServer(t)), serve(t, overTLS(imapServer(t)))
	distrustful := func(d *dialog) {
		if tls.Client(d.Conn, &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost"}).Handshake() == nil {
			t.Error("handshake without trust")
		}
		d.Close()
	}
	gone := func(d *dialog) {
		d.expect("EOF")
		d.Close()
	}
	tests := []struct {
		name             string
		listen, upstream string
		addr             string
		client           func(*dialog)
		reason           string
		tls              string // "server" or "client": the leg of a handshake that failed
	}{
		{"upstream refused", "imap", "imap", closed.Addr().String(), gone, "upstream unreachable", ""},
		{"upstream closes", "imap", "imap", refused, gone, "", ""},
		{"upstream has no TLS", "imap", "imaps", plain, gone, "TLS handshake with the server failed", "server"},
		{"upstream has TLS", "imap", "imap", secured, func(d *dialog) {
			d.halfClose()
			for !strings.Contains(d.line(), "EOF") {
			}
		}, "", ""},
		{"client does not trust", "imaps", "imaps", secured, distrustful, "TLS handshake with the client failed", "client"},
		{"client has no TLS", "imaps", "imap", plain, func(d *dialog) {
			d.send("a LOGIN u1 sesame\r\n")
			for !strings.Contains(d.line(), "EOF") {
			}
		}, "TLS handshake with the client failed", "client"},
		{"client goes", "imaps", "imap", plain, func(d *dialog) { d.Close() }, "TLS handshake with the client failed", "client"},
		{"no STARTTLS upstream", "imap", "imap+starttls", serve(t, func(c net.Conn) {
			s := talk(t, c)
			s.send("* OK ready\r\n")
			tag, _, _ := strings.Cut(s.line(), " ")
			s.send(tag + " BAD what\r\n")
			s.line()
		}), gone, "TLS handshake with the server failed", "server"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := single(t, proxy.Config{Routes: []proxy.Route{route(t, test.listen, test.upstream, test.addr)}}, test.client)
			l.reasonHolds(t, test.reason)
			failed := slices.DeleteFunc(l.events.kept(decode.TLS), func(e decode.Event) bool {
				return e.Detail.(decode.Fields).Get("error") == ""
			})
			if test.tls == "" && len(failed) > 0 || test.tls != "" && (len(failed) != 1 || failed[0].Detail.(decode.Fields).Get("leg") != test.tls) {
				t.Errorf("handshakes that failed: %v\n%s", failed, l.events.text())
			}
			l.holdsNoSecret(t, "sesame")
		})
	}
}

// A half-closed connection goes on in the other direction, and the capture knows.
func TestEqualHalfClose(t *testing.T) {
	for _, first := range []decode.Dir{decode.Client, decode.Server} {
		t.Run(first.String(), func(t *testing.T) {
			u := listen(t, false)
			l := single(t, proxy.Config{Routes: []proxy.Route{route(t, "pop3", "pop3", u.addr)}}, func(c *dialog) {
				s := talk(t, u.take(t))
				defer s.Close()
				s.send("+OK ready\r\n")
				c.expect("+OK ready")
				if first == decode.Client {
					c.send("RETR 1\r\nQUIT\r\n")
					c.halfClose()
					s.expect("RETR 1")
					s.expect("QUIT")
					s.expect("EOF")
					s.send("+OK\r\nSubject: x\r\n\r\n..\r\n.\r\n+OK bye\r\n")
				} else {
					s.halfClose()
					c.expect("EOF")
					c.send("STAT\r\nQUIT\r\n")
					s.expect("STAT")
					s.expect("QUIT")
				}
				c.Close()
			})
			x := l.events.kept(decode.Close)
			if len(x) != 3 || x[0].Dir != first || x[1].Dir != first.Other() {
				t.Errorf("%s", l.events.text())
			}
		})
	}
}

// Capabilities that are hidden are edits, which the capture keeps.
func TestEqualHide(t *testing.T) {
	addr := serve(t, func(c net.Conn) {
		s := talk(t, c)
		s.send("* OK [CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-256-PLUS IDLE] ready\r\n")
		s.expect("a CAPABILITY")
		s.send("* CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-256-PLUS IDLE\r\na OK\r\n")
	})
	l := single(t, proxy.Config{Hide: []string{"AUTH=*-PLUS"}, Routes: []proxy.Route{route(t, "imap", "imap", addr)}}, func(c *dialog) {
		c.expect("* OK [CAPABILITY IMAP4rev1 IDLE] ready")
		c.send("a CAPABILITY\r\n")
		c.expect("* CAPABILITY IMAP4rev1 IDLE")
		c.expect("a OK")
		c.expect("EOF")
		c.Close()
	})
	if n := len(l.events.kept(decode.Edit)); n != 2 {
		t.Errorf("%d edits\n%s", n, l.events.text())
	}
}

// A connection that is cut off by the end of the proxy is closed in the capture too.
func TestEqualStopped(t *testing.T) {
	noLeaks(t)
	addr := serve(t, imapServer(t))
	l := start(t, proxy.Config{Protocols: registry.All, Routes: []proxy.Route{route(t, "imap", "imap", addr)}}, outputs{})
	c := talk(t, l.dial(t, 0))
	c.expect("* OK [CAPABILITY IMAP4rev1] ready")
	c.send("a APPEND INBOX {100+}\r\nhalf of it")
	l.events.wait(t, "APPEND", func(e *decode.Event) bool { return e.Name == "APPEND" })
	l.equal(t)
	l.reasonHolds(t, "proxy stopped")
}
