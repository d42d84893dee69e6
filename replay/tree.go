package replay

import (
	"bytes"
	"strings"
)

// elem is one octet, one value or one literal of a line, of a script or of the wire.
type elem struct {
	b   byte
	v   *Value
	lit *Literal // of the wire: Octets alone
}

// elemsOf takes a pattern apart.
func elemsOf(p Pattern) []elem {
	var es []elem
	for _, n := range p {
		switch n := n.(type) {
		case Text:
			es = append(es, octetElems(string(n))...)
		case *Value:
			es = append(es, elem{v: n})
		case *Literal:
			es = append(es, elem{lit: n})
		}
	}
	return es
}

func octetElems(s string) []elem {
	es := make([]elem, len(s))
	for i := range len(s) {
		es[i].b = s[i]
	}
	return es
}

// is tells whether an element is this octet.
func (e elem) is(c byte) bool { return e.v == nil && e.lit == nil && e.b == c }

// treeKind says what a tree is.
type treeKind uint8

const (
	atomTree treeKind = iota
	quotedTree
	literalTree
	listTree
	restTree // ${...}
)

// tree is one datum of an IMAP response (RFC 9051 §4), or the pattern of one.
type tree struct {
	kind  treeKind
	elems []elem   // atom, quoted: octets and values
	lit   *Literal // literal
	items []tree   // list
}

// trees reads data up to the end, or to the parenthesis that closes the list. It takes
// whatever comes: spaces count for nothing, what is not closed ends with the line.
func trees(es []elem) (list []tree, rest []elem) { return nested(es, maxNesting) }

// maxNesting bounds the lists inside one another; what lies deeper is atoms.
const maxNesting = 500

func nested(es []elem, depth int) (list []tree, rest []elem) {
	for len(es) > 0 {
		switch e := es[0]; {
		case e.is(' '):
			es = es[1:]
		case e.is(')'):
			return list, es[1:]
		case e.is('(') && depth > 0:
			var t tree
			t.kind = listTree
			t.items, es = nested(es[1:], depth-1)
			list = append(list, t)
		case e.lit != nil:
			list = append(list, tree{kind: literalTree, lit: e.lit})
			es = es[1:]
		case e.v != nil && e.v.Kind == Rest:
			list = append(list, tree{kind: restTree})
			es = es[1:]
		case e.is('"'):
			var t tree
			t, es = quotedString(es[1:])
			list = append(list, t)
		default:
			n := atomEnd(es)
			list = append(list, tree{kind: atomTree, elems: es[:n]})
			es = es[n:]
		}
	}
	return list, nil
}

// quotedString reads behind the opening quote, escapes undone.
func quotedString(es []elem) (tree, []elem) {
	t := tree{kind: quotedTree}
	for i := 0; i < len(es); i++ {
		switch {
		case es[i].is('"'):
			return t, es[i+1:]
		case es[i].is('\\') && i+1 < len(es):
			i++
		}
		t.elems = append(t.elems, es[i])
	}
	return t, nil
}

// atomEnd finds the end of an atom. What stands in brackets belongs to it, spaces and
// parentheses too: BODY[HEADER.FIELDS (DATE)].
func atomEnd(es []elem) int {
	depth := 0
	for i, e := range es {
		switch {
		case e.lit != nil:
			return i
		case e.is('['):
			depth++
		case e.is(']'):
			depth--
		case depth <= 0 && i > 0 && (e.is(' ') || e.is('(') || e.is(')')):
			return i
		}
	}
	return len(es)
}

// text gives what a tree holds that has no values: of a list, its wire form.
func (t *tree) text() string {
	switch t.kind {
	case literalTree:
		return t.lit.shown()
	case listTree:
		parts := make([]string, len(t.items))
		for i := range t.items {
			parts[i] = t.items[i].text()
			if t.items[i].isString() {
				parts[i] = quoted(parts[i])
			}
		}
		return "(" + strings.Join(parts, " ") + ")"
	}
	b := make([]byte, 0, len(t.elems))
	for _, e := range t.elems {
		if e.v == nil {
			b = append(b, e.b)
		}
	}
	return string(b)
}

