//go:build interop

package interop

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"strconv"
	"testing"
	"time"
)

// dialRaw connects to a port on loopback, with TLS if roots are given.
func dialRaw(t *testing.T, port int, rootFile string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(clientTimeout))
	if rootFile == "" {
		return c
	}
	pem, err := os.ReadFile(rootFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatalf("%s holds no certificate", rootFile)
	}
	s := tls.Client(c, &tls.Config{ServerName: "localhost", RootCAs: roots})
	if err := s.Handshake(); err != nil {
		t.Fatal(err)
	}
	return s
}

// converse waits for the greeting, sends pieces one by one, without waiting for answers,
// and reads until the server closes.
func converse(t *testing.T, port int, pieces []string) string {
	t.Helper()
	return exchange(t, dialRaw(t, port, ""), pieces)
}

// converseTLS is converse over TLS through the proxy; each piece is a record.
func converseTLS(t *testing.T, port int, pieces []string) string {
	t.Helper()
	return exchange(t, dialRaw(t, port, proxyCA()), pieces)
}

func exchange(t *testing.T, c net.Conn, pieces []string) string {
	t.Helper()
	r := bufio.NewReader(c)
	// QUIRK: Dovecot. Octets that come before its greeting get, if its login process is not
	// connected to the one that authenticates yet, a line more: "* OK Waiting for
	// authentication process to respond..". A client has to wait for the greeting anyway
	// (RFC 9051 §3, RFC 1939 §3).
	greeting, err := r.ReadBytes('\n')
	if err != nil {
		c.Close()
		return string(greeting)
	}
	answer := make(chan []byte)
	go func() {
		p, _ := io.ReadAll(r) // an error ends it like a close; what came is what counts
		answer <- p
	}()
	for _, p := range pieces {
		if _, err := io.WriteString(c, p); err != nil {
			t.Errorf("writing %q: %v", p, err)
			break
		}
	}
	p := <-answer
	c.Close()
	return string(greeting) + string(p)
}

// converseDirect is converse with a server itself, before TLS.
func converseDirect(t *testing.T, d *server, protocol string, pieces []string) string {
	t.Helper()
	c, err := net.Dial("tcp", net.JoinHostPort(d.address, strconv.Itoa(d.port(protocol, "plain"))))
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(clientTimeout))
	return exchange(t, c, pieces)
}
