package dial

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// authority signs the certificates of a test's servers.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{pool: x509.NewCertPool()}
	template := &x509.Certificate{
		Subject:  pkix.Name{CommonName: "Test Authority"},
		NotAfter: time.Now().Add(time.Hour), NotBefore: time.Now().Add(-48 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	c := issue(t, template, nil)
	a.cert, a.key = c.Leaf, c.PrivateKey.(*ecdsa.PrivateKey)
	a.pool.AddCert(a.cert)
	return a
}

// issue makes a certificate from template, signed by a or by itself where a is nil.
func issue(t *testing.T, template *x509.Certificate, a *authority) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	parent, signer := template, key
	if a != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func template(names ...string) *x509.Certificate {
	c := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "a server"},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(30 * 24 * time.Hour),
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, name)
		}
	}
	return c
}

// serve accepts connections on the loopback until the test ends and hands each to handle,
// which it closes afterwards. It gives the listener's address.
func serve(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			handle(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().String()
}

// shake is a handle for serve: a TLS handshake, then nothing until the client closes.
func shake(cfg *tls.Config) func(net.Conn) {
	return func(conn net.Conn) {
		server := tls.Server(conn, cfg)
		if server.Handshake() == nil {
			server.Read(make([]byte, 1))
		}
	}
}

// dialTLS connects to addr and does the handshake with it as host.
func dialTLS(t *testing.T, c *Config, addr, host string) (tls.ConnectionState, error) {
	t.Helper()
	conn, err := c.TCP(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	tlsConn, err := c.Handshake(t.Context(), conn, host)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	return tlsConn.ConnectionState(), nil
}

func TestHandshakeSucceeds(t *testing.T) {
	a := newAuthority(t)
	names := make(chan string, 1)
	addr := serve(t, shake(&tls.Config{
		Certificates: []tls.Certificate{issue(t, template("imap.example.org", "192.0.2.1", "2001:db8::1"), a)},
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			names <- hello.ServerName
			return nil, nil
		},
	}))
	for host, sni := range map[string]string{
		"imap.example.org": "imap.example.org", "192.0.2.1": "", "2001:db8::1": "", "[2001:db8::1]": "",
	} {
		state, err := dialTLS(t, &Config{Roots: a.pool}, addr, host)
		if err != nil {
			t.Errorf("%s: %v", host, err)
		}
		if got := <-names; got != sni {
			t.Errorf("%s: SNI %q; want %q", host, got, sni)
		}
		if state.Version != tls.VersionTLS13 {
			t.Errorf("%s: %s", host, tls.VersionName(state.Version))
		}
	}
}

func TestHandshakeRefusesCertificates(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	with := func(change func(*x509.Certificate)) *x509.Certificate {
		c := template("imap.example.org")
		change(c)
		return c
	}
	many := make([]string, 9)
	for i := range many {
		many[i] = string(rune('a'+i)) + ".example.org"
	}
	expired := issue(t, with(func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	}), a)
	tests := []struct {
		name string
		cert tls.Certificate
		what string
		hint string
	}{
		{"expired", expired, "the certificate expired on 2024-02-29", "needs a new one"},
		{"not yet valid", issue(t, with(func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(24*time.Hour), time.Now().Add(48*time.Hour)
		}), a), "not valid before ", "clock"},
		{"wrong host", issue(t, template("mail.example.org", "*.example.net", "192.0.2.1"), a), "the certificate is for mail.example.org, *.example.net, 192.0.2.1, not for imap.example.org", "a name that the certificate has"},
		{"many wrong hosts", issue(t, template(many...), a), "for a.example.org, b.example.org, c.example.org, d.example.org, e.example.org and 4 others, not for", ""},
		{"no host", issue(t, template(), a), `for no host at all (its subject is "a server")`, ""},
		{"unknown authority", issue(t, template("imap.example.org"), other), `issued by "Test Authority", which is not trusted (or the server leaves out`, "--tls-ca FILE"},
		{"self-signed", issue(t, template("imap.example.org"), nil), `the certificate is self-signed ("a server") and not trusted`, "--tls-ca FILE"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			addr := serve(t, shake(&tls.Config{Certificates: []tls.Certificate{test.cert}}))
			_, err := dialTLS(t, &Config{Roots: a.pool}, addr, "imap.example.org")
			e := wantError(t, err, StageTLS, test.what, test.hint)
			var cert *tls.CertificateVerificationError
			if !errors.As(err, &cert) || len(cert.UnverifiedCertificates) != 1 {
				t.Errorf("no verification error within %v", err)
			}
			_, port, _ := net.SplitHostPort(addr)
			if e.Addr != "imap.example.org:"+port {
				t.Errorf("address %s", e.Addr)
			}
			if !strings.Contains(e.Hint(), "--tls-insecure") {
				t.Errorf("hint %q names no --tls-insecure", e.Hint())
			}
			if _, err := dialTLS(t, &Config{Insecure: true}, addr, "imap.example.org"); err != nil {
				t.Errorf("insecure: %v", err)
			}
		})
	}
}

