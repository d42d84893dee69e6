package query

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxDepth bounds how deep parentheses and negations may lie.
const maxDepth = 30

// parser reads a query. All offsets are octets of src.
type parser struct {
	src   string
	pos   int
	depth int
}

// Parse reads a query. The error is an *Error.
func Parse(src string) (*Query, error) {
	p := &parser{src: src}
	for i, r := range src {
		if _, n := utf8.DecodeRuneInString(src[i:]); r == utf8.RuneError && n == 1 {
			return nil, p.errorAt(i, "", "expected UTF-8, found the octet %#02x", src[i])
		}
		if unicode.IsControl(r) && !unicode.IsSpace(r) {
			return nil, p.errorAt(i, "", "expected text, found the control character %U", r)
		}
	}
	if p.space(); p.pos == len(src) {
		return nil, p.errorAt(0, "all finds every message; "+names(), "the query is empty")
	}
	n, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.pos < len(src) { // or ends at the end or at this
		return nil, p.errorAt(p.pos, `one to look for stands in quotes: ")"`, "no parenthesis is open that this one could close")
	}
	return &Query{n}, nil
}

func (p *parser) space() {
	for p.pos < len(p.src) {
		r, n := utf8.DecodeRuneInString(p.src[p.pos:])
		if !unicode.IsSpace(r) {
			return
		}
		p.pos += n
	}
}

// operator takes an operator where one stands.
func (p *parser) operator(name string) bool {
	p.space()
	if strings.ToLower(p.src[p.pos:p.runEnd()]) != name {
		return false
	}
	p.pos += len(name)
	return true
}

// runEnd is where the run of text that begins here ends: before a space, a parenthesis or a quote.
func (p *parser) runEnd() int {
	i := strings.IndexFunc(p.src[p.pos:], func(r rune) bool { return r == '(' || r == ')' || r == '"' || unicode.IsSpace(r) })
	if i < 0 {
		return len(p.src)
	}
	return p.pos + i
}

// ends tells whether nothing follows that could be looked for.
func (p *parser) ends() bool {
	p.space()
	return p.pos == len(p.src) || p.src[p.pos] == ')'
}

func (p *parser) or() (*node, error) {
	var kids []*node
	for {
		n, err := p.and()
		if err != nil {
			return nil, err
		}
		kids = append(kids, n)
		if !p.operator("or") {
			return join(opOr, kids), nil
		}
	}
}

func (p *parser) and() (*node, error) {
	var kids []*node
	for {
		n, err := p.not()
		if err != nil {
			return nil, err
		}
		kids = append(kids, n)
		if p.operator("and") {
			continue
		}
		at := p.pos
		if p.ends() || p.operator("or") {
			p.pos = at
			return join(opAnd, kids), nil
		}
	}
}

func (p *parser) not() (*node, error) {
	p.space()
	at := p.pos
	if p.depth == maxDepth {
		return nil, p.errorAt(at, "", "the query is nested more than %d deep", maxDepth)
	}
	p.depth++
	defer func() { p.depth-- }()
	switch {
	case p.operator("not"):
	case p.pos < len(p.src) && p.src[p.pos] == '-':
		p.pos++
		if p.pos == len(p.src) || p.spaceHere() {
			return nil, p.errorAt(p.pos, `- negates what stands right behind it, such as -from:alice; one to look for stands in quotes: "-"`, "expected what to leave out")
		}
	case p.pos < len(p.src) && p.src[p.pos] == '(':
		p.pos++
		n, err := p.or()
		if err != nil {
			return nil, err
		}
		if p.pos == len(p.src) {
			return nil, p.errorAt(at, "", "expected a parenthesis that closes this one")
		}
		p.pos++
		return n, nil
	default:
		return p.term()
	}
	n, err := p.not()
	if err != nil {
		return nil, err
	}
	return not(n), nil
}

