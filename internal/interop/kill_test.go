//go:build interop

package interop

import (
	"os"
	"strings"
	"testing"
)

// mostLost is what a killed recorder may not have written yet, in octets.
const mostLost = 256 << 10

// TestKilled kills the proxy in the middle of a message. The capture is read, by show and
// by tshark, up to its last whole block, and so is one that was cut anywhere else.
func TestKilled(t *testing.T) {
	const size = 8 << 20
	for _, protocol := range []string{"imap", "pop3"} {
		t.Run(protocol, func(t *testing.T) {
			s := startEndless(t, protocol, size)
			p := startProxy(t, proxyOptions{upstreams: []string{s.url()}, listen: []string{protocol + "s"}})
			r := s.dial(t, p.ports[0], proxyCA())
			r.begin(t, "3", size)
			eventually(t, "the recorder", func() bool {
				info, err := os.Stat(p.capture)
				return err == nil && info.Size() >= size
			})
			if err := p.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			<-p.exited
			p.stopped = true

			whole := show(t, p.capture)
			if got := recorded(t, p.capture); got < size-mostLost {
				t.Errorf("the capture holds %d octets of %d", got, size)
			}
			name := map[string]string{"imap": "FETCH", "pop3": "RETR"}[protocol]
			if commands(whole, protocol)[name] != 1 {
				t.Errorf("show does not know the %s", name)
			}
			p.noSecrets(t)

			file := contents(t, p.capture)
			for _, cut := range []int{len(file) - 3, len(file) - 1000, len(file) / 2, 2000} {
				short := write(t, t.TempDir(), "short.pcapng", file[:cut])
				x := mailtrace(t, "show", "--format", "json", short)
				if !strings.Contains(x.Stderr, "mailtrace: ") {
					t.Errorf("cut at %d: nothing is said of it", cut)
				}
				if x.Code != 0 && x.Code != 3 {
					t.Errorf("cut at %d: exit %d", cut, x.Code)
				}
				prefix(t, events(t, x.Stdout), whole)
			}
		})
	}
}

// recorded counts what tshark finds of the server's octets.
func recorded(t *testing.T, file string) int {
	t.Helper()
	n := 0
	for stream, p := range streams(t, file) {
		if strings.HasSuffix(stream, " from 143") || strings.HasSuffix(stream, " from 110") {
			n += len(p)
		}
	}
	return n
}

// prefix checks that the events of a capture that was cut are the first ones of the whole;
// what ends a trace (an unfinished literal, the close) is left out.
func prefix(t *testing.T, cut, whole []event) {
	t.Helper()
	for i, e := range cut {
		if i < len(whole) && e.text("kind") == whole[i].text("kind") && e.text("text") == whole[i].text("text") {
			continue
		}
		for _, rest := range cut[i:] {
			switch rest.text("kind") {
			case "close", "literal", "multiline", "mime", "desync", "finding":
			default:
				t.Errorf("event %d of the capture that was cut is no event of the whole: %v", i+1, rest)
			}
		}
		return
	}
}
