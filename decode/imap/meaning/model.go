package meaning

import (
	"fmt"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// model follows the mailbox that is open, from what the session tells of it.
type model struct {
	o       decode.Options
	parser  *grammar.Parser
	asked   asked
	box     *box // the selected mailbox, nil where there is none
	ready   *box // of the SELECT that was completed last, until the session says Selected
	history history
	bodies  bodies
	mirror  mirror
	modern  bool            // the server says that it speaks IMAP4rev1 or IMAP4rev2
	alone   bool            // IMAP4rev2 is all that the server speaks
	idle    *decode.Command // the IDLE whose continuation request came
	silent  time.Time       // since when the server said nothing in it
}

func (m *model) init(o decode.Options, parser *grammar.Parser) {
	m.o, m.parser = o, parser
	m.history = history{}
}

// begins notes a command with its first line: replies may come before it is whole.
func (m *model) begins(e *decode.Event) {
	c := m.asked.push(e.Command, m.o.Limits.Commands)
	if e.Name == "SELECT" || e.Name == "EXAMINE" {
		c.box = &box{}
	}
}

// open gives the mailbox that data of the server belong to, nil where none is open.
func (m *model) open() *box {
	if c := m.asked.oldest(); c != nil && c.box != nil {
		return c.box
	}
	if m.box == nil {
		if c := m.asked.opening(); c != nil {
			return c.box
		}
	}
	return m.box
}

// see takes one event. What was parsed of it stands in s.
func (m *model) see(s *seen) {
	switch s.Kind {
	case decode.CommandLine, decode.Continuation, decode.Untagged, decode.Greeting:
		switch {
		case s.Command != nil:
			m.command(s)
		case s.Response != nil:
			m.data(s)
		}
	case decode.ContinuationRequest:
		if s.Event.Command != nil && s.Name == "IDLE" {
			m.idle, m.silent = s.Event.Command, s.Time
		}
	case decode.Literal:
		m.mirror.literal(s.Event)
	case decode.MIME:
		m.bodies.part(s.Event)
	case decode.Completion:
		m.completion(s)
	case decode.StateChange:
		m.entered(s)
	case decode.Malformed:
		m.mirror.line(s.Event)
	}
}

// lost forgets what octets of the server that are missing may have changed.
func (m *model) lost() {
	m.idle = nil
	if m.box != nil {
		m.box.lost()
	}
	for _, c := range m.asked.order[m.asked.head:] {
		if c.box != nil {
			c.box.lost()
		}
	}
}

// data takes an untagged response.
func (m *model) data(s *seen) {
	r := s.Response
	b := m.open()
	switch d := r.Data.(type) {
	case *grammar.Fetch:
		m.fetched(s, b, d)
		return
	case *grammar.Vanished:
		m.vanished(s, b, d)
	case *grammar.Capability:
		if r.Name == "ENABLED" {
			m.enabled(d)
		} else {
			m.capable(d)
		}
	case *grammar.Status:
		m.status(s, d)
	case *grammar.Numbers:
		if c := m.asked.of(s.Event.Command); c != nil && c.returns && r.Name == "SEARCH" && !m.asked.others(c) {
			s.at(rules.SearchForESearch, "")
		}
	}
	switch r.Name {
	case "EXISTS":
		m.exists(s, b, r.Number)
	case "RECENT":
		if b != nil {
			b.recent = int64(r.Number)
		}
	case "EXPUNGE":
		m.expunged(s, b, r.Number)
	}
	if r.Code != nil {
		m.code(s, b, r.Code)
	}
	m.mirror.line(s.Event)
	m.describe(s)
}

// describe puts on the event what its response means, unless nobody looks.
func (m *model) describe(s *seen) {
	if m.o.Bare || s.Response == nil {
		return
	}
	switch d := s.Detail.(type) {
	case nil:
		if s.Response.Code != nil || !isStatus(s.Response.Name) { // else the text says it all
			s.Detail = s.Response.Detail()
		}
	case *Status:
		if c := s.Response.Code; c != nil && d.Capabilities == nil {
			d.Data = codeData(s.Response)
		}
	case *Result:
		if c := s.Response.Code; c != nil && d.Capabilities == nil {
			d.Argument = codeData(s.Response)
		}
	}
}

func codeData(r *grammar.Response) any {
	if c, ok := r.Detail().(*grammar.Condition); ok && c != nil && c.Code != nil {
		return c.Code.Data
	}
	return nil
}

// at puts a finding of the whole event on it.
func (s *seen) at(r *rules.Rule, fact string) {
	s.found(r, s.Span, fact)
}

// enabled notes what changes the grammar (RFC 6855 §3, RFC 9051 §6.3.1).
func (m *model) enabled(d *grammar.Capability) {
	for _, name := range d.Names {
		if name.Is("UTF8=ACCEPT") || name.Is("UTF8=ONLY") || name.Is("IMAP4REV2") {
			m.parser.UTF8 = true
		}
	}
}

// exists takes the number of messages (RFC 9051 §7.4.1).
func (m *model) exists(s *seen, b *box, n uint32) {
	d, _ := s.Detail.(*Arrived)
	if b == nil {
		return
	}
	before := b.messages.count
	if b.known && b.opened && n < before {
		s.at(rules.ExistsShrinks, fmt.Sprintf("%d messages there were, EXISTS says %d", before, n))
		b.messages.clear()
	}
	if !b.known && !b.opened {
		b.said = n
	}
	fresh := b.arrived(n)
	if b.messages.unmapped && !b.told {
		b.told = true
		s.at(rules.MailboxTooLarge, fmt.Sprintf("%d messages, up to %d are followed", n, mostMapped))
	}
	if d != nil {
		d.New = int64(fresh)
		if fresh > 0 {
			d.FromUID = b.coming
		}
		if s.Event.Command != nil && s.Event.Command == m.idle {
			d.Pushed, d.After = true, s.Time.Sub(m.silent)
			m.silent = s.Time
		}
	}
	if b.coming > 0 && b.opened {
		b.coming += int64(fresh)
	}
}

// expunged takes a message that is gone (RFC 9051 §7.5.1).
func (m *model) expunged(s *seen, b *box, n uint32) {
	if b == nil || n == 0 {
		return
	}
	if b.known && n > b.messages.count {
		s.at(rules.ExpungeBeyond, fmt.Sprintf("EXPUNGE of %d, there are %d", n, b.messages.count))
		b.messages.clear()
	}
	if n <= b.said {
		b.said--
	}
	uid, _ := b.messages.remove(n)
	d, _ := s.Detail.(*Gone)
	if d == nil {
		return
	}
	d.UID, d.Left = int64(uid), -1
	if b.known {
		d.Left = int64(b.messages.count)
		next, _ := b.messages.known(n)
		d.NextUID = int64(next)
	}
}

// mostRanges bounds the ranges of a VANISHED response that are followed one by one.
const mostRanges = 1000

// vanished takes messages that are gone (RFC 7162 §3.2.10). Those of VANISHED (EARLIER) were
// never counted in this session.
func (m *model) vanished(s *seen, b *box, d *grammar.Vanished) {
	if b == nil || d.Earlier {
		return
	}
	b.said = 0
	missing, n := uint64(0), 0
	gone := &Vanished{Left: -1}
	ranges(d.UIDs, func(from, to uint32) bool {
		if to == 1<<32-1 {
			return false // no uid-set has "*" here
		}
		if n++; n == mostRanges {
			b.messages.clear()
		}
		gone.Gone += int64(to-from) + 1
		missing += uint64(b.messages.vanish(from, to))
		return true
	})
	if s.Line.Cut {
		b.lost()
		return
	}
	if b.known && missing > 0 {
		s.at(rules.VanishedUnknown, fmt.Sprintf("%d of %s were not there", missing, shortSet(d.UIDs)))
		b.lost()
	}
	if b.known {
		gone.Left = int64(b.messages.count)
	}
	if !m.o.Bare {
		gone.UIDs = string(d.UIDs)
		s.Detail = gone
	}
}

// shortSet gives the beginning of a set.
func shortSet(p []byte) string {
	if len(p) > 40 {
		return string(p[:37]) + "..."
	}
	return string(p)
}

// completion takes a completion result.
func (m *model) completion(s *seen) {
	c := m.asked.of(s.Event.Command)
	if c == nil {
		m.mirror.line(s.Event)
		m.describe(s)
		return
	}
	if r := s.Response; r != nil && r.Code != nil {
		b := m.box
		if c.box != nil {
			b = c.box
		}
		m.code(s, b, r.Code)
	}
	if b := c.box; b != nil {
		m.ready = nil
		if s.Name == "OK" {
			m.ready = b
			m.selected(s, c, b)
		}
	}
	if s.Name == "OK" {
		m.answered(s, c)
	}
	if c.Command == m.idle {
		m.idle = nil
	}
	m.asked.remove(c)
	m.mirror.line(s.Event)
	m.describe(s)
	if d, ok := s.Detail.(*Result); ok && d.Messages != nil {
		b := m.box
		if c.box != nil {
			b = c.box
		}
		if b != nil && b.known {
			n := int64(b.messages.count)
			d.Messages = &n
		}
	}
}

// entered follows the states of the session.
func (m *model) entered(s *seen) {
	m.bodies.reset()
	if m.box != nil {
		m.leave(m.box)
	}
	if s.State == decode.Selected && m.ready != nil {
		m.box, m.ready = m.ready, nil
		m.box.opened = true
		m.box.name = s.Mailbox
		return
	}
	m.box = nil
	if s.State == decode.NotAuthenticated { // anew, or another user's (RFC 8437 §3)
		m.parser.UTF8 = m.alone
		clear(m.history)
	}
}
