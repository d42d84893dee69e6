package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/mailfile"
	"github.com/mailtrace/mailtrace/internal/message"
)

func (f *fetching) pop3(ctx context.Context, w *wiring) error {
	cfg, err := w.config(f.to)
	if err != nil {
		return err
	}
	cfg.Dir = f.dirOf()
	session, err := w.dialPOP3(ctx, cfg)
	if err != nil {
		return err
	}
	if f.c.Bool("mark-seen") {
		f.u.warn("--mark-seen: POP3 keeps no flags (RFC 1939), nothing is marked")
	}
	if err := f.fromMaildrop(ctx, session, account(f.to, cfg.User)); err != nil {
		session.Close(err)
		return cancelled(ctx, err)
	}
	return session.Quit(ctx)
}

func (f *fetching) fromMaildrop(ctx context.Context, session *client.POP3, account string) error {
	list, err := f.choose(ctx, session, account)
	if err != nil || len(list) == 0 {
		return err
	}
	verb := "RETR %d"
	if f.c.Bool("headers") {
		verb = "TOP %d 0"
	}
	i := 0
	return session.Pipeline(ctx, func() (string, bool) {
		if i == len(list) {
			return "", false
		}
		i++
		return fmt.Sprintf(verb, list[i-1].Number), true
	}, func(i int, r *client.Reply) error {
		l := list[i]
		if !r.OK || r.Content == nil {
			return &client.ServerError{Command: fmt.Sprintf(verb, l.Number), Status: "-ERR", Code: r.Code, Text: r.Text}
		}
		return f.gotten(l, r, account)
	})
}

// choose gives the messages to fetch.
func (f *fetching) choose(ctx context.Context, session *client.POP3, account string) ([]client.Listed, error) {
	n, _, err := session.Stat(ctx)
	if err != nil {
		return nil, err
	}
	numbered := func(first, last int) []client.Listed {
		var list []client.Listed
		for i := first; i <= last; i++ {
			list = append(list, client.Listed{Number: i})
		}
		return list
	}
	byID := f.c.IsSet("uid") || f.c.Bool("new") || f.store != nil
	var ids []client.Listed
	if byID {
		var refused *client.ServerError
		ids, err = session.UIDL(ctx)
		if errors.As(err, &refused) && !f.c.IsSet("uid") && !f.c.Bool("new") {
			ids, err = nil, nil // UIDL is optional (RFC 1939 §7)
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case f.c.IsSet("uid"):
		return f.byID(ids, strings.Split(f.c.String("uid"), ","))
	case f.c.IsSet("seq"):
		set, _, _ := grammar.ParseSet([]byte(f.c.String("seq"))) // checked before
		var list []client.Listed
		for _, l := range withIDs(numbered(1, n), ids) {
			if set.Contains(uint32(l.Number), uint32(n)) {
				list = append(list, l)
			}
		}
		if len(list) == 0 {
			return nil, f.missing([]string{f.c.String("seq")})
		}
		return list, nil
	case f.c.Bool("new"):
		there := map[string]bool{}
		var fresh []client.Listed
		for _, l := range ids {
			there[l.ID] = true
			if !f.state.HasID(account, l.ID) {
				fresh = append(fresh, l)
			}
		}
		f.state.KeepIDs(account, there)
		f.bar = f.u.progress(len(fresh), true)
		return fresh, nil
	case f.c.Bool("all"):
		f.bar = f.u.progress(n, f.store != nil)
		return withIDs(numbered(1, n), ids), nil
	case n == 0:
		f.u.say("the maildrop is empty")
		return nil, nil
	}
	return withIDs(numbered(n, n), ids), nil
}

// withIDs puts ids to numbers, where there are any.
func withIDs(list, ids []client.Listed) []client.Listed {
	id := make(map[int]string, len(ids))
	for _, l := range ids {
		id[l.Number] = l.ID
	}
	for i := range list {
		list[i].ID = id[list[i].Number]
	}
	return list
}

func (f *fetching) byID(ids []client.Listed, wanted []string) ([]client.Listed, error) {
	var list []client.Listed
	var missing []string
	for _, w := range wanted {
		found := false
		for _, l := range ids {
			if l.ID == w {
				list, found = append(list, l), true
			}
		}
		if !found {
			missing = append(missing, w)
		}
	}
	return list, f.missing(missing)
}

// gotten takes a message.
func (f *fetching) gotten(l client.Listed, r *client.Reply, account string) error {
	title := fmt.Sprintf("message %d", l.Number)
	if f.store != nil {
		meta := &mailfile.Message{ID: l.ID, Number: uint32(l.Number)}
		if s, err := client.ReadSummary(r.Content.Reader()); err == nil {
			meta.Sender, meta.Arrived = s.Address, s.Date
		}
		content := r.Content
		r.Content = nil
		defer content.Drop()
		return f.keep(meta, func() (string, error) { return f.store.Store(meta, content) },
			func(s *mailfile.State) { s.AddID(account, l.ID) })
	}
	if f.c.Bool("attachments") {
		return f.attachments(title, r.Content.Reader())
	}
	if f.c.Bool("structure") || f.c.IsSet("part") {
		m, err := message.Read(r.Content.Reader())
		if err != nil {
			return err
		}
		if f.c.Bool("structure") {
			return f.show.structure(title, m.Parts)
		}
		p := message.Find(m.Parts, f.c.String("part"))
		if p == nil {
			return f.missing([]string{title + " has no part " + f.c.String("part")})
		}
		content, err := m.Open(p, f.c.Bool("raw"))
		if err != nil {
			return err
		}
		return f.show.part(title, p, content)
	}
	return f.show.message(title, r.Content.Reader())
}
