package replay_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/internal/mailserver"
	"github.com/mailtrace/mailtrace/proxy/certs"
	"github.com/mailtrace/mailtrace/replay"
)

// fakeT is a test that may fail without failing ours.
type fakeT struct {
	dir      string
	failed   bool
	said     []string
	cleanups []func()
}

// stopped ends a test that called Fatalf.
type stopped struct{}

func (f *fakeT) Helper()             {}
func (f *fakeT) Cleanup(c func())    { f.cleanups = append(f.cleanups, c) }
func (f *fakeT) Failed() bool        { return f.failed }
func (f *fakeT) TempDir() string     { d, _ := os.MkdirTemp(f.dir, ""); return d }
func (f *fakeT) Logf(string, ...any) {}

func (f *fakeT) Errorf(format string, args ...any) {
	f.failed = true
	f.said = append(f.said, fmt.Sprintf(format, args...))
}

func (f *fakeT) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	panic(stopped{})
}

// run plays a test to its end, and gives what it said of its failure.
func run(t *testing.T, test func(t replay.TB)) string {
	t.Helper()
	f := &fakeT{dir: t.TempDir()}
	func() {
		defer func() {
			if x := recover(); x != nil && x != (stopped{}) {
				panic(x)
			}
		}()
		test(f)
	}()
	for i := len(f.cleanups) - 1; i >= 0; i-- {
		f.cleanups[i]()
	}
	return strings.Join(f.said, "\n")
}

// upstream is a live server with the demo's messages.
func upstream(t *testing.T) (url string, roots *x509.CertPool) {
	t.Helper()
	ca, _, err := certs.Load(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ca.Leaf([]string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*leaf}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	s := &mailserver.Server{Store: mailserver.NewStore(mailserver.DemoMessages()), Users: map[string]string{"u1": "swordfish"}}
	served := make(chan error, 1)
	go func() { served <- s.ServePOP3(l) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		<-served
	})
	return "pop3s://" + l.Addr().String(), ca.Pool()
}

// fetch is the mail client of these tests: it gets one message over POP3.
func fetch(s *replay.TestServer, password, number string) (string, error) {
	conn, err := tls.Dial("tcp", s.Addr, s.TLSConfig())
	if err != nil {
		return "", err
	}
	c := textproto.NewConn(conn)
	defer c.Close()
	for _, command := range []string{"", "USER u1", "PASS " + password, "RETR " + number} {
		if command != "" {
			if err := c.PrintfLine("%s", command); err != nil {
				return "", err
			}
		}
		if line, err := c.ReadLine(); err != nil || !strings.HasPrefix(line, "+OK") {
			return "", fmt.Errorf("%s: %q, %v", command, line, err)
		}
	}
	text, err := c.ReadDotBytes()
	if err != nil {
		return "", err
	}
	if err := c.PrintfLine("QUIT"); err != nil {
		return "", err
	}
	_, err = c.ReadLine()
	return string(text), err
}

// A test records once, and is then played to without the server, as a script and as a capture.
func TestRecordOnceThenReplay(t *testing.T) {
	for _, name := range []string{"fetch.script", "fetch.pcapng", "fetch.pcapng.zst"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "testdata", name)
			var first, second string
			url, roots := upstream(t)
			if said := run(t, func(t replay.TB) {
				s := replay.NewServer(t, path, replay.WithMode(replay.RecordOnce), replay.WithUpstream(url, roots))
				var err error
				if first, err = fetch(s, "swordfish", "1"); err != nil {
					t.Fatalf("%v", err)
				}
			}); said != "" {
				t.Fatal(said)
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), "swordfish") {
				t.Errorf("the password is in the recording:\n%s", text)
			}
			if said := run(t, func(t replay.TB) {
				s := replay.NewServer(t, path, replay.WithMode(replay.RecordOnce), replay.WithUpstream("pop3s://127.0.0.1:1", nil))
				if second, err = fetch(s, "any password", "1"); err != nil {
					t.Fatalf("%v", err)
				}
			}); said != "" {
				t.Fatal(said)
			}
			if first == "" || first != second {
				t.Errorf("got %q, then %q", first, second)
			}
		})
	}
}

// What is not recorded fails the test, with what was due.
func TestServerFailsTest(t *testing.T) {
	path := write(t, "@connect a pop3\n@login\nC: RETR 1\nS: +OK\nS: {|}\n|Subject: x\nS: .\nC: QUIT\nS: +OK\n")
	said := run(t, func(t replay.TB) {
		s := replay.NewServer(t, path)
		if _, err := fetch(s, "x", "2"); err == nil {
			t.Fatalf("RETR 2 was answered")
		}
	})
	for _, want := range []string{"RETR 2", "was not recorded here", "expected RETR 1"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in\n%s", want, said)
		}
	}
	said = run(t, func(t replay.TB) { replay.NewServer(t, path, replay.AllConsumed()) })
	if !strings.Contains(said, "RETR 1 was not played") {
		t.Errorf("what was left out: %s", said)
	}
	if said = run(t, func(t replay.TB) { replay.NewServer(t, path) }); said != "" {
		t.Errorf("what may be left out: %s", said)
	}
	said = run(t, func(t replay.TB) {
		s := replay.NewServer(t, path, replay.WithLogin("u1", "right"))
		if _, err := fetch(s, "wrong", "1"); err == nil {
			t.Fatalf("a wrong password was accepted")
		}
	})
	if !strings.Contains(said, "the user or the password is another") {
		t.Errorf("a wrong password: %s", said)
	}
}

