package mailserver

import (
	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// view is a mailbox as one IMAP client knows it. The list belongs to the session alone;
// what it points to is guarded by the store's mutex.
type view struct {
	store    *Store
	mailbox  *mailbox
	readOnly bool
	msgs     []viewed // in the client's numbering
	last     uint32   // highest UID told
	saved    imap.UIDSet
}

// viewed is a message with the version of its flags that the client knows.
type viewed struct {
	*message
	told int
}

// newView wants the store locked.
func newView(store *Store, mb *mailbox, readOnly bool) *view {
	v := &view{store: store, mailbox: mb, readOnly: readOnly || store.readOnly}
	v.grow()
	return v
}

// grow takes in what was appended, and tells whether anything was.
func (v *view) grow() bool {
	n := len(v.msgs)
	for _, m := range v.mailbox.msgs {
		if m.uid > v.last {
			v.msgs = append(v.msgs, viewed{m, m.version})
		}
	}
	v.last = max(v.last, v.mailbox.uidNext-1)
	return len(v.msgs) > n
}

// changed gives a channel that is closed at the next change of the mailbox.
func (v *view) changed() <-chan struct{} {
	v.store.mu.Lock()
	defer v.store.mu.Unlock()
	return v.mailbox.changed
}

// update is one thing to tell the client.
type update struct {
	expunge uint32
	exists  uint32
	fetch   uint32
	uid     imap.UID
	flags   []imap.Flag
}

// poll tells the difference between what the client knows and what is there. The network
// is written to without the lock.
func (v *view) poll(w *imapserver.UpdateWriter, allowExpunge bool) error {
	for _, u := range v.updates(allowExpunge) {
		var err error
		switch {
		case u.expunge > 0:
			err = w.WriteExpunge(u.expunge)
		case u.exists > 0:
			err = w.WriteNumMessages(u.exists)
		default:
			err = w.WriteMessageFlags(u.fetch, u.uid, u.flags)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (v *view) updates(allowExpunge bool) []update {
	v.store.mu.Lock()
	defer v.store.mu.Unlock()
	var list []update
	if allowExpunge {
		kept := v.msgs[:0]
		for _, m := range v.msgs {
			if m.gone {
				// Each EXPUNGE moves those behind it down (RFC 9051 §7.5.1).
				list = append(list, update{expunge: uint32(len(kept) + 1)})
			} else {
				kept = append(kept, m)
			}
		}
		clear(v.msgs[len(kept):])
		v.msgs = kept
	}
	if v.grow() {
		list = append(list, update{exists: uint32(len(v.msgs))})
	}
	for i := range v.msgs {
		if m := &v.msgs[i]; m.told != m.version && !m.gone {
			m.told = m.version
			list = append(list, update{fetch: uint32(i + 1), uid: imap.UID(m.uid), flags: toFlags(m.flags)})
		}
	}
	return list
}

// pick gives the indices of the messages that a set names, in order.
func (v *view) pick(set imap.NumSet) []int {
	var in []int
	for i := range v.msgs {
		if v.inSet(set, i) {
			in = append(in, i)
		}
	}
	return in
}

// inSet tells whether a set names message i; "$" is the saved result of a SEARCH
// (RFC 5182).
func (v *view) inSet(set imap.NumSet, i int) bool {
	if imap.IsSearchRes(set) {
		set = v.saved
	}
	return v.named(set, i)
}

// named tells whether a set names message i. "*" is the last message there is, so a range
// with it always names that one (RFC 9051 §9, seq-range).
func (v *view) named(set imap.NumSet, i int) bool {
	end := len(v.msgs) - 1
	switch set := set.(type) {
	case imap.SeqSet:
		for _, r := range set {
			if within(uint32(i+1), r.Start, r.Stop, uint32(end+1)) {
				return true
			}
		}
	case imap.UIDSet:
		for _, r := range set {
			if within(v.msgs[i].uid, uint32(r.Start), uint32(r.Stop), v.msgs[end].uid) {
				return true
			}
		}
	}
	return false
}

// within tells whether n lies in a range, in which 0 stands for "*".
func within(n, start, stop, last uint32) bool {
	if start == 0 {
		start = last
	}
	if stop == 0 {
		stop = last
	}
	return min(start, stop) <= n && n <= max(start, stop)
}

// change applies a STORE to message i and notes it as told; what another session changed
// meanwhile is still untold. It wants the store locked.
func (v *view) change(i int, how flagChange, flags []string) (bool, error) {
	m := &v.msgs[i]
	told := m.told == m.version
	if ok, err := v.store.change(m.message, how, flags); !ok {
		return false, err
	}
	if told {
		m.told = m.version
	}
	v.mailbox.notify()
	return true, nil
}
