package grammar

import (
	"bytes"

	"github.com/mailtrace/mailtrace/decode/rules"
)

// mailboxName reads SP mailbox. One without quotes that has spaces is taken up to the next " ("
// or, where nothing in parentheses need follow, the end of the line.
func (p *Parser) mailboxName(listFollows bool) (Text, bool) {
	s := &p.scanner
	if !s.space() {
		p.expected("a mailbox name")
		return nil, false
	}
	from := s.pos
	t, ok := s.astring()
	if !ok {
		p.expected("a mailbox name")
		return nil, false
	}
	c := s.text[from]
	if s.atEnd() || c == '"' || c == '{' || c == '~' || s.peek() == ' ' && (s.peekAt(1) == '(' || s.peekAt(1) == 0) {
		return t, true
	}
	end := len(s.text)
	if n := bytes.LastIndex(s.text[s.pos:], []byte(" (")); n >= 0 {
		end = s.pos + n
	} else if listFollows {
		return t, true
	}
	s.pos = end
	s.problem(rules.Unquoted, from, end-from, s.shown(from, end))
	return s.since(from), true
}

// mailboxList reads SP mailbox-list (RFC 9051 §9; RFC 3501 §9; XLIST is alike).
func (p *Parser) mailboxList() any {
	s := &p.scanner
	l := &p.data.list
	*l = List{}
	var ok bool
	if !s.space() {
		p.expected("the attributes of a mailbox")
		return l
	}
	if l.Attributes, ok = p.flagList(rules.FlagInvalid); !ok {
		p.expected("the attributes of a mailbox in parentheses")
		return l
	}
	if !s.space() {
		p.expected("the hierarchy delimiter")
		return l
	}
	at := s.pos
	if l.Delimiter, ok = s.nstring(); !ok {
		p.expected("the hierarchy delimiter in quotes, or NIL")
		if l.Delimiter = Text(s.word()); l.Delimiter == nil {
			return l
		}
	} else if l.Delimiter != nil && len(l.Delimiter) != 1 {
		s.problem(rules.Delimiter, at, s.pos-at, s.shown(at, s.pos))
	}
	if l.Mailbox, ok = p.mailboxName(false); !ok {
		return l
	}
	if s.peek() == ' ' && s.peekAt(1) == '(' {
		s.pos += 2
		p.listExtended(l)
	}
	return l
}

// listExtended reads mbox-list-extended behind its parenthesis.
func (p *Parser) listExtended(l *List) {
	s := &p.scanner
	start := len(p.extended)
	for behind := false; p.next(behind); behind = true {
		name, ok := s.astring()
		if !ok || !s.space() {
			break
		}
		at := s.pos
		switch {
		case name.Is("CHILDINFO"):
			if l.ChildInfo, ok = p.astrings(); ok {
				continue
			}
		case name.Is("OLDNAME"):
			var old []Text
			if old, ok = p.astrings(); ok && len(old) == 1 {
				l.OldName = old[0]
				continue
			}
		}
		s.pos = at
		v := s.value()
		if v == nil {
			break
		}
		p.extended = append(p.extended, Extended{Name: name, Value: v})
	}
	if len(p.extended) > start {
		l.Extended = p.extended[start:len(p.extended):len(p.extended)]
	}
	if !s.take(')') {
		p.expected(`")" behind the extended data of a mailbox`)
	}
}

// mailboxStatus reads SP mailbox SP "(" [status-att-list] ")" (RFC 9051 §9).
func (p *Parser) mailboxStatus() any {
	s := &p.scanner
	st := &p.data.status
	*st = Status{}
	var ok bool
	if st.Mailbox, ok = p.mailboxName(true); !ok {
		return st
	}
	if !s.space() || !s.take('(') {
		p.expected("the list of STATUS items")
		return st
	}
	from := s.pos - 1
	if s.take(')') {
		// QUIRK: 163.com; RFC 9051 §9 has the list in brackets, so it is legal.
		s.problem(rules.StatusEmpty, from, 2, "")
		return st
	}
	start := len(p.extended)
	for behind := false; p.next(behind); behind = true {
		if !p.statusItem(st) {
			break
		}
	}
	if len(p.extended) > start {
		st.Other = p.extended[start:len(p.extended):len(p.extended)]
	}
	if !s.take(')') {
		p.expected(`")" behind the STATUS items`)
	}
	return st
}

// statusItem reads one status-att-val.
func (p *Parser) statusItem(st *Status) bool {
	s := &p.scanner
	name := Text(s.word())
	if name == nil || !s.space() {
		return false
	}
	at := s.pos
	known := true
	switch string(p.upper(name)) {
	case "MESSAGES":
		st.Messages = p.optional32()
	case "RECENT":
		st.Recent = p.optional32()
	case "UIDNEXT":
		st.UIDNext = p.nonZero(rules.UIDNextZero)
	case "UIDVALIDITY":
		st.UIDValidity = p.nonZero(rules.UIDValidityZero)
	case "UNSEEN":
		st.Unseen = p.optional32()
	case "DELETED":
		st.Deleted = p.optional32()
	case "DELETED-STORAGE":
		st.DeletedStorage = p.optional64(rules.SizeNegative)
	case "SIZE":
		st.Size = p.optional64(rules.SizeNegative)
	case "HIGHESTMODSEQ":
		st.HighestModSeq = p.optional64(rules.ModSeqNegative)
	case "APPENDLIMIT":
		if !s.nilWord() {
			st.AppendLimit = p.optional64(rules.SizeNegative)
		}
	case "MAILBOXID":
		st.MailboxID, _ = p.objectID()
	default:
		known = false
	}
	if s.pos > at && (s.atEnd() || s.peek() == ' ' || s.peek() == ')') {
		return true
	}
	if known {
		p.expected("the value of " + nameOf(name))
	}
	s.pos = at
	v := s.value()
	if v == nil {
		return false
	}
	p.extended = append(p.extended, Extended{Name: name, Value: v})
	return true
}

