package mailsync

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/internal/mailfile"
	"github.com/mailtrace/mailtrace/internal/mailserver"
)

// fatal is what rapid.T and testing.T have in common here.
type fatal interface {
	Helper()
	Fatalf(string, ...any)
	Errorf(string, ...any)
}

// serve runs the embedded server over messages and gives the configuration to reach it.
func serve(t fatal, protocol string, messages []mailserver.Message) (cfg client.Config, stop func()) {
	t.Helper()
	s := &mailserver.Server{Store: mailserver.NewStore(messages), AnyUser: true}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("%v", err)
	}
	done := make(chan error, 1)
	run := s.ServeIMAP
	if protocol == dial.POP3 {
		run = s.ServePOP3
	}
	go func() { done <- run(ln) }()
	cfg = client.Config{
		URL:  dial.URL{Scheme: protocol, Protocol: protocol, Host: "127.0.0.1", Port: ln.Addr().(*net.TCPAddr).Port, User: "u1"},
		Idle: 10 * time.Second, AllowCleartext: true,
		Password: func(context.Context) (string, error) { return "p", nil },
	}
	return cfg, func() {
		s.Close()
		if err := <-done; err != nil {
			t.Errorf("%v", err)
		}
	}
}

func mail(n int) []byte {
	return fmt.Appendf(nil, "From: a@example.org\r\nMessage-ID: <%d@example.org>\r\nSubject: number %d\r\n\r\nbody %d\r\n", n, n, n*n)
}

// machine is a mailbox on a server, its Maildir, and what happens to both.
type machine struct {
	*rapid.T
	cfg      client.Config
	dir      string
	box      string
	made     int    // messages so far
	validity uint32 // as the server said last
}

func (m *machine) session() *client.IMAP {
	s, err := client.DialIMAP(context.Background(), m.cfg)
	if err != nil {
		m.Fatalf("%v", err)
	}
	return s
}

// there does commands on the server, as another client.
func (m *machine) there(selected bool, commands ...client.Command) {
	s := m.session()
	defer s.Close(nil)
	if selected {
		if _, err := s.Select(context.Background(), m.box, false, "", nil); err != nil {
			m.Fatalf("%v", err)
		}
	}
	for _, c := range commands {
		if _, err := s.Do(context.Background(), c, nil); err != nil {
			m.Fatalf("%s: %v", c.Name, err)
		}
	}
}

// message is one as it is on either side.
type message struct{ letters, content string }

// server gives what is in the mailbox.
func (m *machine) server() map[uint32]message {
	s := m.session()
	defer s.Close(nil)
	box, err := s.Select(context.Background(), m.box, true, "", nil)
	if err != nil {
		m.Fatalf("%v", err)
	}
	m.validity = box.UIDValidity
	all := map[uint32]message{}
	if box.Exists == 0 {
		return all
	}
	err = s.Fetch(context.Background(), false, "1:*", "(UID FLAGS BODY.PEEK[])", func(f *client.Fetched) error {
		content := f.Content(0)
		defer content.Drop()
		p, _ := content.Bytes()
		var flags []string
		for _, x := range f.Flags {
			flags = append(flags, string(x))
		}
		all[f.UID] = message{mailfile.FlagLetters(flags), string(p)}
		return nil
	})
	if err != nil {
		m.Fatalf("%v", err)
	}
	return all
}

func (m *machine) files() []*mailfile.Entry {
	list, err := mailfile.ReadMaildir(m.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		m.Fatalf("%v", err)
	}
	return list
}

var errKilled = errors.New("killed")

// sync runs once; after that many steps it is killed.
func (m *machine) sync(killAt int) error {
	s := m.session()
	defer s.Close(nil)
	if err := Begin(context.Background(), s); err != nil {
		m.Fatalf("%v", err)
	}
	n := 0
	_, err := Mailbox(context.Background(), s, m.box, m.dir, "imap://u1@host/"+m.box, Options{Delete: true, step: func(string) error {
		if n++; n == killAt {
			return errKilled
		}
		return nil
	}})
	return err
}

// equal syncs, and finds both sides equal.
func (m *machine) equal() {
	if err := m.sync(0); err != nil {
		m.Fatalf("%v", err)
	}
	want, validity := m.server(), m.validity
	contents := map[string]bool{}
	for _, x := range want {
		contents[x.content] = true
	}
	got := 0
	for _, e := range m.files() {
		if e.UID == 0 {
			continue
		}
		if e.UIDValidity != validity {
			// The mailbox was made anew without it: it stays, but not as a second copy.
			if p, err := os.ReadFile(e.Path(m.dir)); err != nil || contents[string(p)] {
				m.Errorf("%s/%s: the server has it, %v", e.Sub, e.Name, err)
			}
			continue
		}
		got++
		p, err := os.ReadFile(e.Path(m.dir))
		if err != nil {
			m.Fatalf("%v", err)
		}
		if w, ok := want[e.UID]; !ok || w.content != string(p) || w.letters != e.Letters {
			m.Errorf("%s/%s: %q, the server has %+v (%v)", e.Sub, e.Name, p, w, ok)
		}
	}
	if got != len(want) {
		m.Errorf("%d messages here, %d on the server", got, len(want))
	}
	tmp, err := os.ReadDir(filepath.Join(m.dir, "tmp"))
	if err != nil || len(tmp) > 0 {
		m.Errorf("left in tmp: %v, %v", tmp, err)
	}
}

