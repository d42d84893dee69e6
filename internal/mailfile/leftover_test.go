package mailfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A run that stores into an mbox is killed after each octet: the next one stores what is missing, and leaves
// every message whole and once behind what was there before.
func TestMboxKilled(t *testing.T) {
	const before = "From b@example.org Mon Nov 23 00:00:00 2026\nSubject: before\n\nof another program\n"
	for _, there := range []string{"", before, before + "\n"} {
		messages := []string{
			"Subject: a\r\n\r\nFrom here\r\n>From there\r\n", "Subject: b\r\n\r\ntwo\r\n\r\nparagraphs", "", "Subject: b\r\n\r\ntwo",
			"Subject: twice\r\n", "Subject: twice\r\n", "bare\rcr\r\n\r\n",
		}
		whole := stored(t, there, nil, messages)
		count := func(box string) map[string]int {
			n := map[string]int{}
			for _, m := range unquoted(strings.TrimPrefix(box, there)) {
				n[m]++
			}
			return n
		}
		want := count(whole)
		for cut := len(there); cut <= len(whole); cut++ {
			left := whole[:cut]
			got := stored(t, there, &left, messages)
			if !strings.HasPrefix(got, there) {
				t.Fatalf("cut at %d: what was there before is gone:\n%q", cut, got)
			}
			more := count(got)
			for m, n := range want {
				if more[m] -= n; more[m] == 0 {
					delete(more, m)
				}
			}
			// A part that breaks off behind an empty line looks whole, so that it stays.
			if part, ok := looksWhole(left); ok && len(more) == 1 {
				all := unquoted(strings.TrimPrefix(part, there))
				if m := all[len(all)-1]; more[m] == 1 {
					delete(more, m)
				}
			}
			if len(more) > 0 {
				t.Fatalf("cut at %d: too often (too seldom: negative): %v\n%q", cut, more, got)
			}
		}
	}
}

// looksWhole gives what ends with an empty line, if nothing but a beginning of "From " follows it.
func looksWhole(s string) (string, bool) {
	i := strings.LastIndex(s, "\n\n")
	if i < 0 || !strings.HasPrefix("From ", s[i+2:]) || strings.HasSuffix(s, "From ") {
		return "", false
	}
	return s[:i+2], true
}

// stored has a run store messages into an mbox, if left is nil; or one that finds left there, from a run that noted
// nothing but the length of the mbox before it.
func stored(t *testing.T, there string, left *string, messages []string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "box")
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(path, there)
	if left != nil {
		write(path, *left)
		write(path+".state", fmt.Sprintf("mbox %d\n", len(there)))
	}
	w, err := Open(path, "mbox")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	s, err := LoadState(path + ".state")
	if err == nil {
		err = s.Watch(w)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range messages {
		x := &Message{Number: uint32(i + 1), Sender: "s@example.org", Arrived: time.Unix(1795392000, 0)}
		if _, err := w.Store(x, content(t, m)); err != nil && !errors.Is(err, ErrStored) {
			t.Fatal(err)
		}
	}
	p, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}

// What another program added is neither taken for ours nor touched, even where it looks like it.
func TestMboxOfOthers(t *testing.T) {
	const others = "From o@example.org Mon Nov 23 00:00:00 2026\nSubject: x\n\nanother one, which breaks o"
	left := others
	got := stored(t, "", &left, []string{"Subject: x\r\n\r\nmine\r\n"})
	want := others + "\nFrom s@example.org Mon Nov 23 00:00:00 2026\nSubject: x\n\nmine\n\n"
	if got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// The length is noted with the state, and one that is more than the file has is none.
func TestMboxNoted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "box")
	for _, x := range []struct{ file, state, want string }{
		{"", "", "mbox 0\n"},
		{"12345", "", "mbox 5\n"},
		{"12345", "mbox 7\n", "mbox 5\n"},
		{"12345", "mbox 3\n", "mbox 3\n"}, // what is behind it may be ours
		{"12345", "mbox 5\n", "mbox 5\n"},
	} {
		if err := errors.Join(os.WriteFile(path, []byte(x.file), 0o600), os.WriteFile(path+".state", []byte(x.state), 0o600)); err != nil {
			t.Fatal(err)
		}
		w, err := Open(path, "mbox")
		if err != nil {
			t.Fatal(err)
		}
		s, err := LoadState(path + ".state")
		if err == nil {
			err = s.Watch(w)
		}
		if err != nil {
			t.Fatal(err)
		}
		w.Close()
		p, err := os.ReadFile(path + ".state")
		if err != nil || !strings.HasSuffix(string(p), x.want) {
			t.Errorf("%+v: %q, %v", x, p, err)
		}
	}
}
