package mailserver

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func mboxOf(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mbox")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMbox(t *testing.T) {
	long := "From " + strings.Repeat("x", 100_000) + "\n"
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"empty": {"", nil},
		"two":   {"From a Thu Jan  1 00:00:00 2026\nA: 1\n\none\n\nFrom b\nA: 2\n\ntwo\n\n", []string{"A: 1\r\n\r\none\r\n", "A: 2\r\n\r\ntwo\r\n"}},
		"crlf":  {"From a\r\nA: 1\r\n\r\none\r\n\r\nFrom b\r\nA: 2\r\n\r\n\r\n", []string{"A: 1\r\n\r\none\r\n", "A: 2\r\n\r\n"}},
		"quoted": {
			"From a\nA: 1\n\n>From x\n>>From y\n> From z\nx >From\n\n>From q\n",
			[]string{"A: 1\r\n\r\nFrom x\r\n>From y\r\n> From z\r\nx >From\r\n\r\nFrom q\r\n"},
		},
		"no empty line": {"From a\nA: 1\n\none\nFrom here on\n", []string{"A: 1\r\n\r\none\r\nFrom here on\r\n"}},
		"no end":        {"From a\nA: 1\n\none", []string{"A: 1\r\n\r\none"}},
		"long from":     {long + "A: 1\n\n" + strings.Repeat("y", 100_000) + "\n\n" + long + "A: 2\n", []string{"A: 1\r\n\r\n" + strings.Repeat("y", 100_000) + "\r\n", "A: 2\r\n"}},
		"from in long":  {"From a\nA: 1\n\n" + strings.Repeat("y", 64<<10) + "From z\n", []string{"A: 1\r\n\r\n" + strings.Repeat("y", 64<<10) + "From z\r\n"}},
		"headless":      {"From a\n\nFrom b\n\n", []string{"", ""}},
	} {
		s, err := OpenMbox(mboxOf(t, c.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		msgs := s.mailboxes[inboxName].msgs
		if len(msgs) != len(c.want) {
			t.Errorf("%s: %d messages, want %d", name, len(msgs), len(c.want))
		}
		for i, m := range msgs {
			octets, err := s.content(m)
			if err != nil || i < len(c.want) && string(octets) != c.want[i] {
				t.Errorf("%s: message %d: got %.200q, %v, want %.200q", name, i+1, octets, err, c.want[i])
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestMboxServed(t *testing.T) {
	text := "From a Thu Jan  1 00:00:00 2026\nStatus: RO\nX-Status: F\n\none\n\nFrom b\nA: 2\n\n"
	path := mboxOf(t, text)
	s, err := OpenMbox(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p := opened(t, &Server{Store: s})
	p.has(p.run("a", "FETCH 1 (UID FLAGS INTERNALDATE)"), `(UID 1 FLAGS (\Seen \Flagged) INTERNALDATE " 1-Jan-2026 00:00:00 +0000")`)
	p.ask(`b STORE 1 FLAGS (\Deleted)`, "b NO [NOPERM]")
	if err := os.WriteFile(path, []byte("From somebody else\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.ask("c FETCH 1 BODY.PEEK[]", "c NO [UNAVAILABLE] the mbox was changed")
	other, err := OpenMbox(path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if other.mailboxes[inboxName].validity == s.mailboxes[inboxName].validity {
		t.Error("another file has the same UIDVALIDITY")
	}
}

func TestMboxRefused(t *testing.T) {
	for _, path := range []string{mboxOf(t, "A: 1\n\n"), t.TempDir()} {
		var none *NotMboxError
		if _, err := OpenMbox(path); !errors.As(err, &none) {
			t.Error(err)
		}
	}
	if _, err := OpenMbox(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
