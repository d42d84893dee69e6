package grammar

import (
	"bytes"

	"github.com/mailtrace/mailtrace/decode/rules"
)

// SearchArgs is the arguments of SEARCH, SORT, THREAD, their UID forms and ESEARCH (RFC 9051
// §6.4.4, RFC 5256 §3, RFC 7377 §2).
type SearchArgs struct {
	In        []MailboxFilter `json:"in,omitzero"`        // ESEARCH: where
	Return    []Extended      `json:"return,omitzero"`    // nil where there is no RETURN
	Sort      []SortKey       `json:"sort,omitzero"`      // SORT
	Algorithm Text            `json:"algorithm,omitzero"` // THREAD
	Charset   Text            `json:"charset,omitzero"`
	Keys      []SearchKey     `json:"keys"` // all of them have to match
}

// SortKey is one criterion of a SORT.
type SortKey struct {
	Key     Text `json:"key"`
	Reverse bool `json:"reverse,omitempty"`
}

// SearchKey is one node of a search program.
type SearchKey struct {
	Name   string      `json:"key"`            // "FROM", "OR"; "AND" of a list, "SET" of a sequence set; upper case as sent where it is unknown
	Field  Text        `json:"field,omitzero"` // HEADER: the field's name; MODSEQ, ANNOTATION: the entry
	Text   Text        `json:"text,omitzero"`  // a string, flag or date; what stood behind an unknown key, as it stands
	Number *int64      `json:"number,omitempty"`
	Set    Set         `json:"set,omitzero"`
	Keys   []SearchKey `json:"keys,omitzero"` // of AND, OR, NOT, FUZZY
}

// MailboxFilter says which mailboxes an ESEARCH or NOTIFY is about (RFC 5465 §6, RFC 7377 §2.2).
type MailboxFilter struct {
	Name      string `json:"filter"` // as sent in lower case: "subtree", "personal", "mailboxes"
	Mailboxes []Text `json:"mailboxes,omitzero"`
}

// searchKind says what follows a search key.
type searchKind uint8

const (
	keyAlone searchKind = iota
	keyText
	keyFlag
	keyDate
	keyNumber
	keySet
	keyHeader
	keyNot
	keyOr
	keyModSeq
	keyAnnotation
)

type searchKeyInfo struct {
	name string
	kind searchKind
	need *requirement
}

var searchKeys = func() *words[*searchKeyInfo] {
	m := map[string]*searchKeyInfo{}
	add := func(kind searchKind, need *requirement, names ...string) {
		for _, n := range names {
			m[n] = &searchKeyInfo{n, kind, need}
		}
	}
	add(keyAlone, nil, "ALL", "ANSWERED", "DELETED", "DRAFT", "FLAGGED", "NEW", "OLD", "RECENT", "SEEN",
		"UNANSWERED", "UNDELETED", "UNDRAFT", "UNFLAGGED", "UNSEEN")
	add(keyText, nil, "BCC", "BODY", "CC", "FROM", "SUBJECT", "TEXT", "TO")
	add(keyFlag, nil, "KEYWORD", "UNKEYWORD")
	add(keyDate, nil, "BEFORE", "ON", "SINCE", "SENTBEFORE", "SENTON", "SENTSINCE")
	add(keyNumber, nil, "LARGER", "SMALLER")
	add(keySet, nil, "UID")
	add(keyHeader, nil, "HEADER")
	add(keyNot, nil, "NOT")
	add(keyOr, nil, "OR")
	add(keyNot, &needFuzzy, "FUZZY")
	add(keyModSeq, &needModSeqKey, "MODSEQ")
	add(keyNumber, &needWithin, "OLDER", "YOUNGER")
	add(keyText, &needFilters, "FILTER")
	add(keyText, &needObjectKey, "EMAILID", "THREADID")
	add(keyDate, &needSaveDateKey, "SAVEDBEFORE", "SAVEDON", "SAVEDSINCE")
	add(keyAlone, &needSaveDateKey, "SAVEDATESUPPORTED")
	add(keyAnnotation, &needAnnotationKey, "ANNOTATION")
	add(keyText, &needGmail, "X-GM-RAW", "X-GM-LABELS")
	add(keyNumber, &needGmail, "X-GM-MSGID", "X-GM-THRID")
	return wordsOf(m)
}()

