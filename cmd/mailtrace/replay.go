package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/internal/credentials"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/replay"
)

func replayCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "replay", Usage: "play a capture or script as the client, and compare the replies",
		UsageText: "mailtrace replay [flags] FILE --to URL\nmailtrace replay fetch.script --to imaps://u1@imap.example.org",
		Description: "Exit code 1 where a reply is different or a step was not played.\n" +
			"The password comes from MAILTRACE_PASSWORD, --password-command, netrc or a prompt.",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "to", Usage: "the server's `URL`, such as imaps://u1@imap.example.org"},
			&cli.StringFlag{Name: "user", Usage: "log in as `NAME`; else the URL's user"},
			&cli.StringFlag{Name: "password-command", Usage: "the password is the first line that `CMD` says"},
			&cli.StringSliceFlag{Name: "var", Usage: "a variable's value, as `NAME=VALUE`"},
			&cli.BoolFlag{Name: "allow-changes", Usage: "play commands that change the mailbox too"},
			&cli.BoolFlag{Name: "allow-cleartext", Usage: "log in without TLS too"},
			&cli.StringFlag{Name: "format", Value: "text", Usage: "`FORMAT` of differences on stdout: text, json (a line each)"},
			&cli.StringFlag{Name: "junit", Usage: "write a JUnit report to `FILE`"},
			&cli.BoolFlag{Name: "annotations", Usage: "write GitHub annotations to stdout"},
			&cli.BoolFlag{Name: "pace", Usage: "keep the pauses of a capture; those of a script are kept anyway"},
			&cli.BoolFlag{Name: "update", Usage: "put what came into the script, after showing it"},
			&cli.IntFlag{Name: "connections", Value: 1, Usage: "play `N` sessions at a time, and tell latencies"},
			&cli.IntFlag{Name: "repeat", Value: 1, Usage: "play each session `M` times, and tell latencies"},
			&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "every line as it is said, on stderr"},
		}, dialFlags("to connect in, to shake hands in, and that a reply may take where no @wait says otherwise")),
		Action: func(c *cli.Context) error { return runReplay(u, c) },
	}
}

func runReplay(u *ui, c *cli.Context) error {
	if err := oneOf("--format", c.String("format"), "text", "json"); err != nil {
		return err
	}
	if c.Args().Len() != 1 {
		return usagef("mailtrace replay FILE --to URL", "expected one FILE, got %d", c.Args().Len())
	}
	path := c.Args().First()
	if c.String("to") == "" {
		return usagef("such as --to imaps://u1@imap.example.org", "no --to URL given")
	}
	sessions, repeat := c.Int("connections"), c.Int("repeat")
	load := sessions > 1 || repeat > 1
	switch {
	case sessions < 1 || repeat < 1:
		return usagef("", "--connections %d --repeat %d: expected 1 or more", sessions, repeat)
	case load && c.Bool("update"):
		return usagef("leave out --connections and --repeat", "--update goes with one session")
	}
	url, err := dial.ParseLogin(c.String("to"))
	if err != nil {
		return err
	}
	script, err := readScript(path, c.Bool("pace"))
	if err != nil {
		return err
	}
	u.notes(path, script)
	if script, err = u.only(path, script, url); err != nil {
		return err
	}
	vars, err := variables(c.StringSlice("var"))
	if err != nil {
		return err
	}
	cfg, err := dialConfig(u, c)
	if err != nil {
		return err
	}
	client := &replay.Client{
		URL: url, Dial: &cfg, User: c.String("user"), Vars: vars, Token: os.Getenv("MAILTRACE_TOKEN"), Timeout: cfg.Timeout,
		AllowChanges: c.Bool("allow-changes"), AllowCleartext: c.Bool("allow-cleartext"),
		Save: beside(path),
	}
	if c.Bool("verbose") {
		client.Log = func(at replay.Pos, line string) { u.say("%s:%d %s", at.File, at.Line, line) }
	}
	if err := logIn(c.Context, client, script, c.String("password-command")); err != nil {
		return err
	}
	ctx, stop := interruptible(c.Context)
	defer stop()
	if load {
		return u.load(ctx, c, client, script, sessions, repeat)
	}
	report, err := client.Run(ctx, script)
	if report != nil {
		if e := u.report(c, report); e != nil {
			return e
		}
	}
	switch {
	case report != nil && ctx.Err() != nil:
		u.say("interrupted: %s", report.Summary())
		return errStopped
	case err != nil:
		return scriptError(err)
	}
	if c.Bool("update") {
		n, err := report.UpdateFile(path)
		if err != nil {
			return &ioError{err: err}
		}
		u.say("%s: %s rewritten", path, plural(n, "expectation"))
	}
	u.say("%s", report.Summary())
	if report.Unplayed > 0 && !client.AllowChanges && report.Changing > 0 {
		u.hint("%s would change the mailbox: --allow-changes plays them", plural(report.Changing, "step"))
	}
	if report.Fails() {
		return errCheck
	}
	return nil
}

