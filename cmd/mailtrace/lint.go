package main

import (
	"errors"
	"fmt"

	"github.com/fatih/color"
	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/captures"
	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
	"github.com/mailtrace/mailtrace/internal/lint"
)

func lintCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "lint", Usage: "report what is wrong in captures, with the RFC that says so",
		UsageText: "mailtrace lint [flags] FILE...\nmailtrace lint --format sarif tb.pcapng > tb.sarif",
		Description: "Exit code 1 where there are findings of --fail-on or above.\n" +
			"error: framing or data at risk; warning: against the RFC; note: legal but worth knowing.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Value: "text", Usage: "`FORMAT` of findings on stdout: text, json (a line each), sarif"},
			&cli.StringFlag{Name: "fail-on", Value: "warning", Usage: "fail on findings of `SEVERITY` or above: note, warning, error"},
			filterFlag,
			&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "every finding, notes too"},
			colorFlag,
		},
		Action: func(c *cli.Context) error { return runLint(u, c) },
	}
}

func runLint(u *ui, c *cli.Context) error {
	if err := u.setColor(c); err != nil {
		return err
	}
	failOn, err := severityFlag("--fail-on", c.String("fail-on"))
	if err != nil {
		return err
	}
	format := c.String("format")
	if err := oneOf("--format", format, "text", "json", "sarif"); err != nil {
		return err
	}
	verbose := c.Bool("verbose")
	if verbose && format != "text" {
		return usagef("--format "+format+" has every finding already", "-v and --format %s contradict each other", format)
	}
	chosen, err := u.filter(c)
	if err != nil {
		return err
	}
	if !c.Args().Present() {
		return usagef("a capture is what mailtrace proxy --capture FILE writes, or any pcap or pcapng file", "no FILE given")
	}
	var f lint.Format
	switch format {
	case "json":
		f = lint.JSON(u.out)
	case "sarif":
		f = lint.SARIF(u.out, version())
	default:
		f = lint.Text(u.out, lint.TextOptions{
			Paint: u.severity, Verbose: verbose || failOn == decode.Note, Printable: func(s string) string { return printable(s, u.ascii) },
		})
	}
	var match func(*decode.Event) bool
	if chosen != nil {
		match = chosen.Match
	}
	report := lint.New(f, match)
	failed := u.readAll(c.Args().Slice(), chosen == nil, report.Begin, report.Events, report.End)
	if err := report.Close(); err != nil {
		return &ioError{err: fmt.Errorf("cannot print: %w", err)}
	}
	(&output{filter: chosen}).complain(u)
	if failed != nil {
		return failed
	}
	u.say("%s: %s, %s, %s", plural(report.Connections(), "connection"), plural(report.Count(decode.Error), "error"),
		plural(report.Count(decode.Warning), "warning"), plural(report.Count(decode.Note), "note"))
	if report.Fails(failOn) {
		return errCheck
	}
	return nil
}

// severity colours a word on stdout.
func (u *ui) severity(s decode.Severity, word string) string {
	c := color.New([...]color.Attribute{color.Faint, color.FgYellow, color.FgRed}[s])
	if u.colored(u.out) {
		c.EnableColor()
	} else {
		c.DisableColor()
	}
	return c.Sprint(word)
}

func severityFlag(flag, value string) (decode.Severity, error) {
	for s := decode.Note; s <= decode.Error; s++ {
		if s.String() == value {
			return s, nil
		}
	}
	return 0, oneOf(flag, value, "note", "warning", "error")
}

// readAll decodes captures one after the other; bare says that nobody reads Details. It gives the last error and tells the others; a
// capture that was cut off is told of, and no error.
func (u *ui) readAll(paths []string, bare bool, begin func(string), sink func([]decode.Event), end func()) (failed error) {
	for _, path := range paths {
		begin(path)
		err := u.read(path, bare, sink)
		end()
		if err != nil {
			if failed != nil {
				u.fail(failed)
			}
			failed = err
		}
	}
	return failed
}

func (u *ui) read(path string, bare bool, sink func([]decode.Event)) error {
	r, err := openCapture(path)
	if err != nil {
		return err
	}
	defer discard(r)
	err = captures.Decode(r.Reader, captures.DecodeOptions{Protocols: registry.All, Secrets: r.secrets, Bare: bare}, sink)
	return u.leftOut(r, err)
}

// leftOut tells what of a capture was not read. That it was cut off is no error.
func (u *ui) leftOut(r *capture, err error) error {
	if left := r.LeftOut().String(); left != "" && !errors.As(err, new(*captures.NoMail)) {
		u.say("%s: left out: %s", r.name, left)
	}
	var cut *captures.Truncated
	if errors.As(err, &cut) {
		u.warn("%s: capture cut off at octet %d", r.name, cut.Offset)
		return nil
	}
	return err
}
