package proxy

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// parkLocked makes the client's pump wait before it decodes anything further.
func (c *conn) parkLocked() {
	c.parked = true
	c.deadlineLocked(decode.Client, time.Now().Add(c.p.times.park))
}

// unparkLocked lets a parked pump go on.
func (c *conn) unparkLocked() {
	if !c.parked {
		return
	}
	c.parked = false
	interrupt(c.legs[decode.Client])
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// park waits for what the server's pump makes of an answer: turn, or goOn with what has
// been read meanwhile in b. To notice a client that is gone it keeps reading, but what it
// reads stays undecoded in b as long as it may be a ClientHello that came early. Other octets
// behind a STARTTLS are none: for them it goes on at once, so that they travel on
// as they would have without us. awaiting says what for, should the answer not come.
func (c *conn) park(b *buffer, awaiting string) outcome {
	src, n := c.legs[decode.Client], len(b.held)
	for {
		c.mu.Lock()
		turning, parked := c.turning, c.parked
		if !turning && !parked {
			c.deadlineLocked(decode.Client, time.Time{})
		}
		c.mu.Unlock()
		b.held = b.data[:n]
		switch {
		case turning:
			return turn
		case !parked || b.err != nil && awaiting == awaitTLS:
			return goOn
		case n == len(b.data) || b.err != nil:
			c.parkUnread(awaiting)
			continue
		}
		k, err := src.Read(b.data[n:])
		n += k
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			c.parkedTooLong(awaiting)
		case err != nil:
			b.err = err
		case awaiting == awaitTLS && b.data[0] != recordHandshake:
			// Nobody waits any more. An answer that came while this was read has set a deadline
			// in the past, which must not end what is read next.
			c.mu.Lock()
			c.parked = false
			c.mu.Unlock()
		}
	}
}

// awaitTLS is what a parked pump awaits between like legs.
const awaitTLS = "STARTTLS"

// parkUnread waits where there is nothing to be read, or no room.
func (c *conn) parkUnread(awaiting string) {
	t := time.NewTimer(c.p.times.park)
	defer t.Stop()
	select {
	case <-c.wake:
	case <-t.C:
		c.parkedTooLong(awaiting)
	}
}

// parkedTooLong ends the connection, unless the read was interrupted because something
// happened.
func (c *conn) parkedTooLong(awaiting string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.parked || c.turning || c.stopping {
		return
	}
	c.blameLocked(cause{
		by: "proxy", reason: fmt.Sprintf("the server did not answer %s within %s", awaiting, c.p.times.park),
	})
	c.stopLocked()
}
