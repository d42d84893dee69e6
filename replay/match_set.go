package replay

import "strings"

// gathering is data in any order, of which some is taken.
type gathering struct {
	data   []tree
	taken  []bool
	left   int
	first  int              // all before it are taken
	byText map[string][]int // of those that are no lists, by their text, folded
}

// fewData are looked through faster than they are indexed.
const fewData = 16

func newGathering(data []tree) *gathering {
	g := &gathering{data: data, taken: make([]bool, len(data)), left: len(data)}
	if len(data) <= fewData {
		return g
	}
	g.byText = make(map[string][]int, len(data))
	for i := range data {
		if data[i].kind != listTree {
			key := folded(data[i].text())
			g.byText[key] = append(g.byText[key], i)
		}
	}
	return g
}

// take takes the first datum that is left and matches.
func (g *gathering) take(m *matcher, want *tree) bool {
	if text, ok := m.sought(want); ok && g.byText != nil {
		key := folded(text)
		list := g.byText[key]
		for n, i := range list {
			if !g.taken[i] && m.tree(want, &g.data[i]) {
				g.mark(i)
				if n == 0 {
					g.byText[key] = list[1:]
				}
				return true
			}
		}
		return false
	}
	for i := g.first; i < len(g.data); i++ {
		if !g.taken[i] && m.tree(want, &g.data[i]) {
			g.mark(i)
			return true
		}
	}
	return false
}

// folded is equal for all that strings.EqualFold has for equal: ToLower alone leaves a long s.
func folded(text string) string { return strings.ToLower(strings.ToUpper(text)) }

func (g *gathering) mark(i int) {
	g.taken[i] = true
	g.left--
	for g.first < len(g.taken) && g.taken[g.first] {
		g.first++
	}
}

// sought gives the text that a datum has to have, whatever its case, to match; ok is false where
// that is not known: lists, and values that are not bound.
func (m *matcher) sought(want *tree) (text string, ok bool) {
	if v := want.value(); v != nil {
		if v.Kind != Variable {
			return "", false
		}
		return m.known(v.Name)
	}
	if want.kind == listTree || want.kind == literalTree && want.lit.Kind != FromBlock && want.lit.Kind != FromFile || want.hasValue() {
		return "", false
	}
	return want.text(), true
}
