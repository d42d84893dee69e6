package proxy

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
)

// strict is a server that insists on TLS: before it, there is LOGINDISABLED and no USER.
type strict struct {
	t      testing.TB
	s      *dialog
	secure bool
	offer  bool // STARTTLS is to be had
}

// serve runs the dialog of a protocol; security is that of the scheme.
func (x *strict) serve(protocol string) {
	if protocol == "imap" {
		x.imap()
	} else {
		x.pop3()
	}
}

func (x *strict) upgrade() bool {
	if x.s = x.s.upgraded(); x.s == nil {
		x.t.Error("no TLS with the server")
		return false
	}
	x.secure = true
	return true
}

func (x *strict) imap() {
	capabilities := func() string {
		if x.secure || !x.offer {
			return "IMAP4rev1 AUTH=PLAIN"
		}
		return "IMAP4rev1 STARTTLS LOGINDISABLED"
	}
	x.s.send("* OK [CAPABILITY " + capabilities() + "] ready\r\n")
	for {
		line := x.s.line()
		tag, rest, _ := strings.Cut(line, " ")
		switch command, _, _ := strings.Cut(rest, " "); {
		case strings.HasSuffix(line, "EOF"), strings.Contains(line, "error:"):
			return
		case command == "CAPABILITY":
			x.s.send("* CAPABILITY " + capabilities() + "\r\n" + tag + " OK\r\n")
		case command == "ID":
			x.s.send("+ go on\r\n")
			x.s.line()
			x.s.send("* ID NIL\r\n" + tag + " OK\r\n")
		case command == "STARTTLS" && x.offer && !x.secure:
			x.s.send(tag + " OK go\r\n")
			if !x.upgrade() {
				return
			}
		case command == "LOGIN" && (x.secure || !x.offer):
			x.s.send(tag + " OK logged in\r\n")
		case command == "NOOP":
			x.s.send(tag + " OK\r\n")
		case command == "LOGOUT":
			x.s.send("* BYE\r\n" + tag + " OK\r\n")
			x.s.Close()
			return
		default:
			x.t.Errorf("the server got %q", line)
			x.s.send(tag + " BAD\r\n")
		}
	}
}

func (x *strict) pop3() {
	x.s.send("+OK ready <1896.697170952@dbc.mtview.ca.us>\r\n")
	for {
		line := x.s.line()
		switch command, _, _ := strings.Cut(strings.ToUpper(line), " "); {
		case strings.HasSuffix(line, "EOF"), strings.Contains(line, "error:"):
			return
		case command == "CAPA" && (x.secure || !x.offer):
			x.s.send("+OK\r\nTOP\r\nUSER\r\n.\r\n")
		case command == "CAPA":
			x.s.send("+OK\r\nTOP\r\nSTLS\r\n.\r\n")
		case command == "STLS" && x.offer && !x.secure:
			x.s.send("+OK go\r\n")
			if !x.upgrade() {
				return
			}
		case command == "USER" && (x.secure || !x.offer):
			x.s.send("+OK\r\n")
		case command == "QUIT":
			x.s.send("+OK\r\n")
			x.s.Close()
			return
		default:
			x.t.Errorf("the server got %q", line)
			x.s.send("-ERR\r\n")
		}
	}
}

// upstreamFor runs a strict server behind a scheme.
func upstreamFor(t testing.TB, scheme string) string {
	protocol, _, startTLS := strings.Cut(scheme, "+")
	overTLSToo := strings.HasSuffix(protocol, "s")
	protocol = strings.TrimSuffix(protocol, "s")
	handle := func(c net.Conn) {
		x := &strict{t: t, s: talk(t, c), secure: overTLSToo, offer: startTLS || overTLSToo}
		x.serve(protocol)
	}
	if overTLSToo {
		handle = overTLS(t, handle)
	}
	return serve(t, handle)
}

