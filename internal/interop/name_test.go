//go:build interop

package interop

import (
	"fmt"
	"strings"
	"testing"
)

// TestOtherName has an upstream that is not called localhost. The server shows the
// certificate of that name only to whoever asks for it (SNI).
func TestOtherName(t *testing.T) {
	a := accountOf("sample")
	for _, protocol := range []string{"imap", "pop3"} {
		for _, leg := range []string{"tls", "starttls"} {
			t.Run(protocol+"/"+leg, func(t *testing.T) {
				direct := curl(t, directly(lab.open, protocol, leg, a))
				url := fmt.Sprintf("%s://%s:%d", scheme(protocol, leg), otherName, lab.open.port(protocol, leg))
				r := startProxy(t, proxyOptions{upstreams: []string{url}, listen: []string{scheme(protocol, "tls")}, namespace: true})
				sameMail(t, direct, curl(t, r.through(0, protocol, "tls", a)), a.messages)
				clean(t, r.finish(t), protocol, a.messages)
			})
		}
	}
}

// TestOtherNameBySOCKS asks for a name that only the proxy can resolve; the client sees a
// certificate for it.
func TestOtherNameBySOCKS(t *testing.T) {
	a := accountOf("sample")
	for _, protocol := range []string{"imap", "pop3"} {
		t.Run(protocol, func(t *testing.T) {
			at := directly(lab.open, protocol, "tls", a)
			direct := curl(t, at)
			r := startProxy(t, proxyOptions{socks: true, namespace: true, flags: []string{"--only", otherName}})
			at.host, at.ca, at.socks = otherName, proxyCA(), fmt.Sprintf("127.0.0.1:%d", r.ports[0])
			sameMail(t, direct, curl(t, at), a.messages)
			clean(t, r.finish(t), protocol, a.messages)
		})
	}
}

// TestWrongName has a server whose certificate is for another name, or of a root that is
// not trusted: the proxy does not go on, and says why.
func TestWrongName(t *testing.T) {
	for _, c := range []struct {
		name string
		o    proxyOptions
	}{
		{"name", proxyOptions{upstreams: []string{fmt.Sprintf("imaps://%s:%d", "wrong."+otherName, lab.open.imaps)}, namespace: true}},
		{"root", proxyOptions{upstreams: []string{lab.open.url("imap", "tls")}, noServer: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.listen = []string{"imaps"}
			r := startProxy(t, c.o)
			conf := fmt.Sprintf("url = %q\ncacert = %q\nsilent\nshow-error\nuser = \"u1:secret\"\n",
				fmt.Sprintf("imaps://localhost:%d/INBOX;UID=1", r.ports[0]), proxyCA())
			if x := execute(t, "curl", "-K", write(t, t.TempDir(), "curlrc", conf)); x.Code == 0 {
				t.Errorf("curl fetched from a server that cannot be trusted")
			}
			r.stop(t)
			if text := contents(t, r.stderr); !strings.Contains(text, "certificate") || !strings.Contains(text, "mailtrace: hint: ") {
				t.Errorf("no word of the certificate, or no hint:\n%s", text)
			}
		})
	}
}

// TestInsecure goes on where it is told to, and says so.
func TestInsecure(t *testing.T) {
	r := startProxy(t, proxyOptions{
		upstreams: []string{lab.open.url("imap", "tls")}, listen: []string{"imaps"}, noServer: true, flags: []string{"--tls-insecure"},
	})
	a := accountOf("sample")
	sameMail(t, curl(t, directly(lab.open, "imap", "tls", a)), curl(t, r.through(0, "imap", "tls", a)), a.messages)
	clean(t, r.finish(t), "imap", a.messages)
	if text := contents(t, r.stderr); !strings.Contains(text, "verif") {
		t.Errorf("nothing says that the server is not verified:\n%s", text)
	}
}
