package proxy

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
	"github.com/mailtrace/mailtrace/internal/dial"
)

// socksRequest is what a client says to reach host:port.
func socksRequest(t testing.TB, host, port string) []byte {
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	p := []byte{5, 1, 0, 5, 1, 0}
	switch ip := net.ParseIP(host); {
	case ip == nil:
		p = append(append(p, 3, byte(len(host))), host...)
	case ip.To4() != nil:
		p = append(append(p, 1), ip.To4()...)
	default:
		p = append(append(p, 4), ip...)
	}
	return append(p, byte(n>>8), byte(n))
}

// socksTo asks the proxy for host and addr's port.
func socksTo(t testing.TB, p *Proxy, host, addr string) net.Conn {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	c := connectTo(t, p)
	c.Write(socksRequest(t, host, port))
	got := make([]byte, 2+10)
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got[:6], []byte{5, 0, 5, 0, 0, 1}) {
		t.Fatalf("reply % x, %v", got, err)
	}
	return c
}

// onPort gives copies of the protocols in which one has addr for its port.
func onPort(t testing.TB, name, addr string, overTLS bool) []decode.Protocol {
	t.Helper()
	_, port, _ := net.SplitHostPort(addr)
	all := slices.Clone(registry.All)
	for i := range all {
		if all[i].Name == name {
			n, err := strconv.Atoi(port)
			if err != nil {
				t.Fatal(err)
			}
			if overTLS {
				all[i].TLSPort = n
			} else {
				all[i].Port = n
			}
		}
	}
	return all
}

func TestSocks(t *testing.T) {
	plain := serve(t, imapServer(t))
	secured := serve(t, overTLS(t, imapServer(t)))
	tests := []struct {
		name     string
		cfg      Config
		host     string
		addr     string
		secure   bool
		leg      string // of the TLS mark
		opaque   string
		upstream string
	}{
		{name: "plain mail on any port, by address", host: "127.0.0.1", addr: plain},
		{name: "plain mail by name", host: "localhost", addr: plain},
		{name: "plain mail on its port", cfg: Config{Protocols: onPort(t, "imap", plain, false)}, host: "localhost", addr: plain, upstream: "imap://"},
		{name: "TLS on its port", cfg: Config{Protocols: onPort(t, "imap", secured, true)}, host: "localhost", addr: secured, secure: true, leg: "both", upstream: "imaps://"},
		{name: "TLS on its port, by address", cfg: Config{Protocols: onPort(t, "imap", secured, true)}, host: "127.0.0.1", addr: secured, secure: true, leg: "both"},
		{name: "TLS on another port with --only", cfg: Config{Only: []string{"LOCAL*"}}, host: "localhost", addr: secured, secure: true, leg: "both"},
		{name: "in clear on a port for TLS", cfg: Config{Protocols: onPort(t, "imap", plain, true)}, host: "localhost", addr: plain, upstream: "imaps://"},
		{name: "TLS on another port", host: "localhost", addr: secured, secure: true, opaque: "no mail protocol"},
		{name: "--pass", cfg: Config{Pass: []string{"*host"}, Protocols: onPort(t, "imap", secured, true)}, host: "localhost", addr: secured, secure: true, opaque: "not intercepted"},
		{name: "--pass by SNI", cfg: Config{Pass: []string{"localhost"}, Protocols: onPort(t, "imap", secured, true)}, host: "127.0.0.1", addr: secured, secure: true, opaque: "not intercepted"},
		{name: "--only another", cfg: Config{Only: []string{"*.example"}}, host: "localhost", addr: plain, opaque: "not intercepted"},
		{name: "--only by SNI", cfg: Config{Only: []string{"localhost"}, Protocols: onPort(t, "imap", secured, true)}, host: "127.0.0.1", addr: secured, secure: true, leg: "both"},
		{name: "--hide-capability", cfg: Config{Hide: []string{"IMAP4*"}}, host: "localhost", addr: plain},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg := test.cfg
			cfg.Socks, cfg.Recorder = "127.0.0.1:0", discard{}
			p := start(t, cfg)
			c := talk(t, socksTo(t, p.Proxy, test.host, test.addr))
			if test.secure {
				pool := world.ours.Pool()
				if test.opaque != "" {
					pool = world.theirs.Pool()
				}
				s := tls.Client(c.Conn, &tls.Config{RootCAs: pool, ServerName: "localhost"})
				if err := s.Handshake(); err != nil {
					t.Fatal(err)
				}
				c = talk(t, s)
			}
			want := "* OK [CAPABILITY IMAP4rev1] ready"
			if len(cfg.Hide) > 0 {
				want = "* OK [CAPABILITY ] ready"
			}
			c.expect(want)
			c.send("a NOOP\r\n")
			c.expect("a OK NOOP")
			c.send("b LOGOUT\r\n")
			c.expect("* BYE")
			c.expect("b OK bye")
			c.expect("EOF")
			c.Close()
			p.events.closed(t, 1)
			open := p.events.kept(decode.Open)[0].Detail.(decode.Fields)
			if up := open.Get("upstream"); !strings.HasPrefix(up, test.upstream) || !strings.Contains(up, test.host+":") || !strings.HasPrefix(open.Get("listen"), "socks5://127.0.0.1:") {
				t.Errorf("open: %v", open)
			}
			opaque := p.events.kept(decode.Opaque)
			switch {
			case test.opaque == "" && len(opaque) > 0, test.opaque != "" && len(opaque) != 1:
				t.Errorf("opaque: %v", opaque)
			case test.opaque != "":
				if r := opaque[0].Detail.(decode.Fields).Get("reason"); !strings.Contains(r, test.opaque) {
					t.Errorf("opaque: %s", r)
				}
			default:
				if n := len(p.events.kept(decode.CommandLine)); n != 2 {
					t.Errorf("%d commands\n%s", n, p.events.text())
				}
			}
			if test.leg != "" {
				p.hasTLS(t, test.leg)
			}
		})
	}
}

