package query

import (
	"io"
	"math"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/mailtrace/mailtrace/decode/mime"
)

// Message is what is known of a message. What is not known has its zero value, but for Octets.
type Message struct {
	UID      uint32
	Highest  uint32 // UID in its mailbox: what "*" is
	Octets   int64  // negative: not known
	Flags    []string
	HasFlags bool // Flags are known
	Arrived  time.Time
	Header   []Field // nil: not known
	// Body gives the texts of the message, decoded and in UTF-8, one after another as long as yield says
	// so; nil: not known. It is called only where a header does not tell.
	Body func(yield func(io.Reader) bool) error
	// Now is what newer and older count from.
	Now time.Time
}

// Field is a field of a header, its value as it stands there, unfolded or not.
type Field struct{ Name, Value string }

// Holds says what a source of messages knows of each of them. A header and its size all know.
type Holds struct{ Flags, Arrived, UID, Body bool }

// Unanswered names the keys of the query that what is held cannot answer: Match takes what they say for
// unknown. all tells that there is no other key, so that Match finds every message.
func (q *Query) Unanswered(h Holds) (keys []string, all bool) {
	all = true
	q.root.each(func(n *node) {
		known := true
		switch n.key.need {
		case needServer:
			known = false
		case needBody:
			known = h.Body
		case needFlags:
			known = h.Flags
		case needArrival:
			known = h.Arrived
		case needUID:
			known = h.UID
		}
		if all = all && !known; !known && !slices.Contains(keys, n.key.written()) {
			keys = append(keys, n.key.written())
		}
	})
	return keys, all
}

// Uses tells whether a key stands in the query; a word is text.
func (q *Query) Uses(name string) bool {
	found := false
	q.root.each(func(n *node) { found = found || n.key.Name == name })
	return found
}

// verdict is whether a message is what a node looks for.
type verdict int8

const (
	no verdict = iota
	unknown
	yes
)

func sure(found bool) verdict {
	if found {
		return yes
	}
	return no
}

// Match tells whether a message may be one of those looked for: false only where what is known of it says
// that it is not. A word is looked for in the header alone where the body is not known. As in SEARCH, it is found in the decoded values,
// whatever the case, and days have no zones (RFC 9051 §6.4.4).
func (q *Query) Match(m *Message) bool { return q.root.match(m) != no }

func (n *node) match(m *Message) verdict {
	switch n.op {
	case opAnd:
		v := yes
		for _, k := range n.kids {
			v = min(v, k.match(m))
		}
		return v
	case opOr:
		v := no
		for _, k := range n.kids {
			v = max(v, k.match(m))
		}
		return v
	case opNot:
		return yes - n.kids[0].match(m)
	}
	return n.answer(m)
}

// answer is the verdict of one key.
func (n *node) answer(m *Message) verdict {
	switch n.key.need {
	case needNothing:
		return yes
	case needHeader:
		if m.Header == nil {
			return unknown
		}
		return sure(n.inHeader(m))
	case needBody:
		return n.inBody(m)
	case needText:
		switch {
		case m.Header == nil:
			return unknown
		case n.inHeader(m):
			return yes
		case m.Body == nil:
			return no
		}
		return n.inBody(m)
	case needSize:
		if m.Octets < 0 {
			return unknown
		}
		return sure(n.key.Name == "larger" && m.Octets > n.n || n.key.Name == "smaller" && m.Octets < n.n)
	case needFlags:
		if !m.HasFlags {
			return unknown
		}
		return sure(n.flagged(m.Flags))
	case needArrival:
		if m.Arrived.IsZero() {
			return unknown
		}
		if n.key.kind == span {
			// Both include the moment itself (RFC 5032 §2).
			age := int64(m.Now.Sub(m.Arrived) / time.Second)
			return sure(n.key.Name == "older" && age >= n.n || n.key.Name == "newer" && age <= n.n)
		}
		return sure(n.onDay(m.Arrived))
	case needUID:
		if m.UID == 0 {
			return unknown
		}
		last := m.Highest
		if last == 0 {
			last = math.MaxUint32
		}
		return sure(n.set.Contains(m.UID, last))
	}
	return unknown
}

// inHeader tells whether the header has what the key looks for.
func (n *node) inHeader(m *Message) bool {
	switch n.key.kind {
	case day:
		for _, f := range m.Header {
			if strings.EqualFold(f.Name, "Date") {
				t, err := mail.ParseDate(strings.TrimSpace(f.Value))
				return err == nil && n.onDay(t)
			}
		}
		return false
	case attachment:
		return inField(m.Header, "Content-Type", "multipart/mixed")
	case header:
		return inField(m.Header, n.field, n.value)
	}
	if n.key.need == needText {
		return inField(m.Header, "", n.value)
	}
	return inField(m.Header, n.key.Name, n.value)
}

// inField looks for text in the fields of a name, in all where name is empty.
func inField(fields []Field, name, text string) bool {
	text = strings.ToLower(text)
	for _, f := range fields {
		if name != "" && !strings.EqualFold(f.Name, name) {
			continue
		}
		value := strings.NewReplacer("\r\n", "", "\n", "").Replace(f.Value)
		if strings.Contains(strings.ToLower(mime.Display(strings.TrimSpace(value))), text) {
			return true
		}
	}
	return false
}

// onDay compares days, whatever the time and zone (RFC 9051 §6.4.4).
func (n *node) onDay(t time.Time) bool {
	d := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	switch strings.TrimPrefix(n.key.Name, "sent-") {
	case "since":
		return !d.Before(n.day)
	case "before":
		return d.Before(n.day)
	}
	return d.Equal(n.day)
}

// flagged tells whether flags meet the key.
func (n *node) flagged(flags []string) bool {
	has := func(flag string) bool {
		return slices.ContainsFunc(flags, func(f string) bool { return strings.EqualFold(f, flag) })
	}
	if n.key.kind == keyword {
		return has(n.value)
	}
	if flag, negated := strings.CutPrefix(n.key.Name, "un"); negated {
		return !has(`\` + flag)
	}
	return has(`\` + n.key.Name)
}

// Arrival is when a message arrived, as far as its header tells: at the last server that says so in a
// Received field, else when it was sent; zero where neither can be read.
func Arrival(fields []Field) time.Time {
	for _, f := range fields { // each server puts its own before those that are there (RFC 5322 §3.6)
		if strings.EqualFold(f.Name, "Received") {
			if i := strings.LastIndexByte(f.Value, ';'); i >= 0 {
				if t, err := mail.ParseDate(strings.TrimSpace(f.Value[i+1:])); err == nil {
					return t
				}
			}
		}
	}
	for _, f := range fields {
		if strings.EqualFold(f.Name, "Date") {
			if t, err := mail.ParseDate(strings.TrimSpace(f.Value)); err == nil {
				return t
			}
		}
	}
	return time.Time{}
}
