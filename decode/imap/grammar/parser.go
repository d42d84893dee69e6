package grammar

import "github.com/mailtrace/mailtrace/decode/rules"

// maxDepth bounds how deep bodies and threads are followed; what lies deeper is passed over.
const maxDepth = 100

// parserState is the memory that a Parser uses again.
type parserState struct {
	scanner  scanner
	response Response
	fold     [32]byte // a word in upper case
	shapes   shapes

	rare bool // what few responses use was used

	// What the values of the response are made of. It only grows while a line is parsed, so
	// that slices of it hold.
	texts       []Text
	addresses   []Address
	params      []Param
	extended    []Extended
	sections    []Section
	binarySizes []BinarySize
	annotations []Annotation
	namespaces  []Namespace
	resources   []Resource
	updates     []ListUpdate
	nodes       []ThreadNode
	ranges      []Range
	n32         []uint32
	n64         []int64
	parts       []*Body
	children    []*Body // of the multiparts that are not complete
	bodies      pool[Body]
	envelopes   pool[Envelope]
	disposition pool[Disposition]

	data responseData

	commandState
}

// responseData is the data of the response, of which one is used at a time.
type responseData struct {
	code       Code
	count      Count
	fetched    Fetch
	list       List
	status     Status
	numbers    Numbers
	esearch    ESearch
	partial    Partial
	thread     Thread
	names      Namespaces
	quota      Quota
	quotaRoot  QuotaRoot
	acl        ACL
	listRights ListRights
	myRights   MyRights
	pairs      Params
	words      Words
	flags      Flags
	capability Capability
	vanished   Vanished
	metadata   Metadata
	tokens     Tokens

	codeNumber     Number
	codeFlags      Flags
	codeCapability Capability
	codeWords      Words
	codeSet        SetOf
	codeTokens     Tokens
	appendUID      AppendUID
	copyUID        CopyUID
	codeMetadata   MetadataCode
}

// pool gives values that are used again.
type pool[T any] struct {
	all  []*T
	used int
}

// maxKept is how many values of a kind are kept for later lines; an ordinary line needs few.
const maxKept = 1024

// get gives a value that still says what it said before.
func (p *pool[T]) get() *T {
	if p.used == len(p.all) {
		p.all = append(p.all, new(T))
	}
	p.used++
	return p.all[p.used-1]
}

func (p *pool[T]) release() {
	if len(p.all) > maxKept {
		p.all = nil
	}
	p.used = 0
}

// again gives a slice to fill anew, unless it grew out of proportion. It is never nil, so that an
// empty part of it says the same whatever was read before.
func again[T any](s []T) []T {
	if s == nil || cap(s) > maxKept*4 {
		return []T{}
	}
	return s[:0]
}

// release takes back what the line before used.
func (p *Parser) release() {
	p.texts = again(p.texts)
	p.addresses = again(p.addresses)
	p.params = again(p.params)
	p.extended = again(p.extended)
	p.sections = again(p.sections)
	p.n32, p.n64 = again(p.n32), again(p.n64)
	p.envelopes.release()
	if !p.rare && p.nodes != nil {
		return
	}
	p.rare = false
	p.binarySizes = again(p.binarySizes)
	p.annotations = again(p.annotations)
	p.namespaces = again(p.namespaces)
	p.resources = again(p.resources)
	p.updates = again(p.updates)
	p.nodes = again(p.nodes)
	p.ranges = again(p.ranges)
	p.parts, p.children = again(p.parts), again(p.children)
	p.bodies.release()
	p.disposition.release()
	if cap(p.scanner.buf) > 1<<17 {
		p.scanner.buf = nil
	}
}

// ptr32 gives a place for a number that may be left out.
func (p *Parser) ptr32(n uint32) *uint32 {
	p.n32 = append(p.n32, n)
	return &p.n32[len(p.n32)-1]
}

// ptr64 gives a place for a number that may be left out.
func (p *Parser) ptr64(n int64) *int64 {
	p.n64 = append(p.n64, n)
	return &p.n64[len(p.n64)-1]
}

// upper gives a word in upper case, valid until the next call. Longer words than the grammar
// has stay as they are.
func (p *Parser) upper(w []byte) []byte {
	if len(w) > len(p.fold) {
		return w
	}
	for i, c := range w {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		p.fold[i] = c
	}
	return p.fold[:len(w)]
}

// expected reports that something else stands here than the grammar has.
func (p *Parser) expected(what string) {
	s := &p.scanner
	for i := range s.problems {
		if s.problems[i].Rule == rules.ResponseSyntax {
			return // the first one is told, and no Fact made for the others
		}
	}
	if s.atEnd() {
		s.problem(rules.ResponseSyntax, s.pos, 0, "expected "+what+", the line ended")
		return
	}
	end := s.pos + 1
	for end < len(s.text) && end < s.pos+64 && class[s.text[end]]&wordChar != 0 {
		end++
	}
	s.problem(rules.ResponseSyntax, s.pos, end-s.pos, "expected "+what+", got "+s.shown(s.pos, end))
}

