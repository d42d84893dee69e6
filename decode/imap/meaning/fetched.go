package meaning

import (
	"fmt"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// fetched takes the data of a message (RFC 9051 §7.5.2).
func (m *model) fetched(s *seen, b *box, d *grammar.Fetch) {
	n, known := d.Number, uint32(0)
	if b != nil && n > 0 {
		if b.known && b.opened && n > b.messages.count {
			s.at(rules.FetchBeyond, fmt.Sprintf("FETCH of message %d, there are %d", n, b.messages.count))
		}
		if d.UID != 0 {
			m.identified(s, b, n, d.UID)
		}
		if d.Flags != nil {
			b.messages.mark(n, b.bits(d.Flags))
		}
		known = d.UID
		if known == 0 {
			known, _ = b.messages.known(n)
		}
		if d.Size != nil {
			b.messages.measure(n, *d.Size)
		}
		m.structure(known, d)
		if len(d.Sections) > 0 {
			m.delivered(s, b, d, known)
		}
	}
	if m.asked.wanting > 0 {
		m.wanted(s, d, known)
	}
	m.bodies.parts = m.bodies.parts[:0]
	if m.o.Bare {
		return
	}
	f := &Fetched{}
	if x, ok := s.Response.Detail().(*grammar.Fetch); ok {
		f.Fetch = *x
	}
	if d.UID == 0 {
		f.KnownUID = known
	}
	s.Detail = f
}

// identified takes the UID of a message.
func (m *model) identified(s *seen, b *box, n, uid uint32) {
	if against, of := b.messages.learn(n, uid); of == n {
		s.at(rules.UIDMoved, fmt.Sprintf("message %d has UID %d, it had %d", n, uid, against))
	} else if of != 0 {
		s.at(rules.UIDOrder, fmt.Sprintf("message %d has UID %d, message %d has %d", n, uid, of, against))
	}
	if b.hasNext && n <= b.said && int64(uid) >= b.next && b.next > 0 {
		s.at(rules.UIDBeyondNext, fmt.Sprintf("UIDNEXT was %d, message %d has UID %d", b.next, n, uid))
		b.said = 0 // once
	}
	b.learned(n, uid)
}

// delivered compares the content that came with the sizes that were said.
func (m *model) delivered(s *seen, b *box, d *grammar.Fetch, uid uint32) {
	for i := range d.Sections {
		x := &d.Sections[i]
		if x.NIL || x.Origin != nil || x.Item == "BINARY" {
			continue
		}
		switch {
		case x.Item == "RFC822" || x.Item == "BODY" && len(x.Spec) == 0:
			said := int64(b.messages.size(d.Number))
			if d.Size != nil {
				said = *d.Size
			}
			if said > 0 && said != x.Octets {
				s.found(rules.Size, s.content(x), fmt.Sprintf("RFC822.SIZE said %d, %d octets came", said, x.Octets))
			}
			m.comparedParts(s, uid)
		case x.Item == "BODY" && isPath(x.Spec):
			l := m.bodies.find(uid, hashPath(x.Spec))
			if l != nil && l.octets != x.Octets {
				s.found(rules.BodyStructureOctets, s.content(x),
					fmt.Sprintf("BODYSTRUCTURE said %d octets of part %s, %d came", l.octets, x.Spec, x.Octets))
			}
		}
	}
}

// content gives where the content of a section stands in the stream.
func (s *seen) content(x *grammar.Section) decode.Span {
	at := s.offset(x.At)
	if x.Literal {
		at -= x.Octets // At is behind it
	}
	return decode.Span{Off: at, Len: x.Octets}
}

// comparedParts compares the parts of a whole message that went by with its BODYSTRUCTURE.
func (m *model) comparedParts(s *seen, uid uint32) {
	for i := range m.bodies.parts {
		p := &m.bodies.parts[i]
		l := m.bodies.find(uid, p.path)
		if l == nil || p.cut {
			continue
		}
		switch {
		case l.octets != p.octets:
			s.found(rules.BodyStructureOctets, p.span,
				fmt.Sprintf("BODYSTRUCTURE said %d octets of part %s, %d came", l.octets, p.number, p.octets))
			return
		case l.lines >= 0 && (l.lines > p.lines+1 || l.lines < p.lines-1): // the last line may count or not
			s.found(rules.BodyStructureLines, p.span,
				fmt.Sprintf("BODYSTRUCTURE said %d lines of part %s, %d came", l.lines, p.number, p.lines))
			return
		}
	}
}

// wanted notes whether the section came that a FETCH of one message asks for.
func (m *model) wanted(s *seen, d *grammar.Fetch, uid uint32) {
	c := m.asked.of(s.Event.Command)
	if c == nil || c.section == nil || c.single == 0 {
		return
	}
	if c.Name[0] == 'U' && uid != c.single || c.Name[0] != 'U' && d.Number != c.single {
		return
	}
	c.other = true
	for i := range d.Sections {
		if x := &d.Sections[i]; x.Item != "BINARY" && equalSection(x.Spec, c.section) {
			c.came = true
		}
	}
}

func equalSection(a, b []byte) bool {
	return len(a) == len(b) && hasPrefixFold(a, string(b))
}
