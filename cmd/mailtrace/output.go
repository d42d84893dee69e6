package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
	"github.com/mailtrace/mailtrace/internal/filter"
	"github.com/mailtrace/mailtrace/internal/print"
)

// outputFlags are those of every command that shows events.
func outputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "format", Value: "text", Usage: "`FORMAT` of events on stdout: text, json (a line each), none"},
		filterFlag,
		&cli.IntFlag{Name: "conn", DefaultText: "all", Usage: "show connection `N` alone"},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "every row, explanations each time, notes too"},
		colorFlag,
	}
}

// output is how events are shown, as the flags say.
type output struct {
	format  string
	options print.Options
	filter  *filter.Filter // nil: all events
}

func (u *ui) output(c *cli.Context) (*output, error) {
	if err := u.setColor(c); err != nil {
		return nil, err
	}
	o := &output{format: c.String("format")}
	if err := oneOf("--format", o.format, "text", "json", "none"); err != nil {
		return nil, err
	}
	chosen, err := u.filter(c)
	if err != nil {
		return nil, err
	}
	conn, verbose := c.Int("conn"), c.Bool("verbose")
	switch {
	case c.IsSet("conn") && conn < 1:
		return nil, usagef("connections are counted from 1", "--conn %d: there is no such connection", conn)
	case verbose && o.format != "text":
		return nil, usagef("--format json has every event and every note already", "-v and --format %s contradict each other", o.format)
	case conn != 0 && o.format == "none":
		return nil, usagef("leave one of them out", "--conn and --format none contradict each other")
	case chosen != nil && o.format == "none":
		return nil, usagef("leave one of them out", "--filter and --format none contradict each other")
	}
	o.options = print.Options{
		Color: u.colored(u.out), ASCII: u.ascii, Width: u.width(), Verbose: verbose, Conn: conn, Notes: note,
	}
	if o.filter = chosen; chosen != nil {
		o.options.Filter = chosen.Match
	}
	return o, nil
}

var filterFlag = &cli.StringFlag{
	Name: "filter", Usage: "show events that `EXPR` holds for, such as 'latency > 200ms'; help lists the fields",
}

// errHelped ends a command that was asked for help with a flag, and gave it.
var errHelped = errors.New("helped")

// filter takes --filter, nil where it is not given.
func (u *ui) filter(c *cli.Context) (*filter.Filter, error) {
	if !c.IsSet("filter") {
		return nil, nil
	}
	source := c.String("filter")
	if source == "help" {
		return nil, u.filterHelp()
	}
	f, err := filter.Compile(source, plainDetail)
	if err != nil {
		return nil, usagef(hintOf(err), "--filter: %s", words(err))
	}
	return f, nil
}

// plainDetail is a detail as the JSON contract has it, in maps and lists.
func plainDetail(detail any) any {
	var plain any
	if b := print.Detail(detail); json.Unmarshal(b, &plain) != nil {
		return nil
	}
	return plain
}

// filterHelp lists what an expression may name.
func (u *ui) filterHelp() error {
	for _, f := range filter.Fields() {
		if _, err := fmt.Fprintf(u.out, "%-11s %-9s %s\n", f.Name, f.Type, printable(f.Help, u.ascii)); err != nil {
			return err
		}
	}
	const more = `
Numbers take units: 200ms 1.5s 2m 1h, and 512B 10KB (10,000) 10KiB (10,240) 1MB.
Operators: == != < > <= >= && || ! in contains startsWith endsWith matches, and the rest of
the expr language. An expression that names finding or severity is tried with each finding of an event.

  name == "FETCH" && latency > 200ms       slow FETCH commands, at their completion
  severity in ["warning", "error"]         what is wrong
  dir == "S" && octets > 1MB               large answers
  conn == 2 && kind == "command"           what the client asked for on connection 2
`
	if _, err := fmt.Fprint(u.out, more); err != nil {
		return err
	}
	return errHelped
}

// complain tells that the expression failed on an event, if it did.
func (o *output) complain(u *ui) {
	if o.filter != nil && o.filter.Err() != nil {
		u.warn("--filter: %s; such events are not shown", words(o.filter.Err()))
	}
}

// printer shows events on stdout.
func (o *output) printer(u *ui) print.Printer {
	switch o.format {
	case "json":
		return print.JSON(u.out, o.options)
	case "none":
		return print.None()
	}
	return print.Text(u.out, o.options)
}

// note is what a protocol has to say on an event of its own.
func note(e *decode.Event) string {
	if p := registry.ByName(e.Protocol); p != nil && p.Note != nil {
		return p.Note(e)
	}
	return ""
}