func TestSocksOpaqueHTTP(t *testing.T) {
	addr := serve(t, func(c net.Conn) {
		s := talk(t, c)
		s.expect("GET / HTTP/1.1")
		s.expect("")
		s.send("HTTP/1.1 204 No Content\r\n\r\n")
	})
	for _, cfg := range []Config{{}, {Only: []string{"*"}}} {
		cfg.Socks = "127.0.0.1:0"
		p := start(t, cfg)
		c := talk(t, socksTo(t, p.Proxy, "localhost", addr))
		c.send("GET / HTTP/1.1\r\n\r\n")
		c.expect("HTTP/1.1 204 No Content")
		c.expect("")
		c.expect("EOF")
		c.Close()
		p.events.closed(t, 1)
		if len(p.events.kept(decode.Opaque)) != 1 || len(p.events.kept(decode.CommandLine)) > 0 {
			t.Errorf("%s", p.events.text())
		}
	}
}

func TestSocksErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, refusing, _ := net.SplitHostPort(l.Addr().String())
	request := func(p ...byte) []byte { return append([]byte{5, 1, 0}, p...) }
	tests := []struct {
		name   string
		send   []byte
		reply  []byte
		reason string
		err    string
	}{
		{"SOCKS4", []byte{4, 1, 0, 80}, nil, "SOCKS5 negotiation failed", "the client speaks SOCKS4"},
		{"HTTP", []byte("GET / HTTP/1.1\r\n\r\n"), nil, "SOCKS5 negotiation failed", `not SOCKS5: the client begins with "GE"`},
		{"authentication", []byte{5, 1, 2}, []byte{5, 0xff}, "SOCKS5 negotiation failed", "the client insists on authentication to the proxy"},
		{"BIND", request(5, 2, 0, 1, 127, 0, 0, 1, 0, 80), []byte{5, 0, 5, 7, 0, 1, 0, 0, 0, 0, 0, 0}, "SOCKS5 negotiation failed", "the client asked for SOCKS command 2: only CONNECT is served"},
		{"address type", request(5, 1, 0, 9, 127, 0, 0, 1, 0, 80), []byte{5, 0, 5, 8, 0, 1, 0, 0, 0, 0, 0, 0}, "SOCKS5 negotiation failed", "unknown address type 9"},
		{"no host", request(5, 1, 0, 3, 0, 0, 80), []byte{5, 0, 5, 1, 0, 1, 0, 0, 0, 0, 0, 0}, "SOCKS5 negotiation failed", "the client asked for no host or port"},
		{"control characters", request(5, 1, 0, 3, 2, 'a', '\n', 0, 80), []byte{5, 0, 5, 1, 0, 1, 0, 0, 0, 0, 0, 0}, "SOCKS5 negotiation failed", `the client asked for the host "a\x0a"`},
		{"refused", socksRequest(t, "127.0.0.1", refusing), []byte{5, 0, 5, 5, 0, 1, 0, 0, 0, 0, 0, 0}, "upstream unreachable", ""},
		{"gone", []byte{5, 1, 0, 5}, []byte{5, 0}, "the client closed the connection during the SOCKS5 negotiation", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := start(t, Config{Socks: "127.0.0.1:0"})
			c := connectTo(t, p.Proxy)
			c.Write(test.send)
			c.(*net.TCPConn).CloseWrite()
			if got, err := io.ReadAll(c); !bytes.Equal(got, test.reply) {
				t.Errorf("reply % x, %v; want % x", got, err, test.reply)
			}
			f := p.events.closed(t, 1)
			if f.Get("reason") != test.reason || test.err != "" && f.Get("error") != test.err {
				t.Errorf("closed: %v", f)
			}
		})
	}
}

func TestReplyFor(t *testing.T) {
	for want, err := range map[byte]error{
		replyHostUnreachable: &dial.Error{Stage: dial.StageResolve, Err: errors.New("no such host")},
		replyRefused:         &dial.Error{Stage: dial.StageConnect, Err: syscall.ECONNREFUSED},
		replyNetUnreachable:  &dial.Error{Stage: dial.StageConnect, Err: syscall.ENETUNREACH},
		replyFailure:         errors.New("something else"),
	} {
		if got := replyFor(err); got != want {
			t.Errorf("%v: %d, want %d", err, got, want)
		}
	}
}
