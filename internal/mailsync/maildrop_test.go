package mailsync

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/internal/mailfile"
	"github.com/mailtrace/mailtrace/internal/mailserver"
)

// maildrop logs in. A session that ended without QUIT holds the maildrop until the server
// has noticed (RFC 1939 §4), so that IN-USE (RFC 2449 §8.1.2) is asked about again.
func maildrop(t *testing.T, cfg client.Config) *client.POP3 {
	t.Helper()
	for {
		s, err := client.DialPOP3(t.Context(), cfg)
		if err == nil {
			return s
		}
		if refused := new(client.AuthError); !errors.As(err, &refused) || refused.Code != "IN-USE" {
			t.Fatal(err)
		}
	}
}

// A maildrop that is killed at each step is stored whole, once, and removed only then.
func TestMaildrop(t *testing.T) {
	const messages = 5
	var list []mailserver.Message
	for i := range messages {
		list = append(list, mailserver.Message{Octets: mail(i + 1)})
	}
	for killAt := 1; ; killAt++ {
		cfg, stop := serve(t, dial.POP3, list)
		dir := filepath.Join(t.TempDir(), "drop")
		run := func(killAt int, keep bool) (Report, error) {
			s := maildrop(t, cfg)
			n := 0
			rep, err := Maildrop(context.Background(), s, dir, "pop3://u1@host", Options{Keep: keep, step: func(string) error {
				if n++; n == killAt {
					return errKilled
				}
				return nil
			}})
			if err != nil {
				s.Close(err)
				return rep, err
			}
			return rep, s.Quit(t.Context())
		}
		_, killed := run(killAt, false)
		if killed == nil && killAt == 1 {
			t.Fatal("no step")
		}
		if killed != nil {
			if !errors.Is(killed, errKilled) {
				t.Fatal(killed)
			}
			if rep, err := run(0, true); err != nil || rep.Messages != messages {
				t.Fatalf("killed at %d: %+v, %v: nothing may be gone on the server", killAt, rep, err)
			}
			if rep, err := run(0, true); err != nil || rep.New != 0 {
				t.Errorf("killed at %d: %+v, %v: a second time", killAt, rep, err)
			}
			if rep, err := run(0, false); err != nil || rep.GoneThere != messages {
				t.Errorf("killed at %d: %+v, %v", killAt, rep, err)
			}
		}
		if rep, err := run(0, true); err != nil || rep.Messages != 0 {
			t.Errorf("killed at %d: %+v, %v: left on the server", killAt, rep, err)
		}
		got := map[string]int{}
		files, err := mailfile.ReadMaildir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range files {
			p, err := os.ReadFile(e.Path(dir))
			if err != nil {
				t.Fatal(err)
			}
			got[string(p)]++
		}
		for i := range messages {
			if n := got[string(mail(i+1))]; n != 1 {
				t.Errorf("killed at %d: message %d is stored %d times", killAt, i+1, n)
			}
		}
		stop()
		if killed == nil {
			return // all steps were tried
		}
	}
}

func TestState(t *testing.T) {
	s := newState("imap://u1@host/INBOX")
	s.validity, s.modseq = 7, 12345678901
	s.uids[3], s.uids[9] = &known{letters: "FS"}, &known{gone: true}
	s.ids["%41b"] = true
	p := s.bytes()
	again, err := parseState(p)
	if err != nil || string(again.bytes()) != string(p) || !again.uids[9].gone || again.uids[3].letters != "FS" {
		t.Errorf("%v\n%s", err, p)
	}
	// What is cut off or altered is not taken for a state.
	for i := range p[:len(p)-1] { // the last line end says nothing
		if _, err := parseState(p[:i]); err == nil {
			t.Errorf("cut at %d", i)
		}
		bad := append([]byte(nil), p...)
		bad[i] ^= 1
		if x, err := parseState(bad); err == nil && string(x.bytes()) != string(p) {
			t.Errorf("altered at %d: %s", i, bad)
		}
	}
}

func TestAnotherAccount(t *testing.T) {
	cfg, stop := serve(t, dial.POP3, nil)
	defer stop()
	dir := t.TempDir()
	for i, account := range []string{"pop3://u1@host", "pop3://u2@host"} {
		s := maildrop(t, cfg)
		_, err := Maildrop(t.Context(), s, dir, account, Options{Keep: true})
		s.Close(nil)
		var other *AccountError
		if i == 0 && err != nil || i == 1 && !errors.As(err, &other) {
			t.Errorf("%s: %v", account, err)
		}
	}
}

// No name of a mailbox leads out of the root, and no two have one directory.
func FuzzFolderDir(f *testing.F) {
	f.Add("a/b", "a.b", "/")
	f.Add("../../etc", "..", "/")
	f.Add("INBOX.Sent", "", ".")
	f.Add(strings.Repeat("x", 500), strings.Repeat("x", 500)+"y", "")
	f.Add("a\x00b", "a&AAA-b", "/")
	f.Add("\x00", "", "/")
	f.Fuzz(func(t *testing.T, a, b, delimiter string) {
		dir, other := FolderDir(a, delimiter), FolderDir(b, delimiter)
		if strings.EqualFold(a, "INBOX") {
			return
		}
		if dir == "" || dir[0] != '.' || dir == "." || dir == ".." || strings.ContainsAny(dir, "/\\\x00") || len(dir) > 255 {
			t.Errorf("%q: %q", a, dir)
		}
		if dir == other && a != b && strings.ToValidUTF8(a, "\uFFFD") != strings.ToValidUTF8(b, "\uFFFD") {
			t.Errorf("%q and %q: both %q", a, b, dir)
		}
		if clean := filepath.Join("root", dir); filepath.Dir(clean) != "root" {
			t.Errorf("%q: %s", a, clean)
		}
	})
}
