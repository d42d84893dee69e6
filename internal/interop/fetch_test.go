//go:build interop

package interop

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// TestSameMail fetches with every client, directly and through the proxy, between like
// legs.
func TestSameMail(t *testing.T) {
	for _, c := range clients {
		for _, protocol := range c.protocols {
			for _, leg := range c.legs {
				t.Run(c.name+"/"+protocol+"/"+leg, func(t *testing.T) {
					t.Parallel()
					a := accountOf("u1")
					direct := c.fetch(t, directly(lab.open, protocol, leg, a))
					r := startProxy(t, proxyOptions{
						upstreams: []string{lab.open.url(protocol, leg)}, listen: []string{scheme(protocol, leg)},
					})
					sameMail(t, direct, c.fetch(t, r.through(0, protocol, leg, a)), a.messages)
					shown := r.finish(t)
					clean(t, shown, protocol, a.messages)
					judge(t, "dovecot", c.name, leg, shown)
				})
			}
		}
	}
}

// clean checks the events of an orderly session that fetched n messages.
func clean(t *testing.T, shown []event, protocol string, n int) {
	t.Helper()
	if bad := troubles(shown); bad != nil {
		t.Errorf("%d events of trouble, the first %v", len(bad), bad[0])
	}
	if protocol == "pop3" {
		if got := commands(shown, "pop3")["RETR"]; got != n {
			t.Errorf("expected %d RETR, got %d", n, got)
		}
		return
	}
	literals := 0
	for _, e := range ofKind(shown, "literal") {
		if e.text("dir") == "S" {
			literals++
		}
	}
	if literals < n {
		t.Errorf("expected at least %d literals of the server, got %d", n, literals)
	}
}

// TestSameMailBySOCKS fetches with every client that knows SOCKS5; the proxy resolves the
// name and finds out by itself what is spoken. The ports here are nobody's, so behind TLS
// there could be anything: --only says that it is mail.
func TestSameMailBySOCKS(t *testing.T) {
	for _, c := range clients {
		if !c.socks {
			continue
		}
		for _, protocol := range c.protocols {
			for _, leg := range []string{"tls", "starttls"} {
				t.Run(c.name+"/"+protocol+"/"+leg, func(t *testing.T) {
					t.Parallel()
					a := accountOf("u1")
					at := directly(lab.open, protocol, leg, a)
					direct := c.fetch(t, at)
					r := startProxy(t, proxyOptions{socks: true, flags: []string{"--only", "localhost"}})
					at.socks, at.ca = fmt.Sprintf("127.0.0.1:%d", r.ports[0]), proxyCA()
					sameMail(t, direct, c.fetch(t, at), a.messages)
					clean(t, r.finish(t), protocol, a.messages)
				})
			}
		}
	}
}

// TestOpaqueBySOCKS leaves TLS to a port that is nobody's alone: the client sees the
// server's own certificate.
func TestOpaqueBySOCKS(t *testing.T) {
	a := accountOf("sample")
	at := directly(lab.open, "imap", "tls", a)
	direct := curl(t, at)
	r := startProxy(t, proxyOptions{socks: true})
	at.socks = fmt.Sprintf("127.0.0.1:%d", r.ports[0])
	sameMail(t, direct, curl(t, at), a.messages)
	shown := r.finish(t)
	if len(ofKind(shown, "opaque")) != 1 || len(commands(shown, "imap")) != 0 {
		t.Errorf("expected one opaque connection, got %v", shown)
	}
}

