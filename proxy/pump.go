package proxy

import (
	"errors"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/internal/dial"
)

const (
	// bufferSize is what a pump reads at most at once, but for what follows. Go's TLS gives no
	// more than a record (16 KiB) at a time; in clear larger reads save calls.
	bufferSize = 64 << 10
	// wideSize is what the server's pump reads at once while much goes by: a call and the
	// wake-up of a peer cost as much as the octets of a few records (internal/bench).
	wideSize = 8 * bufferSize
)

var (
	buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}
	wide    = sync.Pool{New: func() any { return new([wideSize]byte) }}
)

// buffer is what one pump reads into. It outlives the pump, so that octets that were read
// and not taken are there for what comes next.
type buffer struct {
	data *[bufferSize]byte
	held []byte // read, and not yet decoded; a part of data
	err  error  // what the read of the held octets gave besides
	wide *[wideSize]byte
	last int // octets of the last read of more
}

func newBuffer() *buffer { return &buffer{data: buffers.Get().(*[bufferSize]byte)} }

func (b *buffer) release() {
	b.narrow()
	buffers.Put(b.data)
	b.data, b.held = nil, nil
}

func (b *buffer) narrow() {
	if b.wide != nil {
		wide.Put(b.wide)
		b.wide = nil
	}
}

// more reads from a server's leg, a lot at once if the last read gave a lot. The octets are
// valid until the next call.
func (b *buffer) more(src *leg) ([]byte, error) {
	switch {
	case b.wide != nil && b.last < bufferSize: // an idle connection must not keep it
		b.narrow()
	case b.wide == nil && b.last >= bufferSize:
		b.wide = wide.Get().(*[wideSize]byte)
	}
	room := b.data[:]
	if b.wide != nil {
		room = b.wide[:]
	}
	n, err := src.readMore(room)
	b.last = n
	return room[:n], err
}

// hold puts octets in front, copying them. More than there is room for gets a room of its
// own; a client's pump, which reads on behind what is held, never holds so much.
func (b *buffer) hold(p []byte) {
	if len(p) > len(b.data) {
		b.held = append([]byte(nil), p...)
		return
	}
	b.held = b.data[:copy(b.data[:], p)]
}

// outcome is how a pump came to its end.
type outcome uint8

const (
	over outcome = iota // the direction ended
	turn                // STARTTLS was accepted; what is held belongs to the handshake
	goOn                // of park: the pump reads on
)

// relay runs both pumps, and a turnover wherever STARTTLS leads to one, until the
// connection has ended.
func (c *conn) relay(client, server *buffer) {
	defer client.release()
	defer server.release()
	for {
		c.arm()
		if c.owned {
			c.closeGate()
		}
		done := make(chan outcome, 1)
		go func() {
			if c.edit != nil {
				done <- c.pumpEdited(server)
			} else {
				done <- c.pump(decode.Server, server)
			}
		}()
		if c.owned {
			c.gate(client)
		} else {
			c.pump(decode.Client, client)
		}
		<-done
		if !c.turns() || !c.turnover(client, server) {
			return
		}
	}
}

// turns tells, once the pumps stand still, whether STARTTLS was the reason.
func (c *conn) turns() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.turning && !c.stopping
}

// pump carries one direction: each read is observed, then written on.
func (c *conn) pump(d decode.Dir, b *buffer) outcome {
	src, dst := c.legs[d], c.legs[d.Other()]
	p, err := b.held, b.err
	b.held, b.err = nil, nil
	for {
		for len(p) > 0 {
			n, next := c.observe(d, p)
			if n > 0 && !c.forward(d, dst, p[:n]) {
				return over
			}
			p = p[n:]
			switch {
			case next == decode.TLSHere:
				b.hold(p)
				return turn
			case next == decode.Park && d == decode.Client && err == nil:
				b.hold(p)
				if c.park(b, awaitTLS) == turn {
					return turn
				}
				p, err = b.held, b.err
				b.held, b.err = nil, nil
				if c.isStopping() {
					c.undelivered(d, len(p))
					p, err = nil, os.ErrDeadlineExceeded
				}
			case len(p) > 0:
				// A session that takes less than it was given has to say what for.
				if !c.forward(d, dst, p) {
					return over
				}
				p = nil
			}
		}
		if err != nil {
			if c.turned(err) {
				b.held = nil
				return turn
			}
			c.end(d, err)
			return over
		}
		if d == decode.Server {
			p, err = b.more(src)
			continue
		}
		var n int
		n, err = src.readMore(b.data[:]) // what park holds has room in there
		p = b.data[:n]
	}
}

