package rules

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/findings.md")

const findingsPage = "../../docs/findings.md"

const findingsHead = `# Findings

What mailtrace finds worth telling about a session, generated from the table in ` + "`decode/rules`" + `. The names are stable.

| severity | meaning |
|---|---|
| error | framing or data at risk |
| warning | against the RFC |
| note | legal, but worth knowing; shown with ` + "`-v`" + ` and by ` + "`mailtrace lint -v`" + ` |

A clean session has no finding above note: a false alarm is a bug in mailtrace.

` + "```sh" + `
mailtrace lint tb.pcapng                                  # exit code 1 for a warning or an error
mailtrace lint --fail-on error --format sarif tb.pcapng   # for what shows SARIF
mailtrace show --filter 'finding startsWith "starttls."' tb.pcapng
` + "```" + `

` + "`mailtrace lint --format json`" + ` writes a finding a line: ` + "`v`" + ` (1), ` + "`file conn seq protocol kind command line`" + ` of the event that it stands
on, as in [events.md](events.md), and ` + "`finding`" + `, the object described there.
`

// families are the sections of the page: the word before the dot of an ID.
var families = []struct{ name, title string }{
	{"starttls", "STARTTLS and STLS"},
	{"auth", "Logging in"},
	{"alert", "Before TLS"},
	{"referral", "Before TLS"},
	{"capability", "Capabilities"},
	{"imap", "IMAP"},
	{"pop3", "POP3"},
	{"mime", "Messages"},
	{"habit", "Habits of clients"},
	{"mailtrace", "mailtrace itself"},
}

func page() string {
	var b strings.Builder
	b.WriteString(findingsHead)
	title := ""
	for _, f := range families {
		for _, r := range All() {
			if name, _, _ := strings.Cut(r.ID, "."); name != f.name {
				continue
			}
			if f.title != title {
				title = f.title
				fmt.Fprintf(&b, "\n## %s\n\n| finding | severity | reference | what it means | seen in the wild |\n|---|---|---|---|---|\n", title)
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", r.ID, r.Severity, r.Ref, cell(r.Text), cell(r.Seen))
		}
	}
	return b.String()
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func TestFindingsPage(t *testing.T) {
	want := page()
	if *update {
		if err := os.WriteFile(findingsPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(findingsPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/findings.md is not what the table says: go test ./decode/rules -update")
	}
}

// TestTable holds every row to the form that the page and the readers of IDs rely on.
func TestTable(t *testing.T) {
	id := regexp.MustCompile(`^[a-z0-9]+\.[a-z0-9]+(-[a-z0-9]+)*$`)
	ref := regexp.MustCompile(`^(RFC \d+( (§|appendix )[0-9A-Za-z.]+)?|docs/[a-z]+\.md)( \(.+\))?([,;] .+)?$`)
	known := map[string]bool{}
	for _, f := range families {
		known[f.name] = true
	}
	for _, r := range All() {
		family, _, _ := strings.Cut(r.ID, ".")
		switch {
		case !id.MatchString(r.ID), !known[family]:
			t.Errorf("%s: not a name of a family", r.ID)
		case !ref.MatchString(r.Ref) && family != "mailtrace":
			t.Errorf("%s: the reference %q names no RFC", r.ID, r.Ref)
		case r.Text == "" || strings.HasSuffix(r.Text, "."):
			t.Errorf("%s: %q is no sentence without a final period", r.ID, r.Text)
		}
	}
}
