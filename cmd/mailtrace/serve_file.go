package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/internal/credentials"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/replay"
)

const fileDescription = "With FILE, a capture or a script: clients get the replies that are recorded, and NO or -ERR\n" +
	"for what is not. It ends when all recorded connections were played, with exit code 1 where\n" +
	"a client asked for something else. Without --listen: imaps://127.0.0.1:1993 and\n" +
	"pop3s://127.0.0.1:1995, as far as FILE speaks them."

// fileFlags are those that say how a FILE is played.
func fileFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "any-order", Usage: "commands may come in another order than in FILE"},
		&cli.BoolFlag{Name: "all-consumed", Usage: "exit code 1 too where something recorded was not asked for"},
		&cli.BoolFlag{Name: "pace", Usage: "keep the pauses of FILE"},
		&cli.DurationFlag{Name: "timeout", Usage: "a client that says nothing for `DURATION` is a difference"},
		&cli.StringSliceFlag{Name: "var", Usage: "a variable's value, as `NAME=VALUE`"},
		&cli.StringFlag{Name: "format", Value: "text", Usage: "`FORMAT` of differences on stdout: text, json (a line each)"},
		&cli.StringFlag{Name: "junit", Usage: "write a JUnit report to `FILE`"},
		&cli.BoolFlag{Name: "annotations", Usage: "write GitHub annotations to stdout"},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "every line as it is said, on stderr"},
	}
}

// serveFile plays a capture or a script to clients.
func serveFile(u *ui, c *cli.Context, path string) error {
	if err := oneOf("--format", c.String("format"), "text", "json"); err != nil {
		return err
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return usagef("--maildir "+shellWord(path)+" serves a Maildir", "%s is a directory, FILE is a capture or a script", path)
	}
	script, err := readScript(path, c.Bool("pace"))
	if err != nil {
		return err
	}
	u.notes(path, script)
	server := &replay.Server{
		Script: script, AnyOrder: c.Bool("any-order"), Pace: c.Bool("pace"), Timeout: c.Duration("timeout"), Token: os.Getenv("MAILTRACE_TOKEN"),
		Trouble: func(d replay.Difference) {
			u.warn("connection %d: %s: %s", d.Conn, d.Command, d.Text)
		},
	}
	if server.Vars, err = variables(c.StringSlice("var")); err != nil {
		return err
	}
	if err := server.Check(); err != nil {
		return scriptError(err)
	}
	if c.Bool("verbose") {
		server.Log = func(at replay.Pos, line string) {
			if at.Line > 0 {
				u.say("%s:%d %s", at.File, at.Line, line)
			} else {
				u.say("%s", line)
			}
		}
	}
	var defaults []string
	spoken := map[string]int{}
	for _, conn := range script.Conns {
		if spoken[string(conn.Protocol)]++; spoken[string(conn.Protocol)] == 1 {
			defaults = append(defaults, string(conn.Protocol)+"s")
		}
	}
	urls, err := listenURLs(c, defaults...)
	if err != nil {
		return err
	}
	for _, url := range urls {
		if spoken[url.Protocol] == 0 {
			return usagef("", "%s has no connection of %s for --listen %s", path, url.Protocol, url)
		}
	}
	if err := serverLogin(c, server, urls[0]); err != nil {
		return err
	}
	d, err := openDoors(u, c, urls)
	if err != nil {
		return err
	}
	server.TLS = d.tls
	for _, url := range urls {
		delete(spoken, url.Protocol)
	}
	for protocol, n := range spoken {
		u.warn("%s of %s in %s: no --listen is for them", plural(n, "connection"), protocol, path)
	}
	var listeners []replay.Listener
	for _, x := range d.all {
		listeners = append(listeners, replay.Listener{Listener: x, Protocol: replay.Protocol(x.url.Protocol), Security: x.url.Security})
		u.say("listening on %s for %s", x.url, path)
	}
	return play(u, c, d, server, listeners)
}

// serverLogin is whom to let in; whoever comes where no user is named.
func serverLogin(c *cli.Context, server *replay.Server, at dial.URL) error {
	server.User = c.String("user")
	if server.User == "" {
		if c.IsSet("user") || c.IsSet("password-command") {
			return usagef("--user NAME", "--password-command without a user")
		}
		return nil
	}
	source := credentials.Source{Command: c.String("password-command")}
	var err error
	server.Password, err = source.Password(c.Context, server.User, at.Host)
	return err
}

// play serves until all is played, the client that was run has ended, or a signal comes.
func play(u *ui, c *cli.Context, d *doors, server *replay.Server, listeners []replay.Listener) error {
	ctx, cancel := context.WithCancel(c.Context)
	defer cancel()
	var report *replay.Report
	served, over := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(over)
		var err error
		report, err = server.Serve(ctx, listeners...)
		served <- err
	}()
	err := d.wait(c.Context, served)
	// A client that just went away may not have been noticed yet.
	select {
	case <-over:
	case <-time.After(partingTime):
	}
	cancel()
	<-over
	var verdict *commandError
	if err != nil && !errors.As(err, &verdict) {
		return scriptError(err)
	}
	if report == nil {
		return scriptError(<-served)
	}
	if e := u.report(c, report); e != nil {
		return e
	}
	u.unasked(report)
	u.say("%s", report.Summary())
	switch {
	case verdict != nil:
		return verdict
	case report.Different > 0 || c.Bool("all-consumed") && report.Unplayed > 0:
		return errCheck
	}
	return nil
}

// mostUnasked is how many steps are named that nobody asked for.
const mostUnasked = 10

// unasked names the steps that nobody asked for.
func (u *ui) unasked(report *replay.Report) {
	n := 0
	for _, x := range report.Steps {
		if x.Outcome != replay.OutcomeUnplayed {
			continue
		}
		if n++; n <= mostUnasked {
			u.say("not asked for: %s:%d #%d %s", x.Pos.File, x.Pos.Line, x.Conn, x.Command)
		}
	}
	if n > mostUnasked {
		u.say("and %d more", n-mostUnasked)
	}
}

// partingTime is how long the last connections may take to end when the client has.
const partingTime = 300 * time.Millisecond
