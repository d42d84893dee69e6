//go:build interop

package interop

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const (
	gibibyte   = 1 << 30
	mostGrowth = 32 << 20
)

// TestGibibyte sends a message of 1 GiB through the proxy, capturing and not: its memory
// grows by less than 32 MiB over what it had after a small one.
func TestGibibyte(t *testing.T) {
	for _, protocol := range []string{"imap", "pop3"} {
		s := startEndless(t, protocol, gibibyte)
		direct := s.dial(t, s.port, lab.certs.ca).fetch(t, "2")
		for _, capture := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/capture=%v", protocol, capture), func(t *testing.T) {
				p := startProxy(t, proxyOptions{upstreams: []string{s.url()}, listen: []string{protocol + "s"}, noCapture: !capture})
				r := s.dial(t, p.ports[0], proxyCA())
				r.fetch(t, "1")
				before := memory(t, p.cmd.Process.Pid, "VmRSS")
				if sum := r.fetch(t, "2"); sum != direct {
					t.Errorf("the message has changed: checksum %08x, directly %08x", sum, direct)
				}
				growth := memory(t, p.cmd.Process.Pid, "VmHWM") - before
				t.Logf("%d MiB before, at most %d MiB more", before>>20, growth>>20)
				if growth >= mostGrowth {
					t.Errorf("memory grew by %d octets, allowed are %d", growth, mostGrowth)
				}
				r.c.Close()
				p.stop(t)
				if capture {
					holdsOrMarks(t, p)
				}
			})
		}
	}
}

// holdsOrMarks checks that a capture holds the message, or says where it does not: a disk
// that is slower than the client costs octets of the capture, never of the session.
func holdsOrMarks(t *testing.T, p *proxyRun) {
	t.Helper()
	info, err := os.Stat(p.capture)
	if err != nil {
		t.Fatal(err)
	}
	gaps := ofKind(show(t, p.capture), "desync")
	said := strings.Contains(contents(t, p.stderr), "missing")
	t.Logf("%d MiB captured, %d gaps", info.Size()>>20, len(gaps))
	switch {
	case info.Size() >= gibibyte && len(gaps) == 0 && !said:
	case info.Size() < gibibyte && len(gaps) > 0 && said:
	default:
		t.Errorf("a capture of %d octets has %d gaps; that octets are missing was said: %v", info.Size(), len(gaps), said)
	}
}

// memory reads a size of a process, in octets.
func memory(t *testing.T, pid int, what string) int64 {
	t.Helper()
	m := regexp.MustCompile(what + `:\s+(\d+) kB`).FindStringSubmatch(contents(t, fmt.Sprintf("/proc/%d/status", pid)))
	if m == nil {
		t.Fatalf("no %s for process %d", what, pid)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}
