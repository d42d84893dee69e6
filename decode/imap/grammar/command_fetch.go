package grammar

import (
	"bytes"

	"github.com/mailtrace/mailtrace/decode/rules"
)

// FetchArgs is the arguments of FETCH and UID FETCH (RFC 9051 §6.4.5, RFC 7162 §3.1.4, RFC 9394 §3.3).
type FetchArgs struct {
	Set          Set         `json:"set"`
	Macro        string      `json:"macro,omitempty"` // "ALL", "FAST", "FULL"; Items is empty then
	Items        []FetchItem `json:"items,omitzero"`
	ChangedSince *int64      `json:"changedsince,omitempty"`
	Vanished     bool        `json:"vanished,omitempty"`
	Partial      Text        `json:"partial,omitzero"` // a range such as "-1:-100"
	Other        []Extended  `json:"other,omitzero"`   // modifiers that the grammar does not know
}

// FetchItem is one data item that a FETCH asks for.
type FetchItem struct {
	Name    string       `json:"item"`             // "BODY", "BINARY.SIZE", "UID"; ".PEEK" of BODY and BINARY is in Peek
	Section Text         `json:"section,omitzero"` // between the brackets, nil where there are none
	Peek    bool         `json:"peek,omitempty"`   // leaves \Seen alone
	Partial *OctetsRange `json:"partial,omitempty"`
	Value   Text         `json:"value,omitzero"` // what else belongs to it, as it stands: "(LAZY)"
	Off     int          `json:"-"`              // where it stands in Line.Text
}

// OctetsRange is the octets of a section that are asked for: "<0.2048>".
type OctetsRange struct {
	Origin int64 `json:"origin"`
	Octets int64 `json:"octets"`
}

// fetchItem is what is known of an item: how it is named in FetchItem, and what may follow.
type fetchItem struct {
	name    string
	peek    bool
	section bool // one must follow
	part    bool // one that follows is a part
	partial bool // "<n.m>" may follow
	value   bool // a list may follow
	need    *requirement
}

var fetchItems = wordsOf(map[string]*fetchItem{
	"ENVELOPE":          {name: "ENVELOPE"},
	"FLAGS":             {name: "FLAGS"},
	"INTERNALDATE":      {name: "INTERNALDATE"},
	"RFC822":            {name: "RFC822"},
	"RFC822.HEADER":     {name: "RFC822.HEADER"},
	"RFC822.SIZE":       {name: "RFC822.SIZE"},
	"RFC822.TEXT":       {name: "RFC822.TEXT"},
	"BODY":              {name: "BODY", partial: true},
	"BODY.PEEK":         {name: "BODY", peek: true, section: true, partial: true},
	"BODYSTRUCTURE":     {name: "BODYSTRUCTURE"},
	"UID":               {name: "UID"},
	"BINARY":            {name: "BINARY", section: true, part: true, partial: true, need: &needBinary},
	"BINARY.PEEK":       {name: "BINARY", peek: true, section: true, part: true, partial: true, need: &needBinary},
	"BINARY.SIZE":       {name: "BINARY.SIZE", section: true, part: true, need: &needBinary},
	"MODSEQ":            {name: "MODSEQ", need: &needModSeqItem},
	"EMAILID":           {name: "EMAILID", need: &needObjectItem},
	"THREADID":          {name: "THREADID", need: &needObjectItem},
	"PREVIEW":           {name: "PREVIEW", value: true, need: &needPreview},
	"SAVEDATE":          {name: "SAVEDATE", need: &needSaveDateItem},
	"ANNOTATION":        {name: "ANNOTATION", value: true, need: &needAnnotationItem},
	"X-GM-MSGID":        {name: "X-GM-MSGID", need: &needGmail},
	"X-GM-THRID":        {name: "X-GM-THRID", need: &needGmail},
	"X-GM-LABELS":       {name: "X-GM-LABELS", need: &needGmail},
	"BODYPARTSTRUCTURE": {name: "BODYPARTSTRUCTURE", section: true, part: true}, // of CONVERT (RFC 5259 §8.2)
})

