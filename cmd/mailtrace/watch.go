package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/internal/watch"
)

func watchCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "watch", Usage: "tell what arrives, vanishes and changes, as it happens",
		UsageText: "mailtrace watch [flags] URL\nmailtrace watch imaps://u1@imap.example.org --for 1h",
		Description: "Over IMAP by IDLE, renewed before 29 minutes; a server without IDLE is asked every minute. Over\n" +
			"POP3 by a session a minute. A connection that is lost is made anew, and what happened meanwhile is\n" +
			"told. Ctrl-C ends it.",
		Flags: slices.Concat([]cli.Flag{
			&cli.DurationFlag{Name: "for", DefaultText: "until Ctrl-C", Usage: "watch for `TIME`"},
			&cli.IntFlag{Name: "count", DefaultText: "no end", Usage: "end after `N` news"},
			&cli.DurationFlag{Name: "every", Value: time.Minute, Usage: "ask every `TIME`, where the server tells nothing by itself"},
			rowFormatFlag,
		}, clientFlags()),
		Action: func(c *cli.Context) error { return runWatch(u, c) },
	}
}

func runWatch(u *ui, c *cli.Context) error {
	to, err := u.oneServer(c, "watch")
	if err != nil {
		return err
	}
	switch {
	case c.IsSet("for") && c.Duration("for") <= 0:
		return usagef("", "--for %v: expected more than nothing", c.Duration("for"))
	case c.IsSet("count") && c.Int("count") < 1:
		return usagef("", "--count %d: expected a number from 1", c.Int("count"))
	case c.Duration("every") <= 0:
		return usagef("", "--every %v: expected more than nothing", c.Duration("every"))
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
	signalled, stop := interruptible(c.Context)
	defer stop()
	ctx := signalled
	if d := c.Duration("for"); d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d)
		defer cancel()
	}
	told := 0
	o := watch.Options{
		Every: c.Duration("every"),
		Say:   func(text string) { u.warn("%s", strings.TrimPrefix(strings.TrimPrefix(text, "client: "), "dial: ")) },
		Ready: func(messages int) {
			u.say("watching %s: %s", to, plural(messages, "message"))
		},
		Tell: func(n watch.News) error {
			if err := rows.news(n); err != nil {
				return err
			}
			if told++; c.Int("count") > 0 && told >= c.Int("count") {
				return watch.ErrEnough
			}
			return nil
		},
	}
	if to.Protocol == dial.POP3 {
		err = watch.Maildrop(ctx, func(ctx context.Context) (*client.POP3, error) { return w.pop3(ctx, to) }, o)
	} else {
		err = watch.Mailbox(ctx, mailboxOf(to), func(ctx context.Context) (*client.IMAP, error) { return w.imap(ctx, to) }, o)
	}
	if ctx.Err() != nil { // that is how it ends
		return nil
	}
	return err
}

// newsJSON is a line of watch --format json.
type newsJSON struct {
	Event string `json:"event"`
	Time  string `json:"time"`
	messageJSON
}

// news shows one thing that happened.
func (p *rowPrinter) news(n watch.News) error {
	s := n.Summary
	var line string
	if p.json {
		j := newsJSON{Event: n.What, Time: time.Now().UTC().Format(time.RFC3339), messageJSON: p.jsonOf(s)}
		b, err := json.Marshal(j)
		if err != nil {
			return err
		}
		line = string(b)
	} else {
		switch n.What {
		case watch.Arrived:
			line = p.row(s)
		case watch.Changed:
			line = strings.TrimRight(fmt.Sprintf("UID %d  %s", s.UID, strings.Join(s.Flags, " ")), " ")
		default:
			line = fmt.Sprintf("UID %d", s.UID)
			if s.ID != "" {
				line = s.ID
			}
		}
		line = fmt.Sprintf("%-8s  %s", n.What, printable(line, p.u.ascii))
	}
	if _, err := p.out.WriteString(line + "\n"); err != nil {
		return &ioError{err: err}
	}
	return p.flush()
}
