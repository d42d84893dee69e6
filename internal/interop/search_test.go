//go:build interop

package interop

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	mailclient "github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/internal/mailserver"
	mailmessage "github.com/mailtrace/mailtrace/internal/message"
	"github.com/mailtrace/mailtrace/internal/query"
)

// connected is a session of the mail client with a server.
func connected(t *testing.T, s *server, a account) *mailclient.IMAP {
	t.Helper()
	u, err := dial.Parse(s.url("imap", "tls"))
	if err != nil {
		t.Fatal(err)
	}
	u.User = a.user
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(contents(t, lab.certs.ca)))
	c, err := mailclient.DialIMAP(t.Context(), mailclient.Config{
		URL: u, Dial: &dial.Config{Roots: roots}, Idle: 30 * time.Second, Mechanism: "PLAIN",
		Password: func(context.Context) (string, error) { return a.password, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(nil) })
	return c
}

// demoMailbox makes a mailbox of the demo messages, and gives what is known of each.
func demoMailbox(t *testing.T, c *mailclient.IMAP, name string) (list []*query.Message) {
	t.Helper()
	if _, err := c.Do(t.Context(), mailclient.Cmd("CREATE", mailclient.MailboxName(name)), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := c.Do(context.Background(), mailclient.Cmd("CLOSE"), nil); err != nil { // Courier deletes no open mailbox
			t.Error(err)
		}
		if _, err := c.Do(context.Background(), mailclient.Cmd("DELETE", mailclient.MailboxName(name)), nil); err != nil {
			t.Error(err)
		}
	})
	all := mailserver.DemoMessages()
	for i, m := range all {
		_, err := c.Do(t.Context(), mailclient.Cmd("APPEND", mailclient.MailboxName(name), mailclient.Raw("("+strings.Join(m.Flags, " ")+")"),
			mailclient.Raw(m.Date.Format(`"_2-Jan-2006 15:04:05 -0700"`)), mailclient.Literal{Reader: bytes.NewReader(m.Octets), Octets: int64(len(m.Octets))}), nil)
		if err != nil {
			t.Fatal(err)
		}
		x := &query.Message{
			UID: uint32(i + 1), Highest: uint32(len(all)), Octets: int64(len(m.Octets)), Flags: m.Flags, HasFlags: true, Arrived: m.Date,
			Header: []query.Field{},
		}
		whole, err := mailmessage.Read(bytes.NewReader(m.Octets))
		if err != nil {
			t.Fatal(err)
		}
		x.Body = func(yield func(io.Reader) bool) error {
			for _, p := range whole.Parts {
				if p.IsText() {
					r, err := whole.Open(p, false)
					if err != nil || !yield(mailmessage.Text(r, p.Charset)) {
						return err
					}
				}
			}
			return nil
		}
		if err := mailclient.ReadHeader(bytes.NewReader(m.Octets), func(name, value string) {
			x.Header = append(x.Header, query.Field{Name: name, Value: value})
		}); err != nil {
			t.Fatal(err)
		}
		list = append(list, x)
	}
	return list
}

// otherwise are queries that a server answers in its own way.
var otherwise = map[string][]string{
	// QUIRK: Cyrus takes accents off letters, so that é is e, and finds nothing beyond ASCII in a body.
	"cyrus": {"subject:é", "body:täglich", "body:会議", "body:a -body:b or body:täglich subject:münchen"},
	// QUIRK: Courier finds nothing by UID *, which is the highest (RFC 9051 §9, seq-number), and compares
	// another size than the RFC822.SIZE that it tells.
	"courier": {"uid:*", "larger:442 or smaller:442", "-(larger:442 or smaller:442)"},
}

