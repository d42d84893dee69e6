//go:build interop

package interop

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	mailclient "github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/mailfile"
)

// TestSync changes a mailbox of Dovecot's and its copy at random, kills some runs, and wants both to be equal
// then: with QRESYNC, and with less and less of it.
func TestSync(t *testing.T) {
	a := accountOf("folders")
	for i, hidden := range [][]string{nil, {"QRESYNC"}, {"QRESYNC", "CONDSTORE"}, {"QRESYNC", "CONDSTORE", "ESEARCH", "MOVE"}} {
		t.Run("without "+strings.Join(hidden, "+"), func(t *testing.T) {
			seed := uint64(i + 1)
			r := rand.New(rand.NewPCG(seed, 2026))
			box := fmt.Sprintf("Sync%d", i)
			look := connected(t, lab.open, a)
			demoMailbox(t, look, box)
			url, ca := lab.open.url("imap", "tls"), lab.certs.ca
			if len(hidden) > 0 {
				o := proxyOptions{upstreams: []string{url}, listen: []string{"imaps"}, noCapture: true, format: "none"}
				for _, name := range hidden {
					o.flags = append(o.flags, "--hide-capability", name)
				}
				p := startProxy(t, o)
				url, ca = fmt.Sprintf("imaps://localhost:%d", p.ports[0]), proxyCA()
			}
			dir := filepath.Join(t.TempDir(), "copy")
			command := func() *exec.Cmd {
				cmd := exec.Command(lab.binary, "sync", url+"/"+box, dir, "--delete", "--user", a.user, "--tls-ca", ca)
				cmd.Env = append(os.Environ(), "MAILTRACE_PASSWORD="+a.password, "HOME="+lab.dir)
				return cmd
			}
			sync := func() {
				t.Helper()
				if out, err := command().CombinedOutput(); err != nil {
					t.Fatalf("seed %d: %v\n%s", seed, err, out)
				}
			}
			equal := func() {
				t.Helper()
				sync()
				want := seenBy(t, look, box)
				files, err := mailfile.ReadMaildir(dir)
				if err != nil || len(files) != len(want) {
					t.Errorf("seed %d: %d files, %d messages: %v", seed, len(files), len(want), err)
				}
				for _, e := range files {
					m, ok := want[e.UID]
					letters := mailfile.FlagLetters(strings.Fields(m.flags))
					if got := contents(t, e.Path(dir)); !ok || got != m.content || e.Letters != letters {
						t.Errorf("seed %d: UID %d: %q of %d octets, the server has %q of %d", seed, e.UID, e.Letters, len(got), m.flags, len(m.content))
					}
				}
			}
			equal()
			traced := command()
			traced.Args = append(traced.Args, "--trace", "--capture", filepath.Join(t.TempDir(), "c.pcapng"))
			out, err := traced.CombinedOutput()
			if err != nil || strings.Contains(string(out), "(QRESYNC (") != (hidden == nil) || strings.Contains(string(out), box+" (CONDSTORE)") != (len(hidden) == 1) {
				t.Errorf("%v\n%s", err, out)
			}
			for n := range 40 {
				now := seenBy(t, look, box)
				uids := slices.Sorted(maps.Keys(now))
				var uid mailclient.Raw
				if len(uids) > 0 {
					uid = mailclient.Raw(fmt.Sprint(uids[r.IntN(len(uids))]))
				}
				files, err := mailfile.ReadMaildir(dir)
				if err != nil {
					t.Fatal(err)
				}
				slices.SortFunc(files, func(a, b *mailfile.Entry) int { return strings.Compare(a.Name, b.Name) })
				do := func(cmd mailclient.Command) {
					t.Helper()
					if _, err := look.Select(t.Context(), box, false, "", nil); err != nil {
						t.Fatal(err)
					}
					if _, err := look.Do(t.Context(), cmd, nil); err != nil {
						t.Fatalf("seed %d: %s: %v", seed, cmd.Name, err)
					}
				}
				switch what := r.IntN(7); {
				case what == 0 || len(uids) == 0:
					p := fmt.Sprintf("Subject: random %d\r\nMessage-ID: <%d.%d@example.org>\r\n\r\n%s\r\n", n, n, seed, strings.Repeat("x", r.IntN(20000)))
					do(mailclient.Cmd("APPEND", mailclient.MailboxName(box), mailclient.Raw(`(\Flagged)`), mailclient.Literal{Reader: strings.NewReader(p), Octets: int64(len(p))}))
				case what == 1:
					do(mailclient.Cmd("UID STORE", uid, mailclient.Raw([]string{"+", "-", ""}[r.IntN(3)]+`FLAGS.SILENT (\Seen \Answered)`)))
				case what == 2:
					do(mailclient.Cmd("UID STORE", uid, mailclient.Raw(`+FLAGS.SILENT (\Deleted)`)))
					do(mailclient.Cmd("UID EXPUNGE", uid))
				case what == 3 && len(files) > 0:
					if err := mailfile.SetFlags(dir, files[r.IntN(len(files))], []string{"", "S", "FR", "DF"}[r.IntN(4)]); err != nil {
						t.Fatal(err)
					}
				case what == 4 && len(files) > 0:
					remove(t, files[r.IntN(len(files))].Path(dir))
				case what == 5:
					cmd := command()
					if err := cmd.Start(); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Duration(r.IntN(60)) * time.Millisecond) // wherever it is then
					if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
						t.Fatal(err)
					}
					_ = cmd.Wait() // killed, or done before
				default:
					sync()
				}
			}
			equal()
			equal()
		})
	}
}
