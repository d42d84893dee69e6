package replay

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// hearPOP3 awaits a run of S: lines: for each command a status line, and the body where
// the response has one (RFC 1939 §3).
func (p *player) hearPOP3(run []expected) error {
	for i := 0; i < len(run); {
		l := run[i].line
		timeout := max(p.opts.Timeout, run[i].wait)
		word := firstWord(l)
		if l.Forbidden || word != "+" && word != "+OK" && word != "-ERR" {
			return errorAt(l.Pos, "expected +OK, -ERR or + here: a body stands between +OK and the line .")
		}
		i++
		got, err := p.readLine(l.Pos, timeout)
		if err != nil {
			return p.broken(l, err)
		}
		if word == "+" {
			if err := p.challenged(l, got); err != nil {
				return err
			}
			p.reached++
			p.heard(l.Pos)
			continue
		}
		var body []expected
		command := ""
		if len(p.queue) > 0 {
			command, p.queue = p.queue[0], p.queue[1:]
		}
		if word == "+OK" {
			if body, err = bodyOf(l, run[i:], command); err != nil {
				return err
			}
			i += len(body)
		}
		if err := p.response(l, body, command, got, timeout); err != nil {
			return err
		}
		p.heard(l.Pos)
		p.reached += 1 + len(body)
	}
	p.reached = 0
	return nil
}

func firstWord(l *Line) string {
	word, _, _ := strings.Cut(l.Pattern.String(), " ")
	return word
}

// challenged takes the "+" of an AUTH (RFC 5034 §4).
func (p *player) challenged(l *Line, got string) error {
	if got != "+" && !strings.HasPrefix(got, "+ ") {
		p.differ(l, "no continuation request", got)
		if len(p.queue) > 0 {
			p.queue = p.queue[1:]
		}
		return fmt.Errorf("replay: %v: expected + to go on with AUTH, the server ended it", l.Pos)
	}
	p.challenge = strings.TrimSpace(got[1:])
	p.res.Same++
	return nil
}

// bodyOf gives the lines of the body beneath a status, its final "." too. A command whose response has a
// body needs one in the script; of an unknown command the script tells.
func bodyOf(status *Line, run []expected, command string) ([]expected, error) {
	known := multiLine(command)
	for i, e := range run {
		if text, ok := plain(e.line.Pattern); ok && text == "." && !e.line.Forbidden {
			return run[:i+1], nil
		}
		if w := firstWord(e.line); !known && (w == "+OK" || w == "-ERR" || w == "+") {
			return nil, nil
		}
	}
	if known {
		return nil, errorAt(status.Pos, "expected below it the body of %s, and S: . at its end", command)
	}
	return nil, nil
}

// multiLine tells whether a +OK to a command has a body (RFC 1939, RFC 2449 §5, RFC 5034
// §4 for the old AUTH, RFC 6856 §3).
func multiLine(command string) bool {
	w := strings.Fields(command)
	if len(w) == 0 {
		return false
	}
	switch w[0] {
	case "CAPA", "RETR", "TOP":
		return true
	case "LIST", "UIDL", "LANG", "AUTH":
		return len(w) == 1
	}
	return false
}

// response compares a status line and its body with what is expected.
func (p *player) response(l *Line, body []expected, command, got string, timeout time.Duration) error {
	ok := got == "+OK" || strings.HasPrefix(got, "+OK ")
	if !ok && got != "-ERR" && !strings.HasPrefix(got, "-ERR ") {
		p.differ(l, "no status indicator", got)
		return fmt.Errorf("replay: %v: expected +OK or -ERR, found %s", l.Pos, shown(p.hide(got)))
	}
	p.mech = nil
	m := newMatcher(p.vals, false)
	same := statusMatches(m, l, command, got)
	if same {
		m.commit()
		p.res.Same++
	} else {
		p.differ(l, "another status", got)
	}
	if ok && (len(body) > 0 || multiLine(command)) {
		held := int64(linesHeld)
		if onlyLiteral(body) != nil {
			held = largeAbove
		}
		lines, long, err := p.readBody(l.Pos, timeout, held)
		switch {
		case err != nil:
			return p.broken(l, err)
		case len(body) > 0 && (long != nil || onlyLiteral(body) != nil):
			p.longBody(body, lines, long)
		case len(body) > 0:
			p.body(body, command, lines)
		case same && long != nil:
			p.differ(l, "a body that is not listed", long.shown())
		case same:
			p.differ(l, "a body that is not listed", string(bytes.Join(lines, []byte("\n"))))
		}
	}
	return p.upgrade(l.Pos, p.upgradeTag(command), ok)
}

