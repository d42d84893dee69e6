package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
)

// run is the program: it gives the exit code.
func run(ctx context.Context, argv []string, stdout, stderr *os.File) int {
	u := newUI(stdout, stderr)
	app := newApp(u)
	args := argv[1:]
	if before, word, ok := asksCompletion(args); ok {
		for _, c := range complete(app, before, word) {
			_, _ = fmt.Fprintln(stdout, c) // a shell that is gone needs none
		}
		return exitFine
	}
	args, err := arrange(app.Commands, args)
	if err == nil {
		err = app.RunContext(ctx, append([]string{app.Name}, args...))
	}
	return u.end(err)
}

// newApp is the command line: every subcommand with its flags.
func newApp(u *ui) *cli.App {
	cli.FlagStringer = flagLine
	app := &cli.App{
		Name:      "mailtrace",
		Usage:     "see, keep and read what a mail client and its server say to each other",
		UsageText: "mailtrace COMMAND [flags] [arguments]\nmailtrace demo    shows the whole tool in one command",
		Version:   version(),
		Writer:    u.out,
		ErrWriter: u.err,
		Commands: []*cli.Command{
			demoCommand(u),
			proxyCommand(u),
			showCommand(u),
			lintCommand(u),
			statsCommand(u),
			scriptCommand(u),
			replayCommand(u),
			serveCommand(u),
			// The mail client.
			listCommand(u),
			fetchCommand(u),
			searchCommand(u),
			foldersCommand(u),
			flagCommand(u),
			moveCommand(u),
			copyCommand(u),
			deleteCommand(u),
			appendCommand(u),
			syncCommand(u),
			watchCommand(u),
			compareCommand(u),
			// And what they need.
			caCommand(u),
			completionCommand(u),
			manCommand(u),
			versionCommand(u),
		},
		HideVersion:               true, // arrange makes --version the command,
		HideHelpCommand:           true, // and of help X the flag
		DisableSliceFlagSeparator: true, // a comma is part of a value
		// Errors are told and counted in one place, ui.end.
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   onUsageError,
		CommandNotFound: func(*cli.Context, string) {
			// arrange has refused unknown commands already.
		},
	}
	each(app.Commands, func(c *cli.Command) {
		c.OnUsageError = onUsageError
		c.HideHelpCommand = true // "help" may be a file's name
	})
	return app
}

// flagLine is a flag's line in a help text, short enough for a terminal.
func flagLine(f cli.Flag) string {
	d, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return ""
	}
	usage := d.GetUsage()
	var names []string
	for _, n := range f.Names() {
		names = append(names, dashes(n))
	}
	left := strings.Join(names, ", ")
	if d.TakesValue() {
		// The placeholder is the word in back quotes.
		if before, rest, ok := strings.Cut(usage, "`"); ok {
			word, after, _ := strings.Cut(rest, "`")
			left, usage = left+" "+word, before+word+after
		}
		if v := d.GetDefaultText(); v != "" {
			usage += " (default " + strings.Trim(v, `"`) + ")"
		}
	}
	return left + "\t" + usage
}

func each(commands []*cli.Command, do func(*cli.Command)) {
	for _, c := range commands {
		do(c)
		each(c.Subcommands, do)
	}
}

// onUsageError puts the flag package's words about a value into ours.
func onUsageError(_ *cli.Context, err error, _ bool) error {
	// invalid value "x" for flag -timeout: parse error
	text := err.Error()
	rest, ok := strings.CutPrefix(text, "invalid value ")
	value, rest, found := strings.Cut(rest, " for flag -")
	name, _, colon := strings.Cut(rest, ":")
	if !ok || !found || !colon {
		return &usageError{what: text, hint: "mailtrace COMMAND --help lists the flags"}
	}
	expected := "another value"
	switch name {
	case "timeout":
		expected = "a duration such as 10s"
	case "conn":
		expected = "a connection's number, from 1"
	}
	return &usageError{what: fmt.Sprintf("--%s %s: expected %s", name, value, expected)}
}

// noArgument refuses positionals where a command takes none.
func noArgument(c *cli.Context, name string) error {
	if c.Args().Present() {
		return usagef("", "%s takes no argument, got %q", name, c.Args().First())
	}
	return nil
}

// usageError is a mistake in the arguments: exit code 2.
type usageError struct{ what, hint string }

func (e *usageError) Error() string { return e.what }
func (e *usageError) Hint() string  { return e.hint }

func usagef(hint, format string, a ...any) error {
	return &usageError{what: fmt.Sprintf(format, a...), hint: hint}
}

// ioError is what went wrong outside of us, with what helps: exit code 3.
type ioError struct {
	err  error
	hint string
}

func (e *ioError) Error() string { return e.err.Error() }
func (e *ioError) Unwrap() error { return e.err }
func (e *ioError) Hint() string  { return e.hint }

// errCheck ends a command that ran and found what it looked for: exit code 1. What it
// found has been said.
var errCheck = errors.New("the check failed")

// errStopped ends a command that a signal stopped before it was done: exit code 130.
var errStopped = errors.New("stopped")

// discard closes what is of no use any more; its error would hide the one that counts.
func discard(c io.Closer) { _ = c.Close() }
