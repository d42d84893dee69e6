package watch

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/decode/imap/meaning"
	"github.com/mailtrace/mailtrace/internal/client"
)

// Mailbox watches a mailbox until ctx is done or Tell has enough. dial gives a session that is logged in.
func Mailbox(ctx context.Context, name string, dial func(context.Context) (*client.IMAP, error), o Options) error {
	w := &mailbox{o: &o, name: name}
	return o.again(ctx, func(known func()) error {
		session, err := dial(ctx)
		if err != nil {
			return err
		}
		w.session = session
		session.Watch(w.see)
		err = w.run(ctx, known)
		w.leave(ctx, err)
		return err
	})
}

// mailbox is what is known of one.
type mailbox struct {
	o        *Options
	name     string
	session  *client.IMAP
	validity uint32
	known    map[uint32]string // flags by UID, nil before the first session
	numbers  []uint32          // UIDs by sequence number, 0 where that is not known yet
	exists   int
	news     []News
	stale    bool // numbers are not right any more
	looking  bool // all is being asked for
}

// leave says goodbye where there is somebody to hear it.
func (w *mailbox) leave(ctx context.Context, err error) {
	if client.Lost(err) {
		w.session.Close(err)
		return
	}
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), goodbye)
		defer cancel()
	}
	if w.session.Logout(ctx) != nil {
		w.session.Close(err)
	}
}

// run watches until something ends it; its error is never nil.
func (w *mailbox) run(ctx context.Context, known func()) error {
	if err := w.look(ctx); err != nil {
		return err
	}
	known()
	for {
		if err := w.tell(ctx); err != nil {
			return err
		}
		if err := w.wait(ctx); err != nil {
			return err
		}
	}
}

// look opens the mailbox and compares it with what was known.
func (w *mailbox) look(ctx context.Context) error {
	w.looking = true
	defer func() { w.looking = false }()
	m, err := w.session.Select(ctx, w.name, true, "", nil)
	if err != nil {
		return err
	}
	now := map[uint32]string{}
	w.numbers, w.stale, w.news = make([]uint32, 0, min(m.Exists, 1<<20)), false, nil
	if m.Exists > 0 {
		err := w.session.Fetch(ctx, false, "1:*", "(UID FLAGS)", func(f *client.Fetched) error {
			w.number(int(f.Number), f.UID)
			now[f.UID] = flagsOf(f)
			return nil
		})
		if err != nil {
			return err
		}
	}
	w.grow()
	switch {
	case w.known == nil:
		if w.o.Ready != nil {
			w.o.Ready(len(now))
		}
	case w.validity != m.UIDValidity:
		if w.o.Say != nil {
			w.o.Say(fmt.Sprintf("UIDVALIDITY of %s has changed: its messages have new UIDs, and are not told", w.name))
		}
	default:
		w.compare(now)
	}
	w.known, w.validity = now, m.UIDValidity
	return nil
}

// compare finds out what happened while nobody watched.
func (w *mailbox) compare(now map[uint32]string) {
	for _, uid := range slices.Sorted(maps.Keys(w.known)) {
		flags, there := now[uid]
		switch {
		case !there:
			w.news = append(w.news, News{Vanished, &client.Summary{UID: uid}})
		case flags != w.known[uid]:
			w.news = append(w.news, News{Changed, &client.Summary{UID: uid, Flags: split(flags)}})
		}
	}
	for _, uid := range slices.Sorted(maps.Keys(now)) {
		if _, there := w.known[uid]; !there {
			w.news = append(w.news, News{Arrived, &client.Summary{UID: uid}})
		}
	}
}

// mostMessages bounds what a server may claim.
const mostMessages = 4 << 20

func (w *mailbox) number(n int, uid uint32) {
	if n < 1 || n > mostMessages {
		return
	}
	for len(w.numbers) < n {
		w.numbers = append(w.numbers, 0)
	}
	w.numbers[n-1] = uid
}

// grow makes room for the numbers that EXISTS told of.
func (w *mailbox) grow() {
	for len(w.numbers) < min(w.exists, mostMessages) {
		w.numbers = append(w.numbers, 0)
	}
}

// see takes what the server tells, with whatever command.
func (w *mailbox) see(r *client.Response) {
	if d, ok := r.Detail.(*meaning.Arrived); w.looking {
		if ok { // in SELECT, or news while the flags are asked for
			w.exists = int(min(max(d.Messages, 0), mostMessages))
		}
		return
	}
	switch d := r.Detail.(type) {
	case *meaning.Arrived:
		w.exists = int(min(max(d.Messages, 0), mostMessages))
		w.grow()
	case *meaning.Gone:
		n := int(d.Number)
		if n < 1 || n > len(w.numbers) {
			w.stale = true
			break
		}
		uid := w.numbers[n-1]
		w.numbers = slices.Delete(w.numbers, n-1, n)
		w.exists = len(w.numbers)
		w.gone(uid)
	case *meaning.Vanished:
		set, _, _ := grammar.ParseSet([]byte(d.UIDs))
		w.vanished(set)
	case *client.Fetched:
		w.flagged(d)
	}
}

