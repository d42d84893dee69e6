package mailfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/mailtrace/mailtrace/internal/spool"
)

func TestSafeName(t *testing.T) {
	for in, want := range map[string]string{
		"plan.pdf": "plan.pdf", "../../etc/passwd": "passwd", `..\..\boot.ini`: "boot.ini", "": "part", "...": "part", ".bashrc": "bashrc",
		"a\x00b\nc.txt": "a_b_c.txt", "con.txt": "_con.txt", "COM1": "_COM1", "-rf": "rf", "a:b*c?.x": "a_b_c_.x", "Grüße.txt": "Grüße.txt",
		"x\u202egpj.exe": "x_gpj.exe", "trail. . ": "trail", "~root": "root", "/": "part", "\xff.x": "_.x",
	} {
		if got := SafeName(in, "part"); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzSafeName(f *testing.F) {
	f.Add("../x", "part")
	f.Add(strings.Repeat("ä", 300)+".txt", "")
	f.Fuzz(func(t *testing.T, in, fallback string) {
		name := SafeName(in, fallback)
		if name == "" || len(name) > 255 || !utf8.ValidString(name) || strings.ContainsAny(name, "/\\\x00\r\n") || name[0] == '.' || name[0] == '-' || filepath.Base(name) != name {
			t.Errorf("%q: %q", in, name)
		}
		for _, c := range name {
			if !unicode.IsPrint(c) {
				t.Errorf("%q: %q has %U", in, name, c)
			}
		}
	})
}

func content(t *testing.T, text string) *spool.Spool {
	t.Helper()
	s := &spool.Spool{Dir: t.TempDir()}
	if _, err := s.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return s
}

// unquoted reads an mboxrd file.
func unquoted(text string) []string {
	var list []string
	for _, line := range strings.SplitAfter(text, "\n") {
		if strings.HasPrefix(line, "From ") {
			list = append(list, "")
			continue
		}
		if len(list) == 0 {
			continue
		}
		if strings.HasPrefix(strings.TrimLeft(line, ">"), "From ") && line[0] == '>' {
			line = line[1:]
		}
		list[len(list)-1] += line
	}
	for i := range list {
		list[i] = strings.TrimSuffix(list[i], "\n") // the empty line behind each
	}
	return list
}

func TestMbox(t *testing.T) {
	path := filepath.Join(t.TempDir(), "box")
	messages := []string{
		"Subject: a\r\n\r\nFrom here\r\n>From there\r\n", "Subject: b\r\n\r\nno end", "", "bare\rcr\r\n\r\n", strings.Repeat("x", 5000) + "\r\nFrom x",
		strings.Repeat("y", 4095) + "\r\nz", "\r",
	}
	for i, m := range messages { // opened anew each time: what is there stays
		w, err := Open(path, "mbox")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Store(&Message{Number: uint32(i + 1), Sender: "a b@example.org"}, content(t, m)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	p, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := unquoted(string(p))
	if len(got) != len(messages) {
		t.Fatalf("%d messages, want %d:\n%s", len(got), len(messages), p)
	}
	for i, m := range messages {
		want := strings.ReplaceAll(m, "\r\n", "\n")
		if !strings.HasSuffix(want, "\n") && want != "" {
			want += "\n"
		}
		if got[i] != want {
			t.Errorf("message %d: %.80q, want %.80q", i, got[i], want)
		}
	}
}

// A message that cannot be put in its place is an error by the next Sync, and ends the rest.
func TestStoreFails(t *testing.T) {
	for _, kind := range []string{"eml", "maildir"} {
		dir := filepath.Join(t.TempDir(), "store")
		w, err := Open(dir, kind)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if kind == "maildir" { // which is looked at first
			for _, sub := range []string{"cur", "new"} {
				if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
					t.Fatal(err)
				}
			}
		}
		if _, err := w.Store(&Message{Number: 1}, content(t, "a")); err != nil {
			t.Errorf("%s: the first: %v", kind, err)
		}
		if err := w.Sync(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: Sync: %v", kind, err)
		}
		if _, err := w.Store(&Message{Number: 2}, content(t, "b")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the next: %v", kind, err)
		}
		if err := w.Close(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: Close: %v", kind, err)
		}
	}
}

// What is stored is there whole, under a name of its own, and not a second time.
func TestStore(t *testing.T) {
	for _, kind := range []string{"eml", "maildir"} {
		dir := filepath.Join(t.TempDir(), "store")
		for round := range 2 {
			w, err := Open(dir, kind)
			if err != nil {
				t.Fatal(err)
			}
			for i, text := range []string{"small", strings.Repeat("large", spool.Memory)} {
				s := &spool.Spool{Dir: w.Dir()}
				if _, err := s.Write([]byte(text)); err != nil {
					t.Fatal(err)
				}
				_, err := w.Store(&Message{Mailbox: "../x/INBOX", UIDValidity: 7, UID: uint32(i + 1), Flags: []string{`\Seen`, `\Flagged`}}, s)
				if round == 0 && err != nil || round == 1 && !errors.Is(err, ErrStored) {
					t.Errorf("%s: round %d: %v", kind, round, err)
				}
				if _, err := w.Store(&Message{Mailbox: "../x/INBOX", UIDValidity: 7, UID: uint32(i + 1)}, s); !errors.Is(err, ErrStored) {
					t.Errorf("%s: round %d, stored a second time at once: %v", kind, round, err)
				}
				s.Drop()
			}
			if err := w.Sync(); err != nil {
				t.Errorf("%s: round %d: %v", kind, round, err)
			}
			if err := w.Close(); err != nil {
				t.Errorf("%s: round %d: %v", kind, round, err)
			}
		}
		files := map[string]string{}
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			p, err := os.ReadFile(path)
			files[filepath.ToSlash(strings.TrimPrefix(path, dir))] = string(p)
			return err
		})
		if err != nil || len(files) != 2 {
			t.Fatalf("%s: %v, %v", kind, len(files), err)
		}
		want := "/x.INBOX-7-1.eml"
		if kind == "maildir" {
			want = "/cur/x.INBOX-7-1.mailtrace,S=5:2,FS"
		}
		if files[want] != "small" {
			t.Errorf("%s: no %s", kind, want)
		}
	}
}

func TestState(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		dir, err := os.MkdirTemp("", "state")
		if err != nil {
			r.Fatal(err)
		}
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, "s")
		s, err := LoadState(path)
		if err != nil {
			r.Fatal(err)
		}
		uids := map[uint32]bool{}
		ids := map[string]bool{}
		for range rapid.IntRange(0, 60).Draw(r, "n") {
			uid := rapid.Uint32Range(1, 40).Draw(r, "uid")
			uids[uid] = true
			s.AddUID("a", 7, uid)
			id := fmt.Sprint(rapid.IntRange(1, 40).Draw(r, "id"))
			ids[id] = true
			s.AddID("p", id)
		}
		if err := s.Save(); err != nil {
			r.Fatal(err)
		}
		if s, err = LoadState(path); err != nil {
			r.Fatal(err)
		}
		for uid := uint32(1); uid <= 41; uid++ {
			if s.HasUID("a", 7, uid) != uids[uid] || s.HasUID("a", 8, uid) || s.HasUID("b", 7, uid) {
				r.Errorf("UID %d: want %v", uid, uids[uid])
			}
			if id := fmt.Sprint(uid); s.HasID("p", id) != ids[id] {
				r.Errorf("id %s: want %v", id, ids[id])
			}
		}
	})
}

func TestStateBroken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	for _, text := range []string{"imap a x 1\n", "imap a 7 1;2\n", "what\n", "imap a\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadState(path); err == nil || !strings.Contains(err.Error(), ":1: expected") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
