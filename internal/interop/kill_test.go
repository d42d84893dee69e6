//go:build interop

package interop

import (
	"os"
	"strings"
	"testing"
)

// mostLost is what a killed recorder may not have written yet, in octets.
const mostLost = 256 << 10

// TestKilled kills the proxy in the middle of a message: once while the server pauses, so
// that all but mostLost has to be there, once while octets flow. The capture is read, by
// show and by tshark, up to its last whole block, and so is one that was cut anywhere else.
func TestKilled(t *testing.T) {
	const size = 2 << 20
	for _, protocol := range []string{"imap", "pop3"} {
		t.Run(protocol+"/pause", func(t *testing.T) {
			p := killed(t, startEndless(t, protocol, size), "3", size)
			theirs := dissect(t, p.capture)
			if got := theirs.fromServers(); got < size-mostLost {
				t.Errorf("the capture holds %d octets of %d", got, size)
			}
			whole := show(t, p.capture)
			name := map[string]string{"imap": "FETCH", "pop3": "RETR"}[protocol]
			if commands(whole, protocol)[name] != 1 {
				t.Errorf("show does not know the %s", name)
			}
			p.noSecrets(t, theirs)

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
		t.Run(protocol+"/flow", func(t *testing.T) {
			p := killed(t, startEndless(t, protocol, gibibyte), "2", size)
			if dissect(t, p.capture).fromServers() == 0 {
				t.Error("nothing was recorded")
			}
			if x := mailtrace(t, "show", "--format", "json", p.capture); x.Code != 0 && x.Code != 3 || len(events(t, x.Stdout)) == 0 {
				t.Errorf("show: exit %d\n%s", x.Code, x.Stderr)
			}
		})
	}
}

// killed gives what a proxy left that was killed once the client had n octets of a message.
func killed(t *testing.T, s *endless, message string, n int64) *proxyRun {
	t.Helper()
	p := startProxy(t, proxyOptions{upstreams: []string{s.url()}, listen: []string{s.protocol + "s"}})
	r := s.dial(t, p.ports[0], proxyCA())
	r.begin(t, message, n)
	if message == "3" {
		eventually(t, "the recorder", func() bool {
			info, err := os.Stat(p.capture)
			return err == nil && info.Size() >= n
		})
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.exited
	p.stopped = true
	return p
}

// fromServers counts the octets of servers.
func (d dissection) fromServers() int {
	n := 0
	for sender, p := range d.streams {
		if strings.HasSuffix(sender, " from 143") || strings.HasSuffix(sender, " from 110") {
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
