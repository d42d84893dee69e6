package main

import (
	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
	"github.com/mailtrace/mailtrace/internal/print"
)

// outputFlags are those of every command that shows events.
func outputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "format", Value: "text", Usage: "`FORMAT` of events on stdout: text, json (a line each), none"},
		&cli.IntFlag{Name: "conn", DefaultText: "all", Usage: "show connection `N` alone"},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "every row, explanations each time, notes too"},
		colorFlag,
	}
}

// output is how events are shown, as the flags say.
type output struct {
	format  string
	options print.Options
}

func (u *ui) output(c *cli.Context) (*output, error) {
	if err := u.setColor(c); err != nil {
		return nil, err
	}
	o := &output{format: c.String("format")}
	if err := oneOf("--format", o.format, "text", "json", "none"); err != nil {
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
	}
	o.options = print.Options{
		Color: u.colored(u.out), ASCII: u.ascii, Width: u.width(), Verbose: verbose, Conn: conn, Notes: note,
	}
	return o, nil
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
