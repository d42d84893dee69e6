//go:build interop

package interop

import (
	"os"
	"path/filepath"
	"testing"
)

// mostSample bounds a sample: they are read by people, and by every test run.
const mostSample = 12 << 10

// TestSamples records one small session a client and protocol. Where the environment names
// a directory, the captures are kept there.
func TestSamples(t *testing.T) {
	to := os.Getenv("MAILTRACE_SAMPLES")
	a := accountOf("sample")
	for _, s := range []struct {
		name, protocol, leg, auth string
		client                    func(*testing.T, target) mail
	}{
		{"mpop-pop3s", "pop3", "tls", "", mpop},
		{"mpop-pop3-stls", "pop3", "starttls", "", mpop},
		{"curl-pop3-apop", "pop3", "plain", "+APOP", curl},
		{"curl-imap-starttls", "imap", "starttls", "PLAIN IR", curl},
		{"curl-imaps-cram-md5", "imap", "tls", "CRAM-MD5", curl},
		{"mbsync-imaps-compress", "imap", "tls", "", mbsync},
		{"imaplib-imaps", "imap", "tls", "", python},
		{"poplib-pop3s-plain", "pop3", "tls", "PLAIN", python},
	} {
		t.Run(s.name, func(t *testing.T) {
			r := startProxy(t, proxyOptions{
				upstreams: []string{lab.open.url(s.protocol, s.leg)}, listen: []string{scheme(s.protocol, s.leg)},
			})
			at := r.through(0, s.protocol, s.leg, a)
			at.auth = s.auth
			if got := s.client(t, at); len(got) != a.messages {
				t.Errorf("expected %d messages, got %d", a.messages, len(got))
			}
			clean(t, r.finish(t), s.protocol, a.messages)
			if info, err := os.Stat(r.capture); err != nil || info.Size() > mostSample {
				t.Errorf("the capture has %d octets, a sample may have %d (%v)", info.Size(), mostSample, err)
			}
			if to != "" && !t.Failed() {
				mkdir(t, to)
				copyFile(t, r.capture, filepath.Join(to, s.name+".pcapng"))
			}
		})
	}
	t.Run("append", func(t *testing.T) {
		r := startProxy(t, proxyOptions{upstreams: []string{lab.open.url("imap", "tls")}, listen: []string{"imaps"}})
		file := write(t, t.TempDir(), "m", string(smallMessage(0)))
		pythonJob(t, r.through(0, "imap", "tls", accountOf("folders")), map[string]any{"append": "Sample", "messages": []string{file}})
		if bad := troubles(r.finish(t)); bad != nil {
			t.Errorf("trouble: %v", bad[0])
		}
		if to != "" && !t.Failed() {
			copyFile(t, r.capture, filepath.Join(to, "imaplib-append.pcapng"))
		}
	})
}
