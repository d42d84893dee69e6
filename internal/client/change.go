package client

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/decode/imap/meaning"
)

// commandUIDs bounds the UIDs that one command names, so that no line grows beyond what servers take.
const commandUIDs = 1000

// Flagged is a message with its flags.
type Flagged struct {
	UID   uint32
	Flags []string
}

// Existing gives which of the messages in a set there are, ascending, with their flags. The set holds UIDs
// where uid is set, sequence numbers otherwise.
func (c *IMAP) Existing(ctx context.Context, uid bool, set string) ([]Flagged, error) {
	byUID := map[uint32][]string{}
	wanted, _, _ := grammar.ParseSet([]byte(set)) // of one that is none the server complains
	err := c.Fetch(ctx, uid, set, "(UID FLAGS)", func(f *Fetched) error {
		// News of other messages may come in between (RFC 9051 §7.5.2).
		if f.UID != 0 && f.Flags != nil && (!uid || strings.Contains(set, "*") || wanted.Contains(f.UID, 0)) {
			byUID[f.UID] = flagsOf(f.Flags)
		}
		return nil
	})
	list := make([]Flagged, 0, len(byUID))
	for u, flags := range byUID {
		list = append(list, Flagged{u, flags})
	}
	slices.SortFunc(list, func(a, b Flagged) int { return int(int64(a.UID) - int64(b.UID)) })
	return list, err
}

// eachSet says a command for the UIDs, a thousand at a time.
func (c *IMAP) eachSet(ctx context.Context, uids []uint32, cmd func(set Raw) Command, on func(*Response) error, done func(*Result) error) error {
	parts := slices.Collect(slices.Chunk(sorted(uids), commandUIDs))
	next := 0
	return c.Pipeline(ctx, func() (Command, bool) {
		if next == len(parts) {
			return Command{}, false
		}
		next++
		return cmd(Raw(Set(parts[next-1]))), true
	}, on, func(_ int, cmd Command, r *Result) error {
		if r.Status != "OK" {
			return c.refused(&cmd, r)
		}
		if done != nil {
			return done(r)
		}
		return nil
	})
}

// Store adds flags to messages (sign "+") or takes them away ("-"). on, which may be nil, is told the flags
// that the server says they have now (RFC 9051 §6.4.6).
func (c *IMAP) Store(ctx context.Context, uids []uint32, sign string, flags []string, on func(Flagged)) error {
	item := sign + "FLAGS"
	if on == nil {
		item += ".SILENT"
	}
	return c.eachSet(ctx, uids, func(set Raw) Command {
		return Cmd("UID STORE", set, Raw(item+" ("+strings.Join(flags, " ")+")"))
	}, OnFetch(func(f *Fetched) error {
		if on != nil && f.Flags != nil && f.UID != 0 {
			on(Flagged{f.UID, flagsOf(f.Flags)})
		}
		return nil
	}), nil)
}

// ErrNoExpunge says that the server cannot remove some messages and leave others that are marked too.
var ErrNoExpunge = &unable{
	"the server has no UIDPLUS, so removing these messages would remove all that are marked as deleted",
	"they are marked; a client that shows what is marked can remove them",
}

type unable struct{ what, hint string }

func (e *unable) Error() string { return "client: " + e.what }
func (e *unable) Hint() string  { return e.hint }

// Remove removes messages for good: they are marked as deleted and expunged by UID (RFC 4315 §2.1). Without
// UIDPLUS they stay marked and the error is [ErrNoExpunge]: a bare EXPUNGE removes what others have marked.
func (c *IMAP) Remove(ctx context.Context, uids []uint32) error {
	if err := c.Store(ctx, uids, "+", []string{`\Deleted`}, nil); err != nil {
		return err
	}
	if !c.Speaks("UIDPLUS") {
		return ErrNoExpunge
	}
	return c.eachSet(ctx, uids, func(set Raw) Command { return Cmd("UID EXPUNGE", set) }, nil, nil)
}

// Copied tells the UIDs that copies got (RFC 4315 §3); empty where the server does not say.
type Copied struct {
	UIDValidity  uint32
	Source, Dest []uint32 // in pairs
}