func write(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.script")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A test that fails leaves the recording as it is; another one replaces it; to pass through keeps
// nothing.
func TestRecordAll(t *testing.T) {
	const old = "@connect a pop3\n@login\n"
	path := write(t, old)
	url, roots := upstream(t)
	for _, c := range []struct {
		name string
		mode replay.Mode
		fail bool
		same bool
	}{
		{"pass through", replay.PassThrough, false, true},
		{"failed", replay.RecordAll, true, true},
		{"recorded", replay.RecordAll, false, false},
	} {
		said := run(t, func(t replay.TB) {
			s := replay.NewServer(t, path, replay.WithMode(c.mode), replay.WithUpstream(url, roots), replay.WithScheme("pop3s"))
			if _, err := fetch(s, "swordfish", "2"); err != nil {
				t.Fatalf("%v", err)
			}
			if c.fail {
				t.Errorf("on purpose")
			}
		})
		if (said != "") != c.fail {
			t.Errorf("%s: %s", c.name, said)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if (string(text) == old) != c.same {
			t.Errorf("%s left\n%s", c.name, text)
		}
	}
}

// Drive is the client of a server that is tested.
func TestDrive(t *testing.T) {
	url, roots := upstream(t)
	url = strings.Replace(url, "://", "://u1@", 1)
	good := write(t, "@connect a pop3\n@login\nC: STAT\nS: +OK ${n=1} ${octets=1}\nC: QUIT\nS: +OK\n")
	if said := run(t, func(t replay.TB) {
		r := replay.Drive(t, good, url, replay.WithLogin("", "swordfish"), replay.WithRoots(roots))
		if r.Same != 3 {
			t.Errorf("%d steps were the same", r.Same)
		}
	}); said != "" {
		t.Error(said)
	}
	bad := write(t, "@connect a pop3\n@login\nC: STAT\nS: +OK 1 1\nC: QUIT\nS: +OK\n")
	said := run(t, func(t replay.TB) {
		replay.Drive(t, bad, url, replay.WithLogin("", "swordfish"), replay.WithRoots(roots))
	})
	if !strings.Contains(said, "FAIL #1 STAT") {
		t.Errorf("a difference: %s", said)
	}
	changing := write(t, "@connect a pop3\n@login\nC: DELE 1\nS: +OK\nC: QUIT\nS: +OK\n")
	said = run(t, func(t replay.TB) {
		replay.Drive(t, changing, url, replay.WithLogin("", "swordfish"), replay.WithRoots(roots))
	})
	if !strings.Contains(said, "DELE 1 was not played") {
		t.Errorf("a change: %s", said)
	}
}

// Mistakes of whoever writes a test are told as such.
func TestMistakes(t *testing.T) {
	for want, test := range map[string]func(t replay.TB){
		"there is no recording": func(t replay.TB) { replay.NewServer(t, "testdata/nothing.script") },
		"WithUpstream":          func(t replay.TB) { replay.NewServer(t, "testdata/nothing.script", replay.WithMode(replay.RecordAll)) },
		"scheme": func(t replay.TB) {
			replay.NewServer(t, "../captures/samples/mpop-pop3s.pcapng", replay.WithScheme("smtp"))
		},
		"a connection of imap": func(t replay.TB) { replay.Drive(t, "../captures/samples/mpop-pop3s.pcapng", "imap://127.0.0.1:1") },
	} {
		if said := run(t, test); !strings.Contains(said, want) {
			t.Errorf("%q, want something with %q", said, want)
		}
	}
}

// The other options reach what they are for.
func TestOptions(t *testing.T) {
	path := write(t, "@connect a pop3\n@login\nC: RETR ${n}\nS: +OK\nS: {|}\n|Subject: x\nS: .\nC: NOOP\nS: +OK\nC: QUIT\nS: +OK\n")
	if said := run(t, func(t replay.TB) {
		s := replay.NewServer(t, path, replay.WithVars(map[string]string{"n": "3"}), replay.WithTimeout(5*time.Second), replay.WithScheme("pop3s"))
		if _, err := fetch(s, "x", "3"); err != nil {
			t.Errorf("%v", err)
		}
	}); said != "" {
		t.Error(said)
	}
	turned := write(t, "@connect a pop3\n@login\nC: UIDL\nS: +OK\nS: .\nC: RETR 1\nS: +OK\nS: {|}\n|Subject: x\nS: .\nC: QUIT\nS: +OK\n")
	for name, options := range map[string][]replay.Option{"in order": nil, "in any order": {replay.InAnyOrder()}} {
		said := run(t, func(t replay.TB) {
			s := replay.NewServer(t, turned, options...)
			if _, err := fetch(s, "x", "1"); err != nil && options != nil {
				t.Errorf("%v", err)
			}
		})
		if (said == "") != (options != nil) {
			t.Errorf("%s: %q", name, said)
		}
	}
}
