package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/captures"
	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
)

func showCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "print a capture as mailtrace proxy printed it live, or anyone's pcap",
		UsageText: "mailtrace show [flags] FILE...\nmailtrace show --extract mails tb.pcapng\ntcpdump -i lo -U -w - port 143 | mailtrace show -",
		Flags: slices.Concat(outputFlags(), []cli.Flag{
			&cli.BoolFlag{Name: "hex", Usage: "the octets beneath each row, as recorded (with -v)"},
			&cli.StringFlag{Name: "extract", Usage: "write each whole message that went by to `DIR`, as .eml"},
		}),
		Action: func(c *cli.Context) error { return runShow(u, c) },
	}
}

func runShow(u *ui, c *cli.Context) error {
	s := &show{u: u}
	var err error
	if s.out, err = u.output(c); err != nil {
		return err
	}
	hex, dir := c.Bool("hex"), c.String("extract")
	switch {
	case !c.Args().Present():
		return usagef("a capture is what mailtrace proxy --capture FILE writes, or any pcap or pcapng file", "no FILE given")
	case hex && s.out.format != "text":
		return usagef("--hex belongs to the text", "--hex and --format %s contradict each other", s.out.format)
	case c.IsSet("extract") && dir == "":
		return usagef("name a directory: --extract DIR", "--extract is empty")
	case dir != "":
		if s.extract, err = newExtractor(dir); err != nil {
			return err
		}
	}
	s.hex = hex
	s.out.options.Verbose = s.out.options.Verbose || hex
	failed := s.files(c.Args().Slice())
	s.out.complain(u)
	if s.extract != nil && (failed == nil || s.extract.written > 0) {
		s.extract.report(u)
	}
	if n := s.out.options.Conn; failed == nil && n != 0 && !s.found {
		return usagef("there are connections up to "+strconv.Itoa(s.last), "--conn %d: there is no such connection", n)
	}
	return failed
}

// show prints captures one after the other.
type show struct {
	u       *ui
	out     *output
	hex     bool
	extract *extractor

	found bool // the connection of --conn
	last  int  // the highest number of a connection, where --conn was given
}

// files shows all that can be shown. It gives the last error and tells the others.
func (s *show) files(paths []string) (failed error) {
	for i, path := range paths {
		if len(paths) > 1 && s.out.format == "text" {
			blank := "\n"
			if i == 0 {
				blank = ""
			}
			if _, err := fmt.Fprintf(s.u.out, "%s==> %s <==\n", blank, printable(path, s.u.ascii)); err != nil {
				return err
			}
		}
		prefix := ""
		if len(paths) > 1 {
			prefix = safeName(path) + "-"
		}
		if err := s.file(path, prefix); err != nil {
			if failed != nil {
				s.u.fail(failed)
			}
			failed = err
		}
	}
	return failed
}

func (s *show) file(path, prefix string) error {
	r, err := openCapture(path)
	if err != nil {
		return err
	}
	defer discard(r)
	printer := s.out.printer(s.u)
	sink := printer.Events
	counted := newTally(s.u, false)
	if s.out.format == "none" {
		sink = counted.Events
	}
	o := captures.DecodeOptions{Protocols: registry.All, Secrets: r.secrets, Bare: s.out.format == "none"}
	o.Unseen = o.Bare && !s.hex && s.extract == nil
	if n := s.out.options.Conn; n != 0 {
		o.Conn = func(conn int) bool {
			s.found, s.last = s.found || conn == n, max(s.last, conn)
			return conn == n
		}
	}
	var taps []func(int, decode.Origin, decode.Octets)
	var hex *hexer
	if s.hex {
		hex = newHexer(s.u.out, printer, s.out.options.Filter, s.u.ascii)
		sink, taps = hex.Events, append(taps, hex.octets)
	}
	if s.extract != nil {
		s.extract.begin(prefix)
		before := sink
		sink = func(events []decode.Event) {
			before(events)
			s.extract.Events(events)
		}
		taps = append(taps, func(conn int, origin decode.Origin, p decode.Octets) {
			if origin == decode.FromPeer {
				s.extract.octets(conn, p)
			}
		})
	}
	if len(taps) > 0 {
		o.Tap = func(conn int, origin decode.Origin, p decode.Octets) {
			for _, tap := range taps {
				tap(conn, origin, p)
			}
		}
	}
	err = captures.Decode(r.Reader, o, sink)
	if printed := printer.Close(); printed != nil {
		return &ioError{err: fmt.Errorf("cannot print: %w", printed)}
	}
	if hex != nil && hex.err != nil {
		return &ioError{err: fmt.Errorf("cannot print: %w", hex.err)}
	}
	if s.extract != nil {
		if failed := s.extract.end(); failed != nil {
			return failed
		}
	}
	if err = s.u.leftOut(r, err); err == nil && s.out.format == "none" {
		s.u.say("%s: %s", r.name, counted)
	}
	return err
}

// safeName is the name of a file, without its ending, as a part of another's name.
func safeName(path string) string {
	name := filepath.Base(path)
	name = strings.TrimSuffix(name, filepath.Ext(name))
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || r < ' ' {
			return '_'
		}
		return r
	}, name)
}
