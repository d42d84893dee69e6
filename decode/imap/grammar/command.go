package grammar

import (
	"bytes"

	"github.com/mailtrace/mailtrace/decode/internal/fragment"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// commandState is the memory of Command that a Parser uses again. The slices only grow while
// a line is parsed, so that parts of them hold.
type commandState struct {
	command Command
	needs   []Need
	lits    []Literal // of the line
	decoded []byte    // a mailbox name

	items    []FetchItem
	keys     []SearchKey // done
	siblings []SearchKey // of the lists of search keys that are not complete
	ranges8  []OctetsRange
	messages []AppendMessage
	pieces   []CatenatePart
	groups   []NotifyGroup
	filters  []MailboxFilter
	sortKeys []SortKey

	fetchArgs    FetchArgs
	storeArgs    StoreArgs
	searchArgs   SearchArgs
	setArgs      SetArgs
	copyArgs     CopyArgs
	mailboxArgs  MailboxArgs
	selectArgs   SelectArgs
	qresync      QResync
	createArgs   CreateArgs
	renameArgs   RenameArgs
	listArgs     ListArgs
	statusArgs   StatusArgs
	appendArgs   AppendArgs
	replaceArgs  ReplaceArgs
	loginArgs    LoginArgs
	authArgs     AuthenticateArgs
	idArgs       Params
	wordArgs     Words
	notifyArgs   NotifyArgs
	aclArgs      ACLArgs
	quotaArgs    QuotaArgs
	metadataArgs MetadataArgs
	convertArgs  ConvertArgs
	commandTail  Tokens
}

// longestCommand is how many octets a command line should have at most, literals aside
// (RFC 7162 §4).
const longestCommand = 8192

// Command parses one command. The result is valid until the next call.
//
// Of the arguments of LOGIN and AUTHENTICATE it reads the user and the mechanism, and never
// looks at what stands behind them.
func (p *Parser) Command(l *Line) *Command {
	s := &p.scanner
	s.reset(l)
	s.utf8 = p.UTF8
	p.release()
	p.releaseCommand()
	p.lits = l.Literals
	c := &p.command
	*c = Command{parser: p}
	p.parse(c)
	if len(l.Text) > longestCommand {
		s.problem(rules.LongCommand, 0, min(len(l.Text), longestCommand), "")
	}
	c.Problems = s.problems
	return c
}

func (p *Parser) releaseCommand() {
	p.needs = again(p.needs)
	p.items = again(p.items)
	p.keys, p.siblings = again(p.keys), again(p.siblings)
	p.ranges8 = again(p.ranges8)
	p.messages, p.pieces = again(p.messages), again(p.pieces)
	p.groups, p.filters = again(p.groups), again(p.filters)
	p.sortKeys = again(p.sortKeys)
}

// tail gives the values collected since start, never nil.
func tail[T any](s []T, start int) []T {
	if start == len(s) {
		return []T{}
	}
	return s[start:len(s):len(s)]
}

// parse reads a tag, a name and arguments (RFC 9051 §9, command).
func (p *Parser) parse(c *Command) {
	s := &p.scanner
	c.Tag = s.run(tagChar)
	if c.Tag == nil || !s.space() {
		s.pos = 0
		c.Tag = nil
		p.unknownCommand(c)
		return
	}
	from := s.pos
	w := s.word()
	var e *entry
	if !equalFold(w, "UID") || s.peek() != ' ' {
		e = commandWords.of(w)
	} else {
		at := s.pos
		s.pos++
		w = s.word()
		if e = uidCommandWords.of(w); e == nil {
			s.pos = at
			w = s.text[from:at]
		}
		c.UID = true
	}
	if e == nil {
		c.Name = string(bytes.ToUpper(w[:min(len(w), 64)]))
		p.unknownCommand(c)
		return
	}
	c.Name = e.Name
	if len(e.Capabilities) > 0 {
		p.needs = append(p.needs, Need{Anyof: e.Capabilities, Off: from, Len: s.pos - from, Ref: e.Ref})
	}
	if e.parse == nil {
		p.end()
		return
	}
	e.parse(p, c)
}

// unknownCommand keeps what is left as tokens.
func (p *Parser) unknownCommand(c *Command) {
	p.scanner.take(' ')
	p.commandTail.Text = p.scanner.rest()
	c.Args = &p.commandTail
}

// end is where a command must end. What stands there all the same is a problem.
func (p *Parser) end() {
	s := &p.scanner
	if s.atEnd() {
		return
	}
	from := s.pos
	for s.take(' ') {
	}
	if s.atEnd() {
		s.problem(rules.CommandSpace, from, s.pos-from, "")
		return
	}
	s.problem(rules.CommandArguments, from, len(s.text)-from, "expected the end of the command, got "+s.shown(s.pos, len(s.text)))
	s.pos = len(s.text)
}

// argument reports that another thing stands here than an argument that the command has.
func (p *Parser) argument(what string) {
	s := &p.scanner
	from := s.pos
	for s.take(' ') {
	}
	if s.atEnd() {
		s.problem(rules.CommandArguments, from, len(s.text)-from, "expected "+what+", the line ended")
		return
	}
	end := s.pos + 1
	for end < len(s.text) && class[s.text[end]]&wordChar != 0 {
		end++
	}
	s.problem(rules.CommandArguments, s.pos, end-s.pos, "expected "+what+", got "+s.shown(s.pos, end))
}

// fail reports that another thing stands here than what, and leaves the rest of the command alone.
func (p *Parser) fail(what string) {
	p.argument(what)
	p.scanner.pos = len(p.scanner.text)
}

// spSet reads SP sequence-set.
func (p *Parser) spSet() (Set, bool) {
	if p.scanner.space() {
		if set, ok := p.anySet(); ok {
			return set, true
		}
	}
	p.fail("a sequence set")
	return nil, false
}

// anySet reads a sequence-set, or "$".
func (p *Parser) anySet() (Set, bool) {
	from := p.scanner.pos
	set, ok := p.set()
	if set.Saved() {
		p.need(&needSearchRes, from, 1)
	}
	return set, ok
}

// spMailbox reads SP mailbox.
func (p *Parser) spMailbox() (Text, bool) {
	if p.scanner.space() {
		if t, ok := p.mailbox(false); ok {
			return t, true
		}
	}
	p.fail("the name of a mailbox")
	return nil, false
}

// mailbox reads the name of a mailbox, or a pattern for such.
func (p *Parser) mailbox(pattern bool) (t Text, ok bool) {
	s := &p.scanner
	from := s.pos
	if pattern {
		t, ok = p.listMailbox()
	} else {
		t, ok = s.astring()
	}
	if ok {
		p.judgeName(t, from, s.pos-from, pattern)
	}
	return t, ok
}

// listMailbox reads list-mailbox (RFC 9051 §9): an atom that may have wildcards, or a string.
func (p *Parser) listMailbox() (Text, bool) {
	s := &p.scanner
	from := s.pos
	if t := s.run(listChar); t != nil && (s.atEnd() || class[s.peek()]&wordChar == 0) {
		return t, true
	}
	s.pos = from
	return s.astring()
}

// spWord reads SP astring, in place of which nothing else may stand.
func (p *Parser) spWord(what string) (Text, bool) {
	if p.scanner.space() {
		if t, ok := p.scanner.astring(); ok {
			return t, true
		}
	}
	p.fail(what)
	return nil, false
}

// need notes that what stands in the n octets at off needs a capability.
func (p *Parser) need(r *requirement, off, n int) {
	if r != nil {
		p.needs = append(p.needs, Need{Anyof: r.anyof, Off: off, Len: n, Ref: r.ref})
	}
}

// Need is a part of a command that may only be sent to a server with one of some capabilities.
type Need struct {
	Anyof []string // in upper case; what ends in "=" begins one. It is not to be changed
	Off   int      // in Line.Text
	Len   int      // octets of Line.Text
	Ref   string   // RFC and section
}

// Needs appends what of the command may only be sent to a server with certain capabilities:
// the command itself, its options and items, and its literals. It must be called before the
// Parser's next line.
func (c *Command) Needs(dst []Need) []Need {
	p := c.parser
	if p == nil {
		return dst
	}
	dst = append(dst, p.needs...)
	s := &p.scanner
	for i := range c.literals() {
		l := &c.literals()[i]
		if l.At > len(s.text) {
			break
		}
		spec, ok := fragment.ParseLiteral(s.text[max(0, l.At-24):l.At])
		if !ok || !spec.NonSync {
			continue
		}
		r, n := &needShortLiteral, min(l.At, 24)-spec.Start
		if l.Octets > 4096 {
			r = &needLiteral
		}
		dst = append(dst, Need{Anyof: r.anyof, Off: l.At - n, Len: n, Ref: r.ref})
	}
	return dst
}

func (c *Command) literals() []Literal { return c.parser.lits }
