package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/proxy/certs"
)

// patience bounds what a test waits for; nothing is measured by it.
const patience = 20 * time.Second

// world holds what all tests share: our CA, and another one that servers have theirs from.
var world struct{ ours, theirs *certs.CA }

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "mailtrace-proxy")
	if err != nil {
		panic(err)
	}
	if world.ours, _, err = certs.Load(dir + "/ours"); err != nil {
		panic(err)
	}
	if world.theirs, _, err = certs.Load(dir + "/theirs"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// events is a Sink that keeps everything.
type events struct {
	mu   sync.Mutex
	cond *sync.Cond
	all  []decode.Event
}

func newEvents() *events {
	e := &events{}
	e.cond = sync.NewCond(&e.mu)
	return e
}

func (e *events) Events(list []decode.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range list {
		e.all = append(e.all, list[i].Clone())
	}
	e.cond.Broadcast()
}

// wait waits for an event that ok accepts and gives it.
func (e *events) wait(t testing.TB, what string, ok func(*decode.Event) bool) decode.Event {
	t.Helper()
	late := false
	timer := time.AfterFunc(patience, func() {
		e.mu.Lock()
		late = true
		e.mu.Unlock()
		e.cond.Broadcast()
	})
	defer timer.Stop()
	e.mu.Lock()
	defer e.mu.Unlock()
	for from := 0; ; {
		for ; from < len(e.all); from++ {
			if ok(&e.all[from]) {
				return e.all[from]
			}
		}
		if late {
			t.Fatalf("no %s among the events:\n%s", what, e.dump())
		}
		e.cond.Wait()
	}
}

// closed waits for the end of a connection and gives its fields.
func (e *events) closed(t testing.TB, conn int) decode.Fields {
	t.Helper()
	x := e.wait(t, "end of the connection", func(x *decode.Event) bool {
		return x.Kind == decode.Close && x.Dir == decode.NoDir && x.Conn == conn && x.Origin == decode.FromPeer
	})
	return x.Detail.(*decode.CloseDetail).Fields
}

// kept are the events of a kind.
func (e *events) kept(k decode.Kind) []decode.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []decode.Event
	for _, x := range e.all {
		if x.Kind == k {
			list = append(list, x)
		}
	}
	return list
}

func (e *events) findings() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var ids []string
	for _, x := range e.all {
		for _, f := range x.Findings {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

func (e *events) dump() string {
	var b strings.Builder
	for i := range e.all {
		x := &e.all[i]
		fmt.Fprintf(&b, "  %d #%d %s%s %s %s %q %v %v\n", x.Seq, x.Conn, x.Dir, x.Dir.Other(), x.Kind, x.Name, x.Text, x.Detail, x.Findings)
	}
	return b.String()
}

// text is the dump for a failed test.
func (e *events) text() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.dump()
}

// discard is a Recorder that keeps nothing.
type discard struct{}

func (discard) Open(int, decode.Origin) Tape { return discard{} }
func (discard) Octets(decode.Octets)         {}
func (discard) Mark(decode.Mark)             {}
func (discard) Commit()                      {}

// serve listens on loopback and runs handle for each connection. It ends with the test.
func serve(t testing.TB, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
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

// serverTLS is the configuration of a server whose certificate is for name.
func serverTLS(t testing.TB, names ...string) *tls.Config {
	t.Helper()
	leaf, err := world.theirs.Leaf(names, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{*leaf}}
}

// overTLS makes a server speak TLS from the first octet.
func overTLS(t testing.TB, handle func(net.Conn)) func(net.Conn) {
	cfg := serverTLS(t, "localhost")
	return func(c net.Conn) {
		s := tls.Server(c, cfg)
		if s.Handshake() == nil {
			handle(s)
			s.Close()
		}
	}
}

// listening is what tests start proxies with.
type listening struct {
	*Proxy
	events *events
}

// start runs a proxy and stops it with the test.
func start(t testing.TB, cfg Config, change ...func(*Proxy)) listening {
	t.Helper()
	if cfg.CA == nil {
		cfg.CA = world.ours
	}
	if cfg.Protocols == nil {
		cfg.Protocols = registry.All
	}
	if cfg.Dial.Roots == nil {
		cfg.Dial.Roots = world.theirs.Pool()
	}
	e := newEvents()
	if cfg.Sink == nil {
		cfg.Sink = e
	}
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(p)
	}
	served := make(chan error, 1)
	go func() { served <- p.Serve(context.Background()) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := p.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return listening{p, e}
}

// route is a route from a free port to addr, by schemes.
func route(t testing.TB, listen, upstream, addr string) Route {
	t.Helper()
	l, err := dial.ParseListen(listen + "://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	u, err := dial.Parse(upstream + "://localhost:" + port)
	if err != nil {
		t.Fatal(err)
	}
	return Route{Listen: l, Upstream: u}
}

// connectTo connects to the proxy's first listener, in clear.
func connectTo(t testing.TB, p *Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

// clientTLS trusts our CA.
func clientTLS() *tls.Config { return &tls.Config{RootCAs: world.ours.Pool(), ServerName: "localhost"} }

// fataler is a *testing.T or a *rapid.T.
type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

// secure does a handshake as a client.
func secure(t fataler, c net.Conn) *tls.Conn {
	t.Helper()
	s := tls.Client(c, clientTLS())
	if err := s.Handshake(); err != nil {
		t.Fatalf("handshake: %v", err)
	}
	return s
}

// dialog is a peer that sends and expects lines.
type dialog struct {
	net.Conn
	r *bufio.Reader
	t testing.TB
}

func talk(t testing.TB, c net.Conn) *dialog { return &dialog{c, bufio.NewReader(c), t} }

func (d *dialog) send(s string) {
	d.t.Helper()
	if _, err := io.WriteString(d.Conn, s); err != nil {
		d.t.Errorf("send %q: %v", s, err)
	}
}

// line gives the next line without its end; "EOF" at the end of the stream.
func (d *dialog) line() string {
	s, err := d.r.ReadString('\n')
	if err != nil {
		if errors.Is(err, io.EOF) {
			return s + "EOF"
		}
		return s + "error: " + err.Error()
	}
	return strings.TrimSuffix(s, "\r\n")
}

func (d *dialog) expect(want string) {
	d.t.Helper()
	if got := d.line(); got != want {
		d.t.Errorf("got %q, want %q", got, want)
	}
}

// secure goes on over TLS, as a client.
func (d *dialog) secure() *dialog {
	d.t.Helper()
	return talk(d.t, secure(d.t, d.Conn))
}
