package mailserver

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// follower is an IMAP client that numbers messages by what it is told alone.
type follower struct {
	*peer
	uids []string // by sequence number less one; "" where not told yet
	gone map[string]bool
	tag  int
}

var (
	expungeLine = regexp.MustCompile(`^\* (\d+) EXPUNGE\r\n$`)
	existsLine  = regexp.MustCompile(`^\* (\d+) EXISTS\r\n$`)
	fetchLine   = regexp.MustCompile(`^\* (\d+) FETCH \(UID (\d+)`)
)

// do sends a command and follows what comes.
func (f *follower) do(command string) {
	f.Helper()
	f.tag++
	tag := fmt.Sprintf("t%d ", f.tag)
	f.send(tag + command + "\r\n")
	name, _, _ := strings.Cut(command, " ")
	for {
		line := f.line()
		switch {
		case strings.HasPrefix(line, tag):
			if !strings.HasPrefix(line, tag+"OK") {
				f.Fatalf("%s: %s", command, line)
			}
			return
		case expungeLine.MatchString(line):
			if name == "FETCH" || name == "STORE" || name == "SEARCH" {
				f.Fatalf("%s: %s", command, line) // RFC 9051 §7.5.1
			}
			n := f.number(expungeLine, line)
			if uid := f.uids[n-1]; uid != "" {
				f.gone[uid] = true
			}
			f.uids = append(f.uids[:n-1], f.uids[n:]...)
		case existsLine.MatchString(line):
			n, err := strconv.Atoi(existsLine.FindStringSubmatch(line)[1])
			if err != nil || n < len(f.uids) {
				f.Fatalf("%s: %d messages, and then %s", command, len(f.uids), line) // RFC 9051 §7.4.1
			}
			f.uids = append(f.uids, make([]string, n-len(f.uids))...)
		case fetchLine.MatchString(line):
			n, uid := f.number(fetchLine, line), fetchLine.FindStringSubmatch(line)[2]
			if known := f.uids[n-1]; known != "" && known != uid || f.gone[uid] {
				f.Fatalf("%s: %d is UID %q (gone: %v), and then %s", command, n, known, f.gone[uid], line)
			}
			f.uids[n-1] = uid
		}
	}
}

func (f *follower) number(at *regexp.Regexp, line string) int {
	f.Helper()
	n, err := strconv.Atoi(at.FindStringSubmatch(line)[1])
	if err != nil || n < 1 || n > len(f.uids) {
		f.Fatalf("%d messages, and then %s", len(f.uids), line)
	}
	return n
}

// TestSessionsAgree has three clients change a mailbox at random: what each was told of
// gives the same list as the mailbox has in the end.
func TestSessionsAgree(t *testing.T) {
	for _, name := range []string{"memory", "maildir"} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(6) {
				store := NewStore(DemoMessages())
				if name == "maildir" {
					var err error
					if store, _, err = OpenMaildir(t.TempDir()); err != nil {
						t.Fatal(err)
					}
					if _, err := store.create("Trash"); err != nil {
						t.Fatal(err)
					}
				}
				agree(t, store, rand.New(rand.NewPCG(seed, 2)))
			}
		})
	}
}

func agree(t *testing.T, store *Store, r *rand.Rand) {
	t.Helper()
	addr, _ := start(t, &Server{Store: store}, nil)
	all := make([]*follower, 3)
	for i := range all {
		all[i] = &follower{peer: dial(t, addr), gone: map[string]bool{}}
		all[i].expect("* OK")
		all[i].do("LOGIN u1 secret")
		all[i].do("SELECT INBOX")
	}
	for range 150 {
		f := all[r.IntN(len(all))]
		one := 1
		if len(f.uids) > 0 {
			one += r.IntN(len(f.uids))
		} else {
			f.do("APPEND INBOX {2+}\r\nhi")
			continue
		}
		switch r.IntN(10) {
		case 0, 1:
			f.do("APPEND INBOX (\\Seen) {2+}\r\nhi")
		case 2, 3:
			f.do(fmt.Sprintf(`STORE %d +FLAGS (\Deleted)`, one))
		case 4:
			f.do("EXPUNGE")
		case 5:
			f.do("FETCH 1:* (UID FLAGS)")
		case 6:
			f.do("UID FETCH 1:* (FLAGS)")
		case 7:
			f.do(fmt.Sprintf("MOVE %d Trash", one))
		case 8:
			f.do("SEARCH DELETED")
		case 9:
			f.do("NOOP")
		}
	}
	var want []string
	for _, m := range store.mailboxes[inboxName].msgs {
		want = append(want, fmt.Sprint(m.uid))
	}
	for i, f := range all {
		f.do("NOOP")
		f.do("FETCH 1:* (UID)")
		if got := strings.Join(f.uids, " "); got != strings.Join(want, " ") {
			t.Errorf("client %d has %s, the mailbox %v", i+1, got, want)
		}
	}
}
