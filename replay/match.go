package replay

import (
	"slices"
	"strings"
)

// matcher compares a reply with the pattern of one. What it binds counts only once all has
// matched.
type matcher struct {
	vals  *values
	exact bool // no FETCH or STATUS item that is not listed
	bound map[string]binding
	saves []save
}

// save is what comes for a {>file}.
type save struct {
	lit     *Literal
	content *Literal
}

func newMatcher(vals *values, exact bool) *matcher {
	return &matcher{vals: vals, exact: exact, bound: map[string]binding{}}
}

// commit makes the bindings hold.
func (m *matcher) commit() {
	for name, b := range m.bound {
		m.vals.bind(name, b)
	}
}

// reply matches a whole response.
func (m *matcher) reply(want, got *reply) bool {
	if want.tag != got.tag {
		return false
	}
	if want.tag == "+" {
		return true
	}
	if want.count != nil {
		if got.count == nil || !m.tree(want.count, got.count) {
			return false
		}
	} else if got.count != nil && want.kind != "" {
		return false
	}
	if want.kind == "" {
		return true
	}
	if want.kind != got.kind {
		return false
	}
	if statusKinds[got.kind] {
		return len(want.code) == 0 || len(got.code) > 0 && m.code(want.code, got.code)
	}
	return m.args(want, got)
}

// code matches a response code.
func (m *matcher) code(want, got []tree) bool {
	if !m.tree(&want[0], &got[0]) {
		return false
	}
	switch strings.ToUpper(got[0].text()) {
	case "CAPABILITY":
		return m.capabilities(want[1:], got[1:])
	case "PERMANENTFLAGS":
		return m.seq(want[1:], got[1:], (*matcher).flags)
	}
	return m.seq(want[1:], got[1:], (*matcher).tree)
}

// args matches what follows the name of a response, as its grammar asks (RFC 9051 §7).
func (m *matcher) args(want, got *reply) bool {
	switch got.kind {
	case "CAPABILITY":
		return m.capabilities(want.args, got.args)
	case "ENABLED", "SEARCH":
		return m.set(want.args, got.args)
	case "FLAGS":
		return m.seq(want.args, got.args, (*matcher).flags)
	case "FETCH":
		return m.seq(want.args, got.args, (*matcher).pairs)
	case "LIST", "LSUB":
		return m.columns(want.args, got.args, (*matcher).flags, (*matcher).tree, (*matcher).mailbox)
	case "STATUS":
		return m.columns(want.args, got.args, (*matcher).mailbox, (*matcher).pairs)
	}
	return m.seq(want.args, got.args, (*matcher).tree)
}

// capabilities matches what a server says it can do, but for COMPRESS: a script does without, so
// a server that plays one does not offer it.
func (m *matcher) capabilities(want, got []tree) bool {
	plain := func(list []tree) []tree {
		return slices.DeleteFunc(slices.Clone(list), func(t tree) bool {
			return t.kind == atomTree && !t.hasValue() && strings.HasPrefix(strings.ToUpper(t.text()), "COMPRESS=")
		})
	}
	return m.set(plain(want), plain(got))
}

type rule func(m *matcher, want, got *tree) bool

// columns matches each datum by its own rule, those behind by the last but plain.
func (m *matcher) columns(want, got []tree, rules ...rule) bool {
	i := 0
	return m.seq(want, got, func(m *matcher, w, g *tree) bool {
		r := rule((*matcher).tree)
		if i < len(rules) {
			r = rules[i]
		}
		i++
		return r(m, w, g)
	})
}

// seq matches data one by one.
func (m *matcher) seq(want, got []tree, each rule) bool {
	for i := range want {
		if want[i].kind == restTree {
			return true
		}
		if i >= len(got) || !each(m, &want[i], &got[i]) {
			return false
		}
	}
	return len(want) == len(got)
}

// set matches data in any order: first those without values, each with its own. What is known by
// its text is looked up, since a SEARCH may have very many numbers.
func (m *matcher) set(want, got []tree) bool {
	g := newGathering(got)
	rest := false
	for _, values := range []bool{false, true} {
		for i := range want {
			w := &want[i]
			switch {
			case w.kind == restTree:
				rest = true
			case w.hasValue() == values && !g.take(m, w):
				return false
			}
		}
	}
	return rest || g.left == 0
}

// flags matches lists of flags, which are sets.
func (m *matcher) flags(want, got *tree) bool {
	if want.kind != listTree || got.kind != listTree {
		return m.tree(want, got)
	}
	return m.set(want.items, got.items)
}

