package grammar

import "github.com/mailtrace/mailtrace/decode/rules"

// structure reads a body (RFC 9051 §7.5.2), extensible of BODYSTRUCTURE.
func (p *Parser) structure(extensible bool) (*Body, bool) {
	p.rare = true
	s := &p.scanner
	if s.nilWord() {
		return nil, true
	}
	from := s.pos
	s.dense = true
	children := len(p.children)
	b, ok := p.body(0)
	p.children = p.children[:children]
	s.dense = false
	if ok && !extensible && b.extended() {
		s.problem(rules.BodyExtended, from, s.pos-from, "")
	}
	return b, ok
}

// extended tells whether a body has extension data.
func (b *Body) extended() bool {
	return b.MD5 != nil || b.Disposition != nil || b.Language != nil || b.Location != nil || b.Extension != nil ||
		b.Multipart && b.Params != nil
}

// body reads one body from its parenthesis. The bodies within are read by recursion down to
// maxDepth; what lies deeper is passed over.
func (p *Parser) body(depth int) (*Body, bool) {
	s := &p.scanner
	from := s.pos
	if !s.take('(') {
		p.expected("a body")
		return nil, false
	}
	b := p.bodies.get()
	*b = Body{}
	if depth >= maxDepth {
		s.pos = from
		b.Extension = s.value()
		s.problem(rules.TooDeep, from, s.pos-from, "")
		return b, true
	}
	s.spacesHere()
	if s.peek() == '(' {
		return b, p.multipart(b, depth)
	}
	at := s.pos
	if s.nilWord() {
		// QUIRK: Dovecot, a multipart without children: (NIL "alternative" …).
		s.problem(rules.MultipartWithoutChildren, at, s.pos-at, "NIL in place of them")
		return b, p.multipartRest(b)
	}
	t, ok := p.stringHere("the media type")
	if !ok {
		return b, false
	}
	b.Type = t
	if next := s.peekAt(1); s.peek() == ')' || s.peek() == ' ' && (next == '(' || next == 'N' || next == 'n') && !topLevel(t) {
		// QUIRK: Gmail, Yandex and QQ lose the parts of a multipart: ("ALTERNATIVE").
		s.problem(rules.MultipartWithoutChildren, from, s.pos-from, "only "+s.shown(at, s.pos)+" is left of it")
		b.Type, b.Subtype, b.Multipart = multipartType, t, true
		return b, p.multipartExtension(b)
	}
	if !s.space() {
		p.expected("the media subtype")
		return b, false
	}
	if b.Subtype, ok = p.stringHere("the media subtype"); !ok {
		return b, false
	}
	return b, p.singlePart(b, depth)
}

var multipartType = Text("MULTIPART")

// topLevel tells whether a type is one of those that single parts have.
func topLevel(t Text) bool {
	switch len(t) {
	case 4:
		return t.Is("TEXT") || t.Is("FONT")
	case 5:
		return t.Is("IMAGE") || t.Is("AUDIO") || t.Is("VIDEO") || t.Is("MODEL")
	case 7:
		return t.Is("MESSAGE")
	case 11:
		return t.Is("APPLICATION")
	}
	return false
}

// multipart reads 1*body SP media-subtype and what follows.
func (p *Parser) multipart(b *Body, depth int) bool {
	s := &p.scanner
	start := len(p.children)
	for s.peek() == '(' {
		child, ok := p.body(depth + 1)
		if child != nil {
			p.children = append(p.children, child)
		}
		if !ok {
			p.adopt(b, start)
			return false
		}
		if s.peek() == ' ' && s.peekAt(1) == '(' {
			s.problem(rules.BodySpaces, s.pos, 1, "between the parts of a multipart")
			s.pos++
		}
	}
	p.adopt(b, start)
	return p.multipartRest(b)
}

// adopt makes the children since start the parts of b.
func (p *Parser) adopt(b *Body, start int) {
	from := len(p.parts)
	p.parts = append(p.parts, p.children[start:]...)
	p.children = p.children[:start]
	b.Parts = p.parts[from:len(p.parts):len(p.parts)]
}

// multipartRest reads SP media-subtype [SP body-ext-mpart].
func (p *Parser) multipartRest(b *Body) bool {
	s := &p.scanner
	b.Type, b.Multipart = multipartType, true
	if !s.space() {
		p.expected("the subtype of a multipart")
		return false
	}
	var ok bool
	if b.Subtype, ok = p.stringHere("the subtype of a multipart"); !ok {
		return false
	}
	return p.multipartExtension(b)
}