// endResponse reports what stands behind a response that is complete.
func (p *Parser) endResponse() {
	s := &p.scanner
	if s.atEnd() {
		return
	}
	from := s.pos
	for s.take(' ') {
	}
	if s.atEnd() {
		// QUIRK: exmail.qq ends CAPABILITY, STATUS, ID and SEARCH with a space.
		s.problem(rules.TrailingSpace, from, s.pos-from, "")
		return
	}
	s.pos = from
	p.expected("the end of the line")
}

// astring reads SP astring.
func (p *Parser) spAstring(what string) (Text, bool) {
	s := &p.scanner
	if s.space() {
		if t, ok := s.astring(); ok {
			return t, true
		}
	}
	p.expected(what)
	return nil, false
}

// stringHere reads an nstring. A word in place of it is a problem and taken.
func (p *Parser) stringHere(what string) (Text, bool) {
	s := &p.scanner
	if t, ok := s.nstring(); ok {
		return t, true
	}
	from := s.pos
	if w := s.word(); w != nil {
		s.problem(rules.StringExpected, from, len(w), what+" is "+s.shown(from, s.pos))
		return Text(w), true
	}
	p.expected(what)
	return nil, false
}

// astrings reads a list of astrings in parentheses.
func (p *Parser) astrings() ([]Text, bool) {
	s := &p.scanner
	if !s.take('(') {
		return nil, false
	}
	start := len(p.texts)
	for p.next(len(p.texts) > start) {
		t, ok := s.astring()
		if !ok {
			break
		}
		p.texts = append(p.texts, t)
	}
	return p.textsFrom(start), s.take(')')
}

// next tells whether a list goes on, and passes the space before its next value, of which the
// first has none. It stops before the closing parenthesis.
func (p *Parser) next(behind bool) bool {
	s := &p.scanner
	if s.pos < len(s.text) && s.text[s.pos] == ')' {
		return false
	}
	from := s.pos
	if behind && !s.space() {
		return false
	}
	if !behind && s.peek() == ' ' {
		s.spaces(rules.ExtraSpace)
	}
	if s.pos < len(s.text) && s.text[s.pos] == ')' {
		s.problem(rules.ExtraSpace, from, s.pos-from, "before a closing parenthesis")
		return false
	}
	return s.pos < len(s.text)
}

// textsFrom gives the texts collected since start, never nil.
func (p *Parser) textsFrom(start int) []Text {
	if start == len(p.texts) {
		return []Text{}
	}
	return p.texts[start:len(p.texts):len(p.texts)]
}

// flagList reads "(" [flag *(SP flag)] ")".
func (p *Parser) flagList(r *rules.Rule) ([]Text, bool) {
	s := &p.scanner
	if !s.take('(') {
		return nil, false
	}
	start := len(p.texts)
	// What flags look like everywhere.
	text, i := s.text, s.pos
	for {
		from := i
		if i < len(text) && text[i] == '\\' {
			i++
		}
		for i < len(text) && class[text[i]]&atomChar != 0 {
			i++
		}
		if i == from || i >= len(text) || text[i] != ' ' && text[i] != ')' || text[i-1] == '\\' {
			break
		}
		p.texts = append(p.texts, Text(text[from:i:i]))
		s.pos = i
		if text[i] == ')' {
			s.pos++
			return p.textsFrom(start), true
		}
		i++
	}
	for p.next(len(p.texts) > start) {
		f := p.flag(r)
		if f == nil {
			break
		}
		p.texts = append(p.texts, f)
	}
	return p.textsFrom(start), s.take(')')
}

// flag reads a flag: an atom, perhaps with a backslash before it; "\*" too. Other octets up to
// the next space or the end of the list are taken as a problem, parentheses in pairs.
func (p *Parser) flag(r *rules.Rule) Text {
	s := &p.scanner
	from := s.pos
	i := from
	if i < len(s.text) && s.text[i] == '\\' {
		i++
		if i < len(s.text) && s.text[i] == '*' {
			i++
		}
	}
	for i < len(s.text) && class[s.text[i]]&atomChar != 0 {
		i++
	}
	if (i >= len(s.text) || s.text[i] == ' ' || s.text[i] == ')') && !(i == from+1 && s.text[from] == '\\') {
		s.pos = i
		return s.since(from)
	}
	// QUIRK: Gmail has atom-specials in FLAGS.
	bad, depth := i, 0
	for i < len(s.text) {
		c := s.text[i]
		if c == '(' {
			depth++
		} else if c == ')' {
			if depth == 0 {
				break
			}
			depth--
		} else if c == ' ' && depth == 0 {
			break
		}
		i++
	}
	s.pos = i
	s.problem(r, bad, 1, s.shown(from, i))
	return s.since(from)
}

// signed reads a number of 63 bits that may not be negative, and is a problem of rule r where it is.
func (p *Parser) signed(r *rules.Rule) (int64, bool) {
	s := &p.scanner
	from := s.pos
	if s.peek() == '-' && class[s.peekAt(1)]&digitChar != 0 {
		s.pos++
		n, _ := s.number64()
		s.problem(r, from, s.pos-from, s.shown(from, s.pos))
		return -n, true
	}
	return s.number64()
}
