package proxy

import (
	"crypto/tls"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// upgraded goes on over TLS, as a server; nil if the handshake failed.
func (d *dialog) upgraded() *dialog {
	d.t.Helper()
	s := tls.Server(&rawConn{Conn: d.Conn, prefix: d.buffered()}, serverTLS(d.t, "localhost"))
	if s.Handshake() != nil {
		return nil
	}
	return talk(d.t, s)
}

// buffered is what was read and not looked at.
func (d *dialog) buffered() []byte {
	p, _ := d.r.Peek(d.r.Buffered())
	return p
}

// like starts a proxy between two plain legs whose server does what handle says.
func like(t *testing.T, handle func(*dialog), change ...func(*Proxy)) (listening, *dialog) {
	t.Helper()
	addr := serve(t, func(c net.Conn) { handle(talk(t, c)) })
	p := start(t, Config{Routes: []Route{route(t, "imap+starttls", "imap+starttls", addr)}, Recorder: discard{}}, change...)
	return p, talk(t, connectTo(t, p.Proxy))
}

func (p listening) hasTLS(t *testing.T, leg string) {
	t.Helper()
	marks := p.events.kept(decode.TLS)
	if len(marks) != 1 || marks[0].Detail.(decode.Fields).Get("leg") != leg || marks[0].Detail.(decode.Fields).Get("error") != "" {
		t.Errorf("TLS marks: %v\n%s", marks, p.events.text())
	}
}

func TestTurnover(t *testing.T) {
	for _, hide := range [][]string{nil, {"X*"}} {
		t.Run(strings.Join(hide, ""), func(t *testing.T) { testTurnover(t, hide) })
	}
}

func testTurnover(t *testing.T, hide []string) {
	p, c := like(t, func(s *dialog) {
		s.send("* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n")
		s.expect("a NOOP")
		s.send("a OK done\r\n")
		s.expect("b STARTTLS")
		s.send("b OK go\r\n")
		if s = s.upgraded(); s == nil {
			t.Error("no TLS on the server's leg")
			return
		}
		s.expect("c LOGOUT")
		s.send("* BYE now\r\nc OK done\r\n")
		s.Close()
	}, func(p *Proxy) { p.cfg.Hide = hide })
	c.expect("* OK [CAPABILITY IMAP4rev1 STARTTLS] ready")
	c.send("a NOOP\r\n")
	c.expect("a OK done")
	c.send("b STARTTLS\r\n")
	c.expect("b OK go")
	c = c.secure()
	c.send("c LOGOUT\r\n")
	c.expect("* BYE now")
	c.expect("c OK done")
	c.expect("EOF")
	c.Close()
	p.events.closed(t, 1)
	p.hasTLS(t, "both")
	if ids := p.events.findings(); len(ids) > 0 {
		t.Errorf("findings: %v\n%s", ids, p.events.text())
	}
}

func TestTurnoverClientRefuses(t *testing.T) {
	p, c := like(t, func(s *dialog) {
		s.send("* OK\r\n")
		s.expect("a STARTTLS")
		s.send("a OK go\r\n")
		if s = s.upgraded(); s != nil {
			s.expect("EOF")
		}
	})
	c.expect("* OK")
	c.send("a STARTTLS\r\n")
	c.expect("a OK go")
	if tls.Client(c.Conn, &tls.Config{RootCAs: world.theirs.Pool(), ServerName: "localhost"}).Handshake() == nil {
		t.Error("handshake without trust")
	}
	p.events.closed(t, 1)
	marks := p.events.kept(decode.TLS)
	if len(marks) != 2 || marks[0].Detail.(decode.Fields).Get("leg") != "server" || marks[1].Detail.(decode.Fields).Get("alert") != "bad_certificate" {
		t.Errorf("TLS marks: %v", marks)
	}
}

// The order of things at the turn, as peers may bring it about.
func TestTurnoverRaces(t *testing.T) {
	turned := func(s *dialog) {
		if s = s.upgraded(); s == nil {
			s.t.Error("no TLS on the server's leg")
			return
		}
		s.expect("z NOOP")
		s.send("z OK\r\n")
	}
	noop := func(c *dialog) {
		c.send("z NOOP\r\n")
		c.expect("z OK")
	}
	tests := []struct {
		name     string
		server   func(*dialog)
		client   func(*dialog)
		findings []string
	}{
		{
			"the OK comes before the command is whole",
			func(s *dialog) {
				s.send("* OK\r\na OK go\r\n")
				s.expect("a STARTTLS")
				turned(s)
			},
			func(c *dialog) {
				c.expect("* OK")
				c.expect("a OK go")
				c.send("a STARTTLS\r\n")
				noop(c.secure())
			},
			[]string{"starttls.early-tagged"},
		},
		{
			"commands behind STARTTLS in the same read",
			func(s *dialog) {
				s.send("* OK\r\n")
				s.expect("a STARTTLS")
				s.expect("b NOOP")
				s.send("a OK go\r\n")
				turned(s)
			},
			func(c *dialog) {
				c.expect("* OK")
				c.send("a STARTTLS\r\nb NOOP\r\n")
				c.expect("a OK go")
				noop(c.secure())
			},
			[]string{"starttls.command-injection"},
		},
		{
			"commands behind STARTTLS in a read of their own",
			func(s *dialog) {
				s.send("* OK\r\n")
				s.expect("a STARTTLS")
				s.send("* OK not yet\r\n")
				s.expect("b NOOP")
				s.send("a OK go\r\n")
				turned(s)
			},
			func(c *dialog) {
				c.expect("* OK")
				c.send("a STARTTLS\r\n")
				c.expect("* OK not yet")
				c.send("b NOOP\r\n")
				c.expect("a OK go")
				noop(c.secure())
			},
			[]string{"starttls.command-injection"},
		},
		{
			"the ClientHello comes before the OK",
			func(s *dialog) {
				s.send("* OK\r\n")
				s.expect("a STARTTLS")
				s.send("* OK hello is on its way\r\n")
				s.send("a OK go\r\n")
				turned(s)
			},
			func(c *dialog) {
				c.expect("* OK")
				// Both in one write, and the handshake goes on by itself.
				early := &earlyHello{Conn: c.Conn, before: []byte("a STARTTLS\r\n"), r: c, want: []string{"* OK hello is on its way", "a OK go"}}
				s := tls.Client(early, clientTLS())
				if err := s.Handshake(); err != nil {
					c.t.Errorf("handshake: %v", err)
					return
				}
				noop(talk(c.t, s))
			},
			nil,
		},
		{
			"server octets in clear behind the OK in the same read",
			func(s *dialog) {
				s.send("* OK\r\n")
				s.expect("a STARTTLS")
				s.send("a OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n")
				turned(s)
			},
			func(c *dialog) {
				c.expect("* OK")
				c.send("a STARTTLS\r\n")
				c.expect("a OK go")
				c.expect("* CAPABILITY IMAP4rev1 AUTH=PLAIN")
				noop(c.secure())
			},
			[]string{"starttls.response-injection"},
		},
		{
			"refused with NO",
			func(s *dialog) {
				s.send("* OK\r\n")
				s.expect("a STARTTLS")
				s.send("a NO not today\r\n")
				s.expect("z NOOP")
				s.send("z OK\r\n")
			},
			func(c *dialog) {
				c.expect("* OK")
				c.send("a STARTTLS\r\n")
				c.expect("a NO not today")
				noop(c)
			},
			nil,
		},
		{
			"refused with BAD, a ClientHello having come",
			func(s *dialog) {
				s.send("* OK\r\n")
				s.expect("a STARTTLS")
				s.send("a BAD what\r\n")
				s.expect("\x16\x03\x01 and then some")
				s.send("z OK\r\n")
			},
			func(c *dialog) {
				c.expect("* OK")
				c.send("a STARTTLS\r\n\x16\x03\x01 and then some\r\n")
				c.expect("a BAD what")
				c.expect("z OK")
			},
			nil,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, c := like(t, test.server)
			test.client(c)
			c.Close()
			p.events.closed(t, 1)
			got := slices.DeleteFunc(p.events.findings(), func(id string) bool { return !strings.HasPrefix(id, "starttls.") })
			if !slices.Equal(slices.Compact(got), test.findings) {
				t.Errorf("findings %v, want %v\n%s", got, test.findings, p.events.text())
			}
		})
	}
}

