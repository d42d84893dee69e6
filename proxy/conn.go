package proxy

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/internal/dial"
)

// conn is one connection through the proxy, both legs of it.
type conn struct {
	p      *Proxy
	id     int
	ctx    context.Context // done when the connection has to end
	cancel context.CancelFunc
	url    dial.URL // of the upstream; under SOCKS only what is known of it
	host   string   // what the upstream's certificate must be for
	wake   chan struct{}

	mu       sync.Mutex // guards what follows; never held across network I/O
	stream   stream
	legs     [3]*leg // by Dir, nil until there is one; written by the orchestrator alone
	ended    [3]bool
	parked   bool // the client's pump waits for the server's word
	turning  bool // what comes next in both directions is TLS
	stopping bool // deadlines in the past stay as they are
	spoke    bool // the client sent an octet since its leg is as it is
	cause    *cause
	answer   *answer // ours to the client, which the server's pump gives
	replies  *replies
	opened   bool

	edit      *editor        // nil where nothing is edited; used by the pumps under mu
	behindTLS decode.Rewrite // what it does once a STARTTLS was turned over
	owned     bool           // the client's STARTTLS is answered by us, and concerns its leg alone
}

// cause is why a connection ended: the first thing that happened.
type cause struct {
	by     string // "client", "server", "proxy"
	reason string // "" for an orderly end
	err    string
	hint   string
}

// who names a direction's author in fields and texts.
func who(d decode.Dir) string {
	if d == decode.Client {
		return "client"
	}
	return "server"
}

// past interrupts a read or a write that is under way.
var past = time.Unix(1, 0)

// mark publishes what no octet carries.
func (c *conn) mark(kind decode.Kind, d decode.Dir, fields decode.Fields) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.markLocked(kind, d, fields)
}

func (c *conn) markLocked(kind decode.Kind, d decode.Dir, fields decode.Fields) {
	m := decode.Mark{Time: c.p.clock.now(), Kind: kind, Dir: d, Fields: fields}
	c.stream.publish(c.stream.trace.Mark(m))
}

// begin starts the connection's trace. The protocol may be nil.
func (c *conn) begin(listen, upstream string, protocol *decode.Protocol) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stream = c.p.newStream(c.id, decode.FromPeer, protocol)
	c.opened = true
	secrets, name := "no", ""
	if c.p.cfg.Secrets {
		secrets = "yes"
	}
	if protocol != nil {
		name = protocol.Name
	}
	c.markLocked(decode.Open, decode.NoDir, decode.Fields{}.
		With("client", c.legs[decode.Client].RemoteAddr().String()).
		With("listen", listen).
		With("upstream", upstream).
		With("protocol", name).
		With("secrets", secrets))
}

// setLeg puts a leg in place. It must not be called while a pump uses the old one.
func (c *conn) setLeg(d decode.Dir, l *leg) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.legs[d] = l
	if d == decode.Client {
		c.spoke = false
	}
	if c.stopping {
		interrupt(l)
	}
}

func interrupt(l *leg) {
	if l != nil {
		_ = l.socket.SetReadDeadline(past) // fails on a closed socket only
	}
}

// arm makes the legs ready for the pumps: no deadline, unless the connection has to end.
func (c *conn) arm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parked, c.turning, c.answer = false, false, nil
	for _, l := range c.legs {
		switch {
		case l == nil:
		case c.stopping:
			interrupt(l)
		default:
			_ = l.socket.SetDeadline(time.Time{})
		}
	}
}

// deadline bounds reading on the leg of d, unless the connection has to end.
func (c *conn) deadline(d decode.Dir, t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadlineLocked(d, t)
}

func (c *conn) deadlineLocked(d decode.Dir, t time.Time) {
	if !c.stopping && !c.turning {
		_ = c.legs[d].socket.SetReadDeadline(t)
	}
}

// blame keeps the first cause. An orderly end of one direction gives way to what the same
// peer, or the proxy, did afterwards.
func (c *conn) blame(x cause) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blameLocked(x)
}

func (c *conn) blameLocked(x cause) {
	if c.cause == nil || c.cause.reason == "" && (x.by == c.cause.by || x.by == "proxy") {
		c.cause = &x
	}
}

// stop ends the connection: reads end now, writes within a moment.
func (c *conn) stop(x cause) {
	c.cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blameLocked(x)
	c.stopLocked()
}

func (c *conn) stopLocked() {
	c.stopping = true
	for _, l := range c.legs {
		interrupt(l)
		if l != nil {
			_ = l.socket.SetWriteDeadline(time.Now().Add(c.p.times.write))
		}
	}
	c.unparkLocked()
}

// kill closes the sockets, whatever is going on.
func (c *conn) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.legs {
		if l != nil {
			_ = l.socket.Close()
		}
	}
}

// finish writes the connection's last mark and closes both legs.
func (c *conn) finish() {
	c.mu.Lock()
	x := c.cause
	if x == nil {
		x = &cause{by: "proxy"}
	}
	client := c.legs[decode.Client]
	if x.by == "client" && x.hint == "" && client != nil && client.state != nil && !c.spoke {
		// Some clients finish the handshake first and look at the certificate then.
		x.hint = c.p.trustHint(false)
	}
	if c.opened {
		c.markLocked(decode.Close, decode.NoDir, decode.Fields{}.
			With("by", x.by).With("reason", x.reason).With("error", x.err).With("hint", x.hint))
	}
	legs := c.legs
	c.mu.Unlock()
	for _, l := range legs {
		if l != nil {
			_ = l.Close() // close_notify too; the peer may be gone
		}
	}
}

// connect reaches the upstream.
func (c *conn) connect(addr string) error {
	socket, err := c.p.cfg.Dial.TCP(c.ctx, addr)
	if err != nil {
		c.blame(cause{by: "server", reason: "upstream unreachable", err: err.Error(), hint: hintOf(err)})
		return err
	}
	c.setLeg(decode.Server, newLeg(socket))
	return nil
}

// hintOf is the advice that an error carries.
func hintOf(err error) string {
	if h, ok := err.(interface{ Hint() string }); ok {
		return h.Hint()
	}
	return ""
}

// localIP is the address at which a client reached us.
func localIP(c net.Conn) net.IP {
	if a, ok := c.LocalAddr().(*net.TCPAddr); ok {
		return a.IP
	}
	return nil
}
