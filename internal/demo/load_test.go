package demo

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func put(t *testing.T, path, octets string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(octets), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadMaildir(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadMaildir(dir); err == nil {
		t.Error("a directory without cur was taken")
	}
	put(t, filepath.Join(dir, "new", "3.c"), "A: 3\n\n\xff\r\n.\n")
	put(t, filepath.Join(dir, "cur", "2.b:2,FS"), "A: 2\r\n\r\nx")
	put(t, filepath.Join(dir, "cur", "1.a:2,"), "")
	put(t, filepath.Join(dir, "cur", ".hidden"), "no mail")
	msgs, err := ReadMaildir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range msgs {
		if msgs[i].Date.IsZero() {
			t.Errorf("message %d has no date", i)
		}
		msgs[i].Date = time.Time{}
	}
	want := []Message{
		{Octets: []byte{}},
		{Octets: []byte("A: 2\r\n\r\nx"), Flags: []string{`\Flagged`, `\Seen`}},
		{Octets: []byte("A: 3\r\n\r\n\xff\r\n.\r\n")},
	}
	if d := cmp.Diff(want, msgs); d != "" {
		t.Error(d)
	}
}

func TestReadMbox(t *testing.T) {
	dir := t.TempDir()
	msgs, err := ReadMbox(put(t, filepath.Join(dir, "a"),
		"From x Tue Jan  6 08:30:12 2026\nA: 1\nStatus: RO\n\nhe\nFrom here\n>From me\n>>From two\n\nFrom y\nA: 2\n\nend\n\n"))
	want := []Message{
		{
			Octets: []byte("A: 1\r\nStatus: RO\r\n\r\nhe\r\nFrom here\r\nFrom me\r\n>From two\r\n"),
			Flags:  []string{`\Seen`}, Date: time.Date(2026, 1, 6, 8, 30, 12, 0, time.UTC),
		},
		{Octets: []byte("A: 2\r\n\r\nend\r\n")},
	}
	if d := cmp.Diff(want, msgs); d != "" || err != nil {
		t.Error(d, err)
	}
	if _, err := ReadMbox(put(t, filepath.Join(dir, "b"), "A: 1\n\nx\n")); err == nil {
		t.Error("a message without a From line was taken")
	}
	if msgs, err := ReadMbox(put(t, filepath.Join(dir, "c"), "")); len(msgs) != 0 || err != nil {
		t.Error(msgs, err)
	}
}

func TestLoadFolders(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, ".Sent", "cur", "1:2,S"), "A: sent\n\n")
	put(t, filepath.Join(dir, ".Work.Plans", "cur", "1"), "A: plan\n\n")
	put(t, filepath.Join(dir, ".Work.Plans", "new", "2"), "A: new\n\n")
	put(t, filepath.Join(dir, ".nofolder", "x"), "")
	for _, folder := range []string{".Sent", ".Work.Plans"} {
		if err := os.MkdirAll(filepath.Join(dir, folder, "new"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s := NewStore(nil)
	if n, err := s.LoadFolders(dir); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	p := opened(t, &Server{Store: s})
	p.has(p.run("a", `LIST "" *`), `\Sent) "/" "Sent"`, `"/" "Work/Plans"`)
	p.has(p.run("b", "STATUS Work/Plans (MESSAGES UNSEEN)"), "(MESSAGES 2 UNSEEN 2)")
	p.has(p.run("c", "STATUS Sent (MESSAGES UNSEEN)"), "(MESSAGES 1 UNSEEN 0)")
	put(t, filepath.Join(dir, ".a&b", "cur", "1"), "")
	if _, err := s.LoadFolders(dir); err == nil {
		t.Error("a name in modified UTF-7 was taken as it is")
	}
}
