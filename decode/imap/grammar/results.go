package grammar

import "github.com/mailtrace/mailtrace/decode/rules"

// maxRanges bounds what is kept of the numbers of a SEARCH or SORT response, and of the
// messages of a THREAD response.
const maxRanges = 4096

// numberList reads *(SP nz-number) [SP "(" "MODSEQ" SP n ")"] (RFC 9051 §9, RFC 7162 §7).
func (p *Parser) numberList() any {
	p.rare = true
	s := &p.scanner
	n := &p.data.numbers
	*n = Numbers{Whole: !s.cut, Cut: s.cut}
	for s.pos+1 < len(s.text) && s.text[s.pos] == ' ' && class[s.text[s.pos+1]]&digitChar != 0 {
		s.pos++
		from := s.pos
		v, _ := s.number32()
		if s.cut && s.atEnd() {
			break // perhaps only half of it
		}
		if v == 0 {
			s.problem(rules.SequenceZero, from, s.pos-from, "")
		}
		if n.Count == 0 {
			n.First = v
		}
		n.Count++
		n.Last = v
		if last := len(p.ranges) - 1; last >= 0 && p.ranges[last].Last+1 == v && v != 0 {
			p.ranges[last].Last = v
		} else if last+1 < maxRanges {
			p.ranges = append(p.ranges, Range{v, v})
		} else {
			n.Whole = false
		}
	}
	n.Ranges = p.ranges
	if s.peek() == ' ' && s.peekAt(1) == '(' {
		s.pos += 2
		if s.keyword("MODSEQ") && s.space() {
			n.ModSeq = p.optional64(rules.ModSeqNegative)
		}
		if n.ModSeq == nil || !s.take(')') {
			p.expected("MODSEQ and its value in parentheses")
			s.rest()
		}
	}
	return n
}

// extendedSearch reads esearch-response (RFC 9051 §9, RFC 7377 §4).
func (p *Parser) extendedSearch() any {
	s := &p.scanner
	e := &p.data.esearch
	*e = ESearch{}
	if s.peek() == ' ' && s.peekAt(1) == '(' {
		s.pos += 2
		for behind := false; p.next(behind); behind = true {
			if !p.correlator(e) {
				break
			}
		}
		if !s.take(')') {
			p.expected(`")" behind the search correlator`)
			return e
		}
	}
	start := len(p.extended)
	for s.peek() == ' ' && s.peekAt(1) != 0 {
		from := s.pos
		s.space()
		if s.atEnd() {
			s.pos = from
			break
		}
		if !e.UID && s.keyword("UID") {
			e.UID = true
			continue
		}
		if !p.searchData(e) {
			p.expected("the value of a search result")
			break
		}
	}
	if len(p.extended) > start {
		e.Other = p.extended[start:len(p.extended):len(p.extended)]
	}
	return e
}

// correlator reads one-correlator.
func (p *Parser) correlator(e *ESearch) (ok bool) {
	s := &p.scanner
	name := Text(s.word())
	if name == nil || !s.space() {
		return false
	}
	switch {
	case name.Is("TAG"):
		e.Tag, ok = s.astring()
	case name.Is("MAILBOX"):
		e.Mailbox, ok = s.astring()
	case name.Is("UIDVALIDITY"):
		e.UIDValidity = p.nonZero(rules.UIDValidityZero)
		ok = e.UIDValidity != nil
	default:
		ok = s.value() != nil
	}
	return ok
}

// searchData reads search-return-data.
func (p *Parser) searchData(e *ESearch) bool {
	s := &p.scanner
	name := Text(s.word())
	if name == nil || !s.space() {
		return false
	}
	at := s.pos
	ok, known := false, true
	switch string(p.upper(name)) {
	case "MIN":
		e.Min = p.optional32()
		ok = e.Min != nil
	case "MAX":
		e.Max = p.optional32()
		ok = e.Max != nil
	case "COUNT":
		e.Count = p.optional32()
		ok = e.Count != nil
	case "ALL":
		e.All, ok = p.numberSet()
	case "MODSEQ":
		e.ModSeq = p.optional64(rules.ModSeqNegative)
		ok = e.ModSeq != nil
	case "RELEVANCY":
		e.Relevancy = s.value()
		ok = e.Relevancy != nil
	case "PARTIAL":
		ok = p.partialResult(e)
	case "ADDTO":
		e.AddTo, ok = p.listUpdates()
	case "REMOVEFROM":
		e.RemoveFrom, ok = p.listUpdates()
	default:
		known = false
	}
	if ok && (s.atEnd() || s.peek() == ' ') {
		return true
	}
	if known {
		p.expected("the value of " + nameOf(name))
	}
	s.pos = at
	v := s.value()
	p.extended = append(p.extended, Extended{Name: name, Value: v})
	return v != nil
}

