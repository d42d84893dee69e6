package mime

import (
	"bytes"
	"encoding/hex"
	"iter"
	"strconv"
)

// param is one parameter, or one segment of it (RFC 2231 §3).
type param struct {
	name     []byte
	segment  int  // -1: the whole value
	extended bool // name*: charset'language'percent-encoded (RFC 2231 §4)
	value    []byte
}

// maxParams bounds what is kept of one field.
const maxParams = 64

// mediaType reads "type/subtype" (RFC 2045 §5.1). Comments and white space around it are
// skipped.
func mediaType(p []byte) (typ, rest []byte, ok bool) {
	p = skipCFWS(p)
	n := 0
	slash := false
	for n < len(p) && isToken(p[n]) || n < len(p) && p[n] == '/' && !slash && n > 0 {
		slash = slash || p[n] == '/'
		n++
	}
	return p[:n], p[n:], slash && p[n-1] != '/'
}

// token reads one token, comments and white space before it skipped.
func token(p []byte) (tok, rest []byte) {
	p = skipCFWS(p)
	n := 0
	for n < len(p) && isToken(p[n]) {
		n++
	}
	return p[:n], p[n:]
}

// isToken: RFC 2045 §5.1; octets beyond ASCII are let through.
func isToken(c byte) bool {
	if c <= ' ' || c == 0x7f {
		return false
	}
	switch c {
	case '(', ')', '<', '>', '@', ',', ';', ':', '\\', '"', '/', '[', ']', '?', '=':
		return false
	}
	return true
}

// skipCFWS skips white space and nested comments (RFC 5322 §3.2.2).
func skipCFWS(p []byte) []byte {
	depth := 0
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case c == '\\' && depth > 0:
			i++
		case depth > 0 || c == ' ' || c == '\t' || c == '\r' || c == '\n':
		default:
			return p[i:]
		}
	}
	return nil
}

// parseParams reads *(";" attribute "=" value). What is malformed is skipped up to the
// next semicolon. It unquotes in place.
func (f *fields) parseParams(p []byte) {
	f.params = f.params[:0]
	for len(f.params) < maxParams {
		semi := bytes.IndexByte(p, ';')
		if semi < 0 {
			return
		}
		var name []byte
		name, p = token(p[semi+1:])
		p = skipCFWS(p)
		if len(name) == 0 || len(p) == 0 || p[0] != '=' {
			continue
		}
		x := param{name: name, segment: -1}
		x.value, p = paramValue(skipCFWS(p[1:]))
		x.splitName()
		f.params = append(f.params, x)
	}
}

// splitName takes the segment number and the mark of an extended value off the name:
// name*, name*0, name*0* (RFC 2231 §7).
func (x *param) splitName() {
	star := bytes.IndexByte(x.name, '*')
	if star < 0 {
		return
	}
	tail := x.name[star+1:]
	x.name = x.name[:star]
	if len(tail) == 0 {
		x.extended = true
		return
	}
	if n := len(tail) - 1; tail[n] == '*' {
		x.extended = true
		tail = tail[:n]
	}
	n, err := strconv.Atoi(string(tail))
	if err != nil || n < 0 || n >= maxParams {
		x.name = nil // no such parameter
		return
	}
	x.segment = n
}

// paramValue reads a quoted string or a token. QUIRK: many mailers leave values unquoted
// that need quotes, such as boundaries with "=" and names with spaces; such a value
// reaches up to the next semicolon.
func paramValue(p []byte) (value, rest []byte) {
	if len(p) > 0 && p[0] == '"' {
		n := 1
		for i := 1; i < len(p); i++ {
			switch c := p[i]; {
			case c == '"':
				return p[1:n], p[i+1:]
			case c == '\\' && i+1 < len(p):
				i++
				p[n] = p[i]
				n++
			default:
				p[n] = c
				n++
			}
		}
		return p[1:n], nil // the closing quote is missing
	}
	n := 0
	for n < len(p) && p[n] != ';' && p[n] != '(' {
		n++
	}
	return trimRight(p[:n]), p[n:]
}

