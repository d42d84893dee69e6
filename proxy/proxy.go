package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/proxy/certs"
)

// Route is one listener and the server behind it.
type Route struct {
	Listen   dial.URL // port 0: any free one
	Upstream dial.URL
}

// Config says what a Proxy does.
type Config struct {
	Routes []Route
	Socks  string // host:port of a SOCKS5 listener; "" for none

	// Only and Pass are globs of host names, for connections over SOCKS. Where Only is not
	// empty, no other host is intercepted; with it TLS is terminated on any port. A host in
	// Pass is never intercepted.
	Only, Pass []string
	Hide       []string // globs of capabilities that the client shall not see, such as AUTH=*-PLUS

	CA        *certs.CA         // needed wherever TLS comes from a client
	Dial      dial.Config       // how upstreams are reached
	Protocols []decode.Protocol // usually registry.All
	Recorder  Recorder          // nil: nothing is recorded
	Sink      Sink              // nil: nothing is shown
	Secrets   bool              // leave secrets in clear in events and recordings
	Bare      bool              // nobody reads the Details of events
	Unseen    bool              // nobody reads events but for findings, states and marks
	Limits    decode.Limits

	// Log is told what concerns no connection: text, and a hint that may be "". Nil: nobody.
	Log func(text, hint string)
	// WrapSession wraps each session inside its guard; tests break decoders so.
	WrapSession func(decode.Session) decode.Session
}

// times are the bounds of waiting, apart from those of dial.Config.
type times struct {
	handshake time.Duration // TLS with a client; SOCKS negotiation
	park      time.Duration // an answer to STARTTLS
	linger    time.Duration // reading a peer to whom nothing can be written any more
	write     time.Duration // writes under way when the connection has to end
	flush     time.Duration // a line that may have to be edited
	drain     time.Duration // connections, once Serve's context is done
}

func defaultTimes() times {
	return times{
		handshake: dial.DefaultTimeout, park: 2 * time.Minute, linger: 5 * time.Second,
		write: time.Second, flush: 200 * time.Millisecond, drain: 5 * time.Second,
	}
}

// Proxy listens, and carries connections between clients and servers.
type Proxy struct {
	cfg       Config
	times     times
	clock     clock
	pub       publisher
	tls       *tls.Config // towards clients
	listeners []listener
	lastConn  atomic.Int64

	mu       sync.Mutex
	conns    map[*conn]struct{}
	stopping bool
	running  sync.WaitGroup // accept loops and connections
	stopped  chan struct{}  // closed by Shutdown
}

type listener struct {
	net.Listener
	route *Route // nil: SOCKS
	url   string // with the port that it got
}

// Error is something about the configuration that makes a proxy impossible.
type Error struct {
	What   string
	Advice string // what helps; may be ""
	Err    error
}

func (e *Error) Error() string { return "proxy: " + e.What }

func (e *Error) Unwrap() error { return e.Err }

// Hint is the advice for the user: one line, lower case, "" where there is none.
func (e *Error) Hint() string { return e.Advice }

// New listens at all addresses of cfg. Connections wait until Serve. The error is of type
// *[Error].
func New(cfg Config) (*Proxy, error) {
	p := &Proxy{cfg: cfg, times: defaultTimes(), clock: newClock(), conns: map[*conn]struct{}{}, stopped: make(chan struct{})}
	p.cfg.Routes = slices.Clone(cfg.Routes)
	p.pub.sink = cfg.Sink
	if cfg.Dial.Timeout > 0 {
		p.times.handshake = cfg.Dial.Timeout
	}
	p.tls = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: p.certificate}
	if err := p.check(); err != nil {
		return nil, err
	}
	for i := range p.cfg.Routes {
		r := &p.cfg.Routes[i]
		if err := p.listen(r.Listen.Addr(), r); err != nil {
			p.closeListeners()
			return nil, err
		}
	}
	if cfg.Socks != "" {
		if err := p.listen(cfg.Socks, nil); err != nil {
			p.closeListeners()
			return nil, err
		}
	}
	return p, nil
}

