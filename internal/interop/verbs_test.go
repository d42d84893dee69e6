//go:build interop

package interop

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	mailclient "github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/mailfile"
	"github.com/mailtrace/mailtrace/internal/mailserver"
)

// kept is a message as another client sees it.
type kept struct {
	flags   string // without \Recent, in one order
	content string
}

// seenBy gives what is in a mailbox.
func seenBy(t *testing.T, c *mailclient.IMAP, mailbox string) map[uint32]kept {
	t.Helper()
	m, err := c.Select(t.Context(), mailbox, true, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	all := map[uint32]kept{}
	if m.Exists == 0 {
		return all
	}
	err = c.Fetch(t.Context(), false, "1:*", "(UID FLAGS BODY.PEEK[])", func(f *mailclient.Fetched) error {
		if len(f.Sections) == 0 {
			return nil
		}
		content := f.Content(0)
		if content == nil {
			return fmt.Errorf("UID %d: no content", f.UID)
		}
		defer content.Drop()
		var b bytes.Buffer
		if _, err := content.WriteTo(&b); err != nil {
			return err
		}
		var flags []string
		for _, x := range f.Flags {
			if !x.Is(`\RECENT`) {
				flags = append(flags, strings.ToLower(string(x)))
			}
		}
		slices.Sort(flags)
		all[f.UID] = kept{strings.Join(flags, " "), b.String()}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// verb runs a verb of the mail client with a password, and gives its exit code and output.
func verb(t *testing.T, a account, args ...string) execution {
	t.Helper()
	return executeIn(t, "", "env", slices.Concat([]string{"TZ=UTC", "MAILTRACE_PASSWORD=" + a.password, lab.binary}, args,
		[]string{"--user", a.user, "--tls-ca", lab.certs.ca})...)
}

// TestVerbs has every verb do its work on the servers, and looks with another client at what it did: what
// was asked for, and nothing else.
func TestVerbs(t *testing.T) {
	demo := mailserver.DemoMessages()
	a := accountOf("folders")
	for _, s := range []*server{lab.open, lab.cyrus, lab.courier} {
		for _, leg := range []string{"tls", "starttls"} {
			t.Run(s.name+"/"+leg, func(t *testing.T) {
				prefix := ""
				if s != lab.open {
					prefix = "INBOX."
				}
				box, other := prefix+"Verbs", prefix+"Other"
				look := connected(t, s, a)
				demoMailbox(t, look, box)
				now := seenBy(t, look, box)
				base := s.url("imap", leg)
				run := func(want int, args ...string) string {
					t.Helper()
					if s == lab.cyrus && args[0] != "folders" {
						args = append(args, "--auth", "PLAIN") // folders has shown the way around its -PLUS
					}
					x := verb(t, a, args...)
					if x.Code != want {
						t.Fatalf("%v: exit %d, want %d\n%s%s", args, x.Code, want, bounded(x.Stdout), x.Stderr)
					}
					return x.Stdout
				}
				// same finds the mailbox as it is expected to be.
				same := func(what string, want map[uint32]kept) {
					t.Helper()
					got := seenBy(t, look, box)
					if !maps.Equal(got, want) {
						for uid := range want {
							if got[uid] != want[uid] {
								t.Errorf("%s: UID %d is %.80q, want %.80q", what, uid, got[uid], want[uid])
							}
						}
						for uid := range got {
							if _, ok := want[uid]; !ok {
								t.Errorf("%s: UID %d is there", what, uid)
							}
						}
					}
				}
				url := base + "/" + box

				if out := run(0, "folders", base, "--format", "json"); !strings.Contains(out, `"name":"`+box+`"`) {
					t.Errorf("folders: %s", out)
				}
				out := run(0, "list", url, "--format", "json")
				if n := strings.Count(out, "\n"); n != len(demo) || !strings.Contains(out, `"subject":"Grüße aus München"`) {
					t.Errorf("list: %d rows\n%s", n, out)
				}
				for uid, m := range now {
					if got := run(0, "fetch", url, "--uid", fmt.Sprint(uid), "--raw"); got != m.content {
						t.Errorf("fetch of UID %d: %d octets, want %d", uid, len(got), len(m.content))
					}
				}
				if out := run(0, "fetch", url, "--uid", "3", "--structure"); !strings.Contains(out, "application/pdf plan.pdf") {
					t.Errorf("structure: %s", out)
				}
				if out := run(0, "fetch", url, "--uid", "3", "--part", "2"); len(out) != 593 {
					t.Errorf("part: %d octets", len(out))
				}
				dir := filepath.Join(t.TempDir(), "copy")
				run(0, "sync", url, dir)
				if out := run(0, "sync", url, dir); !strings.Contains(out, "nothing new") {
					t.Errorf("sync: %s", out)
				}
				same("reading", now)

				run(0, "flag", url, "--uid", "5,6", `+\Flagged`, `+\Seen`)
				run(0, "flag", url, "--uid", "6", `-\Seen`)
				for uid, flags := range map[uint32]string{5: `\flagged \seen`, 6: `\flagged`} {
					now[uid] = kept{flags, now[uid].content}
				}
				same("flag", now)

				run(0, "copy", url, "--uid", "1:2", other, "--create")
				t.Cleanup(func() {
					// Closed by opening another, which the next to clean up closes.
					if _, err := look.Select(context.Background(), box, true, "", nil); err != nil {
						t.Error(err)
					}
					if _, err := look.Do(context.Background(), mailclient.Cmd("DELETE", mailclient.MailboxName(other)), nil); err != nil {
						t.Error(err)
					}
				})
				same("copy", now)
				run(0, "move", url, "--uid", "7", other)
				moved := now[7]
				delete(now, 7)
				same("move", now)
				if got := seenBy(t, look, other); len(got) != 3 || got[3] != moved {
					t.Errorf("moved to: %d messages, %.80q", len(got), got[3])
				}
				if _, err := look.Select(t.Context(), box, false, "", nil); err != nil {
					t.Fatal(err)
				}
				// What another client has marked as deleted stays.
				if err := look.Store(t.Context(), []uint32{9}, "+", []string{`\Deleted`}, nil); err != nil {
					t.Fatal(err)
				}
				run(0, "delete", url, "--uid", "8,10", "--yes")
				delete(now, 8)
				delete(now, 10)
				now[9] = kept{`\deleted`, now[9].content}
				same("delete", now)
				run(1, "delete", url, "--uid", "8", "--yes")

				file := filepath.Join(t.TempDir(), "m.eml")
				if err := os.WriteFile(file, []byte("Subject: new\n\nbody\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				run(0, "append", url, file, "--flags", `\Seen`)
				now[uint32(len(demo))+1] = kept{`\seen`, "Subject: new\r\n\r\nbody\r\n"}
				same("append", now)
				run(0, "sync", url, dir)
				files, err := mailfile.ReadMaildir(dir)
				if err != nil || len(files) != len(now) {
					t.Errorf("sync: %d messages, want %d: %v", len(files), len(now), err)
				}
				for _, e := range files {
					if got := contents(t, e.Path(dir)); got != now[e.UID].content {
						t.Errorf("sync: UID %d: %d octets, want %d", e.UID, len(got), len(now[e.UID].content))
					}
				}
				same("sync", now)
			})
		}
	}
}

// TestVerbsPOP3 lists and stores a maildrop, and finds it as it was.
func TestVerbsPOP3(t *testing.T) {
	a := accountOf("kinds")
	for _, s := range []*server{lab.open, lab.cyrus, lab.courier} {
		for _, leg := range []string{"tls", "starttls"} {
			t.Run(s.name+"/"+leg, func(t *testing.T) {
				// What curl gets: over IMAP a server may give another last line end.
				want := map[string]int{}
				for n := 1; n <= a.messages; n++ {
					got := must(t, "curl", "--silent", "--cacert", lab.certs.ca, "--user", a.user+":"+a.password, fmt.Sprintf("%s/%d", s.url("pop3", "tls"), n))
					want[wrapping.ReplaceAllString(got, "=_boundary")]++ // see unwrapped
				}
				url := s.url("pop3", leg)
				dir := t.TempDir()
				for _, args := range [][]string{
					{"list", url},
					{"fetch", url},
					{"fetch", url, "--seq", "2", "--structure"},
					{"fetch", url, "--new", "--out", filepath.Join(dir, "new")},
					{"fetch", url, "--new", "--out", filepath.Join(dir, "new")},
					{"sync", url, filepath.Join(dir, "sync")},
					{"sync", url, filepath.Join(dir, "sync")},
				} {
					if s == lab.cyrus && args[0] != "list" {
						args = append(args, "--auth", "PLAIN") // list has shown the way around its -PLUS
					}
					if x := verb(t, a, args...); x.Code != 0 {
						t.Errorf("%v: exit %d\n%s%s", args, x.Code, x.Stdout, x.Stderr)
					}
				}
				var files []string
				for _, pattern := range []string{"new/*.eml", "sync/new/*"} {
					list, err := filepath.Glob(filepath.Join(dir, pattern))
					if err != nil || len(list) != a.messages {
						t.Errorf("%s: %d files, want %d: %v", pattern, len(list), a.messages, err)
					}
					files = append(files, list...)
				}
				got := map[string]int{}
				for _, f := range files {
					got[wrapping.ReplaceAllString(contents(t, f), "=_boundary")]++
				}
				for m, n := range want {
					if got[m] != 2*n {
						t.Errorf("stored %d times, want %d: %.100q", got[m], 2*n, m)
					}
				}
			})
		}
	}
}

// TestWatch is told of what another client does.
func TestWatch(t *testing.T) {
	a := accountOf("folders")
	for _, s := range []*server{lab.open, lab.cyrus, lab.courier} {
		t.Run(s.name, func(t *testing.T) {
			box := "Watched"
			if s != lab.open {
				box = "INBOX.Watched"
			}
			look := connected(t, s, a)
			demoMailbox(t, look, box)
			if _, err := look.Select(t.Context(), box, false, "", nil); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			cmd := exec.Command(lab.binary, "watch", s.url("imap", "tls")+"/"+box, "--count", "3", "--every", "1s",
				"--user", a.user, "--tls-ca", lab.certs.ca, "--auth", "PLAIN")
			cmd.Env = append(os.Environ(), "MAILTRACE_PASSWORD="+a.password, "HOME="+lab.dir)
			cmd.Stdout, cmd.Stderr = create(t, filepath.Join(dir, "out")), create(t, filepath.Join(dir, "err"))
			if err := startBound(cmd, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- cmd.Wait() }()
			out := func() string { return contents(t, filepath.Join(dir, "out")) }
			eventually(t, "the watch", func() bool { return strings.Contains(contents(t, filepath.Join(dir, "err")), "13 messages") })
			do := func(c mailclient.Command) {
				t.Helper()
				if _, err := look.Do(t.Context(), c, nil); err != nil {
					t.Fatal(err)
				}
			}
			p := "Subject: news\r\n\r\nbody\r\n"
			do(mailclient.Cmd("APPEND", mailclient.MailboxName(box), mailclient.Literal{Reader: strings.NewReader(p), Octets: int64(len(p))}))
			eventually(t, "the arrival", func() bool { return strings.Contains(out(), "Subject: news") })
			do(mailclient.Cmd("UID STORE", mailclient.Raw("3"), mailclient.Raw(`+FLAGS.SILENT (\Flagged)`)))
			eventually(t, "the flag", func() bool { return strings.Contains(out(), `UID 3  \Flagged`) })
			// Some tell of \Deleted and the removal, some of the removal alone.
			if err := look.Remove(t.Context(), []uint32{5}); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil || !strings.Contains(out(), "UID 5") {
				t.Errorf("%v\n%s%s", err, out(), contents(t, filepath.Join(dir, "err")))
			}
		})
	}
}

// TestCompare does the same over both protocols.
func TestCompare(t *testing.T) {
	a := accountOf("kinds")
	for _, s := range []*server{lab.open, lab.cyrus, lab.courier} {
		for _, leg := range []string{"tls", "starttls"} {
			x := verb(t, a, "compare", s.url("imap", leg), s.url("pop3", leg), "--auth", "PLAIN")
			want := fmt.Sprintf("messages  %d", a.messages)
			if x.Code != 0 || !strings.Contains(x.Stdout, want) || !strings.Contains(x.Stdout, "selected → logout") {
				t.Errorf("%s %s: exit %d\n%s%s", s.name, leg, x.Code, x.Stdout, x.Stderr)
			}
		}
	}
}
