package print

import (
	"cmp"
	"slices"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/mime"
)

// lull is the silence between two events of a connection that lets go of held rows;
// idleAfter is the same while nothing comes, later so that both never disagree.
const (
	lull      = time.Second
	idleAfter = lull + lull/2
)

// key tells streams apart: of one connection there may be two, what the client saw and
// what the proxy itself said to the server.
type key struct {
	number int
	own    bool
}

// connection is what the printer keeps of one connection, all of it bounded.
type connection struct {
	key
	base time.Time // times in rows count from it
	last time.Time // of the latest event
	saw  string    // mark of the row printed last

	opening *opening // not printed yet
	half    halfClosed
	failed  bool   // its opening and its end were one line
	hinted  string // the hint given last

	clientTLS, serverTLS bool
	inClear              bool // a state rule said that the connection is in the clear

	run    run
	held   held
	inside [3]inside // by Dir
	waits  waits
	said   map[uint64]struct{} // explanations given
}

// inside is what will be printed within the reply of one direction.
type inside struct {
	parts   []*mime.Part
	of      ref    // the command that asked for the message
	literal []byte // note of a literal, for the row that goes on behind it
	due     int64  // octets that the last row announced; -1 for none
}

// connection finds or begins the state of an event's connection.
func (t *text) connection(e *decode.Event) *connection {
	k := key{e.Conn, e.Origin == decode.FromProxy}
	if k.own && e.Kind != decode.Open && t.conns[k] == nil {
		k.own = false // the proxy had its say on the client's stream
	}
	c := t.conns[k]
	if c == nil {
		c = &connection{key: k, base: e.Time, last: e.Time}
		for d := range c.inside {
			c.inside[d].due = -1
		}
		t.conns[k] = c
	}
	return c
}

// inOrder gives the connections by number.
func (t *text) inOrder() []*connection {
	all := make([]*connection, 0, len(t.conns))
	for _, c := range t.conns {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *connection) int {
		if a.number == b.number && b.own {
			return -1
		}
		return cmp.Compare(a.number, b.number)
	})
	return all
}

// settle prints what was held and what e puts an end to.
func (t *text) settle(c *connection, e *decode.Event) {
	if c.opening != nil && !t.keepsOpening(c, e) {
		t.printOpening(c)
	}
	if c.half.dir != decode.NoDir && e.Kind != decode.Close {
		t.printHalf(c)
	}
	if c.run.on() && !c.run.like(e) {
		t.endRun(c)
	}
	if c.held.on && !(e.Kind == decode.Multiline && c.held.ref.is(e.Command)) {
		t.printHeld(c)
	}
	for d := range c.inside {
		if e.Dir == decode.NoDir || e.Dir == decode.Dir(d) {
			if e.Kind != decode.MIME {
				t.printParts(c, decode.Dir(d))
			}
			if e.Kind != decode.MIME && e.Kind != decode.Continuation {
				t.printLiteral(c, decode.Dir(d))
			}
		}
	}
}

// release prints what is held for no longer than a lull.
func (t *text) release(c *connection) {
	if c.opening != nil && t.o.Filter == nil {
		t.printOpening(c)
	}
	t.endRun(c)
	t.printHeld(c)
	t.printHalf(c)
}

// settleInside prints what lies within an unfinished reply.
func (t *text) settleInside(c *connection, d decode.Dir) {
	t.printParts(c, d)
	t.printLiteral(c, d)
}

// idle implements Printer.
func (t *text) idle(now time.Time, pending time.Duration) (again bool, err error) {
	for _, c := range t.inOrder() {
		if c.opening != nil && t.o.Filter == nil || c.run.waits() || c.held.on || c.half.dir != decode.NoDir {
			if now.Sub(c.last) > idleAfter {
				t.release(c)
			} else {
				again = true
			}
		}
		if pending > 0 && t.overdue(c, now, pending) {
			again = true
		}
	}
	return again, t.flush()
}

// ref remembers a command without holding on to it: by its number, or where it has none
// yet by its identity.
type ref struct {
	seq     uint64
	command *decode.Command
	tag     string
	name    string
}

func refTo(c *decode.Command) ref {
	if c == nil {
		return ref{}
	}
	r := ref{seq: c.Seq, tag: c.Tag, name: c.Name}
	if c.Seq == 0 {
		r.command = c
	}
	return r
}

// is tells whether r refers to c.
func (r ref) is(c *decode.Command) bool {
	switch {
	case c == nil:
		return false
	case r.seq != 0:
		return r.seq == c.Seq
	}
	return r.command == c
}

// appendTo appends tag and name.
func (r ref) appendTo(dst []byte) []byte {
	if r.tag != "" {
		dst = append(append(dst, r.tag...), ' ')
	}
	return append(dst, r.name...)
}
