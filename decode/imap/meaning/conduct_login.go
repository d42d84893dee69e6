package meaning

import (
	"bytes"
	"strings"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// login is what the rules about logins and TLS remember.
type login struct {
	due     bool // STARTTLS was accepted: TLS comes next
	refused bool // STARTTLS was refused
	in      bool // somebody is logged in
	fixed   bool // and was so before TLS
}

// plaintext tells whether a mechanism gives the password, or a token that does for one, to who
// reads along. LOGIN: draft-murchison-sasl-login §2, PLAIN: RFC 4616 §6, OAUTHBEARER: RFC 7628 §3.
func plaintext(mech string) bool {
	switch mech {
	case "PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER":
		return true
	}
	return false
}

// loggingIn judges LOGIN and AUTHENTICATE.
func (c *conduct) loggingIn(e *seen, f *flight) {
	args := arguments(e)
	mech, initial := "", false
	var open bool // what travels is for anybody to read
	if e.Name == "AUTHENTICATE" {
		word, rest, _ := bytes.Cut(args, []byte(" "))
		mech, initial = strings.ToUpper(string(word[:min(len(word), longestMechanism)])), len(rest) > 0
		open = plaintext(mech)
		c.mechanism(e, mech, initial)
	} else {
		open = !anonymous(args)
		if c.caps.listed && c.caps.has(now, "LOGINDISABLED") {
			e.found(rules.LoginDisabled, "")
		}
	}
	if c.staleOffers() && !c.blind && c.once.first(saidNotRefreshed) {
		e.found(rules.NotRefreshed, "no CAPABILITY since TLS began")
	}
	if c.tls {
		return
	}
	if c.login.refused {
		e.found(rules.RefusedContinue, "")
	}
	if fact := c.stripped(); fact != "" {
		e.found(rules.Stripped, fact)
	}
	switch {
	case !open:
	case initial, e.Name == "LOGIN" && !f.literal:
		c.inClear(e)
	default:
		f.clear = true
	}
}

// longestMechanism is the longest name of a mechanism (RFC 4422 §3.1).
const longestMechanism = 20

// anonymous tells whether LOGIN's user is nobody, by the older convention (RFC 9051 §6.2).
func anonymous(args []byte) bool {
	user, _, _ := bytes.Cut(args, []byte(" "))
	return bytes.EqualFold(bytes.Trim(user, `"`), []byte("anonymous"))
}

func (c *conduct) mechanism(e *seen, mech string, initial bool) {
	if strings.HasSuffix(mech, "-PLUS") {
		e.found(rules.ChannelBinding, mech)
	}
	if c.blind || c.caps.full || !c.caps.listed || c.refreshing() {
		return
	}
	// What is no mechanism is filled: it may be a secret.
	if strings.Trim(mech, "X") != "" && !c.caps.has(ever, "AUTH="+mech) {
		e.found(rules.MechanismNotOffered, mech)
	}
	if initial && !c.caps.has(ever, "SASL-IR", revision2) {
		e.found(rules.InitialResponse, "")
	}
}

// stripped tells what speaks for it that somebody on the way took STARTTLS away.
func (c *conduct) stripped() string {
	o := &c.caps
	if !o.listed || o.full || c.blind {
		return ""
	}
	switch {
	case o.has(now, "STARTTLS"):
		return ""
	case o.has(ever, "STARTTLS"):
		return "it was on an earlier list"
	case o.mangled() != "":
		return "the list has " + o.mangled()
	case o.has(now, "LOGINDISABLED"):
		return "the list has LOGINDISABLED, which makes sense before STARTTLS only"
	}
	return ""
}

// inClear says that credentials travel in the clear.
func (c *conduct) inClear(e *seen) {
	fact := e.Name
	if e.Event.Command != nil {
		fact = e.Event.Command.Name
	}
	if c.caps.listed && !c.caps.full && c.caps.has(now, "STARTTLS") {
		fact += ", and STARTTLS was offered"
	}
	e.found(rules.CleartextAuth, fact)
}

// loggedIn judges the results of LOGIN, AUTHENTICATE and STARTTLS, and what works behind them.
func (c *conduct) loggedIn(e *seen, f *flight) {
	ok := e.Name == "OK"
	switch {
	case e.Event.Command.Name == "STARTTLS":
		c.login.due = ok
		c.login.refused = c.login.refused || !ok && !c.tls
	case f.trait&logsIn != 0:
		if ok {
			c.login.fixed = false
		}
	case ok && c.login.fixed && f.states != 0 && !f.states.has(decode.NotAuthenticated) && c.once.first(saidFixation):
		e.found(rules.AuthFixation, e.Event.Command.Name+" succeeded without a login inside TLS")
	}
}
