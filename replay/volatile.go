package replay

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/mailtrace/mailtrace/decode"
)

// scope is what decides which words of a line are volatile.
type scope struct {
	command string // canonical name of the command that the line is, or answers
	event   string // name of the response
	mailbox string // selected
	target  string // mailbox that the command names
	kind    decode.Kind
	side    Side
}

// volatile gives values that differ from run to run their names: the same UID of the same
// mailbox has the same name on all connections.
type volatile struct {
	names map[[3]string]string // kind, mailbox, value
	count map[string]int
}

func newVolatile() *volatile {
	return &volatile{names: map[[3]string]string{}, count: map[string]int{}}
}

// variable gives the value of a kind in a mailbox its variable, with the value as sample.
func (v *volatile) variable(kind, mailbox, value string) *Value {
	if strings.EqualFold(mailbox, "INBOX") {
		mailbox = "INBOX"
	}
	key := [3]string{kind, mailbox, value}
	name := v.names[key]
	if name == "" {
		v.count[kind]++
		name = fmt.Sprintf("%s%d", kind, v.count[kind])
		v.names[key] = name
	}
	return &Value{Name: name, Sample: value, Has: true}
}

func (v *volatile) known(kind, mailbox, value string) bool {
	if strings.EqualFold(mailbox, "INBOX") {
		mailbox = "INBOX"
	}
	return v.names[[3]string{kind, mailbox, value}] != ""
}

// hit is a word of a line that becomes a value.
type hit struct {
	from, to int
	nodes    []Node
}

var (
	codeWord   = regexp.MustCompile(`\[(UIDVALIDITY|UIDNEXT|HIGHESTMODSEQ) ([0-9]+)\]`)
	appendUID  = regexp.MustCompile(`\[APPENDUID ([0-9]+) ([0-9:,]+)\]`)
	copyUID    = regexp.MustCompile(`\[COPYUID ([0-9]+) ([0-9:,]+) ([0-9:,]+)\]`)
	statusWord = regexp.MustCompile(`[( ](UIDVALIDITY|UIDNEXT|HIGHESTMODSEQ) ([0-9]+)`)
	fetchUID   = regexp.MustCompile(`[( ]UID ([0-9]+)`)
	fetchMod   = regexp.MustCompile(`MODSEQ \(?([0-9]+)\)`)
	fetchDate  = regexp.MustCompile(`INTERNALDATE ("[^"]*")`)
	timings    = regexp.MustCompile(`\([0-9.]+ \+ [0-9.]+(?: \+ [0-9.]+)? secs\)`)
	searchSet  = regexp.MustCompile(`(?:SEARCH|ALL|MIN|MAX) ([0-9:, ]*[0-9])`)
	vanished   = regexp.MustCompile(`^\* VANISHED(?: \(EARLIER\))? ([0-9:,]+)$`)
	uidCommand = regexp.MustCompile(`(?i)^\S+ UID (?:FETCH|STORE|COPY|MOVE|EXPUNGE) ([0-9:,*]+)`)
	uidKey     = regexp.MustCompile(`(?i) UID ([0-9][0-9:,*]*)`)
	since      = regexp.MustCompile(`(?i)CHANGEDSINCE ([0-9]+)`)
	uidlLine   = regexp.MustCompile(`^[0-9]+ (\S+)$`)
	uidlStatus = regexp.MustCompile(`^\+OK [0-9]+ (\S+)$`)
	number     = regexp.MustCompile(`[0-9]+`)
	quotedText = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
)

// pattern makes the pattern of a whole line.
func (v *volatile) pattern(n *entry) Pattern {
	var p Pattern
	for _, part := range n.pieces {
		switch {
		case part.literal != nil:
			p = append(p, part.literal)
		case part.text != "":
			p = append(p, v.text(n, part.text)...)
		}
	}
	if p == nil {
		p = Pattern{}
	}
	return p
}

