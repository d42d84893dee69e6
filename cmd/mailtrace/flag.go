package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/internal/client"
)

func flagCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "flag", Usage: "set and clear flags and keywords of messages",
		UsageText: "mailtrace flag [flags] URL --uid SET CHANGE...\n" +
			`mailtrace flag imaps://u1@imap.example.org --uid 7,9 '+\Seen' '-\Flagged' '$Label1'`,
		Description: "A CHANGE is a flag behind + or -; without a sign it is set. System flags are \\Seen, \\Answered,\n" +
			"\\Flagged, \\Draft and \\Deleted (which removes nothing by itself); any other word is a keyword.\n" +
			"To clear a keyword without $, put -- before the changes: -- -Junk.",
		Flags:  slices.Concat(setFlags(), []cli.Flag{rowFormatFlag}, clientFlags()),
		Action: func(c *cli.Context) error { return runFlag(u, c) },
	}
}

func runFlag(u *ui, c *cli.Context) error {
	const example = `such as mailtrace flag imaps://u1@imap.example.org --uid 7 '+\Seen'`
	if err := oneOf("--format", c.String("format"), "text", "json"); err != nil {
		return err
	}
	if c.Args().Len() < 2 {
		return usagef(example, "expected a URL and flags, got %s", plural(c.Args().Len(), "argument"))
	}
	to, err := u.imapOnly(c.Args().First(), "flag messages")
	if err != nil {
		return err
	}
	if err := checkSet(c, "flag"); err != nil {
		return err
	}
	var add, remove []string
	for _, arg := range c.Args().Slice()[1:] {
		list, flag := &add, strings.TrimPrefix(arg, "+")
		if rest, ok := strings.CutPrefix(arg, "-"); ok {
			list, flag = &remove, rest
		}
		switch {
		case strings.EqualFold(flag, `\Recent`):
			return usagef("", `\Recent is the server's to set (RFC 3501 §2.3.2)`)
		case !client.IsFlag(flag):
			return usagef(`a flag is a word, such as \Seen or $Forwarded`, "%q is no flag", arg)
		}
		*list = append(*list, flag)
	}
	for _, flag := range add {
		if slices.ContainsFunc(remove, func(f string) bool { return strings.EqualFold(f, flag) }) {
			return usagef("leave one of them out", "+%s and -%s contradict each other", flag, flag)
		}
	}
	return u.change(c, to, func(ctx context.Context, x *changing) error { return x.flag(ctx, add, remove) })
}

func (x *changing) flag(ctx context.Context, add, remove []string) error {
	for _, flag := range add {
		if !x.mailbox.CanStore(flag) {
			return &ioError{
				fmt.Errorf("%s keeps no %s: it has %s", x.mailbox.Name, flag, strings.Join(x.mailbox.Permanent, " ")),
				"the server does not allow it (PERMANENTFLAGS)",
			}
		}
	}
	now := map[uint32][]string{}
	for _, m := range x.messages {
		now[m.UID] = m.Flags
	}
	see := func(m client.Flagged) {
		if _, asked := now[m.UID]; asked {
			now[m.UID] = m.Flags
		}
	}
	if len(add) > 0 {
		if err := x.session.Store(ctx, x.uids(), "+", add, see); err != nil {
			return err
		}
	}
	if len(remove) > 0 {
		if err := x.session.Store(ctx, x.uids(), "-", remove, see); err != nil {
			return err
		}
	}
	for _, m := range x.messages {
		flags := now[m.UID]
		text := strings.TrimRight(fmt.Sprintf("UID %d  %s", m.UID, strings.Join(flags, " ")), " ")
		if err := x.u.tellChange(x.c, text, changedJSON{Mailbox: x.mailbox.Name, UID: m.UID, Flags: flags}); err != nil {
			return err
		}
	}
	return nil
}
