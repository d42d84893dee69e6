package mailserver

import (
	"bufio"
	"bytes"
	"embed"
	"io/fs"
	"time"

	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-message/textproto"
)

//go:embed messages/*.eml messages/late/push.eml
var messageFiles embed.FS

// Message is a message to put in a store.
type Message struct {
	Octets []byte // RFC 5322, kept as it is
	Flags  []string
	Date   time.Time // INTERNALDATE
}

// messageFlags are the flags that the messages begin with; all others have none.
var messageFlags = map[string][]string{
	"01-plain.eml":       {`\Seen`},
	"02-alternative.eml": {`\Seen`, `\Answered`},
	"04-forwarded.eml":   {`\Seen`, "$Forwarded"},
	"07-dots.eml":        {`\Flagged`},
	"11-empty.eml":       {`\Seen`, "MonitorAlert"},
}

// DemoMessages gives the messages of the demo mailbox, in order. They differ in structure,
// encoding and charset; every address in them is made up.
func DemoMessages() []Message {
	entries, err := fs.ReadDir(messageFiles, "messages")
	if err != nil {
		panic(err) // embedded: cannot fail
	}
	var msgs []Message
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		octets, err := messageFiles.ReadFile("messages/" + e.Name())
		if err != nil {
			panic(err) // embedded: cannot fail
		}
		msgs = append(msgs, Message{Octets: octets, Flags: messageFlags[e.Name()], Date: dateOf(octets)})
	}
	return msgs
}

// LateMessage gives a message that is not in the mailbox yet: news for a session in IDLE.
func LateMessage() Message {
	octets, err := messageFiles.ReadFile("messages/late/push.eml")
	if err != nil {
		panic(err) // embedded: cannot fail
	}
	return Message{Octets: octets, Date: dateOf(octets)}
}

// dateOf gives the Date of a message, or zero.
func dateOf(octets []byte) time.Time {
	h := mailHeader(octets)
	t, _ := h.Date()
	return t
}

// mailHeader reads a header; an unreadable one is empty.
func mailHeader(octets []byte) mail.Header {
	h, _ := textproto.ReadHeader(bufio.NewReader(bytes.NewReader(octets)))
	var m mail.Header
	m.Header.Header = h
	return m
}
