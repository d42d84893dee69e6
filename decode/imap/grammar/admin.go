package grammar

import "github.com/mailtrace/mailtrace/decode/rules"

// idData reads SP id_params_list (RFC 2971 §4): strings and their nstrings, or NIL.
func (p *Parser) idData() any {
	s := &p.scanner
	p.data.pairs.Params = nil
	if !s.space() {
		p.expected("the list of ID parameters, or NIL")
		return &p.data.pairs
	}
	if s.nilWord() {
		return &p.data.pairs
	}
	var ok bool
	if p.data.pairs.Params, ok = p.attributes(); !ok {
		p.expected("an ID parameter, or the end of their list")
	}
	return &p.data.pairs
}

// attributes reads "(" [name SP nstring *(SP name SP nstring)] ")".
func (p *Parser) attributes() ([]Param, bool) {
	s := &p.scanner
	if !s.take('(') {
		return nil, false
	}
	start := len(p.params)
	for p.next(len(p.params) > start) {
		name, ok := s.astring()
		if !ok || !s.space() {
			return nil, false
		}
		value, ok := p.stringHere("the value of a parameter")
		if !ok {
			return nil, false
		}
		p.params = append(p.params, Param{name, value})
	}
	if len(p.params) == start {
		return []Param{}, s.take(')')
	}
	return p.params[start:len(p.params):len(p.params)], s.take(')')
}

// quotaData reads SP quota-root-name SP quota-list (RFC 9208 §7).
func (p *Parser) quotaData() any {
	p.rare = true
	s := &p.scanner
	q := &p.data.quota
	*q = Quota{}
	var ok bool
	if q.Root, ok = p.spAstring("the name of a quota root"); !ok {
		return q
	}
	if !s.space() || !s.take('(') {
		p.expected("the list of quota resources")
		return q
	}
	for p.next(len(p.resources) > 0) {
		name := Text(s.atom())
		if name == nil || !s.space() {
			break
		}
		usage, ok := p.signed(rules.SizeNegative)
		if !ok || !s.space() {
			break
		}
		limit, ok := p.signed(rules.SizeNegative)
		if !ok {
			break
		}
		p.resources = append(p.resources, Resource{name, usage, limit})
	}
	if q.Resources = p.resources; q.Resources == nil {
		q.Resources = []Resource{}
	}
	if !s.take(')') {
		p.expected("a quota resource with its usage and limit")
	}
	return q
}

// astringsHere reads *(SP astring).
func (p *Parser) astringsHere() []Text {
	s := &p.scanner
	start := len(p.texts)
	for s.peek() == ' ' && s.peekAt(1) != 0 {
		from := s.pos
		s.space()
		t, ok := s.astring()
		if !ok {
			s.pos = from
			break
		}
		p.texts = append(p.texts, t)
	}
	return p.textsFrom(start)
}

// quotaRoots reads SP mailbox *(SP quota-root-name).
func (p *Parser) quotaRoots() any {
	q := &p.data.quotaRoot
	*q = QuotaRoot{}
	var ok bool
	if q.Mailbox, ok = p.spAstring("a mailbox name"); ok {
		q.Roots = p.astringsHere()
	}
	return q
}

// accessControl reads SP mailbox *(SP identifier SP rights) (RFC 4314 §7).
func (p *Parser) accessControl() any {
	s := &p.scanner
	a := &p.data.acl
	*a = ACL{}
	var ok bool
	if a.Mailbox, ok = p.spAstring("a mailbox name"); !ok {
		return a
	}
	for s.peek() == ' ' && s.peekAt(1) != 0 {
		from := s.pos
		s.space()
		if s.atEnd() {
			s.pos = from
			break
		}
		identifier, ok := s.astring()
		if !ok {
			p.expected("an identifier")
			break
		}
		rights, ok := p.spAstring("rights")
		if !ok {
			break
		}
		p.params = append(p.params, Param{identifier, rights})
	}
	if a.Entries = p.params; a.Entries == nil {
		a.Entries = []Param{}
	}
	return a
}

// rightsList reads SP mailbox SP identifier SP rights *(SP rights).
func (p *Parser) rightsList() any {
	l := &p.data.listRights
	*l = ListRights{}
	var ok bool
	if l.Mailbox, ok = p.spAstring("a mailbox name"); !ok {
		return l
	}
	if l.Identifier, ok = p.spAstring("an identifier"); !ok {
		return l
	}
	if l.Required, ok = p.spAstring("the required rights"); !ok {
		return l
	}
	l.Optional = p.astringsHere()
	return l
}

// rightsMine reads SP mailbox SP rights.
func (p *Parser) rightsMine() any {
	m := &p.data.myRights
	*m = MyRights{}
	var ok bool
	if m.Mailbox, ok = p.spAstring("a mailbox name"); ok {
		m.Rights, _ = p.spAstring("rights")
	}
	return m
}

// metadataEntries reads SP mailbox SP (entry-values / entry-list) (RFC 5464 §5).
func (p *Parser) metadataEntries() any {
	s := &p.scanner
	m := &p.data.metadata
	*m = Metadata{}
	var ok bool
	if m.Mailbox, ok = p.spAstring("a mailbox name"); !ok {
		return m
	}
	if s.peek() == ' ' && s.peekAt(1) == '(' {
		s.pos++
		if m.Entries, ok = p.attributes(); !ok {
			p.expected("an entry with its value, or the end of their list")
		}
		return m
	}
	if m.Changed = p.astringsHere(); len(m.Changed) == 0 {
		p.expected("the entries")
	}
	return m
}

// wordData reads *(SP (astring / "(" [astring *(SP astring)] ")")): the lists of LANGUAGE and
// COMPARATOR (RFC 5255), CONVERSION (RFC 5259), GENURLAUTH.
func (p *Parser) wordData() any {
	p.data.words.Words = p.wordsHere()
	return &p.data.words
}

func (p *Parser) wordsHere() []Text {
	s := &p.scanner
	start := len(p.texts)
	for s.peek() == ' ' && s.peekAt(1) != 0 {
		from := s.pos
		s.space()
		var ok bool
		if s.peek() == '(' {
			_, ok = p.astrings()
		} else {
			var t Text
			if t, ok = s.astring(); ok {
				p.texts = append(p.texts, t)
			}
		}
		if !ok {
			s.pos = max(from, s.pos)
			break
		}
	}
	return p.textsFrom(start)
}

// pairData reads *(SP astring SP nstring): XAPPLEPUSHSERVICE, URLFETCH.
func (p *Parser) pairData() any {
	s := &p.scanner
	for s.peek() == ' ' && s.peekAt(1) != 0 {
		from := s.pos
		s.space()
		name, ok := s.astring()
		if !ok {
			s.pos = from
			break
		}
		var value Text
		if s.space() {
			value, _ = p.stringHere("the value of a parameter")
		}
		p.params = append(p.params, Param{name, value})
	}
	if p.data.pairs.Params = p.params; p.data.pairs.Params == nil {
		p.data.pairs.Params = []Param{}
	}
	return &p.data.pairs
}
