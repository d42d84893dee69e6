package mailserver

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/mailtrace/mailtrace/replay"
)

func script(t *testing.T, name string) *replay.Script {
	t.Helper()
	s, err := replay.ParseFS(Scripts(), name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// pipes is a listener whose connections are pipes: without buffers, so that an end that
// writes and does not read shows.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial(t *testing.T) net.Conn {
	t.Helper()
	a, b := net.Pipe()
	select {
	case p.conns <- b:
	case <-p.done:
		t.Fatal("the server is closed")
	}
	return a
}

// play plays both sessions against one store, the POP3 one first.
func play(t *testing.T, wrap func(net.Listener) net.Listener, dress func(net.Conn) net.Conn, upgrade func(net.Conn) (net.Conn, error), s *Server) {
	t.Helper()
	s.Store = NewStore(DemoMessages(), testClock)
	s.Users = map[string]string{"reader": "pass word"}
	s.OnIdle = func() {
		if _, err := s.Store.Append("INBOX", LateMessage()); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"pop3", "imap"} {
		p := newPipes()
		serve := s.ServePOP3
		if name == "imap" {
			serve = s.ServeIMAP
		}
		done := make(chan error, 1)
		go func() { done <- serve(wrap(p)) }()
		conn := dress(p.dial(t))
		sc := script(t, name+".script")
		res, err := replay.Play(context.Background(), conn, sc, sc.Conns[0].Name, replay.Options{
			User: "reader", Password: "pass word", StartTLS: upgrade,
			Log: func(at replay.Pos, line string) { t.Log(at, line) },
		})
		if err != nil {
			t.Error(err)
		}
		for _, d := range res.Differences {
			t.Error(d)
		}
		if res.Unplayed > 0 || res.Sent == 0 || res.Same == 0 {
			t.Errorf("%s: %d sent, %d same, %d unplayed", name, res.Sent, res.Same, res.Unplayed)
		}
		io.Copy(io.Discard, conn) // the server closes first
		conn.Close()
		p.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	s.Close()
}

func bare(ln net.Listener) net.Listener { return ln }

func TestScriptsInClear(t *testing.T) {
	play(t, bare, func(c net.Conn) net.Conn { return c }, nil, &Server{})
}

func TestScriptsStartTLS(t *testing.T) {
	server, client := certificate()
	play(t, bare, func(c net.Conn) net.Conn { return c }, func(c net.Conn) (net.Conn, error) {
		conn := tls.Client(c, client)
		return conn, conn.Handshake()
	}, &Server{TLSConfig: server, RequireTLS: true})
}

func TestScriptsTLS(t *testing.T) {
	server, client := certificate()
	play(t, func(ln net.Listener) net.Listener { return tls.NewListener(ln, server) },
		func(c net.Conn) net.Conn { return tls.Client(c, client) }, nil, &Server{TLSConfig: server, RequireTLS: true})
}

// The scripts can be served too: nothing that the server says lacks a sample.
func TestScriptsHaveSamples(t *testing.T) {
	for _, name := range []string{"pop3.script", "imap.script"} {
		s := script(t, name)
		for _, side := range []replay.Side{replay.ClientSide, replay.ServerSide} {
			if err := s.Check(side); err != nil {
				t.Error(err)
			}
		}
		chunks, err := s.Chunks(map[string]string{"user": "reader", "password": "secret"})
		if err != nil || len(chunks) == 0 {
			t.Error(len(chunks), err)
		}
	}
}
