package replay

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// nearest gives what is most like the response that did not come: of its name, and of its
// message.
func nearest(want *reply, came []*reply) *reply {
	var best *reply
	most := 0
	for _, r := range came {
		score := 0
		if r.class() == want.class() {
			score = 1
			if r.kind == want.kind {
				score += 2
			}
			if want.count != nil && r.count != nil && want.count.value() == nil && want.count.text() == r.count.text() {
				score += 4
			}
			if want.kind == "FETCH" && score < 7 && want.count != nil && want.count.value() == nil {
				score = 0 // another message
			}
		}
		if score >= most && score > 0 {
			best, most = r, score
		}
	}
	return best
}

// differFrom reports a response that came in another form; of two FETCH the items that are
// different, for the rest is as expected.
func (p *player) differFrom(it *item, text string, got *reply) {
	expected, came, ok := p.narrow(it.reply(), got)
	if !ok {
		expected, came = it.line.Pattern.String(), got.show
	}
	p.res.Differences = append(p.res.Differences, Difference{
		Pos: it.line.Pos, Text: text, Expected: p.hide(expected), Got: p.hide(came), line: it.line, came: got,
	})
}

// narrow gives the items of a FETCH that are different, on both sides.
func (p *player) narrow(want, got *reply) (expected, came string, ok bool) {
	if want.kind != "FETCH" || got.kind != "FETCH" || len(want.args) != 1 || len(got.args) != 1 ||
		want.args[0].kind != listTree || got.args[0].kind != listTree {
		return "", "", false
	}
	m := newMatcher(p.vals, false)
	if want.count == nil || got.count == nil || !m.tree(want.count, got.count) {
		return "", "", false
	}
	var a, b []string
	w, g := want.args[0].items, got.args[0].items
	for i := 0; i+1 < len(w); i += 2 {
		if w[i].kind == restTree {
			break
		}
		if m.pair(&w[i], &w[i+1], g) {
			continue
		}
		name := itemName(&w[i])
		have := "no " + name
		for j := 0; j+1 < len(g); j += 2 {
			if itemName(&g[j]) == name {
				have = name + " " + brief(&g[j+1], &w[i+1])
			}
		}
		a, b = append(a, name+" "+brief(&w[i+1], nil)), append(b, have)
	}
	return strings.Join(a, " "), strings.Join(b, " "), len(a) > 0
}

// brief shows a datum; of a long string its size, and where it departs from another.
func brief(t, from *tree) string {
	switch {
	case t.kind == listTree:
		var parts []string
		for i := range t.items {
			parts = append(parts, brief(&t.items[i], nil))
		}
		return "(" + strings.Join(parts, " ") + ")"
	case t.kind == restTree:
		return "${...}"
	case t.hasValue() || t.value() != nil:
		return t.text()
	case !t.isString():
		return t.text()
	}
	if t.kind == literalTree && t.lit.large != nil || from != nil && from.kind == literalTree && from.lit.large != nil {
		return briefLarge(t, from)
	}
	text := t.text()
	if from == nil || !from.isString() || from.hasValue() {
		if len(text) <= 40 && !strings.ContainsAny(text, "\r\n") {
			return quoted(text)
		}
		return fmt.Sprintf("{%d}", len(text))
	}
	at := common([]byte(from.text()), []byte(text))
	return fmt.Sprintf("{%d}, another from octet %d: expected %q, came %q", len(text), at, around(from.text(), at), around(text, at))
}

// briefLarge is brief where one of both lies in a file.
func briefLarge(t, from *tree) string {
	if from == nil || from.kind != literalTree || t.kind != literalTree {
		return t.text()
	}
	_, at := sameContent(from.lit, t.lit)
	return fmt.Sprintf("{%d}, another from octet %d: expected %q, came %q", t.lit.Size(), at, from.lit.around(at), t.lit.around(at))
}

// around gives a few octets of the content.
func (l *Literal) around(at int64) string {
	if l.large == nil {
		return around(string(l.Octets), int(at))
	}
	p := make([]byte, 24)
	n, _ := io.NewSectionReader(l.large.file, l.large.off, l.large.n).ReadAt(p, at) // what can be read is enough
	return string(p[:n])
}

// common counts the octets that two strings begin with alike.
func common(a, b []byte) int {
	n := min(len(a), len(b))
	if bytes.Equal(a[:n], b[:n]) {
		return n
	}
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

func around(s string, at int) string { return s[min(at, len(s)):min(at+24, len(s))] }
