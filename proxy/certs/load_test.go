package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func mustLoad(t *testing.T, dir string) *CA {
	t.Helper()
	ca, _, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func TestLoadCreatesOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "config", "mailtrace")
	ca, created, err := Load(dir)
	if err != nil || !created {
		t.Fatalf("first Load: created %v, error %v", created, err)
	}
	again, created, err := Load(dir)
	if err != nil || created {
		t.Fatalf("second Load: created %v, error %v", created, err)
	}
	if ca.Fingerprint() != again.Fingerprint() {
		t.Errorf("second Load gave another CA: %s, %s", ca.Fingerprint(), again.Fingerprint())
	}

	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != "ca-key.pem ca.pem" {
		t.Errorf("directory holds %s; want the two files alone", got)
	}
	if runtime.GOOS == "windows" {
		return
	}
	for path, want := range map[string]fs.FileMode{dir: 0o700, ca.KeyPath(): 0o600, ca.Path(): 0o644} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %04o; want %04o", path, got, want)
		}
	}
}

func TestCreatedCA(t *testing.T) {
	ca := mustLoad(t, t.TempDir())
	c := ca.Certificate()
	if !c.IsCA || !c.BasicConstraintsValid || c.MaxPathLen != 0 || !c.MaxPathLenZero {
		t.Errorf("IsCA %v, path length %d (zero said: %v)", c.IsCA, c.MaxPathLen, c.MaxPathLenZero)
	}
	key, ok := c.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		t.Errorf("public key is %T; want P-256", c.PublicKey)
	}
	if years := time.Until(ca.NotAfter()).Hours() / 24 / 365; years < 9.9 || years > 10.1 {
		t.Errorf("valid for %.2f years; want 10", years)
	}
	if !ca.NotBefore().Before(time.Now().Add(-23 * time.Hour)) {
		t.Errorf("valid from %v: not backdated", ca.NotBefore())
	}
	if !strings.HasPrefix(ca.Name(), "mailtrace CA (") || len(ca.Name()) > 64 {
		t.Errorf("name %q", ca.Name())
	}
	if other := mustLoad(t, t.TempDir()); other.Name() == ca.Name() {
		t.Errorf("two CAs have the name %q", ca.Name())
	}
	if got := ca.Fingerprint(); len(got) != 32*3-1 || strings.Trim(got, "0123456789ABCDEF:") != "" {
		t.Errorf("fingerprint %q", got)
	}
	onDisk, err := os.ReadFile(ca.Path())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(onDisk, ca.PEM()) {
		t.Error("PEM differs from the file")
	}
}

func TestCANameIsBounded(t *testing.T) {
	serial := new(big.Int).Lsh(big.NewInt(0xabcdef), 103)
	for host, want := range map[string]string{
		"":                       "mailtrace CA (unnamed) abcdef",
		"bü\x1b[0mro":            "mailtrace CA (b0mro) abcdef",
		strings.Repeat("h", 300): "mailtrace CA (" + strings.Repeat("h", 36) + ") abcdef",
		"laptop.example.org":     "mailtrace CA (laptop.example.org) abcdef",
		strings.Repeat("日", 100): "mailtrace CA (unnamed) abcdef",
	} {
		if got := caName(host, serial); got != want {
			t.Errorf("caName(%q) = %q; want %q", host, got, want)
		}
	}
}

func TestLoadConcurrently(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	const n = 24
	var wg sync.WaitGroup
	start := make(chan struct{})
	prints, makers := make([]string, n), make([]bool, n)
	for i := range n {
		wg.Go(func() {
			<-start
			ca, created, err := Load(dir)
			if err != nil {
				t.Error(err)
				return
			}
			prints[i], makers[i] = ca.Fingerprint(), created
		})
	}
	close(start)
	wg.Wait()
	made := 0
	for i := range n {
		if prints[i] != prints[0] {
			t.Errorf("Load %d gave another CA", i)
		}
		if makers[i] {
			made++
		}
	}
	if made != 1 {
		t.Errorf("%d calls say they created the CA; want 1", made)
	}
}