func (p *player) upgradeTag(command string) string {
	if command == "STLS" {
		return "+"
	}
	return ""
}

// statusMatches compares a status line. Its text counts where it is data: a response code,
// values, and the numbers that STAT, LIST n and UIDL n answer.
func statusMatches(m *matcher, l *Line, command, got string) bool {
	want := elemsOf(l.Pattern)
	w := words(l.Pattern)
	status, rest, _ := strings.Cut(got, " ")
	if w[0] != status {
		return false
	}
	want = want[len(w[0]):]
	for len(want) > 0 && want[0].is(' ') {
		want = want[1:]
	}
	data := slices.ContainsFunc(want, func(e elem) bool { return e.v != nil })
	switch verb, _, _ := strings.Cut(command, " "); verb {
	case "STAT", "LIST", "UIDL":
		data = data || status == "+OK" && !multiLine(command)
	}
	if data {
		return m.prefix(want, rest)
	}
	if len(want) == 0 || !want[0].is('[') {
		return true
	}
	end := codeEnd(want[1:])
	if end < 0 {
		return true
	}
	return m.prefix(want[:end+2], rest)
}

// prefix matches the words of a pattern with the first words of a text; a value is one word
// or a part of one.
func (m *matcher) prefix(want []elem, got string) bool {
	for len(want) > 0 {
		n := slices.IndexFunc(want, func(e elem) bool { return e.is(' ') })
		word := want
		if n >= 0 {
			word, want = want[:n], want[n+1:]
		} else {
			want = nil
		}
		if len(word) == 0 {
			continue
		}
		text, rest, _ := strings.Cut(got, " ")
		if text == "" || !m.inner(word, text, true) {
			return false
		}
		got = rest
	}
	return true
}

// body compares the lines of a body as they are on the wire.
func (p *player) body(body []expected, command string, got [][]byte) {
	end := body[len(body)-1].line
	want, forbidden, rest, err := wireLines(body[:len(body)-1])
	if err != nil {
		p.differ(end, err.Error(), "")
		return
	}
	for _, f := range forbidden {
		for _, line := range got {
			m := newMatcher(p.vals, false)
			if m.inner(f.elems, string(line), true) {
				p.differ(f.line, "came, and must not", string(line))
			}
		}
	}
	if len(want) == 1 && want[0].lit != nil {
		if err := p.save([]save{{want[0].lit, &Literal{Octets: unstuff(got)}}}); err != nil {
			p.differ(want[0].line, err.Error(), "")
			return
		}
		p.res.Same += len(body)
		return
	}
	same := len(p.res.Differences)
	if command == "CAPA" {
		p.capabilities(want, got, rest)
	} else {
		p.lines(want, got, rest)
	}
	if len(p.res.Differences) == same {
		p.res.Same += len(body)
		return
	}
	p.res.Differences[same].body = &lines{body[:len(body)-1], got}
}

// wireLine is a line of a body on the wire, or a {>file} for all of it.
type wireLine struct {
	line  *Line
	elems []elem
	lit   *Literal
}

