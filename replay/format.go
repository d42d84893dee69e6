package replay

import "strings"

// String writes the script as text that Parse reads as the same script: one space where
// several would do, samples and escapes in their one form. Included scripts stay files.
func (s *Script) String() string {
	var b strings.Builder
	for _, it := range s.Items {
		switch it := it.(type) {
		case *Blank:
		case *Comment:
			b.WriteString("#" + it.Text)
		case *Directive:
			b.WriteString(it.String())
		case *Line:
			b.WriteString(it.String())
			it.writeBlocks(&b)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// String writes the directive.
func (d *Directive) String() string {
	text := "@" + string(d.Verb)
	switch d.Verb {
	case Connect:
		return text + " " + d.Conn + " " + string(d.Protocol)
	case Wait, Pause:
		text += " " + d.Time.String()
	case Include:
		text += " " + d.File
	}
	if d.Named {
		return d.Conn + " " + text
	}
	return text
}

// String writes the line as it stands in a script, without the blocks beneath it.
func (l *Line) String() string {
	lead := "C:"
	if l.Side == ServerSide {
		lead = "S:"
		if l.Forbidden {
			lead = "S!"
		}
	}
	if l.Named {
		lead = l.Conn + " " + lead
	}
	if len(l.Pattern) == 0 {
		return lead
	}
	return lead + " " + l.Pattern.String()
}

func (l *Line) writeBlocks(b *strings.Builder) {
	for _, block := range l.Blocks {
		b.WriteString("\n" + block.String())
	}
	first := true
	for _, n := range l.Pattern {
		lit, ok := n.(*Literal)
		if !ok || lit.Kind != FromBlock {
			continue
		}
		if !first {
			b.WriteString("\n&")
		}
		first = false
		for _, block := range lit.Blocks {
			b.WriteString("\n" + block.String())
		}
	}
}

// String writes the block as it stands in a script.
func (b Block) String() string {
	if b.Exact {
		return quote(b.Text)
	}
	return "|" + b.Text
}

// String writes the pattern as it stands in a script.
func (p Pattern) String() string {
	var b strings.Builder
	for i, n := range p {
		switch n := n.(type) {
		case Text:
			b.WriteString(escape(string(n), i+1 < len(p)))
		case *Value:
			b.WriteString(n.String())
		case *Literal:
			if n.Binary {
				b.WriteByte('~')
			}
			b.WriteString(n.String())
		}
	}
	return b.String()
}

// escape writes text so that nothing in it reads as a value or a literal; more says that
// one of them follows.
func escape(s string, more bool) string {
	var b strings.Builder
	tail := len(s) // where the dollars begin that would join what follows
	if more {
		tail = len(strings.TrimRight(s, "$"))
	}
	for i := 0; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "${"):
			b.WriteString("$${")
			i++
		case s[i] == '{':
			b.WriteString("${{}")
		case i >= tail:
			b.WriteString("${$}")
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// String writes the value as it stands in a script.
func (v *Value) String() string {
	name := v.Name
	switch v.Kind {
	case AnyOne:
		name = "*"
	case Rest:
		return "${...}"
	}
	if !v.Has {
		return "${" + name + "}"
	}
	var b strings.Builder
	for i := 0; i < len(v.Sample); i++ {
		c := v.Sample[i]
		if c == '}' || c == '$' && (i+1 == len(v.Sample) || v.Sample[i+1] == '$' || v.Sample[i+1] == '}') {
			b.WriteByte('$')
		}
		b.WriteByte(c)
	}
	return "${" + name + "=" + b.String() + "}"
}

// String writes the literal as it stands in a script, without the "~" before it.
func (l *Literal) String() string {
	text := l.Name
	switch l.Kind {
	case FromBlock:
		text = "|"
	case ToFile:
		text = ">" + l.Name
	case Counted:
		text = l.Count
	}
	if l.NonSync {
		text += "+"
	}
	if l.Must {
		text += "!"
	}
	return "{" + text + "}"
}
