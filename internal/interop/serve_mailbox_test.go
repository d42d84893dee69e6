//go:build interop

package interop

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serving is a `mailtrace serve` that was started.
type serving struct {
	cmd    *exec.Cmd
	ports  map[string]int // by scheme
	exited chan error
}

var schemes = []string{"imap", "imaps", "imap+starttls", "pop3", "pop3s", "pop3+starttls"}

// startServe serves at every scheme, and waits for the ready file.
func startServe(t *testing.T, a account, flags ...string) *serving {
	t.Helper()
	dir := t.TempDir()
	ready, stderr := filepath.Join(dir, "ready"), filepath.Join(dir, "stderr")
	args := []string{"serve", "--ca-dir", caDir(), "--user", a.user, "--ready-file", ready}
	for _, s := range schemes {
		args = append(args, "--listen", s+"://127.0.0.1:0")
	}
	s := &serving{cmd: exec.Command(lab.binary, append(args, flags...)...), ports: map[string]int{}, exited: make(chan error, 1)}
	s.cmd.Env = append(os.Environ(), "MAILTRACE_PASSWORD="+a.password)
	s.cmd.Stderr = create(t, stderr)
	if err := startBound(s.cmd, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	go func() { s.exited <- s.cmd.Wait() }()
	t.Cleanup(func() { s.stop(t) })
	eventually(t, "mailtrace serve", func() bool {
		select {
		case err := <-s.exited:
			s.exited = nil
			t.Fatalf("it ended early: %v\n%s", err, contents(t, stderr))
		default:
		}
		_, err := os.Stat(ready)
		return err == nil
	})
	port := regexp.MustCompile(`^([a-z0-9+]+)://.*:(\d+)$`)
	for in := bufio.NewScanner(strings.NewReader(contents(t, ready))); in.Scan(); {
		m := port.FindStringSubmatch(in.Text())
		if m == nil {
			t.Fatalf("ready file: %q", in.Text())
		}
		n, err := strconv.Atoi(m[2])
		if err != nil {
			t.Fatal(err)
		}
		s.ports[m[1]] = n
	}
	return s
}

// stop ends it as ^C does.
func (s *serving) stop(t *testing.T) {
	t.Helper()
	if s.exited == nil {
		return
	}
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	select {
	case err := <-s.exited:
		if err != nil {
			t.Errorf("mailtrace serve: %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("mailtrace serve did not end on SIGINT")
		s.cmd.Process.Kill()
		<-s.exited
	}
	s.exited = nil
}

// target is the server for a client.
func (s *serving) target(protocol, leg string, a account) target {
	return target{protocol: protocol, leg: leg, host: "localhost", port: s.ports[scheme(protocol, leg)], ca: proxyCA(), account: a}
}

// maildirOf makes a Maildir of messages as others store them, with LF.
func maildirOf(t *testing.T, messages [][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for _, sub := range []string{"cur", "new", "tmp"} {
		mkdir(t, filepath.Join(dir, sub))
	}
	for i, m := range messages {
		write(t, filepath.Join(dir, "new"), fmt.Sprintf("%d.M%dP1.lab", 1_700_000_000+i, i), strings.ReplaceAll(string(m), "\r\n", "\n"))
	}
	return dir
}

// TestServeMaildir fetches a Maildir with every client from `mailtrace serve`: the same as
// from Dovecot, over every leg, and again when it was started anew.
func TestServeMaildir(t *testing.T) {
	a := accountOf("u1")
	dir := maildirOf(t, mailbox(a.user))
	first := map[string]mail{}
	for run := range 2 {
		s := startServe(t, a, "--maildir", dir)
		for _, c := range clients {
			for _, protocol := range c.protocols {
				for _, leg := range c.legs {
					if run == 1 && leg != "tls" {
						continue
					}
					t.Run(fmt.Sprintf("%d/%s/%s/%s", run+1, c.name, protocol, leg), func(t *testing.T) {
						name := c.name + protocol + leg
						if first[name] == nil {
							first[name] = c.fetch(t, directly(lab.open, protocol, leg, a))
						}
						sameMail(t, first[name], c.fetch(t, s.target(protocol, leg, a)), a.messages)
					})
				}
			}
		}
		t.Run(fmt.Sprintf("%d/stored", run+1), func(t *testing.T) {
			sameAsStored(t, a.user, python(t, s.target("imap", "tls", a)))
		})
		t.Run(fmt.Sprintf("%d/APOP", run+1), func(t *testing.T) {
			at := s.target("pop3", "plain", a)
			at.auth = "apop"
			sameMail(t, first["mpoppop3tls"], mpop(t, at), a.messages)
		})
		s.stop(t)
	}
}

// TestServeMbsync keeps a Maildir of its own equal to the one that is served, in both
// directions: messages, flags, folders and removals.
func TestServeMbsync(t *testing.T) {
	a := accountOf("sample")
	far := maildirOf(t, mailbox(a.user))
	dir := t.TempDir()
	near := filepath.Join(dir, "near")
	mkdir(t, near)
	sync := func() {
		t.Helper()
		s := startServe(t, a, "--maildir", far)
		conf := fmt.Sprintf("IMAPAccount x\nHost localhost\nPort %d\nUser %s\nPassCmd \"cat %s\"\nSSLType IMAPS\nSystemCertificates no\n"+
			"CertificateFile %s\nAuthMechs LOGIN\n\nIMAPStore far\nAccount x\n\nMaildirStore near\nPath %s/\nInbox %s/INBOX\n"+
			"SubFolders Verbatim\n\nChannel c\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nRemove Both\nSync All\nSyncState *\n",
			s.ports["imaps"], a.user, write(t, dir, "password", a.password+"\n"), proxyCA(), near, near)
		must(t, "mbsync", "-c", write(t, dir, "mbsyncrc", conf), "c")
		s.stop(t)
	}
	find := func(dir, text string) string {
		t.Helper()
		for _, sub := range []string{"cur", "new"} {
			files, err := filepath.Glob(filepath.Join(dir, sub, "*"))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				if strings.Contains(contents(t, f), text) {
					return f
				}
			}
		}
		t.Fatalf("no message with %q in %s", text, dir)
		return ""
	}
	rename := func(file, info string) {
		t.Helper()
		base, _, _ := strings.Cut(filepath.Base(file), ":")
		if err := os.Rename(file, filepath.Join(filepath.Dir(filepath.Dir(file)), "cur", base+":2,"+info)); err != nil {
			t.Fatal(err)
		}
	}
	sync()
	// What changes near goes far: a flag, a message, a folder with one.
	rename(find(filepath.Join(near, "INBOX"), "Subject: Hello"), "FS")
	write(t, filepath.Join(near, "INBOX", "new"), "1.near", "Subject: from near\n\n.\nbody\n")
	for _, sub := range []string{"cur", "new", "tmp"} {
		mkdir(t, filepath.Join(near, "Work", "Plans", sub))
		mkdir(t, filepath.Join(near, "Work", sub))
	}
	write(t, filepath.Join(near, "Work", "Plans", "new"), "2.near", "Subject: planned\n\n")
	sync()
	if f := find(far, "Subject: Hello"); !strings.HasSuffix(f, ":2,FS") {
		t.Errorf("the flag is not there: %s", f)
	}
	if m := contents(t, find(far, "Subject: from near")); !strings.HasSuffix(m, "\n\n.\nbody\n") {
		t.Errorf("got %q", m)
	}
	find(filepath.Join(far, ".Work.Plans"), "Subject: planned")
	// And the other way round: a flag, a delivery, a removal.
	rename(find(far, "Subject: Fwd: status"), "R")
	if err := os.Remove(find(far, "Subject: Hello")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(far, "new"), "1800000000.far", "Subject: from far\n\nbody\n")
	sync()
	if f := find(filepath.Join(near, "INBOX"), "Subject: Fwd: status"); !strings.Contains(f, ":2,R") {
		t.Errorf("the flag is not there: %s", f)
	}
	find(filepath.Join(near, "INBOX"), "Subject: from far")
	files, err := filepath.Glob(filepath.Join(near, "INBOX", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(files, func(f string) bool { return strings.Contains(contents(t, f), "Subject: Hello") }) {
		t.Error("the message that was removed far is still near")
	}
	// Nothing is left to do.
	before := contents(t, filepath.Join(far, "mailtrace-uids"))
	sync()
	if after := contents(t, filepath.Join(far, "mailtrace-uids")); after != before {
		t.Errorf("a sync of equals changed\n%s\nto\n%s", before, after)
	}
}