// fetch reads the arguments of FETCH.
func (p *Parser) fetch(c *Command) {
	a := &p.fetchArgs
	*a = FetchArgs{}
	c.Args = a
	s := &p.scanner
	var ok bool
	if a.Set, ok = p.spSet(); !ok {
		return
	}
	if !s.space() {
		p.fail("the items to fetch")
		return
	}
	switch {
	case s.peek() == '(':
		if a.Items, ok = p.fetchList(); !ok {
			return
		}
	case s.keyword("ALL"):
		a.Macro = "ALL"
	case s.keyword("FAST"):
		a.Macro = "FAST"
	case s.keyword("FULL"):
		a.Macro = "FULL"
	case p.fetchItem(false):
		a.Items = tail(p.items, 0)
	default:
		p.fail("the items to fetch")
		return
	}
	if s.peek() == ' ' && s.peekAt(1) == '(' {
		s.pos++
		p.fetchModifiers(a)
	}
	p.end()
}

// fetchList reads the items of a FETCH in parentheses.
func (p *Parser) fetchList() ([]FetchItem, bool) {
	s := &p.scanner
	open := s.pos
	s.take('(')
	start := len(p.items)
	for p.next(len(p.items) > start) {
		if !p.fetchItem(true) {
			break
		}
	}
	items := tail(p.items, start)
	if !s.take(')') {
		p.fail("an item to fetch or a closing parenthesis")
		return items, false
	}
	if len(items) == 0 {
		s.problem(rules.CommandArguments, open, s.pos-open, "expected items to fetch, got an empty list")
	}
	return items, true
}

// fetchItem reads one item of a FETCH.
func (p *Parser) fetchItem(inList bool) bool {
	s := &p.scanner
	from := s.pos
	w := s.run(nameChar)
	if w == nil {
		return false
	}
	k := fetchItems.of(w)
	item := FetchItem{Off: from}
	if k != nil {
		item.Name, item.Peek = k.name, k.peek
	} else {
		item.Name = string(bytes.ToUpper(w[:min(len(w), 64)]))
		if inList && (item.Name == "ALL" || item.Name == "FAST" || item.Name == "FULL") {
			s.problem(rules.MacroInList, from, len(w), s.shown(from, s.pos))
		}
	}
	switch {
	case s.peek() == '[':
		item.Section = p.section(k)
	case k != nil && k.section:
		s.problem(rules.SectionInvalid, from, s.pos-from, s.shown(from, s.pos)+" has no section")
	}
	if s.peek() == '<' {
		item.Partial = p.octetsRange(k)
	}
	if s.peek() == ' ' && s.peekAt(1) == '(' && (k == nil && inList || k != nil && k.value && (inList || !p.modifierFollows())) {
		s.pos++
		item.Value = s.value()
	}
	if k != nil {
		p.need(k.need, from, s.pos-from)
	}
	p.items = append(p.items, item)
	return true
}

// modifierFollows tells whether the list behind an item is the modifiers of the command.
func (p *Parser) modifierFollows() bool {
	s := &p.scanner
	rest := s.text[s.pos+2:]
	for _, m := range [...]string{"CHANGEDSINCE ", "PARTIAL ", "VANISHED"} {
		if len(rest) > len(m) && equalFold(rest[:len(m)], m) {
			return true
		}
	}
	return false
}

// section reads a section (RFC 9051 §9, section-spec; section-part of BINARY) and gives what stands
// between its brackets.
func (p *Parser) section(k *fetchItem) Text {
	s := &p.scanner
	open := s.pos
	s.take('[')
	good := p.sectionSpec(k != nil && k.part)
	if s.peek() != ']' {
		good = false
		end := bytes.IndexByte(s.text[s.pos:], ']')
		if end < 0 {
			end = len(s.text) - s.pos
		}
		s.pos += end
	}
	t := Text(s.text[open+1 : s.pos : s.pos])
	s.take(']')
	if !good && k != nil {
		s.problem(rules.SectionInvalid, open, s.pos-open, s.shown(open, s.pos))
	}
	return t
}

