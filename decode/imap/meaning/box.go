package meaning

import (
	"bytes"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
)

// box is a mailbox while it is open.
type box struct {
	name     string
	messages sequence
	known    bool   // EXISTS came
	opened   bool   // SELECT is complete
	said     uint32 // messages that are left of those that EXISTS said while it was being opened
	validity int64  // UIDVALIDITY, UIDNEXT, HIGHESTMODSEQ as said at SELECT; 0 where they were not
	next     int64
	modseq   int64
	hasNext  bool // UIDNEXT was said
	// coming is a lower bound of the UID of the next message that arrives, 0 where none is known.
	coming   int64
	recent   int64
	keywords keywords
	told     bool // that it is too large

	flags *grammar.Text // the first flag of the last plain row, and what its flags are
	as    flagSet
}

// plain takes the data of a message as model.fetched does, unless there is something to be found.
// The flags must be those of a shape: nobody changes them.
func (b *box) plain(d *grammar.Fetch) bool {
	n, uid := d.Number, d.UID
	if n == 0 || b.known && b.opened && n > b.messages.count ||
		uid != 0 && b.hasNext && n <= b.said && int64(uid) >= b.next && b.next > 0 {
		return false
	}
	x := told{uid: uid}
	switch {
	case len(d.Flags) > 0 && &d.Flags[0] == b.flags:
		x.flags = b.as
	case d.Flags != nil:
		if x.flags = b.bits(d.Flags); len(d.Flags) > 0 {
			b.flags, b.as = &d.Flags[0], x.flags
		}
	}
	if d.Size != nil {
		x.size = *d.Size
	}
	if !b.messages.plain(n, x) {
		return false
	}
	if uid != 0 {
		b.learned(n, uid)
	}
	return true
}

// learned takes the UID of a message into the lower bound of those to come.
func (b *box) learned(number, uid uint32) {
	if number == b.messages.count {
		b.coming = max(b.coming, int64(uid)+1)
	}
}

// arrived takes the number of messages that EXISTS says and gives how many are new.
func (b *box) arrived(n uint32) (fresh uint32) {
	if b.known && n > b.messages.count {
		fresh = n - b.messages.count
	}
	b.messages.resize(n)
	b.known = true
	return fresh
}

// lost forgets what octets that are missing may have changed.
func (b *box) lost() {
	b.messages.clear()
	b.known, b.said = false, 0
}

// bits gives flags as what is kept of them.
func (b *box) bits(flags []grammar.Text) flagSet {
	f := flagsKnown
	for _, name := range flags {
		if len(name) > 0 && name[0] == '\\' {
			f |= systemFlag(name)
		} else {
			f |= b.keywords.bit(name)
		}
	}
	return f
}

// memory is what stays known of a mailbox that was open, or whose STATUS was said.
type memory struct{ validity, next, modseq int64 }

// mostRemembered bounds the mailboxes of a connection that are remembered.
const mostRemembered = 1000

// history is what was said of mailboxes by name.
type history map[string]memory

// of gives what is known of a mailbox. INBOX is case-insensitive (RFC 9051 §5.1).
func (h history) of(name []byte) (memory, bool) {
	if bytes.EqualFold(name, []byte("INBOX")) {
		name = []byte("INBOX")
	}
	m, ok := h[string(name)]
	return m, ok
}

func (h history) keep(name []byte, m memory) {
	if bytes.EqualFold(name, []byte("INBOX")) {
		name = []byte("INBOX")
	}
	if _, have := h[string(name)]; have || len(h) < mostRemembered && len(name) <= longestName {
		h[string(name)] = m
	}
}

// ranges calls yield with the ranges of a set of numbers, in ascending order within each; "*"
// is the highest of all. It stops at what is no set.
func ranges(set []byte, yield func(from, to uint32) bool) {
	for len(set) > 0 {
		item := set
		if i := bytes.IndexByte(set, ','); i >= 0 {
			item, set = set[:i], set[i+1:]
		} else {
			set = nil
		}
		from, to, ok := item, item, true
		if i := bytes.IndexByte(item, ':'); i >= 0 {
			from, to = item[:i], item[i+1:]
		}
		a, okA := setNumber(from)
		b, okB := setNumber(to)
		if ok = okA && okB; !ok || !yield(min(a, b), max(a, b)) {
			return
		}
	}
}

// setNumber reads a number of a set.
func setNumber(p []byte) (uint32, bool) {
	if string(p) == "*" {
		return 1<<32 - 1, true
	}
	n := uint64(0)
	for _, c := range p {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n = n*10 + uint64(c-'0'); n > 1<<32-1 {
			return 0, false
		}
	}
	return uint32(n), len(p) > 0
}
