package grammar

import "github.com/mailtrace/mailtrace/decode/rules"

// LoginArgs is what is read of the arguments of LOGIN. Nothing looks at the password.
type LoginArgs struct {
	User Text `json:"user"`
}

// AuthenticateArgs is what is read of the arguments of AUTHENTICATE.
type AuthenticateArgs struct {
	Mechanism Text `json:"mechanism"`
	Initial   bool `json:"initial_response,omitempty"` // there is one; nothing looks at it
}

// ACLArgs is the arguments of SETACL, DELETEACL and LISTRIGHTS (RFC 4314 §3).
type ACLArgs struct {
	Mailbox    Text   `json:"mailbox"`
	Display    string `json:"display,omitempty"`
	Identifier Text   `json:"identifier"`
	Rights     Text   `json:"rights,omitzero"` // with "+" or "-" where they are added or removed
}

// QuotaArgs is the arguments of GETQUOTA and SETQUOTA (RFC 9208 §4.1).
type QuotaArgs struct {
	Root   Text    `json:"root"`
	Limits []Param `json:"limits,omitzero"` // resource and limit
}

// MetadataArgs is the arguments of GETMETADATA and SETMETADATA (RFC 5464 §4.2, §4.3).
type MetadataArgs struct {
	Mailbox Text    `json:"mailbox"` // empty: of the server
	Display string  `json:"display,omitempty"`
	Options Text    `json:"options,omitzero"` // MAXSIZE, DEPTH, as they stand
	Entries []Text  `json:"entries,omitzero"` // GETMETADATA
	Values  []Param `json:"values,omitzero"`  // SETMETADATA; NIL removes
}

// NotifyArgs is the arguments of NOTIFY (RFC 5465 §3.1).
type NotifyArgs struct {
	None   bool          `json:"none,omitempty"`
	Status bool          `json:"status,omitempty"`
	Groups []NotifyGroup `json:"groups,omitzero"`
}

// NotifyGroup is mailboxes, and the events that the client wants to hear of.
type NotifyGroup struct {
	MailboxFilter
	Events []Extended `json:"events"` // MessageNew may have fetch items, as they stand; none for NONE
}

// ConvertArgs is the arguments of CONVERT (RFC 5259 §6).
type ConvertArgs struct {
	Set   Set         `json:"set"`
	Into  Text        `json:"into"` // type and parameters, as they stand
	Items []FetchItem `json:"items"`
}

func (p *Parser) login(c *Command) {
	p.loginArgs = LoginArgs{}
	c.Args = &p.loginArgs
	s := &p.scanner
	var ok bool
	if p.loginArgs.User, ok = p.spWord("a user"); !ok {
		return
	}
	if s.peek() != ' ' || s.pos+1 == len(s.text) {
		p.fail("a password")
	}
}

func (p *Parser) authenticate(c *Command) {
	a := &p.authArgs
	*a = AuthenticateArgs{}
	c.Args = a
	s := &p.scanner
	if s.space() {
		from := s.pos
		if a.Mechanism = s.run(atomChar); a.Mechanism == nil && s.peek() == '"' { // as in ACAP and ManageSieve
			a.Mechanism = s.quoted()
			s.problem(rules.CommandArguments, from, s.pos-from, "expected a mechanism without quotes, got "+s.shown(from, s.pos))
		}
	}
	if a.Mechanism == nil {
		p.fail("a mechanism")
		return
	}
	if s.pos+1 < len(s.text) {
		a.Initial = true
		p.need(&needInitialResponse, s.pos, len(s.text)-s.pos)
	}
}

// enable reads one or more capabilities (RFC 9051 §6.3.1).
func (p *Parser) enable(c *Command) {
	p.wordList(c, 1, "a capability")
}

// oneOrMore reads 1*(SP astring).
func (p *Parser) oneOrMore(c *Command) { p.wordList(c, 1, "an argument") }

// anyWords reads *(SP astring).
func (p *Parser) anyWords(c *Command) { p.wordList(c, 0, "an argument") }

func (p *Parser) wordList(c *Command, least int, what string) {
	s := &p.scanner
	c.Args = &p.wordArgs
	start := len(p.texts)
	for s.peek() == ' ' && s.peekAt(1) != 0 && s.peekAt(1) != ' ' {
		s.pos++
		t, ok := s.astring()
		if !ok {
			p.fail(what)
			break
		}
		p.texts = append(p.texts, t)
	}
	if p.wordArgs.Words = p.textsFrom(start); len(p.wordArgs.Words) < least {
		p.fail(what)
	}
	p.end()
}