func (p *Parser) sectionSpec(part bool) bool {
	s := &p.scanner
	dot, parts := true, 0
	for dot && class[s.peek()]&digitChar != 0 {
		from := s.pos
		if n, _ := s.number(); n == 0 || n > 1<<32-1 || s.text[from] == '0' {
			return false
		}
		parts++
		dot = s.take('.')
	}
	w := s.run(nameChar)
	if w == nil {
		return parts == 0 || !dot
	}
	if !dot || part {
		return false
	}
	switch string(p.upper(w)) {
	case "HEADER", "TEXT":
		return true
	case "MIME":
		return parts > 0
	case "HEADER.FIELDS", "HEADER.FIELDS.NOT":
		if !s.space() {
			return false
		}
		list, ok := p.astrings()
		return ok && len(list) > 0
	}
	return false
}

// octetsRange reads "<" number64 "." nz-number64 ">" (RFC 9051 §9, partial).
func (p *Parser) octetsRange(k *fetchItem) *OctetsRange {
	s := &p.scanner
	from := s.pos
	s.take('<')
	origin, ok1 := s.number64()
	dot := s.take('.')
	octets, ok2 := s.number64()
	if ok1 && ok2 && dot && octets > 0 && s.take('>') && (k == nil || k.partial) {
		p.ranges8 = append(p.ranges8, OctetsRange{origin, octets})
		return &p.ranges8[len(p.ranges8)-1]
	}
	s.word()
	s.problem(rules.CommandArguments, from, s.pos-from, "expected <origin.octets>, got "+s.shown(from, s.pos))
	return nil
}

// fetchModifiers reads the modifiers of a FETCH (RFC 4466 §2.4).
func (p *Parser) fetchModifiers(a *FetchArgs) {
	s := &p.scanner
	s.take('(')
	first := true
	start := len(p.extended)
	for ; p.next(!first); first = false {
		from := s.pos
		w := s.run(atomChar)
		switch string(p.upper(w)) {
		case "CHANGEDSINCE":
			a.ChangedSince = p.spModSeq()
			p.need(&needChangedSince, from, s.pos-from)
		case "VANISHED":
			a.Vanished = true
			p.need(&needVanished, from, s.pos-from)
		case "PARTIAL":
			if s.space() {
				a.Partial = p.partialRange()
			}
			p.need(&needPartial, from, s.pos-from)
		case "":
			p.fail("a modifier")
			return
		default:
			p.other(w)
		}
	}
	a.Other = p.othersFrom(start)
	if !s.take(')') {
		p.fail("a closing parenthesis")
	}
}

// spModSeq reads SP mod-sequence-valzer (RFC 7162 §7).
func (p *Parser) spModSeq() *int64 {
	s := &p.scanner
	if s.space() {
		if n, ok := s.number64(); ok {
			return p.ptr64(n)
		}
	}
	p.argument("a mod-sequence")
	return nil
}

// partialRange reads "1:100" or "-1:-100" (RFC 9394 §4).
func (p *Parser) partialRange() Text {
	s := &p.scanner
	from := s.pos
	one := func(minus bool) bool {
		n, ok := uint64(0), minus == s.take('-')
		if ok {
			n, ok = s.number()
		}
		return ok && n > 0 && n <= 1<<32-1
	}
	minus := s.peek() == '-'
	good := one(minus) && s.take(':') && one(minus)
	if !good || class[s.peek()]&wordChar != 0 && !s.atEnd() {
		s.word()
		s.problem(rules.CommandArguments, from, s.pos-from, "expected a range, got "+s.shown(from, s.pos))
	}
	return s.since(from)
}

// other keeps an option that the grammar does not know, and the value behind it where there is one.
func (p *Parser) other(name []byte) {
	p.extended = append(p.extended, Extended{Name: name, Value: p.optionValue()})
}

// optionValue reads the value behind an option whose value nobody knows: a list, a string or a number;
// nil where another option follows (RFC 4466 §2.1, tagged-ext-val).
func (p *Parser) optionValue() Text {
	s := &p.scanner
	if s.peek() != ' ' {
		return nil
	}
	switch c := s.peekAt(1); {
	case c == '(' || c == '"' || c == '{' || c == '~' || c == '*' || c == '$' || c == '-' || class[c]&digitChar != 0:
		s.pos++
		return s.value()
	}
	return nil
}

// othersFrom gives the options kept since start, nil where there are none.
func (p *Parser) othersFrom(start int) []Extended {
	if start == len(p.extended) {
		return nil
	}
	return p.extended[start:len(p.extended):len(p.extended)]
}