// TestPlainSTARTTLS lets the client turn to TLS by itself between two plain legs: the
// proxy follows both sides through it.
func TestPlainSTARTTLS(t *testing.T) {
	for _, c := range clients {
		if !slices.Contains(c.legs, "starttls") {
			continue
		}
		for _, protocol := range c.protocols {
			t.Run(c.name+"/"+protocol, func(t *testing.T) {
				t.Parallel()
				a := accountOf("sample")
				direct := c.fetch(t, directly(lab.strict, protocol, "tls", a).named(c))
				r := startProxy(t, proxyOptions{
					upstreams: []string{lab.strict.url(protocol, "plain")}, listen: []string{protocol},
				})
				sameMail(t, direct, c.fetch(t, r.through(0, protocol, "starttls", a)), a.messages)
				shown := r.finish(t)
				clean(t, shown, protocol, a.messages)
				if len(ofKind(shown, "tls")) == 0 {
					t.Error("no event tells of TLS")
				}
			})
		}
	}
}

// named leads to the other server where a client does not verify an IP address.
func (at target) named(c client) target {
	if c.name == "mbsync" || c.name == "fetchmail" {
		return directly(lab.open, at.protocol, at.leg, at.account)
	}
	return at
}

// TestTwoUpstreams serves both protocols from one proxy.
func TestTwoUpstreams(t *testing.T) {
	r := startProxy(t, proxyOptions{
		upstreams: []string{lab.open.url("imap", "tls"), lab.open.url("pop3", "tls")}, listen: []string{"imaps", "pop3s"},
	})
	a := accountOf("sample")
	for i, protocol := range []string{"imap", "pop3"} {
		sameMail(t, python(t, directly(lab.open, protocol, "tls", a)), python(t, r.through(i, protocol, "tls", a)), a.messages)
	}
	shown := r.finish(t)
	for _, protocol := range []string{"imap", "pop3"} {
		if len(commands(shown, protocol)) == 0 {
			t.Errorf("no command of %s", protocol)
		}
	}
}

// TestAppend sends messages as literals, and reads them back.
func TestAppend(t *testing.T) {
	dir := t.TempDir()
	sent := mail{}
	var files []string
	for i := range 10 {
		sent[strconv.Itoa(i+1)] = message(i)
		files = append(files, write(t, dir, strconv.Itoa(i), string(message(i))))
	}
	a := accountOf("folders")
	more := func(folder string) map[string]any { return map[string]any{"append": folder, "messages": files} }
	direct := pythonJob(t, directly(lab.open, "imap", "tls", a), more("Direct"))
	r := startProxy(t, proxyOptions{upstreams: []string{lab.open.url("imap", "tls")}, listen: []string{"imaps"}})
	sameMail(t, direct, pythonJob(t, r.through(0, "imap", "tls", a), more("Through")), len(files))
	sameMail(t, sent, direct, len(files))
	shown := r.finish(t)
	if n := commands(shown, "imap")["APPEND"]; n != len(files) {
		t.Errorf("expected %d APPEND, got %d", len(files), n)
	}
	if bad := troubles(shown); bad != nil {
		t.Errorf("%d events of trouble, the first %v", len(bad), bad[0])
	}
}

// TestExtract takes the messages out of a capture: they are what the server holds.
func TestExtract(t *testing.T) {
	a := accountOf("u1")
	for _, protocol := range []string{"imap", "pop3"} {
		t.Run(protocol, func(t *testing.T) {
			r := startProxy(t, proxyOptions{
				upstreams: []string{lab.open.url(protocol, "tls")}, listen: []string{scheme(protocol, "tls")},
			})
			got := curl(t, r.through(0, protocol, "tls", a))
			r.stop(t)
			out := filepath.Join(t.TempDir(), "out")
			if x := mailtrace(t, "show", "--extract", out, r.capture); x.Code != 0 {
				t.Fatalf("exit %d\n%s", x.Code, x.Stderr)
			}
			extracted := read(t, out, func(name string) string { return name })
			held := map[string]int{}
			for _, m := range got {
				held[string(m)]++
			}
			for name, m := range extracted {
				if held[string(m)] == 0 {
					t.Errorf("%s (%d octets) is no message that curl fetched", name, len(m))
				}
				held[string(m)]--
			}
			if len(extracted) != len(got) {
				t.Errorf("expected %d messages, got %d", len(got), len(extracted))
			}
		})
	}
}
