package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/internal/mailfile"
	"github.com/mailtrace/mailtrace/internal/mailsync"
)

func syncCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "sync", Usage: "keep an offline copy of mailboxes, as Maildirs",
		UsageText: "mailtrace sync [flags] URL DIR\nmailtrace sync --all imaps://u1@imap.example.org ~/mail",
		Description: "New mail comes here, flags go both ways, what is gone on the server goes here too. It may be\n" +
			"interrupted anywhere. Mail removed here is removed on the server with --delete alone.\n" +
			"With --all DIR is the INBOX, and other mailboxes are folders below it (Maildir++).\n" +
			"Over POP3 what UIDL does not know yet is stored; the maildrop stays as it is, unless --keep=false.",
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: "all mailboxes"},
			&cli.BoolFlag{Name: "delete", Usage: "remove on the server what was removed here"},
			&cli.BoolFlag{Name: "keep", Value: true, Usage: "leave stored mail in a POP3 maildrop; --keep=false removes it there"},
			rowFormatFlag,
		}, clientFlags()),
		Action: func(c *cli.Context) error { return runSync(u, c) },
	}
}

// tries is how often a session that was lost is begun anew, while every one brings something.
const tries = 5

func runSync(u *ui, c *cli.Context) error {
	if err := oneOf("--format", c.String("format"), "text", "json"); err != nil {
		return err
	}
	if c.Args().Len() != 2 {
		return usagef("mailtrace sync URL DIR", "expected a URL and a directory, got %s", plural(c.Args().Len(), "argument"))
	}
	to, err := u.server(c.Args().First(), "")
	if err != nil {
		return err
	}
	dir := filepath.Clean(c.Args().Get(1))
	switch {
	case strings.Contains(dir, "://"):
		return usagef("mailtrace sync URL DIR", "expected a directory, got %s", dir)
	case c.Bool("all") && to.Protocol == dial.POP3:
		return usagef("leave out --all", "POP3 has one maildrop and no folders (RFC 1939 §3)")
	case c.Bool("all") && to.Mailbox != "":
		return usagef("leave one of them out", "--all and the mailbox %s contradict each other", to.Mailbox)
	case c.Bool("delete") && to.Protocol == dial.POP3:
		return usagef("--keep=false removes what is stored", "--delete is for IMAP")
	case c.IsSet("keep") && to.Protocol == dial.IMAP:
		return usagef("leave out --keep", "--keep is for POP3: IMAP keeps mail on the server")
	}
	w, end, err := u.wire(c)
	if err != nil {
		return err
	}
	defer end()
	ctx, stop := interruptible(c.Context)
	defer stop()
	s := &syncing{u: u, c: c, w: w, to: to, dir: dir}
	for try := 1; ; try++ {
		before := s.stored
		err := s.run(ctx)
		s.bar.end()
		if err == nil {
			return s.failed
		}
		if ctx.Err() != nil {
			return errStopped
		}
		if !client.Lost(err) || try == tries || s.stored == before && try > 1 {
			return err
		}
		pause := time.Duration(try) * time.Second
		u.warn("%s; going on in %v", words(err), pause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return errStopped
		}
	}
}

// syncing is one run of sync.
type syncing struct {
	u      *ui
	c      *cli.Context
	w      *wiring
	to     dial.URL
	dir    string
	bar    *bar
	stored int
	failed error // mailboxes were left out
}

func (s *syncing) options() mailsync.Options {
	return mailsync.Options{
		Delete: s.c.Bool("delete"), Keep: s.c.Bool("keep"),
		Say: func(text string) { s.u.warn("%s", text) },
		Progress: func(coming int) func() {
			s.bar.end()
			s.bar = s.u.progress(coming, true)
			return func() {
				s.stored++
				s.bar.add(1)
			}
		},
	}
}

