package mailsync

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/mailfile"
)

// batch is how many messages one command names. Commands are said ahead of their answers.
const batch = 200

// fetch stores what is new on the server.
func (b *box) fetch(ctx context.Context, now *state) error {
	var fresh []uint32
	for uid := range b.there {
		if b.files[uid] == nil && now.uids[uid] == nil && !b.removed(uid) {
			fresh = append(fresh, uid)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	slices.Sort(fresh)
	came := func() {}
	if b.o.Progress != nil {
		came = b.o.Progress(len(fresh))
	}
	store, err := mailfile.Open(b.dir, "maildir")
	if err != nil {
		return err
	}
	defer store.Close()
	parts := slices.Collect(slices.Chunk(fresh, batch))
	wanted := make(map[uint32]bool, len(fresh))
	for _, uid := range fresh {
		wanted[uid] = true
	}
	next := 0
	err = b.session.Pipeline(ctx, func() (client.Command, bool) {
		if next == len(parts) {
			return client.Command{}, false
		}
		next++
		return client.FetchCommand(true, client.Set(parts[next-1]), "(UID FLAGS INTERNALDATE BODY.PEEK[])"), true
	}, client.OnFetch(func(f *client.Fetched) error {
		if !wanted[f.UID] || len(f.Sections) == 0 {
			return nil // news of another message
		}
		if err := b.store(store, f, now); err != nil {
			return err
		}
		wanted[f.UID] = false
		came()
		return nil
	}), func(_ int, cmd client.Command, r *client.Result) error {
		if r.Status != "OK" {
			return &client.ServerError{Command: cmd.Name, Status: r.Status, Code: r.Code, Text: r.Text, Mailbox: b.name}
		}
		return nil // what did not come was expunged meanwhile: the next run knows
	})
	if err != nil {
		return err
	}
	return store.Sync() // before the state says that they are here
}

// removed tells whether the message was removed on the server in this run.
func (b *box) removed(uid uint32) bool {
	return b.o.Delete && b.was.validity == b.remote.UIDValidity && b.was.uids[uid] != nil
}

func (b *box) store(w mailfile.Writer, f *client.Fetched, now *state) error {
	content := f.Content(0)
	if content == nil {
		return fmt.Errorf("mailsync: %s: UID %d: the server sends NIL in place of the message", b.name, f.UID)
	}
	defer content.Drop()
	m := &mailfile.Message{Mailbox: b.name, UIDValidity: b.remote.UIDValidity, UID: f.UID}
	for _, flag := range f.Flags {
		m.Flags = append(m.Flags, string(flag))
	}
	m.Arrived, _ = client.InternalDate(f.InternalDate)
	if err := b.step("store"); err != nil {
		return err
	}
	if _, err := w.Store(m, content); err != nil && !errors.Is(err, mailfile.ErrStored) {
		return err
	}
	if err := b.step("stored"); err != nil {
		return err
	}
	b.rep.New++
	now.uids[f.UID] = &known{letters: mailfile.FlagLetters(m.Flags)}
	return nil
}

// Dir is where the Maildir of a mailbox lies below the root: INBOX is the root itself, others are its
// folders (Maildir++), as Courier and Dovecot have them and mailtrace serve shows them.
func Dir(root string, f *client.Folder) string {
	return filepath.Join(root, FolderDir(f.Name, f.Delimiter))
}
