//go:build interop

package interop

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mailtrace/mailtrace/decode/rules"
)

// finding is one row of an event's findings.
type finding struct{ id, severity, ref, fact, event string }

func (f finding) String() string {
	return fmt.Sprintf("%s %s (%s) %s at %s", f.severity, f.id, f.ref, f.fact, f.event)
}

// permission lets a finding above note stand: a reading of the RFC bears it out.
type permission struct {
	id string
	// who is "server/client/leg" of path.Match, for a peer that does so; "*" for server and
	// client where it is the test itself, or a message in its mailboxes.
	who string
	why string
}

// permissions are all that is known of these servers and clients.
var permissions = []permission{
	{"auth.cleartext", "*/*/plain", "the test logs in without TLS where STARTTLS is offered: RFC 8314 §4"},
	{"imap.response-missing", "cyrus/talk/tls", "SEARCH FUZZY that finds nothing has no SEARCH response, which RFC 3501 §6.4.4 requires"},
	{"imap.response-syntax", "courier/talk/tls", "QUOTA of a root without limits has no list of resources: RFC 9208 §7, RFC 2087 §6"},
	{"imap.response-syntax", "dovecot/talk/tls", "PREVIEW (FUZZY \"…\") is of a draft; RFC 8970 §6 has a string alone"},
	{"imap.trailing-space", "*/talk/tls", "THREAD that finds nothing ends with a space, which stands only before a list: RFC 5256 §5"},
	{"pop3.size", "*/*/*", "a message without a final CRLF gets one at RETR that LIST does not count, and Courier wraps messages with UTF-8 headers: RFC 1939 §11"},
	{"imap.uidnext-missing", "courier/*/*", "no UIDNEXT at SELECT, which MUST be sent: RFC 3501 §6.3.1"},
	{"mime.long-line", "*/*/*", "a message in the mailboxes has a line of 2,000 octets, at most 998 are allowed: RFC 5322 §2.1.1"},
	{"mime.boundary-open", "*/*/*", "a multipart in the mailboxes has no closing delimiter: RFC 2046 §5.1.1"},
	{"mime.boundary-missing", "*/talk/tls", "a message that the test appends is a multipart without boundary: RFC 2046 §5.1.1"},
	{"mime.no-colon", "*/talk/tls", "a message that the test appends has a header line that is no field: RFC 5322 §2.2"},
	{"mime.8bit-body", "*/talk/tls", "a message that the test appends has octets beyond ASCII and says nothing of them: RFC 2045 §6.2"},
}

// seen is what the whole run found, by severity, id, server and client.
var seen = struct {
	sync.Mutex
	rows map[string]int
	used map[permission]bool
}{rows: map[string]int{}, used: map[permission]bool{}}

// findings gives what stands at a run's events.
func findings(all []event) []finding {
	var some []finding
	for _, e := range all {
		rows, _ := e["findings"].([]any)
		for _, row := range rows {
			f := event(row.(map[string]any))
			some = append(some, finding{
				f.text("id"), f.text("severity"), f.text("ref"), f.text("fact"),
				fmt.Sprintf("%s %s %s %s", e.text("dir"), e.text("kind"), e.text("name"), bounded(e.text("text"))),
			})
		}
	}
	return some
}

// judge fails the test for each finding above note that a client's session with a server,
// over a leg, may not have.
func judge(t *testing.T, server, client, leg string, all []event) {
	t.Helper()
	seen.Lock()
	defer seen.Unlock()
	who := server + "/" + client + "/" + leg
	for _, f := range findings(all) {
		seen.rows[fmt.Sprintf("%-7s  %-32s  %s", f.severity, f.id, who)]++
		if f.severity == "note" {
			continue
		}
		may := slices.IndexFunc(permissions, func(p permission) bool {
			matches, err := path.Match(p.who, who)
			return err == nil && matches && p.id == f.id
		})
		if may < 0 {
			t.Errorf("%s: %v", who, f)
			continue
		}
		seen.used[permissions[may]] = true
	}
}

// reportFindings prints what was seen. After a whole run, a permission that nobody needed is
// an error.
func reportFindings(w io.Writer) error {
	if len(seen.rows) > 0 {
		fmt.Fprintln(w, "findings of the run, with server/client/leg:")
	}
	for _, row := range slices.Sorted(maps.Keys(seen.rows)) {
		fmt.Fprintf(w, "%6d  %s\n", seen.rows[row], row)
	}
	if flag.Lookup("test.run").Value.String() != "" {
		return nil
	}
	var idle []string
	for _, p := range permissions {
		if !seen.used[p] {
			idle = append(idle, p.id+" for "+p.who)
		}
	}
	if idle != nil {
		return fmt.Errorf("permissions that nothing needs: %s", strings.Join(idle, ", "))
	}
	return nil
}

// TestJudge proves that a finding above note fails a run, and a note does not.
func TestJudge(t *testing.T) {
	with := func(severity string) []event {
		return []event{{"kind": "untagged", "findings": []any{map[string]any{"id": "test.none", "severity": severity}}}}
	}
	if got := findings(with("error")); len(got) != 1 || got[0].id != "test.none" || got[0].severity != "error" {
		t.Errorf("expected the finding, got %v", got)
	}
	for _, p := range permissions {
		if p.why == "" || !strings.Contains(p.why, "RFC ") {
			t.Errorf("%s for %s: no RFC bears it out", p.id, p.who)
		}
		if _, err := path.Match(p.who, "dovecot/curl/tls"); err != nil {
			t.Errorf("%s: %v", p.who, err)
		}
	}
}

// What a reading of the RFC bears out against a server stands in the table, as seen in the wild.
func TestPermissionsAreSeen(t *testing.T) {
	for _, p := range permissions {
		r := rules.ByID(p.id)
		if r == nil {
			t.Errorf("there is no rule %s", p.id)
			continue
		}
		product, _, _ := strings.Cut(p.who, "/")
		if product != "*" && !strings.Contains(strings.ToLower(r.Seen), product) {
			t.Errorf("%s was found with %s: %s; Seen has %q", p.id, product, p.why, r.Seen)
		}
	}
}
