package endtoend

import (
	"slices"
	"sync"
	"testing"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/proxy"
)

// Every listener before every upstream, both protocols, all at once: each client comes
// through its whole session, and the capture tells of all of them what was told live,
// edits and the proxy's own STARTTLS included.
func TestEqualLegs(t *testing.T) {
	noLeaks(t)
	type leg struct{ protocol, listen, upstream string }
	var legs []leg
	var cfg proxy.Config
	for _, protocol := range []string{"imap", "pop3"} {
		for _, listen := range []string{"", "s", "+starttls"} {
			for _, upstream := range []string{"", "s", "+starttls"} {
				legs = append(legs, leg{protocol, listen, upstream})
				cfg.Routes = append(cfg.Routes, route(t, protocol+listen, protocol+upstream, startDemo(t, protocol, upstream)))
			}
		}
	}
	l := start(t, cfg, outputs{})
	var all sync.WaitGroup
	for i, x := range legs {
		all.Go(func() {
			c := l.dial(t, i)
			if x.listen == "s" {
				c = secure(t, c)
			}
			if err := playDemo(c, x.protocol, x.listen == "+starttls"); err != nil {
				t.Errorf("%+v: %v", x, err)
			}
		})
	}
	all.Wait()
	l.equal(t)
	own := slices.DeleteFunc(l.events.kept(decode.CommandLine), func(e decode.Event) bool { return e.Origin != decode.FromProxy })
	if len(own) != 4 { // plain and TLS before STARTTLS
		t.Errorf("%d commands of our own\n%s", len(own), l.events.text())
	}
	if len(l.events.kept(decode.Edit)) == 0 {
		t.Errorf("no edits")
	}
	for _, k := range []decode.Kind{decode.Malformed, decode.Desync, decode.Opaque, decode.Undelivered} {
		if x := l.events.kept(k); len(x) > 0 {
			t.Errorf("%d %s\n%s", len(x), k, l.events.text())
		}
	}
	if ids := l.events.findings(); len(ids) > 0 {
		t.Logf("findings: %v", ids)
	}
	l.holdsNoSecret(t, demoPassword)
}
