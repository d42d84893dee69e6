package client

import (
	"bytes"
	"io"
	"strings"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
)

// Command is one IMAP command, without its tag. The zero value is none; see [Cmd].
type Command struct {
	Name  string // for people, such as "UID FETCH"
	parts []part
	// answer gives the line that answers a continuation request which no literal waits for.
	answer func(text string) ([]byte, error)
}

// part is text, and the literal that it announces; reader is nil in the last one.
type part struct {
	text   []byte
	reader io.Reader
	octets int64
	binary bool
}

// What [Cmd] takes as arguments, each put behind a space.
type (
	// Raw is put as it stands: it must be what the grammar wants.
	Raw string
	// String becomes an astring: an atom, a quoted string or a literal.
	String string
	// MailboxName becomes an astring in modified UTF-7.
	MailboxName string
	// List becomes its arguments in parentheses.
	List []any
)

// Literal is message content to be sent.
type Literal struct {
	Reader io.Reader // gives Octets octets
	Octets int64
	Binary bool // literal8, "~{n}" (RFC 3516 §4.4)
}

// Cmd makes a command of its name and its arguments: Raw, String, MailboxName, Literal, List.
func Cmd(name string, args ...any) Command {
	c := Command{Name: name, parts: []part{{text: []byte(name)}}}
	c.arguments(" ", args)
	return c
}

// arguments puts arguments with spaces between them, and before in front of the first.
func (c *Command) arguments(before string, args []any) {
	for _, a := range args {
		c.add(before)
		before = " "
		switch a := a.(type) {
		case Raw:
			c.add(string(a))
		case String:
			c.astring(string(a))
		case MailboxName:
			c.astring(string(grammar.EncodeName(string(a))))
		case Literal:
			last := &c.parts[len(c.parts)-1]
			last.reader, last.octets, last.binary = a.Reader, a.Octets, a.Binary
			c.parts = append(c.parts, part{})
		case List:
			c.add("(")
			c.arguments("", a)
			c.add(")")
		default:
			panic("client: Cmd takes Raw, String, MailboxName, Literal and List") // a mistake of the program
		}
	}
}

func (c *Command) add(text string) {
	last := &c.parts[len(c.parts)-1]
	last.text = append(last.text, text...)
}

// astring puts a string as an astring (RFC 9051 §9).
func (c *Command) astring(s string) {
	switch {
	case s != "" && strings.IndexFunc(s, notAtom) < 0 && !strings.EqualFold(s, "NIL"):
		c.add(s)
	case strings.IndexFunc(s, func(r rune) bool { return r == 0 || r == '\r' || r == '\n' || r >= 0x80 }) < 0:
		c.add(Quote(s))
	default:
		last := &c.parts[len(c.parts)-1]
		last.reader, last.octets = strings.NewReader(s), int64(len(s))
		c.parts = append(c.parts, part{})
	}
}

// notAtom tells whether a character may not stand in an atom.
func notAtom(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`(){%*"\]`, r)
}

// Quote gives a quoted string (RFC 9051 §9); s must have no CR, LF, NUL.
func Quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// announcement gives the literal's announcement. A non-synchronizing one needs no continuation
// request. Beyond 4096 octets it is always asked for one (RFC 7888 §5 has LITERAL- so): a server that
// refuses a large message, for want of room say, does so before it has come, and need not read it.
func (p *part) announcement(plus, minus bool) (text string, waits bool) {
	var b bytes.Buffer
	if p.binary {
		b.WriteByte('~')
	}
	b.WriteByte('{')
	b.WriteString(itoa(p.octets))
	waits = !plus && !minus || p.octets > 4096
	if !waits {
		b.WriteByte('+')
	}
	b.WriteString("}\r\n")
	return b.String(), waits
}
