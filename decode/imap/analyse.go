package imap

import (
	"fmt"
	"slices"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// analyst gives events their meaning: a *meaning.Analyst.
type analyst interface {
	See(*decode.Event)
	Row(p []byte) int
	Secured()
	End() []decode.Finding
}

// analysed gives the events of a call, each seen once by the analyst.
func (s *session) analysed() []decode.Event {
	s.analyse()
	s.known = 0
	return s.events
}

// analyse shows the analyst the events of the call so far.
func (s *session) analyse() {
	for s.known < len(s.events) && s.analyst != nil {
		s.known = s.seen(s.known)
	}
}

// unseenRow takes a FETCH response that p begins with, line end included, where it is worth no event;
// otherwise 0.
func (s *session) unseenRow(t time.Time, p []byte) (n int) {
	s.analyse() // what came before
	if s.analyst == nil {
		return 0
	}
	defer func() {
		if r := recover(); r != nil {
			n = 0
			s.events = append(s.events, s.meaningStopped(decode.Event{
				Time: t, Dir: decode.Server, State: s.state, Mailbox: s.mailbox.name, Span: decode.Span{Off: s.server.off},
			}, r))
		}
	}()
	if n = s.analyst.Row(p); n == 0 {
		return 0
	}
	if c := s.pending.wanting("FETCH"); c != nil {
		c.replied(t)
		c.data++
	}
	return n
}

// seen shows the analyst the events from the i-th on, up to one that it cannot bear, and gives
// the first that it did not see.
func (s *session) seen(i int) (next int) {
	defer func() {
		if r := recover(); r != nil {
			next = i + 1
			s.events = slices.Insert(s.events, next, s.meaningStopped(s.events[i], r))
		}
	}()
	for ; i < len(s.events); i++ {
		s.analyst.See(&s.events[i])
	}
	return i
}

// meaningStopped goes on without the analyst, which framing does not need.
func (s *session) meaningStopped(e decode.Event, reason any) decode.Event {
	s.analyst = nil
	fact := fmt.Sprint(reason)
	return decode.Event{
		Time: e.Time, Dir: e.Dir, Kind: decode.FindingOnly, State: e.State, Mailbox: e.Mailbox, Span: e.Span,
		Findings: []decode.Finding{rules.MeaningStopped.At(e.Dir, e.Span, fact[:min(len(fact), 200)])},
	}
}

// conclude makes events of what only the end of the session tells.
func (s *session) conclude(t time.Time) {
	if s.analyst == nil {
		return
	}
	defer func() {
		if r := recover(); r != nil {
			s.events = append(s.events, s.meaningStopped(decode.Event{Time: t, State: s.state, Mailbox: s.mailbox.name}, r))
		}
	}()
	for _, f := range s.analyst.End() {
		e := s.event(t, f.Dir, decode.FindingOnly)
		e.Span, e.Findings = f.Span, []decode.Finding{f}
	}
}