// multipartExtension reads [SP body-ext-mpart] ")".
func (p *Parser) multipartExtension(b *Body) bool {
	s := &p.scanner
	if s.take(')') {
		return true
	}
	if !s.space() {
		p.expected("the parameters of a multipart")
		return false
	}
	if s.take(')') {
		s.problem(rules.BodySpaces, s.pos-2, 1, "before a closing parenthesis")
		return true
	}
	var ok bool
	if b.Params, ok = p.bodyParams(); !ok {
		return false
	}
	return p.bodyExtension(b)
}

// singlePart reads SP body-fields and what follows for a part of its type.
func (p *Parser) singlePart(b *Body, depth int) bool {
	s := &p.scanner
	if !p.spaceIn("the parameters of a body part") {
		return false
	}
	var ok bool
	if b.Params, ok = p.bodyParams(); !ok {
		return false
	}
	for i, to := range [...]*Text{&b.ID, &b.Description, &b.Encoding} {
		if !p.spaceIn(bodyFields[i]) {
			return false
		}
		if *to, ok = p.stringHere(bodyFields[i]); !ok {
			return false
		}
	}
	if !p.spaceIn("the octets of a body part") {
		return false
	}
	at := s.pos
	if b.Octets, ok = p.signed(rules.BodyOctetsNegative); !ok { // QUIRK: Dovecot and others
		if !s.nilWord() {
			p.expected("the octets of a body part")
			return false
		}
		s.problem(rules.BodyNumberNIL, at, s.pos-at, "in place of the octets")
	}
	switch {
	case b.Type.Is("TEXT"):
		if !p.lines(b) {
			s.problem(rules.BodyLines, at, s.pos-at, "a text part has no number of lines")
		}
	case b.Type.Is("MESSAGE") && (b.Subtype.Is("RFC822") || b.Subtype.Is("GLOBAL")):
		if !p.messagePart(b, depth, at) {
			return false
		}
	default:
		if p.lines(b) {
			s.problem(rules.BodyLines, at, s.pos-at, "a part that is no text has a number of lines")
		}
	}
	if s.take(')') {
		return true
	}
	if !p.spaceIn("the MD5 of a body part") {
		return false
	}
	if s.take(')') {
		s.problem(rules.BodySpaces, s.pos-2, 1, "before a closing parenthesis")
		return true
	}
	if b.MD5, ok = p.stringHere("the MD5 of a body part"); !ok {
		return false
	}
	return p.bodyExtension(b)
}

var bodyFields = [...]string{"the id of a body part", "the description of a body part", "the encoding of a body part"}

// spaceIn passes the space before a field.
func (p *Parser) spaceIn(before string) bool {
	s := &p.scanner
	if !s.take(' ') {
		p.expected("a space before " + before)
		return false
	}
	if s.peek() == ' ' {
		s.spaces(rules.BodySpaces)
	}
	return true
}

// lines reads SP body-fld-lines where a number follows.
func (p *Parser) lines(b *Body) bool {
	s := &p.scanner
	c := s.peekAt(1)
	if s.peek() != ' ' || class[c]&digitChar == 0 && (c != '-' || class[s.peekAt(2)]&digitChar == 0) {
		return false
	}
	s.pos++
	n, ok := p.signed(rules.BodyLinesNegative)
	b.Lines = p.ptr64(n)
	return ok
}

// messagePart reads SP envelope SP body SP body-fld-lines.
func (p *Parser) messagePart(b *Body, depth, at int) bool {
	s := &p.scanner
	if s.peek() != ' ' || s.peekAt(1) != '(' {
		// QUIRK: Gmail describes message/rfc822 like any other part.
		s.problem(rules.BodyMessage, at, s.pos-at, "neither envelope nor body follow the octets")
		p.lines(b)
		return true
	}
	s.pos++
	var ok bool
	if b.Envelope, ok = p.envelope(); !ok {
		return false
	}
	if !p.spaceIn("the body of a message") {
		return false
	}
	if !s.nilWord() {
		child, ok := p.body(depth + 1)
		if child != nil {
			from := len(p.parts)
			p.parts = append(p.parts, child)
			b.Parts = p.parts[from:len(p.parts):len(p.parts)]
		}
		if !ok {
			return false
		}
	}
	if !p.lines(b) {
		s.problem(rules.BodyLines, at, s.pos-at, "a message has no number of lines")
	}
	return true
}

