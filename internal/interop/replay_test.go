//go:build interop

package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// replayed are the clients whose sessions are recorded and played again, with their protocols.
var replayed = []struct{ client, protocol string }{
	{"mpop", "pop3"},
	{"fetchmail", "pop3"},
	{"fetchmail", "imap"},
	{"getmail", "pop3"},
	{"getmail", "imap"},
	{"mbsync", "imap"},
	{"curl", "pop3"},
	{"curl", "imap"},
}

func clientOf(name string) client {
	for _, c := range clients {
		if c.name == name {
			return c
		}
	}
	panic("no client " + name)
}

// freshDovecot starts a server of its own with the mailboxes as they are made, so that nobody has
// read anything yet. change, where set, is done to the Maildir of an account before.
func freshDovecot(t *testing.T, change func(maildir string)) *server {
	t.Helper()
	return dovecotWith(t, replayAccount, change, dovecotOptions{address: "127.0.0.1"})
}

func dovecotWith(t *testing.T, account string, change func(maildir string), o dovecotOptions) *server {
	t.Helper()
	dir, err := os.MkdirTemp(lab.dir, "r")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := startDovecot(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lab.ending.stop(s) })
	if change != nil {
		change(filepath.Join(dir, "home", account, "Maildir"))
	}
	return s
}

// replayAccount has one message of each kind.
const replayAccount = "kinds"

// recordSession lets a client fetch from a server through the proxy, and gives the capture.
func recordSession(t *testing.T, c client, protocol, upstream string, flags ...string) (got mail, capture string) {
	t.Helper()
	p := startProxy(t, proxyOptions{upstreams: []string{upstream}, listen: []string{scheme(protocol, "tls")}, format: "none", flags: flags})
	got = c.fetch(t, p.through(0, protocol, "tls", accountOf(replayAccount)))
	p.stop(t)
	return got, p.capture
}

// playing is a `mailtrace serve FILE`.
type playing struct {
	cmd    *exec.Cmd
	url    string
	port   int
	stderr string
	exited chan error
}

func startPlaying(t *testing.T, protocol, file string, flags ...string) *playing {
	t.Helper()
	dir := t.TempDir()
	ready := filepath.Join(dir, "ready")
	s := &playing{stderr: filepath.Join(dir, "stderr"), exited: make(chan error, 1)}
	args := append([]string{"serve", file, "--ca-dir", caDir(), "--listen", scheme(protocol, "tls") + "://127.0.0.1:0", "--ready-file", ready}, flags...)
	s.cmd = exec.Command(lab.binary, args...)
	out := create(t, s.stderr)
	s.cmd.Stdout, s.cmd.Stderr = out, out
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.exited <- s.cmd.Wait() }()
	t.Cleanup(func() { s.cmd.Process.Kill() })
	eventually(t, "mailtrace serve", func() bool {
		s.url = strings.TrimSpace(contents(t, ready))
		return s.url != ""
	})
	var err error
	if s.port, err = strconv.Atoi(s.url[strings.LastIndexByte(s.url, ':')+1:]); err != nil {
		t.Fatal(err)
	}
	return s
}

// ended waits for the end that comes when all is played, and wants it to be a good one.
func (s *playing) ended(t *testing.T) {
	t.Helper()
	select {
	case err := <-s.exited:
		if err != nil {
			t.Errorf("mailtrace serve: %v\n%s", err, contents(t, s.stderr))
		}
	case <-time.After(30 * time.Second):
		t.Errorf("mailtrace serve did not end\n%s", contents(t, s.stderr))
	}
}

func scriptText(t *testing.T, capture string) string {
	t.Helper()
	return must(t, lab.binary, "script", capture)
}

var (
	sampled = regexp.MustCompile(`\$\{([^}=]*)=[^}]*\}`)
	tagged  = regexp.MustCompile(`(?m)^((?:\w+ )?[CS]: )([A-Za-z]+\d+|\d+)\b`)
)

// comparable takes out of a script what differs from run to run: what it calls volatile, and the
// tags, which some clients make up by chance; and COMPRESS, which is left out of what is played.
// What each side says is compared by itself, since how far a client is ahead with its commands is
// a matter of time.
func comparable(script string) string {
	tags := map[string]string{}
	script = sampled.ReplaceAllString(script, "$${$1}")
	script = tagged.ReplaceAllStringFunc(script, func(m string) string {
		x := tagged.FindStringSubmatch(m)
		if tags[x[2]] == "" {
			tags[x[2]] = "t" + strconv.Itoa(len(tags)+1)
		}
		return x[1] + tags[x[2]]
	})
	script = strings.ReplaceAll(script, " COMPRESS=DEFLATE", "")
	var says [2]strings.Builder
	for line := range strings.Lines(script) {
		switch {
		case strings.HasPrefix(line, "#"):
		case clientSays.MatchString(line):
			says[0].WriteString(line)
		default:
			says[1].WriteString(line)
		}
	}
	return says[0].String() + says[1].String()
}

var clientSays = regexp.MustCompile(`^(\w+ )?C: `)

