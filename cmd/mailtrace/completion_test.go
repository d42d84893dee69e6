package main

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// Every script asks by the flag that is answered, and hands itself to its shell.
func TestCompletionScripts(t *testing.T) {
	for name, want := range map[string][2]string{
		bashCompletion:       {"bash", "complete -o bashdefault -o default -F _mailtrace mailtrace"},
		zshCompletion:        {"zsh", "compdef _mailtrace mailtrace"},
		fishCompletion:       {"fish", "complete -c mailtrace -f -a '(__mailtrace_complete)'"},
		powershellCompletion: {"powershell", "Register-ArgumentCompleter -Native -CommandName mailtrace"},
	} {
		if strings.Count(name, completionFlag) != 1 || !strings.Contains(name, want[1]) || !strings.HasSuffix(name, "\n") {
			t.Errorf("%s: %s", want[0], name)
		}
	}
}

// A flag's usage is where its values are read from: prose is not taken for values.
func TestFlagValues(t *testing.T) {
	app := newApp(newUI(os.Stdout, os.Stderr))
	got := map[string]bool{}
	each(app.Commands, func(c *cli.Command) {
		for _, f := range c.Flags {
			got[f.Names()[0]+"="+strings.Join(flagValues(f), "|")] = true
		}
	})
	for _, want := range []string{
		"color=auto|always|never", "format=text|json", "format=text|json|none", "format=text|json|sarif", "fail-on=note|warning|error",
		"as=eml|mbox|maildir", "bodies=all|none", "uid=", "limit=", "tls-ca=", "trace=", "filter=",
	} {
		if !got[want] {
			t.Errorf("%s: got %q", want, slices.Sorted(maps.Keys(got)))
		}
	}
}

// The manual has every command and flag, and no text that the formatter would take for an order.
func TestManual(t *testing.T) {
	app := newApp(newUI(os.Stdout, os.Stderr))
	text := manual(app)
	each(app.Commands, func(c *cli.Command) {
		if len(c.Subcommands) == 0 && !strings.Contains(text, "\n.SS "+roff(strings.Join(commandWords(c.UsageText), " "))+"\n") {
			t.Errorf("%s is not in it", c.Name)
		}
		for _, f := range c.Flags {
			if !strings.Contains(text, roff(dashes(f.Names()[0]))) {
				t.Errorf("%s is not in it", f.Names()[0])
			}
		}
	})
	orders := []string{".TH", ".SH", ".SS", ".PP", ".TP", ".nf", ".fi"}
	for line := range strings.Lines(text) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.HasPrefix(line, "'") || strings.HasPrefix(line, ".") && !slices.Contains(orders, word) {
			t.Errorf("an order that is none of ours: %s", line)
		}
	}
	for in, want := range map[string]string{`.a -b \c`: `\&.a \-b \ec`, "'x' ~^`": `\(aqx\(aq \(ti\(ha\(ga`} {
		if got := roff(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	if got := commandWords("mailtrace ca path [--ca-dir DIR]\nx"); !slices.Equal(got, []string{"mailtrace", "ca", "path"}) {
		t.Error(got)
	}
}
