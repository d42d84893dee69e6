package grammar

import "github.com/mailtrace/mailtrace/decode/rules"

// MailboxArgs is the arguments of commands that take one mailbox: DELETE, SUBSCRIBE, MYRIGHTS, …
type MailboxArgs struct {
	Mailbox Text   `json:"mailbox"`           // as sent, without quotes
	Display string `json:"display,omitempty"` // only in a Detail: Mailbox decoded, where that is another name
}

// SelectArgs is the arguments of SELECT and EXAMINE (RFC 9051 §6.3.2, RFC 7162 §3.1.8, §3.2.5).
type SelectArgs struct {
	Mailbox   Text       `json:"mailbox"`
	Display   string     `json:"display,omitempty"`
	CondStore bool       `json:"condstore,omitempty"`
	QResync   *QResync   `json:"qresync,omitempty"`
	Other     []Extended `json:"other,omitzero"` // ANNOTATE and what the grammar does not know
}

// QResync is what a client knows of the mailbox that it selects.
type QResync struct {
	UIDValidity  uint32 `json:"uidvalidity"`
	ModSeq       int64  `json:"modseq"`
	KnownUIDs    Set    `json:"known_uids,omitzero"`
	MatchNumbers Set    `json:"match_numbers,omitzero"` // sequence numbers of the messages MatchUIDs
	MatchUIDs    Set    `json:"match_uids,omitzero"`
}

// CreateArgs is the arguments of CREATE (RFC 9051 §6.3.4, RFC 6154 §3).
type CreateArgs struct {
	Mailbox Text       `json:"mailbox"`
	Display string     `json:"display,omitempty"`
	Use     []Text     `json:"use,omitzero"`
	Other   []Extended `json:"other,omitzero"`
}

// RenameArgs is the arguments of RENAME (RFC 9051 §6.3.6).
type RenameArgs struct {
	From        Text   `json:"from"`
	FromDisplay string `json:"from_display,omitempty"`
	To          Text   `json:"to"`
	ToDisplay   string `json:"to_display,omitempty"`
}

// ListArgs is the arguments of LIST, LSUB, XLIST, RLIST and RLSUB (RFC 9051 §6.3.9, RFC 5258).
type ListArgs struct {
	Select    []Text     `json:"select,omitzero"` // selection options, nil where there is no list of them
	Reference Text       `json:"reference"`
	Patterns  []Text     `json:"patterns"`
	Display   []string   `json:"display,omitzero"` // only in a Detail: Patterns decoded, where that differs
	Return    []Extended `json:"return,omitzero"`  // return options with their values
}

// StatusArgs is the arguments of STATUS (RFC 9051 §6.3.11).
type StatusArgs struct {
	Mailbox Text   `json:"mailbox"`
	Display string `json:"display,omitempty"`
	Items   []Text `json:"items"`
}

func (p *Parser) mailboxOnly(c *Command) {
	p.mailboxArgs = MailboxArgs{}
	c.Args = &p.mailboxArgs
	var ok bool
	if p.mailboxArgs.Mailbox, ok = p.spMailbox(); ok {
		p.end()
	}
}

func (p *Parser) rename(c *Command) {
	a := &p.renameArgs
	*a = RenameArgs{}
	c.Args = a
	var ok bool
	if a.From, ok = p.spMailbox(); !ok {
		return
	}
	if a.To, ok = p.spMailbox(); ok {
		p.parameters()
		p.end()
	}
}

// parameters begins the list of parameters that may stand behind a command (RFC 4466 §2.1) and
// passes one that nobody knows.
func (p *Parser) parameters() {
	s := &p.scanner
	if s.peek() == ' ' && s.peekAt(1) == '(' {
		s.pos++
		s.value()
	}
}