// compress reads an algorithm (RFC 4978 §3).
func (p *Parser) compress(c *Command) {
	p.wordList(c, 1, "an algorithm")
	if n := len(p.wordArgs.Words); n > 1 {
		p.scanner.problem(rules.CommandArguments, len(p.scanner.text), 0, "one algorithm was expected, several came")
	}
}

// id reads "(" *(string SP nstring) ")" or NIL (RFC 2971 §3.1).
func (p *Parser) id(c *Command) {
	p.idArgs = Params{}
	c.Args = &p.idArgs
	s := &p.scanner
	if !s.space() {
		p.fail("NIL or parameters in parentheses")
		return
	}
	if s.nilWord() {
		p.end()
		return
	}
	if !s.take('(') {
		p.fail("NIL or parameters in parentheses")
		return
	}
	start := len(p.params)
	for p.next(len(p.params) > start) {
		var x Param
		var ok bool
		if x.Name, ok = p.stringArgument("the name of a parameter"); !ok {
			return
		}
		if s.space() {
			x.Value, ok = p.stringArgument("the value of a parameter")
		} else {
			p.fail("the value of a parameter")
			return
		}
		if !ok {
			return
		}
		p.params = append(p.params, x)
	}
	p.idArgs.Params = p.paramsFrom(start)
	if !s.take(')') {
		p.fail("a parameter or a closing parenthesis")
		return
	}
	p.end()
}

// stringArgument reads an nstring. A word in place of it is a problem and taken.
func (p *Parser) stringArgument(what string) (Text, bool) {
	s := &p.scanner
	if t, ok := s.nstring(); ok {
		return t, true
	}
	from := s.pos
	if w := s.word(); w != nil {
		s.problem(rules.StringExpected, from, len(w), what+" is "+s.shown(from, s.pos))
		return Text(w), true
	}
	p.fail(what)
	return nil, false
}

func (p *Parser) paramsFrom(start int) []Param {
	if start == len(p.params) {
		return []Param{}
	}
	return p.params[start:len(p.params):len(p.params)]
}

// pushService reads names and values one behind the other, as Apple's clients send them.
func (p *Parser) pushService(c *Command) {
	p.idArgs = Params{}
	c.Args = &p.idArgs
	s := &p.scanner
	start := len(p.params)
	for s.peek() == ' ' && !s.atEnd() {
		var x Param
		var ok bool
		if x.Name, ok = p.spWord("the name of a parameter"); !ok || !s.space() {
			break
		}
		if s.peek() == '(' {
			x.Value = s.value()
		} else if x.Value, ok = s.astring(); !ok {
			break
		}
		p.params = append(p.params, x)
	}
	p.idArgs.Params = p.paramsFrom(start)
	p.end()
}

func (p *Parser) aclCommand(c *Command) {
	a := &p.aclArgs
	*a = ACLArgs{}
	c.Args = a
	var ok bool
	if a.Mailbox, ok = p.spMailbox(); !ok {
		return
	}
	if a.Identifier, ok = p.spWord("an identifier"); !ok {
		return
	}
	if c.Name == "SETACL" {
		if a.Rights, ok = p.spWord("rights"); !ok {
			return
		}
	}
	p.end()
}

func (p *Parser) quotaCommand(c *Command) {
	a := &p.quotaArgs
	*a = QuotaArgs{}
	c.Args = a
	s := &p.scanner
	var ok bool
	if a.Root, ok = p.spWord("a quota root"); !ok {
		return
	}
	if c.Name == "SETQUOTA" {
		if !s.space() || !s.take('(') {
			p.fail("limits in parentheses")
			return
		}
		start := len(p.params)
		for p.next(len(p.params) > start) {
			w := s.run(atomChar)
			ok := w != nil && s.space()
			from := s.pos
			if ok {
				_, ok = s.number64()
			}
			if !ok {
				p.fail("a resource and its limit")
				return
			}
			p.params = append(p.params, Param{Name: w, Value: s.since(from)})
		}
		a.Limits = p.paramsFrom(start)
		if !s.take(')') {
			p.fail("a limit or a closing parenthesis")
			return
		}
	}
	p.end()
}

// getMetadata reads the arguments of GETMETADATA. RFC 5464 §5 has the options before the mailbox; its
// examples, and clients, also have them behind it.
func (p *Parser) getMetadata(c *Command) {
	a := &p.metadataArgs
	*a = MetadataArgs{}
	c.Args = a
	s := &p.scanner
	if s.peek() == ' ' && s.peekAt(1) == '(' {
		s.pos++
		a.Options = s.value()
	}
	var ok bool
	if a.Mailbox, ok = p.spMailbox(); !ok {
		return
	}
	if s.peek() == ' ' && s.peekAt(1) == '(' && s.peekAt(2) != '/' && s.peekAt(2) != '"' && s.peekAt(2) != '{' {
		s.pos++
		a.Options = s.value()
	}
	if !s.space() {
		p.fail("entries")
		return
	}
	if s.peek() == '(' {
		a.Entries, ok = p.astrings()
	} else {
		start := len(p.texts)
		var t Text
		if t, ok = s.astring(); ok {
			p.texts = append(p.texts, t)
		}
		a.Entries = p.textsFrom(start)
	}
	if !ok || len(a.Entries) == 0 {
		p.fail("entries")
		return
	}
	p.end()
}

