package mailserver

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testClock = WithClock(func() time.Time { return time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC) })

// certificate makes a self-signed certificate and a configuration that trusts it, once.
var certificate = sync.OnceValues(func() (server, client *tls.Config) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"mail.example.org"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	if leaf, err = x509.ParseCertificate(der); err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	server = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	return server, &tls.Config{RootCAs: roots, ServerName: "mail.example.org"}
})

// start serves both protocols on loopback until the test ends.
func start(t *testing.T, s *Server, wrap func(net.Listener) net.Listener) (imapAddr, pop3Addr string) {
	t.Helper()
	if s.Users == nil {
		s.Users = map[string]string{"u1": "secret"}
	}
	listen := func(serve func(net.Listener) error) string {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := ln.Addr().String()
		if wrap != nil {
			ln = wrap(ln)
		}
		done := make(chan error, 1)
		go func() { done <- serve(ln) }()
		t.Cleanup(func() {
			s.Close()
			// A test may be over before its server has begun.
			if err := <-done; err != nil && !errors.Is(err, net.ErrClosed) {
				t.Errorf("serve: %v", err)
			}
		})
		return addr
	}
	return listen(s.ServeIMAP), listen(s.ServePOP3)
}

// peer is a client that speaks by hand.
type peer struct {
	*testing.T
	conn net.Conn
	r    *bufio.Reader
}

func dial(t *testing.T, addr string) *peer {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &peer{t, conn, bufio.NewReader(conn)}
}

// upgrade does the client's handshake.
func (p *peer) upgrade() {
	p.Helper()
	_, config := certificate()
	conn := tls.Client(p.conn, config)
	if err := conn.Handshake(); err != nil {
		p.Fatal(err)
	}
	p.conn, p.r = conn, bufio.NewReader(conn)
}

func (p *peer) send(octets string) {
	p.Helper()
	if _, err := p.conn.Write([]byte(octets)); err != nil {
		p.Fatal(err)
	}
}

func (p *peer) line() string {
	p.Helper()
	line, err := p.r.ReadString('\n')
	if err != nil {
		p.Fatalf("expected a line: %v (got %q)", err, line)
	}
	return line
}

// expect reads lines and compares their beginnings.
func (p *peer) expect(prefixes ...string) {
	p.Helper()
	for _, want := range prefixes {
		if got := p.line(); !strings.HasPrefix(got, want) {
			p.Fatalf("got %q, want %q…", got, want)
		}
	}
}

// until reads up to and with the line that begins with prefix.
func (p *peer) until(prefix string) string {
	p.Helper()
	var all strings.Builder
	for {
		line := p.line()
		all.WriteString(line)
		if strings.HasPrefix(line, prefix) {
			return all.String()
		}
	}
}

// ask sends a line and expects the beginnings of what comes.
func (p *peer) ask(line string, prefixes ...string) {
	p.Helper()
	p.send(line + "\r\n")
	p.expect(prefixes...)
}
