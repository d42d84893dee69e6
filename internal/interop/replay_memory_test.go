//go:build interop

package interop

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
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
			server := watchMemory(s.cmd.Process.Pid)
			cmd := exec.Command(lab.binary, "replay", file, "--to", s.url, "--user", "u1", "--tls-ca", proxyCA(), "--password-command", "echo any")
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			client := watchMemory(cmd.Process.Pid)
			if err := cmd.Wait(); err != nil {
				t.Fatalf("mailtrace replay: %v\n%s", err, bounded(out.String()))
			}
			s.ended(t)
			for name, most := range map[string]int64{"the client": client(), "the server": server()} {
				t.Logf("%s: %d MiB at most", name, most>>20)
				if most == 0 || most >= mostReplayed {
					t.Errorf("%s took %d octets of memory, allowed are %d", name, most, mostReplayed)
				}
			}
		})
	}
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// watchMemory looks at a process again and again; what it gives ends that, and is the most memory
// that it had. What wait(2) says would count the memory of this process, before exec.
func watchMemory(pid int) (most func() int64) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	peak := int64(0)
	go func() {
		defer close(stopped)
		for {
			text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // gone once it has ended
			if m := highWater.FindSubmatch(text); m != nil {
				if n, err := strconv.ParseInt(string(m[1]), 10, 64); err == nil {
					peak = n << 10
				}
			}
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	return func() int64 {
		close(stop)
		<-stopped
		return peak
	}
}
