package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/internal/stats"
)

func statsCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "stats", Usage: "sum up what the commands in captures cost: latency, octets, round trips",
		UsageText: "mailtrace stats [flags] FILE...\nmailtrace stats -v tb.pcapng",
		Description: "The plot shows how latencies are spread from the shortest to the longest, in steps\n" +
			"of equal ratio. Latency runs from a command's last octet to the last octet of its\n" +
			"reply (of IDLE: from DONE).",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Value: "text", Usage: "`FORMAT` on stdout: text, json"},
			&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "each connection too"},
			colorFlag,
		},
		Action: func(c *cli.Context) error { return runStats(u, c) },
	}
}

func runStats(u *ui, c *cli.Context) error {
	if err := u.setColor(c); err != nil {
		return err
	}
	format, verbose := c.String("format"), c.Bool("verbose")
	if err := oneOf("--format", format, "text", "json"); err != nil {
		return err
	}
	switch {
	case verbose && format == "json":
		return usagef("--format json has each connection already", "-v and --format json contradict each other")
	case !c.Args().Present():
		return usagef("a capture is what mailtrace proxy --capture FILE writes, or any pcap or pcapng file", "no FILE given")
	}
	k := &stats.Collector{}
	failed := u.readAll(c.Args().Slice(), true, func(string) {}, k.Events, k.Flush)
	if failed != nil && len(k.Connections()) == 0 {
		return failed
	}
	var err error
	if format == "json" {
		err = stats.JSON(u.out, k)
	} else {
		err = stats.Table(u.out, k, stats.TableOptions{
			ASCII: u.ascii, Each: verbose, Printable: func(s string) string { return printable(s, u.ascii) },
		})
	}
	if err != nil {
		return &ioError{err: fmt.Errorf("cannot print: %w", err)}
	}
	return failed
}
