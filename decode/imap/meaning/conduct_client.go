package meaning

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/decode/internal/fragment"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// command judges the first line of a command.
func (c *conduct) command(e *seen) {
	k := c.knows(e.Name)
	f, info := flight{Command: e.Event.Command, ways: k.ways, info: k.info}, k.info
	c.tag(e)
	c.moment(e, info)
	c.advertised(e)
	c.announced(e, &f)
	switch {
	case f.trait&logsIn != 0:
		c.loggingIn(e, &f)
	case f.trait&numbers != 0:
		c.numbered(e)
	case e.Name == "LIST":
		f.special = special(arguments(e))
	case e.Name == "UID EXPUNGE":
		f.odd = !parseSet(arguments(e)).fine
	case e.Name == "SEARCH" || e.Name == "UID SEARCH":
		c.searched(e)
		f.plain = foldPrefix(arguments(e), "RETURN") // (SAVE) is answered by the result alone (RFC 9051 §6.4.4.1)
	}
	c.habit.command(e, c)
	c.takeOff(f)
}

// knows gives what is known of a command, valid until the next call.
func (c *conduct) knows(name string) *known {
	k := &c.known
	if k.name != name || k.ways == nil {
		*k = known{name: name, ways: wayOf[name], info: grammar.Known(name), alone: grammar.Alone(name)}
		if k.ways == nil {
			k.ways = &noWays
		}
		if k.info == nil {
			k.info = &unknown
		}
	}
	return k
}

// special tells whether the arguments of LIST have SPECIAL-USE among the options, which stand in
// parentheses (RFC 6154 §6).
func special(args []byte) bool {
	if len(args) > 1<<10 {
		return false
	}
	before, _, ok := bytes.Cut(bytes.ToUpper(args), []byte("SPECIAL-USE"))
	return ok && bytes.LastIndexByte(before, '(') > bytes.LastIndexByte(before, ')')
}

// tag judges a tag (RFC 9051 §2.2.1).
func (c *conduct) tag(e *seen) {
	if len(e.Tag) >= longestTag {
		return // what is kept of it may not tell it from another
	}
	for i := range c.flights {
		if c.flights[i].Tag == e.Tag {
			e.found(rules.DuplicateTag, e.Span, e.Tag)
			return
		}
	}
	if e.Tag == c.lastTag && c.once.first(saidReused) {
		e.found(rules.ReusedTag, e.Span, e.Tag)
	}
	c.lastTag = e.Tag
}

// moment judges whether a command may be sent now (RFC 9051 §3, §6.3.13).
func (c *conduct) moment(e *seen, info *grammar.Info) {
	for i := range c.flights {
		if f := &c.flights[i]; f.asked && !c.blind {
			e.found(rules.IdleInterrupted, e.Span, f.Tag+" IDLE is under way")
		}
	}
	if !c.stated || c.crowd > 0 || c.turning() {
		return // a command under way may change the state until the server reads this one
	}
	switch {
	case e.State == decode.NoState, e.State == decode.Logout:
	case e.Name == "STARTTLS" && c.tls:
		e.found(rules.WrongState, e.Span, "STARTTLS, and TLS is in force already")
	case info.States != 0 && !info.States.Has(e.State):
		e.found(rules.WrongState, e.Span, fmt.Sprintf("%s in the %s state", e.Name, stateName(e.State)))
	}
}

func stateName(s decode.State) string {
	return strings.ReplaceAll(s.String(), "-", " ")
}

// announced judges the literal that a line of a command announces.
func (c *conduct) announced(e *seen, f *flight) {
	spec, ok := fragment.ParseLiteral(e.Text)
	f.literal = ok
	switch {
	case !ok:
		return
	case !spec.NonSync:
		f.owed++
		return
	case c.blind, c.caps.full, !c.caps.listed, c.refreshing(), c.caps.has(ever, "LITERAL+"):
		return
	case !c.caps.has(ever, "LITERAL-", revision2):
		e.found(rules.LiteralNotOffered, e.Span, string(e.Text[spec.Start:]))
	case spec.Octets > 4096:
		e.found(rules.LiteralTooLong, e.Span, string(e.Text[spec.Start:]))
	}
}

