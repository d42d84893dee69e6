package fragment

import "math"

// LiteralSpec is the announcement of a literal at the end of a line
// (RFC 9051 §4.3, RFC 7888 §4, RFC 3516 §4.4).
type LiteralSpec struct {
	Octets  int64
	NonSync bool // {n+}: the client does not wait
	Binary  bool // ~{n}
	Start   int  // where the announcement begins in the line
}

// ParseLiteral finds an announcement at the end of a line without its line end. A number
// beyond 63 bits is none.
func ParseLiteral(line []byte) (LiteralSpec, bool) {
	i := len(line) - 1
	if i < 2 || line[i] != '}' {
		return LiteralSpec{}, false
	}
	i--
	var s LiteralSpec
	if line[i] == '+' {
		s.NonSync = true
		i--
	}
	last := i
	for i >= 0 && line[i] >= '0' && line[i] <= '9' {
		i--
	}
	if i == last || i < 0 || line[i] != '{' {
		return LiteralSpec{}, false
	}
	for _, c := range line[i+1 : last+1] {
		digit := int64(c - '0')
		if s.Octets > (math.MaxInt64-digit)/10 {
			return LiteralSpec{}, false
		}
		s.Octets = s.Octets*10 + digit
	}
	if i > 0 && line[i-1] == '~' {
		s.Binary = true
		i--
	}
	s.Start = i
	return s, true
}
