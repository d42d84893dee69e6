//go:build interop

package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A profile that Thunderbird keeps, and one elsewhere that has a primary password.
func TestTrust(t *testing.T) {
	home, elsewhere := t.TempDir(), t.TempDir()
	profile := filepath.Join(home, ".thunderbird", "ab.default")
	if err := os.MkdirAll(profile, 0o700); err != nil {
		t.Fatal(err)
	}
	password := write(t, t.TempDir(), "password", "primary1234\n")
	certutil := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("certutil", args...).CombinedOutput()
		if err != nil {
			t.Fatalf("certutil %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	certutil("-N", "-d", "sql:"+profile, "--empty-password")
	certutil("-N", "-d", "sql:"+elsewhere, "-f", password)
	// Another authority is none of ours.
	certutil("-A", "-d", "sql:"+profile, "-n", "the servers' own", "-t", "C,,", "-i", lab.certs.ca)
	before := certutil("-L", "-d", "sql:"+profile)

	run := func(args ...string) (code int, out, said string) {
		t.Helper()
		cmd := exec.Command(lab.binary, append([]string{"ca"}, args...)...)
		// No terminal, so that certutil cannot ask anybody.
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+filepath.Join(home, "config"))
		var stdout, stderr strings.Builder
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		if _, exited := err.(*exec.ExitError); err != nil && !exited {
			t.Fatal(err)
		}
		return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
	}
	expect := func(wantCode int, wantOut, wantSaid string, args ...string) {
		t.Helper()
		if code, out, said := run(args...); code != wantCode || out != wantOut || !strings.Contains(said, wantSaid) {
			t.Fatalf("ca %q: exit %d, %q, %q; want %d, %q, …%q…", args, code, out, said, wantCode, wantOut, wantSaid)
		}
	}
	in := "~/.thunderbird/ab.default\n"
	expect(3, "", "there is no CA in ", "untrust")
	expect(0, "trusted in "+in, "restart it", "trust")
	listed := certutil("-L", "-d", "sql:"+profile)
	if n := strings.Count(listed, "C,,"); n != 2 || !strings.Contains(listed, "mailtrace CA (") {
		t.Errorf("listed:\n%s", listed)
	}
	name := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(listed[strings.Index(listed, "mailtrace CA ("):]), "C,,"))
	name, _, _ = strings.Cut(name, "  ")
	if out := certutil("-V", "-d", "sql:"+profile, "-n", name, "-u", "L"); !strings.Contains(out, "certificate is valid") {
		t.Errorf("as an authority for TLS servers: %s", out)
	}
	expect(0, "trusted before in "+in, "", "trust")
	expect(0, "taken out of "+in, "restart it", "untrust")
	if now := certutil("-L", "-d", "sql:"+profile); now != before {
		t.Errorf("listed before:\n%s\nafter:\n%s", before, now)
	}
	expect(0, "not in "+in, "", "untrust", profile)

	// What fails in one is done in the other, and leaves nothing behind.
	expect(3, "trusted in "+in, "the profile has a primary password", "trust", elsewhere, profile)
	if now := certutil("-L", "-d", "sql:"+elsewhere); strings.Contains(now, "mailtrace") {
		t.Errorf("left behind:\n%s", now)
	}
	expect(3, "", "is no profile of Thunderbird", "trust", home)
	if _, err := os.Stat(filepath.Join(home, "cert9.db")); err == nil {
		t.Error("a store was made where none was")
	}
}
