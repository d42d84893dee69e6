package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/internal/spool"
)

// Limits of what is taken from a server.
const (
	lineLimit  = 16 << 20 // octets of a line: a SEARCH of two million messages
	readBuffer = 64 << 10
	// Sent ahead of their answers: no more than what the buffers of any system take, so that a server
	// that answers before it reads on cannot stand still against us.
	windowOctets = 8 << 10
)

// conn is a connection with the decoder that follows it. What the server said comes out as
// events, in order, each of them with the octets of its literal or multi-line response.
type conn struct {
	cfg     Config
	net     net.Conn
	tls     *tls.ConnectionState
	trace   *decode.Trace
	buf     []byte
	off     int64 // of the next octet of the server's stream
	taken   int64 // up to where events have claimed octets
	open    bool  // octets of a literal or a multi-line response are to come
	kept    *spool.Spool
	un      *spool.Unstuffer // POP3
	limit   int64            // of a content, in octets; 0: none
	closed  bool
	secrets []string // said, or about to be: see mask
	// see takes an event. Its Text, and content, are valid during the call; content is nil but for
	// a Literal and a Multiline, and whoever wants to keep it takes it over: nobody else drops it.
	see func(e *decode.Event, content *spool.Spool) error
}

// connect reaches the server of cfg.
func connect(ctx context.Context, cfg Config) (*conn, error) {
	c := &conn{cfg: cfg, buf: make([]byte, readBuffer)}
	d := cfg.Dial
	if d == nil {
		d = &dial.Config{}
	}
	type line struct {
		client bool
		at     time.Time
		p      []byte
	}
	var early []line
	begin := time.Now()
	dialed, err := d.Dial(ctx, cfg.URL, func(client bool, p []byte) {
		early = append(early, line{client, time.Now(), append([]byte(nil), p...)})
	})
	if err != nil {
		return nil, err
	}
	c.net, c.tls = dialed.Conn, dialed.TLS
	c.trace = decode.NewTrace(decode.TraceOptions{
		Options: decode.Options{
			Secrets: true, TLS: c.tls != nil && len(early) == 0, Limits: decode.Limits{Line: lineLimit},
		},
		Conn: 1, Protocol: registry.ByName(cfg.URL.Protocol),
	})
	c.see = func(*decode.Event, *spool.Spool) error { return nil }
	c.mark(decode.Mark{Time: begin, Kind: decode.Open, Fields: decode.Fields{}.
		With("client", c.net.LocalAddr().String()).With("upstream", c.serverURL()).With("protocol", cfg.URL.Protocol).With("secrets", "no")})
	for _, l := range early {
		d := decode.Server
		if l.client {
			d = decode.Client
		}
		c.observe(d, l.at, l.p)
		if err := c.decode(d, l.at, l.p); err != nil {
			c.close("client", err.Error())
			return nil, err
		}
	}
	if c.tls != nil {
		c.mark(decode.Mark{Time: time.Now(), Kind: decode.TLS, Fields: c.tlsFields()})
	}
	return c, nil
}

// serverURL is the server's URL without user and mailbox.
func (c *conn) serverURL() string {
	u := c.cfg.URL
	u.User, u.Mailbox = "", ""
	return u.String()
}

// tlsFields are those of the mark of a handshake. It names no leg, for there is but one.
func (c *conn) tlsFields() decode.Fields {
	s := c.tls
	f := decode.Fields{}.With("version", tls.VersionName(s.Version)).With("cipher", tls.CipherSuiteName(s.CipherSuite)).
		With("sni", s.ServerName)
	if c.cfg.Dial == nil || !c.cfg.Dial.Insecure {
		f = f.With("verified", "yes")
	}
	if len(s.PeerCertificates) > 0 {
		cert := s.PeerCertificates[0]
		f = f.With("subject", cert.Subject.String()).With("not-after", cert.NotAfter.UTC().Format(time.RFC3339))
	}
	return f
}

func (c *conn) mark(m decode.Mark) {
	c.trace.Mark(m)
	if c.cfg.Observer != nil {
		c.cfg.Observer.Mark(m)
	}
}

func (c *conn) observe(d decode.Dir, at time.Time, p []byte) {
	if c.cfg.Observer != nil {
		c.cfg.Observer.Octets(d, at, p)
	}
}

// bound makes reads and writes fail once ctx is done; the function given back stops that.
func (c *conn) bound(ctx context.Context) (stop func()) {
	release := context.AfterFunc(ctx, func() {
		_ = c.net.SetDeadline(time.Unix(1, 0)) // an error shows at the next read or write
	})
	return func() { release() }
}

// write says octets.
func (c *conn) write(ctx context.Context, p []byte) error {
	now := time.Now()
	c.observe(decode.Client, now, p)
	if err := c.decode(decode.Client, now, p); err != nil {
		return err
	}
	if err := c.net.SetWriteDeadline(now.Add(c.cfg.idle())); err != nil {
		return c.broken(ctx, err)
	}
	if ctx.Err() != nil { // the deadline above may have come behind the one that it sets
		return ctx.Err()
	}
	if _, err := c.net.Write(p); err != nil {
		return c.broken(ctx, err)
	}
	return nil
}

// pump reads once, and shows what came to see. It waits no longer than patience.
func (c *conn) pump(ctx context.Context, patience time.Duration) error {
	if err := c.net.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return c.broken(ctx, err)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	n, err := c.net.Read(c.buf)
	if n > 0 {
		now := time.Now()
		c.observe(decode.Server, now, c.buf[:n])
		if err := c.decode(decode.Server, now, c.buf[:n]); err != nil {
			return err
		}
		return nil // an error comes again
	}
	return c.broken(ctx, err)
}

