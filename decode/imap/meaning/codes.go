package meaning

import (
	"fmt"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// code takes the response code of a status response (RFC 9051 §7.1).
func (m *model) code(s *seen, b *box, c *grammar.Code) {
	switch d := c.Data.(type) {
	case *grammar.Capability:
		m.capable(d)
	case *grammar.Number:
		m.says(s, b, c.Name, d.Value)
	case *grammar.CopyUID:
		m.copied(s, d)
	}
	if c.Name == "CLOSED" && m.box != nil {
		m.leave(m.box)
		m.box = nil
	}
}

// capable notes the revision that the server speaks.
func (m *model) capable(d *grammar.Capability) {
	rev1, rev2 := false, false
	for _, name := range d.Names {
		rev1, rev2 = rev1 || name.Is("IMAP4REV1"), rev2 || name.Is("IMAP4REV2")
	}
	m.modern = m.modern || rev1 || rev2
	if m.alone = rev2 && !rev1; m.alone {
		m.parser.UTF8 = true // there is no ENABLE IMAP4rev2 to wait for (RFC 9051 §6.3.1)
	}
}

// says takes what a code says of the mailbox that is open or being opened.
func (m *model) says(s *seen, b *box, name string, v int64) {
	if name != "UIDVALIDITY" && name != "UIDNEXT" && name != "HIGHESTMODSEQ" {
		return
	}
	if b == nil {
		return
	}
	switch name {
	case "UIDVALIDITY":
		if b.opened && b.validity > 0 && v != b.validity {
			s.at(rules.UIDValidityChanged, fmt.Sprintf("%d, it was %d when the mailbox was opened", v, b.validity))
			b.messages.clear()
		}
		b.validity = v
	case "UIDNEXT":
		if b.opened && v < b.next {
			s.at(rules.UIDNextBackwards, fmt.Sprintf("UIDNEXT %d, it was %d", v, b.next))
		}
		b.next, b.hasNext = v, true
		b.coming = max(b.coming, v)
	case "HIGHESTMODSEQ":
		b.modseq = v
	}
}

// selected compares a mailbox that was opened with what was known of it (RFC 9051 §2.3.1.1).
func (m *model) selected(s *seen, c *command, b *box) {
	if m.modern && b.known && b.validity > 0 && !b.hasNext {
		// RFC 3501 §6.3.1 demands it like RFC 9051; of older servers (RFC 2060) nobody could.
		s.at(rules.UIDNextMissing, "")
	}
	before, ok := m.history.of(c.mailbox)
	now := memory{b.validity, b.next, b.modseq}
	if ok {
		m.compare(s, before, now)
	}
	if len(c.mailbox) > 0 {
		m.history.keep(c.mailbox, now.after(before))
	}
}

func (m *model) compare(s *seen, before, now memory) {
	switch {
	case before.validity == 0 || now.validity == 0:
		return
	case now.validity < before.validity:
		s.at(rules.UIDValidityBackwards, fmt.Sprintf("UIDVALIDITY %d, it was %d", now.validity, before.validity))
		return
	case now.validity > before.validity:
		s.at(rules.UIDValidityChanged, fmt.Sprintf("UIDVALIDITY %d, it was %d", now.validity, before.validity))
		return
	}
	if now.next > 0 && now.next < before.next {
		s.at(rules.UIDNextBackwards, fmt.Sprintf("UIDNEXT %d, it was at least %d", now.next, before.next))
	}
	if now.modseq > 0 && now.modseq < before.modseq {
		s.at(rules.ModSeqBackwards, fmt.Sprintf("HIGHESTMODSEQ %d, it was %d", now.modseq, before.modseq))
	}
}

// after gives what is known now, what was not said being as before while UIDs are the same.
func (n memory) after(before memory) memory {
	if n.validity == 0 || n.validity != before.validity {
		return n
	}
	if n.next == 0 {
		n.next = before.next
	}
	if n.modseq == 0 {
		n.modseq = before.modseq
	}
	return n
}

// leave remembers a mailbox that is no longer selected.
func (m *model) leave(b *box) {
	if before, ok := m.history.of([]byte(b.name)); ok && before.validity == b.validity && b.validity > 0 {
		before.next = max(before.next, b.coming)
		m.history.keep([]byte(b.name), before)
	}
}

// status takes a STATUS response: of a mailbox that is not open, since the counts of the open
// one may lag behind (RFC 9051 §6.3.11).
func (m *model) status(s *seen, d *grammar.Status) {
	before, ok := m.history.of(d.Mailbox)
	now := memory{}
	if d.UIDValidity != nil {
		now.validity = int64(*d.UIDValidity)
	}
	if d.UIDNext != nil {
		now.next = int64(*d.UIDNext)
	}
	if d.HighestModSeq != nil {
		now.modseq = *d.HighestModSeq
	}
	if len(d.Mailbox) == 0 || s.Line.Cut || now.validity == 0 || m.box != nil && string(d.Mailbox) == m.box.name {
		return
	}
	if ok {
		m.compare(s, before, now)
	}
	m.history.keep(d.Mailbox, now.after(before))
}

// copied compares the two sets of COPYUID, which name the same messages (RFC 4315 §3).
func (m *model) copied(s *seen, d *grammar.CopyUID) {
	from, to := setSize(d.Source), setSize(d.Destination)
	if from != to {
		s.at(rules.CopyUIDCount, fmt.Sprintf("%d UIDs became %d", from, to))
	}
}

func setSize(set []byte) (n int64) {
	ranges(set, func(from, to uint32) bool {
		n += int64(to-from) + 1
		return true
	})
	return n
}
