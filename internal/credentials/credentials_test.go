package credentials

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPassword(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, ".netrc")
	text := "# accounts\nmachine mx login other password no\nmachine MX\n  login u1\n  password one\nmacdef x\nmachine mx password macro\n\ndefault password any\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	nobody := func(string) (string, error) { return "", ErrNoTerminal }
	somebody := func(string) (string, error) { return "typed", nil }
	for _, test := range []struct {
		name, user, host string
		env              map[string]string
		source           Source
		want             string
	}{
		{"environment", "u1", "mx", map[string]string{"MAILTRACE_PASSWORD": "e", "HOME": dir}, Source{}, "e"},
		{"command before it", "u1", "mx", map[string]string{"MAILTRACE_PASSWORD": "e"}, Source{Command: "printf 'c d\\nmore\\n'"}, "c d"},
		{"netrc", "u1", "mx", map[string]string{"HOME": dir}, Source{}, "one"},
		{"netrc by name", "u1", "mx", map[string]string{"NETRC": file}, Source{}, "one"},
		{"default", "u1", "elsewhere", map[string]string{"HOME": dir}, Source{}, "any"},
		{"prompt", "u1", "mx", nil, Source{Prompt: somebody}, "typed"},
	} {
		s := test.source
		s.Getenv = func(name string) string { return test.env[name] }
		got, err := s.Password(context.Background(), test.user, test.host)
		if got != test.want || err != nil {
			t.Errorf("%s: %q, %v, want %q", test.name, got, err, test.want)
		}
	}
	s := Source{Getenv: func(string) string { return "" }, Prompt: nobody}
	_, err := s.Password(context.Background(), "u1", "mx")
	var missing *Missing
	if !errors.As(err, &missing) || missing.Hint() == "" {
		t.Errorf("got %v", err)
	}
	for _, command := range []string{"exit 3", "true"} {
		s.Command = command
		for name, want := range map[string]string{"": "--password-command: ", "client-secret-command": "client-secret-command: "} {
			s.Name = name
			if p, err := s.Password(context.Background(), "u1", "mx"); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %q, %v, want %s", command, p, err, want)
			}
		}
	}
}
