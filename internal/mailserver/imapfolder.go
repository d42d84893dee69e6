package mailserver

import (
	"slices"
	"strings"
	"unicode/utf8"

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
		use := uses[mb.name]
		if options.SelectSubscribed && !mb.subscribed || options.SelectSpecialUse && use == "" {
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
		if use != "" {
			data.Attrs = append(data.Attrs, imap.MailboxAttr(use))
		}
		if mb.subscribed && (options.ReturnSubscribed || options.SelectSubscribed) {
			data.Attrs = append(data.Attrs, imap.MailboxAttrSubscribed)
		}
		if options.ReturnStatus != nil {
			// One that cannot be looked at is told of as it was known last.
			_ = s.keep.look(mb)
			data.Status = s.status(mb, options.ReturnStatus)
		}
		list = append(list, data)
	}
	if !options.SelectSubscribed && !options.SelectSpecialUse {
		list = append(list, s.parents(ref, patterns)...)
	}
	// INBOX first, the rest by name.
	slices.SortFunc(list, func(a, b *imap.ListData) int {
		return strings.Compare(sortKey(a.Mailbox), sortKey(b.Mailbox))
	})
	return list
}

// parents are the names above mailboxes that are none themselves (RFC 9051 §6.3.9).
func (s *Store) parents(ref string, patterns []string) (list []*imap.ListData) {
	seen := map[string]bool{}
	for name := range s.mailboxes {
		for i, c := range name {
			above := name[:i]
			if c != Delimiter || seen[above] || s.mailboxes[above] != nil {
				continue
			}
			seen[above] = true
			if slices.ContainsFunc(patterns, func(p string) bool { return matchList(above, ref, p) }) {
				list = append(list, &imap.ListData{
					Mailbox: above, Delim: Delimiter,
					Attrs: []imap.MailboxAttr{imap.MailboxAttrNonExistent, imap.MailboxAttrNoSelect, imap.MailboxAttrHasChildren},
				})
			}
		}
	}
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
	if err := s.store.keep.look(mb); err != nil {
		return nil, failed(err)
	}
	return s.store.status(mb, options), nil
}

func (s *Store) status(mb *mailbox, options *imap.StatusOptions) *imap.StatusData {
	var size, deletedSize int64
	var unseen, deleted, none uint32
	for _, m := range mb.msgs {
		if options.Size {
			size += int64(s.size(m))
		}
		if !m.has(`\Seen`) {
			unseen++
		}
		if m.has(`\Deleted`) {
			deleted++
			if options.DeletedStorage {
				deletedSize += int64(s.size(m))
			}
		}
	}
	n, limit := uint32(len(mb.msgs)), uint32(appendLimit)
	return &imap.StatusData{
		Mailbox: mb.name, UIDNext: imap.UID(mb.uidNext), UIDValidity: mb.validity,
		NumMessages: &n, NumUnseen: &unseen, NumDeleted: &deleted, NumRecent: &none,
		Size: &size, DeletedStorage: &deletedSize, AppendLimit: &limit,
	}
}

// Create makes a mailbox, and those above it (RFC 9051 §6.3.4).
func (s *imapSession) Create(name string, _ *imap.CreateOptions) error {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	name, err := s.store.free(name)
	if err != nil {
		return err
	}
	return failed(s.store.createPath(name))
}

func (s *Store) createPath(name string) error {
	for i, c := range name {
		if above := name[:i]; c == Delimiter && s.mailboxes[above] == nil {
			if _, err := s.create(above); err != nil {
				return err
			}
		}
	}
	_, err := s.create(name)
	return err
}

// free checks that a name can be given to a new mailbox, and puts it as it is kept.
func (s *Store) free(name string) (string, error) {
	name = canonical(strings.TrimSuffix(name, string(Delimiter)))
	levels := strings.Split(name, string(Delimiter))
	odd := func(r rune) bool { return r < ' ' || r == 0x7f || r == '*' || r == '%' || r == utf8.RuneError }
	switch {
	case s.readOnly:
		return "", failed(errReadOnly)
	case slices.Contains(levels, ""), strings.ContainsFunc(name, odd):
		return "", failed(errName)
	case s.mailboxes[name] != nil:
		return "", no(imap.ResponseCodeAlreadyExists, errExists)
	}
	return name, failed(s.keep.fits(name))
}

// Delete removes a mailbox; sessions that have it selected see its messages expunged.
func (s *imapSession) Delete(name string) error {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	mb, err := s.store.find(name)
	switch {
	case err != nil:
		return no(imap.ResponseCodeNonExistent, err)
	case mb.name == inboxName:
		return no(imap.ResponseCodeCannot, errInbox)
	case s.store.readOnly:
		return failed(errReadOnly)
	}
	if err := s.store.keep.drop(mb); err != nil {
		return failed(err)
	}
	delete(s.store.mailboxes, mb.name)
	for _, m := range mb.msgs {
		m.gone = true
	}
	mb.sweep()
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
	below := mb.name + string(Delimiter)
	if mb.name == inboxName {
		return failed(st.emptyInbox(mb, newName))
	}
	if strings.HasPrefix(newName, below) {
		return failed(errName)
	}
	var moved []*mailbox
	for _, other := range st.mailboxes {
		if other == mb || strings.HasPrefix(other.name, below) {
			if st.mailboxes[newName+strings.TrimPrefix(other.name, mb.name)] != nil {
				return no(imap.ResponseCodeAlreadyExists, errExists)
			}
			moved = append(moved, other)
		}
	}
	old := mb.name
	for _, m := range moved {
		to := newName + strings.TrimPrefix(m.name, old)
		if err := st.keep.rename(m, to); err != nil {
			return failed(err) // those before it are renamed, on disk and here
		}
		delete(st.mailboxes, m.name)
		m.name = to
		st.mailboxes[to] = m
	}
	return nil
}

// emptyInbox moves the messages of INBOX into a new mailbox.
func (s *Store) emptyInbox(inbox *mailbox, name string) error {
	if err := s.createPath(name); err != nil {
		return err
	}
	moved := map[*message]bool{}
	var failure error
	for _, m := range inbox.msgs {
		octets, err := s.read(m)
		if err == nil {
			_, err = s.append(s.mailboxes[name], Message{Octets: octets, Flags: m.flags, Date: m.date})
		}
		if err != nil {
			failure = err
			break
		}
		moved[m] = true
	}
	if err := s.expunge(inbox, func(m *message) bool { return moved[m] }); failure == nil {
		failure = err
	}
	return failure
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
	if s.store.readOnly {
		return failed(errReadOnly)
	}
	if err := s.store.keep.subscribe(mb, on); err != nil {
		return failed(err)
	}
	mb.subscribed = on
	return nil
}

// Namespace answers NAMESPACE (RFC 2342): all mailboxes are personal.
func (s *imapSession) Namespace() (*imap.NamespaceData, error) {
	return &imap.NamespaceData{Personal: []imap.NamespaceDescriptor{{Delim: Delimiter}}}, nil
}
