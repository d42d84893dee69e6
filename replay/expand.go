package replay

import (
	"bytes"
	"strconv"
	"strings"
	"sync"
)

// binding is the value of a variable.
type binding struct {
	text   string
	quoted bool // it is, or was on the wire, a string: an argument that may need quotes
}

// bindings are what a script's variables are bound to, for all its connections.
type bindings struct {
	mu sync.Mutex
	m  map[string]binding
}

func newBindings() *bindings { return &bindings{m: map[string]binding{}} }

// values are the variables as one connection knows them: what it was given, and what is
// bound.
type values struct {
	given map[string]string
	bound *bindings
	sasl  func(conn string) (string, error) // next response of the connection's mechanism
}

func (v *values) lookup(name string) (binding, bool) {
	if text, ok := v.given[name]; ok {
		return binding{text: text, quoted: name == "user" || name == "password"}, true
	}
	v.bound.mu.Lock()
	defer v.bound.mu.Unlock()
	b, ok := v.bound.m[name]
	return b, ok
}

func (v *values) bind(name string, b binding) {
	v.bound.mu.Lock()
	defer v.bound.mu.Unlock()
	v.bound.m[name] = b
}

// say resolves a value for the side that speaks it, and binds it.
func (v *values) say(n *Value, conn string) (binding, error) {
	if n.Kind == Variable {
		if b, ok := v.lookup(n.Name); ok {
			return b, nil
		}
		if n.Name == "sasl" && v.sasl != nil {
			text, err := v.sasl(conn)
			if err != nil {
				return binding{}, errorAt(n.Pos, "expected a mechanism that can answer here: %v", err)
			}
			return binding{text: text}, nil
		}
	}
	if !n.Has {
		if credentials[n.Name] {
			return binding{}, errorAt(n.Pos, "expected a value for ${%s}, none was given", n.Name)
		}
		return binding{}, errorAt(n.Pos, "expected a value for %s, found none given, bound above or as a sample", n)
	}
	b := binding{text: n.Sample, quoted: n.Name == "user"}
	if n.Kind == Variable {
		v.bind(n.Name, b)
	}
	return b, nil
}

// segment is a piece of a line on the wire. Behind one that waits, the speaker has to see
// a continuation request before the next.
type segment struct {
	octets []byte
	waits  bool
}

// expander writes one line as it goes over the wire.
type expander struct {
	line *Line
	vals *values
	segs []segment
	cur  []byte
	in   bool // inside a quoted string
}

// expand gives the wire form of a line by the side that speaks it; none for a line that is
// nothing but ${...}, and for S!.
func (l *Line) expand(vals *values) ([]segment, error) {
	if l.Forbidden {
		return nil, nil
	}
	if len(l.Pattern) == 1 {
		switch n := l.Pattern[0].(type) {
		case *Value:
			if n.Kind == Rest {
				return nil, nil
			}
		case *Literal:
			if l.Protocol == POP3 && n.Kind != Counted {
				if n.Kind == ToFile {
					return nil, nothingToSay(n)
				}
				octets, err := n.all()
				return []segment{{octets: Stuff(octets)}}, err
			}
		}
	}
	x := &expander{line: l, vals: vals}
	for i, n := range l.Pattern {
		if err := x.node(i, n); err != nil {
			return nil, err
		}
	}
	if len(l.Pattern) > 0 || len(l.Blocks) == 0 {
		x.cur = append(x.cur, "\r\n"...)
	}
	x.cur = append(x.cur, octetsOf(l.Blocks)...)
	return append(x.segs, segment{octets: x.cur}), nil
}

func nothingToSay(n *Literal) error {
	return errorAt(n.Pos, "expected octets to say, found %s, which stores what comes", n)
}

func (x *expander) node(i int, n Node) error {
	switch n := n.(type) {
	case Text:
		x.text(string(n))
	case *Value:
		if n.Kind == Rest {
			x.cur = bytes.TrimSuffix(x.cur, []byte(" "))
			return nil
		}
		b, err := x.vals.say(n, x.line.Conn)
		if err != nil {
			return err
		}
		x.value(b, x.whole(i))
	case *Literal:
		switch n.Kind {
		case ToFile:
			return nothingToSay(n)
		case Counted:
			x.cur = append(x.cur, tilde(n)+"{"+n.Count...)
			if n.NonSync {
				x.cur = append(x.cur, '+')
			}
			x.cur = append(x.cur, '}')
		default:
			octets, err := n.all()
			if err != nil {
				return err
			}
			x.literal(octets, tilde(n), n.NonSync)
		}
	}
	return nil
}

