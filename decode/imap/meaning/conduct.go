package meaning

import (
	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap/grammar"
)

// conduct judges how client and server behave: what they say in which state, in which order,
// with which capabilities.
//
//	command ──► state, tag, capabilities, literals, numbers ──► flight (under way)
//	untagged ─► state, moment, what flights are due                 │
//	result ───► its flight: tag, codes, what was missing ◄──────────┘
//
// It says nothing that octets which nobody saw could refute: behind a gap, in a capture that
// begins in mid-session, and while more commands are under way than it keeps, rules that rest
// on all of the session are silent.
type conduct struct {
	tls    bool
	direct bool // no proxy stands between client and server
	blind  bool // something was not seen: what a rule misses may have been there
	once   once
	caps   offers
	needs  []grammar.Need // of the command at hand, used again
	// missed are the extensions that were used and not offered, as the grammar's tables name them.
	missed []string
	habit  habits
	known  known // of the last command: the next one often has the same name

	flights []flight // commands under way, oldest first, at most mostFlights
	crowd   int      // commands under way that flights has no room for
	lastTag string
	stated  bool // the state is known: a greeting came, or what enters one
	notify  bool // NOTIFY lets the server speak of EXPUNGE at any time (RFC 5465 §6.1.1)

	login   login
	exists  int64 // messages in the selected mailbox, -1 where that is not known
	coming  int64 // the same, of a SELECT under way
	highest int64 // the most messages there were before an EXPUNGE; 0 where there was none
	byes    int
	greets  int
}

func newConduct(o decode.Options) conduct {
	return conduct{
		tls: o.TLS, direct: o.Direct, blind: o.Mid, exists: -1, coming: -1,
	}
}

// secured says that from here on both directions came out of TLS.
func (c *conduct) secured() {
	if c.tls {
		return
	}
	c.tls = true
	c.caps.forget()
	c.login.fixed = c.login.in
	c.habit.informed, c.habit.redundant = false, 0
	c.flights, c.crowd = c.flights[:0], 0 // what was under way gets no answer any more
}

// once says which findings were made already, of those that are worth making once a connection.
type once uint32

const (
	saidReferral once = 1 << iota
	saidAlert
	saidNotRefreshed
	saidFixation
	saidOffered
	saidReused
	saidBye
	saidGreetings
	saidServerBug
	saidClientBug
	saidInsideTLS
	saidBothLiterals
	saidNoRevision
	saidSeen
	saidOneByOne
	saidPolling
	saidListAgain
	saidSelectAgain
	saidCapabilityAgain
	saidSearchAll
	saidLoginAgain
	saidFetchAgain
	saidLongIdle
)

// first tells whether x is said for the first time.
func (o *once) first(x once) bool {
	if *o&x != 0 {
		return false
	}
	*o |= x
	return true
}

// fewFindings bounds how often a rule is found on one connection: a mistake may well be made
// with every line.
const fewFindings = 20

// see takes one event and puts findings on it.
func (c *conduct) see(e *seen) {
	switch e.Kind {
	case decode.Untagged:
		if e.State == decode.Selected && e.Name == "FETCH" {
			return // what goes by most often
		}
		c.untagged(e)
	case decode.Continuation:
		if e.Dir == decode.Client {
			c.continued(e)
		}
	case decode.Literal:
		if e.Dir == decode.Client {
			c.literal(e)
		}
	case decode.CommandLine:
		c.command(e)
	case decode.Completion:
		c.completed(e)
	case decode.ContinuationRequest:
		c.asked(e)
	case decode.Greeting:
		c.greeting(e)
	case decode.StateChange:
		c.entered(e)
	case decode.Malformed:
		c.malformed(e)
	case decode.Desync:
		c.lost()
	}
}

// end gives the findings that only the end of the session brings: none, since what is missing
// there may have been cut off.
func (c *conduct) end() []decode.Finding { return nil }

// entered follows the state.
func (c *conduct) entered(e *seen) {
	c.stated = true
	if d, ok := e.Detail.(*Entered); ok {
		switch {
		case d.Clear:
		case c.login.due:
			c.secured()
		default:
			c.tls = true // from the start
		}
		c.habit.readOnly = d.ReadOnly
	}
	c.login.in = e.State == decode.Authenticated || e.State == decode.Selected
	if e.State != decode.Selected {
		c.exists, c.highest = -1, 0
	}
}

// sure tells whether all commands under way are known.
func (c *conduct) sure() bool { return !c.blind && c.crowd == 0 }

// lost begins anew: what was under way may have been answered by octets that are missing.
func (c *conduct) lost() {
	c.blind, c.stated = true, false
	c.exists, c.coming = -1, -1
	c.flights, c.crowd = c.flights[:0], 0
}