// broken gives a word for an error of the connection.
func (c *conn) broken(ctx context.Context, err error) error {
	var ne net.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &ne) && ne.Timeout():
		timeout := &TimeoutError{Addr: c.cfg.URL.Addr(), After: c.cfg.idle()}
		if c.off == 0 && c.cfg.URL.Security == dial.Plain {
			timeout.Secure = c.cfg.URL.Over(dial.TLS).String()
		}
		return timeout
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		return &ClosedError{Addr: c.cfg.URL.Addr(), Err: io.EOF}
	}
	return &ClosedError{Addr: c.cfg.URL.Addr(), Err: err}
}

// decode shows octets to the decoder, and what it makes of them to see.
func (c *conn) decode(d decode.Dir, at time.Time, p []byte) error {
	base := c.off
	if d == decode.Server {
		c.off += int64(len(p))
	}
	for rest := p; len(rest) > 0; {
		n, next, events := c.trace.Write(d, at, rest)
		if d == decode.Server {
			if err := c.dispatch(p, base, events); err != nil {
				return err
			}
		}
		if c.trace.Opaque() {
			return fmt.Errorf("client: what %s says cannot be decoded any more", c.cfg.URL.Addr())
		}
		switch next {
		case decode.TLSHere, decode.Park:
			// The handshake has its octets elsewhere; behind it the session goes on at the TLS mark.
			if n < len(rest) {
				return fmt.Errorf("client: %d octets of %s came in clear behind STARTTLS", len(rest)-n, d)
			}
		}
		rest = rest[n:]
	}
	if d == decode.Server {
		return c.collect(p, base)
	}
	return nil
}

// dispatch shows events to see, the octets of contents with them. p are the octets from base on.
func (c *conn) dispatch(p []byte, base int64, events []decode.Event) error {
	for i := range events {
		e := &events[i]
		if e.Dir != decode.Server {
			continue
		}
		switch e.Kind {
		case decode.Desync:
			return fmt.Errorf("client: the framing of what %s says is lost: %s", c.cfg.URL.Addr(), c.mask(string(e.Text)))
		case decode.Literal, decode.Multiline:
			content, err := c.claim(e, p, base)
			if err != nil {
				return err
			}
			c.taken, c.open = e.Span.End(), false
			if err := c.see(e, content); err != nil {
				content.Drop()
				return err
			}
		case decode.Greeting, decode.Untagged, decode.Completion, decode.ContinuationRequest, decode.Continuation, decode.Malformed:
			c.taken, c.open = e.Span.End(), announces(e)
			if err := c.see(e, nil); err != nil {
				return err
			}
			if c.open && c.limit > 0 && announced(e.Text) > c.limit {
				return &TooLargeError{Octets: announced(e.Text), Limit: c.limit}
			}
		}
	}
	return nil
}

// claim gives the octets of a literal or a multi-line response, some of which may have come before p.
func (c *conn) claim(e *decode.Event, p []byte, base int64) (*spool.Spool, error) {
	s := c.kept
	c.kept = nil
	if s == nil {
		s = c.begin()
	}
	from := max(e.Span.Off, base)
	err := c.keep(s, p[from-base:e.Span.End()-base])
	c.un = nil
	if err != nil {
		s.Drop()
	}
	return s, err
}

func (c *conn) begin() *spool.Spool {
	s := &spool.Spool{Dir: c.cfg.Dir}
	if c.cfg.URL.Protocol == dial.POP3 {
		c.un = &spool.Unstuffer{}
		c.un.Reset(s)
	}
	return s
}

func (c *conn) keep(s *spool.Spool, p []byte) error {
	var err error
	if c.un != nil {
		_, err = c.un.Write(p)
	} else {
		_, err = s.Write(p)
	}
	if err != nil {
		return fmt.Errorf("client: keeping content: %w", err)
	}
	if c.limit > 0 && s.Size() > c.limit {
		return &TooLargeError{Octets: s.Size(), Limit: c.limit}
	}
	return nil
}

// collect keeps what came of a content that is not whole.
func (c *conn) collect(p []byte, base int64) error {
	if !c.open {
		if c.off-c.taken > lineLimit {
			return fmt.Errorf("client: %s says a line of more than %d octets", c.cfg.URL.Addr(), lineLimit)
		}
		return nil
	}
	if c.kept == nil {
		c.kept = c.begin()
	}
	return c.keep(c.kept, p[max(c.taken, base)-base:])
}

// announces tells whether a content follows a line.
func announces(e *decode.Event) bool {
	if e.Protocol == dial.POP3 {
		return follows(e)
	}
	return (e.Kind == decode.Untagged || e.Kind == decode.Continuation) && announced(e.Text) >= 0
}

// announced gives the octets of the literal that a line ends with, -1 where it announces none.
func announced(line []byte) int64 {
	i := len(line) - 1
	if i < 2 || line[i] != '}' {
		return -1
	}
	digits := i
	for digits > 0 && '0' <= line[digits-1] && line[digits-1] <= '9' {
		digits--
	}
	if digits == i || digits == 0 || line[digits-1] != '{' {
		return -1
	}
	n, err := strconv.ParseInt(string(line[digits:i]), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// close ends the connection. The reason is empty for an orderly end.
func (c *conn) close(by, reason string) {
	if c.closed {
		return
	}
	c.closed = true
	if c.kept != nil {
		c.kept.Drop()
		c.kept = nil
	}
	_ = c.net.Close() // all that counts was said before
	c.mark(decode.Mark{Time: time.Now(), Kind: decode.Close, Fields: decode.Fields{}.With("by", by).With("reason", reason)})
}