// optional32 reads a number, nil where there is none.
func (p *Parser) optional32() *uint32 {
	if n, ok := p.scanner.number32(); ok {
		return p.ptr32(n)
	}
	return nil
}

// optional64 reads a number of 63 bits, nil where there is none.
func (p *Parser) optional64(negative *rules.Rule) *int64 {
	if n, ok := p.signed(negative); ok {
		return p.ptr64(n)
	}
	return nil
}

// nonZero reads a number that may not be 0.
func (p *Parser) nonZero(r *rules.Rule) *uint32 {
	s := &p.scanner
	at := s.pos
	n := p.optional32()
	if n != nil && *n == 0 {
		s.problem(r, at, s.pos-at, "")
	}
	return n
}

// definedFlags reads SP flag-list.
func (p *Parser) definedFlags() any {
	p.data.flags.Flags = nil
	if p.scanner.space() {
		var ok bool
		if p.data.flags.Flags, ok = p.flagList(rules.FlagInvalid); ok {
			return &p.data.flags
		}
	}
	p.expected("a list of flags")
	return &p.data.flags
}

// capabilities reads *(SP capability).
func (p *Parser) capabilities(c *Capability) any {
	s := &p.scanner
	start := len(p.texts)
	for s.peek() == ' ' && s.peekAt(1) != ' ' && s.peekAt(1) != 0 {
		s.pos++
		from := s.pos
		w := Text(s.run(atomChar))
		if i := s.pos; i < len(s.text) && s.text[i] != ' ' {
			for s.pos < len(s.text) && s.text[s.pos] != ' ' {
				s.pos++
			}
			w = s.since(from)
			s.problem(rules.Unquoted, i, s.pos-i, s.shown(from, s.pos))
		}
		if n := len(p.texts); n > start && (len(w) == 1 && (w[0] == '+' || w[0] == '-')) {
			at := from - 1 - len(p.texts[n-1])
			s.problem(rules.CapabilitySpace, at, s.pos-at, s.shown(at, s.pos))
			b := len(s.buf)
			s.buf = append(append(s.buf, p.texts[n-1]...), w...)
			p.texts[n-1] = Text(s.buf[b:len(s.buf):len(s.buf)])
			continue
		}
		p.texts = append(p.texts, w)
		if s.peek() == ' ' && s.peekAt(1) == ' ' {
			at := s.pos
			for s.peekAt(1) == ' ' {
				s.pos++
			}
			if s.pos+1 >= len(s.text) {
				s.pos = at
				break
			}
			s.problem(rules.ExtraSpace, at+1, s.pos-at, "")
		}
	}
	c.Names = p.textsFrom(start)
	return c
}

// namespaceData reads SP namespace SP namespace SP namespace (RFC 9051 §7.3.5).
func (p *Parser) namespaceData() any {
	p.rare = true
	s := &p.scanner
	n := &p.data.names
	*n = Namespaces{}
	for _, to := range [...]*[]Namespace{&n.Personal, &n.Other, &n.Shared} {
		if !s.space() {
			p.expected("three namespaces")
			return n
		}
		if s.nilWord() {
			continue
		}
		if !s.take('(') {
			p.expected("a namespace in parentheses, or NIL")
			return n
		}
		start := len(p.namespaces)
		for {
			s.spacesHere()
			if !s.take('(') {
				break
			}
			x, ok := p.namespace()
			if !ok {
				p.expected("the rest of a namespace")
				return n
			}
			p.namespaces = append(p.namespaces, x)
		}
		*to = p.namespaces[start:len(p.namespaces):len(p.namespaces)]
		if !s.take(')') {
			p.expected("a namespace")
			return n
		}
	}
	return n
}

// namespace reads namespace-descr behind its parenthesis.
func (p *Parser) namespace() (n Namespace, ok bool) {
	s := &p.scanner
	if n.Prefix, ok = p.stringHere("the prefix of a namespace"); !ok || !s.space() {
		return n, false
	}
	if n.Delimiter, ok = p.stringHere("the delimiter of a namespace"); !ok {
		return n, false
	}
	start := len(p.extended)
	for p.next(true) {
		name, ok := s.astring()
		if !ok || !s.space() {
			return n, false
		}
		v := s.value()
		if v == nil {
			return n, false
		}
		p.extended = append(p.extended, Extended{Name: name, Value: v})
	}
	if len(p.extended) > start {
		n.Extended = p.extended[start:len(p.extended):len(p.extended)]
	}
	return n, s.take(')')
}