// TestStateMachine changes both sides at random, kills runs at random, and wants equality then.
func TestStateMachine(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "mailsync")
		if err != nil {
			rt.Fatalf("%v", err)
		}
		defer os.RemoveAll(dir)
		cfg, stop := serve(rt, dial.IMAP, nil)
		defer stop()
		m := &machine{T: rt, cfg: cfg, dir: filepath.Join(dir, "box"), box: "work"}
		m.cfg.Dir = filepath.Join(m.dir, "tmp")
		if _, err := mailfile.Open(m.dir, "maildir"); err != nil {
			rt.Fatalf("%v", err)
		}
		m.there(false, client.Cmd("CREATE", client.MailboxName(m.box)))
		letters := rapid.SampledFrom([]string{"", "S", "F", "FS", "RS", "P", "D", "T"})
		flags := func(t *rapid.T) string {
			e := mailfile.Entry{Letters: letters.Draw(t, "flags")}
			return "(" + strings.Join(e.Flags(), " ") + ")"
		}
		uid := func(t *rapid.T) client.Raw {
			uids := []uint32{0}
			for u := range m.server() {
				uids = append(uids, u)
			}
			return client.Raw(fmt.Sprint(rapid.SampledFrom(sortedUIDs(uids)).Draw(t, "uid")))
		}
		file := func(t *rapid.T) *mailfile.Entry {
			list := m.files()
			if len(list) == 0 {
				t.Skip("no file")
			}
			return rapid.SampledFrom(sortedFiles(list)).Draw(t, "file")
		}
		rt.Repeat(map[string]func(*rapid.T){
			"arrives": func(t *rapid.T) {
				m.made++
				m.there(false, appended(m.box, flags(t), mail(m.made)))
			},
			"flagged there": func(t *rapid.T) {
				if u := uid(t); u != "0" {
					m.there(true, client.Cmd("UID STORE", u, client.Raw("FLAGS.SILENT "+flags(t))))
				}
			},
			"expunged there": func(t *rapid.T) {
				if u := uid(t); u != "0" {
					m.there(true, client.Cmd("UID STORE", u, client.Raw(`+FLAGS.SILENT (\Deleted)`)), client.Cmd("UID EXPUNGE", u))
				}
			},
			"flagged here": func(t *rapid.T) {
				if err := mailfile.SetFlags(m.dir, file(t), letters.Draw(t, "letters")); err != nil {
					t.Fatalf("%v", err)
				}
			},
			"removed here": func(t *rapid.T) {
				if err := os.Remove(file(t).Path(m.dir)); err != nil {
					t.Fatalf("%v", err)
				}
			},
			"mailbox made anew": func(t *rapid.T) {
				m.there(false, client.Cmd("RENAME", client.MailboxName(m.box), client.MailboxName("old")), client.Cmd("CREATE", client.MailboxName(m.box)))
				if len(m.fromOld()) > 0 {
					s := m.session()
					defer s.Close(nil)
					if _, err := s.Select(context.Background(), "old", true, "", nil); err != nil {
						t.Fatalf("%v", err)
					}
					if _, err := s.Do(context.Background(), client.Cmd("COPY", client.Raw("1:*"), client.MailboxName(m.box)), nil); err != nil {
						t.Fatalf("%v", err)
					}
				}
				m.there(false, client.Cmd("DELETE", client.MailboxName("old")))
			},
			"killed": func(t *rapid.T) {
				if err := m.sync(rapid.IntRange(1, 12).Draw(t, "at")); err != nil && !errors.Is(err, errKilled) {
					t.Fatalf("%v", err)
				}
			},
			"state lost": func(t *rapid.T) {
				// Then what was removed here comes back, so both sides are made equal before.
				m.equal()
				if err := os.WriteFile(filepath.Join(m.dir, stateFile), []byte("mailtrace-sync 1\nhalf"), 0o600); err != nil {
					t.Fatalf("%v", err)
				}
			},
			"": func(*rapid.T) {},
		})
		m.equal()
		m.equal() // and nothing is left to do
	})
}

func (m *machine) fromOld() map[uint32]message {
	x := *m
	x.box = "old"
	return x.server()
}

func appended(box, flags string, p []byte) client.Command {
	return client.Cmd("APPEND", client.MailboxName(box), client.Raw(flags), client.Literal{Reader: strings.NewReader(string(p)), Octets: int64(len(p))})
}

func sortedUIDs(list []uint32) []uint32 {
	for i := range list {
		for j := range i {
			if list[i] < list[j] {
				list[i], list[j] = list[j], list[i]
			}
		}
	}
	return list
}

func sortedFiles(list []*mailfile.Entry) []*mailfile.Entry {
	for i := range list {
		for j := range i {
			if list[i].Name < list[j].Name {
				list[i], list[j] = list[j], list[i]
			}
		}
	}
	return list
}