// A server's own certificate may stand among the roots.
func TestHandshakeTrustsALeaf(t *testing.T) {
	cert := issue(t, template("imap.example.org"), nil)
	pool := x509.NewCertPool()
	pool.AddCert(cert.Leaf)
	addr := serve(t, shake(&tls.Config{Certificates: []tls.Certificate{cert}}))
	if _, err := dialTLS(t, &Config{Roots: pool}, addr, "imap.example.org"); err != nil {
		t.Error(err)
	}
	_, err := dialTLS(t, &Config{Roots: pool}, addr, "pop.example.org")
	wantError(t, err, StageTLS, "the certificate is for imap.example.org, not for pop.example.org", "")
}

func wantError(t *testing.T, err error, stage Stage, what, hint string) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%v; want an *Error", err)
	}
	if e.Stage != stage {
		t.Errorf("stage %q; want %q (%v)", e.Stage, stage, err)
	}
	if !strings.Contains(e.What, what) {
		t.Errorf("error %q; want it to say %q", e.What, what)
	}
	if !strings.Contains(e.Hint(), hint) {
		t.Errorf("hint %q; want it to say %q", e.Hint(), hint)
	}
	return e
}

func TestHandshakeFails(t *testing.T) {
	// A ServerHello of TLS 1.1 with TLS_RSA_WITH_AES_128_CBC_SHA, as an old server answers
	// whatever it is offered.
	old := append([]byte{22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2}, make([]byte, 32)...)
	old = append(old, 0, 0, 0x2f, 0)
	says := func(p string) func(net.Conn) {
		return func(conn net.Conn) {
			conn.Write([]byte(p))
			conn.Read(make([]byte, 4096))
		}
	}
	tests := []struct {
		name   string
		handle func(net.Conn)
		what   string
		alert  string
		hint   string
	}{
		{"IMAP in clear", says("* OK ready\r\n"), "speaks IMAP in clear on this port", "", "use imap+starttls://imap.example.org:"},
		{"POP3 in clear", says("+OK ready\r\n"), "speaks POP3 in clear on this port", "", "use pop3+starttls://imap.example.org:"},
		{"SMTP", says("220 mx ESMTP\r\n"), "speaks SMTP on this port", "", "imaps 993"},
		{"HTTP", says("HTTP/1.1 400 Bad Request\r\n\r\n"), "speaks HTTP on this port", "", ""},
		{"noise", says("\x1b[2Jhello\r\n"), `begins with "\x1b[2Jh"`, "", "check host and port"},
		{"handshake_failure", says("\x15\x03\x03\x00\x02\x02\x28"), "no cipher or key exchange in common", "handshake_failure", "GODEBUG"},
		{"unrecognized_name", says("\x15\x03\x03\x00\x02\x02\x70"), "does not know this host name", "unrecognized_name", "certificate"},
		{"internal_error", says("\x15\x03\x03\x00\x02\x02\x50"), "an internal error", "internal_error", "log"},
		{"TLS 1.1 by alert", shake(&tls.Config{
			MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11,
			Certificates: []tls.Certificate{issue(t, template("imap.example.org"), nil)},
		}), "no TLS version that mailtrace does", "protocol_version", "out of date"},
		{"TLS 1.1 by ServerHello", says(string(old)), "no TLS version that mailtrace does", "", "out of date"},
		{"closed", func(conn net.Conn) { conn.Read(make([]byte, 4096)) }, "closed the connection during the handshake", "", "in clear"},
		{"reset", func(conn net.Conn) {
			conn.Read(make([]byte, 4096))
			conn.(*net.TCPConn).SetLinger(0)
		}, "closed the connection during the handshake", "", "in clear"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := dialTLS(t, &Config{}, serve(t, test.handle), "imap.example.org")
			if e := wantError(t, err, StageTLS, test.what, test.hint); e.Alert != test.alert {
				t.Errorf("alert %q; want %q", e.Alert, test.alert)
			}
		})
	}
}