// wireLines gives the lines that a body consists of, those that must not be in it, and
// whether others may follow.
func wireLines(body []expected) (want, forbidden []wireLine, rest bool, err error) {
	for _, e := range body {
		l := e.line
		if rest && !l.Forbidden {
			return nil, nil, false, fmt.Errorf("expected S: . behind ${...}, which stands for the rest")
		}
		if len(l.Pattern) == 1 {
			switch n := l.Pattern[0].(type) {
			case *Value:
				if n.Kind == Rest {
					rest = true
					continue
				}
			case *Literal:
				if n.Kind == ToFile {
					want = append(want, wireLine{line: l, lit: n})
					continue
				}
				if n.Kind != Counted {
					octets, err := n.all()
					if err != nil {
						return nil, nil, false, err
					}
					for _, text := range splitWire(Stuff(octets)) {
						want = append(want, wireLine{line: l, elems: octetElems(string(text))})
					}
					continue
				}
			}
		}
		w := wireLine{line: l}
		for _, n := range l.Pattern {
			if lit, ok := n.(*Literal); ok { // {n} is text here
				w.elems = append(w.elems, octetElems(lit.String())...)
				continue
			}
			w.elems = append(w.elems, elemsOf(Pattern{n})...)
		}
		if l.Forbidden {
			forbidden = append(forbidden, w)
		} else {
			want = append(want, w)
		}
	}
	if len(want) > 1 && slices.ContainsFunc(want, func(w wireLine) bool { return w.lit != nil }) {
		return nil, nil, false, fmt.Errorf("expected {>file} as the only line of a body")
	}
	return want, forbidden, rest, nil
}

// splitWire cuts octets into lines as wire.line does.
func splitWire(octets []byte) [][]byte {
	var lines [][]byte
	for len(octets) > 0 {
		line, rest, _ := bytes.Cut(octets, []byte("\n"))
		lines = append(lines, bytes.TrimSuffix(line, []byte("\r")))
		octets = rest
	}
	return lines
}

// unstuff gives the octets of a body (RFC 1939 §3).
func unstuff(lines [][]byte) []byte {
	var out []byte
	for _, l := range lines {
		out = append(append(out, bytes.TrimPrefix(l, []byte("."))...), "\r\n"...)
	}
	return out
}

// lines compares line by line; the first difference tells.
func (p *player) lines(want []wireLine, got [][]byte, rest bool) {
	for i, w := range want {
		if i == len(got) {
			p.differ(w.line, fmt.Sprintf("the body ends before its line %d", i+1), "")
			return
		}
		m := newMatcher(p.vals, false)
		if !m.inner(w.elems, string(got[i]), false) {
			p.differ(w.line, fmt.Sprintf("line %d of the body", i+1), string(got[i]))
			return
		}
		m.commit()
	}
	if len(got) > len(want) && !rest {
		if len(want) > 0 {
			p.differ(want[len(want)-1].line, fmt.Sprintf("the body goes on with line %d", len(want)+1), string(got[len(want)]))
			return
		}
		p.unlisted(p.conn.Pos, "a body where none is expected", string(got[0]))
	}
}

// capabilities compares a body as a set of lines.
func (p *player) capabilities(want []wireLine, got [][]byte, rest bool) {
	free := make([]bool, len(got))
	for _, w := range want {
		found := false
		for i, line := range got {
			m := newMatcher(p.vals, false)
			if !free[i] && m.inner(w.elems, string(line), true) {
				m.commit()
				free[i], found = true, true
				break
			}
		}
		if !found {
			p.differ(w.line, "not among the capabilities", "")
		}
	}
	for i, line := range got {
		if !free[i] && !rest && len(want) > 0 {
			p.unlisted(want[0].line.Pos, "a capability that is not listed; ${...} allows it", string(line))
		}
	}
}

// readLine reads a line, and logs it.
func (p *player) readLine(at Pos, timeout time.Duration) (string, error) {
	line, err := p.wire.line(timeout)
	if err != nil {
		return "", err
	}
	if !p.greeted {
		p.stamp = stampOf(string(line))
	}
	p.greeted = true
	p.log(at, "S: "+string(line))
	return string(line), nil
}
