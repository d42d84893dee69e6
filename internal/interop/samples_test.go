//go:build interop

package interop

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
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
		from                      *server // Dovecot where none is named
	}{
		{"mpop-pop3s", "pop3", "tls", "", mpop, nil},
		{"mpop-pop3-stls", "pop3", "starttls", "", mpop, nil},
		{"curl-pop3-apop", "pop3", "plain", "+APOP", curl, nil},
		{"curl-imap-starttls", "imap", "starttls", "PLAIN IR", curl, nil},
		{"curl-imaps-cram-md5", "imap", "tls", "CRAM-MD5", curl, nil},
		{"mbsync-imaps-compress", "imap", "tls", "", mbsync, nil},
		{"imaplib-imaps", "imap", "tls", "", python, nil},
		{"poplib-pop3s-plain", "pop3", "tls", "PLAIN", python, nil},
		{"fetchmail-pop3-stls", "pop3", "starttls", "", fetchmail, nil},
		{"fetchmail-imaps", "imap", "tls", "", fetchmail, nil},
		{"getmail-imaps", "imap", "tls", "", getmail, nil},
		{"getmail-pop3s", "pop3", "tls", "", getmail, nil},
		{"cyrus-mbsync-imap-starttls", "imap", "starttls", "", mbsync, lab.cyrus},
		{"cyrus-imaplib-imaps", "imap", "tls", "", python, lab.cyrus},
		{"cyrus-mpop-pop3s", "pop3", "tls", "", mpop, lab.cyrus},
		{"courier-imaplib-imap-starttls", "imap", "starttls", "", python, lab.courier},
		{"courier-poplib-pop3s", "pop3", "tls", "", python, lab.courier},
		{"courier-fetchmail-imaps", "imap", "tls", "", fetchmail, lab.courier},
	} {
		t.Run(s.name, func(t *testing.T) {
			from := cmp.Or(s.from, lab.open)
			r := startProxy(t, proxyOptions{
				upstreams: []string{from.url(s.protocol, s.leg)}, listen: []string{scheme(s.protocol, s.leg)},
			})
			at := r.through(0, s.protocol, s.leg, a)
			at.auth = s.auth
			if got := s.client(t, at); len(got) != a.messages {
				t.Errorf("expected %d messages, got %d", a.messages, len(got))
			}
			shown := r.finish(t)
			clean(t, shown, s.protocol, a.messages)
			judge(t, from.name, strings.Split(strings.TrimPrefix(s.name, from.name+"-"), "-")[0], s.leg, shown)
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
