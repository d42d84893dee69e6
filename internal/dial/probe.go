package dial

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"time"
)

// logoutWait is how long a probe waits for the answer to its LOGOUT or QUIT. Nothing depends
// on it; leaving without is merely impolite.
const logoutWait = 2 * time.Second

// soon is how near the end of a certificate is worth a word.
const soon = 14 * 24 * time.Hour

// Answer is what a probe found out about a server.
type Answer struct {
	URL         URL
	Remote      net.Addr             // the address that answered
	Greeting    string               // without its line end
	TLS         *tls.ConnectionState // nil without TLS
	Certificate *x509.Certificate    // the server's own; nil without TLS
	// Unverified is what is wrong with the certificate, of type *[Error]; nil if nothing is.
	// Only with Config.Insecure a server with such a certificate answers.
	Unverified error
}

// Names is the host names and addresses that the server's certificate is for.
func (a *Answer) Names() []string {
	if a.Certificate == nil {
		return nil
	}
	return certificateNames(a.Certificate)
}

// String is one line for the user, such as
// "imap.example.org:993 answers: TLS 1.3, certificate valid".
func (a *Answer) String() string {
	s := a.URL.Addr() + " answers: "
	if a.TLS == nil {
		return s + "in clear, no TLS"
	}
	s += tls.VersionName(a.TLS.Version)
	if a.URL.Security == StartTLS {
		s += " after STARTTLS"
	}
	if a.Unverified != nil {
		what := a.Unverified.Error()
		if e, ok := a.Unverified.(*Error); ok {
			what = e.What
		}
		return s + ", certificate NOT verified: " + what
	}
	s += ", certificate valid"
	if left := time.Until(a.Certificate.NotAfter); left < soon {
		s += fmt.Sprintf(", but only until %s", a.Certificate.NotAfter.Format(time.DateOnly))
	}
	return s
}

// Probe connects to the server of u as [Config.Dial] does, reads its greeting and takes its
// leave with LOGOUT or QUIT. It logs in nowhere. Errors are of type *[Error].
func (c *Config) Probe(ctx context.Context, u URL) (*Answer, error) {
	conn, err := c.Dial(ctx, u, nil)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return c.probe(ctx, conn, u)
}

func (c *Config) probe(ctx context.Context, conn *Conn, u URL) (*Answer, error) {
	a := &Answer{URL: u, Remote: conn.RemoteAddr(), TLS: conn.TLS}
	if conn.TLS != nil {
		a.Certificate = conn.TLS.PeerCertificates[0]
		if c.Insecure {
			a.Unverified = Explain(StageTLS, u.Addr(), c.Verify(*conn.TLS, u.Host))
		}
	}
	line := conn.Greeting
	if line == nil {
		ctx, cancel := context.WithTimeout(ctx, c.timeout())
		defer cancel()
		release := bound(ctx, conn)
		r := &lineReader{ctx: ctx, conn: conn}
		p := peer{protocol: u.Protocol, addr: u.Addr(), stage: StageGreeting, secure: conn.TLS != nil}
		greeting, err := p.readGreeting(r, func([]byte) {})
		release()
		if err != nil {
			return nil, err
		}
		line = greeting
	}
	a.Greeting = strings.TrimRight(string(line), "\r\n")
	logout(ctx, conn, u.Protocol)
	return a, nil
}

// logout says goodbye and waits a little for the answer; that all may fail.
func logout(ctx context.Context, conn net.Conn, protocol string) {
	ctx, cancel := context.WithTimeout(ctx, logoutWait)
	defer cancel()
	defer bound(ctx, conn)()
	command, last := "m2 LOGOUT\r\n", []byte("m2 ")
	if protocol == POP3 {
		command, last = "QUIT\r\n", nil // the first line answers
	}
	if _, err := conn.Write([]byte(command)); err != nil {
		return
	}
	r := &lineReader{ctx: ctx, conn: conn}
	for {
		if line, err := r.next(); err != nil || bytes.HasPrefix(line, last) {
			return
		}
	}
}
