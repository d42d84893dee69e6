package endtoend

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/proxy"
)

// short is what a handshake may take in tests of those who are silent.
const short = 300 * time.Millisecond

// silent is a server that says nothing and reads to the end.
func silent(c net.Conn) {
	for buf := make([]byte, 1024); ; {
		if _, err := c.Read(buf); err != nil {
			return
		}
	}
}

// Who is silent before TLS is given up, and named.
func TestSilentHandshake(t *testing.T) {
	tests := []struct {
		name string
		cfg  func(addr string) proxy.Config
		leg  string
		says string // what the client says before it is silent
		why  string
	}{
		{"server, implicit TLS", func(addr string) proxy.Config {
			return proxy.Config{Routes: []proxy.Route{route(t, "imap", "imaps", addr)}}
		}, "server", "", "TLS handshake with the server failed"},
		{"server, before its greeting", func(addr string) proxy.Config {
			return proxy.Config{Routes: []proxy.Route{route(t, "pop3", "pop3+starttls", addr)}}
		}, "server", "", "TLS handshake with the server failed"},
		{"client, implicit TLS", func(addr string) proxy.Config {
			return proxy.Config{Routes: []proxy.Route{route(t, "imaps", "imap", addr)}}
		}, "client", "", "TLS handshake with the client failed"},
		{"client, in mid-hello", func(addr string) proxy.Config {
			return proxy.Config{Routes: []proxy.Route{route(t, "imaps", "imap", addr)}}
		}, "client", "\x16\x03\x01", "TLS handshake with the client failed"},
		{"client, SOCKS", func(string) proxy.Config { return proxy.Config{Socks: "127.0.0.1:0"} }, "", "\x05", "SOCKS5 negotiation failed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg := test.cfg(serve(t, silent))
			cfg.Dial = dial.Config{Timeout: short}
			l := single(t, cfg, func(c *dialog) {
				c.send(test.says)
				if got := c.line(); !strings.HasSuffix(got, "EOF") {
					t.Errorf("got %q", got)
				}
				c.Close()
			})
			l.reasonHolds(t, test.why)
			var legs []string
			for _, e := range l.events.kept(decode.TLS) {
				legs = append(legs, e.Detail.(decode.Fields).Get("leg"))
			}
			if strings.Join(legs, " ") != test.leg {
				t.Errorf("legs %q\n%s", legs, l.events.text())
			}
		})
	}
}

// Who is silent within a session may be so for ever, and keeps nothing from ending.
func TestSilentSession(t *testing.T) {
	for _, says := range []struct{ name, client, server string }{
		{name: "both"},
		{name: "client", server: "* OK ready\r\n"},
		{name: "server", client: "a NOOP\r\n"},
		{name: "server behind STARTTLS", server: "* OK ready\r\n", client: "a STARTTLS\r\n"},
		{name: "server in mid-literal", server: "* OK\r\n* 1 FETCH (BODY[] {100}\r\nhalf", client: "a FETCH 1 BODY[]\r\n"},
	} {
		t.Run(says.name, func(t *testing.T) {
			noLeaks(t)
			u := listen(t, false)
			l := start(t, proxy.Config{
				Dial:   dial.Config{Timeout: short},
				Routes: []proxy.Route{route(t, "imap+starttls", "imap+starttls", u.addr)},
			}, outputs{})
			c, s := l.dial(t, 0), u.take(t)
			defer s.Close()
			b := &bothEnds{t: t, client: c, server: s}
			if says.server != "" {
				b.pass(decode.Server, says.server)
			}
			if says.client != "" {
				b.pass(decode.Client, says.client)
			}
			l.equal(t) // which stops the proxy
			l.reasonHolds(t, "proxy stopped")
		})
	}
}

// A peer that does not read keeps its connection waiting, and neither another one nor the end.
func TestPeerDoesNotRead(t *testing.T) {
	noLeaks(t)
	u := listen(t, false)
	l := start(t, proxy.Config{Routes: []proxy.Route{route(t, "pop3", "pop3", u.addr)}}, outputs{})
	c, s := l.dial(t, 0), u.take(t)
	defer s.Close()
	full := make(chan struct{})
	go func() {
		defer close(full)
		b := []byte(strings.Repeat("nobody reads this ", 1<<12)) // one line: it costs little
		for {
			_ = s.SetWriteDeadline(time.Now().Add(5 * short))
			if _, err := s.Write(b); err != nil {
				return
			}
		}
	}()
	<-full
	other, s2 := l.dial(t, 0), u.take(t)
	defer s2.Close()
	if err := (session{layers: [][]step{{greeting("pop3"), client("NOOP\r\n"), server("+OK\r\n")}}}).run(other, s2); err != nil {
		t.Error(err)
	}
	l.equal(t)
	c.Close()
	if x := l.events.kept(decode.Undelivered); len(x) != 1 {
		t.Errorf("undelivered: %v\n%s", x, l.events.text())
	}
}
