package grammar

import (
	"github.com/mailtrace/mailtrace/decode/rules"
)

// fetchData reads SP msg-att (RFC 9051 §7.5.2).
func (p *Parser) fetchData(n uint32) any {
	s := &p.scanner
	f := &p.data.fetched
	*f = Fetch{}
	f.Number = n
	if !s.space() || !s.take('(') {
		p.expected("the list of FETCH data items")
		return f
	}
	p.dataItems(f)
	return f
}

var tagName = Text("TAG")

// converted reads SP convert-correlator SP convert-msg-attrs (RFC 5259 §10).
func (p *Parser) converted(n uint32) any {
	s := &p.scanner
	f := &p.data.fetched
	*f = Fetch{}
	f.Number = n
	if !s.space() || s.peek() != '(' {
		p.expected("the convert correlator")
		return f
	}
	start := len(p.extended)
	p.extended = append(p.extended, Extended{Name: tagName, Value: s.value()})
	f.Other = p.extended[start:len(p.extended):len(p.extended)]
	if !s.space() || !s.take('(') {
		p.expected("the list of CONVERT data items")
		return f
	}
	p.dataItems(f)
	return f
}

// dataItems reads data items up to the closing parenthesis. One that does not fit is kept as it
// stands, and the next one read.
func (p *Parser) dataItems(f *Fetch) {
	s := &p.scanner
	others, sections, sizes := len(p.extended), len(p.sections), len(p.binarySizes)
	if f.Other != nil {
		others--
	}
	s.spacesHere()
	for first := true; ; first = false {
		if s.take(')') {
			break
		}
		if s.atEnd() {
			p.expected(`")" behind the FETCH data items`)
			break
		}
		if !first {
			from := s.pos
			if !s.space() {
				p.expected("a space between FETCH data items")
			}
			if s.take(')') {
				s.problem(rules.ExtraSpace, from, s.pos-1-from, "before a closing parenthesis")
				break
			}
			if s.atEnd() {
				continue
			}
		}
		p.item(f)
	}
	// What is collected while nothing else adds to it may be sliced at the end.
	if len(p.extended) > others {
		f.Other = p.extended[others:len(p.extended):len(p.extended)]
	}
	if len(p.sections) > sections {
		f.Sections = p.sections[sections:len(p.sections):len(p.sections)]
	}
	if len(p.binarySizes) > sizes {
		f.BinarySizes = p.binarySizes[sizes:len(p.binarySizes):len(p.binarySizes)]
	}
}

// spacesHere passes spaces where none belong.
func (s *scanner) spacesHere() {
	if s.pos < len(s.text) && s.text[s.pos] == ' ' {
		s.spaces(rules.ExtraSpace)
	}
}

// item reads one data item. Whatever stands there, it makes progress.
func (p *Parser) item(f *Fetch) {
	s := &p.scanner
	from := s.pos
	text, i := s.text, from
	var all uint16
	for i < len(text) {
		c := class[text[i]]
		if c&nameChar == 0 {
			break
		}
		all |= c
		i++
	}
	name := text[from:i]
	s.pos = i
	if len(name) == 0 {
		p.expected("the name of a FETCH data item")
		if s.value() == nil {
			s.pos++
		}
		return
	}
	if s.peek() == '[' {
		p.sectionItem(f, from, name)
		return
	}
	if !s.space() {
		p.expected("a space behind " + nameOf(name))
		if s.peek() != '(' {
			p.otherItem(from, i)
			return
		}
	}
	at := s.pos
	ok := true
	key := name
	if all&lowerChar != 0 {
		key = p.upper(name)
	}
	switch string(key) {
	case "FLAGS":
		f.Flags, ok = p.flagList(rules.FlagInvalid)
	case "UID":
		f.UID, ok = s.number32()
		if ok && f.UID == 0 {
			s.problem(rules.UIDZero, at, s.pos-at, "")
		}
	case "MODSEQ":
		ok = p.modSeq(&f.ModSeq)
	case "INTERNALDATE":
		f.InternalDate, ok = p.dateTime()
	case "RFC822.SIZE":
		var n int64
		if n, ok = p.signed(rules.SizeNegative); ok {
			f.Size = p.ptr64(n)
		}
	case "ENVELOPE":
		f.Envelope, ok = p.envelope()
	case "BODY":
		f.Body, ok = p.structure(false)
	case "BODYSTRUCTURE":
		f.BodyStructure, ok = p.structure(true)
	case "RFC822":
		ok = p.content("RFC822", nil, nil, from)
	case "RFC822.HEADER":
		ok = p.content("RFC822.HEADER", nil, nil, from)
	case "RFC822.TEXT":
		ok = p.content("RFC822.TEXT", nil, nil, from)
	case "EMAILID":
		f.EmailID, ok = p.objectID()
	case "THREADID":
		if !s.nilWord() {
			f.ThreadID, ok = p.objectID()
		}
	case "PREVIEW":
		f.Preview, ok = s.nstring()
	case "SAVEDATE":
		if !s.nilWord() {
			f.SaveDate, ok = p.dateTime()
		}
	case "ANNOTATION":
		f.Annotations, ok = p.annotationList()
	case "X-GM-MSGID":
		f.GmailMessage, ok = s.number()
	case "X-GM-THRID":
		f.GmailThread, ok = s.number()
	case "X-GM-LABELS":
		f.GmailLabels, ok = p.labelList()
	default:
		s.pos = at
		s.value()
		p.otherItem(from, i)
		return
	}
	if ok {
		return
	}
	p.expected("the rest of " + nameOf(name))
	s.pos, s.dense = at, false
	s.value()
	p.otherItem(from, i)
}

