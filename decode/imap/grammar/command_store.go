package grammar

import "github.com/mailtrace/mailtrace/decode/rules"

// StoreArgs is the arguments of STORE and UID STORE (RFC 9051 §6.4.6, RFC 7162 §3.1.3).
type StoreArgs struct {
	Set            Set        `json:"set"`
	UnchangedSince *int64     `json:"unchangedsince,omitempty"`
	Change         string     `json:"change,omitempty"` // "+", "-", or "" where the flags are replaced
	Item           string     `json:"item"`             // "FLAGS", "X-GM-LABELS", "ANNOTATION"; upper case as sent where it is unknown
	Silent         bool       `json:"silent,omitempty"`
	Flags          []Text     `json:"flags,omitzero"` // or labels
	Value          Text       `json:"value,omitzero"` // of another item, as it stands
	Other          []Extended `json:"other,omitzero"` // modifiers that the grammar does not know
}

// SetArgs is the arguments of UID EXPUNGE (RFC 9051 §6.4.9).
type SetArgs struct {
	Set Set `json:"set"`
}

// CopyArgs is the arguments of COPY and MOVE (RFC 9051 §6.4.7, §6.4.8).
type CopyArgs struct {
	Set     Set    `json:"set"`
	Mailbox Text   `json:"mailbox"`
	Display string `json:"display,omitempty"` // only in a Detail: Mailbox decoded, where that is another name
}

func (p *Parser) store(c *Command) {
	a := &p.storeArgs
	*a = StoreArgs{}
	c.Args = a
	s := &p.scanner
	var ok bool
	if a.Set, ok = p.spSet(); !ok {
		return
	}
	if s.peek() == ' ' && s.peekAt(1) == '(' {
		s.pos++
		p.storeModifiers(a)
	}
	if !s.space() {
		p.fail("FLAGS, +FLAGS or -FLAGS")
		return
	}
	switch {
	case s.take('+'):
		a.Change = "+"
	case s.take('-'):
		a.Change = "-"
	}
	from := s.pos
	w := s.run(atomChar)
	switch string(p.upper(w)) {
	case "FLAGS":
		a.Item = "FLAGS"
	case "FLAGS.SILENT":
		a.Item, a.Silent = "FLAGS", true
	case "X-GM-LABELS":
		a.Item = "X-GM-LABELS"
		p.need(&needGmail, from, len(w))
	case "X-GM-LABELS.SILENT":
		a.Item, a.Silent = "X-GM-LABELS", true
		p.need(&needGmail, from, len(w))
	case "ANNOTATION":
		a.Item = "ANNOTATION"
		p.need(&needAnnotationStore, from, len(w))
	case "":
		p.fail("FLAGS, +FLAGS or -FLAGS")
		return
	default:
		a.Item = string(p.upper(w))
	}
	if !s.space() || s.atEnd() {
		p.fail("what to store")
		return
	}
	switch a.Item {
	case "FLAGS":
		a.Flags, ok = p.flagsArgument()
	case "X-GM-LABELS":
		a.Flags, ok = p.labels()
	default:
		a.Value = s.rest()
		return
	}
	if !ok {
		p.fail("a flag or a closing parenthesis")
		return
	}
	p.end()
}

// storeModifiers reads the modifiers of a STORE (RFC 4466 §2.5).
func (p *Parser) storeModifiers(a *StoreArgs) {
	s := &p.scanner
	s.take('(')
	start := len(p.extended)
	for first := true; p.next(!first); first = false {
		from := s.pos
		w := s.run(atomChar)
		if w == nil {
			break
		}
		if equalFold(w, "UNCHANGEDSINCE") {
			a.UnchangedSince = p.spModSeq()
			p.need(&needUnchangedSince, from, s.pos-from)
			continue
		}
		p.other(w)
	}
	a.Other = p.othersFrom(start)
	if !s.take(')') {
		p.fail("a closing parenthesis")
	}
}

// flagsArgument reads flags that a client sets: a list, or one behind the other.
func (p *Parser) flagsArgument() (flags []Text, ok bool) {
	s := &p.scanner
	from := s.pos
	if s.peek() == '(' {
		flags, ok = p.flagList(rules.CommandFlag)
	} else {
		start := len(p.texts)
		for {
			f := p.flag(rules.CommandFlag)
			if f == nil {
				break
			}
			p.texts = append(p.texts, f)
			if s.peek() != ' ' || s.peekAt(1) == 0 {
				break
			}
			s.space()
		}
		flags = p.textsFrom(start)
		ok = len(flags) > 0
	}
	for _, f := range flags {
		if f[0] == '\\' && (f.Is(`\RECENT`) || f.Is(`\*`)) {
			s.problem(rules.FlagNotSettable, from, s.pos-from, f.String())
			break
		}
	}
	return flags, ok
}

// labels reads the labels of Gmail: astrings, and system labels that are spelled like flags.
func (p *Parser) labels() ([]Text, bool) {
	s := &p.scanner
	start := len(p.texts)
	one := func() bool {
		var t Text
		if s.peek() == '\\' {
			t = p.flag(rules.CommandFlag)
		} else {
			from := s.pos
			if t, _ = s.astring(); t != nil {
				p.judgeName(t, from, s.pos-from, false)
			}
		}
		if t != nil {
			p.texts = append(p.texts, t)
		}
		return t != nil
	}
	if !s.take('(') {
		ok := one()
		return p.textsFrom(start), ok
	}
	for p.next(len(p.texts) > start) && one() {
		continue
	}
	return p.textsFrom(start), s.take(')')
}

func (p *Parser) setOnly(c *Command) {
	p.setArgs = SetArgs{}
	c.Args = &p.setArgs
	var ok bool
	if p.setArgs.Set, ok = p.spSet(); ok {
		p.end()
	}
}

func (p *Parser) copy(c *Command) {
	a := &p.copyArgs
	*a = CopyArgs{}
	c.Args = a
	var ok bool
	if a.Set, ok = p.spSet(); !ok {
		return
	}
	if a.Mailbox, ok = p.spMailbox(); ok {
		p.end()
	}
}

// badSet reports what should be a sequence-set. "$" alone is one.
func (p *Parser) badSet(from int, w []byte) {
	s := &p.scanner
	if w == nil {
		s.problem(rules.SequenceSet, from, 0, "nothing")
		return
	}
	s.problem(rules.SequenceSet, from, len(w), s.shown(from, from+len(w)))
}
