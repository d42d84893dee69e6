package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/internal/client"
)

func moveCommand(u *ui) *cli.Command { return transferCommand(u, "move") }
func copyCommand(u *ui) *cli.Command { return transferCommand(u, "copy") }

func transferCommand(u *ui, verb string) *cli.Command {
	description := "With --create the mailbox is made where it is not there."
	if verb == "move" {
		description += " A server without MOVE gets a copy,\n" +
			"and the messages are removed by UID; one without UIDPLUS too keeps them, marked as deleted."
	}
	return &cli.Command{
		Name: verb, Usage: verb + " messages to another mailbox",
		UsageText:   fmt.Sprintf("mailtrace %s [flags] URL --uid SET MAILBOX\nmailtrace %s imaps://u1@imap.example.org --uid 7,9 Archive", verb, verb),
		Description: description,
		Flags: slices.Concat(setFlags(), []cli.Flag{
			&cli.BoolFlag{Name: "create", Usage: "make the mailbox where it is not there"}, rowFormatFlag,
		}, clientFlags()),
		Action: func(c *cli.Context) error { return runTransfer(u, c, verb) },
	}
}

func runTransfer(u *ui, c *cli.Context, verb string) error {
	if err := oneOf("--format", c.String("format"), "text", "json"); err != nil {
		return err
	}
	if c.Args().Len() != 2 {
		return usagef("mailtrace "+verb+" URL --uid SET MAILBOX", "expected a URL and a mailbox, got %s", plural(c.Args().Len(), "argument"))
	}
	to, err := u.imapOnly(c.Args().First(), verb+" messages")
	if err != nil {
		return err
	}
	if err := checkSet(c, verb); err != nil {
		return err
	}
	mailbox := c.Args().Get(1)
	if mailbox == mailboxOf(to) {
		return usagef("name another one", "the messages are in %s already", mailbox)
	}
	return u.change(c, to, func(ctx context.Context, x *changing) error { return x.transfer(ctx, verb, mailbox) })
}

func (x *changing) transfer(ctx context.Context, verb, mailbox string) error {
	do := x.session.Copy
	if verb == "move" {
		do = x.session.Move
	}
	copied, err := do(ctx, x.uids(), mailbox)
	if client.NoSuchMailbox(err) && x.c.Bool("create") {
		if err := x.session.Create(ctx, mailbox); err != nil {
			return err
		}
		copied, err = do(ctx, x.uids(), mailbox)
	}
	kept := errors.Is(err, client.ErrNoExpunge)
	if err != nil && !kept {
		return err
	}
	dest := map[uint32]uint32{}
	for i, uid := range copied.Source {
		dest[uid] = copied.Dest[i]
	}
	for _, m := range x.messages {
		text := fmt.Sprintf("UID %d  %s", m.UID, mailbox)
		if n := dest[m.UID]; n != 0 {
			text = fmt.Sprintf("UID %d  %s, UID %d", m.UID, mailbox, n)
		}
		j := changedJSON{Mailbox: x.mailbox.Name, UID: m.UID, To: mailbox, NewUID: dest[m.UID], Removed: verb == "move" && !kept}
		if err := x.u.tellChange(x.c, text, j); err != nil {
			return err
		}
	}
	return err
}