// A session is recorded; then the server is gone, and what is recorded gives the same client the
// same mail, octet for octet. What that says is recorded again, and is the same script.
func TestReplayAsServer(t *testing.T) {
	for _, x := range replayed {
		t.Run(x.client+"/"+x.protocol, func(t *testing.T) {
			c := clientOf(x.client)
			live := freshDovecot(t, nil)
			first, capture := recordSession(t, c, x.protocol, live.url(x.protocol, "tls"))
			if err := live.stop(); err != nil {
				t.Fatal(err)
			}
			live.cmd = nil
			script := scriptText(t, capture)

			s := startPlaying(t, x.protocol, capture)
			direct := c.fetch(t, target{protocol: x.protocol, leg: "tls", host: "localhost", port: s.port, ca: proxyCA(), account: accountOf(replayAccount)})
			s.ended(t)
			sameMail(t, first, direct, accountOf(replayAccount).messages)

			file := write(t, t.TempDir(), "session.script", script)
			s = startPlaying(t, x.protocol, file, "--all-consumed")
			again, captured := recordSession(t, c, x.protocol, scheme(x.protocol, "tls")+"://localhost:"+strconv.Itoa(s.port), "--tls-ca", proxyCA())
			s.ended(t)
			sameMail(t, first, again, accountOf(replayAccount).messages)
			if got := comparable(scriptText(t, captured)); got != comparable(script) {
				t.Errorf("recorded from the script:\n%s\nrecorded from Dovecot:\n%s", got, comparable(script))
			}

			// Another server of that kind says the same, but for what is volatile.
			_, other := recordSession(t, c, x.protocol, freshDovecot(t, nil).url(x.protocol, "tls"))
			if got := comparable(scriptText(t, other)); got != comparable(script) {
				t.Errorf("recorded a second time:\n%s\nrecorded first:\n%s", got, comparable(script))
			}
		})
	}
}

// What is recorded is played to a fresh server with the same mailbox, and is the same; where the
// mailbox is another, the report says what.
func TestReplayAsClient(t *testing.T) {
	for _, x := range replayed {
		t.Run(x.client+"/"+x.protocol, func(t *testing.T) {
			live := freshDovecot(t, nil)
			_, capture := recordSession(t, clientOf(x.client), x.protocol, live.url(x.protocol, "tls"))
			for _, y := range []struct {
				name   string
				change func(string)
				code   int
				says   string
			}{
				{"same", nil, 0, " 0 different, 0 unplayed"},
				{"message missing", func(maildir string) { remove(t, messageFiles(t, maildir)[4]) }, 1, "FAIL #"},
				{"octet altered", func(maildir string) { alter(t, messageFiles(t, maildir)[2]) }, 1, "FAIL #"},
				{"flag changed", func(maildir string) {
					from := messageFiles(t, maildir)[0]
					to := filepath.Join(maildir, "cur", filepath.Base(from)+":2,F")
					if err := os.Rename(from, to); err != nil {
						t.Fatal(err)
					}
				}, flagCode(x.client, x.protocol), ""},
			} {
				s := freshDovecot(t, y.change)
				cmd := []string{
					"replay", capture, "--to", s.url(x.protocol, "tls"), "--user", replayAccount, "--tls-ca", lab.certs.ca, "--allow-changes",
					"--password-command", "echo " + accountOf(replayAccount).password,
				}
				r := mailtrace(t, cmd...)
				if r.Code != y.code || !strings.Contains(r.Stdout+r.Stderr, y.says) {
					t.Errorf("%s: exit %d, want %d with %q\n%s%s", y.name, r.Code, y.code, y.says, bounded(r.Stdout), bounded(r.Stderr))
				}
				if strings.Contains(r.Stdout+r.Stderr, accountOf(replayAccount).password) {
					t.Errorf("%s: the password is in the report", y.name)
				}
			}
		})
	}
}

// flagCode is the exit code where a flag is another: POP3 has none, and not every client asks.
func flagCode(client, protocol string) int {
	if protocol == "imap" && client != "getmail" {
		return 1
	}
	return 0
}

func messageFiles(t *testing.T, maildir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(maildir, "new", "*"))
	if err != nil || len(files) < 5 {
		t.Fatalf("%d messages in %s, %v", len(files), maildir, err)
	}
	return files
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

// alter changes one octet of a message, near its end.
func alter(t *testing.T, file string) {
	t.Helper()
	p := []byte(contents(t, file))
	i := len(p) - 3
	if p[i] == 'x' {
		p[i] = 'y'
	} else {
		p[i] = 'x'
	}
	if err := os.WriteFile(file, p, 0o644); err != nil {
		t.Fatal(err)
	}
}

// The samples are played to a fresh Dovecot with the mailbox that they were recorded from: somebody
// had read it.
func TestReplaySamples(t *testing.T) {
	files, err := filepath.Glob("../../captures/samples/*.pcapng")
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples, %v", err)
	}
	read := func(maildir string) {
		files, err := filepath.Glob(filepath.Join(maildir, "new", "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, from := range files {
			if err := os.Rename(from, filepath.Join(maildir, "cur", filepath.Base(from)+":2,S")); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, file := range files {
		name := filepath.Base(file)
		if strings.HasPrefix(name, "cyrus-") || strings.HasPrefix(name, "courier-") {
			continue // what these say Dovecot does not
		}
		t.Run(name, func(t *testing.T) {
			protocol, a := "imap", accountOf("sample")
			if strings.Contains(name, "-pop3") {
				protocol = "pop3"
			}
			if name == "imaplib-append.pcapng" {
				a = accountOf("folders")
			}
			s := dovecotWith(t, a.user, read, dovecotOptions{address: "127.0.0.1", noSent: strings.HasPrefix(name, "mbsync-")})
			// The first who selects it has made all of it recent.
			must(t, "curl", "--silent", "--cacert", lab.certs.ca, "--user", a.user+":"+a.password, "--request", "NOOP", s.url("imap", "tls")+"/INBOX")
			r := mailtrace(t, "replay", file, "--to", s.url(protocol, "tls"), "--user", a.user, "--tls-ca", lab.certs.ca, "--allow-changes",
				"--password-command", "echo "+a.password)
			if r.Code != 0 {
				t.Errorf("exit %d\n%s%s", r.Code, bounded(r.Stdout), bounded(r.Stderr))
			}
		})
	}
}
