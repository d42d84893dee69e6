package grammar

import "github.com/mailtrace/mailtrace/decode/rules"

// AppendArgs is the arguments of APPEND (RFC 9051 §6.3.12, RFC 3502, RFC 4469, RFC 6855 §4).
type AppendArgs struct {
	Mailbox  Text            `json:"mailbox"`
	Display  string          `json:"display,omitempty"`
	Messages []AppendMessage `json:"messages"` // several with MULTIAPPEND
}

// ReplaceArgs is the arguments of REPLACE and UID REPLACE (RFC 8508 §3).
type ReplaceArgs struct {
	Number  uint32        `json:"number"` // sequence number or UID; 0 where it is none
	Mailbox Text          `json:"mailbox"`
	Display string        `json:"display,omitempty"`
	Message AppendMessage `json:"message"`
}

// AppendMessage is one message to append.
type AppendMessage struct {
	Flags    []Text         `json:"flags,omitzero"`
	Date     Text           `json:"date,omitzero"`
	Other    []Extended     `json:"other,omitzero"` // append-ext: ANNOTATION and what the grammar does not know
	Octets   int64          `json:"octets"`         // of a CATENATE: those of its TEXT parts
	Binary   bool           `json:"binary,omitempty"`
	UTF8     bool           `json:"utf8,omitempty"`
	Catenate []CatenatePart `json:"catenate,omitzero"`
}

// CatenatePart is a part of a message that the server puts together (RFC 4469 §3).
type CatenatePart struct {
	URL    Text  `json:"url,omitzero"`
	Octets int64 `json:"octets,omitempty"` // of TEXT
}

func (p *Parser) append(c *Command) {
	a := &p.appendArgs
	*a = AppendArgs{}
	c.Args = a
	s := &p.scanner
	var ok bool
	if a.Mailbox, ok = p.spMailbox(); !ok {
		return
	}
	for {
		from := s.pos
		m, ok := p.message()
		if ok || m.Flags != nil || m.Date != nil || m.Other != nil || m.Catenate != nil {
			p.messages = append(p.messages, m)
		}
		if len(p.messages) == 2 {
			p.need(&needMultiAppend, from, s.pos-from)
		}
		if !ok || s.peek() != ' ' || s.peekAt(1) == 0 || s.peekAt(1) == ' ' {
			break
		}
	}
	a.Messages = tail(p.messages, 0)
	p.end()
}

func (p *Parser) replace(c *Command) {
	a := &p.replaceArgs
	*a = ReplaceArgs{}
	c.Args = a
	s := &p.scanner
	set, ok := p.spSet()
	if !ok {
		return
	}
	if a.Number, ok = set.Single(); !ok && set != nil && string(set) != "*" {
		s.problem(rules.SequenceSet, s.pos-len(set), len(set), "expected one number, got "+set.String())
	}
	if a.Mailbox, ok = p.spMailbox(); !ok {
		return
	}
	a.Message, _ = p.message()
	p.end()
}

// message reads SP append-message: [flag-list SP] [date-time SP] *(append-ext SP) append-data
// (RFC 4466 §2.6).
func (p *Parser) message() (m AppendMessage, ok bool) {
	s := &p.scanner
	if !s.space() {
		p.fail("a literal")
		return m, false
	}
	if s.peek() == '(' {
		if m.Flags, ok = p.flagsArgument(); !ok {
			p.fail("a flag or a closing parenthesis")
			return m, false
		}
		s.space()
	}
	if s.peek() == '"' {
		if m.Date, ok = p.dateTime(); !ok {
			p.fail("a date and time")
			return m, false
		}
		s.space()
	}
	start := len(p.extended)
	for {
		from := s.pos
		if s.peek() == '{' || s.peek() == '~' {
			m.Binary = s.peek() == '~'
			l, good := s.literal()
			m.Octets = l.Octets
			if m.Binary && good { // a ~ alone stands for nothing that could be needed
				p.need(&needBinaryAppend, from, s.pos-from)
			}
			m.Other = p.othersFrom(start)
			if !good {
				p.fail("a literal")
			}
			return m, good
		}
		w := s.run(atomChar)
		switch string(p.upper(w)) {
		case "":
			p.fail("a literal")
			return m, false
		case "CATENATE":
			p.need(&needCatenate, from, len(w))
			m.Other = p.othersFrom(start)
			ok = p.catenate(&m)
			return m, ok
		case "UTF8":
			p.need(&needUTF8, from, len(w))
			m.Other, m.UTF8, m.Binary = p.othersFrom(start), true, true
			ok = p.utf8Message(&m)
			return m, ok
		case "ANNOTATION":
			p.need(&needAnnotationAppend, from, len(w))
		}
		if !s.space() {
			p.fail("a literal")
			return m, false
		}
		p.extended = append(p.extended, Extended{Name: w, Value: s.value()})
		if !s.space() {
			p.fail("a literal")
			return m, false
		}
	}
}

// utf8Message reads SP "(" literal8 ")" (RFC 6855 §4).
func (p *Parser) utf8Message(m *AppendMessage) bool {
	s := &p.scanner
	if s.space() && s.take('(') {
		if l, ok := s.literal(); ok {
			m.Octets = l.Octets
			if s.take(')') {
				return true
			}
		}
	}
	p.fail("a literal in parentheses")
	return false
}

// catenate reads SP "(" cat-part *(SP cat-part) ")" (RFC 4469 §5).
func (p *Parser) catenate(m *AppendMessage) bool {
	s := &p.scanner
	if !s.space() || !s.take('(') {
		p.fail("parts in parentheses")
		return false
	}
	start := len(p.pieces)
	ok := true
	for ok && p.next(len(p.pieces) > start) {
		var part CatenatePart
		ok = false
		switch {
		case s.keyword("URL") && s.space():
			part.URL, ok = s.astring()
		case s.keyword("TEXT") && s.space():
			var l Literal
			l, ok = s.literal()
			part.Octets = l.Octets
			m.Octets += l.Octets
		}
		if !ok {
			break
		}
		p.pieces = append(p.pieces, part)
	}
	m.Catenate = tail(p.pieces, start)
	if !ok || len(m.Catenate) == 0 || !s.take(')') {
		p.fail("TEXT and a literal, or URL and a string")
		return false
	}
	return true
}