// text replaces the volatile words of a text.
func (v *volatile) text(n *entry, text string) Pattern {
	s := n.context
	masked := quotedText.ReplaceAllStringFunc(text, func(q string) string { return `"` + strings.Repeat("_", len(q)-2) + `"` })
	var hits []hit
	add := func(from, to int, nodes ...Node) {
		for _, h := range hits {
			if from < h.to && h.from < to {
				return
			}
		}
		hits = append(hits, hit{from, to, nodes})
	}
	box := s.mailbox
	if s.target != "" && (s.command == "SELECT" || s.command == "EXAMINE") {
		box = s.target
	}
	each := func(re *regexp.Regexp, do func(m []int)) {
		for _, m := range re.FindAllStringSubmatchIndex(masked, -1) {
			do(m)
		}
	}
	set := func(mailbox string, from, to int) {
		for _, m := range number.FindAllStringIndex(text[from:to], -1) {
			a, b := from+m[0], from+m[1]
			value := text[a:b]
			switch {
			case value == "1" && strings.HasPrefix(text[b:], ":*"):
			case s.side == ClientSide && !v.known("uid", mailbox, value) && !v.known("uidnext", mailbox, value):
				// The client has it from elsewhere: as a variable a server would take any, and
				// answer with another message.
			default:
				add(a, b, v.uid(mailbox, value))
			}
		}
	}
	switch {
	case n.conn.protocol == POP3:
		if s.side == ServerSide && s.command == "UIDL" {
			for _, re := range []*regexp.Regexp{uidlLine, uidlStatus} {
				each(re, func(m []int) { add(m[2], m[3], v.variable("uidl", "", text[m[2]:m[3]])) })
			}
		}
	case s.side == ClientSide:
		if s.kind != decode.CommandLine {
			break
		}
		each(uidCommand, func(m []int) { set(box, m[2], m[3]) })
		if strings.HasSuffix(s.command, "SEARCH") {
			each(uidKey, func(m []int) { set(box, m[2], m[3]) })
		}
		each(since, func(m []int) {
			if value := text[m[2]:m[3]]; v.known("modseq", box, value) {
				add(m[2], m[3], v.variable("modseq", box, value))
			}
		})
	default:
		v.response(s, text, box, each, set, add)
	}
	return interspersed(text, hits)
}

func (v *volatile) response(s scope, text, box string, each func(*regexp.Regexp, func([]int)), set func(string, int, int), add func(int, int, ...Node)) {
	words := map[string]string{"UIDVALIDITY": "uidvalidity", "UIDNEXT": "uidnext", "HIGHESTMODSEQ": "modseq"}
	anyOne := func(m []int) { add(m[2], m[3], &Value{Kind: AnyOne, Sample: text[m[2]:m[3]], Has: true}) }
	switch s.event {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		each(codeWord, func(m []int) { add(m[4], m[5], v.variable(words[text[m[2]:m[3]]], box, text[m[4]:m[5]])) })
		each(appendUID, func(m []int) {
			add(m[2], m[3], v.variable("uidvalidity", s.target, text[m[2]:m[3]]))
			set(s.target, m[4], m[5])
		})
		each(copyUID, func(m []int) {
			add(m[2], m[3], v.variable("uidvalidity", s.target, text[m[2]:m[3]]))
			set(box, m[4], m[5])
			set(s.target, m[6], m[7])
		})
		each(timings, func(m []int) { add(m[0], m[1], &Value{Kind: AnyOne, Sample: text[m[0]:m[1]], Has: true}) })
	case "STATUS":
		of := mailboxOf([]byte(text))
		each(statusWord, func(m []int) { add(m[4], m[5], v.variable(words[text[m[2]:m[3]]], of, text[m[4]:m[5]])) })
	case "FETCH":
		each(fetchUID, func(m []int) { set(box, m[2], m[3]) })
		each(fetchMod, anyOne)
		each(fetchDate, anyOne)
	case "SEARCH", "ESEARCH":
		if s.command == "UID SEARCH" {
			each(searchSet, func(m []int) { set(box, m[2], m[3]) })
		}
		each(fetchMod, anyOne)
	case "VANISHED":
		each(vanished, func(m []int) { set(box, m[2], m[3]) })
	}
}

// uid is the variable of a UID; one that no message had yet but UIDNEXT foretold is that.
func (v *volatile) uid(mailbox, value string) *Value {
	if !v.known("uid", mailbox, value) && v.known("uidnext", mailbox, value) {
		return v.variable("uidnext", mailbox, value)
	}
	return v.variable("uid", mailbox, value)
}

// interspersed puts the values into the text.
func interspersed(text string, hits []hit) Pattern {
	var p Pattern
	at := 0
	for {
		next := -1
		for i := range hits {
			if hits[i].from >= at && (next < 0 || hits[i].from < hits[next].from) {
				next = i
			}
		}
		if next < 0 {
			break
		}
		h := hits[next]
		if h.from > at {
			p = append(p, Text(text[at:h.from]))
		}
		p = append(p, h.nodes...)
		at = h.to
	}
	if at < len(text) {
		p = append(p, Text(text[at:]))
	}
	return p
}