// param gives the value of a parameter, its segments joined.
//
// An extended value in UTF-8 or US-ASCII is decoded; one in another charset is given as
// an RFC 2047 encoded word, which is what displays it.
func (f *fields) param(name string) []byte {
	segmented := false
	for i := range f.params {
		x := &f.params[i]
		if len(x.name) != len(name) || !equalFold(x.name, name) {
			continue
		}
		if x.segment < 0 {
			if x.extended {
				return decodeExtended(x.value)
			}
			return x.value
		}
		segmented = true
	}
	if !segmented {
		return nil
	}
	var joined []byte
	extended := false
	for seg := range maxParams {
		x := f.segment(name, seg)
		if x == nil {
			break
		}
		switch {
		case seg == 0:
			extended = x.extended
			joined = append(joined, x.value...)
		case extended && !x.extended:
			// A plain segment of an extended value stands for itself (RFC 2231 §4.1).
			joined = append(joined, bytes.ReplaceAll(x.value, []byte("%"), []byte("%25"))...)
		default:
			joined = append(joined, x.value...)
		}
	}
	if extended {
		return decodeExtended(joined)
	}
	return joined
}

// Param gives the value of the parameter name of a list that somebody else has taken apart,
// such as that of a BODYSTRUCTURE (RFC 9051 §7.5.2): its segments joined, an extended value as
// [Display] wants it (RFC 2231 §3, §4). It is "" where there is none.
func Param(list iter.Seq2[string, string], name string) string {
	var f fields
	for attribute, value := range list {
		if len(f.params) == maxParams {
			break
		}
		x := param{name: []byte(attribute), segment: -1, value: []byte(value)}
		x.splitName()
		f.params = append(f.params, x)
	}
	return string(f.param(name))
}

// count tells how many parameters of that name there are, those in segments as one.
func (f *fields) count(name string) int {
	n, segmented := 0, 0
	for i := range f.params {
		x := &f.params[i]
		switch {
		case len(x.name) != len(name) || !equalFold(x.name, name):
		case x.segment < 0:
			n++
		default:
			segmented = 1
		}
	}
	return n + segmented
}

// brokenSegments gives the name of a parameter of which a segment is missing or stands twice
// (RFC 2231 §3), "" where all are as they should be.
func (f *fields) brokenSegments() string {
	for i := range f.params {
		x := &f.params[i]
		if x.segment < 0 {
			continue
		}
		n, highest := 0, 0
		for j := range f.params {
			if y := &f.params[j]; y.segment >= 0 && bytes.EqualFold(y.name, x.name) {
				n++
				highest = max(highest, y.segment)
				if j != i && y.segment == x.segment {
					return string(x.name)
				}
			}
		}
		if n != highest+1 {
			return string(x.name)
		}
	}
	return ""
}

func (f *fields) segment(name string, seg int) *param {
	for i := range f.params {
		if x := &f.params[i]; x.segment == seg && len(x.name) == len(name) && equalFold(x.name, name) {
			return x
		}
	}
	return nil
}

// decodeExtended reads charset'language'percent-encoded (RFC 2231 §4).
func decodeExtended(p []byte) []byte {
	charset, rest, ok := bytes.Cut(p, []byte("'"))
	if !ok {
		return p
	}
	_, text, ok := bytes.Cut(rest, []byte("'"))
	if !ok {
		return p
	}
	out := make([]byte, 0, len(p))
	plain := len(charset) == 0 || bytes.EqualFold(charset, []byte("utf-8")) || bytes.EqualFold(charset, []byte("us-ascii"))
	if !plain {
		out = append(append(append(out, "=?"...), charset...), "?Q?"...)
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '%' && i+2 < len(text) {
			var b [1]byte
			if _, err := hex.Decode(b[:], text[i+1:i+3]); err == nil {
				c = b[0]
				i += 2
			}
		}
		switch {
		case plain || isToken(c) && c < 0x80 && c != '_':
			out = append(out, c)
		default:
			out = append(out, '=', upperHex[c>>4], upperHex[c&15])
		}
	}
	if !plain {
		out = append(out, "?="...)
	}
	return out
}

const upperHex = "0123456789ABCDEF"
