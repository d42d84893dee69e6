package proxy

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// handshake is the TLS handshake with the client. It may begin while the one with the server is under
// way, as far as that takes no octet to the client: whoever the client reaches, it reaches TLS only once
// there is TLS behind it.
//
//	begin ─► ClientHello read, our answer made ─► held at the gate ─► finish: answer written, TLS
//	                                                  └──► abandon: nothing was written
type handshake struct {
	c      *conn
	leg    *leg
	raw    *rawConn
	tls    *tls.Conn
	ctx    context.Context
	cancel context.CancelFunc
	gate   chan struct{} // closed by finish
	done   chan struct{} // closed once the handshake is over
	err    error         // what came of it, valid then
}

// beginHandshake begins a handshake with the client. held is what it said already. finish or abandon has
// to follow.
func (c *conn) beginHandshake(held []byte) *handshake {
	h := &handshake{c: c, leg: c.legs[decode.Client], gate: make(chan struct{}), done: make(chan struct{})}
	h.ctx, h.cancel = context.WithCancel(c.ctx)
	h.raw = &rawConn{Conn: &gated{h.leg.Conn, h}, host: c.host, prefix: append([]byte(nil), held...), alerts: &alertWatch{}}
	h.tls = tls.Server(h.raw, c.p.tls)
	go func() {
		defer close(h.done)
		h.err = h.tls.HandshakeContext(h.ctx)
	}()
	return h
}

// finish lets the handshake end, which has its time from here on, and puts the leg in place. An error
// was told of.
func (h *handshake) finish() error {
	defer h.cancel()
	close(h.gate)
	late := time.AfterFunc(h.c.p.times.handshake, h.cancel)
	<-h.done
	inTime := late.Stop()
	if err := h.err; err != nil {
		switch {
		case h.c.ctx.Err() != nil:
			err = h.c.ctx.Err()
		case !inTime:
			err = context.DeadlineExceeded
		}
		h.c.clientRefused(h.c.p.explainClient(err, h.raw.alerts))
		return err
	}
	h.raw.alerts, h.raw.Conn = nil, h.leg.Conn
	h.c.setLeg(decode.Client, h.leg.under(h.tls, h.raw))
	return nil
}

// abandon ends the handshake, and with it the client's socket, before the client saw anything of it.
// Behind finish it does nothing.
func (h *handshake) abandon() {
	h.cancel()
	<-h.done
}

// secureClient does the TLS handshake with the client. held is what it said already.
func (c *conn) secureClient(held []byte) error { return c.beginHandshake(held).finish() }

// gated is the client's leg during a handshake: what is written waits for the gate.
type gated struct {
	net.Conn
	h *handshake
}

func (g *gated) Write(p []byte) (int, error) {
	select {
	case <-g.h.gate:
		return g.Conn.Write(p)
	case <-g.h.ctx.Done():
		return 0, net.ErrClosed
	}
}
