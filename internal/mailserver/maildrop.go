package mailserver

import "fmt"

// maildrop is INBOX as a POP3 session sees it: the messages that were there at login
// (RFC 1939 §5). What IMAP expunges meanwhile can still be fetched.
type maildrop struct {
	store *Store
	msgs  []dropped
}

// dropped is a message in a maildrop.
type dropped struct {
	*message
	size    int
	uidl    string
	deleted bool
}

// openMaildrop locks INBOX for one POP3 session; nil where another has it.
func (s *Store) openMaildrop() (*maildrop, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dropped {
		return nil, nil
	}
	inbox := s.mailboxes[inboxName]
	if err := s.keep.look(inbox); err != nil {
		return nil, err
	}
	s.dropped = true
	d := &maildrop{store: s}
	for _, m := range inbox.msgs {
		d.msgs = append(d.msgs, dropped{message: m, size: s.popSize(m), uidl: fmt.Sprintf("%08x%08x", m.uid, inbox.validity)})
	}
	return d, nil
}

// close gives the maildrop free. In the UPDATE state the messages marked are removed; it
// gives their number.
func (d *maildrop) close(update bool) (n int, err error) {
	d.store.mu.Lock()
	defer d.store.mu.Unlock()
	d.store.dropped = false
	if !update {
		return 0, nil
	}
	marked := map[*message]bool{}
	for _, m := range d.msgs {
		if m.deleted {
			marked[m.message] = true
		}
	}
	return len(marked), d.store.expunge(d.store.mailboxes[inboxName], func(m *message) bool { return marked[m] })
}

// total gives number and octets of the messages not marked.
func (d *maildrop) total() (n, octets int) {
	for i := range d.msgs {
		if !d.msgs[i].deleted {
			n++
			octets += d.msgs[i].size
		}
	}
	return n, octets
}

// popSize is what a client gets, dot-stuffing undone: a last line without its CRLF gets one.
func (s *Store) popSize(m *message) int {
	n := s.size(m)
	if n > 0 && !m.ended {
		n += len(crlf)
	}
	return n
}

var crlf = []byte("\r\n")
