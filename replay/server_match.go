package replay

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
)

// incoming is a command of a client.
type incoming struct {
	tag   string
	verb  string // in capitals: "UID FETCH"
	elems []elem // IMAP: behind the tag
	show  string // for people: without secrets
}

// commandRules compare the arguments of IMAP commands by what they mean. What is not here is
// compared datum by datum.
var commandRules = map[string]func(m *matcher, want, got []tree) bool{
	"FETCH":  (*matcher).fetchArgs,
	"STORE":  (*matcher).storeArgs,
	"SELECT": byColumns((*matcher).mailbox), "EXAMINE": byColumns((*matcher).mailbox),
	"CREATE": byColumns((*matcher).mailbox), "DELETE": byColumns((*matcher).mailbox),
	"SUBSCRIBE": byColumns((*matcher).mailbox), "UNSUBSCRIBE": byColumns((*matcher).mailbox),
	"RENAME": byColumns((*matcher).mailbox, (*matcher).mailbox),
	"STATUS": byColumns((*matcher).mailbox, (*matcher).flags),
	"LIST":   byColumns((*matcher).text, (*matcher).mailbox), "LSUB": byColumns((*matcher).text, (*matcher).mailbox),
	"GETACL": byColumns((*matcher).mailbox), "MYRIGHTS": byColumns((*matcher).mailbox), "GETQUOTAROOT": byColumns((*matcher).mailbox),
	"COPY": byColumns((*matcher).sets, (*matcher).mailbox), "MOVE": byColumns((*matcher).sets, (*matcher).mailbox),
	"EXPUNGE": byColumns((*matcher).sets),
	"APPEND":  (*matcher).appendArgs,
	"ENABLE":  (*matcher).set,
}

func byColumns(rules ...rule) func(m *matcher, want, got []tree) bool {
	return func(m *matcher, want, got []tree) bool { return m.columns(want, got, rules...) }
}

// command matches a command of a client with a recorded one.
func (m *matcher) command(st *step, got *incoming) bool {
	if st.verb != got.verb {
		return false
	}
	if st.protocol == POP3 {
		return m.keyword(st.want, got.elems)
	}
	if strings.HasSuffix(st.verb, "SEARCH") || strings.HasSuffix(st.verb, "SORT") || strings.HasSuffix(st.verb, "THREAD") {
		if same, ok := m.program(st.want, got.elems); ok {
			return same
		}
	}
	want, _ := trees(st.want)
	have, _ := trees(got.elems)
	name := strings.Fields(st.verb)
	if len(want) < len(name) || len(have) < len(name) {
		return len(want) == len(have)
	}
	want, have = want[len(name):], have[len(name):]
	if compare := commandRules[strings.TrimPrefix(st.verb, "UID ")]; compare != nil {
		return compare(m, want, have)
	}
	return m.seq(want, have, (*matcher).tree)
}

// keyword matches a POP3 command: the keyword whatever its case, arguments as they are (RFC
// 1939 §3).
func (m *matcher) keyword(want, got []elem) bool {
	w, g := wordElems(want), strings.Fields(elemText(got))
	if len(w) != len(g) {
		return false
	}
	for i := range w {
		if !m.inner(w[i], g[i], i == 0) {
			return false
		}
	}
	return true
}

func wordElems(es []elem) [][]elem {
	var all [][]elem
	for len(es) > 0 {
		n := slices.IndexFunc(es, func(e elem) bool { return e.is(' ') })
		if n < 0 {
			n = len(es)
		}
		if n > 0 {
			all = append(all, es[:n])
		}
		es = es[min(n+1, len(es)):]
	}
	return all
}

// elemText gives octets and literals as text; values are left out.
func elemText(es []elem) string {
	var b strings.Builder
	for _, e := range es {
		switch {
		case e.lit != nil:
			b.WriteString(e.lit.shown())
		case e.v == nil:
			b.WriteByte(e.b)
		}
	}
	return b.String()
}