// TestLoadFromProcesses runs this test binary several times at once on one directory.
func TestLoadFromProcesses(t *testing.T) {
	if dir := os.Getenv("MAILTRACE_TEST_CA_DIR"); dir != "" {
		ca, created, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("CA %s %v\n", ca.Fingerprint(), created)
		return
	}
	dir := filepath.Join(t.TempDir(), "ca")
	const n = 4
	outs := make([]string, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0], "-test.run=^TestLoadFromProcesses$")
			cmd.Env = append(os.Environ(), "MAILTRACE_TEST_CA_DIR="+dir)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s", err, out)
			}
			for line := range strings.Lines(string(out)) {
				if rest, ok := strings.CutPrefix(line, "CA "); ok {
					outs[i] = rest
				}
			}
		})
	}
	wg.Wait()
	want := mustLoad(t, dir).Fingerprint()
	made := 0
	for _, out := range outs {
		got, created, ok := strings.Cut(strings.TrimSpace(out), " ")
		if !ok || got != want {
			t.Errorf("a process got %q; the CA is %s", out, want)
		}
		if created == "true" {
			made++
		}
	}
	if made != 1 {
		t.Errorf("%d processes created the CA; want 1", made)
	}
}

func TestLoadWaitsForTheOther(t *testing.T) {
	dir := t.TempDir()
	certPEM, keyPEM, err := generate(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, KeyFile, keyPEM) // what another process has done so far
	if _, err := read(dir, time.Now()); !errors.Is(err, errMaking) {
		t.Fatalf("a young key alone: %v; want %v", err, errMaking)
	}
	done := make(chan error)
	go func() {
		_, created, err := Load(dir)
		if created {
			err = errors.New("made a CA beside the other's")
		}
		done <- err
	}()
	write(t, dir, ".tmp", certPEM)
	if err := os.Rename(filepath.Join(dir, ".tmp"), filepath.Join(dir, CertFile)); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// testCert makes a certificate from template with a new key, signed by itself.
func testCert(t *testing.T, template *x509.Certificate) (certPEM, keyPEM []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.Subject.CommonName = big.NewInt(1), "test"
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
}

func TestLoadRefuses(t *testing.T) {
	now := time.Now()
	valid := func() *x509.Certificate {
		return &x509.Certificate{
			NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
			IsCA: true, BasicConstraintsValid: true,
		}
	}
	replace := func(name string, data []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) { write(t, dir, name, data) }
	}
	pair := func(template *x509.Certificate) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			c, k := testCert(t, template)
			write(t, dir, CertFile, c)
			write(t, dir, KeyFile, k)
		}
	}
	edit := func(name string, change func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			write(t, dir, name, change(data))
		}
	}
	remove := func(t *testing.T, path string) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	directory := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			remove(t, filepath.Join(dir, name))
			if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
	other, _, err := generate(now)
	if err != nil {
		t.Fatal(err)
	}
	expired, noCA, noSign, future := valid(), valid(), valid(), valid()
	expired.NotBefore, expired.NotAfter = now.Add(-48*time.Hour), now.Add(-24*time.Hour)
	future.NotBefore, future.NotAfter = now.Add(24*time.Hour), now.Add(48*time.Hour)
	noCA.IsCA = false
	noSign.KeyUsage = x509.KeyUsageDigitalSignature

	tests := []struct {
		name   string
		damage func(t *testing.T, dir string)
		file   string // which the error must name
		want   string
	}{
		{"key missing", func(t *testing.T, dir string) { remove(t, filepath.Join(dir, KeyFile)) }, KeyFile, "the key is missing"},
		{"certificate missing", func(t *testing.T, dir string) {
			remove(t, filepath.Join(dir, CertFile))
			old := now.Add(-time.Hour)
			if err := os.Chtimes(filepath.Join(dir, KeyFile), old, old); err != nil {
				t.Fatal(err)
			}
		}, CertFile, "the certificate is missing"},
		{"certificate empty", replace(CertFile, nil), CertFile, "the file is empty"},
		{"key empty", replace(KeyFile, nil), KeyFile, "the file is empty"},
		{"certificate no PEM", replace(CertFile, []byte("hello")), CertFile, "no PEM certificate in the file's 5 octets"},
		{"key no PEM", replace(KeyFile, []byte("hello")), KeyFile, "no PEM private key"},
		{"certificate cut", edit(CertFile, func(b []byte) []byte { return b[:len(b)/2] }), CertFile, "no PEM certificate"},
		{"certificate doubled", edit(CertFile, func(b []byte) []byte { return append(b, b...) }), CertFile, "expected one certificate, got 2"},
		{"certificate with a flipped bit", edit(CertFile, func(b []byte) []byte {
			block, _ := pem.Decode(b)
			block.Bytes[len(block.Bytes)-1] ^= 1 // in the signature
			return pem.EncodeToMemory(block)
		}), CertFile, "damaged certificate"},
		{"key damaged", edit(KeyFile, func(b []byte) []byte {
			block, _ := pem.Decode(b)
			return pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes[:20]})
		}), KeyFile, "damaged private key"},
		{"key encrypted", replace(KeyFile, pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{1}})), KeyFile, "encrypted"},
		{"key in the certificate's place", replace(CertFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{1}})), CertFile, "no PEM certificate"},
		{"another CA's certificate", replace(CertFile, other), KeyFile, "not the key of the certificate"},
		{"not a CA", pair(noCA), CertFile, "not a certificate authority's"},
		{"may not sign", pair(noSign), CertFile, "may not sign"},
		{"expired", pair(expired), CertFile, "expired on "},
		{"not yet valid", pair(future), CertFile, "not valid before "},
		{"certificate a directory", directory(CertFile), CertFile, "is a directory"},
		{"key a directory", directory(KeyFile), KeyFile, "is a directory"},
		{"key readable by the group", func(t *testing.T, dir string) {
			if err := os.Chmod(filepath.Join(dir, KeyFile), 0o640); err != nil {
				t.Fatal(err)
			}
		}, KeyFile, "mode 0640: others may read"},
	}
	for _, test := range tests {
		if runtime.GOOS == "windows" && strings.Contains(test.want, "mode") {
			continue // files have no such modes there
		}
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			mustLoad(t, dir)
			test.damage(t, dir)
			before := snapshot(t, dir)
			_, created, err := Load(dir)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("Load = %v; want an *Error", err)
			}
			if created {
				t.Error("says it created a CA")
			}
			if want := filepath.Join(dir, test.file); e.Path != want {
				t.Errorf("the error is about %s; want %s (%v)", e.Path, want, err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q; want it to say %q", err, test.want)
			}
			if e.Hint() == "" {
				t.Error("no hint")
			}
			if after := snapshot(t, dir); after != before {
				t.Errorf("files changed:\n%s\nto\n%s", before, after)
			}
		})
	}
}

