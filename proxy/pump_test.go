package proxy

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// imapServer answers a few commands.
func imapServer(t testing.TB) func(net.Conn) {
	return func(c net.Conn) {
		s := talk(t, c)
		s.send("* OK [CAPABILITY IMAP4rev1] ready\r\n")
		for {
			line := s.line()
			tag, rest, _ := strings.Cut(line, " ")
			switch {
			case strings.HasSuffix(line, "EOF"), strings.Contains(line, "error:"):
				return
			case rest == "LOGOUT":
				s.send("* BYE\r\n" + tag + " OK bye\r\n")
				return
			default:
				s.send(tag + " OK " + rest + "\r\n")
			}
		}
	}
}

func TestLegsWithoutStartTLS(t *testing.T) {
	for _, listen := range []string{"imap", "imaps"} {
		for _, upstream := range []string{"imap", "imaps"} {
			t.Run(listen+" to "+upstream, func(t *testing.T) {
				handle := imapServer(t)
				if upstream == "imaps" {
					handle = overTLS(t, handle)
				}
				p := start(t, Config{Routes: []Route{route(t, listen, upstream, serve(t, handle))}, Recorder: discard{}})
				c := talk(t, connectTo(t, p.Proxy))
				if listen == "imaps" {
					c = c.secure()
				}
				c.expect("* OK [CAPABILITY IMAP4rev1] ready")
				c.send("a NOOP\r\n")
				c.expect("a OK NOOP")
				c.send("b LOGOUT\r\n")
				c.expect("* BYE")
				c.expect("b OK bye")
				c.expect("EOF")
				c.Close()
				f := p.events.closed(t, 1)
				if f.Get("by") != "server" || f.Get("reason") != "" {
					t.Errorf("closed: %v", f)
				}
				leg := map[string]string{"imap imaps": "server", "imaps imap": "client", "imaps imaps": "both"}[listen+" "+upstream]
				marks := p.events.kept(decode.TLS)
				switch {
				case leg == "" && len(marks) > 0, leg != "" && len(marks) != 1:
					t.Errorf("%d TLS marks\n%s", len(marks), p.events.text())
				case leg != "" && marks[0].Detail.(decode.Fields).Get("leg") != leg:
					t.Errorf("TLS: %v", marks[0].Detail)
				}
				for i, x := range p.events.all {
					if x.Seq != uint64(i+1) {
						t.Fatalf("event %d has number %d", i, x.Seq)
					}
				}
			})
		}
	}
}

func TestHalfClose(t *testing.T) {
	for _, scheme := range []string{"imap", "imaps"} {
		t.Run(scheme, func(t *testing.T) {
			// The server speaks only once the client has ended its direction.
			handle := func(c net.Conn) {
				if p, err := io.ReadAll(c); err != nil || string(p) != "a NOOP\r\n" {
					t.Errorf("server read %q, %v", p, err)
				}
				io.WriteString(c, "* BYE late\r\n")
			}
			if scheme == "imaps" {
				handle = overTLS(t, handle)
			}
			p := start(t, Config{Routes: []Route{route(t, scheme, scheme, serve(t, handle))}})
			c := connectTo(t, p.Proxy)
			if scheme == "imaps" {
				c = secure(t, c)
			}
			io.WriteString(c, "a NOOP\r\n")
			if err := c.(halfCloser).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(c); string(got) != "* BYE late\r\n" {
				t.Errorf("client read %q, %v", got, err)
			}
			if f := p.events.closed(t, 1); f.Get("by") != "client" {
				t.Errorf("closed: %v", f)
			}
		})
	}
}

func TestReset(t *testing.T) {
	for _, by := range []string{"client", "server"} {
		t.Run(by, func(t *testing.T) {
			go1 := make(chan struct{})
			reset := func(c net.Conn) {
				c.(*net.TCPConn).SetLinger(0)
				c.Close()
			}
			addr := serve(t, func(c net.Conn) {
				s := talk(t, c)
				s.send("* OK ready\r\n")
				if by == "server" {
					s.expect("a NOOP")
					reset(c)
					return
				}
				io.Copy(io.Discard, c)
				close(go1)
			})
			p := start(t, Config{Routes: []Route{route(t, "imap", "imap", addr)}})
			c := talk(t, connectTo(t, p.Proxy))
			c.expect("* OK ready")
			if by == "server" {
				c.send("a NOOP\r\n")
				c.expect("EOF")
			} else {
				reset(c.Conn)
				<-go1
			}
			if f := p.events.closed(t, 1); f.Get("by") != by || f.Get("reason") != "connection reset by "+by {
				t.Errorf("closed: %v", f)
			}
		})
	}
}

func TestUpstreamRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	p := start(t, Config{Routes: []Route{route(t, "imap", "imap", l.Addr().String())}})
	c := talk(t, connectTo(t, p.Proxy))
	c.expect("EOF")
	f := p.events.closed(t, 1)
	if f.Get("by") != "server" || f.Get("reason") != "upstream unreachable" || !strings.Contains(f.Get("error"), "refused") || f.Get("hint") == "" {
		t.Errorf("closed: %v", f)
	}
}

// deaf is a peer to whom nothing can be written, and who says nothing until it is closed.
type deaf struct {
	net.Conn
	took int
}

func (d deaf) Write([]byte) (int, error) { return d.took, io.ErrClosedPipe }

func TestUndelivered(t *testing.T) {
	p := onPipes(t, Config{})
	p.c.p.times.linger = time.Millisecond
	p.c.legs[decode.Server].Conn = deaf{p.c.legs[decode.Server].Conn, 3}
	go io.WriteString(p.client, "a NOOP\r\n")
	p.run()
	e := p.events
	x := e.kept(decode.Undelivered)
	if len(x) != 1 || x[0].Dir != decode.Client || x[0].Detail.(decode.Fields).Get("octets") != "5" {
		t.Errorf("undelivered: %v", x)
	}
	if f := e.closed(t, 1); f.Get("by") != "server" || f.Get("reason") != "server gone" {
		t.Errorf("closed: %v", f)
	}
}
