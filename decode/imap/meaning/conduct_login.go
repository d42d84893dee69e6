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
		mech, initial = mechanismName(word), len(rest) > 0
		open = plaintext(mech)
		c.mechanism(e, mech, initial)
	} else {
		open = !anonymous(args)
		if c.caps.listed && c.caps.has(now, "LOGINDISABLED") {
			e.found(rules.LoginDisabled, e.Span, "")
		}
	}
	if c.staleOffers() && !c.blind && c.once.first(saidNotRefreshed) {
		// Discarding what was learned is a MUST, asking anew a SHOULD (RFC 9051 §6.2.1), and a client
		// may log in the way it was told to: RFC 9051 §8 does.
		e.noted(rules.NotRefreshed, e.Span, "no CAPABILITY since TLS began")
	}
	if c.tls {
		return
	}
	if fact := c.stripped(open); fact != "" {
		e.found(rules.Stripped, e.Span, fact)
	}
	switch {
	case !open:
	case initial, e.Name == "LOGIN" && !f.literal:
		c.inClear(e)
	default:
		f.clear = true
	}
}

// noted is found where the RFCs allow in this case what the rule is about.
func (s *seen) noted(r *rules.Rule, span decode.Span, fact string) {
	n := len(s.Findings)
	s.found(r, span, fact)
	for i := range s.Findings[n:] {
		s.Findings[n+i].Severity = decode.Note
	}
}

// mechanismName gives a mechanism in upper case, and nothing of what cannot be one: it may be an
// initial response where the client forgot the mechanism.
func mechanismName(word []byte) string {
	upper := bytes.ToUpper(word)
	mech := string(upper[:min(len(upper), longestMechanism+1)])
	if !isMechanism(mech) || !bytes.Equal(word, upper) && !bytes.Equal(word, bytes.ToLower(word)) && !plaintext(mech) {
		return ""
	}
	return mech
}

// longestMechanism is the longest name of a mechanism (RFC 4422 §3.1).
const longestMechanism = 20

// isMechanism tells whether a word is the name of a mechanism, and not filler.
func isMechanism(mech string) bool {
	for _, c := range []byte(mech) {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return len(mech) > 0 && len(mech) <= longestMechanism && strings.Trim(mech, "X") != ""
}

// anonymous tells whether LOGIN's user is nobody, by the older convention (RFC 9051 §6.2).
func anonymous(args []byte) bool {
	user, _, _ := bytes.Cut(args, []byte(" "))
	return bytes.EqualFold(bytes.Trim(user, `"`), []byte("anonymous"))
}

func (c *conduct) mechanism(e *seen, mech string, initial bool) {
	if strings.HasSuffix(mech, "-PLUS") && !c.direct {
		e.found(rules.ChannelBinding, e.Span, mech)
	}
	if c.blind || c.caps.full || !c.caps.listed || c.refreshing() {
		return
	}
	if isMechanism(mech) && !c.caps.has(ever, "AUTH="+mech) {
		e.found(rules.MechanismNotOffered, e.Span, mech)
	}
	if initial && !c.caps.has(ever, "SASL-IR", revision2) {
		e.found(rules.InitialResponse, e.Span, "")
	}
}

// stripped tells what speaks for it that somebody on the way took STARTTLS away. open says that
// the client is about to give its password to who reads along.
func (c *conduct) stripped(open bool) string {
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
	case open && o.has(now, "LOGINDISABLED"):
		return "no passwords in the clear, says LOGINDISABLED, and no way to TLS either"
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
	e.found(rules.CleartextAuth, e.Span, fact)
	if c.login.refused {
		e.found(rules.RefusedContinue, e.Span, "")
	}
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
	case ok && c.login.fixed && f.info.States != 0 && !f.info.States.Has(decode.NotAuthenticated) && c.once.first(saidFixation):
		e.found(rules.AuthFixation, e.Span, e.Event.Command.Name+" succeeded without a login inside TLS")
	}
}