// resolved puts what values are bound to in their place; ok is false where one is not bound.
func (m *matcher) resolved(es []elem) (text string, ok bool) {
	var b strings.Builder
	for _, e := range es {
		switch {
		case e.lit != nil:
			return "", false
		case e.v == nil:
			b.WriteByte(e.b)
		case e.v.Kind != Variable:
			return "", false
		default:
			known, ok := m.known(e.v.Name)
			if !ok {
				return "", false
			}
			b.WriteString(known)
		}
	}
	return b.String(), true
}

// sets matches sequence sets: 1,2,3 is 1:3 (RFC 9051 §9, sequence-set).
func (m *matcher) sets(want, got *tree) bool {
	text, ok := m.resolved(want.elems)
	if want.kind != atomTree || got.kind != atomTree || !ok {
		return m.tree(want, got)
	}
	a, b := normalSet(text), normalSet(got.text())
	return a != "" && a == b || strings.EqualFold(text, got.text())
}

func normalSet(text string) string {
	s, n, ok := grammar.ParseSet([]byte(text))
	if !ok || n != len(text) || s.Saved() {
		return ""
	}
	return string(grammar.AppendSet(nil, s.Normal(nil, math.MaxUint32)))
}

// text matches strings as they are, whatever their form.
func (m *matcher) text(want, got *tree) bool {
	if want.hasValue() || want.kind == listTree || got.kind == listTree || want.kind == literalTree {
		return m.tree(want, got)
	}
	return want.text() == got.text()
}

// one is what an argument holds that may stand in parentheses or not.
func one(t *tree) []tree {
	if t.kind == listTree {
		return t.items
	}
	return []tree{*t}
}

