//go:build interop

package interop

import (
	"regexp"
	"slices"
	"testing"
)

// TestServers fetches from Cyrus and Courier with every client, directly and through the
// proxy. Cyrus lets one POP3 session at a maildrop (RFC 1939 §4), so the clients of one
// protocol come one after the other.
func TestServers(t *testing.T) {
	for _, s := range []*server{lab.cyrus, lab.courier} {
		for _, protocol := range []string{"imap", "pop3"} {
			t.Run(s.name+"/"+protocol, func(t *testing.T) {
				t.Parallel()
				for _, c := range clients {
					if !slices.Contains(c.protocols, protocol) {
						continue
					}
					for _, leg := range c.legs {
						t.Run(c.name+"/"+leg, func(t *testing.T) {
							a := accountOf("kinds")
							direct := c.fetch(t, directly(s, protocol, leg, a))
							r := startProxy(t, proxyOptions{
								upstreams: []string{s.url(protocol, leg)}, listen: []string{scheme(protocol, leg)},
							})
							through := c.fetch(t, r.through(0, protocol, leg, a))
							if s == lab.courier && protocol == "pop3" {
								direct, through = direct.unwrapped(), through.unwrapped()
							}
							sameMail(t, direct, through, a.messages)
							shown := r.finish(t)
							clean(t, shown, protocol, a.messages)
							judge(t, s.name, c.name, leg, shown)
						})
					}
				}
			})
		}
	}
}

// wrapping is how Courier's POP3 server names a boundary: by process and time.
var wrapping = regexp.MustCompile(`=_\d+-\d{10}\b`)

// unwrapped sets aside what differs between two sessions with Courier's POP3 server: to a
// client that did not say UTF8 (RFC 6856 §2) it hands a message with UTF-8 in its header as
// an attachment, under a boundary of the moment.
func (m mail) unwrapped() mail {
	same := mail{}
	for k, octets := range m {
		same[k] = wrapping.ReplaceAll(octets, []byte("=_boundary"))
	}
	return same
}
