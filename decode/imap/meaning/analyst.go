// Package meaning gives the events of an IMAP session their meaning: typed details, the
// mailbox behind them, and findings. It sees what the session found out, in order, and never
// an octet before framing did.
//
//	session ──*decode.Event──► Analyst ──logical line──► grammar.Parser
//	                             │  │                         │
//	                             │  ├──► mailbox model ◄──────┤ what changed
//	                             │  └──► conduct, habits ◄────┘ what is worth a finding
//	                             ▼
//	                   Detail, Findings on the event
//
// A mistake in here costs meaning and nothing else: the session goes on without the Analyst.
package meaning

import (
	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap/grammar"
)

// Analyst follows one session.
type Analyst struct {
	o       decode.Options
	parser  grammar.Parser
	conduct conduct
}

// New gives an Analyst for a session that stands before its greeting.
func New(o decode.Options) *Analyst { return &Analyst{o: o, conduct: newConduct(o)} }

// Secured says that from here on both directions came out of TLS.
func (a *Analyst) Secured() { a.conduct.secured() }

// seen is one event with what was parsed of it, for the rules. It is valid during a call.
type seen struct {
	*decode.Event
	Line     *grammar.Line     // nil unless a logical line ended with the event
	Command  *grammar.Command  // of a command whose last line it is
	Response *grammar.Response // of a response whose last line it is
	offset   func(int) int64   // from an offset in Line.Text to one in the direction's stream
}

// See puts on an event what it means. Events come in the order in which the session gives
// them, each once.
func (a *Analyst) See(e *decode.Event) {
	a.conduct.see(&seen{Event: e})
}

// End gives the findings that the end of the session brings.
func (a *Analyst) End() []decode.Finding { return a.conduct.end() }
