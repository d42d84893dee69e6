package mailsync

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/decode/imap/meaning"
	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/mailfile"
)

// Options say what a run may do.
type Options struct {
	// Delete carries deletions that were made here to the server.
	Delete bool
	// Keep leaves mail in a POP3 maildrop that is stored here.
	Keep bool
	// Progress, where set, is told how many messages will come, and then that one came.
	Progress func(coming int) (came func())
	// Say, where set, is told what a person should know.
	Say func(text string)
	// step, where set, is asked before each change of a file or of the server; its error ends the run
	// there, as a kill would.
	step func(what string) error
}

// Report is what a run did.
type Report struct {
	Mailbox    string `json:"mailbox"`
	New        int    `json:"new"`         // messages stored here
	FlagsHere  int    `json:"flags_here"`  // messages whose flags were changed here
	FlagsThere int    `json:"flags_there"` // and on the server
	GoneHere   int    `json:"gone_here"`   // messages removed here
	GoneThere  int    `json:"gone_there"`  // and on the server
	Waiting    int    `json:"waiting"`     // removed here, and still on the server
	Matched    int    `json:"matched"`     // found again by content after UIDVALIDITY changed
	Strangers  int    `json:"strangers"`   // files that are not ours
	Messages   int    `json:"messages"`    // that both sides have now
}

// AccountError says that a directory belongs to another mailbox.
type AccountError struct{ Dir, Has, Want string }

func (e *AccountError) Error() string {
	return fmt.Sprintf("mailsync: %s holds %s, not %s", e.Dir, e.Has, e.Want)
}

// Hint names what helps.
func (e *AccountError) Hint() string { return "name another directory" }

// box is one mailbox during a run.
type box struct {
	o       *Options
	session *client.IMAP
	name    string
	dir     string
	was     *state
	remote  *client.Mailbox
	flags   map[uint32]string // letters on the server, of what is known to be there and may have changed
	there   map[uint32]bool   // all UIDs on the server
	files   map[uint32]*mailfile.Entry
	old     []*mailfile.Entry // of another UIDVALIDITY
	rep     Report
}

// Mailbox makes the Maildir dir and a mailbox equal. account names the mailbox for all time. The session's
// Config.Dir should be dir/tmp. An error leaves both sides so that another run goes on.
func Mailbox(ctx context.Context, session *client.IMAP, name, dir, account string, o Options) (Report, error) {
	b := &box{o: &o, session: session, name: name, dir: dir, rep: Report{Mailbox: name}}
	release, err := prepare(dir)
	if err != nil {
		return b.rep, err
	}
	defer release()
	if b.was, err = b.remembered(account); err != nil {
		return b.rep, err
	}
	if err := b.look(ctx); err != nil {
		return b.rep, err
	}
	if err := b.read(); err != nil {
		return b.rep, err
	}
	now := newState(account)
	now.validity, now.modseq = b.remote.UIDValidity, b.remote.HighestModSeq
	for _, step := range []func(context.Context, *state) error{b.rematch, b.settle, b.fetch} {
		if err := step(ctx, now); err != nil {
			return b.rep, err
		}
	}
	if err := b.step("state"); err != nil {
		return b.rep, err
	}
	b.rep.Messages = len(now.uids) - b.rep.Waiting
	return b.rep, now.save(dir)
}

// prepare makes a Maildir, holds its lock and removes what a killed run left behind.
func prepare(dir string) (release func(), err error) {
	if _, err := mailfile.Open(dir, "maildir"); err != nil {
		return nil, err
	}
	release, err = mailfile.Lock(filepath.Join(dir, lockFile))
	if err != nil {
		return nil, fmt.Errorf("mailsync: %s: %w", dir, err)
	}
	stale, err := os.ReadDir(filepath.Join(dir, "tmp"))
	if err != nil {
		release()
		return nil, err
	}
	for _, f := range stale {
		if mailfile.IsStale(f.Name()) {
			if err := os.Remove(filepath.Join(dir, "tmp", f.Name())); err != nil {
				release()
				return nil, err
			}
		}
	}
	return release, nil
}

func (b *box) step(what string) error {
	if b.o.step == nil {
		return nil
	}
	return b.o.step(what)
}

func (b *box) say(format string, a ...any) {
	if b.o.Say != nil {
		b.o.Say(fmt.Sprintf(format, a...))
	}
}

func (b *box) remembered(account string) (*state, error) {
	s, err := loadState(b.dir, account)
	if errors.Is(err, errState) {
		b.say("%s: what was synchronized before cannot be read; all is compared anew, and flags of both sides are kept", b.dir)
		return newState(account), nil
	}
	if err == nil && s.account != account {
		return nil, &AccountError{b.dir, s.account, account}
	}
	return s, err
}

// look opens the mailbox and finds out what it has. A server that does not tell of all that it says is there
// is not believed: what it left out would be removed here.
func (b *box) look(ctx context.Context) error {
	expunged := int64(0)
	b.session.Watch(func(r *client.Response) {
		switch d := r.Detail.(type) {
		case *meaning.Gone:
			expunged++
		case *meaning.Vanished:
			expunged += d.Gone
		}
	})
	defer b.session.Watch(nil)
	if err := b.list(ctx); err != nil {
		return err
	}
	if least := int64(b.remote.Exists) - expunged; int64(len(b.there)) < least {
		return fmt.Errorf("mailsync: %s: the server says that %d messages are there and tells of %d; nothing was changed", b.name, least, len(b.there))
	}
	return nil
}

