//go:build interop

package interop

import (
	"bytes"
	"testing"
)

// directly is a target that is a server itself.
func directly(d *server, protocol, leg string, a account) target {
	return target{protocol: protocol, leg: leg, host: d.host(), port: d.port(protocol, leg), ca: lab.certs.ca, account: a}
}

// TestDirectTwice proves the harness: each client fetches the same mail on every run,
// without anything in between.
func TestDirectTwice(t *testing.T) {
	for _, c := range clients {
		for _, protocol := range c.protocols {
			for _, leg := range c.legs {
				t.Run(c.name+"/"+protocol+"/"+leg, func(t *testing.T) {
					t.Parallel()
					at := directly(lab.open, protocol, leg, accountOf("u1"))
					first := c.fetch(t, at)
					sameMail(t, first, c.fetch(t, at), at.account.messages)
				})
			}
		}
	}
}

// TestDirectIsStored ties what a client gets to what the mailbox was filled with. The
// clients chosen here keep every octet; only POP3 ends a last line that has no end.
func TestDirectIsStored(t *testing.T) {
	for _, protocol := range []string{"imap", "pop3"} {
		t.Run(protocol, func(t *testing.T) {
			got := python(t, directly(lab.open, protocol, "tls", accountOf("u1")))
			if protocol == "pop3" {
				for k, m := range got {
					if m = bytes.TrimSuffix(m, []byte("last \t\r\nline\r\n")); len(m) < len(got[k]) {
						got[k] = append(m, "last \t\r\nline"...)
					}
				}
			}
			sameAsStored(t, "u1", got)
		})
	}
	for _, s := range []*server{lab.cyrus, lab.courier} {
		t.Run(s.name, func(t *testing.T) {
			sameAsStored(t, "kinds", python(t, directly(s, "imap", "tls", accountOf("kinds"))))
		})
	}
}

// TestDirectPasswords logs in with every password, so that a later search for them in
// what mailtrace wrote searches for something that was really sent.
func TestDirectPasswords(t *testing.T) {
	for _, a := range accounts {
		if a.messages == 0 {
			continue
		}
		for _, c := range clients {
			if c.name == "getmail" && a.user == "unicode" {
				continue // it sends no password beyond ASCII
			}
			t.Run(a.user+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				at := directly(lab.open, c.protocols[0], "tls", a)
				sameMail(t, c.fetch(t, at), c.fetch(t, at), a.messages)
			})
		}
	}
}
