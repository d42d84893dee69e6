package pop3

import (
	"fmt"
	"strings"
)

// Sent is the Detail of a command or a SASL response of which there is something to tell
// that its text does not say.
type Sent struct {
	Redacted  bool `json:"redacted,omitempty"`   // a secret was filled
	AskedAnew bool `json:"asked_anew,omitempty"` // CAPA: it was asked before TLS, and had to be forgotten
}

var (
	sentRedacted  = &Sent{Redacted: true}
	sentAskedAnew = &Sent{AskedAnew: true}
)

// Entered is the Detail of a StateChange.
type Entered struct {
	TLS     bool `json:"tls,omitempty"`     // the connection is under TLS
	Deleted int  `json:"deleted,omitempty"` // UPDATE: messages that DELE marked
}

// Reply is the Detail of a status line behind which a multi-line response follows.
type Reply struct {
	Follows string `json:"follows"` // "listing" or "message"
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