// bodyParams reads body-fld-param.
func (p *Parser) bodyParams() ([]Param, bool) {
	s := &p.scanner
	if s.nilWord() {
		return nil, true
	}
	from := s.pos
	if !s.take('(') {
		p.expected("the parameters of a body part")
		return nil, false
	}
	start := len(p.params)
	for p.next(len(p.params) > start) {
		at := s.pos
		name, ok := p.stringHere("the name of a body parameter")
		if !ok {
			return nil, false
		}
		if name == nil && s.peek() == ')' && len(p.params) == start { // (NIL) for NIL
			s.problem(rules.BodyParamNIL, at, s.pos-at, "(NIL)")
			break
		}
		if !s.space() {
			p.expected("the value of a body parameter")
			return nil, false
		}
		at = s.pos
		value, ok := p.stringHere("the value of a body parameter")
		if !ok {
			return nil, false
		}
		if value == nil || name == nil {
			// QUIRK: mail.ru
			s.problem(rules.BodyParamNIL, at, s.pos-at, s.shown(at, s.pos)+" is the value of "+string(appendVisible(nil, name)))
		}
		p.params = append(p.params, Param{Name: name, Value: value})
	}
	if !s.take(')') {
		p.expected(`")" behind the parameters of a body part`)
		return nil, false
	}
	if len(p.params) == start {
		s.problem(rules.BodyParamNIL, from, s.pos-from, s.shown(from, s.pos)+" in place of NIL")
		return nil, true
	}
	return p.params[start:len(p.params):len(p.params)], true
}

// bodyExtension reads [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc *(SP body-extension)]]] ")".
func (p *Parser) bodyExtension(b *Body) bool {
	s := &p.scanner
	from := s.pos
	for i := 0; ; i++ {
		if s.take(')') {
			return true
		}
		if !p.spaceIn("the next extension data of a body part") {
			return false
		}
		if s.take(')') {
			s.problem(rules.BodySpaces, s.pos-2, 1, "before a closing parenthesis")
			return true
		}
		ok := true
		switch i {
		case 0:
			ok = p.bodyDisposition(b)
		case 1:
			ok = p.bodyLanguage(b)
		case 2:
			b.Location, ok = p.stringHere("the location of a body part")
		default:
			if i == 3 {
				from = s.pos
			}
			ok = s.value() != nil
			b.Extension = s.since(from)
		}
		if !ok {
			return false
		}
	}
}

// bodyDisposition reads body-fld-dsp.
func (p *Parser) bodyDisposition(b *Body) bool {
	s := &p.scanner
	if s.nilWord() {
		return true
	}
	from := s.pos
	d := p.disposition.get()
	*d = Disposition{}
	b.Disposition = d
	if !s.take('(') {
		// QUIRK: Exchange sends "inline" for ("inline" NIL).
		var ok bool
		if d.Type, ok = p.stringHere("the disposition of a body part"); ok {
			s.problem(rules.BodyDisposition, from, s.pos-from, s.shown(from, s.pos)+` in place of a list`)
		}
		return ok
	}
	var ok bool
	if d.Type, ok = p.stringHere("the disposition of a body part"); !ok {
		return false
	}
	if d.Type == nil {
		// QUIRK: Exchange sends (NIL NIL) for NIL.
		s.problem(rules.BodyDisposition, from, s.pos-from, "it has no type")
	}
	if s.take(')') {
		s.problem(rules.BodyDisposition, from, s.pos-from, "it has no parameters, not even NIL")
		return true
	}
	if !p.spaceIn("the parameters of a disposition") {
		return false
	}
	if d.Params, ok = p.bodyParams(); !ok {
		return false
	}
	return s.take(')')
}

// bodyLanguage reads body-fld-lang.
func (p *Parser) bodyLanguage(b *Body) bool {
	s := &p.scanner
	if s.nilWord() {
		return true
	}
	start := len(p.texts)
	if s.peek() != '(' {
		t, ok := p.stringHere("the language of a body part")
		p.texts = append(p.texts, t)
		b.Language = p.textsFrom(start)
		return ok
	}
	var ok bool
	b.Language, ok = p.astrings()
	return ok
}
