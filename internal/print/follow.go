package print

import (
	"bytes"

	"github.com/mailtrace/mailtrace/decode"
)

// follow is what comes behind a status line.
type follow uint8

const (
	nothing follow = iota
	listing        // lines that are shown as one row with the status line
	body           // a message, which lies between the status line and a last row
)

// multiline are the commands whose successful replies have several lines.
var multiline = map[string]struct {
	follow follow
	bare   bool // only where the command has no argument
}{
	"CAPA": {listing, false}, // RFC 2449 §5
	"LANG": {listing, true},  // RFC 6856 §3.2
	"LIST": {listing, true},  // RFC 1939 §5
	"UIDL": {listing, true},  // RFC 1939 §7
	"AUTH": {listing, true},  // QUIRK: many servers list their mechanisms
	"RETR": {body, false},    // RFC 1939 §5
	"TOP":  {body, false},    // RFC 1939 §7
}

// followOf tells from a command line what will follow a success. A wrong guess costs
// looks only: what is held is let go by whatever comes next.
func followOf(e *decode.Event) follow {
	if e.Protocol != "pop3" {
		return nothing
	}
	m := multiline[e.Name]
	if m.bare && bytes.IndexByte(bytes.TrimRight(e.Text, " "), ' ') >= 0 {
		return nothing
	}
	return m.follow
}

// followOfAnswer tells it from a status line, for a command that is not remembered.
func followOfAnswer(e *decode.Event) follow {
	if e.Protocol != "pop3" || e.Command == nil || multiline[e.Command.Name].bare {
		return nothing
	}
	return multiline[e.Command.Name].follow
}

// rows is a Detail that lists the lines of a reply: the first and the last of total.
type rows interface {
	Rows() (first, last [][]byte, total int)
}

// remarks is a Detail with sentences on what lies inside a reply.
type remarks interface {
	Remarks() []string
}
