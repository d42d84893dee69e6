package replay

import (
	"fmt"
	"strings"
)

// blocks reads the blocks beneath a line and gives them to its {|} literals, or, where it
// has none, to the line itself.
func (s *source) blocks(l *Line) error {
	var takers []*Literal
	for _, n := range l.Pattern {
		if lit, ok := n.(*Literal); ok && lit.Kind == FromBlock {
			takers = append(takers, lit)
		}
	}
	s.at++
	if len(takers) == 0 {
		run, err := s.run()
		if err != nil {
			return err
		}
		if l.Forbidden && len(run) > 0 {
			return errorAt(Pos{s.name, l.Pos.Line + 1, 1}, "expected no block beneath S!")
		}
		l.Blocks = run
	}
	for i, lit := range takers {
		if i > 0 {
			if s.at == len(s.lines) || s.lines[s.at] != "&" {
				return errorAt(s.pos(0), "expected &, and beneath it the block of the next {|} of line %d", l.Pos.Line)
			}
			s.at++
		}
		run, err := s.run()
		if err != nil {
			return err
		}
		if len(run) == 0 {
			return errorAt(s.pos(0), `expected a block for the {|} of line %d: |text, or "octets"`, l.Pos.Line)
		}
		lit.Blocks, lit.Octets = run, octetsOf(run)
	}
	s.add(l)
	return nil
}

// run reads the block lines that stand here.
func (s *source) run() ([]Block, error) {
	var run []Block
	for ; s.at < len(s.lines); s.at++ {
		line := s.lines[s.at]
		switch {
		case strings.HasPrefix(line, "|"):
			run = append(run, Block{Text: line[1:]})
		case strings.HasPrefix(line, `"`):
			text, err := s.unquote(line)
			if err != nil {
				return nil, err
			}
			run = append(run, Block{Exact: true, Text: text})
		default:
			return run, nil
		}
	}
	return run, nil
}

// unquote undoes the escapes of a "…" block.
func (s *source) unquote(line string) (string, error) {
	var b strings.Builder
	for i := 1; i < len(line); i++ {
		switch c := line[i]; c {
		case '"':
			if i+1 != len(line) {
				return "", errorAt(s.pos(i+1), "expected the end of the line behind the closing quote, found %s", shown(line[i+1:]))
			}
			return b.String(), nil
		case '\\':
			c, n := unescape(line[i+1:])
			if n == 0 {
				return "", errorAt(s.pos(i), `expected \r \n \t \\ \" or \xHH, found %s`, shown(line[i:]))
			}
			b.WriteByte(c)
			i += n
		default:
			b.WriteByte(c)
		}
	}
	return "", errorAt(s.pos(len(line)), "expected a closing quote, found the end of the line")
}

// unescape reads what follows a backslash: the octet, and how long the escape is.
func unescape(s string) (c byte, n int) {
	if s == "" {
		return 0, 0
	}
	switch s[0] {
	case 'r':
		return '\r', 1
	case 'n':
		return '\n', 1
	case 't':
		return '\t', 1
	case '\\', '"':
		return s[0], 1
	case 'x':
		if len(s) < 3 {
			return 0, 0
		}
		hi, lo := strings.IndexByte(hexDigits, lower(s[1])), strings.IndexByte(hexDigits, lower(s[2]))
		if hi < 0 || lo < 0 {
			return 0, 0
		}
		return byte(hi<<4 | lo), 3
	}
	return 0, 0
}

const hexDigits = "0123456789abcdef"

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// quote writes octets as a "…" block does.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