func (p *Parser) selects(c *Command) {
	a := &p.selectArgs
	*a = SelectArgs{}
	c.Args = a
	s := &p.scanner
	var ok bool
	if a.Mailbox, ok = p.spMailbox(); !ok {
		return
	}
	if s.peek() == ' ' && s.peekAt(1) == '(' {
		s.pos += 2
		start := len(p.extended)
		for first := true; p.next(!first); first = false {
			from := s.pos
			w := s.run(atomChar)
			switch string(p.upper(w)) {
			case "CONDSTORE":
				a.CondStore = true
				p.need(&needCondStore, from, len(w))
			case "QRESYNC":
				p.need(&needQResync, from, len(w))
				a.QResync, ok = p.knowsQResync()
			case "ANNOTATE":
				p.need(&needAnnotate, from, len(w))
				p.other(w)
			case "":
				ok = false
			default:
				p.other(w)
			}
			if !ok {
				break
			}
		}
		a.Other = p.othersFrom(start)
		if !s.take(')') || !ok {
			p.fail("a parameter or a closing parenthesis")
			return
		}
	}
	p.end()
}

// knowsQResync reads SP "(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"
// (RFC 7162 §7).
func (p *Parser) knowsQResync() (*QResync, bool) {
	s := &p.scanner
	q := &p.qresync
	*q = QResync{}
	if !s.space() || !s.take('(') {
		return nil, false
	}
	from := s.pos
	v, ok := s.number32()
	if q.UIDValidity = v; !ok || !s.space() {
		return q, false
	}
	if v == 0 {
		s.problem(rules.CommandArguments, from, s.pos-from-1, "UIDVALIDITY 0")
	}
	if q.ModSeq, ok = s.number64(); !ok {
		return q, false
	}
	if s.peek() == ' ' && s.peekAt(1) != '(' {
		s.pos++
		if q.KnownUIDs, ok = p.set(); !ok {
			return q, false
		}
	}
	if s.take(' ') {
		if !s.take('(') {
			return q, false
		}
		if q.MatchNumbers, ok = p.set(); !ok || !s.space() {
			return q, false
		}
		if q.MatchUIDs, ok = p.set(); !ok || !s.take(')') {
			return q, false
		}
	}
	return q, s.take(')')
}

func (p *Parser) create(c *Command) {
	a := &p.createArgs
	*a = CreateArgs{}
	c.Args = a
	s := &p.scanner
	var ok bool
	if a.Mailbox, ok = p.spMailbox(); !ok {
		return
	}
	if s.peek() == ' ' && s.peekAt(1) == '(' {
		s.pos += 2
		start := len(p.extended)
		for first := true; p.next(!first); first = false {
			from := s.pos
			w := s.run(atomChar)
			if w == nil {
				break
			}
			if equalFold(w, "USE") && s.space() {
				p.need(&needCreateUse, from, len(w))
				if a.Use, ok = p.flagList(rules.CommandFlag); !ok {
					break
				}
				continue
			}
			p.other(w)
		}
		a.Other = p.othersFrom(start)
		if !s.take(')') || !ok {
			p.fail("a parameter or a closing parenthesis")
			return
		}
	}
	p.end()
}

// list reads the arguments of LIST (RFC 9051 §9).
func (p *Parser) lists(c *Command) {
	a := &p.listArgs
	*a = ListArgs{}
	c.Args = a
	s := &p.scanner
	var ok bool
	if s.peek() == ' ' && s.peekAt(1) == '(' {
		s.pos++
		from := s.pos
		if a.Select, ok = p.selectionOptions(); !ok {
			p.fail("a selection option or a closing parenthesis")
			return
		}
		p.need(&needListExtended, from, s.pos-from)
	}
	if a.Reference, ok = p.spMailbox(); !ok {
		return
	}
	if !s.space() {
		p.fail("a pattern")
		return
	}
	start := len(p.texts)
	if from := s.pos; s.take('(') {
		for p.next(len(p.texts) > start) {
			t, ok := p.mailbox(true)
			if !ok {
				break
			}
			p.texts = append(p.texts, t)
		}
		a.Patterns = p.textsFrom(start)
		if !s.take(')') || len(a.Patterns) == 0 {
			p.fail("a pattern or a closing parenthesis")
			return
		}
		p.need(&needListExtended, from, s.pos-from)
	} else {
		t, ok := p.mailbox(true)
		if !ok {
			p.fail("a pattern")
			return
		}
		p.texts = append(p.texts, t)
		a.Patterns = p.textsFrom(start)
	}
	if from := s.pos; s.take(' ') && s.keyword("RETURN") {
		if !s.space() || !s.take('(') {
			p.fail("return options in parentheses")
			return
		}
		p.need(&needListReturn, from+1, len("RETURN"))
		if a.Return, ok = p.returnOptions(); !ok {
			p.fail("a return option or a closing parenthesis")
			return
		}
	} else {
		s.pos = from
	}
	p.end()
}

