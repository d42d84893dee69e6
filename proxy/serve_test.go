package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
	"github.com/mailtrace/mailtrace/internal/dial"
)

// Shutdown ends whatever a connection is doing.
func TestShutdown(t *testing.T) {
	silent := serve(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	flood := serve(t, func(c net.Conn) {
		p := bytes.Repeat([]byte("no such response\r\n"), 1000)
		for {
			if _, err := c.Write(p); err != nil {
				return
			}
		}
	})
	greets := serve(t, func(c net.Conn) {
		io.WriteString(c, "* OK\r\n")
		io.Copy(io.Discard, c)
	})
	// It has more to say when its client has not, so that only the proxy can end this.
	over := make(chan struct{})
	lingers := serve(t, func(c net.Conn) {
		io.WriteString(c, "* OK\r\n")
		<-over
	})
	t.Cleanup(func() { close(over) })
	tests := []struct {
		name   string
		route  Route
		client func(*testing.T, net.Conn)
		until  decode.Kind
	}{
		{"relaying", route(t, "imap", "imap", silent), func(t *testing.T, c net.Conn) {
			io.WriteString(c, "a NOOP\r\n")
		}, decode.CommandLine},
		{"handshake with the upstream", route(t, "imap", "imaps", silent), func(*testing.T, net.Conn) {}, decode.Open},
		{"STARTTLS with the upstream", route(t, "imap", "imap+starttls", silent), func(*testing.T, net.Conn) {}, decode.Open},
		{"handshake with the client", route(t, "imaps", "imap", silent), func(*testing.T, net.Conn) {}, decode.Open},
		{"writing to a client that does not read", route(t, "imap", "imap", flood), func(*testing.T, net.Conn) {}, decode.Malformed},
		{"at the gate", route(t, "imap+starttls", "imap", greets), func(t *testing.T, c net.Conn) {
			io.WriteString(c, "a NOOP\r\nb NOOP\r\n")
		}, decode.CommandLine},
		{"parked", route(t, "imap", "imap", greets), func(t *testing.T, c net.Conn) {
			io.WriteString(c, "a STARTTLS\r\n\x16\x03\x01")
		}, decode.CommandLine},
		{"half closed", route(t, "imap", "imap", lingers), func(t *testing.T, c net.Conn) {
			c.(*net.TCPConn).CloseWrite()
		}, decode.Close},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := start(t, Config{Routes: []Route{test.route}, Recorder: discard{}})
			c := connectTo(t, p.Proxy)
			test.client(t, c)
			p.events.wait(t, "event that says so", func(x *decode.Event) bool { return x.Kind == test.until })
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := p.Shutdown(ctx); err != nil {
				t.Fatal(err)
			}
			// Its last mark is written by now.
			all := p.events.kept(decode.Close)
			if len(all) == 0 || all[len(all)-1].Dir != decode.NoDir {
				t.Fatalf("no last mark\n%s", p.events.text())
			}
			f := all[len(all)-1].Detail.(*decode.CloseDetail).Fields
			if f.Get("by") != "proxy" || f.Get("reason") != "proxy stopped" {
				t.Errorf("closed: %v", f)
			}
			if _, err := net.Dial("tcp", p.Addrs()[0].String()); err == nil {
				t.Error("still listening")
			}
		})
	}
}

// Where there is no time left, connections are cut off, and still have their last marks.
func TestShutdownAtOnce(t *testing.T) {
	p := start(t, Config{Routes: []Route{route(t, "imap", "imap", serve(t, func(c net.Conn) { io.Copy(io.Discard, c) }))}})
	connectTo(t, p.Proxy)
	p.events.wait(t, "open", func(x *decode.Event) bool { return x.Kind == decode.Open })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if all := p.events.kept(decode.Close); len(all) == 0 || all[len(all)-1].Dir != decode.NoDir {
		t.Errorf("no last mark\n%s", p.events.text())
	}
}

func TestServeEndsWithContext(t *testing.T) {
	p, err := New(Config{Routes: []Route{route(t, "imap", "imap", serve(t, imapServer(t)))}, Protocols: registry.All})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- p.Serve(ctx) }()
	c := talk(t, connectTo(t, p))
	c.expect("* OK [CAPABILITY IMAP4rev1] ready")
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	c.expect("EOF")
}

// exhausted is a listener without descriptors for a while.
type exhausted struct {
	net.Listener
	mu     sync.Mutex
	errors []error
}

