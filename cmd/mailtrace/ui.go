package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/fatih/color"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/mailtrace/mailtrace/internal/accounts"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/proxy"
)

// The rules of the terminal:
//
//   - Results go to stdout, everything else to stderr as "mailtrace: …": lower case, no
//     period at the end, one line each.
//   - An error is "mailtrace: error: …", followed where something helps by
//     "mailtrace: hint: …" that names the command or flag.
//   - Colour only on a terminal, never with NO_COLOR or TERM=dumb, unless --color says
//     otherwise; each stream decides for itself. ASCII where the locale is not UTF-8.
//   - Exit codes as below; the code of a command that serve was told to run is passed on.
const (
	exitFine  = 0
	exitCheck = 1 // the check failed: differences, findings, steps not played
	exitUsage = 2 // arguments, or a script that does not parse
	exitIO    = 3 // connection, authentication, files
	exitAbort = 130
)

// ui is the terminal of one run. Its methods may be called concurrently.
type ui struct {
	out, err *os.File
	ascii    bool

	mu    sync.Mutex
	color string // auto, always, never
	said  map[string]bool

	accounts map[string]accounts.Account // named in the arguments, by serverKey
}

func newUI(stdout, stderr *os.File) *ui {
	return &ui{out: stdout, err: stderr, ascii: !utf8Locale(os.Getenv), color: "auto", said: map[string]bool{}}
}

// utf8Locale tells whether the locale's encoding is UTF-8: the first of the three
// variables that is set decides (POSIX.1 §8.2). Windows and its console have no such
// variables and can do it.
func utf8Locale(getenv func(string) string) bool {
	for _, name := range [...]string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(getenv(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return runtime.GOOS == "windows"
}

// colored tells whether f gets colour.
func (u *ui) colored(f *os.File) bool {
	switch u.color {
	case "always":
		return true
	case "never":
		return false
	}
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// width is the number of columns of stdout, 0 where it is no terminal.
func (u *ui) width() int { return widthOf(u.out) }

func widthOf(f *os.File) int {
	if w, _, err := term.GetSize(int(f.Fd())); err == nil {
		return w
	}
	return 0
}

// say tells something on stderr.
func (u *ui) say(format string, a ...any) { u.tell("", 0, format, a...) }

// hint names what helps.
func (u *ui) hint(format string, a ...any) { u.tell("hint: ", color.FgCyan, format, a...) }

// warn tells of something that does not stop us but should be read.
func (u *ui) warn(format string, a ...any) { u.tell("warning: ", color.FgYellow, format, a...) }

// once tells a warning the first time that it comes up under this name.
func (u *ui) once(name, format string, a ...any) {
	u.mu.Lock()
	again := u.said[name]
	u.said[name] = true
	u.mu.Unlock()
	if !again {
		u.warn(format, a...)
	}
}

func (u *ui) tell(kind string, c color.Attribute, format string, a ...any) {
	text := strings.TrimRight(fmt.Sprintf(format, a...), "\n")
	text = strings.ReplaceAll(printable(text, u.ascii), "\n", "\n           ")
	u.mu.Lock()
	defer u.mu.Unlock()
	if kind != "" && u.colored(u.err) {
		painted := color.New(c)
		painted.EnableColor()
		kind = painted.Sprint(strings.TrimSpace(kind)) + " "
	}
	// Nothing is left to tell it to if stderr fails.
	_, _ = io.WriteString(u.err, "mailtrace: "+kind+text+"\n")
}

// printable keeps what a peer or a file's name says from driving the terminal.
func printable(s string, ascii bool) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteRune(r)
		case r < ' ' || r == 0x7f, r >= 0x80 && r < 0xa0, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, ascii && r > 0x7e:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// end tells how the run ended and gives the exit code.
func (u *ui) end(err error) int {
	switch {
	case err == nil, errors.Is(err, errHelped):
		return exitFine
	case errors.Is(err, errCheck):
		return exitCheck
	case errors.Is(err, errStopped), errors.Is(err, context.Canceled): // by a signal: there is no other way
		return exitAbort
	}
	var client *commandError
	if errors.As(err, &client) {
		u.say("%s", client)
		return client.code
	}
	u.fail(err)
	return exitCode(err)
}

// fail tells an error and what helps.
func (u *ui) fail(err error) {
	u.tell("error: ", color.FgRed, "%s", words(err))
	if h := hintOf(err); h != "" {
		u.hint("%s", h)
	}
}

// words are those of an error without the prefixes of our packages, which tell a
// programmer more than a user.
func words(err error) string {
	text := err.Error()
	for _, p := range [...]string{"accounts: ", "captures: ", "certs: ", "client: ", "credentials: ", "decode: ", "dial: ", "filter: ", "mailfile: ", "mailserver: ", "mailsync: ", "nss: ", "oauth: ", "offline: ", "print: ", "proxy: ", "query: ", "replay: ", "sasl: "} {
		text = strings.TrimPrefix(text, p)
	}
	return text
}

// hintOf is the advice that an error carries.
func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

func exitCode(err error) int {
	var ours *usageError
	var noServer *accounts.NoServerError
	var inFile *accounts.Error
	var url *dial.UsageError
	var config *proxy.Error
	if errors.As(err, &ours) || errors.As(err, &noServer) || errors.As(err, &inFile) || errors.As(err, &url) || errors.As(err, &config) && config.Err == nil {
		return exitUsage
	}
	return exitIO
}

// tilde shortens a path in the home directory.
func tilde(path string) string {
	home, err := os.UserHomeDir()
	if err != nil || home == "" || home == "/" {
		return path
	}
	if rest, ok := strings.CutPrefix(path, home+string(filepath.Separator)); ok {
		return "~" + string(filepath.Separator) + rest
	}
	return path
}

// plural is "1 message", "2 messages".
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if stem, ok := strings.CutSuffix(what, "y"); ok {
		return fmt.Sprintf("%d %sies", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, what)
}

var colorFlag = &cli.StringFlag{Name: "color", Value: "auto", Usage: "`WHEN` to colour: auto, always, never"}

// setColor takes --color.
func (u *ui) setColor(c *cli.Context) error {
	value := c.String("color")
	if err := oneOf("--color", value, "auto", "always", "never"); err != nil {
		return err
	}
	u.color = value
	return nil
}

// oneOf checks a value that has a name each.
func oneOf(flag, value string, names ...string) error {
	for _, n := range names {
		if value == n {
			return nil
		}
	}
	hint := ""
	if n := nearest(value, names); n != "" {
		hint = "did you mean " + flag + " " + n
	}
	return usagef(hint, "%s %q: expected %s", flag, value, strings.Join(names[:len(names)-1], ", ")+" or "+names[len(names)-1])
}
