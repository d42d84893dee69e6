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
	errReadOnly  = errors.New("mailbox is open read-only")
	errGone      = errors.New("message is gone")
)

// Store holds mailboxes, for POP3 and IMAP alike. It may be used from several goroutines.
type Store struct {
	mu        sync.Mutex
	now       func() time.Time
	keep      keeper
	readOnly  bool
	mailboxes map[string]*mailbox
	validity  uint32 // of the next mailbox
	dropped   bool   // a POP3 session holds the maildrop (RFC 1939 §4)
}

// keeper is where a store's mail is kept. Its methods are called with the store locked,
// before the store itself changes: after an error it stays as it was.
type keeper interface {
	read(m *message) ([]byte, error) // errGone where somebody else removed it
	add(m *message, octets []byte) error
	setFlags(m *message, flags []string) error
	remove(m *message) error
	fits(name string) error // tells whether a mailbox can be called so
	create(mb *mailbox) error
	drop(mb *mailbox) error
	rename(mb *mailbox, to string) error
	subscribe(mb *mailbox, on bool) error
	look(mb *mailbox) error // takes in what others changed
}

// Option sets up a Store.
type Option func(*Store)

// WithUIDValidity gives the UIDVALIDITY of INBOX; further mailboxes count on from it.
func WithUIDValidity(n uint32) Option { return func(s *Store) { s.validity = n } }

// WithClock gives the clock for the INTERNALDATE of messages appended without one.
func WithClock(now func() time.Time) Option { return func(s *Store) { s.now = now } }

// ReadOnly refuses whatever would change the mail.
func ReadOnly() Option { return func(s *Store) { s.readOnly = true } }

// NewStore makes a store in memory whose INBOX holds msgs under the UIDs 1 to n, with empty
// mailboxes Archive, Drafts, Sent and Trash beside it. The octets are copied.
func NewStore(msgs []Message, opts ...Option) *Store {
	s := newStore(memory{}, opts)
	for _, name := range [...]string{inboxName, "Archive", "Drafts", "Sent", "Trash"} {
		_, _ = s.create(name) // memory refuses nothing
	}
	for _, m := range msgs {
		_, _ = s.append(s.mailboxes[inboxName], m)
	}
	return s
}

func newStore(keep keeper, opts []Option) *Store {
	s := &Store{now: time.Now, keep: keep, mailboxes: map[string]*mailbox{}, validity: DefaultUIDValidity}
	for _, opt := range opts {
		opt(s)
	}
	return s
}

// Len gives the number of mailboxes and of messages in all of them.
func (s *Store) Len() (mailboxes, messages int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, mb := range s.mailboxes {
		messages += len(mb.msgs)
	}
	return len(s.mailboxes), messages
}

const inboxName = "INBOX"

// mailbox is guarded by its store's mutex.
type mailbox struct {
	name       string
	validity   uint32
	uidNext    uint32
	msgs       []*message
	subscribed bool
	changed    chan struct{} // closed at the next change
	dir        *folder       // in a Maildir
}

// message is one message in one mailbox.
type message struct {
	home   *mailbox
	uid    uint32
	octets []byte // in memory; never changed
	date   time.Time
	at     span // in an mbox
	// guarded by the store's mutex:
	file    string // in a Maildir: its name below the mailbox's directory, such as cur/NAME:2,S
	counted int    // octets with CRLF at line ends, -1 where nobody asked yet
	ended   bool   // the last line has its CRLF; known once counted
	// guarded by the store's mutex:
	flags   []string // as spelled first
	version int      // counts changes of flags
	gone    bool     // expunged
}

// canonical gives the name under which a mailbox is kept: INBOX in any case is one
// mailbox (RFC 9051 §5.1), with the same below it.
func canonical(name string) string {
	first, below, ok := strings.Cut(name, string(Delimiter))
	if !strings.EqualFold(first, inboxName) {
		return name
	}
	if ok {
		return inboxName + string(Delimiter) + below
	}
	return inboxName
}

// uses are the special-use attributes by name (RFC 6154 §2).
var uses = map[string]string{
	"Archive": `\Archive`, "Drafts": `\Drafts`, "Junk": `\Junk`, "Sent": `\Sent`, "Trash": `\Trash`,
}