// earlyHello sends a ClientHello right behind STARTTLS, and takes what comes in clear out of
// the stream.
type earlyHello struct {
	net.Conn
	before []byte
	r      *dialog
	want   []string
}

func (e *earlyHello) Write(p []byte) (int, error) {
	if e.before == nil {
		return e.Conn.Write(p)
	}
	_, err := e.Conn.Write(append(e.before, p...))
	e.before = nil
	for _, line := range e.want {
		e.r.expect(line)
	}
	return len(p), err
}

func (e *earlyHello) Read(p []byte) (int, error) { return e.r.r.Read(p) }

func TestParkedClientGoes(t *testing.T) {
	asked, gone := make(chan struct{}), make(chan struct{})
	p, c := like(t, func(s *dialog) {
		s.send("* OK\r\n")
		s.expect("a STARTTLS")
		close(asked)
		s.expect("EOF") // with the STARTTLS unanswered
		close(gone)
	})
	c.expect("* OK")
	c.send("a STARTTLS\r\n")
	<-asked
	c.Close()
	<-gone
	if f := p.events.closed(t, 1); f.Get("by") != "client" {
		t.Errorf("closed: %v", f)
	}
}

func TestParkedServerGoes(t *testing.T) {
	p, c := like(t, func(s *dialog) {
		s.send("* OK\r\n")
		s.expect("a STARTTLS")
		s.send("* BYE no\r\n")
	})
	c.expect("* OK")
	c.send("a STARTTLS\r\n\x16\x03")
	c.expect("* BYE no")
	c.expect("EOF")
	c.Close()
	if f := p.events.closed(t, 1); f.Get("by") != "server" {
		t.Errorf("closed: %v", f)
	}
}

