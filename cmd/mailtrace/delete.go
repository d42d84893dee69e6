package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/dial"
)

func deleteCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "delete", Usage: "remove messages for good",
		UsageText: "mailtrace delete [flags] URL --uid SET\nmailtrace delete pop3s://u1@pop.example.org --seq 1:3 --yes",
		Description: "Asks first, unless --yes. Over IMAP messages are expunged by UID; a server without UIDPLUS\n" +
			"keeps them marked as deleted. Over POP3 they go at QUIT; --uid takes lasting ids (UIDL), with\n" +
			"commas between them.",
		Flags: slices.Concat(setFlags(), []cli.Flag{
			&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask"}, rowFormatFlag,
		}, clientFlags()),
		Action: func(c *cli.Context) error { return runDelete(u, c) },
	}
}

func runDelete(u *ui, c *cli.Context) error {
	if err := oneOf("--format", c.String("format"), "text", "json"); err != nil {
		return err
	}
	to, err := u.oneServer(c, "delete")
	if err != nil {
		return err
	}
	if to.Protocol == dial.IMAP || !c.IsSet("uid") || c.IsSet("seq") {
		if err := checkSet(c, "delete"); err != nil {
			return err
		}
	}
	if !c.Bool("yes") && !term.IsTerminal(int(os.Stdin.Fd())) {
		return usagef("--yes removes without asking", "there is no terminal to ask on")
	}
	if to.Protocol == dial.POP3 {
		return u.deletePOP3(c, to)
	}
	return u.change(c, to, func(ctx context.Context, x *changing) error {
		if !u.sure(c, len(x.messages), x.mailbox.Name) {
			return errCheck
		}
		err := x.session.Remove(ctx, x.uids())
		kept := errors.Is(err, client.ErrNoExpunge)
		if err != nil && !kept {
			return err
		}
		for _, m := range x.messages {
			text := fmt.Sprintf("UID %d  removed", m.UID)
			if kept {
				text = fmt.Sprintf("UID %d  marked as deleted", m.UID)
			}
			if err := u.tellChange(c, text, changedJSON{Mailbox: x.mailbox.Name, UID: m.UID, Removed: !kept}); err != nil {
				return err
			}
		}
		return err
	})
}

// sure asks whether messages shall be removed.
func (u *ui) sure(c *cli.Context, messages int, where string) bool {
	if c.Bool("yes") {
		return true
	}
	fmt.Fprintf(u.err, "mailtrace: remove %s from %s for good? [y/N] ", plural(messages, "message"), printable(where, u.ascii))
	answer, _ := bufio.NewReader(os.Stdin).ReadString('\n') // an end of input is a no
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true
	}
	u.say("nothing was removed")
	return false
}

func (u *ui) deletePOP3(c *cli.Context, to dial.URL) error {
	w, end, err := u.wire(c)
	if err != nil {
		return err
	}
	defer end()
	ctx, stop := interruptible(c.Context)
	defer stop()
	session, err := w.pop3(ctx, to)
	if err != nil {
		return err
	}
	list, missing, err := u.chosen(ctx, c, session)
	if err == nil && len(list) > 0 {
		if u.sure(c, len(list), "the maildrop") {
			err = dele(ctx, session, list)
		} else {
			err = errCheck
		}
	}
	if err != nil {
		session.Close(err) // without QUIT nothing is removed (RFC 1939 §6)
		return cancelled(ctx, err)
	}
	if err := session.Quit(ctx); err != nil {
		return fmt.Errorf("at QUIT, so that some messages may still be there: %w", err)
	}
	for _, l := range list {
		text := fmt.Sprintf("message %d  removed", l.Number)
		if err := u.tellChange(c, text, changedJSON{Mailbox: "maildrop", UID: uint32(l.Number), Removed: true}); err != nil {
			return err
		}
	}
	if len(missing) > 0 {
		u.warn("not there: %s", strings.Join(missing, ", "))
		return errCheck
	}
	return nil
}

// chosen gives the messages of a maildrop that are named.
func (u *ui) chosen(ctx context.Context, c *cli.Context, session *client.POP3) (list []client.Listed, missing []string, err error) {
	if c.IsSet("uid") {
		ids, err := session.UIDL(ctx)
		if err != nil {
			return nil, nil, err
		}
		for id := range strings.SplitSeq(c.String("uid"), ",") {
			i := slices.IndexFunc(ids, func(l client.Listed) bool { return l.ID == id })
			if i < 0 {
				missing = append(missing, id)
				continue
			}
			list = append(list, ids[i])
		}
		return list, missing, nil
	}
	all, err := session.List(ctx)
	if err != nil {
		return nil, nil, err
	}
	set, _, _ := grammar.ParseSet([]byte(c.String("seq"))) // checked before
	last := uint32(0)
	for _, l := range all {
		last = max(last, uint32(l.Number))
	}
	for _, l := range all {
		if set.Contains(uint32(l.Number), last) {
			list = append(list, l)
		}
	}
	if len(list) == 0 {
		missing = []string{c.String("seq")}
	}
	return list, missing, nil
}

// dele marks messages for removal at QUIT. Where one is refused nothing is removed.
func dele(ctx context.Context, session *client.POP3, list []client.Listed) error {
	next := 0
	return session.Pipeline(ctx, func() (string, bool) {
		if next == len(list) {
			return "", false
		}
		next++
		return fmt.Sprintf("DELE %d", list[next-1].Number), true
	}, func(i int, r *client.Reply) error {
		if !r.OK {
			return &client.ServerError{Command: fmt.Sprintf("DELE %d", list[i].Number), Status: "-ERR", Code: r.Code, Text: r.Text}
		}
		return nil
	})
}
