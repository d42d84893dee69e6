package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

func TestClientRefusesCertificate(t *testing.T) {
	tests := []struct {
		name   string
		client func(*testing.T, net.Conn)
		alert  string
		hint   string
	}{
		{"TLS 1.3", func(t *testing.T, c net.Conn) {
			tls.Client(c, &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost"}).Handshake()
		}, "bad_certificate", "the client does not trust the CA"},
		{"TLS 1.2", func(t *testing.T, c net.Conn) {
			tls.Client(c, &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost", MaxVersion: tls.VersionTLS12}).Handshake()
		}, "bad_certificate", "the client does not trust the CA"},
		{"TLS 1.3 with the alert in clear", func(t *testing.T, c net.Conn) {
			refuse := &refuser{Conn: c, record: []byte{21, 3, 3, 0, 2, 2, 48}}
			tls.Client(refuse, &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost"}).Handshake()
		}, "unknown_ca", "the client does not trust the CA"},
		{"closing in the middle", func(t *testing.T, c net.Conn) {
			refuse := &refuser{Conn: c}
			tls.Client(refuse, &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost"}).Handshake()
			c.Close()
		}, "", "perhaps the client does not trust the CA"},
		{"no TLS at all", func(t *testing.T, c net.Conn) {
			io.WriteString(c, "a CAPABILITY\r\n")
		}, "", "set the client's connection security to SSL/TLS"},
		{"silent", func(t *testing.T, c net.Conn) {}, "", "a client that waits for a greeting speaks no TLS here"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			addr := serve(t, overTLS(t, imapServer(t)))
			p := start(t, Config{Routes: []Route{route(t, "imaps", "imaps", addr)}}, func(p *Proxy) {
				if test.name == "silent" {
					p.times.handshake = 20 * time.Millisecond
				}
			})
			test.client(t, connectTo(t, p.Proxy))
			closed := p.events.closed(t, 1)
			marks := p.events.kept(decode.TLS)
			if len(marks) != 2 {
				t.Fatalf("%d TLS marks\n%s", len(marks), p.events.text())
			}
			if f := marks[0].Detail.(decode.Fields); f.Get("leg") != "server" || f.Get("error") != "" || f.Get("verified") != "yes" {
				t.Errorf("server: %v", f)
			}
			f := marks[1].Detail.(decode.Fields)
			if f.Get("leg") != "client" || f.Get("error") == "" || f.Get("alert") != test.alert || !strings.HasPrefix(f.Get("hint"), test.hint) {
				t.Errorf("client: %v", f)
			}
			if closed.Get("by") != "client" || !strings.HasPrefix(closed.Get("hint"), test.hint) {
				t.Errorf("closed: %v", closed)
			}
		})
	}
}

// refuser is under a client that refuses in the middle of the handshake: instead of its
// second flight it sends record.
type refuser struct {
	net.Conn
	record  []byte
	flights int
}

func (r *refuser) Write(p []byte) (int, error) {
	if r.flights++; r.flights == 1 {
		return r.Conn.Write(p)
	}
	r.Conn.Write(r.record)
	return 0, io.ErrClosedPipe
}

// A client that finishes the handshake and looks at the certificate only then.
func TestClientGoesWithoutAWord(t *testing.T) {
	p := start(t, Config{Routes: []Route{route(t, "imaps", "imaps", serve(t, overTLS(t, imapServer(t))))}})
	c := secure(t, connectTo(t, p.Proxy))
	c.Close()
	f := p.events.closed(t, 1)
	if f.Get("by") != "client" || !strings.HasPrefix(f.Get("hint"), "perhaps the client does not trust the CA") {
		t.Errorf("closed: %v", f)
	}
}

func TestUpstreamCertificate(t *testing.T) {
	addr := serve(t, func(c net.Conn) {
		s := tls.Server(c, serverTLS(t, "another.example"))
		if s.Handshake() == nil {
			imapServer(t)(s)
		}
	})
	t.Run("refused", func(t *testing.T) {
		p := start(t, Config{Routes: []Route{route(t, "imap", "imaps", addr)}})
		c := talk(t, connectTo(t, p.Proxy))
		c.expect("EOF")
		closed := p.events.closed(t, 1)
		marks := p.events.kept(decode.TLS)
		if len(marks) != 1 {
			t.Fatalf("%d TLS marks", len(marks))
		}
		f := marks[0].Detail.(decode.Fields)
		if f.Get("leg") != "server" || !strings.Contains(f.Get("error"), "another.example") || f.Get("hint") == "" {
			t.Errorf("TLS: %v", f)
		}
		if closed.Get("by") != "server" || closed.Get("hint") == "" {
			t.Errorf("closed: %v", closed)
		}
	})
	t.Run("insecure", func(t *testing.T) {
		cfg := Config{Routes: []Route{route(t, "imap", "imaps", addr)}}
		cfg.Dial.Insecure = true
		p := start(t, cfg)
		c := talk(t, connectTo(t, p.Proxy))
		c.expect("* OK [CAPABILITY IMAP4rev1] ready")
		c.Close()
		p.events.closed(t, 1)
		f := p.events.kept(decode.TLS)[0].Detail.(decode.Fields)
		if f.Get("leg") != "server" || !strings.HasPrefix(f.Get("verified"), "no: ") || f.Get("names") != "another.example" {
			t.Errorf("TLS: %v", f)
		}
	})
}

func TestLeafNames(t *testing.T) {
	p := start(t, Config{Routes: []Route{route(t, "imaps", "imap", serve(t, imapServer(t)))}})
	cfg := clientTLS()
	cfg.ServerName = "mail.example"
	c := tls.Client(connectTo(t, p.Proxy), cfg)
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	leaf := c.ConnectionState().PeerCertificates[0]
	for _, name := range []string{"mail.example", "localhost", "127.0.0.1", "::1"} {
		if err := leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	c.Close()
	p.events.closed(t, 1)
}

func TestAlertWatch(t *testing.T) {
	hello := append([]byte{22, 3, 1, 0, 5}, "hello"...)
	tests := []struct {
		name    string
		octets  []byte
		code    uint8
		alerted bool
	}{
		{"nothing", nil, 0, false},
		{"handshake", hello, 0, false},
		{"alert", []byte{21, 3, 3, 0, 2, 2, 46}, 46, true},
		{"alert behind handshake", append(append([]byte(nil), hello...), 21, 3, 3, 0, 2, 2, 42), 42, true},
		{"encrypted alert", append([]byte{21, 3, 3, 0, 26}, make([]byte, 26)...), 0, false},
		{"alert within a record", []byte{22, 3, 3, 0, 7, 21, 3, 3, 0, 2, 2, 42}, 0, false},
		{"empty record", []byte{22, 3, 3, 0, 0, 21, 3, 3, 0, 2, 2, 48}, 48, true},
	}
	for _, test := range tests {
		for step := 1; step <= len(test.octets)+1; step++ {
			var w alertWatch
			for p := test.octets; len(p) > 0; p = p[min(step, len(p)):] {
				w.see(p[:min(step, len(p))])
			}
			if w.alerted != test.alerted || w.code != test.code {
				t.Errorf("%s in steps of %d: %v %d", test.name, step, w.alerted, w.code)
			}
		}
	}
}
