package endtoend

import (
	"fmt"
	"net"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailtrace/mailtrace/proxy"
)

// like are legs between which what goes out is what came in.
type like struct {
	clientTLS        bool
	serverTLS        bool
	startTLS         bool
	upstream, listen string
}

// likeLegs are the legs for a protocol: plain, TLS on one side or both, STARTTLS like ones.
func likeLegs(protocol string) []like {
	return []like{
		{listen: protocol, upstream: protocol},
		{listen: protocol + "s", upstream: protocol, clientTLS: true},
		{listen: protocol, upstream: protocol + "s", serverTLS: true},
		{listen: protocol + "s", upstream: protocol + "s", clientTLS: true, serverTLS: true},
		{listen: protocol + "+starttls", upstream: protocol + "+starttls", startTLS: true},
	}
}

// lines is a proxy before all like legs of both protocols, one listener each.
type lines struct {
	*live
	legs      []like
	protocols []string
	servers   []*upstream
}

func startLines(t tester, out outputs, change func(*proxy.Config)) *lines {
	t.Helper()
	l := &lines{}
	var cfg proxy.Config
	plain, secured := listen(t, false), listen(t, true)
	for _, protocol := range []string{"imap", "pop3"} {
		for _, leg := range likeLegs(protocol) {
			server := plain
			if leg.serverTLS {
				server = secured
			}
			l.legs, l.protocols, l.servers = append(l.legs, leg), append(l.protocols, protocol), append(l.servers, server)
			cfg.Routes = append(cfg.Routes, route(t, leg.listen, leg.upstream, server.addr))
		}
	}
	if change != nil {
		change(&cfg)
	}
	l.live = start(t, cfg, out)
	return l
}

// connect gives both ends of a connection over a leg, TLS included where it is implicit.
func (l *lines) connect(t tester, leg int) (client, server net.Conn) {
	t.Helper()
	client = l.dial(t, leg)
	if l.legs[leg].clientTLS {
		client = secure(t, client)
	}
	server = l.servers[leg].take(t)
	t.Cleanup(func() { server.Close() })
	return client, server
}

// playAll draws up to most sessions and plays them all at once, each over some leg.
func (l *lines) playAll(t *rapid.T, most int, garbage bool) {
	t.Helper()
	n := rapid.IntRange(1, most).Draw(t, "connections")
	sessions := make([]session, n)
	legs := make([]int, n)
	for i := range n {
		legs[i] = rapid.IntRange(0, len(l.legs)-1).Draw(t, "leg")
		r := &random{protocol: l.protocols[legs[i]], startTLS: l.legs[legs[i]].startTLS, garbage: garbage}
		sessions[i] = r.draw(t, 8)
	}
	var all sync.WaitGroup
	errs := make([]error, n)
	for i, s := range sessions {
		client, server := l.connect(t, legs[i])
		all.Go(func() {
			defer client.Close()
			defer server.Close()
			if err := s.run(client, server); err != nil {
				errs[i] = fmt.Errorf("connection %d over %+v: %w", i+1, l.legs[legs[i]], err)
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			t.Errorf("%v", err)
		}
	}
	if t.Failed() {
		t.Fatalf("%s", l.events.text())
	}
}

// Between like legs what comes out is what went in, octet for octet, both directions at
// once and several connections at once, with everything watching.
func TestTransparent(t *testing.T) {
	l := startLines(t, outputs{}, nil)
	rapid.Check(t, func(t *rapid.T) { l.playAll(t, 3, true) })
}