func (p *parser) spaceHere() bool {
	r, _ := utf8.DecodeRuneInString(p.src[p.pos:])
	return unicode.IsSpace(r)
}

// term reads a key with its value, or a word.
func (p *parser) term() (*node, error) {
	at := p.pos
	if p.ends() {
		return nil, p.errorAt(p.pos, "", "expected what to look for")
	}
	run := p.src[p.pos:p.runEnd()]
	name, _, valued := strings.Cut(run, ":")
	lower := strings.ToLower(name)
	k := byName[lower]
	switch {
	case valued && name == "":
		return nil, p.errorAt(at, names(), "expected a key before the colon")
	case valued:
		return p.keyed(at, name, k)
	}
	s, quoted, err := p.text()
	if err != nil {
		return nil, err
	}
	switch {
	case quoted && s == "":
		return nil, p.errorAt(at, "all finds every message", "expected a word, found empty quotes")
	case quoted:
	case k != nil && k.kind == alone:
		return &node{op: opKey, key: k}, nil
	case k != nil:
		return nil, p.errorAt(at, `the word itself stands in quotes: "`+name+`"; keys of IMAP as they stand: raw:"KEYS"`, "%s: wants a value, %s:%s", k.Name, k.Name, k.Value)
	case slices.Contains(operators, lower):
		return nil, p.errorAt(at, `the word itself stands in quotes: "`+name+`"; keys of IMAP as they stand: raw:"OR SEEN FLAGGED"`, "expected what to look for, found %s", lower)
	}
	return &node{op: opWord, key: byName["text"], value: s}, nil
}

// keyed reads the value of a key.
func (p *parser) keyed(at int, name string, k *Key) (*node, error) {
	p.pos += len(name) + 1
	from := p.pos
	s, quoted, err := p.text()
	switch {
	case k == nil:
		return nil, p.errorAt(at, unknownHint(name, s), "there is no key %s:", name)
	case k.kind == alone:
		return nil, p.errorAt(from-1, "", "expected no value: %s stands alone", k.Name)
	case err != nil:
		return nil, err
	case s == "" && !quoted:
		return nil, p.errorAt(from, "", "expected a value: %s:%s", k.Name, k.Value)
	}
	n := &node{op: opKey, key: k, value: s}
	if what, hint := n.read(); what != "" {
		return nil, p.errorAt(from, hint, "%s: %s", k.Name, what)
	}
	return n, nil
}

// text reads runs and quoted strings up to a space or a closing parenthesis. quoted tells whether
// there were quotes.
func (p *parser) text() (s string, quoted bool, err error) {
	var b strings.Builder
	for p.pos < len(p.src) {
		switch c := p.src[p.pos]; {
		case c == '"':
			quoted = true
			if err := p.quoted(&b); err != nil {
				return b.String(), true, err
			}
		case c == '(':
			return b.String(), quoted, p.errorAt(p.pos, `text with parentheses stands in quotes, such as subject:"(fwd)"`, "expected a space before the parenthesis")
		case c == ')' || p.spaceHere():
			return b.String(), quoted, nil
		default:
			end := p.runEnd()
			b.WriteString(p.src[p.pos:end])
			p.pos = end
		}
	}
	return b.String(), quoted, nil
}

// quoted reads a quoted string.
func (p *parser) quoted(b *strings.Builder) error {
	from := p.pos
	p.pos++
	for p.pos < len(p.src) {
		switch c := p.src[p.pos]; c {
		case '"':
			p.pos++
			return nil
		case '\\':
			if p.pos+1 < len(p.src) && (p.src[p.pos+1] == '"' || p.src[p.pos+1] == '\\') {
				p.pos++
			}
		case '\n', '\r', '\v', '\f':
			return p.errorAt(p.pos, "", "expected text, found the end of a line")
		}
		b.WriteByte(p.src[p.pos])
		p.pos++
	}
	return p.errorAt(from, "", "expected a quotation mark that closes this one")
}