// create makes a mailbox whose name is free.
func (s *Store) create(name string) (*mailbox, error) {
	m := &mailbox{name: name, validity: s.validity, uidNext: 1, subscribed: true, changed: make(chan struct{})}
	if err := s.keep.create(m); err != nil {
		return nil, err
	}
	s.validity++
	s.mailboxes[name] = m
	return m, nil
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
	msg, err := s.append(mb, m)
	if err != nil {
		return 0, err
	}
	return msg.uid, nil
}

func (s *Store) append(mb *mailbox, m Message) (*message, error) {
	msg := &message{home: mb, uid: mb.uidNext, date: m.Date, counted: -1}
	if msg.date.IsZero() {
		msg.date = s.now()
	}
	msg.flags = changed(nil, addFlags, m.Flags)
	if err := s.keep.add(msg, m.Octets); err != nil {
		return nil, err
	}
	mb.uidNext = msg.uid + 1
	mb.msgs = append(mb.msgs, msg)
	mb.notify()
	return msg, nil
}

// content gives a message's octets, which the caller must not change.
func (s *Store) content(m *message) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read(m)
}

func (s *Store) read(m *message) ([]byte, error) {
	octets, err := s.keep.read(m)
	if err == nil {
		m.counted, m.ended = len(octets), len(octets) == 0 || bytes.HasSuffix(octets, crlf)
	}
	return octets, err
}

// size gives the number of octets, 0 of a message that somebody else removed.
func (s *Store) size(m *message) int {
	if m.counted < 0 {
		if _, err := s.read(m); err != nil {
			return 0
		}
	}
	return m.counted
}

// look takes in what others than this server changed.
func (s *Store) look(mb *mailbox) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keep.look(mb)
}

// notify tells whoever waits that the mailbox changed.
func (mb *mailbox) notify() {
	close(mb.changed)
	mb.changed = make(chan struct{})
}

// expunge takes the messages out that match, and of the errors gives the first: a message
// that could not be removed stays.
func (s *Store) expunge(mb *mailbox, match func(*message) bool) (err error) {
	for _, m := range mb.msgs {
		if !m.gone && match(m) {
			if e := s.keep.remove(m); e == nil {
				m.gone = true
			} else if err == nil {
				err = e
			}
		}
	}
	mb.sweep()
	return err
}

// sweep takes out what is gone.
func (mb *mailbox) sweep() {
	before := len(mb.msgs)
	// A slice of its own: who holds the old one goes on reading it.
	mb.msgs = slices.DeleteFunc(slices.Clone(mb.msgs), func(m *message) bool { return m.gone })
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

// change applies a STORE, and tells whether it changed anything.
func (s *Store) change(m *message, how flagChange, flags []string) (bool, error) {
	next := changed(m.flags, how, flags)
	if m.gone || slices.Equal(next, m.flags) {
		return false, nil
	}
	if err := s.keep.setFlags(m, next); err != nil {
		return false, err
	}
	m.flags = next
	m.version++
	return true, nil
}

// changed gives flags after a STORE. Flags are equal whatever their case (RFC 9051
// §2.3.2); the spelling that came first stays.
func changed(before []string, how flagChange, flags []string) (next []string) {
	switch how {
	case setFlags:
		for _, f := range flags {
			if i := indexFlag(before, f); i >= 0 {
				f = before[i]
			}
			if indexFlag(next, f) < 0 {
				next = append(next, f)
			}
		}
	case addFlags:
		next = slices.Clone(before)
		for _, f := range flags {
			if indexFlag(next, f) < 0 {
				next = append(next, f)
			}
		}
	case removeFlags:
		for _, f := range before {
			if indexFlag(flags, f) < 0 {
				next = append(next, f)
			}
		}
	}
	return next
}

func indexFlag(flags []string, flag string) int {
	return slices.IndexFunc(flags, func(f string) bool { return strings.EqualFold(f, flag) })
}

func (m *message) has(flag string) bool { return indexFlag(m.flags, flag) >= 0 }