func TestParkedTooLong(t *testing.T) {
	p, c := like(t, func(s *dialog) {
		s.send("* OK\r\n")
		s.expect("a STARTTLS")
		s.expect("EOF")
	}, func(p *Proxy) { p.times.park = 20 * time.Millisecond })
	c.expect("* OK")
	c.send("a STARTTLS\r\n")
	c.expect("EOF")
	f := p.events.closed(t, 1)
	if f.Get("by") != "proxy" || f.Get("reason") != "the server did not answer STARTTLS within 20ms" {
		t.Errorf("closed: %v", f)
	}
}

// A parked pump holds no more than its buffer.
func TestParkedFull(t *testing.T) {
	p, c := like(t, func(s *dialog) {
		s.send("* OK\r\n")
		s.expect("a STARTTLS")
		s.expect("EOF")
	}, func(p *Proxy) { p.times.park = 2 * time.Second })
	c.expect("* OK")
	c.send("a STARTTLS\r\n\x16\x03\x01")
	go io.Copy(c.Conn, strings.NewReader(strings.Repeat("x", 16<<20))) // ends with the connection
	if f := p.events.closed(t, 1); f.Get("by") != "proxy" {
		t.Errorf("closed: %v", f)
	}
	if x := p.events.kept(decode.Undelivered); len(x) != 1 || x[0].Detail.(decode.Fields).Get("octets") != "65536" {
		t.Errorf("undelivered: %v", x)
	}
}

func TestTurnoverServerGoesOnInClear(t *testing.T) {
	told := make(chan struct{})
	p, c := like(t, func(s *dialog) {
		s.send("* OK\r\n")
		s.expect("a STARTTLS")
		s.send("a OK go\r\n")
		<-told // in a read of its own
		s.send("* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n")
		io.Copy(io.Discard, s.r)
	})
	c.expect("* OK")
	c.send("a STARTTLS\r\n")
	c.expect("a OK go")
	close(told)
	p.events.closed(t, 1)
	if got := p.events.findings(); !slices.Contains(got, "starttls.response-injection") {
		t.Errorf("findings %v\n%s", got, p.events.text())
	}
}

