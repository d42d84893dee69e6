package meaning

import (
	"bytes"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// command is one command under way, with what the model needs of it.
type command struct {
	*decode.Command
	box     *box   // SELECT, EXAMINE: what it opens
	mailbox []byte // SELECT, EXAMINE: the name of it
	returns bool   // SEARCH: it has RETURN options
	// single is the number or UID of the one message that a FETCH asks for, 0 where it is not one; section
	// is the first section that it asks of it, came that it came, and other that something else did.
	single      uint32
	section     []byte
	came, other bool
	done        bool
}

// asked holds the commands under way, oldest first. Those beyond a bound are forgotten.
type asked struct {
	order []*command
	head  int                          // order[:head] is gone
	n     int                          // of order[head:], those that are not done
	by    map[*decode.Command]*command // nil while they are few
	spare *command                     // done, and to be used again
	// wanting is how many of them ask for a section of one message.
	wanting int
}

// few commands under way are found by looking at each.
const few = 8

func (q *asked) push(c *decode.Command, most int) *command {
	if len(q.order)-q.head >= most {
		q.remove(q.order[q.head])
	}
	x := q.spare
	if q.spare = nil; x == nil {
		x = new(command)
	}
	*x = command{Command: c}
	q.order = append(q.order, x)
	q.n++
	switch {
	case q.by != nil:
		q.by[c] = x
	case len(q.order)-q.head > few:
		q.by = map[*decode.Command]*command{}
		for _, x := range q.order[q.head:] {
			if !x.done {
				q.by[x.Command] = x
			}
		}
	}
	return x
}

// of gives what is known of a command, nil where it is not under way.
func (q *asked) of(c *decode.Command) *command {
	if q.by != nil {
		return q.by[c]
	}
	for _, x := range q.order[q.head:] {
		if x.Command == c && !x.done {
			return x
		}
	}
	return nil
}

// oldest gives the command that has waited longest, nil where none is under way.
func (q *asked) oldest() *command {
	if q.head == len(q.order) {
		return nil
	}
	return q.order[q.head]
}

// opening gives the oldest SELECT or EXAMINE under way.
func (q *asked) opening() *command {
	for _, c := range q.order[q.head:] {
		if c.box != nil && !c.done {
			return c
		}
	}
	return nil
}

// others tells whether another command than c is under way: who can tell whose the data are then?
func (q *asked) others(c *command) bool { return q.n > 1 || c.done }

// remove ends a command. What is known of it is valid until the next push.
func (q *asked) remove(c *command) {
	if c.done {
		return
	}
	c.done = true
	q.n--
	delete(q.by, c.Command)
	if c.section != nil {
		q.wanting--
	}
	for q.head < len(q.order) && q.order[q.head].done {
		q.spare, q.order[q.head] = q.order[q.head], nil
		q.head++
	}
	if q.head == len(q.order) {
		q.order, q.head = q.order[:0], 0
		q.by = nil
	} else if q.head > 64 && q.head*2 > len(q.order) {
		q.order = q.order[:copy(q.order, q.order[q.head:])]
		q.head = 0
	}
}

// longestName bounds the names by which mailboxes are remembered.
const longestName = 512

// command takes what a client asks, once its last line came.
func (m *model) command(s *seen) {
	c := m.asked.of(s.Event.Command)
	if c == nil {
		return
	}
	args := argumentsAt(s.Line, c.Name)
	d := CommandDetail{}
	switch c.Name {
	case "SELECT", "EXAMINE":
		if name := mailboxIn(s.Line, args); len(name) <= longestName {
			c.mailbox = bytes.Clone(name)
		}
	case "SEARCH", "UID SEARCH":
		c.returns = hasPrefixFold(s.Line.Text[args:], "RETURN (")
	case "FETCH", "UID FETCH":
		d.Number, d.UID = m.single(s, c, args)
		if c.single != 0 {
			if c.section = sectionIn(s.Line.Text[args:]); c.section != nil {
				m.asked.wanting++
			}
		}
	case "STORE", "UID STORE", "COPY", "UID COPY", "MOVE", "UID MOVE", "UID EXPUNGE":
		d.Number, d.UID = m.single(s, c, args)
	case "CLOSE", "EXPUNGE":
		if m.box != nil {
			d.Deleted = int64(m.box.messages.deleted)
		}
	}
	if !m.o.Bare {
		d.Args = s.Command.Detail()
		if t, ok := d.Args.(*grammar.Tokens); ok && len(t.Text) == 0 {
			d.Args = nil
		}
		if d != (CommandDetail{}) {
			kept := d // of which alone a copy is made on the heap
			s.Detail = &kept
		}
	}
}

// single notes the message that a command names alone, and gives its number and UID, 0 where
// they are not known.
func (m *model) single(s *seen, c *command, args int) (n, uid uint32) {
	word := s.Line.Text[args:]
	if i := bytes.IndexByte(word, ' '); i >= 0 {
		word = word[:i]
	}
	x, ok := setNumber(word)
	if !ok || len(word) > 0 && word[0] == '*' {
		return 0, 0
	}
	c.single = x
	if c.Name[0] == 'U' {
		if m.box != nil {
			n = m.box.messages.find(x)
		}
		return n, x
	}
	if m.box != nil {
		uid, _ = m.box.messages.known(x)
	}
	return x, uid
}

// argumentsAt gives where the arguments of a command begin.
func argumentsAt(l *grammar.Line, name string) int {
	i := bytes.IndexByte(l.Text, ' ')
	for i >= 0 && i < len(l.Text) && l.Text[i] == ' ' {
		i++
	}
	if i < 0 || i+len(name) >= len(l.Text) {
		return len(l.Text)
	}
	for i += len(name); i < len(l.Text) && l.Text[i] == ' '; i++ {
		continue
	}
	return i
}

// mailboxIn gives the name that stands at an offset of a line: a quoted string, a literal, or
// an atom.
func mailboxIn(l *grammar.Line, at int) []byte {
	p := l.Text[at:]
	switch {
	case len(p) == 0:
	case p[0] == '"':
		name := make([]byte, 0, len(p))
		for i := 1; i < len(p) && p[i] != '"'; i++ {
			if p[i] == '\\' && i+1 < len(p) {
				i++
			}
			name = append(name, p[i])
		}
		return name
	case p[0] == '{' || p[0] == '~':
		if len(l.Literals) > 0 {
			return l.Literals[0].Content
		}
	default:
		if i := bytes.IndexByte(p, ' '); i >= 0 {
			p = p[:i]
		}
	}
	return p
}

// sectionIn gives the first section among the items of a FETCH, such as "1.2": nil where there
// is none, or one that a server may spell in another way.
func sectionIn(items []byte) []byte {
	for i, c := range items {
		if c != '[' {
			continue
		}
		end := bytes.IndexByte(items[i:], ']')
		word := items[:i]
		if end < 0 || end > 64 || !hasSuffixFold(word, "BODY") && !hasSuffixFold(word, "BODY.PEEK") {
			return nil
		}
		if section := items[i+1 : i+end]; bytes.IndexByte(section, ' ') < 0 {
			return append([]byte{}, section...)
		}
		return nil
	}
	return nil
}

func hasPrefixFold(p []byte, upper string) bool {
	return len(p) >= len(upper) && bytes.EqualFold(p[:len(upper)], []byte(upper))
}

func hasSuffixFold(p []byte, upper string) bool {
	return len(p) >= len(upper) && bytes.EqualFold(p[len(p)-len(upper):], []byte(upper))
}

// answered takes what the success of a command says about what came before.
func (m *model) answered(s *seen, c *command) {
	if d, ok := s.Detail.(*Result); ok && d.Shared {
		return
	}
	if c.section != nil && c.single != 0 && c.other && !c.came {
		s.at(rules.ItemMissing, "BODY["+string(c.section)+"] was asked for and did not come")
	}
}
