package meaning

import (
	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// Analyst follows one session.
type Analyst struct {
	o       decode.Options
	parser  grammar.Parser
	model   model
	conduct conduct

	client, server             logical
	clientOffset, serverOffset func(int) int64
	line                       grammar.Line
	s                          seen
	tally                      tally
}

// New gives an Analyst for a session that stands before its greeting.
func New(o decode.Options) *Analyst {
	o.Limits = o.Limits.WithDefaults()
	a := &Analyst{o: o, conduct: newConduct(o), tally: tally{}}
	a.client.max, a.server.max = o.Limits.Line, o.Limits.Line
	a.clientOffset, a.serverOffset = a.client.stream, a.server.stream
	a.model.init(o, &a.parser)
	return a
}

// Secured says that from here on both directions came out of TLS.
func (a *Analyst) Secured() { a.conduct.secured() }

// seen is one event with what was parsed of it, for the rules. It is valid during a call.
type seen struct {
	*decode.Event
	Line     *grammar.Line     // nil unless a logical line ended with the event
	Command  *grammar.Command  // of a command whose last line it is
	Response *grammar.Response // of a response whose last line it is
	offset   func(int) int64   // from an offset in Line.Text to one in the direction's stream
	tally    tally
}

// tally counts how often a rule was found on the connection.
type tally map[*rules.Rule]int

// found puts a finding on the event, unless the rule was found often enough.
func (s *seen) found(r *rules.Rule, span decode.Span, fact string) {
	if s.tally[r] < fewFindings {
		s.tally[r]++
		s.Findings = append(s.Findings, r.At(s.Dir, span, fact))
	}
}

// See puts on an event what it means. Events come in the order in which the session gives
// them, each once.
func (a *Analyst) See(e *decode.Event) {
	s := &a.s
	*s = seen{Event: e, tally: a.tally}
	switch e.Kind {
	case decode.CommandLine:
		a.model.begins(e)
		if a.client.begin(e, &a.line, true) {
			a.command(s)
		}
	case decode.Untagged:
		if a.server.begin(e, &a.line, !isStatus(e.Name)) {
			a.response(s)
		}
	case decode.Greeting, decode.Completion, decode.ContinuationRequest:
		a.server.begin(e, &a.line, false)
		a.response(s)
	case decode.Literal:
		if e.Dir == decode.Client {
			a.client.literal(e)
		} else {
			a.server.literal(e)
		}
	case decode.Continuation:
		if e.Dir == decode.Client {
			if a.client.goOn(e, &a.line) {
				a.command(s)
			}
		} else if a.server.goOn(e, &a.line) {
			a.response(s)
		}
	case decode.Desync:
		if e.Dir != decode.Server {
			a.client.lost(e)
		}
		if e.Dir != decode.Client && a.server.lost(e) {
			a.model.lost()
		}
	case decode.Malformed:
		if e.Dir == decode.Client {
			a.client.open = false
		} else {
			a.server.open = false
		}
	}
	a.model.see(s)
	a.conduct.see(s)
}

// Row takes an untagged FETCH that p begins with, and gives its octets, line end included: where its
// like was seen before and nothing can be found in it. Otherwise it gives 0, and the response has to
// come as an event. It is for sessions of which nobody sees the events.
func (a *Analyst) Row(p []byte) int {
	b := a.model.open()
	if b == nil || a.server.open || a.model.asked.wanting > 0 {
		return 0
	}
	d, n := a.parser.RowAt(p)
	if n == 0 || n > a.o.Limits.Line || !b.plain(d) {
		return 0
	}
	a.model.bodies.parts = a.model.bodies.parts[:0]
	return n
}

func isStatus(name string) bool {
	switch name {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		return true
	}
	return false
}

func (a *Analyst) command(s *seen) {
	s.Line, s.offset = &a.line, a.clientOffset
	if s.Kind == decode.CommandLine && a.conduct.knows(s.Name).alone {
		if s.Command = a.parser.SimpleCommand(&a.line, s.Tag, s.Name); s.Command != nil {
			return
		}
	}
	s.Command = a.parser.Command(&a.line)
	a.problems(s, s.Command.Problems)
}

func (a *Analyst) response(s *seen) {
	s.Line, s.offset = &a.line, a.serverOffset
	row := a.o.Bare && s.Kind == decode.Untagged && s.Name == "FETCH"
	if row {
		if s.Response = a.parser.Row(a.line.Text); s.Response != nil {
			return
		}
	}
	if s.Kind == decode.Completion {
		if s.Response = a.parser.SimpleResult(&a.line, s.Tag, s.Name); s.Response != nil {
			return
		}
	}
	s.Response = a.parser.Response(&a.line)
	a.problems(s, s.Response.Problems)
	if row {
		a.parser.Learn(&a.line, s.Response)
	}
}

// problems puts on the event what of its line departs from the grammar.
func (a *Analyst) problems(s *seen, problems []grammar.Problem) {
	for i := range problems {
		p := &problems[i]
		span := decode.Span{Off: s.offset(p.Off), Len: int64(p.Len)}
		s.found(p.Rule, span, p.Fact)
	}
}

// End gives the findings that the end of the session brings.
func (a *Analyst) End() []decode.Finding { return a.conduct.end() }
