// Package rules is the table of all findings: what is worth telling about a session, how bad
// it is, where that is written and what it means for the user. The decoders refer to its
// rows; docs/findings.md is generated from it.
//
// A rule of severity error or warning never fires on a session that keeps to the RFCs; what
// is legal and only surprising or slow is a note.
package rules

import (
	"cmp"
	"slices"

	"github.com/mailtrace/mailtrace/decode"
)

// Rule is one row of the table.
type Rule struct {
	ID       string // family, dot, words with hyphens: "starttls.command-injection"
	Severity decode.Severity
	Ref      string // RFC and section
	Text     string // one sentence for the user: what it means, no final period
	Seen     string // real products and when, where it was seen in the wild; may be empty
}

var table = map[string]*Rule{}

// define puts a row into the table; a second one of the same ID is a mistake in this package.
func define(r Rule) *Rule {
	if table[r.ID] != nil {
		panic("rules: " + r.ID + " is defined twice")
	}
	table[r.ID] = &r
	return &r
}

// At makes a finding of the rule: whose octets, which of them, and what stood there ("" where
// the rule says it all).
func (r *Rule) At(d decode.Dir, span decode.Span, fact string) decode.Finding {
	return decode.Finding{ID: r.ID, Severity: r.Severity, Ref: r.Ref, Text: r.Text, Fact: fact, Dir: d, Span: span}
}

// ByID finds a rule, nil where there is none.
func ByID(id string) *Rule { return table[id] }

// All gives the table, sorted by ID.
func All() []*Rule {
	all := make([]*Rule, 0, len(table))
	for _, r := range table {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *Rule) int { return cmp.Compare(a.ID, b.ID) })
	return all
}