// macros are names for several items (RFC 9051 §6.4.5).
var macros = map[string][]string{
	"ALL":  {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"},
	"FAST": {"FLAGS", "INTERNALDATE", "RFC822.SIZE"},
	"FULL": {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"},
}

// fetchArgs matches set, items in any order, and modifiers (RFC 9051 §6.4.5, RFC 4466 §2.4).
func (m *matcher) fetchArgs(want, got []tree) bool {
	if len(want) < 2 || len(got) < 2 {
		return m.seq(want, got, (*matcher).tree)
	}
	if want[1].value() != nil || slices.ContainsFunc(one(&want[1]), func(t tree) bool { return t.hasValue() || t.kind == restTree }) {
		return m.columns(want, got, (*matcher).sets, (*matcher).tree)
	}
	return m.sets(&want[0], &got[0]) && slices.Equal(fetchItems(&want[1]), fetchItems(&got[1])) && m.modifiers(want[2:], got[2:])
}

// fetchItems gives the items in one form and order, each once.
func fetchItems(t *tree) []string {
	var items []string
	list := one(t)
	for i := range list {
		name := sectionName(itemName(&list[i]))
		if m := macros[name]; m != nil && t.kind != listTree {
			items = append(items, m...)
		} else {
			items = append(items, name)
		}
	}
	slices.Sort(items)
	return slices.Compact(items)
}

// sectionName gives an item with the header fields that it names in order: they are a set,
// the server says them in the order of the message.
func sectionName(item string) string {
	i, j := strings.IndexByte(item, '('), strings.LastIndexByte(item, ')')
	if i < 0 || j < i {
		return item
	}
	fields := strings.Fields(item[i+1 : j])
	slices.Sort(fields)
	return strings.TrimRight(item[:i], " ") + " (" + strings.Join(fields, " ") + item[j:]
}

// modifiers matches lists of names and values.
func (m *matcher) modifiers(want, got []tree) bool {
	return m.seq(want, got, func(m *matcher, w, g *tree) bool {
		if w.kind == listTree && g.kind == listTree {
			return m.set(w.items, g.items)
		}
		return m.tree(w, g)
	})
}

// storeArgs matches set, modifiers, item and flags (RFC 9051 §6.4.6, RFC 7162 §3.1.3).
func (m *matcher) storeArgs(want, got []tree) bool {
	if len(want) < 3 || len(got) < 3 || !m.sets(&want[0], &got[0]) {
		return false
	}
	want, got = want[1:], got[1:]
	if want[0].kind == listTree || got[0].kind == listTree {
		if want[0].kind != got[0].kind || !m.set(want[0].items, got[0].items) {
			return false
		}
		want, got = want[1:], got[1:]
	}
	if len(want) == 0 || len(got) == 0 || !m.tree(&want[0], &got[0]) {
		return false
	}
	return m.set(flat(want[1:]), flat(got[1:]))
}

// flat gives flags that may stand in a list or not.
func flat(list []tree) []tree {
	var all []tree
	for i := range list {
		all = append(all, one(&list[i])...)
	}
	return all
}

// appendArgs matches mailbox, flags, date and message (RFC 9051 §6.3.12). No flags is an
// empty list of them.
func (m *matcher) appendArgs(want, got []tree) bool {
	some := func(list []tree) []tree {
		return slices.DeleteFunc(slices.Clone(list), func(t tree) bool { return t.kind == listTree && len(t.items) == 0 })
	}
	i := 0
	return m.seq(some(want), some(got), func(m *matcher, w, g *tree) bool {
		i++
		switch {
		case i == 1:
			return m.mailbox(w, g)
		case w.kind == listTree && g.kind == listTree:
			return m.set(w.items, g.items)
		}
		return m.tree(w, g)
	})
}

// program matches what is searched for: the keys of a list have all to match, in whatever order
// they stand, and strings match whatever their case (RFC 9051 §6.4.4). ok is false where the
// pattern has values that are not bound.
func (m *matcher) program(want, got []elem) (same, ok bool) {
	a, ok := m.searched(want)
	if !ok {
		return false, false
	}
	b, ok := m.searched(got)
	return ok && a == b, ok
}

func (m *matcher) searched(es []elem) (string, bool) {
	line := grammar.Line{Text: []byte("a ")}
	for i, e := range es {
		if e.lit == nil {
			text, ok := m.resolved(es[i : i+1])
			if !ok {
				return "", false
			}
			line.Text = append(line.Text, text...)
			continue
		}
		if e.lit.Kind == ToFile {
			return "", false
		}
		line.Text = fmt.Appendf(line.Text, "{%d}", e.lit.Size())
		line.Literals = append(line.Literals, grammar.Literal{At: len(line.Text), Octets: e.lit.Size(), Content: []byte(e.lit.shown())})
	}
	var p grammar.Parser
	c := p.Command(&line)
	args, ok := c.Args.(*grammar.SearchArgs)
	if !ok || len(c.Problems) > 0 {
		return "", false
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s ", c.Name, bytes.ToUpper(args.Algorithm), bytes.ToUpper(args.Charset))
	var options []string
	for _, x := range args.Return {
		options = append(options, strings.ToUpper(string(x.Name)+"="+string(x.Value)))
	}
	slices.Sort(options)
	for _, k := range args.Sort {
		fmt.Fprintf(&b, "%s %v ", bytes.ToUpper(k.Key), k.Reverse)
	}
	fmt.Fprintf(&b, "%q %v %s", options, args.In, searchKeys(args.Keys))
	return b.String(), true
}

// searchKeys writes keys that all have to match, or of which one has to, in one order.
func searchKeys(keys []grammar.SearchKey) string {
	list := make([]string, len(keys))
	for i, k := range keys {
		set := normalSet(string(k.Set))
		if set == "" {
			set = string(k.Set)
		}
		n := ""
		if k.Number != nil {
			n = fmt.Sprint(*k.Number)
		}
		list[i] = fmt.Sprintf("%s[%q %q %s %s %s]", k.Name, bytes.ToUpper(k.Field), bytes.ToUpper(k.Text), n, set, searchKeys(k.Keys))
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}
