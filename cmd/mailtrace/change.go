package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/dial"
)

// setFlags choose the messages that a verb changes.
func setFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "uid", Usage: "messages by UID `SET`, such as 7,12:20,100:*"},
		&cli.StringFlag{Name: "seq", Usage: "messages by number, a `SET` such as 1:10"},
	}
}

// checkSet takes setFlags: one of them.
func checkSet(c *cli.Context, verb string) error {
	name := "uid"
	switch {
	case c.IsSet("uid") == c.IsSet("seq") && c.IsSet("uid"):
		return usagef("leave one of them out", "--uid and --seq contradict each other")
	case c.IsSet("seq"):
		name = "seq"
	case !c.IsSet("uid"):
		return usagef("such as mailtrace "+verb+" imaps://u1@imap.example.org --uid 7,12:20", "no messages are named: --uid SET")
	}
	set := c.String(name)
	if s, n, ok := grammar.ParseSet([]byte(set)); !ok || n != len(set) || s.Saved() {
		return usagef("such as 7,12:20,100:*", "--%s %q: expected a set of numbers", name, set)
	}
	return nil
}

// changing is an open mailbox with the messages that a verb changes.
type changing struct {
	u        *ui
	c        *cli.Context
	session  *client.IMAP
	mailbox  *client.Mailbox
	messages []client.Flagged
	missing  bool // some of those named are not there
}

// change opens the mailbox of a URL, finds the messages, and does what a verb does.
func (u *ui) change(c *cli.Context, to dial.URL, do func(context.Context, *changing) error) error {
	w, end, err := u.wire(c)
	if err != nil {
		return err
	}
	defer end()
	ctx, stop := interruptible(c.Context)
	defer stop()
	session, err := w.imap(ctx, to)
	if err != nil {
		return err
	}
	x := &changing{u: u, c: c, session: session}
	if err := x.run(ctx, mailboxOf(to), do); err != nil {
		session.Close(err)
		return cancelled(ctx, err)
	}
	if err := session.Logout(ctx); err != nil {
		return err
	}
	if x.missing {
		return errCheck
	}
	return nil
}

func (x *changing) run(ctx context.Context, mailbox string, do func(context.Context, *changing) error) error {
	var err error
	if x.mailbox, err = x.session.Select(ctx, mailbox, false, "", nil); err != nil {
		return err
	}
	if x.mailbox.ReadOnly {
		return &ioError{fmt.Errorf("the server opens %s read-only", mailbox), "the account may not change it"}
	}
	byUID, set := true, x.c.String("uid")
	if x.c.IsSet("seq") {
		byUID, set = false, x.c.String("seq")
	}
	if x.mailbox.Exists > 0 {
		if x.messages, err = x.session.Existing(ctx, byUID, set); err != nil {
			return err
		}
	}
	x.tellMissing(byUID, set)
	if len(x.messages) == 0 {
		return nil
	}
	return do(ctx, x)
}

// tellMissing says which of the UIDs that were named one by one are not there.
func (x *changing) tellMissing(byUID bool, set string) {
	if !byUID {
		x.missing = len(x.messages) == 0
		if x.missing {
			x.u.warn("not there: %s", set)
		}
		return
	}
	there := map[uint32]bool{}
	for _, m := range x.messages {
		there[m.UID] = true
	}
	var missing []string
	for part := range strings.SplitSeq(set, ",") {
		s, _, _ := grammar.ParseSet([]byte(part)) // checked before
		if uid, single := s.Single(); single && !there[uid] && part != "*" {
			missing = append(missing, part)
		}
	}
	if len(x.messages) == 0 && len(missing) == 0 {
		missing = []string{set}
	}
	if len(missing) > 0 {
		x.missing = true
		x.u.warn("not there: %s", strings.Join(missing, ", "))
	}
}

func (x *changing) uids() []uint32 {
	var uids []uint32
	for _, m := range x.messages {
		uids = append(uids, m.UID)
	}
	return uids
}

// changedJSON is a line that a verb prints with --format json.
type changedJSON struct {
	Mailbox string   `json:"mailbox"`
	UID     uint32   `json:"uid,omitempty"`
	Flags   []string `json:"flags,omitzero"`
	To      string   `json:"to,omitempty"`
	NewUID  uint32   `json:"new_uid,omitempty"`
	File    string   `json:"file,omitempty"`
	Removed bool     `json:"removed,omitempty"`
}

// tell prints what became of a message.
func (u *ui) tellChange(c *cli.Context, text string, j changedJSON) error {
	var err error
	if c.String("format") == "json" {
		enc := json.NewEncoder(u.out)
		enc.SetEscapeHTML(false)
		err = enc.Encode(j)
	} else {
		_, err = fmt.Fprintln(u.out, printable(text, u.ascii))
	}
	if err != nil {
		return &ioError{err: err}
	}
	return nil
}

// imapOnly takes the URL of a verb that POP3 cannot do.
func (u *ui) imapOnly(arg, verb string) (dial.URL, error) {
	to, err := u.server(arg, dial.IMAP)
	if err == nil && to.Protocol != dial.IMAP {
		return to, usagef("the same account may have IMAP: imaps://"+to.Host, "POP3 cannot %s: it knows no flags and one maildrop (RFC 1939)", verb)
	}
	return to, err
}
