package message

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// shownFields are the header fields that a person reads first, in this order.
var shownFields = []string{"From", "Sender", "To", "Cc", "Reply-To", "Date", "Subject"}

// WriteText writes a message for a person: the fields that matter, the text, and what else is in it by name. Of
// alternatives the plain one is shown (RFC 2046 §5.1.4 leaves that to the reader).
func (m *Message) WriteText(w io.Writer) error {
	out := bufio.NewWriter(w)
	for _, name := range shownFields {
		if v := m.Get(name); v != "" {
			fmt.Fprintf(out, "%s: %s\n", name, Harmless(v)) // errors stay with out
		}
	}
	out.WriteString("\n")
	shown := 0
	var others []*Part
	alternatives := map[string]bool{}
	for _, p := range m.Parts {
		if p.Type == "text/plain" {
			alternatives[parent(p.Number)] = true
		}
	}
	for _, p := range m.Parts {
		switch {
		case p.Container(), p.Type == "message/rfc822":
		case p.Type == "text/plain" && p.Name == "":
			if shown > 0 {
				out.WriteString("\n")
			}
			shown++
			if err := m.writePart(out, p); err != nil {
				return err
			}
		case p.IsText() && p.Name == "" && alternatives[parent(p.Number)]:
		default:
			others = append(others, p)
		}
	}
	if len(others) > 0 && shown > 0 {
		out.WriteString("\n")
	}
	for _, p := range others {
		fmt.Fprintf(out, "[%s: %s, %d octets; --part %s shows it]\n", Harmless(p.title()), p.Type, p.Octets, p.selector())
	}
	return out.Flush()
}

// selector is the number that --part takes.
func (p *Part) selector() string {
	if p.Number == "" {
		return "1"
	}
	return p.Number
}

func (p *Part) title() string {
	if p.Name != "" {
		return p.Name
	}
	return "part " + p.selector()
}

func parent(number string) string {
	i := strings.LastIndexByte(number, '.')
	if i < 0 {
		return ""
	}
	return number[:i]
}

// writePart writes a text part, line ends as a terminal wants them.
func (m *Message) writePart(w *bufio.Writer, p *Part) error {
	r, err := m.Open(p, false)
	if err != nil {
		return err
	}
	return WriteLines(w, Text(r, p.Charset))
}

// WriteLines copies text, made harmless, with LF at the ends of its lines; the last one gets one.
func WriteLines(w *bufio.Writer, r io.Reader) error {
	b := bufio.NewReader(r)
	last := '\n'
	for {
		c, n, err := b.ReadRune()
		if err == io.EOF {
			if last != '\n' {
				w.WriteByte('\n')
			}
			return w.Flush()
		}
		if err != nil {
			return err
		}
		switch {
		case c == '\r':
			continue
		case c == '\n', c == '\t':
			w.WriteRune(c)
		case c == utf8.RuneError && n == 1:
			w.WriteRune(utf8.RuneError)
		case dangerous(c):
			fmt.Fprintf(w, `\u%04x`, c)
		default:
			w.WriteRune(c)
		}
		last = c
	}
}

// dangerous tells whether a character drives a terminal, or turns the direction of writing.
func dangerous(c rune) bool {
	return c < ' ' || c >= 0x7f && c < 0xa0 || unicode.Is(unicode.Cf, c) && (c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069)
}

// Harmless shows text in one line that drives no terminal.
func Harmless(s string) string {
	return strings.Map(func(c rune) rune {
		if dangerous(c) {
			return '\uFFFD'
		}
		return c
	}, s)
}

// Rows shows a tree, a line a part.
func Rows(parts []*Part) []string {
	var rows []string
	for _, p := range parts {
		number := p.Number
		if number == "" {
			number = "-"
		}
		what := strings.Repeat("· ", p.Depth) + p.Type
		if p.Charset != "" {
			what += " " + p.Charset
		}
		if p.Name != "" {
			what += " " + p.Name
		}
		size := fmt.Sprintf("%d octets", p.Octets)
		if p.Decoded > 0 && p.Decoded != p.Octets {
			size += fmt.Sprintf(" = %d", p.Decoded)
		}
		if p.Container() && p.Octets == 0 {
			size = ""
		}
		rows = append(rows, strings.TrimRight(fmt.Sprintf("%-8s %-44s %-16s %s", number, Harmless(what), p.Encoding, size), " "))
	}
	return rows
}
