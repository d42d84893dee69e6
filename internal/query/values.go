package query

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
)

// read takes the meaning of a node's value. what says what is wrong with it, "" where nothing is.
func (n *node) read() (what, hint string) {
	var err error
	switch n.key.kind {
	case text:
		if n.value == "" {
			return "expected text, found empty quotes", "header:NAME finds messages that have a field"
		}
	case header:
		n.field, n.value, _ = strings.Cut(n.value, "=")
		if n.field == "" || strings.ContainsFunc(n.field, func(r rune) bool { return r <= ' ' || r > '~' || r == ':' }) {
			return "expected the name of a header field, such as List-Id", "such as header:List-Id=announce, or header:List-Id for all that have one"
		}
	case day:
		if n.day, err = parseDay(n.value); err != nil {
			return "expected a day, found " + strconv.Quote(n.value), "days are written 2026-01-31; newer:7d counts from now"
		}
	case octets:
		if n.n, err = parseOctets(n.value); err != nil {
			return "expected a size, found " + strconv.Quote(n.value), "sizes are written 5000, 10KB (10,000), 10KiB (10,240), 1.5MB"
		}
	case span:
		if n.n, err = parseSpan(n.value); err != nil {
			return "expected a time, found " + strconv.Quote(n.value), "times are written 12h, 7d, 2w, 1y"
		}
	case keyword:
		if !isKeyword(n.value) {
			return "expected a keyword, found " + strconv.Quote(n.value), "flags of the system are keys: seen, answered, flagged, deleted, draft"
		}
	case uids:
		set, rest, ok := grammar.ParseSet([]byte(n.value))
		if !ok || rest != len(n.value) || set.Saved() {
			return "expected a set of UIDs, found " + strconv.Quote(n.value), "sets are written 7, 1001:1010, 3,5:9, 20:*"
		}
		n.set = set
	case attachment:
		if !strings.EqualFold(n.value, "attachment") {
			return "expected attachment, found " + strconv.Quote(n.value), "has:attachment"
		}
	case raw:
		return checkRaw(n.value)
	}
	return "", ""
}

func parseDay(s string) (time.Time, error) {
	t, err := time.Parse("2006-01-02", s)
	if err != nil {
		t, err = time.Parse("2-Jan-2006", s)
	}
	if err == nil && t.Year() < 1 { // date-year is 4DIGIT, and no calendar has a year 0
		err = strconv.ErrRange
	}
	return t, err
}

var errNumber = errors.New("query: expected a number with a unit")

// units of sizes: as elsewhere in mailtrace, KB is a thousand and KiB is 1,024.
var units = map[string]float64{
	"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30,
}

func parseOctets(s string) (int64, error) {
	i := strings.LastIndexAny(s, "0123456789") + 1
	unit, ok := units[strings.ToLower(s[i:])]
	if !ok || i == 0 {
		return 0, errNumber
	}
	if strings.Trim(s[:i], "0123456789.") != "" { // no sign, no exponent
		return 0, errNumber
	}
	if n, err := strconv.ParseInt(s[:i], 10, 64); err == nil && unit == 1 {
		return n, nil
	}
	f, err := strconv.ParseFloat(s[:i], 64)
	if err != nil || f*unit >= math.MaxInt64 {
		return 0, errNumber
	}
	return int64(f * unit), nil
}

// parseSpan gives seconds.
func parseSpan(s string) (int64, error) {
	if s == "" {
		return 0, errNumber
	}
	unit := map[byte]int64{'h': 3600, 'd': 86400, 'w': 7 * 86400, 'y': 365 * 86400}[s[len(s)-1]|0x20]
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 31)
	if err != nil || unit == 0 || n == 0 {
		return 0, errNumber
	}
	if int64(n) > math.MaxUint32/unit { // nz-number (RFC 5032 §3)
		return 0, strconv.ErrRange
	}
	return int64(n) * unit, nil
}

// isKeyword tells whether s is a flag-keyword: an atom (RFC 9051 §9).
func isKeyword(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`(){%*"\]`, r) })
}

// opensLiteral tells whether a "{" stands outside of quoted strings. No key has one but in a literal
// (RFC 9051 §9), for which a query has no place.
func opensLiteral(keys string) bool {
	quoted := false
	for i := 0; i < len(keys); i++ {
		switch c := keys[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == '{' && !quoted:
			return true
		}
	}
	return false
}

// checkRaw tells what is wrong with search keys as they stand: they must stay within the parentheses
// that they are put in.
func checkRaw(s string) (what, hint string) {
	const hintRaw = `such as raw:"OR SEEN FLAGGED"; quotes within are written \"`
	if i := strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }); i >= 0 {
		return "expected search keys in ASCII", "text beyond ASCII goes with a key, such as text:"
	}
	if strings.TrimSpace(s) == "" {
		return "expected search keys, found nothing", hintRaw
	}
	if opensLiteral(s) {
		return "expected search keys without {, which begins a literal", hintRaw
	}
	line := "a SEARCH (" + s + ")"
	var p grammar.Parser
	c := p.Command(&grammar.Line{Text: []byte(line)})
	if len(c.Problems) > 0 {
		x := c.Problems[0]
		fact := x.Fact
		if fact == "" {
			fact = line[min(x.Off, len(line)):]
		}
		return "expected search keys of IMAP, found " + strconv.Quote(fact), hintRaw
	}
	if a, ok := c.Args.(*grammar.SearchArgs); !ok || len(a.Keys) != 1 || a.Keys[0].Name != "AND" || a.Charset != nil {
		return "expected search keys of IMAP in parentheses that match", hintRaw
	}
	return "", ""
}