// search reads the arguments of SEARCH.
func (p *Parser) search(c *Command) {
	a := p.beginSearch(c)
	if p.searchReturn(a, &needReturn) && p.searchCharset(a) {
		p.searchProgram(a)
	}
}

// multiSearch reads the arguments of ESEARCH (RFC 7377 §3).
func (p *Parser) multiSearch(c *Command) {
	a := p.beginSearch(c)
	s := &p.scanner
	if from := s.pos; s.take(' ') && s.keyword("IN") {
		if !s.space() || !s.take('(') {
			p.fail("the mailboxes to search")
			return
		}
		start := len(p.filters)
		for p.next(len(p.filters) > start) && p.mailboxFilter() {
			if s.peek() == ' ' && s.peekAt(1) == '(' { // scope-options
				s.pos++
				s.value()
			}
		}
		a.In = tail(p.filters, start)
		if !s.take(')') {
			p.fail("a closing parenthesis")
			return
		}
	} else {
		s.pos = from
	}
	if p.searchReturn(a, nil) && p.searchCharset(a) {
		p.searchProgram(a)
	}
}

// sort reads the arguments of SORT (RFC 5256 §5).
func (p *Parser) sort(c *Command) {
	a := p.beginSearch(c)
	s := &p.scanner
	if !p.searchReturn(a, &needESort) {
		return
	}
	if !s.space() || !s.take('(') {
		p.fail("sort criteria in parentheses")
		return
	}
	for first := true; p.next(!first); first = false {
		var k SortKey
		from := s.pos
		if k.Key = s.run(atomChar); k.Key.Is("REVERSE") && s.space() {
			k.Reverse = true
			from = s.pos
			k.Key = s.run(atomChar)
		}
		if k.Key == nil {
			break
		}
		switch string(p.upper(k.Key)) {
		case "DISPLAYFROM", "DISPLAYTO":
			p.need(&needSortDisplay, from, s.pos-from)
		case "RELEVANCY":
			p.need(&needFuzzy, from, s.pos-from)
		case "ANNOTATION": // SP entry-name SP attribute (RFC 5257 §4.9)
			p.need(&needAnnotationKey, from, s.pos-from)
			if s.space() {
				s.value()
			}
			if s.space() {
				s.value()
			}
			k.Key = s.since(from)
		}
		p.sortKeys = append(p.sortKeys, k)
	}
	a.Sort = tail(p.sortKeys, 0)
	if !s.take(')') || len(a.Sort) == 0 {
		p.fail("sort criteria in parentheses")
		return
	}
	if p.spCharset(a) {
		p.searchProgram(a)
	}
}

// thread reads the arguments of THREAD (RFC 5256 §5).
func (p *Parser) threads(c *Command) {
	a := p.beginSearch(c)
	s := &p.scanner
	if s.space() {
		a.Algorithm = s.run(atomChar)
	}
	if a.Algorithm == nil {
		p.fail("a threading algorithm")
		return
	}
	if p.spCharset(a) {
		p.searchProgram(a)
	}
}

func (p *Parser) beginSearch(c *Command) *SearchArgs {
	a := &p.searchArgs
	*a = SearchArgs{}
	c.Args = a
	return a
}

// searchReturn reads [SP "RETURN" SP "(" … ")"].
func (p *Parser) searchReturn(a *SearchArgs, need *requirement) bool {
	s := &p.scanner
	from := s.pos
	if !s.take(' ') || !s.keyword("RETURN") {
		s.pos = from
		return true
	}
	if !s.space() || !s.take('(') {
		p.fail("result options in parentheses")
		return false
	}
	p.need(need, from+1, len("RETURN"))
	start := len(p.extended)
	for p.next(len(p.extended) > start) {
		at := s.pos
		w := Text(s.run(atomChar))
		if w == nil {
			break
		}
		x := Extended{Name: w}
		switch string(p.upper(w)) {
		case "MIN", "MAX", "ALL", "COUNT":
		case "SAVE":
			p.need(&needSearchRes, at, s.pos-at)
		case "UPDATE", "CONTEXT":
			x.Value = p.optionValue() // what to fetch of what is new (RFC 5465 §7)
			p.need(&needContext, at, len(w))
		case "RELEVANCY":
			p.need(&needFuzzy, at, s.pos-at)
		case "PARTIAL":
			if s.space() {
				x.Value = p.partialRange()
			} else {
				p.argument("a range")
			}
			p.need(&needPartialReturn, at, s.pos-at)
		default:
			x.Value = p.optionValue()
		}
		p.extended = append(p.extended, x)
	}
	if a.Return = p.othersFrom(start); a.Return == nil {
		a.Return = []Extended{}
	}
	if !s.take(')') {
		p.fail("a closing parenthesis")
		return false
	}
	return true
}

