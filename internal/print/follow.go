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

// several says where a command has several lines as a successful reply.
type several struct {
	follow follow
	bare   bool   // only where the command has no argument
	word   string // only where its first argument is this one
}

// multiline are the commands whose successful replies have several lines.
var multiline = map[string]several{
	"CAPA": {follow: listing},                // RFC 2449 §5
	"LANG": {follow: listing, bare: true},    // RFC 6856 §3.2
	"LIST": {follow: listing, bare: true},    // RFC 1939 §5
	"UIDL": {follow: listing, bare: true},    // RFC 1939 §7
	"AUTH": {follow: listing, bare: true},    // QUIRK: many servers list their mechanisms
	"XTND": {follow: listing, word: "XLIST"}, // QUIRK: older servers list a header field of all messages
	"RETR": {follow: body},                   // RFC 1939 §5
	"TOP":  {follow: body},                   // RFC 1939 §7
}

// always tells whether that does not depend on the command's arguments.
func (m several) always() bool { return !m.bare && m.word == "" }

// followOf tells from a command line what will follow a success. A wrong guess costs
// looks only: what is held is let go by whatever comes next.
func followOf(e *decode.Event) follow {
	if e.Protocol != "pop3" {
		return nothing
	}
	m := multiline[e.Name]
	_, args, _ := bytes.Cut(bytes.TrimRight(e.Text, " "), []byte(" "))
	word, _, _ := bytes.Cut(bytes.TrimLeft(args, " "), []byte(" "))
	if m.bare && len(word) > 0 || m.word != "" && !bytes.EqualFold(word, []byte(m.word)) {
		return nothing
	}
	return m.follow
}

// followOfAnswer tells it from a status line, for a command that is not remembered.
func followOfAnswer(e *decode.Event) follow {
	if e.Protocol != "pop3" || e.Command == nil || !multiline[e.Command.Name].always() {
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
