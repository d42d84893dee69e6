package proxy

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// Serve accepts connections until ctx is done or Shutdown is called, and returns when the
// last one has ended, nil after an orderly stop. Once ctx is done, connections have a
// few seconds to end.
func (p *Proxy) Serve(ctx context.Context) error {
	failed := make(chan error, len(p.listeners))
	p.mu.Lock()
	for _, l := range p.listeners {
		if !p.stopping {
			p.running.Go(func() { failed <- p.accept(l) })
		}
	}
	p.mu.Unlock()
	var err error
	select {
	case <-ctx.Done():
	case <-p.stopped:
		p.running.Wait() // Shutdown has the bound
		return nil
	case err = <-failed:
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.times.drain)
	defer cancel()
	return errors.Join(err, p.Shutdown(drain))
}

// Shutdown stops accepting, ends every connection and waits until their last marks are
// written. If ctx is done before, it cuts them off and gives ctx's error.
func (p *Proxy) Shutdown(ctx context.Context) error {
	p.mu.Lock()
	if !p.stopping {
		p.stopping = true
		close(p.stopped)
	}
	for c := range p.conns {
		c.stop(cause{by: "proxy", reason: "proxy stopped"})
	}
	p.mu.Unlock()
	p.closeListeners()

	done := make(chan struct{})
	go func() {
		p.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	for c := range p.conns {
		c.kill()
	}
	p.mu.Unlock()
	<-done // with their sockets closed, connections have nothing left to wait for
	return ctx.Err()
}

// The waits between attempts to accept while the system has no file descriptors left.
const (
	backoffMin = 5 * time.Millisecond
	backoffMax = time.Second
)

// accept takes connections from one listener until it is closed.
func (p *Proxy) accept(l listener) error {
	backoff := backoffMin
	for {
		socket, err := l.Accept()
		switch {
		case err == nil:
			backoff = backoffMin
			p.start(socket, l)
			continue
		case errors.Is(err, net.ErrClosed) || p.isStopping():
			return nil
		case !isPassing(err):
			return &Error{What: "accept on " + l.url + ": " + errorText(err), Err: err}
		}
		if backoff == backoffMin {
			p.log("accept on "+l.url+": "+errorText(err)+"; trying again", "")
		}
		select {
		case <-time.After(backoff):
		case <-p.stopped:
			return nil
		}
		backoff = min(2*backoff, backoffMax)
	}
}

func (p *Proxy) isStopping() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stopping
}

// start gives a connection its number and a goroutine.
func (p *Proxy) start(socket net.Conn, l listener) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopping {
		_ = socket.Close() // nothing was said yet
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &conn{p: p, id: int(p.lastConn.Add(1)), ctx: ctx, cancel: cancel, wake: make(chan struct{}, 1)}
	c.legs[decode.Client] = newLeg(socket)
	p.conns[c] = struct{}{}
	p.running.Go(func() {
		defer func() {
			cancel()
			p.mu.Lock()
			delete(p.conns, c)
			p.mu.Unlock()
		}()
		if l.route != nil {
			c.fixed(l)
		} else {
			c.socks(l)
		}
		c.finish()
	})
}
