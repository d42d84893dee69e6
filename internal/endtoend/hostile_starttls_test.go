package endtoend

import (
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/proxy"
)

// words are STARTTLS in a protocol.
type words struct{ greeting, command, ok, no, noop, done string }

var startTLS = map[string]words{
	"imap": {"* OK ready\r\n", "a STARTTLS\r\n", "a OK go\r\n", "a NO not now\r\n", "b NOOP\r\n", "b OK done\r\n"},
	"pop3": {"+OK ready\r\n", "STLS\r\n", "+OK go\r\n", "-ERR\r\n", "NOOP\r\n", "+OK\r\n"},
}

// startTLSWith runs a dialog with a server that does what it likes at the turn.
func startTLSWith(t *testing.T, protocol, upstream string, server, client func(*dialog)) *live {
	t.Helper()
	addr := serve(t, func(c net.Conn) { server(talk(t, c)) })
	return single(t, proxy.Config{Routes: []proxy.Route{route(t, protocol+"+starttls", protocol+upstream, addr)}}, client)
}

// secured says that one STARTTLS was turned over, and what is wrong with it.
func (l *live) secured(t *testing.T, findings ...string) {
	t.Helper()
	var good int
	for _, e := range l.events.kept(decode.TLS) {
		if e.Detail.(decode.Fields).Get("error") == "" {
			good++
		}
	}
	if good != 1 {
		t.Errorf("%d handshakes\n%s", good, l.events.text())
	}
	ids := l.events.findings()
	slices.Sort(ids)
	slices.Sort(findings)
	if ids = slices.Compact(ids); !slices.Equal(ids, findings) {
		t.Errorf("findings %v, want %v\n%s", ids, findings, l.events.text())
	}
}

func both(t *testing.T, f func(t *testing.T, protocol string, w words)) {
	for protocol, w := range startTLS {
		t.Run(protocol, func(t *testing.T) { f(t, protocol, w) })
	}
}

func line(s string) string { return strings.TrimSuffix(s, "\r\n") }

// An answer that comes before STARTTLS was sent whole is a finding; TLS begins all the same.
func TestStartTLSAnsweredEarly(t *testing.T) {
	both(t, func(t *testing.T, protocol string, w words) {
		half := len(w.command) - 4
		l := startTLSWith(t, protocol, "+starttls", func(s *dialog) {
			s.send(w.greeting)
			first := make([]byte, half)
			if _, err := io.ReadFull(s.r, first); err != nil || string(first) != w.command[:half] {
				t.Errorf("the server got %q: %v", first, err)
			}
			s.send(w.ok)
			s.expect(line(w.command[half:]))
			if s = s.upgraded(); s == nil {
				t.Error("no TLS with the server")
				return
			}
			s.expect(line(w.noop))
			s.send(w.done)
			s.Close()
		}, func(c *dialog) {
			c.expect(line(w.greeting))
			c.send(w.command[:half])
			c.expect(line(w.ok))
			c.send(w.command[half:])
			c = c.secure()
			c.send(w.noop)
			c.expect(line(w.done))
			c.expect("EOF")
			c.Close()
		})
		want := []string{"starttls.early-tagged"}
		if protocol == "imap" { // when the answer came, its tag was nobody's; what it answers shows later
			want = append(want, "imap.unknown-tag")
		}
		l.secured(t, want...)
	})
}

// What a client says in clear behind STARTTLS goes where it would have gone, and is a
// finding: somebody may have put it there.
func TestCommandInjection(t *testing.T) {
	both(t, func(t *testing.T, protocol string, w words) {
		l := startTLSWith(t, protocol, "+starttls", func(s *dialog) {
			s.send(w.greeting)
			s.expect(line(w.command))
			s.expect(line(w.noop))
			s.send(w.ok)
			if s = s.upgraded(); s == nil {
				t.Error("no TLS with the server")
				return
			}
			s.Close()
		}, func(c *dialog) {
			c.expect(line(w.greeting))
			c.send(w.command + w.noop)
			c.expect(line(w.ok))
			c = c.secure()
			c.expect("EOF")
			c.Close()
		})
		l.secured(t, "starttls.command-injection")
	})
}

// Where the exchange is ours, it goes nowhere.
func TestCommandInjectionOwned(t *testing.T) {
	both(t, func(t *testing.T, protocol string, w words) {
		l := startTLSWith(t, protocol, "", func(s *dialog) {
			s.send(w.greeting)
			if got := s.line(); got != "EOF" {
				t.Errorf("the server got %q", got)
			}
		}, func(c *dialog) {
			c.expect(line(w.greeting))
			c.send(w.command + w.noop)
			if got := c.line(); !strings.Contains(got, "OK") {
				t.Errorf("STARTTLS: %q", got)
			}
			c = c.secure()
			c.halfClose()
			c.expect("EOF")
			c.Close()
		})
		l.secured(t, "starttls.command-injection")
		x := l.events.kept(decode.Undelivered)
		if len(x) != 1 || !strings.Contains(x[0].Detail.(decode.Fields).Get("error"), "in clear behind") {
			t.Errorf("undelivered: %v\n%s", x, l.events.text())
		}
	})
}

// What a server says in clear behind its OK is a finding, whether it comes with it or
// before the handshake.
func TestResponseInjection(t *testing.T) {
	for _, apart := range []bool{false, true} {
		both(t, func(t *testing.T, protocol string, w words) {
			l := startTLSWith(t, protocol, "+starttls", func(s *dialog) {
				s.send(w.greeting)
				s.expect(line(w.command))
				if apart {
					s.send(w.ok)
					if _, err := s.r.Peek(1); err != nil { // the proxy begins with TLS
						t.Error(err)
					}
					s.send(w.done)
				} else {
					s.send(w.ok + w.done)
				}
				s.line()
			}, func(c *dialog) {
				c.expect(line(w.greeting))
				c.send(w.command)
				c.expect(line(w.ok))
				for !strings.HasSuffix(c.line(), "EOF") {
				}
				c.Close()
			})
			l.finds(t, "starttls.response-injection")
			l.reasonHolds(t, "TLS handshake with the server failed")
		})
	}
}

// A server that answers STARTTLS and then speaks no TLS ends the connection, and is named.
func TestStartTLSWithoutTLS(t *testing.T) {
	both(t, func(t *testing.T, protocol string, w words) {
		l := startTLSWith(t, protocol, "+starttls", func(s *dialog) {
			s.send(w.greeting)
			s.expect(line(w.command))
			s.send(w.ok)
		}, func(c *dialog) {
			c.expect(line(w.greeting))
			c.send(w.command)
			c.expect(line(w.ok))
			c.expect("EOF")
			c.Close()
		})
		l.reasonHolds(t, "TLS handshake with the server failed", "a peer closed the connection between STARTTLS and TLS")
	})
}
