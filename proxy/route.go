package proxy

import (
	"errors"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/internal/dial"
)

// unlike tells whether the proxy owns a STARTTLS exchange: one side does it and the other
// does not.
func unlike(r Route) bool {
	return (r.Listen.Security == dial.StartTLS) != (r.Upstream.Security == dial.StartTLS)
}

// fixed is a connection to a route's upstream.
func (c *conn) fixed(l listener) {
	r := l.route
	c.url, c.host = r.Upstream, r.Upstream.Host
	protocol := c.p.protocol(r.Upstream.Protocol)
	c.begin(l.url, serverURL(r.Upstream), protocol)
	var client *handshake
	if r.Listen.Security == dial.TLS {
		client = c.beginHandshake(nil)
		defer client.abandon()
	}
	if c.connect(r.Upstream.Addr()) != nil {
		return
	}
	switch {
	case unlike(*r):
		// What the client sees before its TLS, or what the server said before its own,
		// holds for one leg alone.
		c.behindTLS = decode.Rewrite{RemoveStartTLS: true, Hide: c.p.cfg.Hide}
		how := c.behindTLS
		how.HideGreetingCapabilities = true
		if c.owned = r.Listen.Security == dial.StartTLS; c.owned {
			how.AddStartTLS, how.RemoveStartTLS = true, false
		}
		c.edit = newEditor(how, *protocol)
	case len(c.p.cfg.Hide) > 0:
		c.behindTLS = decode.Rewrite{Hide: c.p.cfg.Hide}
		c.edit = newEditor(c.behindTLS, *protocol)
	}
	var greeting []byte
	switch {
	case r.Upstream.Security == dial.TLS:
		if err := c.secureUpstream(nil); err != nil {
			c.serverRefused(err)
			return
		}
	case r.Upstream.Security == dial.StartTLS && unlike(*r):
		var err error
		if greeting, err = c.upgradeUpstream(protocol); err == nil {
			err = c.secureUpstream(nil)
		}
		if err != nil {
			c.serverRefused(err)
			return
		}
	}
	if client != nil && client.finish() != nil {
		return
	}
	c.tlsMark(c.legs[decode.Server].state, c.legs[decode.Client].state)
	fromClient, fromServer := newBuffer(), newBuffer()
	fromServer.hold(greeting)
	c.relay(fromClient, fromServer)
}

// serverURL is an upstream as events name it: without a user, who is nobody's business.
func serverURL(u dial.URL) string {
	u.User, u.Mailbox = "", ""
	return u.String()
}

// upgradeUpstream does STARTTLS with an upstream before the client says a word. The
// exchange is a stream of its own, of which the client sees the greeting.
func (c *conn) upgradeUpstream(protocol *decode.Protocol) (greeting []byte, err error) {
	l := c.legs[decode.Server]
	s := c.p.newStream(c.id, decode.FromProxy, protocol)
	mark := func(kind decode.Kind, f decode.Fields) {
		s.publish(s.trace.Mark(decode.Mark{Time: c.p.clock.now(), Kind: kind, Fields: f}))
	}
	mark(decode.Open, decode.Fields{}.
		With("client", l.socket.LocalAddr().String()).
		With("upstream", serverURL(c.url)).
		With("protocol", protocol.Name))
	observe := func(d decode.Dir, p []byte) {
		_, _, events := s.trace.Write(d, c.p.clock.now(), p)
		s.publish(events)
	}
	greeting, held, err := c.p.cfg.Dial.StartTLS(c.ctx, l.Conn, c.url.Protocol, func(client bool, line []byte) {
		d := decode.Server
		if client {
			d = decode.Client
		}
		observe(d, line)
	})
	if len(held) > 0 {
		observe(decode.Server, held)
	}
	f := decode.Fields{}.With("by", "proxy")
	if err != nil {
		f = f.With("reason", "no TLS with the server").With("error", whatOf(err))
	} else {
		f = f.With("reason", "TLS follows")
	}
	mark(decode.Close, f)
	return greeting, err
}

// whatOf is an error of package dial without the address.
func whatOf(err error) string {
	var e *dial.Error
	if errors.As(err, &e) {
		return e.What
	}
	return err.Error()
}
