package dial

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"time"
)

// DefaultTimeout is the bound of each step where [Config] has none.
const DefaultTimeout = 30 * time.Second

// Config says how to reach servers. The zero value verifies against the system's roots. It
// is not modified by its methods and may be used concurrently.
type Config struct {
	Roots    *x509.CertPool // roots to trust besides the system's; may be nil
	Insecure bool           // accept any certificate
	// Timeout bounds connecting, the STARTTLS exchange and the handshake, each by itself;
	// 0 is DefaultTimeout. It never bounds what comes after.
	Timeout    time.Duration
	TLSTimeout time.Duration // bounds the handshake; 0 is Timeout
	// Certificates are shown to a server that asks for one.
	Certificates []tls.Certificate
	MinVersion   uint16 // the least TLS version, such as tls.VersionTLS10; 0 is TLS 1.2 (RFC 9051 §11.1)
}

func (c *Config) timeout() time.Duration {
	if c.Timeout > 0 {
		return c.Timeout
	}
	return DefaultTimeout
}

// TCP connects to addr, which is host:port. Errors are of type *[Error].
func (c *Config) TCP(ctx context.Context, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, explainConnect(addr, err)
	}
	return conn, nil
}

// TLSConfig is the configuration of a TLS client for host: SNI unless host is an IP
// literal, and verification against host.
//
// InsecureSkipVerify is set in it in any case, for the library can verify against one set
// of roots only; VerifyConnection does the work instead, unless Config.Insecure.
func (c *Config) TLSConfig(host string) *tls.Config {
	cfg := &tls.Config{
		// For an IP literal crypto/tls sends no SNI by itself.
		ServerName:         hostOnly(host),
		MinVersion:         tls.VersionTLS12,
		Certificates:       c.Certificates,
		InsecureSkipVerify: true,
	}
	if c.MinVersion != 0 {
		cfg.MinVersion = c.MinVersion
	}
	if !c.Insecure {
		cfg.VerifyConnection = func(state tls.ConnectionState) error { return c.Verify(state, host) }
	}
	return cfg
}

// Verify tells whether the certificate in state is valid for host and leads to a trusted
// root, whatever Config.Insecure says. The error is a *[tls.CertificateVerificationError].
func (c *Config) Verify(state tls.ConnectionState, host string) error {
	certs := state.PeerCertificates
	if len(certs) == 0 {
		return &tls.CertificateVerificationError{Err: errors.New("the server showed no certificate")}
	}
	opts := x509.VerifyOptions{DNSName: hostOnly(host), Intermediates: x509.NewCertPool()}
	for _, cert := range certs[1:] {
		opts.Intermediates.AddCert(cert)
	}
	var first error
	if c.Roots != nil {
		opts.Roots = c.Roots
		if _, first = certs[0].Verify(opts); first == nil {
			return nil
		}
	}
	opts.Roots = nil // the system's
	_, err := certs[0].Verify(opts)
	if err == nil {
		return nil
	}
	// A chain that leads to a root and is wrong otherwise says more than one that does not.
	if first != nil && isUnknownRoot(err) {
		err = first
	}
	return &tls.CertificateVerificationError{UnverifiedCertificates: certs, Err: err}
}

func isUnknownRoot(err error) bool {
	var unknown x509.UnknownAuthorityError
	var noRoots x509.SystemRootsError
	return errors.As(err, &unknown) || errors.As(err, &noRoots)
}

// hostOnly is host without the brackets and the zone of an IPv6 literal, which are of no
// concern to a certificate.
func hostOnly(host string) string {
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.Contains(host, ":") {
		host, _, _ = strings.Cut(host, "%")
	}
	return host
}

// Handshake does a TLS handshake with the server host over conn, as the client. On failure
// the error is of type *[Error], with the server's alert where it sent one; conn is then of
// no use any more and the caller closes it. No deadline remains on conn.
func (c *Config) Handshake(ctx context.Context, conn net.Conn, host string) (*tls.Conn, error) {
	return c.handshake(ctx, conn, host, serverAddr(conn, host))
}

func (c *Config) handshake(ctx context.Context, conn net.Conn, host, addr string) (*tls.Conn, error) {
	timeout := c.timeout()
	if c.TLSTimeout > 0 {
		timeout = c.TLSTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	tlsConn := tls.Client(conn, c.TLSConfig(host))
	if err := tlsConn.HandshakeContext(ctx); err != nil {
		return nil, Explain(StageTLS, addr, err)
	}
	return tlsConn, nil
}

// serverAddr is host with the port that conn leads to, for messages.
func serverAddr(conn net.Conn, host string) string {
	if remote := conn.RemoteAddr(); remote != nil {
		if h, port, err := net.SplitHostPort(remote.String()); err == nil {
			if host == "" {
				host = h
			}
			return net.JoinHostPort(hostOnly(host), port)
		}
	}
	return host
}
