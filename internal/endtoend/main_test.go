package endtoend

import (
	"crypto/tls"
	"flag"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/proxy"
	"github.com/mailtrace/mailtrace/proxy/certs"
)

// patience bounds what a test waits for; nothing is measured by it.
const patience = 20 * time.Second

// world holds what all tests share: our CA, and another one that servers have theirs from.
var world struct {
	ours, theirs *certs.CA
	server       *tls.Config
}

// checks is how often each property is tried. -rapid.checks tries more.
const checks = "30"

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", checks); err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "mailtrace-endtoend")
	if err != nil {
		panic(err)
	}
	if world.ours, _, err = certs.Load(dir + "/ours"); err != nil {
		panic(err)
	}
	if world.theirs, _, err = certs.Load(dir + "/theirs"); err != nil {
		panic(err)
	}
	leaf, err := world.theirs.Leaf([]string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)})
	if err != nil {
		panic(err)
	}
	world.server = &tls.Config{Certificates: []tls.Certificate{*leaf}}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// tester is a *testing.T or a *rapid.T.
type tester interface {
	Helper()
	Logf(string, ...any)
	Errorf(string, ...any)
	Fatalf(string, ...any)
	Failed() bool
	Cleanup(func())
}

// noLeaks is for the end of a test: no goroutine is left that was not there at its
// beginning.
func noLeaks(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// clientTLS is the configuration of a client that trusts our CA. It trusts the servers'
// too, so that TLS that goes through untouched is no failure.
func clientTLS() *tls.Config {
	pool := world.ours.Pool()
	pool.AppendCertsFromPEM(world.theirs.PEM())
	return &tls.Config{RootCAs: pool, ServerName: "localhost"}
}

// upstream is a server whose connections the test plays itself.
type upstream struct {
	addr  string
	conns chan net.Conn
}

// listen starts an upstream, with TLS from the first octet or without. It ends with the
// test.
func listen(t tester, secure bool) *upstream {
	t.Helper()
	u := &upstream{conns: make(chan net.Conn)}
	u.addr = serve(t, func(c net.Conn) {
		if secure {
			s := tls.Server(c, world.server)
			if s.Handshake() != nil {
				return
			}
			c = s
		}
		done := make(chan struct{})
		select {
		case u.conns <- &lent{Conn: c, done: done}:
			<-done
		case <-time.After(patience):
		}
	})
	return u
}

// lent is a connection that whoever has it closes.
type lent struct {
	net.Conn
	once sync.Once
	done chan struct{}
}

// Close closes the connection and lets go of it.
func (l *lent) Close() error {
	defer l.once.Do(func() { close(l.done) })
	return l.Conn.Close()
}

// take is the next connection that the proxy made.
func (u *upstream) take(t tester) net.Conn {
	t.Helper()
	select {
	case c := <-u.conns:
		return c
	case <-time.After(patience):
		t.Fatalf("nobody connected to the server")
		return nil
	}
}

// serve listens on loopback and runs handle for each connection. It ends with the test.
func serve(t tester, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("%v", err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(patience))
				handle(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	return l.Addr().String()
}

// overTLS makes a server speak TLS from the first octet.
func overTLS(handle func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		s := tls.Server(c, world.server)
		if s.Handshake() == nil {
			handle(s)
			s.Close()
		}
	}
}

// route is a route from a free port to addr, by schemes.
func route(t tester, listen, upstream, addr string) proxy.Route {
	t.Helper()
	l, err := dial.ParseListen(listen + "://127.0.0.1:0")
	if err != nil {
		t.Fatalf("%v", err)
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatalf("%v", err)
	}
	u, err := dial.Parse(upstream + "://localhost:" + port)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return proxy.Route{Listen: l, Upstream: u}
}
