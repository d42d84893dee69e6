package proxy

import (
	"bytes"
	"errors"
	"os"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// editedPump is the server's pump where its stream is edited, and where answers of ours go
// in between. What the client shall see is what is decoded and recorded.
type editedPump struct {
	c       *conn
	dst     *leg
	flushAt time.Time // when held octets go on as they are; zero while there are none
	midLine bool      // the last octet given to the client ended no line
}

// pumpEdited is pump for the server's direction with c.edit.
func (c *conn) pumpEdited(b *buffer) outcome {
	src, e := c.legs[decode.Server], editedPump{c: c, dst: c.legs[decode.Client]}
	p, err := b.held, b.err
	b.held, b.err = nil, nil
	for {
		how := goOn
		if len(p) > 0 {
			p, how = e.chunk(p)
		}
		if how == goOn && err != nil {
			how = e.interrupted(err)
		}
		if how == goOn {
			how = e.answers()
		}
		if how != goOn {
			b.hold(p)
			return how
		}
		var n int
		n, err = src.readMore(b.data[:])
		p = b.data[:n]
	}
}

// chunk edits, decodes and writes on what came. What it leaves belongs to a handshake.
func (e *editedPump) chunk(p []byte) (rest []byte, how outcome) {
	c := e.c
	c.mu.Lock()
	if c.turning { // the answer came before the command
		held, problem := c.edit.flush()
		c.mu.Unlock()
		e.stopped(problem)
		return append(bytes.Clone(held), p...), turn
	}
	out, edits, problem := c.edit.server(p)
	n, next := e.observeLocked(out, edits)
	c.mu.Unlock()
	e.stopped(problem)
	if !e.write(out[:n]) {
		return nil, over
	}
	if next == decode.TLSHere {
		rest = bytes.Clone(out[n:])
		c.mu.Lock()
		held, problem := c.edit.flush()
		c.mu.Unlock()
		e.stopped(problem)
		return append(rest, held...), turn
	}
	e.flushAt = time.Time{}
	if c.edit.holds() {
		e.flushAt = time.Now().Add(c.p.times.flush)
	}
	return nil, goOn
}

// observeLocked decodes what the client shall see, and tells each edit right before the
// line that it changed.
func (e *editedPump) observeLocked(out []byte, edits []decode.Edited) (n int, next decode.Next) {
	c := e.c
	for i := 0; n < len(out) || i < len(edits); i++ {
		end := len(out)
		if i < len(edits) {
			// Lines that were edited are rare and differ, so this finds them.
			end = n + max(bytes.Index(out[n:], []byte(edits[i].After)), 0)
		}
		if n < end {
			k, x := c.observeLocked(decode.Server, out[n:end])
			n, next = n+k, x
			if next == decode.TLSHere {
				return n, next
			}
			n = end // a session that takes less has to say what for
		}
		if i < len(edits) {
			c.markLocked(decode.Edit, decode.Server, editFields(edits[i]))
		}
	}
	if c.replies != nil && c.replies.see(out[:n]) {
		c.replies = nil
		c.unparkLocked()
	}
	return n, next
}

func editFields(x decode.Edited) decode.Fields {
	return decode.Fields{}.With("before", x.Before).With("after", x.After).With("what", x.What)
}

// write gives the client octets that were observed.
func (e *editedPump) write(p []byte) bool {
	if len(p) == 0 {
		return true
	}
	e.midLine = p[len(p)-1] != '\n'
	return e.c.forward(decode.Server, e.dst, p)
}

// interrupted goes on after a read that failed.
func (e *editedPump) interrupted(err error) outcome {
	c := e.c
	if c.turned(err) {
		return turn
	}
	waking := errors.Is(err, os.ErrDeadlineExceeded) && !c.isStopping()
	if waking && (e.flushAt.IsZero() || time.Now().Before(e.flushAt)) {
		return goOn // there is an answer to give
	}
	e.flushAt = time.Time{}
	c.mu.Lock()
	out, problem := c.edit.flush()
	n, next := e.observeLocked(out, nil)
	c.mu.Unlock()
	e.stopped(problem)
	switch {
	case !e.write(out[:n]):
		return over
	case next == decode.TLSHere:
		return turn
	case waking:
		return goOn
	}
	c.end(decode.Server, err)
	return over
}

// stopped says that the rewriter failed.
func (e *editedPump) stopped(problem string) {
	if problem != "" {
		e.c.mark(decode.Desync, decode.Server, decode.Fields{}.With("reason", "editing stopped: "+problem))
	}
}

// answers gives the client what we have to say, if anything, and makes ready for reading.
func (e *editedPump) answers() outcome {
	c := e.c
	for {
		c.mu.Lock()
		a := c.answer
		if a == nil || e.midLine || c.turning || c.stopping {
			c.deadlineLocked(decode.Server, e.flushAt)
			c.mu.Unlock()
			return goOn
		}
		c.answer = nil
		c.markLocked(decode.Edit, decode.Server, editFields(decode.Edited{After: a.text, What: a.what}))
		line := []byte(a.text + "\r\n")
		c.observeLocked(decode.Server, line)
		c.mu.Unlock()
		if !e.write(line) {
			return over
		}
		c.mu.Lock()
		if a.turn {
			c.turnLocked(decode.Server)
		}
		c.unparkLocked()
		c.mu.Unlock()
		if a.turn {
			return turn
		}
	}
}

func (c *conn) isStopping() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopping
}
