package proxy

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// watched is a client's socket: it tells of the first octets that come, and that some went.
type watched struct {
	net.Conn
	came, went chan struct{}
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if n > 0 {
		signal(w.came)
	}
	return n, err
}

func (w *watched) Write(p []byte) (int, error) {
	defer signal(w.went)
	return w.Conn.Write(p)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// A client's handshake begins while the upstream's is under way, and the client sees nothing of it
// before that one is over.
func TestHandshakeWaitsForUpstream(t *testing.T) {
	for _, fails := range []bool{true, false} {
		name := map[bool]string{true: "upstream fails", false: "upstream is slow"}[fails]
		t.Run(name, func(t *testing.T) {
			w := &watched{came: make(chan struct{}, 1), went: make(chan struct{}, 1)}
			addr := serve(t, func(c net.Conn) {
				<-w.went // the client's hello is on its way
				select {
				case <-w.came:
					t.Error("octets came to the client while the upstream had not answered")
				case <-time.After(100 * time.Millisecond): // enough to see what comes without the upstream
				}
				if fails {
					io.ReadFull(c, make([]byte, 1))
					return
				}
				s := tls.Server(c, serverTLS(t, "localhost"))
				io.WriteString(s, "* OK ready\r\n")
				s.Read(make([]byte, 1))
			})
			p := start(t, Config{Routes: []Route{route(t, "imaps", "imaps", addr)}})
			w.Conn = connectTo(t, p.Proxy)
			c := tls.Client(w, clientTLS())
			err := c.Handshake()
			if fails {
				if err == nil || len(w.came) > 0 {
					t.Errorf("handshake: %v, octets came: %v", err, len(w.came) > 0)
				}
				if f := p.events.closed(t, 1); f.Get("by") != "server" {
					t.Errorf("closed: %v", f)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			talk(t, c).expect("* OK ready")
			c.Close()
			p.events.closed(t, 1)
		})
	}
}

// A client that says nothing does not outlive an upstream that cannot be reached, nor its time once
// there is one.
func TestHandshakeOfSilentClient(t *testing.T) {
	gone := serve(t, func(c net.Conn) { io.ReadFull(c, make([]byte, 1)) })
	p := start(t, Config{Routes: []Route{route(t, "imaps", "imaps", gone)}})
	c := connectTo(t, p.Proxy)
	if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil || errors.Is(err, net.ErrClosed) {
		t.Errorf("%d octets, %v", n, err)
	}
	if f := p.events.closed(t, 1); f.Get("by") != "server" {
		t.Errorf("closed: %v", f)
	}

	fine := serve(t, overTLS(t, func(c net.Conn) { io.Copy(io.Discard, c) }))
	p = start(t, Config{Routes: []Route{route(t, "imaps", "imaps", fine)}}, func(p *Proxy) { p.times.handshake = 50 * time.Millisecond })
	c = connectTo(t, p.Proxy)
	if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("%d octets, %v", n, err)
	}
	if f := p.events.closed(t, 1); f.Get("by") != "client" || f.Get("reason") != "TLS handshake with the client failed" {
		t.Errorf("closed: %v", f)
	}
}
