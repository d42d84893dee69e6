package meaning

import (
	"bytes"
	"slices"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// greeting judges a greeting.
func (c *conduct) greeting(e *seen) {
	if c.greets++; c.greets > 1 && c.once.first(saidGreetings) {
		e.found(rules.SeveralGreetings, e.Span, "")
	}
	if e.Name == "PREAUTH" && !c.tls {
		e.found(rules.PreauthInClear, e.Span, "")
	}
	c.status(e)
}

// status judges the code of a greeting or an untagged status response.
func (c *conduct) status(e *seen) {
	if d, ok := e.Detail.(*Status); ok {
		c.listed(e, d.Capabilities)
		c.code(e, d.Code)
	}
}

// code judges a response code.
func (c *conduct) code(e *seen, code string) {
	switch code {
	case "ALERT":
		if !c.tls && e.State == decode.NotAuthenticated && c.once.first(saidAlert) {
			e.found(rules.AlertBeforeTLS, e.Span, "")
		}
	case "REFERRAL":
		if !c.tls && c.once.first(saidReferral) {
			e.found(rules.ReferralBeforeTLS, e.Span, "")
		}
	case "SERVERBUG":
		if c.once.first(saidServerBug) {
			e.found(rules.ServerBug, e.Span, about(e))
		}
	case "CLIENTBUG":
		if c.once.first(saidClientBug) {
			e.found(rules.ClientBug, e.Span, about(e))
		}
	}
}

// about gives the command that a result is of.
func about(e *seen) string {
	if e.Event.Command == nil {
		return ""
	}
	return e.Event.Command.Name
}

// mailboxWords are the untagged responses that mean something behind a login only, messageWords
// those that mean something in a mailbox only.
var (
	mailboxWords = []string{"LIST", "LSUB", "XLIST", "STATUS", "NAMESPACE", "ESEARCH", "ACL", "MYRIGHTS", "LISTRIGHTS", "QUOTA", "QUOTAROOT", "METADATA"}
	messageWords = []string{"EXISTS", "RECENT", "EXPUNGE", "VANISHED", "FETCH", "FLAGS", "SEARCH", "SORT", "THREAD"}
)

// untagged judges an untagged response.
func (c *conduct) untagged(e *seen) {
	for i := range c.flights {
		if f := &c.flights[i]; f.data != nil && slices.Contains(f.data, e.Name) {
			f.answers = true
		}
	}
	switch e.Name {
	case "OK", "NO", "BAD":
		c.status(e)
		return
	case "BYE":
		c.status(e)
		if c.byes++; c.byes > 2 && c.once.first(saidBye) {
			e.found(rules.RepeatedBye, e.Span, "")
		}
		return
	case "CAPABILITY":
		d, _ := e.Detail.(*Capabilities)
		c.listed(e, d)
		return
	}
	c.fits(e)
	switch e.Name {
	case "EXISTS":
		c.arrived(e)
	case "EXPUNGE", "VANISHED":
		c.gone(e)
	}
}

// fits judges whether a response means anything in this state (RFC 9051 §11.3).
func (c *conduct) fits(e *seen) {
	if !c.stated || c.blind {
		return
	}
	message := slices.Contains(messageWords, e.Name)
	switch {
	case e.State == decode.NotAuthenticated && (message || slices.Contains(mailboxWords, e.Name)):
		if c.tls {
			e.found(rules.ResponseState, e.Span, e.Name+" in the not authenticated state")
			return
		}
		e.found(rules.UntaggedBeforeTLS, e.Span, e.Name)
	case e.State == decode.Authenticated && message && c.selecting() == 0 && c.crowd == 0:
		e.found(rules.ResponseState, e.Span, e.Name+" in the authenticated state")
	}
}

// arrived follows the number of messages.
func (c *conduct) arrived(e *seen) {
	text := bytes.TrimLeft(e.Text[min(2, len(e.Text)):], " ")
	if i := bytes.IndexByte(text, ' '); i >= 0 {
		text = text[:i]
	}
	n, ok := number(text)
	if !ok || n < 0 {
		n = -1
	}
	switch c.selecting() {
	case 0:
		if e.State == decode.Selected {
			c.exists = n
		}
	case 1:
		c.coming = n
	default:
		c.exists, c.coming = -1, -1 // who can tell whose it is
	}
}

// gone judges the moment of an EXPUNGE or VANISHED (RFC 9051 §7.5.1, RFC 7162 §3.2.10.2).
func (c *conduct) gone(e *seen) {
	if e.Name == "VANISHED" {
		if bytes.Contains(bytes.ToUpper(e.Text[:min(len(e.Text), 32)]), []byte("(EARLIER)")) {
			return
		}
		c.exists, c.coming = -1, -1
		c.habit.shifts++
	} else if c.selecting() > 0 {
		c.coming = -1
	} else {
		c.habit.shifts++
		if c.exists > 0 {
			c.highest = max(c.highest, c.exists)
			c.exists--
		}
	}
	if !c.sure() || c.notify || e.State != decode.Selected {
		return
	}
	for i := range c.flights {
		if c.flights[i].trait&quiet == 0 {
			return
		}
	}
	c.exists = -1 // the client may not know of it
	if len(c.flights) == 0 {
		e.found(rules.ExpungeMoment, e.Span, e.Name+", and no command is under way")
		return
	}
	e.found(rules.ExpungeMoment, e.Span, e.Name+" during "+c.flights[0].Tag+" "+c.flights[0].Name)
}

// asked judges a continuation request.
func (c *conduct) asked(e *seen) {
	if e.Event.Command == nil {
		if c.sure() {
			e.found(rules.NothingAsked, e.Span, "")
		}
		return
	}
	f := c.flying(e.Event.Command)
	switch {
	case f == nil:
	case f.owed > 0:
		f.owed--
	case f.Name == "IDLE":
		f.asked, f.since = true, e.Time
	}
}

// completed judges a completion result.
func (c *conduct) completed(e *seen) {
	if e.Event.Command == nil {
		if c.sure() {
			e.found(rules.UnknownTag, e.Span, e.Tag)
		}
		return
	}
	f := c.land(e.Event.Command)
	d, _ := e.Detail.(*Result)
	if d != nil {
		c.listed(e, d.Capabilities)
		c.code(e, d.Code)
	}
	c.loggedIn(e, &f)
	ok := e.Name == "OK"
	name := e.Event.Command.Name
	switch {
	case ok && f.data != nil && !f.answers && !f.plain && !c.blind:
		e.found(rules.ResponseMissing, e.Span, "no "+f.data[0]+" came")
	case ok && name == "LOGOUT" && c.byes == 0 && !c.blind:
		e.found(rules.NoBye, e.Span, "")
	case e.Name == "BAD":
		c.refused(e, &f)
	}
	switch {
	case f.trait&selects != 0:
		c.exists, c.highest = -1, 0
		if ok && c.selecting() == 0 {
			c.exists = c.coming
		}
		c.coming = -1
	case ok && name == "NOTIFY":
		c.notify = true
	case ok && name == "UNAUTHENTICATE":
		c.caps.lapse()
		c.notify = false // RFC 8437 §4.1
	}
	c.habit.completed(e, &f, c)
}

// refused judges a BAD: a server that advertises an extension knows its commands.
func (c *conduct) refused(e *seen, f *flight) {
	if c.blind || c.caps.full || !c.caps.listed || !f.info.States.Has(e.State) {
		return
	}
	switch name := e.Event.Command.Name; {
	case f.special && c.caps.has(now, "SPECIAL-USE"):
		e.found(rules.AdvertisedRefused, e.Span, "LIST with SPECIAL-USE")
	case name == "UID EXPUNGE", name == "NAMESPACE", name == "IDLE", name == "UNSELECT":
		// Behind its continuation request IDLE is refused for what came instead of DONE.
		if c.caps.has(now, f.info.Capabilities...) && !f.odd && f.since.IsZero() {
			e.found(rules.AdvertisedRefused, e.Span, name)
		}
	}
}
