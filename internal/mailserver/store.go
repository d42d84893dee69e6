package mailserver

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
)

// DefaultUIDValidity is the UIDVALIDITY of the first mailbox where none is given.
const DefaultUIDValidity = 1795325553

// Delimiter separates the levels of mailbox names.
const Delimiter = '/'

var (
	errNoMailbox = errors.New("no such mailbox")
	errExists    = errors.New("mailbox already exists")
	errInbox     = errors.New("INBOX cannot be deleted")
	errName      = errors.New("not a name for a mailbox")
)

// Store holds mailboxes in memory, for POP3 and IMAP alike. It may be used from several
// goroutines.
type Store struct {
	mu        sync.Mutex
	now       func() time.Time
	mailboxes map[string]*mailbox
	validity  uint32 // of the next mailbox
	dropped   bool   // a POP3 session holds the maildrop (RFC 1939 §4)
}

// Option sets up a Store.
type Option func(*Store)

// WithUIDValidity gives the UIDVALIDITY of INBOX; further mailboxes count on from it.
func WithUIDValidity(n uint32) Option { return func(s *Store) { s.validity = n } }

// WithClock gives the clock for the INTERNALDATE of messages appended without one.
func WithClock(now func() time.Time) Option { return func(s *Store) { s.now = now } }

// NewStore makes a store whose INBOX holds msgs under the UIDs 1 to n, with empty
// mailboxes Archive, Drafts, Sent and Trash beside it. The octets are copied.
func NewStore(msgs []Message, opts ...Option) *Store {
	s := &Store{now: time.Now, mailboxes: map[string]*mailbox{}, validity: DefaultUIDValidity}
	for _, opt := range opts {
		opt(s)
	}
	inbox := s.create(inboxName, "")
	for _, m := range msgs {
		s.append(inbox, m)
	}
	s.create("Archive", `\Archive`)
	s.create("Drafts", `\Drafts`)
	s.create("Sent", `\Sent`)
	s.create("Trash", `\Trash`)
	return s
}

const inboxName = "INBOX"

// mailbox is guarded by its store's mutex.
type mailbox struct {
	name       string
	validity   uint32
	uidNext    uint32
	msgs       []*message
	use        string // special-use attribute (RFC 6154)
	subscribed bool
	changed    chan struct{} // closed at the next change
}

// message is one message in one mailbox.
type message struct {
	uid    uint32
	octets []byte // never changed
	date   time.Time
	// guarded by the store's mutex:
	flags   []string // as spelled first
	version int      // counts changes of flags
	gone    bool     // expunged
}

// canonical gives the name under which a mailbox is kept: INBOX in any case is one
// mailbox (RFC 9051 §5.1).
func canonical(name string) string {
	if strings.EqualFold(name, inboxName) {
		return inboxName
	}
	return name
}

func (s *Store) create(name, use string) *mailbox {
	m := &mailbox{name: name, validity: s.validity, uidNext: 1, use: use, subscribed: true, changed: make(chan struct{})}
	s.validity++
	s.mailboxes[name] = m
	return m
}

func (s *Store) find(name string) (*mailbox, error) {
	if m := s.mailboxes[canonical(name)]; m != nil {
		return m, nil
	}
	return nil, errNoMailbox
}

// Append puts a message into a mailbox, as if it had been delivered: sessions in IDLE are
// told. The octets are copied. A zero date is now.
func (s *Store) Append(mailbox string, m Message) (uid uint32, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	mb, err := s.find(mailbox)
	if err != nil {
		return 0, err
	}
	return s.append(mb, m).uid, nil
}

func (s *Store) append(mb *mailbox, m Message) *message {
	msg := &message{uid: mb.uidNext, octets: bytes.Clone(m.Octets), date: m.Date}
	if msg.date.IsZero() {
		msg.date = s.now()
	}
	msg.change(addFlags, m.Flags)
	mb.uidNext++
	mb.msgs = append(mb.msgs, msg)
	mb.notify()
	return msg
}

// notify tells whoever waits that the mailbox changed.
func (mb *mailbox) notify() {
	close(mb.changed)
	mb.changed = make(chan struct{})
}

// expunge takes the messages out that match.
func (mb *mailbox) expunge(match func(*message) bool) {
	before := len(mb.msgs)
	mb.msgs = slices.DeleteFunc(mb.msgs, func(m *message) bool {
		m.gone = m.gone || match(m)
		return m.gone
	})
	if len(mb.msgs) != before {
		mb.notify()
	}
}

// flagChange is what STORE does to flags.
type flagChange uint8

const (
	setFlags flagChange = iota
	addFlags
	removeFlags
)

// change applies a STORE, and tells whether it changed anything. Flags are equal whatever
// their case (RFC 9051 §2.3.2); the spelling that came first stays.
func (m *message) change(how flagChange, flags []string) bool {
	var next []string
	switch how {
	case setFlags:
		for _, f := range flags {
			if i := indexFlag(m.flags, f); i >= 0 {
				f = m.flags[i]
			}
			if indexFlag(next, f) < 0 {
				next = append(next, f)
			}
		}
	case addFlags:
		next = slices.Clone(m.flags)
		for _, f := range flags {
			if indexFlag(next, f) < 0 {
				next = append(next, f)
			}
		}
	case removeFlags:
		for _, f := range m.flags {
			if indexFlag(flags, f) < 0 {
				next = append(next, f)
			}
		}
	}
	if slices.Equal(next, m.flags) {
		return false
	}
	m.flags = next
	m.version++
	return true
}

func indexFlag(flags []string, flag string) int {
	return slices.IndexFunc(flags, func(f string) bool { return strings.EqualFold(f, flag) })
}

func (m *message) has(flag string) bool { return indexFlag(m.flags, flag) >= 0 }