// selectionOptions reads the selection options of LIST in parentheses.
func (p *Parser) selectionOptions() ([]Text, bool) {
	s := &p.scanner
	s.take('(')
	start := len(p.texts)
	for p.next(len(p.texts) > start) {
		from := s.pos
		w := s.run(atomChar)
		if w == nil {
			break
		}
		p.texts = append(p.texts, Text(w))
		if equalFold(w, "SPECIAL-USE") {
			p.need(&needSpecialUse, from, len(w))
		}
		if s.peek() == ' ' && s.peekAt(1) == '(' { // option-value
			s.pos++
			s.value()
		}
	}
	return p.textsFrom(start), s.take(')')
}

// returnOptions reads the return options of LIST behind their opening parenthesis.
func (p *Parser) returnOptions() ([]Extended, bool) {
	s := &p.scanner
	start := len(p.extended)
	for p.next(len(p.extended) > start) {
		from := s.pos
		w := s.run(atomChar)
		if w == nil {
			break
		}
		x := Extended{Name: w}
		switch string(p.upper(w)) {
		case "STATUS":
			p.need(&needListStatus, from, len(w))
			at := s.pos + 1
			if !s.space() || s.peek() != '(' {
				return p.othersFrom(start), false
			}
			if _, ok := p.statusItems(); !ok {
				return p.othersFrom(start), false
			}
			x.Value = Text(s.text[at:s.pos:s.pos])
		case "SPECIAL-USE":
			p.need(&needSpecialUse, from, len(w))
		case "MYRIGHTS":
			p.need(&needListMyRights, from, len(w))
		default:
			x.Value = p.optionValue()
		}
		p.extended = append(p.extended, x)
	}
	list := p.othersFrom(start)
	if list == nil {
		list = []Extended{}
	}
	return list, s.take(')')
}

func (p *Parser) statusCommand(c *Command) {
	a := &p.statusArgs
	*a = StatusArgs{}
	c.Args = a
	s := &p.scanner
	var ok bool
	if a.Mailbox, ok = p.spMailbox(); !ok {
		return
	}
	if !s.space() || s.peek() != '(' {
		p.fail("items in parentheses")
		return
	}
	if a.Items, ok = p.statusItems(); !ok {
		p.fail("an item or a closing parenthesis")
		return
	}
	p.end()
}

// statusItems reads "(" status-att *(SP status-att) ")".
func (p *Parser) statusItems() ([]Text, bool) {
	s := &p.scanner
	open := s.pos
	s.take('(')
	start := len(p.texts)
	for p.next(len(p.texts) > start) {
		from := s.pos
		w := s.run(atomChar)
		if w == nil {
			break
		}
		p.need(statusNeeds[string(p.upper(w))], from, len(w))
		p.texts = append(p.texts, Text(w))
	}
	items := p.textsFrom(start)
	if !s.take(')') {
		return items, false
	}
	if len(items) == 0 {
		s.problem(rules.CommandArguments, open, s.pos-open, "expected items, got an empty list")
	}
	return items, true
}
