package meaning

import (
	"bytes"
	"slices"
	"strings"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// offer says when a capability was on the server's list.
type offer uint8

const (
	now       offer = 1 << iota // on the last one
	ever                        // on one of this security layer
	beforeTLS                   // on one from before TLS
)

// offers are the capabilities of a server, bounded by mostOffers.
type offers struct {
	names  map[string]offer
	listed bool // there was a list in this security layer
	stale  bool // there was one before TLS
	full   bool // there were more names than are kept: nothing can be said
}

const mostOffers = 1500

// learn takes a list.
func (o *offers) learn(list []string) {
	if o.names == nil {
		o.names = make(map[string]offer, len(list))
	}
	for n := range o.names {
		o.names[n] &^= now
	}
	o.listed = true
	for i, n := range list {
		n = strings.ToUpper(n)
		if n == "LITERAL" && i+1 < len(list) {
			n += list[i+1] // QUIRK: "LITERAL +"
		}
		if len(o.names) >= mostOffers {
			o.full = true
			return
		}
		o.names[n] |= now | ever
	}
}

// forget keeps what was known as what was said before TLS (RFC 9051 §6.2.1).
func (o *offers) forget() {
	o.stale, o.listed = o.listed, false
	for n := range o.names {
		o.names[n] = beforeTLS
	}
}

// lapse says that the last list does not hold any longer, and no new one came.
func (o *offers) lapse() {
	for n := range o.names {
		o.names[n] &^= now
	}
}

// has tells whether one of the capabilities was offered; what ends in "=" begins one.
func (o *offers) has(when offer, any ...string) bool {
	for _, want := range any {
		if o.names[want]&when != 0 {
			return true
		}
		if !strings.HasSuffix(want, "=") {
			continue
		}
		for n, w := range o.names {
			if w&when != 0 && strings.HasPrefix(n, want) {
				return true
			}
		}
	}
	return false
}

// revision2 is the capability that has many extensions in it.
const revision2 = "IMAP4REV2"

// listed takes a list of capabilities and judges it.
func (c *conduct) listed(e *seen, d *Capabilities) {
	if d == nil {
		return
	}
	c.habit.informed = true
	c.caps.learn(d.List)
	o := &c.caps
	if o.full {
		return
	}
	if !o.has(now, "IMAP4REV1", revision2, "IMAP4") && !c.blind && c.once.first(saidNoRevision) {
		e.found(rules.NoBaseCapability, e.Span, "")
	}
	if c.tls && o.has(now, "STARTTLS") && c.once.first(saidInsideTLS) {
		e.found(rules.StartTLSInsideTLS, e.Span, "")
	}
	if o.has(now, "LITERAL+") && o.has(now, "LITERAL-") && c.once.first(saidBothLiterals) {
		e.found(rules.BothLiterals, e.Span, "")
	}
	if c.tls && !c.direct && e.State == decode.NotAuthenticated {
		for _, n := range d.List {
			if n = strings.ToUpper(n); strings.HasPrefix(n, "AUTH=") && strings.HasSuffix(n, "-PLUS") && c.once.first(saidOffered) {
				e.found(rules.ChannelBindingOffered, e.Span, n)
			}
		}
	}
}

// refreshing tells whether a CAPABILITY command is under way: its answer may have come to the
// client otherwise.
func (c *conduct) refreshing() bool {
	for i := range c.flights {
		if c.flights[i].Name == "CAPABILITY" {
			return true
		}
	}
	return false
}

// staleOffers tells whether the client can only go by what it learned before TLS.
func (c *conduct) staleOffers() bool {
	return !c.caps.listed && c.caps.stale && !c.caps.full && !c.refreshing()
}

// advertised judges the extensions that a command uses, once its last line is there.
func (c *conduct) advertised(e *seen) {
	if e.Command == nil || c.blind || c.caps.full || c.refreshing() || !c.caps.listed && !c.caps.stale {
		return
	}
	c.needs = e.Command.Needs(c.needs[:0])
	for i := range c.needs {
		n := &c.needs[i]
		switch n.Anyof[0] {
		case "LITERAL+", "LITERAL-", "SASL-IR":
			continue // judged where the line announces it, and at the login
		}
		switch {
		case c.caps.has(ever, n.Anyof...):
		case c.staleOffers() && c.caps.has(beforeTLS, n.Anyof...):
			if c.once.first(saidNotRefreshed) {
				c.part(e, rules.NotRefreshed, n)
			}
		case !slices.Contains(c.missed, n.Anyof[0]):
			c.missed = append(c.missed, n.Anyof[0])
			c.part(e, rules.NotAdvertised, n)
		}
	}
}

// part puts a finding on an event for a part of its line.
func (c *conduct) part(e *seen, r *rules.Rule, n *grammar.Need) {
	text := e.Line.Text
	text = text[min(n.Off, len(text)):min(n.Off+n.Len, len(text))]
	what := string(bytes.TrimSpace(text[:min(len(text), 40)]))
	span := decode.Span{Off: e.offset(n.Off), Len: int64(n.Len)}
	e.found(r, span, what+" needs "+strings.TrimSuffix(n.Anyof[0], "=")+" ("+n.Ref+")")
}

// mangled finds a capability that something on the way wrote over: firewalls make XXXXXXXA of
// STARTTLS.
func (o *offers) mangled() string {
	for n, w := range o.names {
		if w&now != 0 && len(n) == len("STARTTLS") && strings.Count(n, "X") >= len(n)-1 {
			return n
		}
	}
	return ""
}

// foldPrefix tells whether p begins with an upper-case word.
func foldPrefix(p []byte, word string) bool {
	return len(p) >= len(word) && bytes.EqualFold(p[:len(word)], []byte(word))
}
