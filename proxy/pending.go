package proxy

import "github.com/mailtrace/mailtrace/decode"

// Pending is how much went by of something that no event tells of yet: an unfinished line,
// literal or body.
type Pending struct {
	Conn   int
	Dir    decode.Dir
	Octets int64
}

// Pending tells what goes on in the connections that are open, in no order.
func (p *Proxy) Pending() []Pending {
	p.mu.Lock()
	open := make([]*conn, 0, len(p.conns))
	for c := range p.conns {
		open = append(open, c)
	}
	p.mu.Unlock()
	var all []Pending
	for _, c := range open {
		all = c.pending(all)
	}
	return all
}

func (c *conn) pending(all []Pending) []Pending {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.opened {
		return all
	}
	for _, d := range [...]decode.Dir{decode.Client, decode.Server} {
		if n := c.stream.trace.Pending(d); n > 0 {
			all = append(all, Pending{c.id, d, n})
		}
	}
	return all
}
