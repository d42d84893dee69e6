//go:build interop

package interop

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// refused checks an error: its exit code, that it names what matters, and that it says
// what helps: in a hint, or because it says what was expected.
func refused(t *testing.T, x execution, code int, names string) {
	t.Helper()
	if x.Code != code {
		t.Errorf("expected exit %d, got %d", code, x.Code)
	}
	if !strings.Contains(x.Stderr, "\nmailtrace: hint: ") && !strings.Contains(x.Stderr, ": expected ") {
		t.Errorf("nothing says what helps:\n%s", bounded(x.Stderr))
	}
	for _, want := range []string{"mailtrace: error: ", names} {
		if !strings.Contains(x.Stderr, want) {
			t.Errorf("%q does not stand in:\n%s", want, bounded(x.Stderr))
		}
	}
	if strings.Contains(x.Stderr, "goroutine ") {
		t.Errorf("a panic:\n%s", bounded(x.Stderr))
	}
}

func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	port := fmt.Sprint(busy.Addr().(*net.TCPAddr).Port)
	garbage := write(t, dir, "garbage", "this is neither a certificate nor a capture\n")
	held := write(t, dir, "held.pcapng", "somebody's recording")
	damaged := filepath.Join(dir, "damaged")
	mkdir(t, damaged)
	write(t, damaged, "ca.pem", "not a certificate")
	write(t, damaged, "ca-key.pem", "not a key")
	up := lab.open.url("imap", "tls")
	base := []string{"proxy", "--ca-dir", caDir(), "--tls-ca", lab.certs.ca, "--listen", "imaps://127.0.0.1:0"}
	with := func(more ...string) []string { return append(append([]string{}, base...), more...) }
	for _, c := range []struct {
		name, names string
		code        int
		args        []string
	}{
		{"unknown scheme", "http", 2, []string{"proxy", "http://localhost:80"}},
		{"no upstream", "UPSTREAM", 2, []string{"proxy"}},
		{"unknown flag", "--capturr", 2, with("--capturr", "x", up)},
		{"port in use", port, 3, []string{"proxy", "--ca-dir", caDir(), "--listen", "imaps://127.0.0.1:" + port, up}},
		{"no such root file", "nowhere.pem", 2, []string{"proxy", "--ca-dir", caDir(), "--listen", "imaps://127.0.0.1:0", "--tls-ca", filepath.Join(dir, "nowhere.pem"), up}},
		{"no certificate in the root file", garbage, 2, []string{"proxy", "--ca-dir", caDir(), "--listen", "imaps://127.0.0.1:0", "--tls-ca", garbage, up}},
		{"damaged CA", damaged, 3, []string{"proxy", "--ca-dir", damaged, "--listen", "imaps://127.0.0.1:0", up}},
		{"capture exists", "--force", 3, with("--capture", held, up)},
		{"capture in no directory", "missing", 3, with("--capture", filepath.Join(dir, "missing", "c.pcapng"), up)},
		{"more listeners than upstreams", "--listen", 2, with("--listen", "pop3s://127.0.0.1:0", up)},
		{"listener of another protocol", "pop3", 2, []string{"proxy", "--ca-dir", caDir(), "--listen", "pop3s://127.0.0.1:0", up}},
		{"--only without --socks", "--socks", 2, with("--only", "localhost", up)},
		{"unknown format", "--format", 2, with("--format", "xml", up)},
		{"show nothing", "FILE", 2, []string{"show"}},
		{"show no such file", "nowhere", 3, []string{"show", filepath.Join(dir, "nowhere")}},
		{"show no capture", garbage, 3, []string{"show", garbage}},
		{"show an unknown format", "--format", 2, []string{"show", "--format", "xml", garbage}},
	} {
		t.Run(c.name, func(t *testing.T) {
			refused(t, mailtrace(t, c.args...), c.code, c.names)
		})
	}
	if got := contents(t, held); got != "somebody's recording" {
		t.Errorf("a capture that was there has changed: %q", got)
	}
	if got := contents(t, filepath.Join(damaged, "ca.pem")); got != "not a certificate" {
		t.Errorf("a damaged CA was replaced: %q", got)
	}
	t.Run("force", func(t *testing.T) {
		r := startProxy(t, proxyOptions{
			upstreams: []string{up}, listen: []string{"imaps"}, noCapture: true, flags: []string{"--force", "--capture", held},
		})
		r.capture = held
		python(t, r.through(0, "imap", "tls", accountOf("sample")))
		clean(t, r.finish(t), "imap", accountOf("sample").messages)
		if info, err := os.Stat(held); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("expected mode 0600, got %v, %v", info.Mode(), err)
		}
	})
}

// TestUpstreamGone starts before an upstream that is not there: a warning at the start, an
// error that the client sees as a closed connection, and the proxy lives on.
func TestUpstreamGone(t *testing.T) {
	ports, err := freePorts("127.0.0.1", 1)
	if err != nil {
		t.Fatal(err)
	}
	r := startProxy(t, proxyOptions{
		upstreams: []string{fmt.Sprintf("imap://127.0.0.1:%d", ports[0]), lab.open.url("pop3", "plain")}, listen: []string{"imap", "pop3"},
	})
	if got := converse(t, r.ports[0], []string{"a1 NOOP\r\n"}); strings.Contains(got, "OK") {
		t.Errorf("an answer from nowhere: %q", got)
	}
	a := accountOf("sample")
	sameMail(t, python(t, directly(lab.open, "pop3", "plain", a)), python(t, r.through(1, "pop3", "plain", a)), a.messages)
	r.finish(t)
	if text := contents(t, r.stderr); !strings.Contains(text, fmt.Sprint(ports[0])) || !strings.Contains(text, "refused") {
		t.Errorf("nothing tells which upstream refused:\n%s", text)
	}
}