func (p *Parser) setMetadata(c *Command) {
	a := &p.metadataArgs
	*a = MetadataArgs{}
	c.Args = a
	s := &p.scanner
	var ok bool
	if a.Mailbox, ok = p.spMailbox(); !ok {
		return
	}
	if !s.space() || !s.take('(') {
		p.fail("entries and values in parentheses")
		return
	}
	start := len(p.params)
	for p.next(len(p.params) > start) {
		var x Param
		if x.Name, ok = s.astring(); !ok || !s.space() {
			p.fail("an entry and its value")
			return
		}
		if x.Value, ok = p.stringArgument("the value of an entry"); !ok {
			return
		}
		p.params = append(p.params, x)
	}
	a.Values = p.paramsFrom(start)
	if !s.take(')') || len(a.Values) == 0 {
		p.fail("an entry and its value, or a closing parenthesis")
		return
	}
	p.end()
}

// notify reads NONE or SET [STATUS] event-groups (RFC 5465 §8).
func (p *Parser) notify(c *Command) {
	a := &p.notifyArgs
	*a = NotifyArgs{}
	c.Args = a
	s := &p.scanner
	if !s.space() {
		p.fail("NONE or SET")
		return
	}
	if s.keyword("NONE") {
		a.None = true
		p.end()
		return
	}
	if !s.keyword("SET") || !s.space() {
		p.fail("NONE or SET")
		return
	}
	if s.keyword("STATUS") {
		a.Status = true
		s.space()
	}
	for s.take('(') {
		start := len(p.filters)
		if !p.mailboxFilter() || !s.space() {
			p.fail("mailboxes and events")
			return
		}
		g := NotifyGroup{MailboxFilter: p.filters[start]}
		var ok bool
		if g.Events, ok = p.notifyEvents(); !ok || !s.take(')') {
			p.fail("an event or a closing parenthesis")
			return
		}
		p.groups = append(p.groups, g)
		if s.peek() != ' ' || s.peekAt(1) != '(' {
			break
		}
		s.pos++
	}
	if a.Groups = tail(p.groups, 0); len(a.Groups) == 0 {
		p.fail("mailboxes and events in parentheses")
		return
	}
	p.end()
}

// notifyEvents reads NONE or "(" event *(SP event) ")".
func (p *Parser) notifyEvents() ([]Extended, bool) {
	s := &p.scanner
	if s.keyword("NONE") {
		return []Extended{}, true
	}
	start := len(p.extended)
	if from := s.pos; !s.take('(') {
		// One event without parentheses, as in examples of RFC 5465 §3.1, which its grammar does not have.
		w := s.run(atomChar)
		if w == nil {
			return nil, false
		}
		s.problem(rules.CommandArguments, from, len(w), "expected events in parentheses, got "+s.shown(from, s.pos))
		p.extended = append(p.extended, Extended{Name: w})
		return p.othersFrom(start), true
	}
	for p.next(len(p.extended) > start) {
		w := s.run(atomChar)
		if w == nil {
			break
		}
		x := Extended{Name: w}
		if s.peek() == ' ' && s.peekAt(1) == '(' { // MessageNew may say what to fetch
			s.pos++
			x.Value = s.value()
		}
		p.extended = append(p.extended, x)
	}
	list := p.othersFrom(start)
	return list, list != nil && s.take(')')
}

// convert reads a set, the type to convert into and items (RFC 5259 §10).
func (p *Parser) convert(c *Command) {
	a := &p.convertArgs
	*a = ConvertArgs{}
	c.Args = a
	s := &p.scanner
	var ok bool
	if a.Set, ok = p.spSet(); !ok {
		return
	}
	if !s.space() || s.peek() != '(' {
		p.fail("a type to convert into, in parentheses")
		return
	}
	a.Into = s.value()
	if !s.space() {
		p.fail("what to convert")
		return
	}
	if s.peek() == '(' {
		if a.Items, ok = p.fetchList(); !ok {
			return
		}
	} else if !p.fetchItem(false) {
		p.fail("what to convert")
		return
	} else {
		a.Items = tail(p.items, 0)
	}
	// BINARY is a part of CONVERT itself here (RFC 5259 §8.1).
	p.needs = p.needs[:min(len(p.needs), 1)]
	p.end()
}
