package main

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestArrange(t *testing.T) {
	app := newApp(newUI(os.Stdout, os.Stderr))
	var names []string
	for _, c := range app.Commands {
		names = append(names, c.Name)
	}
	all := strings.Join(names, ", ")
	for _, c := range []struct{ in, want, failure, hint string }{
		{in: "", want: "--help"},
		{in: "help", want: "--help"},
		{in: "help show", want: "show --help"},
		{in: "-h", want: "--help"},
		{in: "--version", want: "version --"},
		{in: "show a b", want: "show -- a b"},
		{in: "show a --conn 2 b -v", want: "show --conn 2 -v -- a b"},
		{in: "show a --conn=2", want: "show --conn=2 -- a"},
		{in: "show -v -- -a --conn", want: "show -v -- -a --conn"},
		{in: "show -", want: "show -- -"},
		{in: "serve a -- b --user c -- d", want: "serve -- a -- b --user c -- d"},
		{in: "serve --user u", want: "serve --user u --"},
		{in: `flag u --uid 1 -\Seen +\Flagged -$x`, want: `flag --uid 1 -- u -\Seen +\Flagged -$x`},
		{in: `search u -from:a --count`, want: `search --count -- u -from:a`},
		{in: `search u -seen -(a -header:X=b -"x`, want: `search -- u -seen -(a -header:X=b -"x`},
		{in: `search u -sen`, failure: "unknown flag --sen", hint: "mailtrace search --help lists what there is"},
		{in: `list u -seen`, failure: "unknown flag --seen", hint: "mailtrace list --help lists what there is"},
		{in: `list -\Seen`, failure: `unknown flag --\Seen`, hint: "mailtrace list --help lists what there is"},
		{in: "--color never show a", want: "show --color never -- a"},
		{in: "--color=never ca path", want: "", failure: "unknown flag --color", hint: "mailtrace ca path --help lists what there is"},
		{in: "ca --ca-dir x path", want: "ca path --ca-dir x --"},
		{in: "ca path --help", want: "ca path --help"},
		{in: "proxy --listen imap://:0 u --listen pop3://:0 v", want: "proxy --listen imap://:0 --listen pop3://:0 -- u v"},
		{in: "proxy --tls-ca --force", want: "proxy --tls-ca --force --"}, // a file may be called so
		{in: "show --conn", failure: "--conn needs a value", hint: "mailtrace show --help lists what there is"},
		{in: "show --conn --", failure: "--conn needs a value", hint: "mailtrace show --help lists what there is"},
		{in: "show --hexx", failure: "unknown flag --hexx", hint: "did you mean --hex"},
		{in: "show --ext d", failure: "unknown flag --ext", hint: "did you mean --extract"},
		{in: "show -x", failure: "unknown flag -x", hint: "did you mean -v"},
		{in: "show --zzzzzz", failure: "unknown flag --zzzzzz", hint: "mailtrace show --help lists what there is"},
		{in: "sohw", failure: `unknown command "sohw"`, hint: "did you mean mailtrace show"},
		{in: "ca", failure: "mailtrace ca: expected one of path, show, trust, untrust", hint: "mailtrace ca --help lists what there is"},
		{in: "frobnicate", failure: `unknown command "frobnicate"`, hint: "the commands are " + all},
	} {
		got, err := arrange(app.Commands, strings.Fields(c.in))
		if c.failure != "" {
			var usage *usageError
			if !errors.As(err, &usage) || usage.what != c.failure || usage.hint != c.hint {
				t.Errorf("%q: got %q, %#v, want %q, %q", c.in, got, err, c.failure, c.hint)
			}
			continue
		}
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%q: got %q, %v, want %q", c.in, got, err, c.want)
		}
	}
	// An empty value is a value.
	got, err := arrange(app.Commands, []string{"show", "--extract", "", "x"})
	if err != nil || !slices.Equal(got, []string{"show", "--extract", "", "--", "x"}) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"show", "show", 0},
		{"shwo", "show", 1}, // neighbours exchanged
		{"shw", "show", 1},
		{"proxies", "proxy", 3},
		{"demo", "memo", 1},
	} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("from %q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
