package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	few      = 10_000
	many     = 100_000
	password = "benchpass"
)

// limit is how long a job may take, and errLate says that it took longer.
const limit = 3 * time.Minute

var errLate = fmt.Errorf("did not end within %v", limit)

// A job is a command in a directory; prepare, where there is one, makes the directory ready before the
// clock runs.
type job struct {
	name    string
	command func(dir string) *exec.Cmd
	prepare func(dir string) error
	keep    bool // the directory stays for the next round
}

// clients prints what the verbs of the client cost beside other clients of the same Dovecot.
func clients(binary string, rounds int, only, dir string) error {
	if _, err := exec.LookPath("dovecot"); err != nil {
		return fmt.Errorf("there is no dovecot here: %w", err)
	}
	home := filepath.Join(dir, "dovecot")
	if err := os.Mkdir(home, 0o755); err != nil {
		return err
	}
	users := map[string]int{"u1": few}
	rowsToo := strings.Contains("first row, memory", only)
	if rowsToo {
		users["u2"] = many
	}
	s, err := dovecot(home, users)
	if err != nil {
		return err
	}
	defer s.stop()
	ours := func(args ...string) *exec.Cmd {
		cmd := exec.Command(binary, append(args, "--allow-cleartext", "--user", "u1")...)
		cmd.Env = append(os.Environ(), "MAILTRACE_PASSWORD="+password)
		return cmd
	}
	imap, pop3 := "imap://127.0.0.1:"+s.imap, "pop3://127.0.0.1:"+s.pop3
	list := job{name: "list", command: func(string) *exec.Cmd { return ours("list", imap) }}
	sync := job{name: "sync", command: func(d string) *exec.Cmd { return ours("sync", imap, filepath.Join(d, "mail")) }}
	mbsync := job{name: "mbsync", prepare: mbsyncConf(s), command: func(d string) *exec.Cmd {
		return exec.Command("mbsync", "-q", "-c", filepath.Join(d, "conf"), "c")
	}}
	offline := job{name: "offlineimap", prepare: offlineConf(s), command: func(d string) *exec.Cmd {
		return exec.Command("offlineimap", "-o", "-c", filepath.Join(d, "conf"))
	}}
	imaplib := job{name: "python3", command: func(string) *exec.Cmd {
		return exec.Command("python3", "-c", `import imaplib, sys
c = imaplib.IMAP4("127.0.0.1", int(sys.argv[1]))
c.login("u1", sys.argv[2])
c.select("INBOX", True)
ok, rows = c.fetch("1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)")
for row in rows: print(row)
c.logout()`, s.imap, password)
	}}
	fetch := job{name: "fetch", command: func(d string) *exec.Cmd {
		return ours("fetch", "--all", "--out", filepath.Join(d, "mail"), "--as", "maildir", pop3)
	}}
	mpop := job{name: "mpop", prepare: mpopConf(s), command: func(d string) *exec.Cmd {
		return exec.Command("mpop", "-Q", "-C", filepath.Join(d, "conf"), "a")
	}}
	fmt.Printf(`%d messages of 4 KiB in Dovecot, in clear on the loopback
mbsync runs with FSync yes and offlineimap with fsync = true, as is their default; mpop has no setting.
None of them lists: list is set beside their first run on the mailbox, beside imaplib's FETCH 1:* of what
rows show (it decodes nothing), and beside a run that finds all messages known (mbsync and offlineimap
then ask for less than rows show, so that there is no limit).
%-36s %10s %10s %6s   %-14s %s
`, few, "", "mailtrace", "other", "ratio", "spread", "limit")
	const atMost = "at most 1.00"
	again := func(j job) job { j.keep = true; return j }
	for _, c := range []struct {
		name        string
		mine, other job
		stores      bool
		limit       string
	}{
		{"list, imaplib FETCH", list, imaplib, false, atMost},
		{"list, mbsync", list, mbsync, false, atMost},
		{"list, offlineimap", list, offline, false, atMost},
		{"list, mbsync with nothing new", list, again(mbsync), false, ""},
		{"list, offlineimap with nothing new", list, again(offline), false, ""},
		{"sync, mbsync", sync, mbsync, true, atMost},
		{"sync, offlineimap", sync, offline, true, atMost},
		{"sync and mbsync with nothing new", again(sync), again(mbsync), false, atMost},
		{"fetch --all over POP3, mpop", fetch, mpop, true, atMost},
	} {
		if !strings.Contains(c.name, only) {
			continue
		}
		if _, err := exec.LookPath(c.other.name); err != nil {
			fmt.Printf("%-36s not measured: %s is not installed\n", c.name, c.other.name)
			continue
		}
		var mine, other, ratios []float64
		tooLate := false
		for round := range rounds + 1 {
			x, err := c.mine.run(dir)
			if err != nil {
				return err
			}
			y, err := c.other.run(dir)
			if tooLate = errors.Is(err, errLate); tooLate {
				break
			}
			if err != nil {
				return err
			}
			if round > 0 { // the first one warms up
				mine, other, ratios = append(mine, x), append(other, y), append(ratios, x/y)
			}
		}
		if tooLate {
			fmt.Printf("%-36s not measured: %s %v\n", c.name, c.other.name, errLate)
			continue
		}
		fmt.Printf("%-36s %8.2f s %8.2f s %6.2f   %.2f to %.2f   %s\n", c.name, median(mine), median(other),
			median(ratios), slices.Min(ratios), slices.Max(ratios), c.limit)
		if !c.stores {
			continue
		}
		for _, j := range []job{c.mine, c.other} {
			how, err := j.durable(dir)
			switch {
			case errors.Is(err, exec.ErrNotFound):
				fmt.Println("  how durable they are was not looked at: strace is not installed")
			case err != nil:
				return err
			default:
				fmt.Printf("  %-11s %v\n", j.name, how)
			}
		}
	}
	if !rowsToo {
		return nil
	}
	for user, n := range users {
		if err := firstRow(exec.Command(binary, "list", imap, "--allow-cleartext", "--user", user), n); err != nil {
			return err
		}
	}
	return nil
}