// snapshot is the names and contents of dir's files.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var s strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&s, "%s %v\n", e.Name(), e.Type())
		if e.Type().IsRegular() {
			data, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			s.Write(data)
		}
	}
	return s.String()
}

func TestLoadWhereNothingCanBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, filepath.Dir(file), "file", nil)
	link := t.TempDir()
	if err := os.Symlink(filepath.Join(link, "nowhere"), filepath.Join(link, KeyFile)); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "sub"), link} {
		_, _, err := Load(dir)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Hint(), "--ca-dir") {
			t.Errorf("Load(%s) = %v; want an *Error that hints at --ca-dir", dir, err)
		}
	}
}

func TestLoadForeignCA(t *testing.T) {
	dir := t.TempDir()
	c, k := testCert(t, &x509.Certificate{
		Subject:   pkix.Name{Organization: []string{"elsewhere"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	})
	write(t, dir, CertFile, append([]byte("some text\n"), c...))
	write(t, dir, KeyFile, k)
	ca, created, err := Load(dir)
	if err != nil || created {
		t.Fatalf("Load: created %v, error %v", created, err)
	}
	leaf, err := ca.Leaf([]string{"imap.example.org"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if leaf.Leaf.NotAfter.After(ca.NotAfter()) {
		t.Errorf("leaf is valid until %v, its CA until %v", leaf.Leaf.NotAfter, ca.NotAfter())
	}
}

func TestDefaultDir(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // the variables below are Linux's
	}
	t.Setenv("XDG_CONFIG_HOME", "/somewhere")
	if dir, err := DefaultDir(); err != nil || dir != "/somewhere/mailtrace" {
		t.Errorf("DefaultDir = %q, %v", dir, err)
	}
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv("HOME", "")
	_, err := DefaultDir()
	var e *Error
	if !errors.As(err, &e) || !strings.Contains(e.Hint(), "--ca-dir") {
		t.Errorf("DefaultDir without HOME = %v; want an *Error that hints at --ca-dir", err)
	}
}
