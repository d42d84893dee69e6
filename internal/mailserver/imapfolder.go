package mailserver

import (
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// List answers LIST and LSUB (RFC 9051 §6.3.9, RFC 5258).
func (s *imapSession) List(w *imapserver.ListWriter, ref string, patterns []string, options *imap.ListOptions) error {
	if len(patterns) == 0 { // asks for the delimiter
		return w.WriteList(&imap.ListData{Attrs: []imap.MailboxAttr{imap.MailboxAttrNoSelect}, Delim: Delimiter})
	}
	for _, data := range s.store.list(ref, patterns, options) {
		if err := w.WriteList(data); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) list(ref string, patterns []string, options *imap.ListOptions) []*imap.ListData {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*imap.ListData
	for _, mb := range s.mailboxes {
		if options.SelectSubscribed && !mb.subscribed || options.SelectSpecialUse && mb.use == "" {
			continue
		}
		if !slices.ContainsFunc(patterns, func(p string) bool { return matchList(mb.name, ref, p) }) {
			continue
		}
		data := &imap.ListData{Mailbox: mb.name, Delim: Delimiter}
		if s.children(mb.name) {
			data.Attrs = append(data.Attrs, imap.MailboxAttrHasChildren)
		} else {
			data.Attrs = append(data.Attrs, imap.MailboxAttrHasNoChildren)
		}
		if mb.use != "" {
			data.Attrs = append(data.Attrs, imap.MailboxAttr(mb.use))
		}
		if mb.subscribed && (options.ReturnSubscribed || options.SelectSubscribed) {
			data.Attrs = append(data.Attrs, imap.MailboxAttrSubscribed)
		}
		if options.ReturnStatus != nil {
			data.Status = mb.status(options.ReturnStatus)
		}
		list = append(list, data)
	}
	// INBOX first, the rest by name.
	slices.SortFunc(list, func(a, b *imap.ListData) int {
		return strings.Compare(sortKey(a.Mailbox), sortKey(b.Mailbox))
	})
	return list
}

func sortKey(name string) string {
	if name == inboxName {
		return ""
	}
	return name
}

// matchList matches a name, INBOX whatever its case.
func matchList(name, ref, pattern string) bool {
	if name == inboxName && ref == "" && strings.EqualFold(pattern, inboxName) {
		return true
	}
	return imapserver.MatchList(name, Delimiter, ref, pattern)
}

// children tells whether a mailbox has others below it.
func (s *Store) children(name string) bool {
	for other := range s.mailboxes {
		if strings.HasPrefix(other, name+string(Delimiter)) {
			return true
		}
	}
	return false
}

// Status answers STATUS (RFC 9051 §6.3.11).
func (s *imapSession) Status(name string, options *imap.StatusOptions) (*imap.StatusData, error) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	mb, err := s.store.find(name)
	if err != nil {
		return nil, no(imap.ResponseCodeNonExistent, err)
	}
	return mb.status(options), nil
}

func (mb *mailbox) status(options *imap.StatusOptions) *imap.StatusData {
	var size, deletedSize int64
	var unseen, deleted, none uint32
	for _, m := range mb.msgs {
		size += int64(len(m.octets))
		if !m.has(`\Seen`) {
			unseen++
		}
		if m.has(`\Deleted`) {
			deleted++
			deletedSize += int64(len(m.octets))
		}
	}
	n, limit := uint32(len(mb.msgs)), uint32(appendLimit)
	return &imap.StatusData{
		Mailbox: mb.name, UIDNext: imap.UID(mb.uidNext), UIDValidity: mb.validity,
		NumMessages: &n, NumUnseen: &unseen, NumDeleted: &deleted, NumRecent: &none,
		Size: &size, DeletedStorage: &deletedSize, AppendLimit: &limit,
	}
}

// Create makes a mailbox (RFC 9051 §6.3.4).
func (s *imapSession) Create(name string, _ *imap.CreateOptions) error {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	name, err := s.store.free(name)
	if err != nil {
		return err
	}
	s.store.create(name, "")
	return nil
}

// free checks that a name can be given to a new mailbox.
func (s *Store) free(name string) (string, error) {
	name = canonical(strings.TrimSuffix(name, string(Delimiter)))
	if name == "" || strings.ContainsAny(name, "*%\r\n\x00") || strings.HasPrefix(name, string(Delimiter)) {
		return "", no(imap.ResponseCodeCannot, errName)
	}
	if s.mailboxes[name] != nil {
		return "", no(imap.ResponseCodeAlreadyExists, errExists)
	}
	return name, nil
}

// Delete removes a mailbox; sessions that have it selected see its messages expunged.
func (s *imapSession) Delete(name string) error {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	mb, err := s.store.find(name)
	if err != nil {
		return no(imap.ResponseCodeNonExistent, err)
	}
	if mb.name == inboxName {
		return no(imap.ResponseCodeCannot, errInbox)
	}
	delete(s.store.mailboxes, mb.name)
	mb.expunge(func(*message) bool { return true })
	return nil
}

// Rename renames a mailbox and those below it. INBOX stays: its messages move
// (RFC 9051 §6.3.6).
func (s *imapSession) Rename(name, newName string, _ *imap.RenameOptions) error {
	st := s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	mb, err := st.find(name)
	if err != nil {
		return no(imap.ResponseCodeNonExistent, err)
	}
	if newName, err = st.free(newName); err != nil {
		return err
	}
	if mb.name == inboxName {
		to := st.create(newName, "")
		for _, m := range mb.msgs {
			st.append(to, Message{Octets: m.octets, Flags: m.flags, Date: m.date})
		}
		mb.expunge(func(*message) bool { return true })
		return nil
	}
	below := mb.name + string(Delimiter)
	var moved []*mailbox
	for _, other := range st.mailboxes {
		if other == mb || strings.HasPrefix(other.name, below) {
			moved = append(moved, other)
		}
	}
	for _, m := range moved {
		delete(st.mailboxes, m.name)
	}
	old := mb.name
	for _, m := range moved {
		m.name = newName + strings.TrimPrefix(m.name, old)
		st.mailboxes[m.name] = m
	}
	return nil
}

// Subscribe notes a mailbox as subscribed.
func (s *imapSession) Subscribe(name string) error { return s.subscribe(name, true) }

// Unsubscribe takes the note back.
func (s *imapSession) Unsubscribe(name string) error { return s.subscribe(name, false) }

func (s *imapSession) subscribe(name string, on bool) error {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	mb, err := s.store.find(name)
	if err != nil {
		return no(imap.ResponseCodeNonExistent, err)
	}
	mb.subscribed = on
	return nil
}

// Namespace answers NAMESPACE (RFC 2342): all mailboxes are personal.
func (s *imapSession) Namespace() (*imap.NamespaceData, error) {
	return &imap.NamespaceData{Personal: []imap.NamespaceDescriptor{{Delim: Delimiter}}}, nil
}
