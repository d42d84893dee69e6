package replay

import (
	"path"
	"regexp"
	"strconv"
	"strings"
)

// pattern reads the text of a line.
func (s *source) pattern(l *Line, text string, column int) (Pattern, error) {
	var p Pattern
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			p = append(p, Text(b.String()))
			b.Reset()
		}
	}
	for i := 0; i < len(text); {
		rest := text[i:]
		switch {
		case strings.HasPrefix(rest, "$${"):
			b.WriteString("${")
			i += 3
		case strings.HasPrefix(rest, "${{}") || strings.HasPrefix(rest, "${$}"):
			b.WriteByte(rest[2])
			i += 4
		case strings.HasPrefix(rest, "${"):
			v, n, err := s.value(rest, column+i)
			if err != nil {
				return nil, err
			}
			flush()
			p = append(p, v)
			i += n
		case rest[0] == '{' || strings.HasPrefix(rest, "~{"):
			lit, n, err := s.literal(l, rest, column+i)
			if err != nil {
				return nil, err
			}
			flush()
			p = append(p, lit)
			i += n
		default:
			b.WriteByte(rest[0])
			i++
		}
	}
	flush()
	return p, s.placed(l, p)
}

var variableRE = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*`)

// value reads ${name=sample}, ${*=sample} or ${...} at the head of text.
func (s *source) value(text string, column int) (v *Value, n int, err error) {
	v = &Value{Pos: s.pos(column)}
	i := 2
	switch rest := text[i:]; {
	case strings.HasPrefix(rest, "...}"):
		v.Kind = Rest
		return v, i + 4, nil
	case strings.HasPrefix(rest, "*"):
		v.Kind = AnyOne
		i++
	default:
		v.Name = variableRE.FindString(rest)
		if v.Name == "" {
			return nil, 0, errorAt(s.pos(column+i), "expected in ${…} a name (%s), * or ..., found %s; $${ writes ${", namesC, shown(rest))
		}
		i += len(v.Name)
	}
	if i < len(text) && text[i] == '=' {
		v.Has = true
		var b strings.Builder
		for i++; i < len(text) && text[i] != '}'; i++ {
			if text[i] == '$' && i+1 < len(text) && (text[i+1] == '$' || text[i+1] == '}') {
				i++
			}
			b.WriteByte(text[i])
		}
		v.Sample = b.String()
	}
	if i == len(text) || text[i] != '}' {
		return nil, 0, errorAt(s.pos(column+i), "expected =sample or } to end ${%s, found %s", v.Name, shown(text[i:]))
	}
	return v, i + 1, nil
}

var (
	fileRE  = regexp.MustCompile(`^[A-Za-z0-9_./-]+$`)
	countRE = regexp.MustCompile(`^[0-9]+$`)
)

const braceHint = "{|}, {file}, {>file} or {count}; ${{} writes a brace"

// literal reads [~]{…[+][!]} at the head of text.
func (s *source) literal(l *Line, text string, column int) (lit *Literal, n int, err error) {
	lit = &Literal{Pos: s.pos(column)}
	inner := text
	if inner[0] == '~' {
		lit.Binary = true
		inner = inner[1:]
	}
	inner, _, ok := strings.Cut(inner[1:], "}")
	if !ok {
		return nil, 0, errorAt(lit.Pos, "expected a literal, %s; found %s", braceHint, shown(text))
	}
	n = len(inner) + 2
	if lit.Binary {
		n++
	}
	what, must := strings.CutSuffix(inner, "!")
	what, plus := strings.CutSuffix(what, "+")
	lit.Must, lit.NonSync = must, plus
	switch {
	case what == "|":
		lit.Kind = FromBlock
	case countRE.MatchString(what):
		lit.Kind, lit.Count = Counted, what
		if _, err := strconv.ParseInt(what, 10, 64); err != nil {
			return nil, 0, errorAt(lit.Pos, "expected a count of octets of at most 63 bits, found %s", what)
		}
	default:
		lit.Kind = FromFile
		if name, ok := strings.CutPrefix(what, ">"); ok {
			lit.Kind, what = ToFile, name
		}
		lit.Name = what
		if !fileRE.MatchString(what) {
			return nil, 0, errorAt(lit.Pos, "expected a literal, %s; found %s", braceHint, shown(text[:n]))
		}
		file, err := s.local(what, lit.Pos)
		if err != nil {
			return nil, 0, err
		}
		if lit.Kind == FromFile {
			content, err := s.open(file)
			if err != nil {
				return nil, 0, errorAt(lit.Pos, "expected a file %s beside the script: %v", what, err)
			}
			lit.Octets, lit.large = content.Octets, content.large
		}
	}
	if lit.NonSync && l.Side == ServerSide && lit.Kind != Counted {
		return nil, 0, errorAt(lit.Pos, "expected no +: only a client's literal can be non-synchronizing")
	}
	return lit, n, nil
}

// local resolves the name of a file beside the script: no way out of its directory.
func (s *source) local(name string, at Pos) (string, error) {
	if path.IsAbs(name) {
		return "", errorAt(at, "expected a file beside the script, found the absolute path %s", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." {
			return "", errorAt(at, "expected a file beside the script or below, without . and .., found %s", name)
		}
	}
	return path.Join(s.dir, name), nil
}

// placed checks what may stand where.
func (s *source) placed(l *Line, p Pattern) error {
	for i, n := range p {
		switch n := n.(type) {
		case *Literal:
			if l.Forbidden && n.Kind != Counted {
				return errorAt(n.Pos, "expected no literal in S!")
			}
			if l.Protocol == POP3 && n.Kind != Counted && (l.Side == ClientSide || len(p) > 1 || n.Binary || n.Must) {
				return errorAt(n.Pos, "expected text: in pop3 a {|} or {file} stands alone on an S: line, as a body")
			}
		case *Value:
			if n.Kind == Rest && l.Protocol == POP3 && len(p) > 1 {
				return errorAt(n.Pos, "expected ${...} alone on its line, as the rest of a multi-line response")
			}
			if n.Kind == Rest && i+1 < len(p) && l.Protocol == IMAP {
				if t, ok := p[i+1].(Text); !ok || t[0] != ')' && t[0] != ']' {
					return errorAt(n.Pos, "expected ${...} at the end of a list or of the line")
				}
			}
		}
	}
	return nil
}