// check refuses what cannot work.
func (p *Proxy) check() error {
	for _, r := range p.cfg.Routes {
		proto := p.protocol(r.Upstream.Protocol)
		switch {
		case r.Listen.Protocol != r.Upstream.Protocol:
			return &Error{
				What:   fmt.Sprintf("%s cannot stand before %s: they are different protocols", r.Listen, r.Upstream),
				Advice: "each --listen belongs to the upstream in the same place",
			}
		case proto == nil:
			return &Error{What: "unknown protocol " + r.Upstream.Protocol}
		case unlike(r) && (proto.Rewriter == nil || dialects[proto.Name] == nil):
			return &Error{
				What:   fmt.Sprintf("%s before %s: STARTTLS cannot be done on one side alone with %s", r.Listen, r.Upstream, proto.Name),
				Advice: "give both the same scheme",
			}
		case p.cfg.CA == nil && r.Listen.Security != dial.Plain:
			return &Error{What: fmt.Sprintf("%s needs a CA", r.Listen)}
		}
	}
	for _, glob := range slices.Concat(p.cfg.Only, p.cfg.Pass, p.cfg.Hide) {
		if !validGlob(glob) {
			return &Error{What: fmt.Sprintf("%q is no glob", glob), Advice: "in a glob * stands for any run of letters, ? for one, [a-z] for one of these"}
		}
	}
	return nil
}

func (p *Proxy) listen(addr string, r *Route) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return explainListen(addr, err)
	}
	name := "socks5://" + l.Addr().String()
	if r != nil {
		r.Listen.Port = portOf(l.Addr())
		name = r.Listen.String()
	}
	p.listeners = append(p.listeners, listener{Listener: l, route: r, url: name})
	return nil
}

func portOf(a net.Addr) int {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.Port
	}
	return 0
}

func (p *Proxy) closeListeners() {
	for _, l := range p.listeners {
		_ = l.Close() // again is no harm
	}
}

// Addrs are the addresses that the proxy listens at: those of the routes in their order,
// then the one of SOCKS.
func (p *Proxy) Addrs() []net.Addr {
	var all []net.Addr
	for _, l := range p.listeners {
		all = append(all, l.Addr())
	}
	return all
}

// Listeners are the listeners as URLs, in the order of Addrs, with the ports that they got;
// the one of SOCKS is socks5://host:port.
func (p *Proxy) Listeners() []string {
	var all []string
	for _, l := range p.listeners {
		all = append(all, l.url)
	}
	return all
}

// Exposed are those of Listeners that other machines can reach.
func (p *Proxy) Exposed() []string {
	var all []string
	for _, l := range p.listeners {
		addr, err := netip.ParseAddrPort(l.Addr().String())
		if err != nil || !addr.Addr().Unmap().IsLoopback() {
			all = append(all, l.url)
		}
	}
	return all
}

// TryUpstreams tries every upstream once, all at the same time, and reports each as it comes, one
// at a time. It returns when all have been reported.
func (p *Proxy) TryUpstreams(ctx context.Context, report func(Route, *dial.Answer, error)) {
	var one sync.Mutex
	var all sync.WaitGroup
	for _, r := range p.cfg.Routes {
		all.Go(func() {
			a, err := p.cfg.Dial.Probe(ctx, r.Upstream)
			one.Lock()
			defer one.Unlock()
			report(r, a, err)
		})
	}
	all.Wait()
}

// protocol finds a protocol by name, nil where there is none.
func (p *Proxy) protocol(name string) *decode.Protocol {
	for i := range p.cfg.Protocols {
		if p.cfg.Protocols[i].Name == name {
			return &p.cfg.Protocols[i]
		}
	}
	return nil
}

// certificate gives the leaf for a client: for the name that it asks for, the address that it
// reached us at, the upstream's name, and whatever a loopback listener is called.
func (p *Proxy) certificate(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if p.cfg.CA == nil {
		return nil, errors.New("no CA")
	}
	names, ips := []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	if h.ServerName != "" {
		names = append(names, h.ServerName)
	}
	if raw, ok := h.Conn.(*rawConn); ok && raw.host != "" {
		names = append(names, raw.host)
	}
	if ip := localIP(h.Conn); ip != nil {
		ips = append(ips, ip)
	}
	return p.cfg.CA.Leaf(names, ips)
}

func (p *Proxy) log(text, hint string) {
	if p.cfg.Log != nil {
		p.cfg.Log(text, hint)
	}
}

func explainListen(addr string, err error) error {
	e := &Error{What: fmt.Sprintf("listen on %s: %s", addr, errorText(err)), Err: err}
	_, port, _ := net.SplitHostPort(addr)
	n, _ := strconv.Atoi(port)
	switch {
	case isInUse(err):
		e.What = addr + " is in use already"
		e.Advice = "another program listens there; --listen names another port, and port 0 is any free one"
	case isForbidden(err) && n > 0 && n < 1024:
		e.Advice = "ports below 1024 are the system administrator's; --listen names another one"
	}
	return e
}