// Where a decoder is broken nothing parks, and TLS goes from one end to the other untouched.
func TestTurnoverWithBrokenDecoder(t *testing.T) {
	addr := serve(t, func(c net.Conn) {
		s := talk(t, c)
		s.send("* OK\r\n")
		s.expect("a STARTTLS")
		s.send("a OK go\r\n")
		if s = s.upgraded(); s != nil {
			s.expect("z NOOP")
			s.send("z OK\r\n")
		}
	})
	p := start(t, Config{
		Routes:      []Route{route(t, "imap", "imap", addr)},
		WrapSession: func(s decode.Session) decode.Session { return &fragile{Session: s, after: 2} },
	})
	c := talk(t, connectTo(t, p.Proxy))
	c.expect("* OK")
	c.send("a STARTTLS\r\n")
	c.expect("a OK go")
	s := tls.Client(c.Conn, &tls.Config{RootCAs: world.theirs.Pool(), ServerName: "localhost"})
	if err := s.Handshake(); err != nil {
		t.Fatalf("handshake with the server itself: %v", err)
	}
	d := talk(t, s)
	d.send("z NOOP\r\n")
	d.expect("z OK")
	s.Close()
	p.events.closed(t, 1)
	if len(p.events.kept(decode.Desync)) != 1 {
		t.Errorf("no desync\n%s", p.events.text())
	}
}

// fragile panics at one of its writes.
type fragile struct {
	decode.Session
	after int
}

func (f *fragile) Write(d decode.Dir, t time.Time, p []byte) (int, decode.Next, []decode.Event) {
	if f.after--; f.after < 0 {
		panic("broken on purpose")
	}
	return f.Session.Write(d, t, p)
}

// Cleartext that was read when the turn had been decided already is found, and goes on.
func TestTurnoverHeldInClear(t *testing.T) {
	x := onPipes(t, Config{})
	x.c.observe(decode.Server, []byte("* OK\r\na OK go\r\n"))
	if _, next := x.c.observe(decode.Client, []byte("a STARTTLS\r\n")); next != decode.TLSHere {
		t.Fatalf("next is %d", next)
	}
	b := newBuffer()
	b.hold([]byte("* CAPABILITY IMAP4rev1\r\n\x16\x03\x03"))
	done := make(chan bool)
	go func() { done <- x.c.inject(decode.Server, b) }()
	talk(t, x.client).expect("* CAPABILITY IMAP4rev1")
	if !<-done || string(b.held) != "\x16\x03\x03" {
		t.Errorf("held %q", b.held)
	}
	if got := x.events.findings(); !slices.Contains(got, "starttls.response-injection") {
		t.Errorf("findings: %v", got)
	}
}

// A server refuses STARTTLS at the very moment at which the client goes on: whichever is
// first, the connection goes on in clear.
func TestRefusedWhileClientGoesOn(t *testing.T) {
	asked := make(chan struct{})
	addr := serve(t, func(c net.Conn) {
		s := talk(t, c)
		s.send("* OK\r\n")
		s.expect("a STARTTLS")
		asked <- struct{}{}
		s.send("a NO\r\n")
		s.expect("b NOOP")
		s.send("b OK\r\n")
		s.expect("c NOOP")
		s.send("c OK\r\n")
		s.expect("EOF")
	})
	p := start(t, Config{Routes: []Route{route(t, "imap+starttls", "imap+starttls", addr)}})
	for range 300 {
		c := talk(t, connectTo(t, p.Proxy))
		c.expect("* OK")
		c.send("a STARTTLS\r\n")
		<-asked
		c.send("b NOOP\r\n")
		c.expect("a NO")
		c.expect("b OK")
		c.send("c NOOP\r\n")
		c.expect("c OK")
		c.Close()
		if t.Failed() {
			return
		}
	}
}