// TestSearchMatches finds the same from headers and by SEARCH.
func TestSearchMatches(t *testing.T) {
	lines, err := os.ReadFile(filepath.Join("..", "query", "testdata", "queries.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []struct {
		server  *server
		mailbox string
	}{{lab.open, "Search"}, {lab.cyrus, "INBOX.Search"}, {lab.courier, "INBOX.Search"}} {
		t.Run(s.server.name, func(t *testing.T) {
			c := connected(t, s.server, accountOf("folders"))
			messages := demoMailbox(t, c, s.mailbox)
			if _, err := c.Select(t.Context(), s.mailbox, true, "", nil); err != nil {
				t.Fatal(err)
			}
			var uids []uint32
			for _, m := range slices.Backward(messages) {
				uids = append(uids, m.UID)
			}
			n := 0
			if err := c.Found(t.Context(), uids, func(row *mailclient.Summary) error {
				if m := messages[uids[n]-1]; row.UID != m.UID || row.Octets != m.Octets || row.Subject == "" {
					t.Errorf("%+v, want UID %d of %d octets", row, m.UID, m.Octets)
				}
				n++
				return nil
			}); err != nil || n != len(messages) {
				t.Errorf("%d rows: %v", n, err)
			}
			for _, line := range strings.Split(strings.TrimSpace(string(lines)), "\n") {
				if slices.Contains(otherwise[s.server.name], line) {
					continue
				}
				q, err := query.Parse(line)
				if err != nil {
					t.Fatal(err)
				}
				args, _, err := q.Program(query.Server{Within: c.Has("WITHIN"), Now: time.Now()})
				if err != nil {
					t.Fatal(err)
				}
				want, err := c.Search(t.Context(), true, args...)
				if err != nil {
					t.Errorf("%s: %v", line, err)
					continue
				}
				var got []uint32
				for _, m := range messages {
					if q.Match(m) {
						got = append(got, m.UID)
					}
				}
				if slices.Sort(want); !slices.Equal(got, want) {
					t.Errorf("%s: found %v, the server %v", line, got, want)
				}
			}
		})
	}
}

// TestSearch searches with the program, over each protocol and leg: what it finds is the same, and
// flags are what they were.
func TestSearch(t *testing.T) {
	a := accountOf("kinds")
	c := connected(t, lab.open, a)
	flags := func() (list []string) {
		if _, err := c.Select(t.Context(), "INBOX", true, "", nil); err != nil {
			t.Fatal(err)
		}
		if err := c.Fetch(t.Context(), false, "1:*", "(UID FLAGS)", func(f *mailclient.Fetched) error {
			if !slices.ContainsFunc(f.Flags, func(x grammar.Text) bool { return !x.Is(`\RECENT`) }) {
				return nil // which session is told first of a message is nobody's flag
			}
			list = append(list, fmt.Sprint(f.UID, f.Flags))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return list
	}
	before := flags()
	for _, protocol := range []string{"imap", "pop3"} {
		for _, leg := range []string{"tls", "starttls"} {
			run := func(want int, flags ...string) string {
				x := executeIn(t, "", "env", slices.Concat([]string{
					"MAILTRACE_PASSWORD=" + a.password, lab.binary, "search", "--user", a.user, "--tls-ca", lab.certs.ca,
				}, flags)...)
				if x.Code != want {
					t.Errorf("%s %s %v: exit %d, want %d\n%s%s", protocol, leg, flags, x.Code, want, x.Stdout, x.Stderr)
				}
				return x.Stdout
			}
			url := lab.open.url(protocol, leg)
			if got := run(0, "--count", url, "larger:0 -subject:nothing-of-the-kind"); got != fmt.Sprintln(a.messages) {
				t.Errorf("%s %s: found %q of %d", protocol, leg, got, a.messages)
			}
			run(1, url, "subject:nothing-of-the-kind-größe")
			run(0, "--count", url, "newer:1y or older:1d")
			if protocol == "imap" {
				if got := run(0, "--uids", url, `text:" " uid:2:3`); got != "2:3\n" {
					t.Errorf("%s: %q", leg, got)
				}
				run(0, "--count", url, `raw:"OR UNSEEN SEEN"`)
			}
		}
	}
	if after := flags(); !slices.Equal(before, after) {
		t.Errorf("flags were %v, are %v", before, after)
	}
}
