package credentials

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/term"
)

// Source says where to look.
type Source struct {
	Getenv  func(string) string // nil is os.Getenv
	Command string              // run by the shell, its first line is the password; may be ""
	Name    string              // of Command in errors; "" is --password-command
	// Prompt asks a person; nil asks on the terminal of standard input. It gives
	// ErrNoTerminal where there is nobody to ask.
	Prompt func(question string) (string, error)
}

// ErrNoTerminal says that nobody can be asked.
var ErrNoTerminal = errors.New("no terminal to ask on")

// Missing says that no source has a password.
type Missing struct{ User, Host string }

func (e *Missing) Error() string {
	return fmt.Sprintf("no password for %s at %s, and no terminal to ask on", e.User, e.Host)
}

// Hint names the ways to give one.
func (e *Missing) Hint() string {
	return "set MAILTRACE_PASSWORD, give --password-command CMD, or write machine " + e.Host + " into ~/.netrc"
}

// Password gives the password of user at host. Errors hold no password.
func (s *Source) Password(ctx context.Context, user, host string) (string, error) {
	getenv := s.Getenv
	if getenv == nil {
		getenv = os.Getenv
	}
	if s.Command != "" {
		line, err := run(ctx, s.Command)
		if err != nil {
			name := s.Name
			if name == "" {
				name = "--password-command"
			}
			err = fmt.Errorf("credentials: %s: %w", name, err)
		}
		return line, err
	}
	if p := getenv("MAILTRACE_PASSWORD"); p != "" {
		return p, nil
	}
	path := getenv("NETRC")
	if home := getenv("HOME"); path == "" && home != "" {
		path = filepath.Join(home, ".netrc")
	}
	if path != "" {
		text, err := os.ReadFile(path)
		if err == nil {
			if p, ok := netrc(string(text), host, user); ok {
				return p, nil
			}
		} else if !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("credentials: %w", err)
		}
	}
	ask := s.Prompt
	if ask == nil {
		ask = terminal
	}
	p, err := ask(fmt.Sprintf("password of %s at %s: ", user, host))
	if errors.Is(err, ErrNoTerminal) {
		return "", &Missing{User: user, Host: host}
	}
	return p, err
}

// run takes the first line of what a command says.
func run(ctx context.Context, command string) (string, error) {
	shell := []string{"/bin/sh", "-c"}
	if runtime.GOOS == "windows" {
		shell = []string{"cmd", "/c"}
	}
	cmd := exec.CommandContext(ctx, shell[0], append(shell[1:], command)...)
	cmd.Stdin, cmd.Stderr = os.Stdin, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", err
	}
	line, _, _ := bytes.Cut(out, []byte("\n"))
	if line = bytes.TrimSuffix(line, []byte("\r")); len(line) == 0 {
		return "", errors.New("expected the secret as its first line, found nothing")
	}
	return string(line), nil
}

func terminal(question string) (string, error) {
	fd := int(os.Stdin.Fd())
	if !term.IsTerminal(fd) {
		return "", ErrNoTerminal
	}
	fmt.Fprint(os.Stderr, question)
	p, err := term.ReadPassword(fd)
	fmt.Fprintln(os.Stderr)
	return string(p), err
}

// netrc finds a password in the text of a netrc file: that of the machine and the login,
// else that of the machine without a login, else the default's.
func netrc(text, host, user string) (string, bool) {
	type entry struct{ machine, login, password string }
	var all []entry
	w := strings.Fields(withoutMacros(text))
	for i := 0; i < len(w); i++ {
		switch w[i] {
		case "default":
			all = append(all, entry{})
			continue
		case "machine", "login", "password", "account":
		default:
			continue
		}
		name := w[i]
		if i++; i == len(w) {
			break
		}
		if name == "machine" {
			all = append(all, entry{machine: w[i]})
			continue
		}
		if len(all) == 0 {
			continue
		}
		e := &all[len(all)-1]
		if name == "login" {
			e.login = w[i]
		} else if name == "password" {
			e.password = strings.Trim(w[i], `"`)
		}
	}
	for _, e := range all {
		if (e.machine == "" || strings.EqualFold(e.machine, host)) && (e.login == "" || e.login == user) && e.password != "" {
			return e.password, true
		}
	}
	return "", false
}

// withoutMacros leaves out macdef and its lines, up to an empty one, and comments.
func withoutMacros(text string) string {
	var b strings.Builder
	macro := false
	for line := range strings.Lines(text) {
		t := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(t, "macdef "):
			macro = true
		case t == "":
			macro = false
		case !macro && !strings.HasPrefix(t, "#"):
			b.WriteString(line)
		}
	}
	return b.String()
}