func TestMinVersion(t *testing.T) {
	a := newAuthority(t)
	addr := serve(t, shake(&tls.Config{
		MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11,
		Certificates: []tls.Certificate{issue(t, template("imap.example.org"), a)},
	}))
	state, err := dialTLS(t, &Config{Roots: a.pool, MinVersion: tls.VersionTLS10}, addr, "imap.example.org")
	if err != nil || state.Version != tls.VersionTLS11 {
		t.Errorf("%s, %v", tls.VersionName(state.Version), err)
	}
}

func TestHandshakeTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		defer server.Close()
		go func() {
			for p := make([]byte, 4096); ; {
				if _, err := server.Read(p); err != nil {
					return
				}
			}
		}()
		start := time.Now()
		_, err := (&Config{Timeout: 7 * time.Second}).Handshake(t.Context(), client, "imap.example.org")
		wantError(t, err, StageTLS, "no answer in time", "--timeout")
		if took := time.Since(start); took != 7*time.Second {
			t.Errorf("gave up after %v; want 7s", took)
		}
	})
}

func TestHandshakeCanceled(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		server.Read(make([]byte, 1)) // the client is at it
		cancel()
	}()
	_, err := (&Config{}).Handshake(ctx, client, "imap.example.org")
	wantError(t, err, StageTLS, "canceled", "")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v is not context.Canceled", err)
	}
}

// The alert that a TLS 1.3 server sends after its client has finished comes with a read.
func TestExplainLateAlert(t *testing.T) {
	a := newAuthority(t)
	addr := serve(t, shake(&tls.Config{
		Certificates: []tls.Certificate{issue(t, template("imap.example.org"), a)},
		ClientAuth:   tls.RequireAnyClientCert,
	}))
	c := &Config{Roots: a.pool}
	conn, err := c.TCP(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	tlsConn, err := c.Handshake(t.Context(), conn, "imap.example.org")
	if err != nil {
		t.Fatal(err)
	}
	_, err = tlsConn.Read(make([]byte, 1))
	err = Explain(StageGreeting, "imap.example.org:993", err)
	if e := wantError(t, err, StageGreeting, "asks for a client certificate", ""); e.Alert != "certificate_required" {
		t.Errorf("alert %q", e.Alert)
	}
	if again := Explain(StageTLS, "elsewhere", err); again != err {
		t.Errorf("explained twice: %v", again)
	}
	if err := Explain(StageTLS, "elsewhere", nil); err != nil {
		t.Errorf("explained nothing: %v", err)
	}
}

func TestAlertNames(t *testing.T) {
	for code, want := range map[uint8]string{48: "unknown_ca", 42: "bad_certificate", 70: "protocol_version", 200: "alert 200"} {
		if got := AlertName(code); got != want {
			t.Errorf("AlertName(%d) = %q; want %q", code, got, want)
		}
	}
	for code := range alertNames {
		err := &net.OpError{Op: "remote error", Err: tls.AlertError(code)}
		if got, ok := PeerAlert(err); !ok || got != code {
			t.Errorf("PeerAlert(%v) = %d, %v; want %d", err, got, ok, code)
		}
	}
	if _, ok := PeerAlert(&net.OpError{Op: "local error", Err: tls.AlertError(48)}); ok {
		t.Error("an alert of our own taken for the peer's")
	}
}
