package dial

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTCPRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	_, err = (&Config{}).TCP(t.Context(), addr)
	e := wantError(t, err, StageConnect, "connection refused", "the usual ports are imap 143, imaps 993, pop3 110, pop3s 995")
	if e.Addr != addr || err.Error() != "connect to "+addr+": connection refused" {
		t.Errorf("%q about %s", err, e.Addr)
	}
}

func TestTCPCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := (&Config{}).TCP(ctx, "127.0.0.1:1")
	wantError(t, err, StageConnect, "canceled", "")
}

func TestExplainConnect(t *testing.T) {
	wrap := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	tests := []struct {
		err   error
		stage Stage
		addr  string
		what  string
		hint  string
	}{
		{wrap(&net.DNSError{Err: "no such host", Name: "imap.exmaple.org", IsNotFound: true}), StageResolve, "imap.example.org", "no such host", "spelling"},
		{wrap(&net.DNSError{Err: "i/o timeout", IsTimeout: true}), StageResolve, "imap.example.org", "the name server did not answer", "network"},
		{wrap(&net.DNSError{Err: "server misbehaving", IsTemporary: true}), StageResolve, "imap.example.org", "server misbehaving", "again"},
		{wrap(os.ErrDeadlineExceeded), StageConnect, "imap.example.org:993", "no answer in time", "--timeout"},
		{wrap(context.DeadlineExceeded), StageConnect, "imap.example.org:993", "no answer in time", "port 993"},
		{wrap(errors.New("something else")), StageConnect, "imap.example.org:993", "something else", ""},
	}
	for _, test := range tests {
		err := explainConnect("imap.example.org:993", test.err)
		if e := wantError(t, err, test.stage, test.what, test.hint); e.Addr != test.addr {
			t.Errorf("%v: address %s; want %s", test.err, e.Addr, test.addr)
		}
		if !errors.Is(err, test.err) {
			t.Errorf("%v does not wrap its cause", err)
		}
	}
}

func TestLoadRoots(t *testing.T) {
	a, b := newAuthority(t), newAuthority(t)
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	certs := append(block("CERTIFICATE", a.cert.Raw), block("CERTIFICATE", b.cert.Raw)...)
	dir := t.TempDir()
	file := func(name string, data []byte) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pool, err := LoadRoots(file("two.pem", append([]byte("# comment\n"), certs...)))
	if err != nil {
		t.Fatal(err)
	}
	for _, cert := range []*x509.Certificate{a.cert, b.cert} {
		if _, err := cert.Verify(x509.VerifyOptions{Roots: pool}); err != nil {
			t.Errorf("not among the roots: %v", err)
		}
	}
	for _, test := range []struct{ path, want, hint string }{
		{filepath.Join(dir, "none.pem"), "cannot read the certificates in", "--tls-ca"},
		{dir, "is a directory", "--tls-ca"},
		{file("empty.pem", nil), "no PEM certificate in its 0 octets", "--tls-ca"},
		{file("text.pem", []byte("hello")), "no PEM certificate in its 5 octets", "--tls-ca"},
		{file("a.der", a.cert.Raw), "a DER certificate", "openssl x509 -inform der"},
		{file("key.pem", block("EC PRIVATE KEY", []byte{1})), "a private key", "--tls-ca"},
		{file("bad.pem", append(certs, block("CERTIFICATE", []byte("bad"))...)), "certificate 3 is damaged", "anew"},
	} {
		_, err := LoadRoots(test.path)
		var usage *UsageError
		if !errors.As(err, &usage) {
			t.Errorf("%s: %v; want a *UsageError", test.path, err)
			continue
		}
		if !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.path) {
			t.Errorf("%s: %q; want the path and %q", test.path, err, test.want)
		}
		if !strings.Contains(usage.Hint(), test.hint) {
			t.Errorf("%s: hint %q; want it to say %q", test.path, usage.Hint(), test.hint)
		}
	}
}
