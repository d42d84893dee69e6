//go:build interop

package interop

import (
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"testing"
)

// dissection is what tshark makes of a capture.
type dissection struct {
	streams    map[string][]byte // octets by stream and port of the sender
	pop3, imap map[string]int    // commands by name
	cut        bool              // the capture ends within a block
}

// dissect lets tshark read a capture.
func dissect(t *testing.T, file string) dissection {
	t.Helper()
	x := execute(t, "tshark", "-n", "-r", file, "-Y", "tcp.len > 0", "-T", "fields", "-e", "tcp.stream", "-e", "tcp.srcport",
		"-e", "tcp.payload", "-e", "pop.request.command", "-e", "imap.request.command")
	d := dissection{streams: map[string][]byte{}, pop3: map[string]int{}, imap: map[string]int{}, cut: strings.Contains(x.Stderr, "cut short")}
	if x.Code != 0 && !d.cut {
		t.Fatalf("tshark: exit %d\n%s", x.Code, x.Stderr)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(x.Stdout, "\n"), "\n") {
		if line == "" {
			continue
		}
		row := strings.Split(line, "\t")
		if len(row) != 5 {
			t.Fatalf("tshark: expected 5 fields, got %q", line)
		}
		p, err := hex.DecodeString(strings.ReplaceAll(row[2], ":", ""))
		if err != nil {
			t.Fatal(err)
		}
		sender := row[0] + " from " + row[1]
		d.streams[sender] = append(d.streams[sender], p...)
		count(d.pop3, row[3])
		count(d.imap, row[4])
	}
	return d
}

func count(n map[string]int, names string) {
	for name := range strings.SplitSeq(names, ",") {
		if name != "" {
			n[strings.ToUpper(name)]++
		}
	}
}

// pop3Keywords are the commands that may be counted: tshark takes SASL responses for
// commands too.
var pop3Keywords = strings.Fields("APOP AUTH CAPA DELE LAST LIST NOOP PASS QUIT RETR RSET STAT STLS TOP UIDL USER")

// agreesWithTshark compares the commands that tshark finds in a capture with ours. Where
// a client sent literals or SASL responses, tshark takes those for IMAP commands.
func agreesWithTshark(t *testing.T, theirs dissection, shown []event) {
	t.Helper()
	if theirs.cut {
		t.Error("tshark finds that the capture was cut")
	}
	ours := commands(shown, "pop3")
	for _, n := range []map[string]int{theirs.pop3, ours} {
		maps.DeleteFunc(n, func(name string, _ int) bool { return !slices.Contains(pop3Keywords, name) })
	}
	if !maps.Equal(ours, theirs.pop3) {
		t.Errorf("POP3 commands: ours %v, tshark's %v", ours, theirs.pop3)
	}
	for _, e := range ofKind(shown, "continuation") {
		if e.text("dir") == "C" && e.text("protocol") == "imap" {
			return
		}
	}
	ours = map[string]int{}
	for name, n := range commands(shown, "imap") {
		ours[strings.TrimPrefix(name, "UID ")] += n // tshark has a flag for that
	}
	if !maps.Equal(ours, theirs.imap) {
		t.Errorf("IMAP commands: ours %v, tshark's %v", ours, theirs.imap)
	}
}
