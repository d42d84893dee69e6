package proxy

import (
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/internal/dial"
)

// turnover goes on behind an accepted STARTTLS, once both pumps stand still: TLS with the
// upstream first, then with the client. Where we own the exchange the upstream's leg is what it has
// to be already. It reports whether there is anything left to relay.
func (c *conn) turnover(client, server *buffer) bool {
	c.arm()
	if c.gone(decode.Client) || c.gone(decode.Server) {
		c.blame(cause{by: "proxy", reason: "a peer closed the connection between STARTTLS and TLS"})
		return false
	}
	var up *tls.ConnectionState
	if !c.owned {
		if !c.inject(decode.Client, client) || !c.inject(decode.Server, server) {
			return false
		}
		if err := c.secureUpstream(server.held); err != nil {
			c.serverRefused(c.responseInjection(err))
			return false
		}
		up, server.held = c.legs[decode.Server].state, nil
	}
	if c.secureClient(client.held) != nil {
		return false
	}
	client.held = nil
	c.tlsMark(up, c.legs[decode.Client].state)
	if c.edit != nil {
		c.edit.reset(c.behindTLS)
	}
	c.owned = false
	return true
}

func (c *conn) gone(d decode.Dir) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended[d]
}

// inject decodes and writes on what stands in clear before a TLS record in the octets
// held: it is there to be found, and travels on as it would have without us.
func (c *conn) inject(d decode.Dir, b *buffer) bool {
	if len(b.held) == 0 || b.held[0] == recordHandshake || b.held[0] == recordAlert {
		return true
	}
	c.mu.Lock()
	n, _, events := c.stream.trace.Write(d, c.p.clock.now(), b.held)
	c.stream.publish(events)
	c.mu.Unlock()
	if n > 0 && !c.forward(d, c.legs[d.Other()], b.held[:n]) {
		return false
	}
	b.hold(b.held[n:])
	return true
}

// responseInjection gives a better word for err where the server went on in clear instead of
// beginning TLS, in a read of its own.
func (c *conn) responseInjection(err error) error {
	var header tls.RecordHeaderError
	if !errors.As(err, &header) {
		return err
	}
	what := "octets in clear between the answer to STARTTLS and TLS: " + printable(header.RecordHeader[:])
	c.mark(decode.FindingOnly, decode.Server, decode.Fields{}.
		With("id", "starttls.response-injection").With("severity", decode.Error.String()).With("ref", "RFC 9051 §6.2.1, RFC 2595 §4").
		With("text", "octets follow the OK to STARTTLS in the clear; a client that keeps them would take them for responses inside TLS"))
	return &dial.Error{
		Stage: dial.StageStartTLS, Addr: c.url.Addr(), What: what, Err: dial.ErrInjection,
		Advice: "someone on the way may be tampering",
	}
}

// secureUpstream does the TLS handshake with the server, as far as that goes: its errors are
// the caller's to tell. held is what it said already.
func (c *conn) secureUpstream(held []byte) error {
	l := c.legs[decode.Server]
	raw := &rawConn{Conn: l.Conn, prefix: append([]byte(nil), held...)}
	t, err := c.p.cfg.Dial.Handshake(c.ctx, raw, c.host)
	if err != nil {
		return err
	}
	c.setLeg(decode.Server, l.under(t, raw))
	return nil
}

// serverRefused says why there is no TLS with the server.
func (c *conn) serverRefused(err error) {
	f := decode.Fields{}.With("leg", "server").With("sni", c.host)
	var e *dial.Error
	what := err.Error()
	if errors.As(err, &e) {
		what = e.What
		f = f.With("error", e.What).With("alert", e.Alert).With("hint", e.Advice)
	} else {
		f = f.With("error", what)
	}
	if c.ctx.Err() == nil {
		c.mark(decode.TLS, decode.NoDir, f)
	}
	c.blame(cause{by: "server", reason: "TLS handshake with the server failed", err: what, hint: hintOf(err)})
}

// clientRefused says why there is no TLS with the client; of the upstream's leg it says
// that all was well.
func (c *conn) clientRefused(r refusal) {
	if c.ctx.Err() == nil {
		if up := c.legs[decode.Server]; up != nil && up.state != nil && !c.owned {
			c.tlsMark(up.state, nil)
		}
		c.mark(decode.TLS, decode.NoDir, decode.Fields{}.
			With("leg", "client").With("error", r.what).With("alert", r.alert).With("hint", r.hint))
	}
	reason := "TLS handshake with the client failed"
	if r.alert != "" {
		reason += ": alert " + r.alert
	}
	c.blame(cause{by: "client", reason: reason, err: r.what, hint: r.hint})
}

// tlsMark says what the handshakes came to. Either may be nil.
func (c *conn) tlsMark(up, down *tls.ConnectionState) {
	leg := "both"
	switch {
	case up == nil && down == nil:
		return
	case up == nil:
		leg = "client"
	case down == nil:
		leg = "server"
	}
	f := decode.Fields{}.With("leg", leg)
	if up != nil {
		f = f.With("version", tls.VersionName(up.Version)).With("cipher", tls.CipherSuiteName(up.CipherSuite))
	}
	if down != nil {
		f = f.With("client-version", tls.VersionName(down.Version)).
			With("client-cipher", tls.CipherSuiteName(down.CipherSuite)).With("client-sni", down.ServerName)
	}
	if up != nil {
		f = f.With("sni", c.host).With("verified", c.verified(up))
		if len(up.PeerCertificates) > 0 {
			cert := up.PeerCertificates[0]
			f = f.With("subject", cert.Subject.String()).With("names", names(cert.DNSNames, cert.IPAddresses)).
				With("not-after", cert.NotAfter.UTC().Format(time.RFC3339))
		}
	}
	c.mark(decode.TLS, decode.NoDir, f)
}

// verified is "yes", or why the server's certificate would not have been accepted.
func (c *conn) verified(up *tls.ConnectionState) string {
	if !c.p.cfg.Dial.Insecure {
		return "yes"
	}
	err := c.p.cfg.Dial.Verify(*up, c.host)
	if err == nil {
		return "yes"
	}
	var e *dial.Error
	if errors.As(dial.Explain(dial.StageTLS, net.JoinHostPort(c.host, strconv.Itoa(c.url.Port)), err), &e) {
		return "no: " + e.What
	}
	return "no: " + err.Error()
}

func names(dns []string, ips []net.IP) string {
	all := append([]string(nil), dns...)
	for _, ip := range ips {
		all = append(all, ip.String())
	}
	return strings.Join(all, " ")
}