func (s *syncing) run(ctx context.Context) error {
	if s.to.Protocol == dial.POP3 {
		return s.maildrop(ctx)
	}
	cfg, err := s.w.config(s.to)
	if err != nil {
		return err
	}
	cfg.Dir = filepath.Join(s.dir, "tmp") // a content is kept there, and renamed into its place
	if _, err := mailfile.Open(s.dir, "maildir"); err != nil {
		return &ioError{fmt.Errorf("cannot store in %s: %w", s.dir, bare(err)), "name a directory that can be written"}
	}
	session, err := s.w.dialIMAP(ctx, cfg)
	if err != nil {
		return err
	}
	if err := s.mailboxes(ctx, session, cfg.User); err != nil {
		session.Close(err)
		return err
	}
	return session.Logout(ctx)
}

func (s *syncing) mailboxes(ctx context.Context, session *client.IMAP, user string) error {
	if err := mailsync.Begin(ctx, session); err != nil {
		return err
	}
	type pair struct{ name, dir string }
	list := []pair{{mailboxOf(s.to), s.dir}}
	if s.c.Bool("all") {
		folders, err := session.Folders(ctx, false)
		if err != nil {
			return err
		}
		list = nil
		taken := map[string]string{}
		for _, f := range folders {
			if !f.Selectable() {
				continue
			}
			dir := mailsync.Dir(s.dir, f)
			key := dir
			if runtime.GOOS == "windows" || runtime.GOOS == "darwin" { // their file systems take both for one
				key = strings.ToLower(dir)
			}
			if other, ok := taken[key]; ok {
				s.u.warn("%s is left out: it would have the directory of %s", f.Name, other)
				s.failed = errCheck
				continue
			}
			taken[key] = f.Name
			list = append(list, pair{f.Name, dir})
		}
	}
	for _, x := range list {
		to := s.to
		to.Mailbox = x.name
		rep, err := mailsync.Mailbox(ctx, session, x.name, x.dir, account(to, user), s.options())
		var refused *client.ServerError
		if len(list) > 1 && errors.As(err, &refused) {
			// One that the server does not open is no reason to leave out the others.
			s.u.warn("%s: %s", x.name, words(err))
			s.failed = errCheck
			continue
		}
		if err != nil {
			return err
		}
		if err := s.tell(rep); err != nil {
			return err
		}
	}
	return nil
}

func (s *syncing) maildrop(ctx context.Context) error {
	cfg, err := s.w.config(s.to)
	if err != nil {
		return err
	}
	cfg.Dir = filepath.Join(s.dir, "tmp")
	if _, err := mailfile.Open(s.dir, "maildir"); err != nil {
		return &ioError{fmt.Errorf("cannot store in %s: %w", s.dir, bare(err)), "name a directory that can be written"}
	}
	session, err := s.w.dialPOP3(ctx, cfg)
	if err != nil {
		return err
	}
	rep, err := mailsync.Maildrop(ctx, session, s.dir, account(s.to, cfg.User), s.options())
	if err != nil {
		session.Close(err)
		return err
	}
	if err := session.Quit(ctx); err != nil {
		return err
	}
	return s.tell(rep)
}

// tell sums up a mailbox.
func (s *syncing) tell(r mailsync.Report) error {
	s.bar.end()
	if s.c.String("format") == "json" {
		if err := json.NewEncoder(s.u.out).Encode(r); err != nil {
			return &ioError{err: err}
		}
		return nil
	}
	var did []string
	add := func(n int, what string) {
		if n > 0 {
			did = append(did, grouped(int64(n))+" "+what)
		}
	}
	add(r.New, "new")
	add(r.Matched, "found again")
	add(r.FlagsHere, "with other flags here")
	add(r.FlagsThere, "with other flags there")
	add(r.GoneHere, "removed here")
	add(r.GoneThere, "removed there")
	add(r.Waiting, "removed here alone (--delete removes them there)")
	add(r.Strangers, "not ours")
	if len(did) == 0 {
		did = []string{"nothing new"}
	}
	_, err := fmt.Fprintf(s.u.out, "%s: %s; %s\n", printable(r.Mailbox, s.u.ascii), plural(r.Messages, "message"), strings.Join(did, ", "))
	if err != nil {
		return &ioError{err: err}
	}
	return nil
}