// numberSet reads a sequence-set or uid-set as it stands. One that is none is a problem and taken.
func (p *Parser) numberSet() (Text, bool) {
	s := &p.scanner
	from, i := s.pos, s.pos
	for i < len(s.text) && (class[s.text[i]]&digitChar != 0 || s.text[i] == ':' || s.text[i] == ',' || s.text[i] == '*' || s.text[i] == '$') {
		i++
	}
	if i == from {
		return nil, false
	}
	if _, n, ok := ParseSet(s.text[from:i]); !ok || n != i-from {
		s.problem(rules.ResponseSyntax, from, i-from, "expected a set of numbers, got "+s.shown(from, i))
	}
	s.pos = i
	return s.since(from), true
}

// partialResult reads "(" partial-range SP partial-results ")" (RFC 9394 §4).
func (p *Parser) partialResult(e *ESearch) bool {
	s := &p.scanner
	if !s.take('(') {
		return false
	}
	p.data.partial = Partial{Range: Text(s.word())}
	if p.data.partial.Range == nil || !s.space() {
		return false
	}
	if !s.nilWord() {
		var ok bool
		if p.data.partial.Set, ok = p.numberSet(); !ok {
			return false
		}
	}
	e.Partial = &p.data.partial
	return s.take(')')
}

// listUpdates reads the value of ADDTO and REMOVEFROM (RFC 5267 §7).
func (p *Parser) listUpdates() ([]ListUpdate, bool) {
	p.rare = true
	s := &p.scanner
	if !s.take('(') {
		return nil, false
	}
	start := len(p.updates)
	for p.next(len(p.updates) > start) {
		n, ok := s.number32()
		if !ok || !s.space() {
			return nil, false
		}
		set, ok := p.numberSet()
		if !ok {
			return nil, false
		}
		p.updates = append(p.updates, ListUpdate{n, set})
	}
	return p.updates[start:len(p.updates):len(p.updates)], s.take(')')
}

// threadData reads [SP 1*thread-list] (RFC 5256 §5) in one run, with the parents of the open lists.
func (p *Parser) threadData() any {
	p.rare = true
	s := &p.scanner
	t := &p.data.thread
	*t = Thread{}
	if s.peek() != ' ' || s.peekAt(1) == 0 {
		return t
	}
	s.space()
	type level struct {
		number uint32
		depth  int
	}
	var stack [maxDepth]level
	var at level // of the last message
	open, over := 0, 0
	for !s.atEnd() {
		from := s.pos
		switch c := s.text[s.pos]; {
		case c == '(':
			if open == maxDepth {
				over++
				s.problem(rules.TooDeep, from, 1, "")
			} else {
				if open == 0 {
					t.Threads++
					at = level{}
				}
				stack[open] = at
				open++
			}
			s.pos++
		case c == ')':
			switch {
			case over > 0:
				over--
			case open > 0:
				open--
				at = stack[open]
			default:
				p.expected(`"("`)
			}
			s.pos++
		case c == ' ':
			s.pos++
			if open == 0 {
				if s.atEnd() {
					s.pos = from
					return t
				}
				s.problem(rules.ExtraSpace, from, 1, "between threads")
			}
		case class[c]&digitChar != 0:
			n, _ := s.number32()
			if open == 0 {
				p.expected("a thread in parentheses")
			}
			t.Count++
			if len(p.nodes) < maxRanges {
				p.nodes = append(p.nodes, ThreadNode{Number: n, Parent: at.number, Depth: at.depth})
			}
			at = level{n, at.depth + 1}
		default:
			p.expected("a thread")
			s.rest()
		}
	}
	if len(p.nodes) > 0 {
		t.Nodes = p.nodes
	}
	if open > 0 {
		s.problem(rules.ResponseSyntax, s.pos, 0, `expected ")", the line ended`)
	}
	return t
}

// vanishedUIDs reads [SP "(EARLIER)"] SP known-uids (RFC 7162 §7).
func (p *Parser) vanishedUIDs() any {
	s := &p.scanner
	v := &p.data.vanished
	*v = Vanished{}
	if s.space() && s.peek() == '(' {
		w := s.value()
		v.Earlier = w.Is("(EARLIER)")
		if !v.Earlier || !s.space() {
			p.expected("(EARLIER) and UIDs")
			return v
		}
	}
	var ok bool
	if v.UIDs, ok = p.numberSet(); !ok {
		p.expected("a set of UIDs")
	}
	return v
}
