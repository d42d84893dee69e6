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
	*e = Envelope{}
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
	if t, next := simpleString(s.text, s.pos, ' '); next > 0 && next < len(s.text) {
		if c := s.text[next]; c == '(' || c == '"' || c == 'N' {
			s.pos = next - 1
			return t, true
		}
	}
	return p.stringHere(what)
}

// simpleString reads NIL or a quoted string without anything special in it, and the octet behind
// it. next is behind both, 0 where something else stands there.
func simpleString(text []byte, i int, behind byte) (t Text, next int) {
	if i+4 > len(text) {
		return nil, 0
	}
	switch text[i] {
	case '"':
		if end := plainEnd(text, i+1); end+1 < len(text) && text[end] == '"' && text[end+1] == behind {
			return Text(text[i+1 : end : end]), end + 2
		}
	case 'N':
		if text[i+1] == 'I' && text[i+2] == 'L' && text[i+3] == behind {
			return nil, i + 4
		}
	}
	return nil, 0
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
			// QUIRK: outlook.com, Exchange 5.5 and go-imap v2 put spaces between addresses.
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
	if p.simpleAddress(a) {
		return true
	}
	*a = Address{}
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

// simpleAddress reads an address as nearly all of them are.
func (p *Parser) simpleAddress(a *Address) bool {
	s := &p.scanner
	text, i := s.text, s.pos
	if a.Name, i = simpleString(text, i, ' '); i == 0 {
		return false
	}
	if a.Route, i = simpleString(text, i, ' '); i == 0 {
		return false
	}
	if a.Mailbox, i = simpleString(text, i, ' '); i == 0 {
		return false
	}
	if a.Host, i = simpleString(text, i, ')'); i == 0 {
		return false
	}
	s.pos = i
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
