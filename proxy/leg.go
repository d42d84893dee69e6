package proxy

import (
	"crypto/tls"
	"net"
)

// leg is one side of a connection: the client's or the server's.
type leg struct {
	net.Conn                      // what is read and written: the socket, or TLS over it
	socket   net.Conn             // takes deadlines; never TLS
	state    *tls.ConnectionState // of the TLS on it, nil in clear
	batch    *batch               // what lies under the TLS, nil in clear
}

func newLeg(socket net.Conn) *leg { return &leg{Conn: socket, socket: socket} }

// under is the leg once TLS lies over it, with r between it and what the leg was before.
func (l *leg) under(c *tls.Conn, r *rawConn) *leg {
	state := c.ConnectionState()
	return &leg{Conn: c, socket: l.socket, state: &state, batch: r.batched()}
}

// halfCloser is a connection that can end one direction.
type halfCloser interface{ CloseWrite() error }

// closeWrite passes the end of a direction on: close_notify where there is TLS, and the
// FIN, for a peer may look for either. An error says that the peer is gone already.
func (l *leg) closeWrite() {
	if c, ok := l.Conn.(*tls.Conn); ok {
		_ = c.CloseWrite()
	}
	if s, ok := l.socket.(halfCloser); ok {
		_ = s.CloseWrite()
	}
}

// rawConn is a connection under a handshake: octets that were read before it come first,
// and records are watched for an alert in clear.
type rawConn struct {
	net.Conn
	host   string // the upstream's name, for the leaf
	prefix []byte
	alerts *alertWatch // nil once the handshake is over
}

// batched lets reads and writes that are large go in fewer calls, once the handshake is over.
func (r *rawConn) batched() *batch {
	b := &batch{Conn: r.Conn}
	r.Conn = b
	return b
}

func (r *rawConn) Read(p []byte) (n int, err error) {
	if len(r.prefix) > 0 {
		n = copy(p, r.prefix)
		if r.prefix = r.prefix[n:]; len(r.prefix) == 0 {
			r.prefix = nil
		}
	} else {
		n, err = r.Conn.Read(p)
	}
	if r.alerts != nil {
		r.alerts.see(p[:n])
	}
	return n, err
}