// pending tells whether there is something to tell.
func (w *mailbox) pending() bool { return len(w.news) > 0 || w.stale || slices.Contains(w.numbers, 0) }

func (w *mailbox) gone(uid uint32) {
	if uid == 0 {
		return // it came and went before anybody knew its UID
	}
	delete(w.known, uid)
	w.news = append(w.news, News{Vanished, &client.Summary{UID: uid}})
}

func (w *mailbox) vanished(set grammar.Set) {
	w.numbers = slices.DeleteFunc(w.numbers, func(uid uint32) bool {
		if uid == 0 || !set.Contains(uid, 0) {
			return false
		}
		w.gone(uid)
		return true
	})
	w.exists = len(w.numbers)
}

func (w *mailbox) flagged(f *client.Fetched) {
	if f.Flags == nil || f.Envelope != nil {
		return
	}
	uid := f.UID
	if uid == 0 && 0 < f.Number && int(f.Number) <= len(w.numbers) {
		uid = w.numbers[f.Number-1]
	}
	flags := flagsOf(f)
	if before, there := w.known[uid]; there && before != flags {
		w.known[uid] = flags
		w.news = append(w.news, News{Changed, &client.Summary{UID: uid, Number: f.Number, Flags: split(flags)}})
	}
}

// tell gives the news, those of arrivals with their summaries.
func (w *mailbox) tell(ctx context.Context) error {
	for w.pending() {
		if w.stale {
			before := w.news
			if err := w.look(ctx); err != nil {
				return err
			}
			w.news = append(before, w.news...)
			continue
		}
		news := w.news
		w.news = nil
		var fresh []uint32
		for _, n := range news {
			if n.What == Arrived {
				fresh = append(fresh, n.Summary.UID)
				continue
			}
			if err := w.o.Tell(n); err != nil {
				return err
			}
		}
		if slices.Contains(w.numbers, 0) {
			more, err := w.identify(ctx)
			if err != nil {
				return err
			}
			fresh = append(fresh, more...)
		}
		if err := w.arrived(ctx, fresh); err != nil {
			return err
		}
	}
	return nil
}

// identify asks for the UIDs of what arrived.
func (w *mailbox) identify(ctx context.Context) ([]uint32, error) {
	first := slices.Index(w.numbers, 0) + 1
	var fresh []uint32
	err := w.session.Fetch(ctx, false, fmt.Sprintf("%d:*", first), "(UID FLAGS)", func(f *client.Fetched) error {
		if f.UID == 0 {
			return nil
		}
		if _, there := w.known[f.UID]; !there {
			fresh = append(fresh, f.UID)
			w.known[f.UID] = flagsOf(f)
		}
		w.number(int(f.Number), f.UID)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if slices.Contains(w.numbers, 0) { // the server does not tell what it said is there
		w.numbers = slices.DeleteFunc(w.numbers, func(uid uint32) bool { return uid == 0 })
		w.stale = len(w.numbers) != w.exists
		if w.stale {
			return fresh, fmt.Errorf("watch: the server says that %d messages are there and tells of %d", w.exists, len(w.numbers))
		}
	}
	return fresh, nil
}

// arrived gets the summaries of what arrived.
func (w *mailbox) arrived(ctx context.Context, uids []uint32) error {
	if len(uids) == 0 {
		return nil
	}
	var list []*client.Summary
	err := w.session.Found(ctx, uids, func(s *client.Summary) error {
		list = append(list, s)
		return nil
	})
	if err != nil {
		return err
	}
	slices.Reverse(list) // the oldest first, as they came
	for _, s := range list {
		if err := w.o.Tell(News{Arrived, s}); err != nil {
			return err
		}
	}
	return nil
}

// wait waits for news.
func (w *mailbox) wait(ctx context.Context) error {
	if w.pending() {
		return nil // it came with the answers to what was asked
	}
	if w.session.Speaks("IDLE") {
		return w.session.Idle(ctx, w.o.renew(), func(*client.Response) error {
			if w.pending() {
				return client.ErrStop
			}
			return nil
		})
	}
	if err := w.o.wait(ctx, w.o.every()); err != nil {
		return err
	}
	_, err := w.session.Do(ctx, client.Cmd("NOOP"), nil)
	return err
}
