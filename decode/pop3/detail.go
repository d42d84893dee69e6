package pop3

import (
	"bytes"
	"fmt"
	"strings"
)

// Sent is the Detail of a command or a SASL response of which there is something to tell.
type Sent struct {
	Redacted  bool   `json:"redacted,omitempty"`   // a secret was filled
	AskedAnew bool   `json:"asked_anew,omitempty"` // CAPA: it was asked before TLS, and had to be forgotten
	Message   int    `json:"message,omitempty"`    // message number
	Lines     *int   `json:"lines,omitempty"`      // TOP: lines of the body that are asked for
	Mechanism string `json:"mechanism,omitempty"`  // AUTH, in upper case
	User      string `json:"user,omitempty"`       // USER
	Language  string `json:"language,omitempty"`   // LANG
}

var (
	sentRedacted  = &Sent{Redacted: true}
	sentAskedAnew = &Sent{AskedAnew: true}
)

// sent gives the Detail of a command without secrets, nil where it has no arguments.
func sent(c *clientLine, p *pending, text []byte) any {
	args := bytes.Trim(text[min(c.args, len(text)):], " ")
	if len(args) == 0 || c.secret() {
		return nil
	}
	switch c.code & codeName {
	case codeList, codeUidl, codeRetr, codeDele:
		return &Sent{Message: c.number}
	case codeTop:
		d := &Sent{Message: c.number}
		if p.lines >= 0 {
			d.Lines = &p.lines
		}
		return d
	case codeAuth:
		return &Sent{Mechanism: upper(args)}
	case codeUser:
		return &Sent{User: string(args)}
	case codeLang:
		return &Sent{Language: string(args)}
	}
	return nil
}

// Greeted is the Detail of a greeting that has a timestamp or a response code.
type Greeted struct {
	Timestamp string `json:"timestamp,omitempty"` // what APOP needs, with its angle brackets
	Code      string `json:"code,omitempty"`      // extended response code
}

func greeted(text []byte) any {
	d := Greeted{timestamp(text), responseCode(text)}
	if d == (Greeted{}) {
		return nil
	}
	return &d
}

// Entered is the Detail of a StateChange.
type Entered struct {
	TLS     bool `json:"tls,omitempty"`     // the connection is under TLS
	Deleted int  `json:"deleted,omitempty"` // UPDATE: messages that DELE marked
}

// Reply is the Detail of a status line that says more than its status.
type Reply struct {
	Follows  string `json:"follows,omitempty"`  // "listing" or "message", where a multi-line response follows
	Code     string `json:"code,omitempty"`     // extended response code (RFC 2449 §8), in upper case
	Messages *int64 `json:"messages,omitempty"` // STAT
	Octets   *int64 `json:"octets,omitempty"`   // STAT; LIST with a number; RETR, where it says
	Message  int    `json:"message,omitempty"`  // LIST and UIDL with a number
	ID       string `json:"id,omitempty"`       // UIDL with a number
}

var (
	replyListing = &Reply{Follows: "listing"}
	replyMessage = &Reply{Follows: "message"}
)

// listed is how many of the first and the last lines of a listing are kept.
const listed = 8

// Listing is the Detail of the end of a multi-line response that is no message. Its lines
// are un-stuffed and belong to the Listing.
type Listing struct {
	Lines    int      `json:"lines"`
	First    [][]byte `json:"first,omitempty"`    // the first 8 lines
	Last     [][]byte `json:"last,omitempty"`     // the last 8 of those behind First
	Octets   int64    `json:"octets,omitempty"`   // LIST: the sum of the sizes
	Repeated int      `json:"repeated,omitempty"` // UIDL: ids that an earlier line has too, -1 where there were too many to tell
	Gone     []string `json:"gone,omitempty"`     // CAPA: capabilities of the list before that are not in this one
	New      int      `json:"new,omitempty"`      // CAPA: capabilities that were not in the list before
	Before   int      `json:"before,omitempty"`   // CAPA: how many the list before had, 0 where this is the first
	Complete bool     `json:"complete"`           // the terminator came
	Broken   bool     `json:"broken,omitempty"`   // and is not "." CRLF

	Capabilities []Capability `json:"capabilities,omitempty"` // CAPA, at most 256
	Mechanisms   []string     `json:"mechanisms,omitempty"`   // AUTH without argument, in upper case, at most 64
	Languages    []Language   `json:"languages,omitempty"`    // LANG without argument, at most 256
	Fields       []FieldOf    `json:"fields,omitempty"`       // XTND XLIST, at most 256
}

// Language is one line of a language listing (RFC 6856 §3.2).
type Language struct {
	Tag         string `json:"tag"`                   // RFC 5646, as sent
	Description string `json:"description,omitempty"` // in the language itself
}

// FieldOf is one line of what XTND XLIST lists: a header field of a message.
type FieldOf struct {
	Message int    `json:"message"` // message number
	Field   string `json:"field"`   // as sent: usually with its name
}

// Capability is one line of a CAPA reply (RFC 2449 §5).
type Capability struct {
	Name   string   `json:"name"` // in upper case
	Params []string `json:"params,omitempty"`
}

// Rows gives the lines that are kept, and how many there were.
func (l *Listing) Rows() (first, last [][]byte, total int) { return l.First, l.Last, l.Lines }

// Body is the Detail of the end of a multi-line response that is a message.
type Body struct {
	Message  int    `json:"message,omitempty"` // message number, 0 where it is not known
	Octets   int64  `json:"octets"`            // un-stuffed
	Wire     int64  `json:"wire"`              // as transferred, the terminator not counted
	Stuffed  int64  `json:"stuffed,omitempty"` // lines un-stuffed
	Dots     []Dot  `json:"dots,omitempty"`    // the first of them
	Listed   *int64 `json:"listed,omitempty"`  // what LIST said of its size, nil where that is not known
	Complete bool   `json:"complete"`          // the terminator came
	Broken   bool   `json:"broken,omitempty"`  // and is not CRLF "." CRLF
}

// dotsKept is how many un-stuffed lines are kept, and dotText how many octets of each.
const (
	dotsKept = 3
	dotText  = 24
)

// Dot is a line that was un-stuffed.
type Dot struct {
	Line int64  `json:"line"` // number of the line in the message, from 1
	Text string `json:"text"` // its beginning, as transferred
}

// Remarks says what was un-stuffed.
func (b *Body) Remarks() []string {
	if b.Stuffed == 0 {
		return nil
	}
	var s strings.Builder
	s.WriteString(count(b.Stuffed, "line", "lines") + " un-stuffed, one dot off:")
	for i, d := range b.Dots {
		if i > 0 {
			s.WriteByte(' ')
		}
		fmt.Fprintf(&s, " %d %q", d.Line, d.Text)
	}
	if int64(len(b.Dots)) < b.Stuffed {
		s.WriteString(" …")
	}
	return []string{s.String()}
}