func (x *Copied) add(data any) error {
	d, ok := data.(*grammar.CopyUID)
	if !ok {
		return nil
	}
	source, err := appendSet(nil, d.Source)
	if err != nil {
		return err
	}
	dest, err := appendSet(nil, d.Destination)
	if err != nil {
		return err
	}
	if len(source) != len(dest) {
		return errUnexpected("as many new UIDs as old ones in COPYUID", string(d.Source)+" "+string(d.Destination))
	}
	x.UIDValidity, x.Source, x.Dest = d.UIDValidity, append(x.Source, source...), append(x.Dest, dest...)
	return nil
}

// Copy copies messages to another mailbox (RFC 9051 §6.4.7).
func (c *IMAP) Copy(ctx context.Context, uids []uint32, mailbox string) (*Copied, error) {
	x := &Copied{}
	err := c.eachSet(ctx, uids, func(set Raw) Command { return Cmd("UID COPY", set, c.mailbox(mailbox)) }, nil,
		func(r *Result) error { return x.add(r.Data) })
	return x, inMailbox(err, mailbox)
}

// Move moves messages to another mailbox: with MOVE (RFC 6851), else by COPY and [IMAP.Remove], whose
// errors it gives when the copies are made.
func (c *IMAP) Move(ctx context.Context, uids []uint32, mailbox string) (*Copied, error) {
	if !c.Speaks("MOVE") {
		x, err := c.Copy(ctx, uids, mailbox)
		if err != nil {
			return x, err
		}
		return x, c.Remove(ctx, uids)
	}
	x := &Copied{}
	err := c.eachSet(ctx, uids, func(set Raw) Command { return Cmd("UID MOVE", set, c.mailbox(mailbox)) }, func(r *Response) error {
		if d, ok := r.Detail.(*meaning.Status); ok {
			return x.add(d.Data) // COPYUID comes before the EXPUNGEs (RFC 6851 §4.3)
		}
		return nil
	}, func(r *Result) error { return x.add(r.Data) })
	return x, inMailbox(err, mailbox)
}

// AppendLimit is the largest message that the server takes, in octets (RFC 7889); 0 where it does not say.
func (c *IMAP) AppendLimit() int64 {
	for name := range c.caps {
		if n, ok := strings.CutPrefix(name, "APPENDLIMIT="); ok {
			limit, err := strconv.ParseInt(n, 10, 64)
			if err == nil && limit >= 0 {
				return limit
			}
		}
	}
	return 0
}

// Append stores a message in a mailbox (RFC 9051 §6.3.12), and gives its UID, 0 where the server does not
// say. A zero time is left to the server.
func (c *IMAP) Append(ctx context.Context, mailbox string, flags []string, at time.Time, message Literal) (uid uint32, err error) {
	args := []any{c.mailbox(mailbox)}
	if len(flags) > 0 {
		args = append(args, Raw("("+strings.Join(flags, " ")+")"))
	}
	if !at.IsZero() {
		args = append(args, Raw(Quote(at.Format("02-Jan-2006 15:04:05 -0700"))))
	}
	r, err := c.Do(ctx, Cmd("APPEND", append(args, message)...), nil)
	if err != nil {
		return 0, inMailbox(err, mailbox)
	}
	if d, ok := r.Data.(*grammar.AppendUID); ok {
		list, err := appendSet(nil, d.UIDs)
		if err == nil && len(list) == 1 {
			return list[0], nil
		}
	}
	return 0, nil
}

// Create makes a mailbox (RFC 9051 §6.3.4).
func (c *IMAP) Create(ctx context.Context, mailbox string) error {
	_, err := c.Do(ctx, Cmd("CREATE", c.mailbox(mailbox)), nil)
	return inMailbox(err, mailbox)
}

// NoSuchMailbox tells whether a command failed because the mailbox is not there and could be made.
func NoSuchMailbox(err error) bool {
	var e *ServerError
	return errors.As(err, &e) && e.Code == "TRYCREATE"
}

// IsFlag tells whether s can be a flag: a keyword is an atom, a system flag one behind a backslash
// (RFC 9051 §2.3.2).
func IsFlag(s string) bool {
	name := strings.TrimPrefix(s, `\`)
	return name != "" && strings.IndexFunc(name, notAtom) < 0
}
