package proxy

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path"
	"strings"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/internal/dial"
)

// socks is a connection over SOCKS: to wherever the client wants. What is mail is
// decoded, and what is no business of ours goes through untouched.
//
//	                  not intercepted ─────────────────────────────► opaque
//	target ── connect ┤
//	                  ├─ 993, 995, or --only: who speaks first?
//	                  │     client, a ClientHello ── name ──► TLS on both legs ──► greeting tells
//	                  │     anything else ──────────────────────────────────────► greeting tells
//	                  └─ other ports ───────────────────────────────────────────► greeting tells
func (c *conn) socks(l listener) {
	leg := c.legs[decode.Client]
	c.deadline(decode.Client, time.Now().Add(c.p.times.handshake))
	t, err := negotiate(leg)
	if err != nil {
		c.begin(l.url, "", nil)
		c.socksFailed(err)
		return
	}
	protocol, overTLS := c.p.byPort(t.port)
	c.url, c.host = dial.URL{Host: t.host, Port: t.port}, strings.ToLower(t.host)
	c.begin(l.url, targetURL(protocol, overTLS, t), nil)
	if err := c.connect(t.String()); err != nil {
		_ = reply(leg, replyFor(err), nil) // the client may be gone, too
		return
	}
	if err := reply(leg, replyOK, c.legs[decode.Server].LocalAddr()); err != nil {
		c.blame(c.causeOf(decode.Client, err))
		return
	}
	c.arm()
	client, server := newBuffer(), newBuffer()
	// A client that resolved the name itself asks for an address; its ClientHello may tell.
	_, noAddress := netip.ParseAddr(t.host)
	switch {
	case overTLS && (noAddress == nil || c.p.intercepts(c.host)), c.p.intercepts(c.host) && match(c.p.cfg.Only, c.host):
		if !c.firstOctets(client, server) {
			return
		}
	case !c.p.intercepts(c.host):
		c.passThrough(notIntercepted)
	}
	if len(c.p.cfg.Hide) > 0 && !c.stream.trace.Opaque() {
		c.behindTLS = decode.Rewrite{Hide: c.p.cfg.Hide}
		c.edit = newEditor(c.behindTLS, c.p.cfg.Protocols...)
	}
	c.relay(client, server)
}

const notIntercepted = "the host is not intercepted (--only, --pass)"

func (c *conn) passThrough(reason string) {
	c.mark(decode.Opaque, decode.NoDir, decode.Fields{}.With("reason", reason))
}

// socksFailed answers a client that cannot be served, and keeps why.
func (c *conn) socksFailed(err error) {
	var e *socksError
	switch {
	case errors.As(err, &e):
		if e.reply != replyOK {
			_ = reply(c.legs[decode.Client], e.reply, nil) // it may be gone already
		}
		c.blame(cause{by: "proxy", reason: "SOCKS5 negotiation failed", err: e.what, hint: e.hint})
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.blame(cause{by: "proxy", reason: "SOCKS5 negotiation failed", err: "the client asked for nothing in time"})
	case errors.Is(err, io.ErrUnexpectedEOF):
		c.blame(cause{by: "client", reason: "the client closed the connection during the SOCKS5 negotiation"})
	default:
		c.blame(c.causeOf(decode.Client, err))
	}
}

// firstOctets waits for the first octets of either peer, and does TLS with both where the
// client begins with it. It reports whether there is anything to relay.
func (c *conn) firstOctets(client, server *buffer) bool {
	c.either(client, server)
	c.arm()
	if len(client.held) == 0 || client.held[0] != recordHandshake || len(server.held) > 0 {
		if !c.p.intercepts(c.host) {
			c.passThrough(notIntercepted)
		}
		return true
	}
	name, seen, ok := c.peekName(client.held)
	client.hold(seen)
	switch {
	case !ok:
		c.passThrough("the client's first octets are neither mail nor a ClientHello")
		return true
	case !c.p.intercepts(c.host, name):
		c.passThrough(notIntercepted)
		return true
	case name != "":
		c.host = name
	}
	if err := c.secureUpstream(nil); err != nil {
		c.serverRefused(err)
		return false
	}
	if c.secureClient(seen) != nil {
		return false
	}
	client.held = nil
	c.tlsMark(c.legs[decode.Server].state, c.legs[decode.Client].state)
	return true
}

// either reads from both peers until one of them said something, or ended.
func (c *conn) either(client, server *buffer) {
	read := func(d decode.Dir, b *buffer) {
		n, err := c.legs[d].Read(b.data[:])
		b.held = b.data[:n]
		if !errors.Is(err, os.ErrDeadlineExceeded) || c.isStopping() {
			b.err = err
		}
		interrupt(c.legs[d.Other()])
	}
	done := make(chan struct{})
	go func() {
		read(decode.Server, server)
		close(done)
	}()
	read(decode.Client, client)
	<-done
}

var errPeeked = errors.New("seen enough")

// peekName reads the client's ClientHello, which begins with first, and gives the name that
// it asks for, and all octets that were read. ok is false where it is none.
func (c *conn) peekName(first []byte) (name string, seen []byte, ok bool) {
	tee := &teeConn{Conn: c.legs[decode.Client].Conn, prefix: append([]byte(nil), first...)}
	c.deadline(decode.Client, time.Now().Add(c.p.times.handshake))
	err := tls.Server(tee, &tls.Config{
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			name = h.ServerName
			return nil, errPeeked
		},
	}).HandshakeContext(c.ctx)
	c.deadline(decode.Client, time.Time{})
	// A prefix that was not looked at is still there.
	return name, append(tee.seen, tee.prefix...), errors.Is(err, errPeeked)
}

// teeConn keeps what is read and writes nothing.
type teeConn struct {
	net.Conn
	prefix, seen []byte
}

func (t *teeConn) Read(p []byte) (n int, err error) {
	if len(t.prefix) > 0 {
		n = copy(p, t.prefix)
		t.prefix = t.prefix[n:]
	} else {
		n, err = t.Conn.Read(p)
	}
	t.seen = append(t.seen, p[:n]...)
	return n, err
}

func (t *teeConn) Write(p []byte) (int, error) { return len(p), nil }

// byPort finds the protocol of a well-known port, and whether it begins with TLS.
func (p *Proxy) byPort(port int) (protocol *decode.Protocol, overTLS bool) {
	for i := range p.cfg.Protocols {
		if x := &p.cfg.Protocols[i]; x.Port == port || x.TLSPort == port {
			return x, x.TLSPort == port
		}
	}
	return nil, false
}

// targetURL is a target as events name it.
func targetURL(p *decode.Protocol, overTLS bool, t target) string {
	switch {
	case p == nil:
		return t.String()
	case overTLS:
		return p.Name + "s://" + t.String()
	}
	return p.Name + "://" + t.String()
}

// intercepts tells whether a host is ours to look into, by whichever names it is known.
func (p *Proxy) intercepts(names ...string) bool {
	return !match(p.cfg.Pass, names...) && (len(p.cfg.Only) == 0 || match(p.cfg.Only, names...))
}

// match tells whether one of the globs matches one of the names.
func match(globs []string, names ...string) bool {
	for _, glob := range globs {
		for _, name := range names {
			name = strings.ToLower(strings.TrimSuffix(name, "."))
			if ok, err := path.Match(strings.ToLower(glob), name); ok && err == nil {
				return true
			}
		}
	}
	return false
}

func validGlob(glob string) bool {
	_, err := path.Match(glob, "")
	return err == nil && glob != ""
}
