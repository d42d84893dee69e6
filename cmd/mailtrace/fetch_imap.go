package main

import (
	"context"
	"fmt"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/mailfile"
	"github.com/mailtrace/mailtrace/internal/message"
	"github.com/mailtrace/mailtrace/internal/spool"
)

func (f *fetching) imap(ctx context.Context, w *wiring) error {
	cfg, err := w.config(f.to)
	if err != nil {
		return err
	}
	cfg.Dir = f.dirOf()
	session, err := w.dialIMAP(ctx, cfg)
	if err != nil {
		return err
	}
	if err := f.fromMailbox(ctx, session, cfg.User); err != nil {
		session.Close(err)
		return cancelled(ctx, err)
	}
	return session.Logout(ctx)
}

func (f *fetching) fromMailbox(ctx context.Context, session *client.IMAP, user string) error {
	name := mailboxOf(f.to)
	m, err := session.Select(ctx, name, !f.c.Bool("mark-seen"), "", nil)
	if err != nil {
		return err
	}
	set, byUID, err := f.wanted(ctx, session, m, account(f.to, user))
	if err != nil || set == "" {
		return err
	}
	came := map[uint32]bool{}
	err = session.Fetch(ctx, byUID, set, f.items(), func(x *client.Fetched) error {
		if len(x.Sections) == 0 && x.BodyStructure == nil {
			return nil // news of flags
		}
		if key := x.Number; !came[key] {
			came[key] = true
			return f.came(m, x, account(f.to, user))
		}
		return nil // a server that sends it twice
	})
	if err != nil {
		return err
	}
	if len(came) == 0 && (f.c.IsSet("uid") || f.c.IsSet("seq")) {
		return f.missing([]string{set})
	}
	return nil
}

// wanted gives the messages to fetch; "" where there are none.
func (f *fetching) wanted(ctx context.Context, session *client.IMAP, m *client.Mailbox, account string) (set string, byUID bool, err error) {
	switch {
	case m.Exists == 0:
		if f.c.IsSet("uid") || f.c.IsSet("seq") {
			return "", false, f.missing([]string{"the mailbox is empty"})
		}
		if f.store == nil {
			f.u.say("%s is empty", m.Name)
		}
		return "", false, nil
	case f.c.IsSet("uid"):
		return f.c.String("uid"), true, nil
	case f.c.IsSet("seq"):
		return f.c.String("seq"), false, nil
	case f.c.Bool("all"):
		f.bar = f.u.progress(int(m.Exists), f.store != nil)
		return "1:*", false, nil
	case f.c.Bool("new"):
		uids, err := session.Search(ctx, true, client.Raw("ALL"))
		if err != nil {
			return "", false, err
		}
		var fresh []uint32
		for _, uid := range uids {
			if !f.state.HasUID(account, m.UIDValidity, uid) {
				fresh = append(fresh, uid)
			}
		}
		f.bar = f.u.progress(len(fresh), true)
		if len(fresh) == 0 {
			return "", true, nil
		}
		return client.Set(fresh), true, nil
	}
	return "*", false, nil
}

// items is what FETCH asks for: never what sets \Seen, unless that is wanted (RFC 9051 §6.4.5).
func (f *fetching) items() string {
	section := func(spec string) string {
		if f.c.Bool("mark-seen") {
			return "BODY[" + spec + "]"
		}
		return "BODY.PEEK[" + spec + "]"
	}
	switch {
	case f.store != nil:
		return "(UID FLAGS INTERNALDATE ENVELOPE " + section("") + ")"
	case f.c.Bool("structure"):
		return "(UID BODYSTRUCTURE)"
	case f.c.Bool("headers"):
		return "(UID " + section("HEADER") + ")"
	case f.c.IsSet("part"):
		return "(UID BODYSTRUCTURE " + section(f.c.String("part")) + ")"
	}
	return "(UID " + section("") + ")"
}

// came takes a message.
func (f *fetching) came(m *client.Mailbox, x *client.Fetched, account string) error {
	title := fmt.Sprintf("UID %d", x.UID)
	if f.c.Bool("structure") {
		if x.BodyStructure == nil {
			return fmt.Errorf("%s: the server tells no structure", title)
		}
		return f.show.structure(title, message.OfBody(x.BodyStructure))
	}
	content := f.section(x)
	if content == nil {
		if f.c.IsSet("part") {
			return f.missing([]string{title + " has no part " + f.c.String("part")})
		}
		return fmt.Errorf("%s: the server sends NIL in place of its content", title)
	}
	defer content.Drop()
	switch {
	case f.store != nil:
		meta := &mailfile.Message{Mailbox: m.Name, UIDValidity: m.UIDValidity, UID: x.UID, Number: x.Number}
		for _, flag := range x.Flags {
			meta.Flags = append(meta.Flags, string(flag))
		}
		meta.Arrived, _ = client.InternalDate(x.InternalDate)
		if e := x.Envelope; e != nil && len(e.From) > 0 {
			meta.Sender = string(e.From[0].Mailbox) + "@" + string(e.From[0].Host)
		}
		if x.UID == 0 {
			return fmt.Errorf("message %d: the server tells no UID", x.Number)
		}
		return f.keep(meta, func() (string, error) { return f.store.Store(meta, content) },
			func(s *mailfile.State) { s.AddUID(account, m.UIDValidity, x.UID) })
	case f.c.IsSet("part"):
		return f.part(title, x.BodyStructure, content)
	case f.c.Bool("attachments"):
		return f.attachments(title, content.Reader())
	}
	return f.show.message(title, content.Reader())
}

// section gives the content that was asked for, nil where it is NIL or another came.
func (f *fetching) section(x *client.Fetched) *spool.Spool {
	want := f.c.String("part")
	if f.c.Bool("headers") {
		want = "HEADER"
	}
	for i := range x.Sections {
		if s := &x.Sections[i]; s.Item == "BODY" && s.Origin == nil && grammar.Text(s.Spec).Is(want) {
			return x.Content(i)
		}
	}
	return nil
}

func (f *fetching) part(title string, structure *grammar.Body, content *spool.Spool) error {
	number := f.c.String("part")
	p := &message.Part{Number: number, Type: "application/octet-stream"}
	if structure != nil {
		// A server may send nothing, or NIL, for a part that is not there.
		if p = message.Find(message.OfBody(structure), number); p == nil {
			return f.missing([]string{title + " has no part " + number})
		}
	}
	if f.c.Bool("raw") {
		return f.show.part(title, p, content.Reader())
	}
	return f.show.part(title, p, message.Decode(content.Reader(), p.Encoding))
}
