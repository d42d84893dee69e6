package main

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/mailtrace/mailtrace/captures"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/proxy"
	"github.com/mailtrace/mailtrace/proxy/certs"
)

func TestUTF8Locale(t *testing.T) {
	for _, c := range []struct {
		all, ctype, lang string
		want             bool
	}{
		{"", "", "en_US.UTF-8", true},
		{"C", "", "en_US.UTF-8", false},
		{"", "de_DE.utf8", "C", true},
		{"C.UTF-8", "POSIX", "", true},
		{"", "", "de_DE.ISO-8859-1", false},
	} {
		env := map[string]string{"LC_ALL": c.all, "LC_CTYPE": c.ctype, "LANG": c.lang}
		if got := utf8Locale(func(name string) string { return env[name] }); got != c.want {
			t.Errorf("%v: %v", c, got)
		}
	}
}

func TestPrintable(t *testing.T) {
	for _, c := range []struct {
		in    string
		ascii bool
		want  string
	}{
		{"plain é ✓", false, "plain é ✓"},
		{"é", true, `\u00e9`},
		{"\x1b[31m\r\x7f\u009b\u202e", false, `\u001b[31m\u000d\u007f\u009b\u202e`},
		{"two\nlines", false, "two\nlines"},
	} {
		if got := printable(c.in, c.ascii); got != c.want {
			t.Errorf("%q: got %q, want %q", c.in, got, c.want)
		}
	}
}

func TestShellWord(t *testing.T) {
	for in, want := range map[string]string{"a/b-1.pcapng": "a/b-1.pcapng", "two words": "'two words'", "it's": `'it'\''s'`, "": "''", "$x": "'$x'"} {
		if got := shellWord(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{usagef("", "x"), exitUsage},
		{fmt.Errorf("x: %w", &dial.UsageError{What: "x"}), exitUsage},
		{&proxy.Error{What: "no glob"}, exitUsage},
		{&proxy.Error{What: "in use", Err: errors.New("EADDRINUSE")}, exitIO},
		{&certs.Error{Op: "read", Err: fs.ErrPermission}, exitIO},
		{&captures.NotCapture{}, exitIO},
		{&dial.Error{Stage: dial.StageConnect}, exitIO},
		{errors.New("anything"), exitIO},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}
}
