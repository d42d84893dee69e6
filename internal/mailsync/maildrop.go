package mailsync

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/mailfile"
)

// Maildrop stores in the Maildir dir what a POP3 maildrop has and was not stored before, known by UIDL. Without
// Keep what is stored here is removed there, at QUIT, which is the caller's to say.
func Maildrop(ctx context.Context, session *client.POP3, dir, account string, o Options) (Report, error) {
	b := &box{o: &o, name: "maildrop", dir: dir, rep: Report{Mailbox: "maildrop"}}
	release, err := prepare(dir)
	if err != nil {
		return b.rep, err
	}
	defer release()
	if b.was, err = b.remembered(account); err != nil {
		return b.rep, err
	}
	list, err := mailfile.ReadMaildir(dir)
	if err != nil {
		return b.rep, err
	}
	here := map[string]bool{}
	for _, e := range list {
		if e.ID != "" {
			here[e.ID] = true
		} else {
			b.rep.Strangers++
		}
	}
	ids, err := session.UIDL(ctx)
	if err != nil {
		var refused *client.ServerError
		if errors.As(err, &refused) {
			return b.rep, fmt.Errorf("mailsync: without UIDL messages cannot be told from others: %w", err)
		}
		return b.rep, err
	}
	now := newState(account)
	var fresh, stored []client.Listed
	for _, l := range ids {
		id := mailfile.FileID(l.ID)
		switch {
		case now.ids[id]:
			return b.rep, fmt.Errorf("mailsync: the server gives the id %q to two messages (RFC 1939 §7 forbids it)", l.ID)
		case here[id], b.was.ids[id]:
			stored = append(stored, l)
		default:
			fresh = append(fresh, l)
		}
		now.ids[id] = true
	}
	if err := b.retrieve(ctx, session, fresh); err != nil {
		return b.rep, err
	}
	b.rep.Messages = len(now.ids)
	if err := b.step("state"); err != nil {
		return b.rep, err
	}
	if err := now.save(dir); err != nil {
		return b.rep, err
	}
	if o.Keep {
		return b.rep, nil
	}
	return b.rep, b.dele(ctx, session, append(stored, fresh...))
}

func (b *box) retrieve(ctx context.Context, session *client.POP3, fresh []client.Listed) error {
	if len(fresh) == 0 {
		return nil
	}
	came := func() {}
	if b.o.Progress != nil {
		came = b.o.Progress(len(fresh))
	}
	store, err := mailfile.Open(b.dir, "maildir")
	if err != nil {
		return err
	}
	defer store.Close()
	next := 0
	err = session.Pipeline(ctx, func() (string, bool) {
		if next == len(fresh) {
			return "", false
		}
		next++
		return fmt.Sprintf("RETR %d", fresh[next-1].Number), true
	}, func(i int, r *client.Reply) error {
		if !r.OK || r.Content == nil {
			return &client.ServerError{Command: fmt.Sprintf("RETR %d", fresh[i].Number), Status: "-ERR", Code: r.Code, Text: r.Text}
		}
		if err := b.step("store"); err != nil {
			return err
		}
		m := &mailfile.Message{ID: fresh[i].ID, Number: uint32(fresh[i].Number)}
		if s, err := client.ReadSummary(r.Content.Reader()); err == nil {
			m.Arrived = s.Date
		}
		content := r.Content
		r.Content = nil
		defer content.Drop()
		if _, err := store.Store(m, content); err != nil {
			return err
		}
		b.rep.New++
		came()
		return b.step("stored")
	})
	if err != nil {
		return err
	}
	return store.Sync() // before the state says that they are here, and DELE that they may go there
}

// dele marks messages for removal; they are stored here, on the disk.
func (b *box) dele(ctx context.Context, session *client.POP3, list []client.Listed) error {
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
		b.rep.GoneThere++
		return nil
	})
}
