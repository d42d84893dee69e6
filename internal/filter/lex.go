package filter

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// translated is an expression in the language of expr, with the way back to what the user
// wrote.
type translated struct {
	text  string
	names map[string]bool // identifiers in it
	steps []step          // where text and source drift apart, in order
}

// step says that from octet `to` of the text on, source octet `from` stands.
type step struct{ to, from int }

// source gives the offset in the source of an offset in the text.
func (t *translated) source(off int) int {
	last := step{}
	for _, s := range t.steps {
		if s.to > off {
			// Within what a literal became, everything is at the literal.
			return min(last.from+off-last.to, s.from)
		}
		last = s
	}
	return last.from + off - last.to
}

// durations are the units of time.ParseDuration.
var durations = map[string]bool{"ns": true, "us": true, "µs": true, "μs": true, "ms": true, "s": true, "m": true, "h": true}

// sizes are octets; as in the RFCs of other things, KB is a thousand and KiB is 1,024.
var sizes = map[string]int64{
	"B": 1, "KB": 1e3, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30,
}

// lexError is a mistake at an octet of the source.
type lexError struct {
	off  int
	what string
	hint string
}

func (e *lexError) Error() string { return e.what }

// translate replaces durations and sizes. It is aware of quotes and comments, and leaves all
// else to expr.
func translate(src string) (*translated, error) {
	t := &translated{names: map[string]bool{}}
	var b strings.Builder
	for i := 0; i < len(src); {
		switch c := src[i]; {
		case c == '"' || c == '\'' || c == '`':
			n := quoted(src[i:])
			b.WriteString(src[i : i+n])
			i += n
		case strings.HasPrefix(src[i:], "//"):
			n := strings.IndexByte(src[i:], '\n')
			if n < 0 {
				n = len(src) - i
			}
			b.WriteString(src[i : i+n])
			i += n
		case strings.HasPrefix(src[i:], "/*"):
			n := len(src) - i
			if end := strings.Index(src[i+2:], "*/"); end >= 0 {
				n = end + 4
			}
			b.WriteString(src[i : i+n])
			i += n
		case digit(c):
			n, err := t.number(&b, src, i)
			if err != nil {
				return nil, err
			}
			i += n
		case letter(c):
			n := ident(src[i:])
			if i == 0 || src[i-1] != '.' { // a member's name is none of ours
				t.names[src[i:i+n]] = true
			}
			b.WriteString(src[i : i+n])
			i += n
		default:
			b.WriteByte(c)
			i++
		}
	}
	t.text = b.String()
	return t, nil
}

// number takes a number with the unit behind it, and gives how much of the source it was.
func (t *translated) number(b *strings.Builder, src string, at int) (int, error) {
	rest := src[at:]
	if len(rest) > 1 && rest[0] == '0' && strings.ContainsRune("xXbBoO", rune(rest[1])) {
		n := 2
		for n < len(rest) && (letter(rest[n]) || digit(rest[n])) {
			n++
		}
		b.WriteString(rest[:n])
		return n, nil
	}
	n := digits(rest)
	if n+1 < len(rest) && rest[n] == '.' && digit(rest[n+1]) { // 1..3 is a range
		n += 1 + digits(rest[n+1:])
	}
	if e := exponent(rest[n:]); e > 0 {
		b.WriteString(rest[:n+e])
		return n + e, nil
	}
	u := unitOf(rest[n:])
	unit := rest[n : n+u]
	value := strings.ReplaceAll(rest[:n], "_", "")
	switch {
	case unit == "":
		b.WriteString(rest[:n])
		return n, nil
	case durations[unit]:
		// 1m30s is one duration.
		end := n + u
		for {
			d := digits(rest[end:])
			v := unitOf(rest[end+d:])
			if d == 0 || !durations[rest[end+d:end+d+v]] {
				break
			}
			end += d + v
		}
		t.replace(b, at, end, `duration("`+strings.ReplaceAll(rest[:end], "_", "")+`")`)
		return end, nil
	case sizes[unit] > 0:
		octets, err := octetsOf(value, sizes[unit])
		if err != nil {
			return 0, &lexError{off: at, what: fmt.Sprintf("%s%s is more octets than can be counted", value, unit)}
		}
		t.replace(b, at, n+u, octets)
		return n + u, nil
	}
	return 0, &lexError{
		off: at + n, what: fmt.Sprintf("unknown unit %q", unit),
		hint: unitsHint,
	}
}

// replace writes text in the place of n octets of the source.
func (t *translated) replace(b *strings.Builder, at, n int, text string) {
	t.steps = append(t.steps, step{to: b.Len(), from: at})
	b.WriteString(text)
	t.steps = append(t.steps, step{to: b.Len(), from: at + n})
}

func octetsOf(value string, unit int64) (string, error) {
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		if n > (1<<63-1)/unit {
			return "", strconv.ErrRange
		}
		return strconv.FormatInt(n*unit, 10), nil
	}
	f, err := strconv.ParseFloat(value, 64)
	if err != nil || f*float64(unit) >= 1<<63 {
		return "", strconv.ErrRange
	}
	return strconv.FormatInt(int64(f*float64(unit)), 10), nil
}

// exponent is the length of e10, e-3 at the beginning of s.
func exponent(s string) int {
	if s == "" || s[0] != 'e' && s[0] != 'E' {
		return 0
	}
	n := 1
	if n < len(s) && (s[n] == '+' || s[n] == '-') {
		n++
	}
	if d := digits(s[n:]); d > 0 && ident(s[n+d:]) == 0 {
		return n + d
	}
	return 0
}

// quoted is the length of the string literal that s begins with, all of s where it has no end.
func quoted(s string) int {
	q := s[0]
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && q != '`':
			i++
		case s[i] == q:
			return i + 1
		}
	}
	return len(s)
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

func letter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c == '$' || c >= utf8.RuneSelf
}

func digits(s string) int {
	n := 0
	for n < len(s) && (digit(s[n]) || n > 0 && s[n] == '_') {
		n++
	}
	return n
}

// ident is the length of the identifier that s begins with.
func ident(s string) int {
	n := 0
	for n < len(s) && (letter(s[n]) || n > 0 && digit(s[n])) {
		n++
	}
	return n
}

// unitOf is the length of the unit that s begins with: letters alone, for a number may go on
// behind it.
func unitOf(s string) int {
	n := 0
	for n < len(s) && letter(s[n]) && s[n] != '_' && s[n] != '$' {
		n++
	}
	return n
}
