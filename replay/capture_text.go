package replay

import (
	"bytes"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// announcement is the end of a line that a literal follows (RFC 9051 §4.3, RFC 7888 §4).
var announcement = regexp.MustCompile(`(~?)\{[0-9]+(\+?)\}$`)

func announces(text []byte) bool { return announcement.Match(text) }

// writable tells whether a line can stand in a script as text.
func writable(text []byte) bool {
	if !utf8.Valid(text) {
		return false
	}
	for _, c := range text {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// blocksOf writes octets as the lines of a block.
func blocksOf(p []byte) []Block {
	if len(p) == 0 {
		return []Block{{Exact: true}}
	}
	var blocks []Block
	for line := range bytes.Lines(p) {
		if text, ok := bytes.CutSuffix(line, []byte("\r\n")); ok && writable(text) {
			blocks = append(blocks, Block{Text: string(text)})
		} else {
			blocks = append(blocks, Block{Exact: true, Text: string(line)})
		}
	}
	return blocks
}

// mailboxOf gives the last mailbox name of a command, without its quotes: what SELECT,
// APPEND, COPY and MOVE name.
func mailboxOf(line []byte) string {
	w := strings.Fields(string(line))
	if len(w) < 3 {
		return ""
	}
	i := 2
	for j, x := range w[:min(len(w), 3)] {
		if strings.EqualFold(x, "COPY") || strings.EqualFold(x, "MOVE") {
			i = j + 2
		}
	}
	if i >= len(w) {
		return ""
	}
	return strings.Trim(w[i], `"`)
}

// exacts are the commands of whose data nothing may come that is not listed, and that data.
var exacts = map[string]bool{
	"FETCH": true, "UID FETCH": true, "LIST": true, "LSUB": true, "SEARCH": true, "UID SEARCH": true, "ESEARCH": true,
}

// pause tells how long a connection stood still before a line where it was the other side's turn;
// 0 where that is not to be kept.
func (c *capturer) pause(stood map[*recorded]*entry, x *entry) time.Duration {
	const least = 10 * time.Millisecond
	if !c.o.Pace || x.at.IsZero() {
		return 0
	}
	before := stood[x.conn]
	stood[x.conn] = x
	if before == nil || before.side == x.side && x.side == ServerSide {
		return 0
	}
	if d := x.at.Sub(before.at).Round(time.Millisecond); d >= least {
		return d
	}
	return 0
}

// script puts the entries together.
func (c *capturer) script() *Script {
	s := &Script{}
	last := ""
	group := false
	bound := map[string]bool{}      // variables that stand above, whose sample is known
	stood := map[*recorded]*entry{} // the line before, by connection
	end := func() {
		if group {
			s.Items = append(s.Items, &Directive{Verb: End})
			group = false
		}
	}
	for _, x := range c.entries {
		if x.dropped {
			continue
		}
		if !x.exact {
			end()
		}
		if d := c.pause(stood, x); d > 0 && !group {
			s.Items = append(s.Items, &Directive{Verb: Pause, Conn: x.conn.name, Named: x.conn.name != last, Time: d})
		}
		switch {
		case x.comment != "":
			s.Items = append(s.Items, &Comment{Text: x.comment})
		case x.verb == Connect:
			s.Items = append(s.Items, &Directive{Verb: Connect, Conn: x.conn.name, Protocol: x.conn.protocol})
			last = x.conn.name
		case x.verb == Sync:
			s.Items = append(s.Items, &Directive{Verb: Sync})
		case x.verb != "":
			s.Items = append(s.Items, &Directive{Verb: x.verb, Conn: x.conn.name, Named: x.conn.name != last, Time: x.wait})
		default:
			if x.exact && !group {
				s.Items = append(s.Items, &Directive{Verb: Exact})
				group = true
			}
			p := x.made
			if p == nil {
				for _, part := range x.pieces {
					if part.literal != nil {
						p = append(p, part.literal)
					} else if part.text != "" {
						p = append(p, Text(part.text))
					}
				}
			}
			for i := range p {
				if v, ok := p[i].(*Value); ok && v.Kind == Variable {
					if bound[v.Name] {
						p[i] = &Value{Name: v.Name}
					}
					bound[v.Name] = true
				}
			}
			s.Items = append(s.Items, &Line{Conn: x.conn.name, Named: x.conn.name != last, Protocol: x.conn.protocol, Side: x.side, Pattern: p, Blocks: x.blocks})
		}
	}
	end()
	return s
}