// pairs matches lists of names and values in any order: FETCH and STATUS items.
func (m *matcher) pairs(want, got *tree) bool {
	if want.kind != listTree || got.kind != listTree || len(got.items)%2 != 0 {
		return m.tree(want, got) // not pairs at all
	}
	rest, n := !m.exact, 0
	for i := 0; i < len(want.items); i += 2 {
		if want.items[i].kind == restTree {
			rest = true
			break
		}
		if i+1 == len(want.items) {
			return false
		}
		if !m.pair(&want.items[i], &want.items[i+1], got.items) {
			return false
		}
		n += 2
	}
	return rest || n == len(got.items)
}

func (m *matcher) pair(name, value *tree, items []tree) bool {
	for j := 0; j+1 < len(items); j += 2 {
		if itemName(name) != itemName(&items[j]) {
			continue
		}
		each := (*matcher).tree
		if strings.EqualFold(name.text(), "FLAGS") {
			each = (*matcher).flags
		}
		if each(m, value, &items[j+1]) {
			return true
		}
	}
	return false
}

// itemName gives a FETCH item in one form: in BODY[HEADER.FIELDS (…)] names may be quoted.
func itemName(t *tree) string {
	return strings.ToUpper(strings.ReplaceAll(t.text(), `"`, ""))
}

// mailbox matches names of mailboxes: as they are, but for INBOX (RFC 9051 §5.1).
func (m *matcher) mailbox(want, got *tree) bool {
	if want.value() != nil || want.hasValue() || got.kind == listTree || want.kind == listTree {
		return m.tree(want, got)
	}
	w, g := want.text(), got.text()
	return m.form(want, got) && (w == g || strings.EqualFold(w, "INBOX") && strings.EqualFold(g, "INBOX"))
}

// form tells whether the form of a string is one that the pattern takes.
func (m *matcher) form(want, got *tree) bool {
	return want.lit == nil || !want.lit.Must || got.kind == literalTree
}

// tree matches one datum.
func (m *matcher) tree(want, got *tree) bool {
	if v := want.value(); v != nil {
		return m.bind(v, binding{text: got.text(), quoted: got.isString()})
	}
	if want.kind == listTree || got.kind == listTree {
		return want.kind == got.kind && m.seq(want.items, got.items, (*matcher).tree)
	}
	if !m.form(want, got) {
		return false
	}
	if want.kind == literalTree && want.lit.Kind == ToFile {
		if !got.isString() {
			return false
		}
		content := &Literal{Octets: []byte(got.text())}
		if got.kind == literalTree {
			content = got.lit
		}
		m.saves = append(m.saves, save{want.lit, content})
		return true
	}
	if want.kind == literalTree && got.kind == literalTree {
		if want.lit.Size() != got.lit.Size() {
			return false
		}
		same, _ := sameContent(want.lit, got.lit)
		return same
	}
	if want.hasValue() {
		return m.inner(want.elems, got.text(), want.kind == atomTree && got.kind == atomTree)
	}
	if want.kind == atomTree && got.kind == atomTree {
		return strings.EqualFold(want.text(), got.text())
	}
	// NIL is no string at all, "NIL" is one (RFC 9051 §4.5).
	return want.isNIL() == got.isNIL() && want.text() == got.text()
}

// bind takes the text for a value, or compares it with what is bound.
func (m *matcher) bind(v *Value, b binding) bool {
	if v.Kind == AnyOne {
		return true
	}
	old, ok := m.bound[v.Name]
	if !ok {
		old, ok = m.vals.lookup(v.Name)
	}
	if ok {
		return old.text == b.text
	}
	m.bound[v.Name] = b
	return true
}

// inner matches text with values in it, whatever its case where fold is set; a value is
// one octet or more, and as few as the rest allows.
func (m *matcher) inner(want []elem, got string, fold bool) bool {
	if len(want) == 0 {
		return got == ""
	}
	v := want[0].v
	if v == nil {
		return got != "" && (want[0].b == got[0] || fold && lower(want[0].b) == lower(got[0])) &&
			m.inner(want[1:], got[1:], fold)
	}
	if v.Kind == Variable {
		if old, ok := m.known(v.Name); ok {
			rest, ok := strings.CutPrefix(got, old)
			return ok && m.inner(want[1:], rest, fold)
		}
	}
	for n := 1; n <= len(got); n++ {
		if v.Kind == Variable {
			m.bound[v.Name] = binding{text: got[:n]}
		}
		if m.inner(want[1:], got[n:], fold) {
			return true
		}
	}
	if v.Kind == Variable {
		delete(m.bound, v.Name)
	}
	return false
}

func (m *matcher) known(name string) (string, bool) {
	if b, ok := m.bound[name]; ok {
		return b.text, true
	}
	b, ok := m.vals.lookup(name)
	return b.text, ok
}