// run tells how many seconds the job took, after what others wrote has reached the disk.
func (j *job) run(dir string) (float64, error) {
	d := filepath.Join(dir, "job-"+j.name)
	if _, err := os.Stat(d); err != nil || !j.keep {
		if err := os.RemoveAll(d); err != nil {
			return 0, err
		}
		if err := os.Mkdir(d, 0o700); err != nil {
			return 0, err
		}
		if j.prepare != nil {
			if err := j.prepare(d); err != nil {
				return 0, err
			}
		}
	}
	_ = exec.Command("sync").Run() // where there is none, the spread tells
	cmd := j.command(d)
	var said strings.Builder
	cmd.Stderr = &said
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, "HOME="+d)
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	atEnd.add(func() { cmd.Process.Kill() })
	late := time.AfterFunc(limit, func() { cmd.Process.Kill() })
	defer late.Stop()
	if err := cmd.Wait(); err != nil {
		if time.Since(began) >= limit {
			return 0, errLate
		}
		return 0, fmt.Errorf("%s: %w\n%s", j.name, err, said.String())
	}
	return time.Since(began).Seconds(), nil
}

// firstRow prints when the first and the last row of a list came, and the most memory it had.
func firstRow(cmd *exec.Cmd, n int) error {
	cmd.Env = append(os.Environ(), "MAILTRACE_PASSWORD="+password)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	rows, first := 0, time.Duration(0)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if !strings.HasPrefix(strings.TrimSpace(lines.Text()), "UID ") {
			continue
		}
		if rows++; rows == 1 {
			first = time.Since(began)
		}
	}
	last := time.Since(began)
	if err := cmd.Wait(); err != nil {
		return err
	}
	if rows != n {
		return fmt.Errorf("list shows %d rows of %d", rows, n)
	}
	fmt.Printf("list of %7d: first row after %.3f s, last after %.3f s, memory %d MiB\n", n, first.Seconds(), last.Seconds(), most(cmd)>>20)
	return nil
}

func mbsyncConf(s *mailServer) func(string) error {
	return func(d string) error {
		return os.WriteFile(filepath.Join(d, "conf"), fmt.Appendf(nil, `FSync yes

IMAPAccount a
Host 127.0.0.1
Port %s
User u1
Pass %s
SSLType None
AuthMechs LOGIN

IMAPStore r
Account a

MaildirStore l
Path %[3]s/
Inbox %[3]s/mail

Channel c
Far :r:
Near :l:
Patterns INBOX
Create Near
Sync All
SyncState *
`, s.imap, password, d), 0o600)
	}
}

func offlineConf(s *mailServer) func(string) error {
	return func(d string) error {
		return os.WriteFile(filepath.Join(d, "conf"), fmt.Appendf(nil, `[general]
accounts = a
metadata = %[3]s/metadata
ui = quiet
fsync = true

[Account a]
localrepository = l
remoterepository = r

[Repository l]
type = Maildir
localfolders = %[3]s/mail

[Repository r]
type = IMAP
remotehost = 127.0.0.1
remoteport = %[1]s
remoteuser = u1
remotepass = %[2]s
ssl = no
starttls = no
auth_mechanisms = LOGIN
folderfilter = lambda name: name == 'INBOX'
`, s.imap, password, d), 0o600)
	}
}

func mpopConf(s *mailServer) func(string) error {
	return func(d string) error {
		for _, sub := range []string{"cur", "new", "tmp"} {
			if err := os.MkdirAll(filepath.Join(d, "mail", sub), 0o700); err != nil {
				return err
			}
		}
		return os.WriteFile(filepath.Join(d, "conf"), fmt.Appendf(nil, `account a
host 127.0.0.1
port %s
user u1
password %s
auth user
tls off
keep on
received_header off
uidls_file %[3]s/uidls
delivery maildir %[3]s/mail
`, s.pop3, password, d), 0o600)
	}
}
