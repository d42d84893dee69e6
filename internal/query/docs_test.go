package query_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/mailtrace/mailtrace/internal/query"
)

var update = flag.Bool("update", false, "write the table of keys into docs/client.md")

const clientPage = "../../docs/client.md"

const head = "| key | finds a message that | in IMAP |\n|---|---|---|\n"

func table() string {
	var b strings.Builder
	b.WriteString(head)
	for _, k := range query.Keys() {
		name, imap := k.Name, "as it stands"
		if k.Value != "" {
			name += ":" + k.Value
		}
		if k.IMAP != "" {
			imap = "`" + k.IMAP + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, strings.ReplaceAll(k.Help, "|", `\|`), imap)
	}
	return b.String()
}

// The page has the keys that there are.
func TestClientPage(t *testing.T) {
	p, err := os.ReadFile(clientPage)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(p), head)
	if !ok {
		t.Fatal("docs/client.md has no table of keys")
	}
	_, after, _ := strings.Cut(rest, "\n\n")
	want := before + table() + "\n" + after
	if want == string(p) {
		return
	}
	if !*update {
		t.Fatal("docs/client.md is not what the table of keys says: go test ./internal/query -update")
	}
	if err := os.WriteFile(clientPage, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