func (b *box) list(ctx context.Context) error {
	b.flags, b.there = map[uint32]string{}, map[uint32]bool{}
	params := ""
	qresync := b.session.Enabled("QRESYNC") && b.was.modseq > 0 && len(b.was.uids) > 0
	if qresync {
		params = fmt.Sprintf("(QRESYNC (%d %d))", b.was.validity, b.was.modseq)
	} else if b.session.Has("CONDSTORE") || b.session.Has("QRESYNC") {
		params = "(CONDSTORE)"
	}
	gone := map[uint32]bool{}
	see := func(r *client.Response) error {
		switch d := r.Detail.(type) {
		case *client.Fetched:
			b.flagged(d)
		case *grammar.Vanished:
			return eachUID(d.UIDs, func(uid uint32) { gone[uid] = true })
		}
		return nil
	}
	var err error
	if b.remote, err = b.session.Select(ctx, b.name, false, params, see); err != nil {
		return err
	}
	switch {
	case b.remote.UIDValidity == 0:
		return fmt.Errorf("mailsync: %s has no UIDVALIDITY, so its messages cannot be told from others", b.name)
	case b.remote.UIDNotSticky:
		return fmt.Errorf("mailsync: %s keeps no UIDs (UIDNOTSTICKY), so its messages cannot be told from others", b.name)
	}
	same := b.was.validity == b.remote.UIDValidity
	if same && qresync {
		// RFC 7162 §3.2.5.1: what vanished and what changed came with SELECT, new messages among it.
		for uid := range b.was.uids {
			b.there[uid] = !gone[uid]
		}
		for uid := range b.flags {
			b.there[uid] = !gone[uid]
		}
		b.prune()
		if len(b.there) == int(b.remote.Exists) {
			return nil
		}
		// QUIRK: a server that forgot what vanished tells all or nothing: then all is compared.
		b.there = map[uint32]bool{}
	}
	if b.remote.Exists == 0 {
		return nil
	}
	if same && b.was.modseq > 0 && b.remote.HighestModSeq > 0 && len(b.was.uids) > 0 {
		uids, err := b.session.Search(ctx, true, client.Raw("ALL"))
		if err != nil {
			return err
		}
		for _, uid := range uids {
			b.there[uid] = true
		}
		return b.session.Fetch(ctx, true, "1:*", fmt.Sprintf("(UID FLAGS) (CHANGEDSINCE %d)", b.was.modseq), func(f *client.Fetched) error {
			b.flagged(f)
			return nil
		})
	}
	return b.session.Fetch(ctx, true, "1:*", "(UID FLAGS)", func(f *client.Fetched) error {
		if b.flagged(f) {
			b.there[f.UID] = true
		}
		if len(b.there) > mostUIDs {
			return fmt.Errorf("mailsync: the server names more than %d UIDs", mostUIDs)
		}
		return nil
	})
}

// Begin asks for what makes later runs cheap. It comes before the first mailbox of a session is opened
// (RFC 9051 §6.3.1).
func Begin(ctx context.Context, session *client.IMAP) error {
	if !session.Has("QRESYNC") || !session.Has("ENABLE") {
		return nil
	}
	return session.Enable(ctx, "QRESYNC")
}

func (b *box) prune() {
	for uid, is := range b.there {
		if !is {
			delete(b.there, uid)
		}
	}
}

// flagged takes the flags of a message.
func (b *box) flagged(f *client.Fetched) bool {
	if f.UID == 0 || f.Flags == nil {
		return false
	}
	var flags []string
	for _, x := range f.Flags {
		flags = append(flags, string(x))
	}
	b.flags[f.UID] = mailfile.FlagLetters(flags)
	return true
}

// mostUIDs bounds what a server may say of one mailbox.
const mostUIDs = 16 << 20

func eachUID(set []byte, do func(uint32)) error {
	s, n, ok := grammar.ParseSet(set)
	if !ok || n != len(set) {
		return fmt.Errorf("mailsync: expected a set of UIDs, found %q", set)
	}
	count := 0
	for r := range s.All() {
		for uid := min(r.First, r.Last); ; uid++ {
			if count++; count > mostUIDs {
				return fmt.Errorf("mailsync: the server names more than %d UIDs", mostUIDs)
			}
			do(uid)
			if uid == max(r.First, r.Last) {
				break
			}
		}
	}
	return nil
}

// read looks at the files.
func (b *box) read() error {
	b.files, b.old = map[uint32]*mailfile.Entry{}, nil
	list, err := mailfile.ReadMaildir(b.dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		switch {
		case e.UID == 0:
			b.rep.Strangers++
		case e.UIDValidity != b.remote.UIDValidity && b.was.validity == b.remote.UIDValidity:
			b.rep.Strangers++ // it was matched with nothing when UIDVALIDITY changed
		case e.UIDValidity != b.remote.UIDValidity:
			b.old = append(b.old, e)
		case b.files[e.UID] != nil:
			b.rep.Strangers++ // a copy that somebody made
		default:
			b.files[e.UID] = e
		}
	}
	return nil
}