// literal judges a client's literal that went by.
func (c *conduct) literal(e *seen) {
	d, ok := e.Detail.(*LiteralDetail)
	f := c.flying(e.Event.Command)
	if !ok || f == nil || d.NonSync || d.Refused || d.Damaged || d.Announced == 0 {
		return
	}
	if f.owed > 0 && !c.blind {
		e.found(rules.LiteralNotAwaited, e.Span, fmt.Sprintf("%d octets", d.Seen))
	}
	f.owed = 0
}

// continued judges what goes on with a command: behind a literal, a SASL response, DONE.
func (c *conduct) continued(e *seen) {
	c.advertised(e)
	f := c.flying(e.Event.Command)
	if f == nil {
		return
	}
	switch {
	case f.Name == "IDLE":
		c.habit.idled(e, f, c)
		f.asked = false
	case f.literal:
		if c.announced(e, f); !f.literal && f.clear {
			f.clear = false
			c.inClear(e)
		}
	case f.clear && string(e.Text) != "*": // which gives up the exchange (RFC 9051 §6.2.2)
		f.clear = false
		c.inClear(e)
	}
}

// numbered judges a command whose first argument is a set of sequence numbers.
func (c *conduct) numbered(e *seen) {
	args := arguments(e)
	if saved(args) {
		return // the server keeps it up to date when messages go (RFC 9051 §6.4.4.1)
	}
	if c.pipelined(e, shown(e.Name, args)) {
		return
	}
	s := parseSet(args)
	if !s.fine || c.exists < 0 || s.highest <= c.exists || !c.sure() || e.State != decode.Selected || c.notify {
		return
	}
	fact := fmt.Sprintf("%s, and there are %d messages", shown(e.Name, args), c.exists)
	if c.exists == 1 {
		fact = shown(e.Name, args) + ", and there is 1 message"
	}
	if s.highest <= c.highest {
		e.found(rules.StaleNumbers, e.Span, fact+"; there were "+strconv.FormatInt(c.highest, 10))
		return
	}
	e.found(rules.NumberTooHigh, e.Span, fact)
}

// saved tells whether the first argument is "$", the result of a SEARCH, and no number.
func saved(args []byte) bool {
	word, _, _ := bytes.Cut(args, []byte(" "))
	return string(word) == "$"
}

// searched judges the sequence numbers among the criteria of a SEARCH.
func (c *conduct) searched(e *seen) {
	if e.Command == nil || len(c.flights) == 0 {
		return
	}
	if a, ok := e.Command.Args.(*grammar.SearchArgs); ok && searchesNumbers(a.Keys) {
		c.pipelined(e, e.Name+" of sequence numbers")
	}
}

func searchesNumbers(keys []grammar.SearchKey) bool {
	for i := range keys {
		if k := &keys[i]; k.Name == "SET" && !k.Set.Saved() || searchesNumbers(k.Keys) {
			return true
		}
	}
	return false
}

// pipelined judges a command with sequence numbers that is sent while others are under way.
// Behind any other than FETCH, STORE and SEARCH the client has to wait (RFC 9051 §5.5).
func (c *conduct) pipelined(e *seen, what string) bool {
	for i := range c.flights {
		if f := &c.flights[i]; f.trait&quiet == 0 && f.Name != "" {
			e.found(rules.AmbiguousPipelining, e.Span, fmt.Sprintf("%s while %s %s is under way", what, f.Tag, f.Name))
			return true
		}
	}
	return false
}

// shown gives a command and its set of numbers, cut to what can be read.
func shown(name string, args []byte) string {
	if i := bytes.IndexByte(args, ' '); i >= 0 {
		args = args[:i]
	}
	if len(args) > 60 {
		return name + " " + string(args[:60]) + "…"
	}
	return name + " " + string(args)
}

// malformed judges a line that framing could not tell anything of.
func (c *conduct) malformed(e *seen) {
	d, ok := e.Detail.(decode.Fields)
	if !ok || c.blind || len(e.Findings) > 0 {
		return // or it is known already what the line is
	}
	reason := d.Get("reason")
	switch {
	case e.Dir == decode.Client && (strings.HasPrefix(reason, "expected ") || strings.HasPrefix(reason, "DONE,") || strings.HasPrefix(reason, "an HTTP ")):
		e.found(rules.NoCommand, e.Span, "")
	case e.Dir == decode.Server && strings.HasPrefix(reason, "expected "):
		e.found(rules.NoResponse, e.Span, "")
	}
}
