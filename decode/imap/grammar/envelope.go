package grammar

import "github.com/mailtrace/mailtrace/decode/rules"

// envelope reads an ENVELOPE (RFC 9051 §9).
func (p *Parser) envelope() (*Envelope, bool) {
	s := &p.scanner
	if s.nilWord() {
		return nil, true
	}
	if !s.take('(') {
		return nil, false
	}
	e := p.envelopes.get()
	dense := s.dense
	s.dense = true
	ok := p.envelopeFields(e)
	s.dense = dense
	return e, ok
}

func (p *Parser) envelopeFields(e *Envelope) bool {
	s := &p.scanner
	from := s.pos - 1
	lists := [...]*[]Address{&e.From, &e.Sender, &e.ReplyTo, &e.To, &e.Cc, &e.Bcc}
	var ok bool
	for i := range 10 {
		if i > 0 {
			if s.take(')') {
				// QUIRK: some servers leave out In-Reply-To and Message-ID.
				s.problem(rules.EnvelopeShort, from, s.pos-from, envelopeNames[i]+" and what follows it is missing")
				return true
			}
			if !s.take(' ') {
				p.expected("a space before the " + envelopeNames[i] + " of an ENVELOPE")
				return false
			}
		}
		if s.peek() == ' ' {
			s.spaces(rules.EnvelopeSpaces)
		}
		switch i {
		case 0:
			e.Date, ok = p.envelopeString("the date")
		case 1:
			e.Subject, ok = p.envelopeString("the subject")
		case 8:
			e.InReplyTo, ok = p.envelopeString("In-Reply-To")
		case 9:
			e.MessageID, ok = p.envelopeString("the Message-ID")
		default:
			*lists[i-2], ok = p.addressList(envelopeNames[i])
		}
		if !ok {
			return false
		}
	}
	if s.take(')') {
		return true
	}
	if s.peek() == ' ' {
		s.spaces(rules.EnvelopeSpaces)
		if s.take(')') {
			return true
		}
	}
	p.expected(`")" behind an ENVELOPE`)
	return false
}

var envelopeNames = [...]string{
	"date", "subject", "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "In-Reply-To", "Message-ID",
}

// envelopeString reads an nstring and a word in place of one.
func (p *Parser) envelopeString(what string) (Text, bool) {
	s := &p.scanner
	if s.pos < len(s.text) && s.text[s.pos] == '"' {
		return s.quoted(), true
	}
	return p.stringHere(what)
}

// addressList reads "(" 1*address ")" or NIL.
func (p *Parser) addressList(what string) ([]Address, bool) {
	s := &p.scanner
	if !s.take('(') {
		if s.nilWord() {
			return nil, true
		}
		p.expected("the list of " + what + " addresses")
		return nil, false
	}
	from := s.pos - 1
	start := len(p.addresses)
	for {
		switch s.peek() {
		case '(':
			s.pos++
			if !p.address(what) {
				return nil, false
			}
			continue
		case ')':
			s.pos++
			list := p.addresses[start:len(p.addresses):len(p.addresses)]
			if len(list) == 0 {
				s.problem(rules.AddressListEmpty, from, s.pos-from, "the list of "+what+" addresses")
				list = []Address{}
			}
			return list, true
		case ' ':
			// QUIRK: outlook.com and Exchange 5.5 put spaces between addresses.
			s.spaces(rules.EnvelopeSpaces)
			continue
		}
		at := s.pos
		if !s.nilWord() {
			p.expected("an address of " + what)
			return nil, false
		}
		// QUIRK: SmarterMail puts NIL in place of an address.
		s.problem(rules.AddressNIL, at, s.pos-at, "in the list of "+what+" addresses")
	}
}

// address reads the rest of an address behind its parenthesis.
func (p *Parser) address(what string) bool {
	s := &p.scanner
	p.addresses = append(p.addresses, Address{})
	a := &p.addresses[len(p.addresses)-1]
	if !p.addressString(&a.Name) || !s.take(' ') || !p.addressString(&a.Route) || !s.take(' ') ||
		!p.addressString(&a.Mailbox) || !s.take(' ') || !p.addressString(&a.Host) {
		p.expected("the next string of an address of " + what)
		return false
	}
	if s.peek() == ' ' {
		s.spaces(rules.EnvelopeSpaces)
	}
	if !s.take(')') {
		p.expected(`")" behind an address`)
		return false
	}
	return true
}

// addressString reads one nstring of an address.
func (p *Parser) addressString(to *Text) (ok bool) {
	s := &p.scanner
	if s.pos < len(s.text) {
		switch s.text[s.pos] {
		case '"':
			*to = s.quoted()
			return true
		case ' ':
			s.spaces(rules.EnvelopeSpaces)
		}
	}
	if s.nilWord() {
		return true
	}
	*to, ok = p.stringHere("a string of an address")
	return ok
}