// otherItem keeps the item whose name stands from from to end as it stands.
func (p *Parser) otherItem(from, end int) {
	s := &p.scanner
	e := Extended{Name: Text(s.text[from:end:end])}
	if end < s.pos && s.text[end] == ' ' {
		end++
	}
	if end < s.pos {
		e.Value = Text(s.text[end:s.pos:s.pos])
	}
	p.extended = append(p.extended, e)
}

// modSeq reads "(" mod-sequence-value ")" (RFC 7162 §7).
func (p *Parser) modSeq(to **int64) bool {
	s := &p.scanner
	if !s.take('(') {
		return false
	}
	n, ok := p.signed(rules.ModSeqNegative) // QUIRK: Zoho
	*to = p.ptr64(n)
	return ok && s.take(')')
}

// dateTime reads date-time (RFC 9051 §9).
func (p *Parser) dateTime() (Text, bool) {
	s := &p.scanner
	from := s.pos
	t, ok := s.str()
	if ok && !isDateTime(t) {
		s.problem(rules.DateTime, from, s.pos-from, s.shown(from, s.pos))
	}
	return t, ok
}

// isDateTime tells whether t has the form of " 1-Jan-2026 00:00:00 +0000" (RFC 9051 §9, date-time).
// It is asked once a row (BenchmarkRow).
func isDateTime(t Text) bool {
	if len(t) != len("00-Jan-0000 00:00:00 +0000") || t[2] != '-' || t[6] != '-' || t[11] != ' ' || t[14] != ':' ||
		t[17] != ':' || t[20] != ' ' || t[21] != '+' && t[21] != '-' {
		return false
	}
	digits := class[t[1]] & class[t[7]] & class[t[8]] & class[t[9]] & class[t[10]] & class[t[12]] & class[t[13]] & class[t[15]] &
		class[t[16]] & class[t[18]] & class[t[19]] & class[t[22]] & class[t[23]] & class[t[24]] & class[t[25]]
	letter := func(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
	return digits&digitChar != 0 && (t[0] == ' ' || class[t[0]]&digitChar != 0) && letter(t[3]) && letter(t[4]) && letter(t[5])
}

// objectID reads "(" objectid ")" (RFC 8474 §7).
func (p *Parser) objectID() (Text, bool) {
	s := &p.scanner
	if !s.take('(') {
		return nil, false
	}
	t := Text(s.run(wordChar))
	return t, t != nil && s.take(')')
}

// labelList reads Gmail's labels: astrings, and names with a backslash, in parentheses.
func (p *Parser) labelList() ([]Text, bool) {
	s := &p.scanner
	if s.nilWord() {
		return nil, true
	}
	if !s.take('(') {
		return nil, false
	}
	start := len(p.texts)
	for p.next(len(p.texts) > start) {
		var t Text
		if s.peek() == '\\' {
			t = Text(s.word())
		} else {
			t, _ = s.astring()
		}
		if t == nil {
			break
		}
		p.texts = append(p.texts, t)
	}
	return p.textsFrom(start), s.take(')')
}

// annotationList reads the value of ANNOTATION (RFC 5257 §7): entries with attributes, or
// entries alone.
func (p *Parser) annotationList() ([]Annotation, bool) {
	p.rare = true
	s := &p.scanner
	if !s.take('(') {
		return nil, false
	}
	start := len(p.annotations)
	for p.next(len(p.annotations) > start) {
		// What follows an entry in parentheses belongs to it.
		if s.peek() == '(' && len(p.annotations) > start {
			var ok bool
			if p.annotations[len(p.annotations)-1].Attributes, ok = p.attributes(); !ok {
				break
			}
			continue
		}
		t, ok := s.astring()
		if !ok {
			break
		}
		p.annotations = append(p.annotations, Annotation{Entry: t})
	}
	return p.annotations[start:len(p.annotations):len(p.annotations)], s.take(')')
}

// sectionItem reads BODY[…]<…>, BINARY[…]<…> and BINARY.SIZE[…] from the bracket.
func (p *Parser) sectionItem(f *Fetch, from int, name []byte) {
	p.rare = true
	s := &p.scanner
	spec := p.sectionBrackets()
	end := s.pos
	var origin *int64
	if s.take('<') {
		if n, ok := s.number64(); ok {
			origin = p.ptr64(n)
		}
		if !s.take('>') {
			p.expected(`">" behind the origin octet`)
		}
		end = s.pos
	}
	at := s.pos
	spaced := s.space()
	item := ""
	switch string(p.upper(name)) {
	case "BODY":
		item = "BODY"
	case "BINARY":
		item = "BINARY"
	case "BINARY.SIZE":
		if n, ok := s.number64(); spaced && ok {
			p.binarySizes = append(p.binarySizes, BinarySize{Spec: spec, Octets: n})
			return
		}
	}
	if item != "" && spaced && p.content(item, spec, origin, from) {
		return
	}
	if item != "" && (!spaced || s.peek() == ')' || class[s.peek()]&atomChar != 0) {
		// QUIRK: Yandex leaves out the value of a part that is not there.
		s.pos = at
		s.problem(rules.SectionWithoutValue, from, end-from, s.shown(from, end))
		p.sections = append(p.sections, Section{Item: item, Spec: spec, Origin: origin, Missing: true, At: at})
		return
	}
	if s.value() == nil && !spaced && s.pos < len(s.text) && s.text[s.pos] != ')' {
		s.pos++
	}
	p.otherItem(from, end)
}

// sectionBrackets reads "[" section-spec "]" and gives what stands between the brackets. Names of header
// fields stand in parentheses, where "]" ends nothing.
func (p *Parser) sectionBrackets() Text {
	s := &p.scanner
	s.pos++
	from := s.pos
	depth := 0
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ']':
			if depth == 0 {
				t := Text(s.text[from:s.pos:s.pos])
				s.pos++
				return t
			}
		case '(':
			depth++
		case ')':
			if depth > 0 {
				depth--
			}
		case '"':
			s.quoted()
			continue
		case '{':
			if _, ok := s.literal(); ok {
				continue
			}
		}
		s.pos++
	}
	p.expected(`"]" behind a section`)
	return Text(s.text[from:s.pos:s.pos])
}

// content reads the value of a section: nstring, or a literal8.
func (p *Parser) content(item string, spec Text, origin *int64, from int) bool {
	s := &p.scanner
	x := Section{Item: item, Spec: spec, Origin: origin, At: s.pos}
	switch c := s.peek(); c {
	case '{', '~':
		l, ok := s.literal()
		if !ok {
			return false
		}
		x.Octets, x.Content, x.Literal, x.At = l.Octets, l.Content, true, l.At
	case '"':
		x.Content = s.quoted()
		x.Octets = int64(len(x.Content))
	default:
		if !s.nilWord() {
			return false
		}
		x.NIL = true
	}
	p.sections = append(p.sections, x)
	return true
}
