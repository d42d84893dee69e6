package dial

import (
	"context"
	"crypto/tls"
	"net"
)

// Conn is a connection to a server, with TLS as its URL's scheme asks for.
type Conn struct {
	net.Conn                      // the *tls.Conn, or the bare connection where there is no TLS
	TLS      *tls.ConnectionState // nil without TLS
	// Greeting is the greeting's line where it came before TLS; no other will follow. Nil
	// where the greeting is yet to be read.
	Greeting []byte
}

// Dial connects to the server of u: TCP, then TLS, at once or after STARTTLS, whose exchange
// observe sees as in [Config.StartTLS]; it may be nil. Errors are of type *[Error]; no
// connection is left open then.
func (c *Config) Dial(ctx context.Context, u URL, observe func(client bool, line []byte)) (*Conn, error) {
	raw, err := c.TCP(ctx, u.Addr())
	if err != nil {
		return nil, err
	}
	conn, err := c.secure(ctx, raw, u, observe)
	if err != nil {
		raw.Close()
		return nil, err
	}
	return conn, nil
}

func (c *Config) secure(ctx context.Context, raw net.Conn, u URL, observe func(client bool, line []byte)) (*Conn, error) {
	conn := &Conn{Conn: raw}
	switch u.Security {
	case Plain:
		return conn, nil
	case StartTLS:
		var err error
		if conn.Greeting, _, err = c.startTLS(ctx, raw, u.Protocol, u.Addr(), observe); err != nil {
			return nil, err
		}
	}
	tlsConn, err := c.handshake(ctx, raw, u.Host, u.Addr())
	if err != nil {
		return nil, err
	}
	state := tlsConn.ConnectionState()
	conn.Conn, conn.TLS = tlsConn, &state
	return conn, nil
}