func tilde(n *Literal) string {
	if n.Binary {
		return "~"
	}
	return ""
}

// text follows the quotes, so that a value between them can be escaped.
func (x *expander) text(s string) {
	for i := 0; i < len(s); i++ {
		switch {
		case x.in && s[i] == '\\':
			i++
		case s[i] == '"':
			x.in = !x.in
		}
	}
	x.cur = append(x.cur, s...)
}

// whole tells whether node i is an argument of its own.
func (x *expander) whole(i int) bool {
	p := x.line.Pattern
	if i > 0 {
		t, ok := p[i-1].(Text)
		if !ok || !strings.ContainsRune(" (", rune(t[len(t)-1])) {
			return false
		}
	}
	if i+1 < len(p) {
		t, ok := p[i+1].(Text)
		return ok && strings.ContainsRune(" )", rune(t[0]))
	}
	return true
}

// value writes a value. In IMAP a string becomes an astring: as an atom where it is one,
// else in quotes, else as a literal (RFC 9051 §4.3); all else is written as it is.
func (x *expander) value(b binding, whole bool) {
	switch {
	case x.line.Protocol == POP3:
		x.cur = append(x.cur, b.text...)
	case x.in:
		for i := 0; i < len(b.text); i++ {
			if c := b.text[i]; c == '"' || c == '\\' {
				x.cur = append(x.cur, '\\')
			}
			x.cur = append(x.cur, b.text[i])
		}
	case !b.quoted || !whole || isAtom(b.text):
		x.cur = append(x.cur, b.text...)
	case isQuotable(b.text):
		x.cur = append(x.cur, quoted(b.text)...)
	default:
		x.literal([]byte(b.text), "", false)
	}
}

func (x *expander) literal(octets []byte, tilde string, nonSync bool) {
	x.cur = append(x.cur, tilde+"{"+strconv.Itoa(len(octets))...)
	if nonSync {
		x.cur = append(x.cur, '+')
	}
	x.cur = append(x.cur, "}\r\n"...)
	if x.line.Side == ClientSide && !nonSync {
		x.segs = append(x.segs, segment{octets: x.cur, waits: true})
		x.cur = nil
	}
	x.cur = append(x.cur, octets...)
}

// isAtom tells whether s can stand as an astring without quotes (RFC 9051 §9:
// ASTRING-CHAR). NIL cannot: some servers take it for no string at all.
func isAtom(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] > '~' || strings.IndexByte(`(){%*"\`, s[i]) >= 0 {
			return false
		}
	}
	return s != "" && !strings.EqualFold(s, "NIL")
}

// isQuotable tells whether s can stand in a quoted string (RFC 3501 §9: TEXT-CHAR; 8-bit
// only where UTF8=ACCEPT is enabled, so not here).
func isQuotable(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c == 0 || c == '\r' || c == '\n' || c > '~' {
			return false
		}
	}
	return true
}

var quoteEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func quoted(s string) string { return `"` + quoteEscapes.Replace(s) + `"` }

// Stuff writes octets as the body of a POP3 multi-line response, without its final line
// "." (RFC 1939 §3): a line that begins with "." gets another, and the last line its CRLF.
// A line ends at LF, so that no body can end early for a reader that takes LF for a line
// end.
func Stuff(body []byte) []byte {
	out := make([]byte, 0, len(body)+16)
	for rest := body; len(rest) > 0; {
		if rest[0] == '.' {
			out = append(out, '.')
		}
		n := bytes.IndexByte(rest, '\n') + 1
		if n == 0 {
			n = len(rest)
		}
		out = append(out, rest[:n]...)
		rest = rest[n:]
	}
	if len(body) > 0 && !bytes.HasSuffix(body, []byte("\r\n")) {
		out = append(out, "\r\n"...)
	}
	return out
}
