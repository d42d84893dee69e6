package imap

import (
	"bytes"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// mailbox is what the session tells about the selected mailbox.
type mailbox struct {
	name     string
	messages int64
	known    bool // messages was said
	readOnly bool
}

// enter makes the event of a state that was entered.
func (s *session) enter(t time.Time, state decode.State) {
	s.joiner.Forget()
	s.state = state
	e := s.event(t, decode.NoDir, decode.StateChange)
	d := &Entered{Mailbox: s.mailbox.name, ReadOnly: s.mailbox.readOnly, Clear: !s.tls}
	if s.mailbox.known {
		n := s.mailbox.messages
		d.Messages = &n
	}
	e.Detail = d
}

// selected follows from the completion of SELECT or EXAMINE (RFC 9051 §6.3.2).
func (s *session) selected(t time.Time, p *pending, ok bool, d *Result) {
	if !ok {
		// The mailbox selected before is no longer.
		if s.state == decode.Selected {
			s.mailbox = mailbox{}
			s.enter(t, decode.Authenticated)
		}
		return
	}
	s.mailbox = p.box
	s.mailbox.name = string(p.name)
	s.mailbox.readOnly = d.Code == "READ-ONLY" || p.readOnly
	if s.mailbox.known {
		n := s.mailbox.messages
		d.Messages = &n
	}
	s.enter(t, decode.Selected)
}

// selecting gives the mailbox that EXISTS and EXPUNGE speak of: that of a SELECT which is the
// oldest command under way, or the selected one. What is older than the SELECT has its
// data before (RFC 9051 §5.5), unless no mailbox is selected.
func (s *session) selecting() *mailbox {
	live := s.pending.order[s.pending.head:]
	for _, p := range live[:min(len(live), searched)] {
		if p.done {
			continue
		}
		if p.info != nil && p.info.mailbox {
			return &p.box
		}
		if s.mailbox.name != "" {
			break
		}
	}
	return &s.mailbox
}

// mailboxData follows the number of messages.
func (s *session) mailboxData(r *response, text []byte) any {
	switch {
	case r.kind != decode.Untagged:
	case r.name == "EXISTS" && r.number >= 0:
		m := s.selecting()
		d := &Arrived{Messages: r.number}
		if m.known {
			d.New = max(0, r.number-m.messages)
		}
		m.messages, m.known = r.number, true
		return d
	case r.name == "EXPUNGE" && r.number > 0:
		m := s.selecting()
		d := &Gone{Number: r.number, Left: -1}
		if m.known && m.messages > 0 {
			m.messages--
			d.Left = m.messages
		}
		return d
	case r.name == "CAPABILITY":
		return s.learn(text[r.args:])
	}
	return nil
}

// most bounds how many capabilities are kept.
const most = 1000

// learn takes a list of capabilities (RFC 9051 §7.2.2).
func (s *session) learn(p []byte) *Capabilities {
	before := s.caps
	d := &Capabilities{First: before == nil}
	s.caps = map[string]bool{}
	for _, w := range bytes.Fields(p) {
		if len(d.List) == most {
			break
		}
		name := unknownName(w)
		if !s.caps[name] && !before[name] {
			d.New++
		}
		s.caps[name] = true
		d.List = append(d.List, string(w[:min(len(w), 64)]))
	}
	d.LoginDisabled = s.caps["LOGINDISABLED"]
	return d
}

func (s *session) status(text []byte) any {
	code, args := respCode(text)
	if len(code) == 0 {
		return nil
	}
	d := &Status{Code: unknownName(code)}
	if d.Code == "CAPABILITY" {
		d.Capabilities = s.learn(args)
	} else {
		d.Argument = string(args[:min(len(args), s.o.Limits.Header)])
	}
	return d
}