func (x *exhausted) Accept() (net.Conn, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.errors) > 0 {
		err := x.errors[0]
		x.errors = x.errors[1:]
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept", err)}
	}
	return nil, net.ErrClosed
}

func (x *exhausted) Close() error   { return nil }
func (x *exhausted) Addr() net.Addr { return &net.TCPAddr{} }

func TestAcceptBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		p, err := New(Config{Log: func(text, hint string) { told = append(told, text) }})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		l := &exhausted{errors: []error{syscall.EMFILE, syscall.ENFILE, syscall.EMFILE}}
		if err := p.accept(listener{Listener: l, url: "imap://here"}); err != nil {
			t.Error(err)
		}
		if waited := time.Since(began); waited != (5+10+20)*time.Millisecond {
			t.Errorf("waited %s", waited)
		}
		if len(told) != 1 || !strings.Contains(told[0], "too many open files") {
			t.Errorf("told: %q", told)
		}
		l.errors = []error{syscall.EINVAL}
		if err := p.accept(listener{Listener: l, url: "imap://here"}); err == nil {
			t.Error("an error that does not pass was passed over")
		}
	})
}

func TestNewRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	inUse := route(t, "imap", "imap", "localhost:143")
	inUse.Listen.Port = portOf(taken.Addr())
	mixed := route(t, "imap", "imap", "localhost:143")
	mixed.Upstream.Protocol = "pop3"
	tests := []struct {
		name string
		cfg  Config
		want string
	}{
		{"port in use", Config{Routes: []Route{inUse}}, "is in use already"},
		{"SOCKS port in use", Config{Socks: taken.Addr().String()}, "is in use already"},
		{"different protocols", Config{Routes: []Route{mixed}}, "different protocols"},
		{"no CA", Config{Routes: []Route{route(t, "imaps", "imap", "localhost:143")}}, "needs a CA"},
		{"no glob", Config{Socks: "127.0.0.1:0", Only: []string{"[a"}}, "is no glob"},
		{"no rewriter", Config{
			Routes: []Route{route(t, "imap", "imap+starttls", "localhost:143")}, Protocols: []decode.Protocol{{Name: "imap"}},
		}, "STARTTLS cannot be done on one side alone"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.cfg.Protocols == nil {
				test.cfg.Protocols = registry.All
			}
			// What was opened before is closed again.
			test.cfg.Routes = append([]Route{route(t, "imap", "imap", "localhost:143")}, test.cfg.Routes...)
			p, err := New(test.cfg)
			var e *Error
			if p != nil || !errors.As(err, &e) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, %v", p, err)
			}
		})
	}
}

func TestListeners(t *testing.T) {
	all := route(t, "imaps", "imap", "localhost:143")
	all.Listen.Host = "0.0.0.0"
	p, err := New(Config{Routes: []Route{route(t, "pop3", "pop3", "localhost:110"), all}, Socks: "127.0.0.1:0", CA: world.ours, Protocols: registry.All})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Shutdown(t.Context())
	urls := p.Listeners()
	if len(urls) != 3 || len(p.Addrs()) != 3 || !strings.HasPrefix(urls[0], "pop3://127.0.0.1:") || strings.HasSuffix(urls[0], ":0") ||
		!strings.HasPrefix(urls[1], "imaps://0.0.0.0:") || !strings.HasPrefix(urls[2], "socks5://127.0.0.1:") {
		t.Errorf("listeners: %q", urls)
	}
	if e := p.Exposed(); len(e) != 1 || e[0] != urls[1] {
		t.Errorf("exposed: %q", e)
	}
}

func TestTryUpstreams(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	p := start(t, Config{Routes: []Route{
		route(t, "imap", "imap", serve(t, imapServer(t))), route(t, "imap", "imap", l.Addr().String()),
	}})
	got := map[int]bool{}
	p.TryUpstreams(t.Context(), func(r Route, a *dial.Answer, err error) {
		got[r.Upstream.Port] = err == nil && a != nil
	})
	if len(got) != 2 || !got[p.cfg.Routes[0].Upstream.Port] || got[p.cfg.Routes[1].Upstream.Port] {
		t.Errorf("got %v", got)
	}
}

func TestClock(t *testing.T) {
	c := newClock()
	last := c.now()
	for range 1000 {
		now := c.now()
		if now.Before(last) || now.Location() != time.UTC || now.Nanosecond()%1000 != 0 {
			t.Fatalf("%v after %v", now, last)
		}
		last = now
	}
	if d := time.Since(last); d < -time.Minute || d > time.Minute {
		t.Errorf("off by %s", d)
	}
}
