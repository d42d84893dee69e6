//go:build interop

package interop

import (
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"testing"
)

// tshark reads a capture and gives the fields asked for, one line a segment. Of a capture
// that ends within a block it reads what is before, and complains: cut allows that.
func tshark(t *testing.T, file string, cut bool, args ...string) [][]string {
	t.Helper()
	x := execute(t, "tshark", append([]string{"-n", "-r", file, "-T", "fields"}, args...)...)
	if x.Code != 0 && !(cut && strings.Contains(x.Stderr, "cut short")) {
		t.Fatalf("tshark: exit %d\n%s", x.Code, x.Stderr)
	}
	var rows [][]string
	for _, line := range strings.Split(strings.TrimSuffix(x.Stdout, "\n"), "\n") {
		if line != "" {
			rows = append(rows, strings.Split(line, "\t"))
		}
	}
	return rows
}

// streams joins what travelled on each side of each stream of a capture.
func streams(t *testing.T, file string) map[string][]byte {
	t.Helper()
	joined := map[string][]byte{}
	for _, row := range tshark(t, file, true, "-Y", "tcp.len > 0", "-e", "tcp.stream", "-e", "tcp.srcport", "-e", "tcp.payload") {
		p, err := hex.DecodeString(strings.ReplaceAll(row[2], ":", ""))
		if err != nil {
			t.Fatal(err)
		}
		joined[row[0]+" from "+row[1]] = append(joined[row[0]+" from "+row[1]], p...)
	}
	return joined
}

// pop3Keywords are the commands that may be counted: tshark takes SASL responses for
// commands too.
var pop3Keywords = strings.Fields("APOP AUTH CAPA DELE LAST LIST NOOP PASS QUIT RETR RSET STAT STLS TOP UIDL USER")

// agreesWithTshark compares the commands that tshark finds in a capture with ours. Where
// a client sent literals or SASL responses, tshark takes those for IMAP commands.
func agreesWithTshark(t *testing.T, file string, shown []event) {
	t.Helper()
	theirs := map[string]map[string]int{"pop3": {}, "imap": {}}
	for _, row := range tshark(t, file, false, "-e", "pop.request.command", "-e", "imap.request.command") {
		for i, protocol := range []string{"pop3", "imap"} {
			if i < len(row) && row[i] != "" {
				for _, name := range strings.Split(row[i], ",") {
					theirs[protocol][strings.ToUpper(name)]++
				}
			}
		}
	}
	for name := range theirs["pop3"] {
		if !slices.Contains(pop3Keywords, name) {
			delete(theirs["pop3"], name)
		}
	}
	if ours := commands(shown, "pop3"); !maps.Equal(ours, theirs["pop3"]) {
		t.Errorf("POP3 commands: ours %v, tshark's %v", ours, theirs["pop3"])
	}
	for _, e := range ofKind(shown, "continuation") {
		if e.text("dir") == "C" && e.text("protocol") == "imap" {
			return
		}
	}
	ours := map[string]int{}
	for name, n := range commands(shown, "imap") {
		ours[strings.TrimPrefix(name, "UID ")] += n // tshark has a flag for that
	}
	if !maps.Equal(ours, theirs["imap"]) {
		t.Errorf("IMAP commands: ours %v, tshark's %v", ours, theirs["imap"])
	}
}