// Every combination of listener and upstream leads to a login, whatever the server insists on.
func TestLegMatrix(t *testing.T) {
	for _, protocol := range []string{"imap", "pop3"} {
		for _, listen := range []string{"", "s", "+starttls"} {
			for _, upstream := range []string{"", "s", "+starttls"} {
				t.Run(protocol+listen+" before "+protocol+upstream, func(t *testing.T) {
					addr := upstreamFor(t, protocol+upstream)
					p := start(t, Config{Routes: []Route{route(t, protocol+listen, protocol+upstream, addr)}, Recorder: discard{}})
					c := talk(t, connectTo(t, p.Proxy))
					if listen == "s" {
						c = c.secure()
					}
					if protocol == "imap" {
						imapClient(c, listen == "+starttls", unlike(p.cfg.Routes[0]))
					} else {
						pop3Client(c, listen == "+starttls")
					}
					p.events.closed(t, 1)
					if ids := p.events.findings(); slices.ContainsFunc(ids, func(id string) bool { return strings.HasPrefix(id, "starttls.") }) {
						t.Errorf("findings: %v", ids)
					}
					for _, k := range []decode.Kind{decode.Desync, decode.Malformed, decode.Undelivered, decode.Opaque} {
						if x := p.events.kept(k); len(x) > 0 {
							t.Errorf("%v\n%s", x, p.events.text())
						}
					}
					if edits := p.events.kept(decode.Edit); len(edits) > 0 && !unlike(p.cfg.Routes[0]) {
						t.Errorf("edits between like legs: %v", edits)
					}
				})
			}
		}
	}
}

func imapClient(c *dialog, startTLS, hidden bool) {
	greeting := c.line()
	if hidden && greeting != "* OK ready" {
		c.t.Errorf("greeting %q", greeting)
	}
	if startTLS {
		c.send("a CAPABILITY\r\n")
		if got := c.line(); !strings.Contains(got, " STARTTLS") || !strings.Contains(got, " LOGINDISABLED") {
			c.t.Errorf("capabilities before TLS: %q", got)
		}
		c.expect("a OK")
		c.send("b STARTTLS\r\n")
		if got := c.line(); !strings.HasPrefix(got, "b OK") {
			c.t.Errorf("STARTTLS: %q", got)
		}
		c = c.secure()
	}
	c.send("c CAPABILITY\r\n")
	c.expect("* CAPABILITY IMAP4rev1 AUTH=PLAIN")
	c.expect("c OK")
	c.send("d LOGIN u secret\r\n")
	c.expect("d OK logged in")
	c.send("e LOGOUT\r\n")
	c.expect("* BYE")
	c.expect("e OK")
	c.expect("EOF")
	c.Close()
}

func pop3Client(c *dialog, startTLS bool) {
	c.expect("+OK ready <1896.697170952@dbc.mtview.ca.us>")
	list := func() (all []string) {
		c.send("CAPA\r\n")
		c.expect("+OK")
		for line := c.line(); line != "." && !strings.Contains(line, "EOF"); line = c.line() {
			all = append(all, line)
		}
		return all
	}
	if startTLS {
		if all := list(); !slices.Contains(all, "STLS") {
			c.t.Errorf("CAPA before TLS: %v", all)
		}
		c.send("STLS\r\n")
		if got := c.line(); !strings.HasPrefix(got, "+OK") {
			c.t.Errorf("STLS: %q", got)
		}
		c = c.secure()
	}
	if all := list(); !slices.Equal(all, []string{"TOP", "USER"}) {
		c.t.Errorf("CAPA: %v", all)
	}
	c.send("USER u\r\n")
	c.expect("+OK")
	c.send("QUIT\r\n")
	c.expect("+OK")
	c.expect("EOF")
	c.Close()
}

// owned starts a +starttls listener before an upstream that is TLS from the start.
func owned(t *testing.T, protocol string, change ...func(*Config)) (listening, *dialog) {
	t.Helper()
	addr := upstreamFor(t, protocol+"s")
	cfg := Config{Routes: []Route{route(t, protocol+"+starttls", protocol+"s", addr)}, Recorder: discard{}}
	for _, f := range change {
		f(&cfg)
	}
	p := start(t, cfg)
	return p, talk(t, connectTo(t, p.Proxy))
}

const refusedIMAP = "NO [PRIVACYREQUIRED] mailtrace: TLS is required here: use STARTTLS first"

