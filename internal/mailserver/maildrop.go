package mailserver

import (
	"bytes"
	"fmt"
)

// maildrop is INBOX as a POP3 session sees it: the messages that were there at login
// (RFC 1939 §5). What IMAP expunges meanwhile can still be fetched.
type maildrop struct {
	store *Store
	msgs  []dropped
}

// dropped is a message in a maildrop.
type dropped struct {
	*message
	uidl    string
	deleted bool
}

// openMaildrop locks INBOX for one POP3 session; false where another has it.
func (s *Store) openMaildrop() (*maildrop, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dropped {
		return nil, false
	}
	s.dropped = true
	inbox := s.mailboxes[inboxName]
	d := &maildrop{store: s}
	for _, m := range inbox.msgs {
		d.msgs = append(d.msgs, dropped{message: m, uidl: fmt.Sprintf("%08x%08x", m.uid, inbox.validity)})
	}
	return d, true
}

// close gives the maildrop free. In the UPDATE state the messages marked are removed.
func (d *maildrop) close(update bool) {
	d.store.mu.Lock()
	defer d.store.mu.Unlock()
	d.store.dropped = false
	if !update {
		return
	}
	marked := map[*message]bool{}
	for _, m := range d.msgs {
		marked[m.message] = m.deleted
	}
	d.store.mailboxes[inboxName].expunge(func(m *message) bool { return marked[m] })
}

// total gives number and octets of the messages not marked.
func (d *maildrop) total() (n, octets int) {
	for i := range d.msgs {
		if !d.msgs[i].deleted {
			n++
			octets += d.msgs[i].size()
		}
	}
	return n, octets
}

// size is what a client gets, dot-stuffing undone: a last line without its CRLF gets one.
func (m *message) size() int {
	n := len(m.octets)
	if n > 0 && !bytes.HasSuffix(m.octets, crlf) {
		n += len(crlf)
	}
	return n
}

var crlf = []byte("\r\n")