// turned tells whether a read was interrupted for a turnover.
func (c *conn) turned(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.turning && !c.stopping
}

// observe stamps, decodes, numbers and records octets before they are written on, and sees
// to it that the other pump learns what it has to. It gives how many octets are to be
// written on.
func (c *conn) observe(d decode.Dir, p []byte) (int, decode.Next) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turning {
		return 0, decode.TLSHere // read before the interrupt came
	}
	if d == decode.Client {
		c.spoke = true
	}
	n, next := 0, decode.Continue
	for n < len(p) && next == decode.Continue {
		// In pieces, so that the events of one do not take the memory that those of all would.
		piece := p[n:min(len(p), n+bufferSize)]
		var k int
		k, next = c.observeLocked(d, piece)
		if n += k; k < len(piece) {
			break
		}
	}
	if d == decode.Client {
		c.editClientLocked(p[:n])
	}
	return n, next
}

func (c *conn) observeLocked(d decode.Dir, p []byte) (int, decode.Next) {
	n, next, events := c.stream.trace.Write(d, c.p.clock.now(), p)
	c.stream.publish(events)
	switch next {
	case decode.Park:
		if c.ended[decode.Server] || c.stopping {
			next = decode.Continue // nobody is left to answer
		} else if d == decode.Client {
			c.parkLocked()
		}
	case decode.Release:
		c.unparkLocked()
	case decode.TLSHere:
		c.turnLocked(d)
	}
	return n, next
}

// turnLocked says that what comes next is TLS: the other pump stops where it is.
func (c *conn) turnLocked(d decode.Dir) {
	c.turning = true
	c.unparkLocked()
	interrupt(c.legs[d.Other()])
}

// undelivered says that held octets go nowhere, since the connection has to end.
func (c *conn) undelivered(d decode.Dir, n int) {
	if n > 0 {
		c.mark(decode.Undelivered, d, decode.Fields{}.
			With("octets", strconv.Itoa(n)).With("error", "the connection ended before they were due"))
	}
}

// forward writes observed octets on. Where that fails the direction has ended.
func (c *conn) forward(d decode.Dir, dst *leg, p []byte) bool {
	n, err := dst.Write(p)
	if err == nil {
		return true
	}
	gone := who(d.Other())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.markLocked(decode.Undelivered, d, decode.Fields{}.
		With("octets", strconv.Itoa(len(p)-n)).With("error", errorText(err)))
	if !c.stopping {
		c.blameLocked(cause{by: gone, reason: gone + " gone", err: errorText(err)})
		// What the peer said last may still be there to be read.
		c.deadlineLocked(d.Other(), time.Now().Add(c.p.times.linger))
	}
	c.endLocked(d, "", "")
	return false
}

// end closes one direction of which reading gave err, and passes that on.
func (c *conn) end(d decode.Dir, err error) {
	x := c.causeOf(d, err)
	c.mu.Lock()
	orderly := x.reason == "" && !c.stopping
	if !c.stopping {
		c.blameLocked(x)
	}
	c.endLocked(d, x.reason, x.err)
	if !orderly && !c.stopping {
		c.stopLocked()
	}
	dst := c.legs[d.Other()]
	c.mu.Unlock()
	if orderly {
		dst.closeWrite()
	}
}

func (c *conn) endLocked(d decode.Dir, reason, text string) {
	if c.ended[d] {
		return
	}
	c.ended[d] = true
	if c.stopping {
		reason, text = "", "" // the last mark says it
	}
	c.markLocked(decode.Close, d, decode.Fields{}.With("by", who(d)).With("reason", reason).With("error", text))
	c.unparkLocked()
}

// causeOf puts the end of reading from a peer into words.
func (c *conn) causeOf(d decode.Dir, err error) cause {
	x := cause{by: who(d)}
	if errors.Is(err, io.EOF) {
		return x
	}
	x.err = errorText(err)
	code, alert := dial.PeerAlert(err)
	switch {
	case alert && d == decode.Client:
		r := c.p.explainAlert(code)
		x.reason, x.err, x.hint = "TLS alert from the client: "+r.alert, r.what, r.hint
	case alert:
		x.reason = "TLS alert from the server: " + dial.AlertName(code)
	case isReset(err):
		x.reason = "connection reset by " + who(d)
	case errors.Is(err, os.ErrDeadlineExceeded):
		x.reason = who(d) + " gone"
	default:
		x.reason = "reading from the " + who(d) + " failed"
	}
	return x
}

// errorText is an error without the addresses that package net puts before it.
func errorText(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}
