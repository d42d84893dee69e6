//go:build interop

package interop

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// mostReplayed is the memory of a player in octets, whatever it plays.
const mostReplayed = 64 << 20

// TestReplayGibibyte plays a script with a message of 1 GiB from both sides: neither holds it.
func TestReplayGibibyte(t *testing.T) {
	dir := t.TempDir()
	f := create(t, filepath.Join(dir, "large.eml"))
	w := bufio.NewWriterSize(f, 1<<20)
	line := "The quick brown fox jumps over the lazy dog, and the dog does not mind.\r\n"
	for n := 0; n < gibibyte; n += len(line) {
		if _, err := w.WriteString(line); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	for protocol, script := range map[string]string{
		"imap": "@connect a imap\n@login\nC: a1 EXAMINE INBOX\nS: a1 OK\nC: a2 FETCH 1 BODY[]\nS: * 1 FETCH (BODY[] {large.eml})\nS: a2 OK\n",
		"pop3": "@connect a pop3\nS: +OK\n@login\nC: RETR 1\nS: +OK\nS: {large.eml}\nS: .\n",
	} {
		t.Run(protocol, func(t *testing.T) {
			file := write(t, dir, protocol+".script", script)
			s := startPlaying(t, protocol, file)
			cmd := exec.Command(lab.binary, "replay", file, "--to", s.url, "--user", "u1", "--tls-ca", proxyCA(), "--password-command", "echo any")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("mailtrace replay: %v\n%s", err, bounded(string(out)))
			}
			s.ended(t)
			for _, x := range []struct {
				name string
				of   *os.ProcessState
			}{{"the client", cmd.ProcessState}, {"the server", s.cmd.ProcessState}} {
				most := x.of.SysUsage().(*syscall.Rusage).Maxrss << 10
				t.Logf("%s: %d MiB at most", x.name, most>>20)
				if most >= mostReplayed {
					t.Errorf("%s took %d octets of memory, allowed are %d", x.name, most, mostReplayed)
				}
			}
		})
	}
}
