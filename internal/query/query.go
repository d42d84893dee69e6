package query

import (
	"strings"
	"time"
	"unicode"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
)

// Query says which messages are looked for.
type Query struct{ root *node }

// op is what a node does with those below it.
type op uint8

const (
	opKey op = iota
	opWord
	opAnd
	opOr
	opNot
)

// node is a part of a query: a key, or what joins several.
type node struct {
	op    op
	kids  []*node // of opAnd and opOr two at least, none of them of the same op; of opNot one, no opNot
	key   *Key    // of opKey; of opWord that of text
	field string  // of the key header
	value string  // as written, without quotes

	// What value means, by kind.
	day time.Time
	n   int64 // octets, seconds
	set grammar.Set
}

// join makes one node of several.
func join(o op, kids []*node) *node {
	var flat []*node
	for _, k := range kids {
		if k.op == o {
			flat = append(flat, k.kids...)
		} else {
			flat = append(flat, k)
		}
	}
	if len(flat) == 1 {
		return flat[0]
	}
	return &node{op: o, kids: flat}
}

func not(n *node) *node {
	if n.op == opNot {
		return n.kids[0]
	}
	return &node{op: opNot, kids: []*node{n}}
}

// each gives every key below a node, words too.
func (n *node) each(do func(*node)) {
	if n.key != nil {
		do(n)
	}
	for _, k := range n.kids {
		k.each(do)
	}
}

// String writes the query in its language; Parse reads the same from it.
func (q *Query) String() string {
	var b strings.Builder
	q.root.print(&b, opOr)
	return b.String()
}

// print writes a node where one of op or tighter may stand bare.
func (n *node) print(b *strings.Builder, at op) {
	switch n.op {
	case opWord:
		b.WriteString(word(n.value))
	case opKey:
		b.WriteString(n.key.written())
		switch {
		case n.key.kind == header && n.value == "":
			b.WriteString(n.field)
		case n.key.kind == header:
			b.WriteString(n.field + "=" + value(n.value))
		case n.key.kind != alone:
			b.WriteString(value(n.value))
		}
	case opNot:
		b.WriteByte('-')
		n.kids[0].print(b, opNot)
	default:
		bare := at == opOr || at == opAnd && n.op == opAnd
		between := " "
		if n.op == opOr {
			between = " or "
		}
		if !bare {
			b.WriteByte('(')
		}
		for i, k := range n.kids {
			if i > 0 {
				b.WriteString(between)
			}
			k.print(b, opAnd)
		}
		if !bare {
			b.WriteByte(')')
		}
	}
}

// word writes text so that it is read as a word.
func word(s string) string {
	lower := strings.ToLower(s)
	if byName[lower] != nil || lower == "or" || lower == "and" || lower == "not" || strings.HasPrefix(s, "-") || strings.Contains(s, ":") {
		return quote(s)
	}
	return value(s)
}

// value writes text so that it is read as one value.
func value(s string) string {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r == '"' || r == '(' || r == ')' || unicode.IsSpace(r) }) {
		return quote(s)
	}
	return s
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