func (t *tree) isString() bool { return t.kind == quotedTree || t.kind == literalTree }

func (t *tree) isNIL() bool { return t.kind == atomTree && strings.EqualFold(t.text(), "NIL") }

// value gives the value that a tree is, nothing else beside it.
func (t *tree) value() *Value {
	if t.kind == atomTree && len(t.elems) == 1 {
		return t.elems[0].v
	}
	return nil
}

// hasValue tells whether a value is part of an atom or a quoted string.
func (t *tree) hasValue() bool {
	for _, e := range t.elems {
		if e.v != nil {
			return true
		}
	}
	return false
}

// reply is an IMAP response, or the pattern of one, taken apart (RFC 9051 §7).
type reply struct {
	tag   string // "*", "+" or a tag
	count *tree  // of "* 3 EXISTS"
	kind  string // in upper case: OK, FETCH, …; of a pattern "" where a value stands there
	code  []tree // of a status: response code and arguments
	args  []tree // of all but a status
	show  string // for people: the line, as far as it is one
	raw   []elem // of what came: all of it
}

var statusKinds = map[string]bool{"OK": true, "NO": true, "BAD": true, "BYE": true, "PREAUTH": true}

// replyOf takes a line apart.
func replyOf(es []elem, show string) *reply {
	r := &reply{show: show}
	word := func() tree {
		for len(es) > 0 && es[0].is(' ') {
			es = es[1:]
		}
		n := 0
		for n < len(es) && !es[n].is(' ') && es[n].lit == nil {
			n++
		}
		t := tree{elems: es[:n]}
		es = es[n:]
		return t
	}
	first := word()
	r.tag = first.text()
	if r.tag == "+" {
		return r
	}
	kind := word()
	if r.tag == "*" && (kind.value() != nil || isNumber(kind.text())) {
		if next := word(); len(next.elems) > 0 {
			count := kind
			r.count, kind = &count, next
		}
	}
	r.kind = strings.ToUpper(kind.text())
	if !statusKinds[r.kind] {
		r.args, _ = trees(es)
		return r
	}
	if len(es) > 1 && es[0].is(' ') && es[1].is('[') {
		if n := codeEnd(es[2:]); n >= 0 {
			r.code, _ = trees(es[2 : 2+n])
		}
	}
	return r
}

// codeEnd finds the bracket that closes a response code; -1 where none does.
func codeEnd(es []elem) int {
	in := false
	for i := 0; i < len(es); i++ {
		switch {
		case in && es[i].is('\\'):
			i++
		case es[i].is('"'):
			in = !in
		case !in && es[i].is(']'):
			return i
		}
	}
	return -1
}

func isNumber(s string) bool { return countRE.MatchString(s) }

// class says which responses keep their order: those of one class (a status with each
// code is its own). EXPUNGE, VANISHED, EXISTS and FETCH depend on one another.
func (r *reply) class() string {
	switch {
	case r.tag != "*":
		return r.tag
	case r.kind == "EXPUNGE" || r.kind == "VANISHED" || r.kind == "EXISTS" || r.kind == "FETCH":
		return "messages"
	case len(r.code) > 0:
		return r.kind + " " + strings.ToUpper(r.code[0].text())
	}
	return r.kind
}

// isStatusLine tells whether a line on the wire is a status, whose text may end in
// something like {1} without announcing a literal.
func isStatusLine(line []byte) bool {
	tag, rest, _ := bytes.Cut(line, []byte(" "))
	if string(tag) == "+" {
		return true
	}
	word, _, _ := bytes.Cut(rest, []byte(" "))
	return statusKinds[strings.ToUpper(string(word))]
}