// The gate answers in order, however commands are strung together, and lets nothing by.
func TestGateIMAP(t *testing.T) {
	p, c := owned(t, "imap")
	c.expect("* OK ready")
	c.send("a LOGIN u secret\r\nb NOOP\r\nc SELECT INBOX\r\nd CAPABILITY\r\n")
	c.expect("a " + refusedIMAP)
	c.expect("b OK")
	c.expect("c " + refusedIMAP)
	c.expect("* CAPABILITY IMAP4rev1 AUTH=PLAIN STARTTLS LOGINDISABLED")
	c.expect("d OK")
	c.send("e LOGIN {1}\r\n") // refused, so that the literal is not sent
	c.expect("e " + refusedIMAP)
	c.send("f LOGIN {1+}\r\nu {6+}\r\nNOOP\r\n\r\ng NOOP\r\n")
	c.expect("f " + refusedIMAP)
	c.expect("g OK")
	c.send("h ID (\"name\" {4}\r\n")
	c.expect("+ go on")
	c.send("test)\r\n")
	c.expect("* ID NIL")
	c.expect("h OK")
	c.send("\r\n(bad) NOOP\r\n" + strings.Repeat("x", 200_000) + "\r\ni NOOP\r\n")
	c.expect("* BAD mailtrace: expected a tag and a command")
	c.expect("* BAD mailtrace: expected a tag and a command")
	c.expect("* BAD mailtrace: expected a tag and a command")
	c.expect("i OK")
	c.send("j starttls\r\n")
	c.expect("j OK Begin TLS negotiation now")
	c = c.secure()
	c.send("k LOGIN u secret\r\n")
	c.expect("k OK logged in")
	c.Close()
	p.events.closed(t, 1)
	for _, x := range p.events.kept(decode.Edit) {
		if s := x.Detail.(decode.Fields).String(); strings.Contains(s, "secret") {
			t.Errorf("edit: %s", s)
		}
	}
	if n := len(p.events.kept(decode.Edit)); n != 1+5+2+1+1 {
		t.Errorf("%d edits\n%s", n, p.events.text())
	}
}

// What a client sends in clear behind STARTTLS is found, and the server never sees it.
func TestGateCommandInjection(t *testing.T) {
	p, c := owned(t, "imap")
	c.expect("* OK ready")
	c.send("a STARTTLS\r\nb LOGIN u secret\r\n")
	c.expect("a OK Begin TLS negotiation now")
	c = c.secure()
	c.send("c NOOP\r\n")
	c.expect("c OK")
	c.Close()
	p.events.closed(t, 1)
	if got := p.events.findings(); !slices.Contains(got, "starttls.command-injection") {
		t.Errorf("findings: %v", got)
	}
	x := p.events.kept(decode.Undelivered)
	if len(x) != 1 || x[0].Detail.(decode.Fields).Get("octets") != "18" {
		t.Errorf("undelivered: %v", x)
	}
}

func TestGateEarlyHello(t *testing.T) {
	p, c := owned(t, "imap")
	c.expect("* OK ready")
	s := tls.Client(&earlyHello{Conn: c.Conn, before: []byte("a STARTTLS\r\n"), r: c, want: []string{"a OK Begin TLS negotiation now"}}, clientTLS())
	if err := s.Handshake(); err != nil {
		t.Fatal(err)
	}
	c = talk(t, s)
	c.send("c NOOP\r\n")
	c.expect("c OK")
	c.Close()
	p.events.closed(t, 1)
	if got := p.events.findings(); slices.Contains(got, "starttls.command-injection") {
		t.Errorf("findings: %v", got)
	}
}

// A decoder that fails does not open the gate, and does not close it for ever.
func TestGateWithBrokenDecoder(t *testing.T) {
	for after := range 4 {
		p, c := owned(t, "imap", func(cfg *Config) {
			cfg.WrapSession = func(s decode.Session) decode.Session { return &fragile{Session: s, after: after} }
		})
		c.expect("* OK ready")
		c.send("a LOGIN u secret\r\n")
		c.expect("a " + refusedIMAP)
		c.send("b STARTTLS\r\n")
		c.expect("b OK Begin TLS negotiation now")
		c = c.secure()
		c.send("c NOOP\r\n")
		c.expect("c OK")
		c.Close()
		p.events.closed(t, 1)
		if len(p.events.kept(decode.Desync)) != 1 {
			t.Errorf("after %d: %s", after, p.events.text())
		}
	}
}

