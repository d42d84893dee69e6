package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/compare"
	"github.com/mailtrace/mailtrace/internal/dial"
)

func compareCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "compare", Usage: "do the same over IMAP and POP3, and lay side by side what it takes",
		UsageText: "mailtrace compare [flags] IMAP-URL POP3-URL\nmailtrace compare imaps://u1@mail.example.org pop3s://u1@mail.example.org --messages 100",
		Description: "Logs in, lists the newest messages, fetches the newest, looks for new mail. Nothing is changed, but\n" +
			"that some servers note a message as read that POP3 has fetched. An account with both servers may\n" +
			"stand in the place of the two URLs.",
		Flags: slices.Concat([]cli.Flag{
			&cli.IntFlag{Name: "messages", Value: 20, Usage: "list the newest `N`"},
			rowFormatFlag,
		}, clientFlags()),
		Action: func(c *cli.Context) error { return runCompare(u, c) },
	}
}

func runCompare(u *ui, c *cli.Context) error {
	if err := oneOf("--format", c.String("format"), "text", "json"); err != nil {
		return err
	}
	args := c.Args().Slice()
	if len(args) == 1 && !strings.Contains(args[0], "://") {
		args = append(args, args[0])
	}
	if len(args) != 2 {
		return usagef("mailtrace compare IMAP-URL POP3-URL", "expected two URLs or an account, got %s", plural(len(args), "argument"))
	}
	if c.Int("messages") < 1 {
		return usagef("", "--messages %d: expected a number from 1", c.Int("messages"))
	}
	imap, err := u.server(args[0], dial.IMAP)
	if err != nil {
		return err
	}
	pop3, err := u.server(args[1], dial.POP3)
	if err != nil {
		return err
	}
	if imap.Protocol == dial.POP3 && pop3.Protocol == dial.IMAP {
		imap, pop3 = pop3, imap
	}
	if imap.Protocol != dial.IMAP || pop3.Protocol != dial.POP3 {
		return usagef("mailtrace compare IMAP-URL POP3-URL", "expected a URL of each protocol, got %s twice", imap.Protocol)
	}
	w, end, err := u.wire(c)
	if err != nil {
		return err
	}
	defer end()
	ctx, stop := interruptible(c.Context)
	defer stop()
	one, err := w.measureIMAP(ctx, imap, c.Int("messages"))
	if err != nil {
		return cancelled(ctx, err)
	}
	other, err := w.measurePOP3(ctx, pop3, c.Int("messages"))
	if err != nil {
		return cancelled(ctx, err)
	}
	if one.Messages != other.Messages {
		u.warn("%s has %d messages, the maildrop %d: they may not be the same mail", mailboxOf(imap), one.Messages, other.Messages)
	}
	lesson := compare.Lesson(one, other)
	if c.String("format") == "json" {
		enc := json.NewEncoder(u.out)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(map[string]any{"imap": one, "pop3": other, "lesson": lesson}); err != nil {
			return &ioError{err: err}
		}
		return nil
	}
	return u.sideBySide(one, other, lesson)
}

func (w *wiring) measureIMAP(ctx context.Context, to dial.URL, messages int) (*compare.Side, error) {
	cfg, err := w.config(to)
	if err != nil {
		return nil, err
	}
	m := compare.NewMeter(to.Protocol, to.String(), cfg.Observer)
	cfg.Observer = m
	c, err := client.DialIMAP(ctx, cfg)
	if err != nil {
		return nil, err
	}
	side, err := compare.IMAP(ctx, c, m, mailboxOf(to), messages)
	if err != nil {
		c.Close(err)
	}
	return side, err
}

func (w *wiring) measurePOP3(ctx context.Context, to dial.URL, messages int) (*compare.Side, error) {
	cfg, err := w.config(to)
	if err != nil {
		return nil, err
	}
	m := compare.NewMeter(to.Protocol, to.String(), cfg.Observer)
	cfg.Observer = m
	c, err := client.DialPOP3(ctx, cfg)
	if err != nil {
		return nil, err
	}
	side, err := compare.POP3(ctx, c, m, messages, func(ctx context.Context) (*client.POP3, error) {
		again, err := w.config(to)
		if err != nil {
			return nil, err
		}
		m.Follow(again.Observer)
		again.Observer = m
		return client.DialPOP3(ctx, again)
	})
	if err != nil {
		c.Close(err)
	}
	return side, err
}

// sideBySide prints what was measured, and the lesson.
func (u *ui) sideBySide(imap, pop3 *compare.Side, lesson []compare.Point) error {
	arrow := " → "
	if u.ascii {
		arrow = " > "
	}
	head := [][]string{
		{"", "IMAP", "POP3"},
		{"server", imap.URL, pop3.URL},
		{"states", strings.Join(imap.States, arrow), strings.Join(pop3.States, arrow)},
		{"messages", grouped(int64(imap.Messages)), grouped(int64(pop3.Messages))},
		{"commands", commandNamesOf(imap), commandNamesOf(pop3)},
	}
	if err := u.table(head, "<<<"); err != nil {
		return err
	}
	rows := [][]string{{"", "commands", "", "waits", "", "sent", "", "received", "", "time", ""}, {"", "IMAP", "POP3", "IMAP", "POP3", "IMAP", "POP3", "IMAP", "POP3", "IMAP", "POP3"}}
	add := func(a, b *compare.Phase) {
		rows = append(rows, []string{
			a.Name, grouped(int64(a.Commands)), grouped(int64(b.Commands)), grouped(int64(a.Turns)), grouped(int64(b.Turns)),
			grouped(a.Sent), grouped(b.Sent), grouped(a.Received), grouped(b.Received), millis(a), millis(b),
		})
	}
	for i := range min(len(imap.Phases), len(pop3.Phases)) {
		add(imap.Phases[i], pop3.Phases[i])
	}
	add(imap.Total(), pop3.Total())
	if _, err := fmt.Fprintln(u.out); err != nil {
		return &ioError{err: err}
	}
	if err := u.table(rows, "<>>>>>>>>>>"); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(u.out); err != nil {
		return &ioError{err: err}
	}
	points := [][]string{{"", "IMAP", "POP3", ""}}
	for _, p := range lesson {
		points = append(points, []string{p.What, p.IMAP, p.POP3, printable(p.Ref, false)})
	}
	if u.ascii {
		for _, row := range points {
			row[3] = strings.ReplaceAll(row[3], "§", "section ")
		}
	}
	return u.table(points, "<<<<")
}

// commandNamesOf lists the commands of a side, each once.
func commandNamesOf(s *compare.Side) string {
	var names []string
	for _, p := range s.Phases {
		for _, n := range p.Names {
			if !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	return strings.Join(names, " ")
}

func millis(p *compare.Phase) string {
	return fmt.Sprintf("%.1f ms", float64(p.Elapsed.Microseconds())/1000)
}
