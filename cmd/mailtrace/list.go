package main

import (
	"bufio"
	"context"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/dial"
)

func listCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list the messages of a mailbox, the newest first",
		UsageText: "mailtrace list [flags] URL|DIR\nmailtrace list imaps://u1@imap.example.org/Archive --limit 20",
		Description: "Over IMAP the mailbox is that of the URL, INBOX where it names none; it is opened\n" +
			"read-only. Over POP3 headers come by TOP. Of a DIR, such as sync makes, the files are read. Nothing\n" +
			"is marked as read.",
		Flags: slices.Concat([]cli.Flag{
			&cli.IntFlag{Name: "limit", DefaultText: "all", Usage: "the newest `N` messages alone"},
			&cli.BoolFlag{Name: "all", Usage: "all mailboxes, one after another"},
			mailboxFlag,
			rowFormatFlag,
		}, clientFlags()),
		Action: func(c *cli.Context) error { return runList(u, c) },
	}
}

func runList(u *ui, c *cli.Context) error {
	if c.IsSet("limit") && c.Int("limit") < 1 {
		return usagef("", "--limit %d: expected a number from 1", c.Int("limit"))
	}
	if dir := c.Args().First(); c.Args().Len() == 1 && isDir(dir) {
		rows, err := u.rows(c)
		if err != nil {
			return err
		}
		return firstOf(listOffline(u, c, dir, rows), rows.flush())
	}
	if err := onlineOnly(c); err != nil {
		return err
	}
	to, err := u.oneServer(c, "list")
	if err != nil {
		return err
	}
	switch {
	case c.Bool("all") && to.Mailbox != "":
		return usagef("leave one of them out", "--all and the mailbox %s contradict each other", to.Mailbox)
	case c.Bool("all") && to.Protocol == dial.POP3:
		return usagef("leave out --all", "POP3 has one maildrop and no folders (RFC 1939 §3)")
	}
	rows, err := u.rows(c)
	if err != nil {
		return err
	}
	w, end, err := u.wire(c)
	if err != nil {
		return err
	}
	defer end()
	ctx, stop := interruptible(c.Context)
	defer stop()
	if to.Protocol == dial.POP3 {
		err = listPOP3(ctx, w, to, c.Int("limit"), rows)
	} else {
		err = listIMAP(ctx, w, to, c, rows)
	}
	return firstOf(err, rows.flush())
}

// firstOf gives the error that came first.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func listIMAP(ctx context.Context, w *wiring, to dial.URL, c *cli.Context, rows *rowPrinter) error {
	session, err := w.imap(ctx, to)
	if err != nil {
		return err
	}
	names := []string{mailboxOf(to)}
	if c.Bool("all") {
		folders, err := session.Folders(ctx, false)
		if err != nil {
			session.Close(err)
			return err
		}
		names = names[:0]
		for _, f := range folders {
			if f.Selectable() {
				names = append(names, f.Name)
			}
		}
	}
	for _, name := range names {
		if err := listMailbox(ctx, session, name, c.Int("limit"), rows); err != nil {
			session.Close(err)
			return err
		}
	}
	return session.Logout(ctx)
}

func listMailbox(ctx context.Context, session *client.IMAP, name string, limit int, rows *rowPrinter) error {
	m, err := session.Select(ctx, name, true, "", nil)
	if err != nil {
		return err
	}
	if err := rows.heading(fmt.Sprintf("Mailbox %s: %s", name, plural(int(m.Exists), "message"))); err != nil {
		return err
	}
	rows.mailbox, rows.digits = name, len(fmt.Sprint(m.UIDNext))
	return session.Summaries(ctx, m.Exists, limit, rows.print)
}

func listPOP3(ctx context.Context, w *wiring, to dial.URL, limit int, rows *rowPrinter) error {
	session, err := w.pop3(ctx, to)
	if err != nil {
		return err
	}
	err = func() error {
		n, octets, err := session.Stat(ctx)
		if err != nil {
			return err
		}
		if err := rows.heading(fmt.Sprintf("Maildrop: %s, %s", plural(n, "message"), size(&octets))); err != nil {
			return err
		}
		rows.digits = len(fmt.Sprint(n))
		return session.Summaries(ctx, limit, rows.print)
	}()
	if err != nil {
		session.Close(err)
		return err
	}
	return session.Quit(ctx)
}

var rowFormatFlag = &cli.StringFlag{Name: "format", Value: "text", Usage: "`FORMAT` on stdout: text, json (a line each)"}

// rows is how messages are shown on stdout, as rowFormatFlag says.
func (u *ui) rows(c *cli.Context) (*rowPrinter, error) {
	format := c.String("format")
	if err := oneOf("--format", format, "text", "json"); err != nil {
		return nil, err
	}
	return &rowPrinter{u: u, json: format == "json", out: bufio.NewWriter(u.out), width: u.width()}, nil
}
