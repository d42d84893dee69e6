package replay

import (
	"slices"
	"strings"
)

// command is a step of a script as a report counts it: a greeting, a directive, or a C: line
// with what belongs to it.
type command struct {
	conn     string
	protocol Protocol
	pos      Pos
	text     string   // the C: line; "greeting", "@login"
	words    []string // of the C: line, the tag left out, the first in capitals
	tag      string   // IMAP
	said     []*Line  // C: lines
	heard    []*Line  // S: lines
	end      Pos      // of the line that completes it; none where the script has no such line
	over     bool
}

// commands divides a script into its steps, in file order.
func commands(s *Script) []*command {
	d := divider{conns: map[string]*divided{}}
	for _, it := range s.Steps() {
		switch it := it.(type) {
		case *Directive:
			if it.Verb == Login || it.Verb == StartTLS {
				d.all = append(d.all, &command{conn: it.Conn, pos: it.Pos, end: it.Pos, text: "@" + string(it.Verb), over: true})
				d.conn(it.Conn).greeted = true
			}
		case *Line:
			d.line(it)
		}
	}
	for _, c := range d.conns { // lines that no completion followed belong to what is open
		if len(c.loose) > 0 && len(c.open) > 0 {
			o := c.open[len(c.open)-1]
			o.heard = append(o.heard, c.loose...)
			o.end = c.loose[len(c.loose)-1].Pos
		}
	}
	return d.all
}

type divider struct {
	all   []*command
	conns map[string]*divided
}

// divided is what one connection has open.
type divided struct {
	greeted bool
	open    []*command
	last    *command // POP3: whose body may follow
	loose   []*Line  // IMAP: untagged, before a completion tells whose they are
}

func (d *divider) conn(name string) *divided {
	c := d.conns[name]
	if c == nil {
		c = &divided{}
		d.conns[name] = c
	}
	return c
}

func (d *divider) line(l *Line) {
	c := d.conn(l.Conn)
	w := words(l.Pattern)
	if l.Side == ClientSide {
		if n := len(c.open); n > 0 && goesOn(c.open[n-1], l, w) {
			c.open[n-1].said = append(c.open[n-1].said, l)
			return
		}
		cmd := &command{conn: l.Conn, protocol: l.Protocol, pos: l.Pos, text: l.Pattern.String(), said: []*Line{l}}
		if l.Protocol == IMAP && len(w) > 0 {
			cmd.tag, w = w[0], w[1:]
		}
		cmd.words = slices.Clone(w)
		if len(w) > 0 {
			cmd.words[0] = strings.ToUpper(w[0])
		}
		c.greeted = true
		c.open = append(c.open, cmd)
		d.all = append(d.all, cmd)
		return
	}
	if !c.greeted && len(c.open) == 0 {
		c.greeted = true
		c.last = &command{conn: l.Conn, protocol: l.Protocol, pos: l.Pos, text: "greeting", heard: []*Line{l}, end: l.Pos, over: true}
		d.all = append(d.all, c.last)
		return
	}
	if l.Protocol == POP3 {
		c.statusLine(l, w)
	} else {
		c.response(l, w)
	}
}

// goesOn tells whether a C: line belongs to the command before it: a part of a literal, a
// SASL response, DONE.
func goesOn(c *command, l *Line, w []string) bool {
	if c.over {
		return false
	}
	before := c.said[len(c.said)-1]
	if l.Protocol == IMAP && lastCounted(elemsOf(before.Pattern)) != nil {
		return true
	}
	if len(c.words) == 0 {
		return false
	}
	switch c.words[0] {
	case "AUTHENTICATE", "AUTH":
		return len(w) <= 1
	case "IDLE":
		return len(w) == 1 && strings.EqualFold(w[0], "DONE")
	}
	return false
}

// response gives an IMAP line to its command: the one that the next completion names.
func (c *divided) response(l *Line, w []string) {
	if len(c.open) == 0 {
		if c.last != nil {
			c.last.heard = append(c.last.heard, l)
		}
		return
	}
	if len(w) > 0 && w[0] != "*" && w[0] != "+" {
		for i, o := range c.open {
			if o.tag == w[0] {
				o.heard = append(append(o.heard, c.loose...), l)
				o.end, o.over = l.Pos, true
				c.open, c.loose, c.last = slices.Delete(c.open, i, i+1), nil, o
				return
			}
		}
	}
	c.loose = append(c.loose, l)
}

// statusLine gives a POP3 line to its command: they are answered in their order.
func (c *divided) statusLine(l *Line, w []string) {
	first := firstWord(l)
	switch {
	case c.last != nil && !c.last.over || len(c.open) == 0 && c.last != nil: // a body
		c.last.heard = append(c.last.heard, l)
		if text, ok := plain(l.Pattern); ok && text == "." {
			c.last.over = true
		}
	case first == "+" && len(c.open) > 0:
		c.open[0].heard = append(c.open[0].heard, l)
	case (first == "+OK" || first == "-ERR") && len(c.open) > 0:
		o := c.open[0]
		c.open = c.open[1:]
		o.heard = append(o.heard, l)
		o.end = l.Pos
		o.over = first == "-ERR" || !multiLine(strings.Join(o.words, " "))
		c.last = o
	case c.last != nil:
		c.last.heard = append(c.last.heard, l)
	}
}

// verb gives the name of the command; "" where it is none.
func (c *command) verb() string {
	if len(c.words) > 1 && c.words[0] == "UID" {
		return "UID " + strings.ToUpper(c.words[1])
	}
	if len(c.words) == 0 {
		return ""
	}
	return c.words[0]
}

// LogsIn tells whether the script needs credentials.
func (s *Script) LogsIn() bool {
	for _, it := range s.Steps() {
		switch it := it.(type) {
		case *Directive:
			if it.Verb == Login {
				return true
			}
		case *Line:
			for _, n := range it.Pattern {
				if v, ok := n.(*Value); ok && it.Side == ClientSide && secretNames[v.Name] {
					return true
				}
			}
		}
	}
	return false
}