// scriptMemory is what the collector keeps to, as far as it can, while a script is held.
const scriptMemory = 40 << 20

// readScript reads a script, or a capture as one; one that does not parse is a mistake of the user.
func readScript(path string, pace bool) (*replay.Script, error) {
	debug.SetMemoryLimit(scriptMemory)
	script, err := replay.Load(path, replay.LoadOptions{Capture: replay.CaptureOptions{Pace: pace}})
	if err == nil {
		return script, nil
	}
	if errors.Is(err, os.ErrNotExist) {
		var script *replay.Error
		if !errors.As(err, &script) {
			return nil, &ioError{err: fmt.Errorf("there is no file %s", path)}
		}
	}
	return nil, scriptError(err)
}

// notes says what is wrong with the capture that a script was made of.
func (u *ui) notes(path string, script *replay.Script) {
	for _, text := range script.Notes {
		u.warn("%s: %s", path, text)
	}
}

// only gives the connections that speak the protocol of a URL.
func (u *ui) only(path string, script *replay.Script, url dial.URL) (*replay.Script, error) {
	part := script.Only(replay.Protocol(url.Protocol))
	if part == nil {
		return nil, usagef("--to "+other[url.Protocol]+"://"+url.Host, "%s has no connection of %s for --to %s", path, url.Protocol, url)
	}
	if n := len(script.Conns) - len(part.Conns); n > 0 {
		u.warn("%s has %s of %s too: --to %s leaves them out", path, plural(n, "connection"), other[url.Protocol], url)
	}
	return part, nil
}

var other = map[string]string{dial.IMAP: dial.POP3, dial.POP3: dial.IMAP}

// scriptError makes a mistake in a script one of usage.
func scriptError(err error) error {
	var bad *replay.Error
	if errors.As(err, &bad) {
		return &usageError{what: words(err)}
	}
	return err
}

func variables(given []string) (map[string]string, error) {
	vars := map[string]string{}
	for _, v := range given {
		name, value, ok := strings.Cut(v, "=")
		switch {
		case !ok || name == "":
			return nil, usagef("", "--var %q: expected NAME=VALUE", v)
		case name == "password" || name == "token" || name == "sasl":
			return nil, usagef("give it by MAILTRACE_PASSWORD or --password-command", "--var %s: a secret does not belong on the command line", name)
		}
		vars[name] = value
	}
	return vars, nil
}

// logIn finds the password where the script needs one.
func logIn(ctx context.Context, client *replay.Client, script *replay.Script, command string) error {
	if !script.LogsIn() {
		return nil
	}
	user := client.User
	if user == "" {
		user = client.URL.User
	}
	if user == "" {
		return usagef("--user NAME, or a URL such as "+client.URL.Scheme+"://u1@"+client.URL.Host, "the script logs in, and no user is given")
	}
	if client.Token != "" {
		return nil
	}
	source := credentials.Source{Command: command}
	password, err := source.Password(ctx, user, client.URL.Host)
	client.Password = password
	return err
}

// beside stores what {>file} takes, in the script's directory.
func beside(path string) func(string, io.Reader) error {
	return func(name string, content io.Reader) error {
		f, err := os.OpenFile(filepath.Join(filepath.Dir(path), filepath.FromSlash(name)), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, content)
		return errors.Join(err, f.Close())
	}
}

// report shows the differences.
func (u *ui) report(c *cli.Context, report *replay.Report) error {
	var err error
	if c.String("format") == "json" {
		err = report.WriteJSON(u.out)
	} else {
		for _, d := range report.Differences {
			if _, e := fmt.Fprint(u.out, printable(d.Fail(), u.ascii)); err == nil {
				err = e
			}
		}
	}
	if err == nil && c.Bool("annotations") {
		err = report.WriteAnnotations(u.out)
	}
	if path := c.String("junit"); err == nil && path != "" {
		var f *os.File
		if f, err = os.Create(path); err == nil {
			err = report.WriteJUnit(f)
			if e := f.Close(); err == nil {
				err = e
			}
		}
	}
	if err != nil {
		return &ioError{err: fmt.Errorf("cannot write the report: %w", err)}
	}
	return nil
}