// searchCharset reads [SP "CHARSET" SP charset].
func (p *Parser) searchCharset(a *SearchArgs) bool {
	s := &p.scanner
	from := s.pos
	if !s.space() || !s.keyword("CHARSET") {
		s.pos = from
		return true
	}
	return p.spCharset(a)
}

func (p *Parser) spCharset(a *SearchArgs) (ok bool) {
	a.Charset, ok = p.spWord("a charset")
	return ok
}

// searchProgram reads 1*(SP search-key) up to the end.
func (p *Parser) searchProgram(a *SearchArgs) {
	s := &p.scanner
	start := len(p.siblings)
	for s.peek() == ' ' {
		from := s.pos
		s.space()
		if s.atEnd() && len(p.siblings) > start {
			s.pos = from
			break
		}
		if !p.searchKey(0) {
			p.fail("a search key")
			break
		}
	}
	if a.Keys = p.listFrom(start); len(a.Keys) == 0 {
		p.fail("a search key")
	}
	p.end()
}

// listFrom takes the siblings since start as one list.
func (p *Parser) listFrom(start int) []SearchKey {
	n := len(p.keys)
	p.keys = append(p.keys, p.siblings[start:]...)
	p.siblings = p.siblings[:start]
	return tail(p.keys, n)
}

// searchKey reads one search key (RFC 9051 §9) to the end of p.siblings.
func (p *Parser) searchKey(depth int) bool {
	s := &p.scanner
	if depth > maxDepth {
		s.problem(rules.TooDeep, s.pos, 0, "search keys")
		s.pos = len(s.text)
		return true
	}
	from := s.pos
	switch c := s.peek(); {
	case c == '(':
		return p.searchList(depth)
	case c == '*' || c == '$' || class[c]&digitChar != 0:
		set, ok := p.anySet()
		p.siblings = append(p.siblings, SearchKey{Name: "SET", Set: set})
		return ok
	}
	w := s.run(atomChar)
	if w == nil {
		return false
	}
	info := searchKeys.of(w)
	if info == nil {
		p.unknownKey(w)
		return true
	}
	k := SearchKey{Name: info.name}
	ok := p.searchArgument(&k, info.kind, depth)
	p.need(info.need, from, s.pos-from)
	p.siblings = append(p.siblings, k)
	return ok
}

func (p *Parser) searchList(depth int) bool {
	s := &p.scanner
	s.take('(')
	start := len(p.siblings)
	ok := true
	for ok && p.next(len(p.siblings) > start) {
		ok = p.searchKey(depth + 1)
	}
	k := SearchKey{Name: "AND", Keys: p.listFrom(start)}
	p.siblings = append(p.siblings, k)
	if s.atEnd() && depth+1 >= maxDepth {
		return ok // what lies deeper was passed over
	}
	return ok && len(k.Keys) > 0 && s.take(')')
}

