package endtoend

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/mailtrace/mailtrace/decode"
)

// session is what two peers say, played through a proxy from both ends at once.
type session struct {
	// layers are divided by TLS handshakes, as STARTTLS leads to.
	layers [][]step
	// last closes its direction when the other one has ended; NoDir: both at once.
	last decode.Dir
}

// step is what one peer says next.
type step struct {
	dir decode.Dir
	p   []byte
	// after waits until all that the other peer says before this step was received.
	after bool
	// cuts are where p is divided. Each piece waits until the one before was received.
	cuts []int
}

// peer is one end of a session.
type peer struct {
	net.Conn
	dir  decode.Dir
	mu   sync.Mutex
	cond *sync.Cond
	got  int  // octets received in this layer
	over bool // no more will come
}

func newPeer(c net.Conn, d decode.Dir) *peer {
	p := &peer{Conn: c, dir: d}
	p.cond = sync.NewCond(&p.mu)
	return p
}

func (p *peer) await(n int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.got < n && !p.over {
		p.cond.Wait()
	}
	return p.got >= n
}

func (p *peer) received(n int, over bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got += n
	p.over = p.over || over
	p.cond.Broadcast()
}

// read takes what the other peer says in a layer and holds it against what that said.
func (p *peer) read(want []byte) error {
	buf := make([]byte, 32<<10)
	for at := 0; at < len(want); {
		n, err := p.Conn.Read(buf[:min(len(buf), len(want)-at)])
		if !bytes.Equal(buf[:n], want[at:at+n]) {
			p.received(0, true)
			return fmt.Errorf("what %s gets differs at %d to %d: got %.200q, want %.200q", p.dir, at, at+n, buf[:n], want[at:at+n])
		}
		at += n
		p.received(n, false)
		if err != nil && at < len(want) {
			p.received(0, true)
			return fmt.Errorf("%s got %d of %d octets: %w", p.dir, at, len(want), err)
		}
	}
	return nil
}

// write says what a layer has for this peer.
func (p *peer) write(steps []step, other *peer) error {
	theirs, ours := 0, 0
	for _, s := range steps {
		if s.dir != p.dir {
			theirs += len(s.p)
			continue
		}
		if s.after && !p.await(theirs) {
			return nil // its reader says what went wrong
		}
		from := 0
		for _, to := range append(s.cuts[:len(s.cuts):len(s.cuts)], len(s.p)) {
			if from > 0 && !other.await(ours+from) {
				return nil
			}
			if _, err := p.Conn.Write(s.p[from:to]); err != nil {
				return fmt.Errorf("%s writes: %w", p.dir, err)
			}
			from = to
		}
		ours += len(s.p)
	}
	return nil
}

// stream is all that one direction carries in a layer.
func stream(steps []step, d decode.Dir) []byte {
	var parts [][]byte
	for _, s := range steps {
		if s.dir == d {
			parts = append(parts, s.p)
		}
	}
	if len(parts) == 1 {
		return parts[0] // it may be large
	}
	return bytes.Join(parts, nil)
}

// run plays a session: what comes out at each end is what the other said, octet for octet,
// up to the end of both directions.
func (s session) run(client, server net.Conn) error {
	peers := []*peer{newPeer(client, decode.Client), newPeer(server, decode.Server)}
	var mu sync.Mutex
	var failed []error
	fail := func(err error) {
		if err == nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		failed = append(failed, err)
		client.Close() // nothing waits for what will not come
		server.Close()
	}
	for i, steps := range s.layers {
		var all sync.WaitGroup
		for _, p := range peers {
			if i > 0 {
				all.Go(func() { fail(p.upgrade()) })
			}
		}
		all.Wait()
		for k, p := range peers {
			other := peers[1-k]
			all.Go(func() { fail(p.read(stream(steps, other.dir))) })
			all.Go(func() { fail(p.write(steps, other)) })
		}
		all.Wait()
		if failed != nil {
			return errors.Join(failed...)
		}
		for _, p := range peers {
			p.got = 0
		}
	}
	var all sync.WaitGroup
	for _, p := range peers {
		all.Go(func() { fail(p.finish(p.dir == s.last)) })
	}
	all.Wait()
	return errors.Join(failed...)
}

// upgrade goes on over TLS.
func (p *peer) upgrade() error {
	var c *tls.Conn
	if p.dir == decode.Client {
		c = tls.Client(p.Conn, clientTLS())
	} else {
		c = tls.Server(p.Conn, world.server)
	}
	if err := c.Handshake(); err != nil {
		return fmt.Errorf("%s: %w", p.dir, err)
	}
	p.Conn = c
	return nil
}

// finish ends this peer's direction and sees the other's end.
func (p *peer) finish(last bool) error {
	if !last {
		closeWrite(p.Conn)
	}
	rest, err := io.ReadAll(p.Conn)
	if len(rest) > 0 {
		return fmt.Errorf("%s got %.200q behind the end", p.dir, rest)
	}
	if err != nil {
		return fmt.Errorf("the end that %s sees: %w", p.dir, err)
	}
	if last {
		closeWrite(p.Conn)
	}
	return nil
}

// closeWrite ends one direction; a peer that is gone shows at reading.
func closeWrite(c net.Conn) {
	switch x := c.(type) {
	case *lent:
		closeWrite(x.Conn)
	case *tls.Conn:
		_ = x.CloseWrite()
		closeWrite(x.NetConn())
	case *net.TCPConn:
		_ = x.CloseWrite()
	}
}