// The proxy's own exchange is a stream of its own.
func TestOwnExchange(t *testing.T) {
	p := start(t, Config{Routes: []Route{route(t, "imap", "imap+starttls", upstreamFor(t, "imap+starttls"))}, Recorder: discard{}})
	c := talk(t, connectTo(t, p.Proxy))
	c.expect("* OK ready")
	c.Close()
	p.events.closed(t, 1)
	var own []string
	for _, x := range p.events.all {
		if x.Origin == decode.FromProxy && x.Kind != decode.Edit {
			own = append(own, x.Kind.String())
		}
	}
	want := []string{"open", "greeting", "command", "completion", "close", "close", "close"}
	if own = slices.DeleteFunc(own, func(k string) bool { return k == "state" || k == "finding" }); !slices.Equal(own, want) {
		t.Errorf("own exchange: %v\n%s", own, p.events.text())
	}
}

func TestOwnExchangeRefused(t *testing.T) {
	addr := serve(t, func(c net.Conn) {
		s := talk(t, c)
		s.send("* OK\r\n")
		tag, _, _ := strings.Cut(s.line(), " ")
		s.send(tag + " NO not here\r\n")
		s.expect("EOF")
	})
	p := start(t, Config{Routes: []Route{route(t, "imaps", "imap+starttls", addr)}})
	c := connectTo(t, p.Proxy)
	if err := tls.Client(c, clientTLS()).Handshake(); err == nil {
		t.Error("the client was answered though there is no server")
	}
	f := p.events.closed(t, 1)
	if f.Get("by") != "server" || f.Get("hint") == "" || !strings.Contains(f.Get("error"), "not here") {
		t.Errorf("closed: %v", f)
	}
}

// A capability reply that comes in pieces is edited once it is whole, and what does not
// become whole goes on after a moment.
func TestEditInPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := onPipes(t, Config{Hide: []string{"AUTH=*-PLUS"}})
		x.c.edit = newEditor(decode.Rewrite{Hide: x.c.p.cfg.Hide}, *registry.ByName("imap"))
		go func() {
			s := talk(t, x.server)
			s.send("* OK ready\r\n")
			s.expect("a CAPABILITY")
			for _, piece := range []string{
				"* CAPA", "BILITY IMAP4rev1 AUTH=SCRAM-SHA-256-", "PLUS AUTH=PLAIN\r", "\na OK\r\n* CAPABILITY", " IMAP4rev1",
			} {
				s.send(piece)
			}
		}()
		go x.run()
		c := talk(t, x.client)
		c.expect("* OK ready")
		c.send("a CAPABILITY\r\n")
		c.expect("* CAPABILITY IMAP4rev1 AUTH=PLAIN")
		c.expect("a OK")
		began := time.Now()
		rest := make([]byte, len("* CAPABILITY IMAP4rev1"))
		if _, err := io.ReadFull(c.r, rest); err != nil || string(rest) != "* CAPABILITY IMAP4rev1" {
			t.Errorf("%q, %v", rest, err)
		}
		if waited := time.Since(began); waited != x.c.p.times.flush {
			t.Errorf("held for %s", waited)
		}
		c.Close()
		x.server.Close() // pipes end both directions at once only
		x.events.closed(t, 1)
		edits := x.events.kept(decode.Edit)
		if len(edits) != 1 || edits[0].Detail.(decode.Fields).Get("before") != "* CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-256-PLUS AUTH=PLAIN" {
			t.Errorf("edits: %v", edits)
		}
	})
}

// onPipe is a connection over pipes, where each write is one read.
type onPipe struct {
	c              *conn
	client, server net.Conn
	events         *events
}

func onPipes(t testing.TB, cfg Config) onPipe {
	t.Helper()
	x := onPipe{events: newEvents()}
	cfg.Sink, cfg.Protocols = x.events, registry.All
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var clientSide, serverSide net.Conn
	x.client, clientSide = net.Pipe()
	x.server, serverSide = net.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	x.c = &conn{p: p, id: 1, ctx: ctx, cancel: cancel, wake: make(chan struct{}, 1)}
	x.c.url.Protocol, x.c.host = "imap", "localhost"
	x.c.legs[decode.Client], x.c.legs[decode.Server] = newLeg(clientSide), newLeg(serverSide)
	x.c.begin("imap://listen", "imap://upstream", p.protocol("imap"))
	return x
}

// run carries the connection to its end.
func (x onPipe) run() {
	x.c.relay(newBuffer(), newBuffer())
	x.c.finish()
}
