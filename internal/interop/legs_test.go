//go:build interop

package interop

import (
	"testing"
)

// TestLegs puts every kind of listener before every kind of upstream. The strict server
// has LOGINDISABLED in force before TLS, so that an upstream without TLS is no use there.
func TestLegs(t *testing.T) {
	legs := []string{"plain", "tls", "starttls"}
	a := accountOf("spaces")
	for _, server := range []struct {
		name string
		at   *server
	}{{"open", lab.open}, {"strict", lab.strict}} {
		for _, protocol := range []string{"imap", "pop3"} {
			direct := curl(t, directly(server.at, protocol, "tls", a))
			for _, upstream := range legs {
				if server.name == "strict" && upstream == "plain" {
					continue // see TestPlainSTARTTLS
				}
				for _, listener := range legs {
					t.Run(server.name+"/"+protocol+"/"+listener+" before "+upstream, func(t *testing.T) {
						t.Parallel()
						r := startProxy(t, proxyOptions{
							upstreams: []string{server.at.url(protocol, upstream)}, listen: []string{scheme(protocol, listener)},
						})
						at := r.through(0, protocol, listener, a)
						sameMail(t, direct, curl(t, at), a.messages)
						at.auth = "PLAIN IR"
						sameMail(t, direct, curl(t, at), a.messages)
						clean(t, r.finish(t), protocol, 2*a.messages)
					})
				}
			}
		}
	}
}

// TestLoginDisabledStays checks that the proxy does not make a login possible that the
// server forbids.
func TestLoginDisabledStays(t *testing.T) {
	for _, protocol := range []string{"imap", "pop3"} {
		t.Run(protocol, func(t *testing.T) {
			r := startProxy(t, proxyOptions{
				upstreams: []string{lab.strict.url(protocol, "plain")}, listen: []string{protocol},
			})
			a := accountOf("spaces")
			lines := []string{"a1 CAPABILITY\r\n", "a2 LOGIN " + a.user + " x\r\n", "a3 LOGOUT\r\n"}
			if protocol == "pop3" {
				lines = []string{"CAPA\r\n", "USER " + a.user + "\r\n", "QUIT\r\n"}
			}
			direct, through := converseDirect(t, lab.strict, protocol, lines), converse(t, r.ports[0], lines)
			if direct != through {
				t.Errorf("directly %q\nthrough the proxy %q", direct, through)
			}
			r.finish(t)
		})
	}
}
