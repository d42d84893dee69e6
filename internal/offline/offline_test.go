package offline

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/mailfile"
)

func made(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := mailfile.Open(dir, "maildir"); err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, fmt.Appendf(nil, "Subject: %d\r\n\r\n", i), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Messages are in the order of their UIDs; what has none comes before, as it arrived.
func TestOrder(t *testing.T) {
	dir := made(t, "new/INBOX-7-12.mailtrace,S=1", "cur/INBOX-7-3.mailtrace,S=1:2,FS", "cur/z.host:2,", "new/a.host", "new/.hidden")
	b, err := Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	err = b.Summaries(0, func(s *client.Summary) error {
		got = append(got, fmt.Sprintf("%d %d %v %s", s.Number, s.UID, s.Flags, s.Subject))
		return nil
	})
	if want := []string{"4 12 [] 0", `3 3 [\Flagged \Seen] 1`, "2 0 [] 3", "1 0 [] 2"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, want %q: %v", got, want, err)
	}
	if got := b.Numbers(grammar.Set("3:*"), true); !slices.Equal(got, []int{3, 4}) {
		t.Errorf("UID 3:*: %v", got)
	}
	if got := b.Numbers(grammar.Set("*"), false); !slices.Equal(got, []int{4}) {
		t.Errorf("*: %v", got)
	}
}

func TestNames(t *testing.T) {
	dir := made(t)
	for _, sub := range []string{".Sent.2026", ".Gr&APw-n", ".broken", "plain"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
		if sub != ".broken" {
			if err := os.MkdirAll(filepath.Join(dir, sub, "cur"), 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
	names, err := Names(dir)
	if want := []string{"INBOX", "Grün", "Sent/2026"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("%q, want %q: %v", names, want, err)
	}
}

func TestBroken(t *testing.T) {
	dir := made(t)
	for _, name := range []string{"Sent", "../x", ".."} {
		var e *Error
		if _, err := Open(dir, name); !errors.As(err, &e) || e.Hint() == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Symlink("loop", filepath.Join(dir, "cur", "loop")); err != nil {
		t.Fatal(err)
	}
	b, err := Open(dir, "INBOX")
	if err == nil {
		err = b.Summaries(0, func(*client.Summary) error { return nil })
	}
	if err == nil {
		t.Error("a link that leads to itself was read")
	}
}