// searchArgument reads what follows a search key.
func (p *Parser) searchArgument(k *SearchKey, kind searchKind, depth int) (ok bool) {
	s := &p.scanner
	if kind == keyAlone {
		return true
	}
	if !s.space() {
		return false
	}
	from := s.pos
	switch kind {
	case keyText:
		k.Text, ok = s.astring()
	case keyFlag:
		k.Text = p.flag(rules.CommandFlag)
		ok = k.Text != nil
	case keyDate:
		if k.Text, ok = s.astring(); ok && !isDate(k.Text) {
			s.problem(rules.SearchDate, from, s.pos-from, s.shown(from, s.pos))
		}
	case keyNumber:
		k.Number, ok = p.searchNumber()
	case keySet:
		k.Set, ok = p.anySet()
	case keyHeader:
		if k.Field, ok = s.astring(); ok && s.space() {
			k.Text, ok = s.astring()
		} else {
			ok = false
		}
	case keyModSeq: // [SP entry-name SP entry-type-req] SP mod-sequence-valzer (RFC 7162 §7)
		if s.peek() == '"' {
			k.Field = s.quoted()
			if s.space() {
				k.Text = s.run(atomChar)
			}
			if !s.space() {
				return false
			}
		}
		k.Number, ok = p.searchNumber()
	case keyAnnotation: // entry-match SP att-search SP value (RFC 5257 §5)
		if k.Field, ok = p.listMailbox(); ok && s.space() {
			if k.Text, ok = s.astring(); ok && s.space() {
				_, ok = p.anyNString()
			}
		}
	case keyNot, keyOr:
		start := len(p.siblings)
		ok = p.searchKey(depth + 1)
		if kind == keyOr && ok && !s.atEnd() {
			ok = s.space() && p.searchKey(depth+1)
		}
		n := len(p.siblings) - start
		k.Keys = p.listFrom(start)
		ok = ok && (kind == keyNot || n == 2 || depth+1 >= maxDepth)
	}
	return ok
}

// anyNString reads a string, NIL or a word.
func (p *Parser) anyNString() (Text, bool) {
	if t, ok := p.scanner.nstring(); ok {
		return t, true
	}
	return p.scanner.astring()
}

func (p *Parser) searchNumber() (*int64, bool) {
	n, ok := p.scanner.number64()
	if !ok {
		return nil, false
	}
	return p.ptr64(n), true
}

// unknownKey keeps a search key that the grammar does not know, with the strings behind it: those are
// no search keys.
func (p *Parser) unknownKey(w []byte) {
	s := &p.scanner
	k := SearchKey{Name: string(bytes.ToUpper(w[:min(len(w), 64)]))}
	from := s.pos + 1
	for s.peek() == ' ' && (s.peekAt(1) == '"' || s.peekAt(1) == '{' || s.peekAt(1) == '~') {
		s.pos++
		if s.value() == nil {
			break
		}
	}
	if s.pos > from {
		k.Text = Text(s.text[from:s.pos:s.pos])
	}
	p.siblings = append(p.siblings, k)
}

// isDate tells whether t is a date-text (RFC 9051 §9): "1-Feb-1994".
func isDate(t Text) bool {
	i := 0
	day := 0
	for ; i < len(t) && i < 2 && class[t[i]]&digitChar != 0; i++ {
		day = day*10 + int(t[i]-'0')
	}
	if i == 0 || day < 1 || day > 31 || len(t) != i+9 || t[i] != '-' || t[i+4] != '-' {
		return false
	}
	for _, c := range t[i+5:] {
		if class[c]&digitChar == 0 {
			return false
		}
	}
	for _, m := range [...]string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"} {
		if equalFold(t[i+1:i+4], m) {
			return true
		}
	}
	return false
}

// mailboxFilter reads filter-mailboxes (RFC 5465 §8, RFC 7377 §3).
func (p *Parser) mailboxFilter() bool {
	s := &p.scanner
	w := s.run(atomChar)
	if w == nil {
		return false
	}
	f := MailboxFilter{Name: string(bytes.ToLower(w[:min(len(w), 64)]))}
	switch f.Name {
	case "subtree", "subtree-one", "mailboxes":
		if !s.space() {
			return false
		}
		start := len(p.texts)
		list := s.take('(')
		for !list && len(p.texts) == start || list && p.next(len(p.texts) > start) {
			t, ok := p.mailbox(false)
			if !ok {
				break
			}
			p.texts = append(p.texts, t)
		}
		f.Mailboxes = p.textsFrom(start)
		if len(f.Mailboxes) == 0 || list && !s.take(')') {
			return false
		}
	}
	p.filters = append(p.filters, f)
	return true
}
