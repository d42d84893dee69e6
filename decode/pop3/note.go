package pop3

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/mailtrace/mailtrace/decode"
)

// about is what a note is about.
type about struct {
	kind decode.Kind
	name string // of the command
}

// notes explain events in a few words. The sign, the name and the latency of what ends a
// command are the printer's.
var notes = map[about]func(*decode.Event) string{
	{decode.Greeting, ""}: func(e *decode.Event) string {
		switch {
		case e.Name == "-ERR":
			return "greeting · the server refuses to serve"
		case hasTimestamp(e.Text):
			return "greeting · its timestamp allows APOP"
		}
		return "greeting · no timestamp, so no APOP"
	},
	{decode.StateChange, ""}: func(e *decode.Event) string {
		d, ok := e.Detail.(*Entered)
		switch {
		case !ok || e.State == decode.Transaction:
			return ""
		case e.State == decode.Update:
			return count(int64(d.Deleted), "message", "messages") + " to delete"
		case d.TLS:
			return "TLS"
		}
		return "in the clear"
	},
	{decode.Malformed, ""}: reason,
	{decode.Desync, ""}:    reason,

	{decode.CommandLine, "CAPA"}: func(e *decode.Event) string {
		if d, ok := e.Detail.(*Sent); ok && d.AskedAnew {
			return "asked anew (RFC 2595 §4)"
		}
		return "ask what the server can do"
	},
	{decode.CommandLine, "STLS"}: says("ask for TLS"),
	{decode.CommandLine, "PASS"}: redacted("password redacted"),
	{decode.CommandLine, "APOP"}: redacted("log in with a digest · redacted"),
	{decode.CommandLine, "AUTH"}: func(e *decode.Event) string {
		word, _, _ := bytes.Cut(argument(e), []byte(" "))
		switch {
		case len(word) == 0:
			return "ask which mechanisms there are"
		case len(bytes.Trim(word, "x")) == 0:
			return "argument redacted"
		case isRedacted(e):
			return join("log in with "+printable(word), "response redacted")
		}
		return "log in with " + printable(word)
	},
	{decode.CommandLine, "STAT"}: says("how many messages, how many octets"),
	{decode.CommandLine, "LIST"}: ofMessage("sizes, one message a line", "size of message "),
	{decode.CommandLine, "UIDL"}: ofMessage("ids that last across sessions", "lasting id of message "),
	{decode.CommandLine, "RETR"}: func(e *decode.Event) string {
		return "all of message " + printable(argument(e)) + `; POP3 keeps no \Seen`
	},
	{decode.CommandLine, "TOP"}: func(e *decode.Event) string {
		n, lines, _ := strings.Cut(printable(argument(e)), " ")
		return "header and " + lines + " lines of message " + n
	},
	{decode.CommandLine, "DELE"}: func(e *decode.Event) string {
		return "mark message " + printable(argument(e)) + "; QUIT deletes it"
	},
	{decode.CommandLine, "RSET"}: says("unmark what DELE marked"),
	{decode.CommandLine, "NOOP"}: says("keep the connection alive"),
	{decode.CommandLine, "UTF8"}: says("allow UTF-8 in replies and logins"),
	{decode.CommandLine, "LANG"}: ofMessage("ask which languages there are", "answer in "),
	{decode.CommandLine, "XTND"}: func(e *decode.Event) string {
		if word, _, _ := bytes.Cut(argument(e), []byte(" ")); bytes.EqualFold(word, []byte("XLIST")) {
			return "a header field of each message"
		}
		return ""
	},
	{decode.CommandLine, "LAST"}: says("highest message read; left POP3 long ago"),
	{decode.CommandLine, "QUIT"}: func(e *decode.Event) string {
		if e.State == decode.Transaction {
			return "deletions, if any, happen now"
		}
		return ""
	},

	{decode.ContinuationRequest, ""}: func(e *decode.Event) string {
		if len(bytes.TrimLeft(e.Text, "+ ")) == 0 {
			return "go ahead"
		}
		return "challenge"
	},
	{decode.Continuation, ""}: func(e *decode.Event) string {
		if string(e.Text) == "*" {
			return "cancel the exchange"
		}
		return redacted("response redacted")(e)
	},

	{decode.Completion, "STLS"}: says("TLS from here on"),
	{decode.Completion, "PASS"}: says("maildrop locked for us"),
	{decode.Completion, "APOP"}: says("maildrop locked for us"),
	{decode.Completion, "AUTH"}: func(e *decode.Event) string {
		if d, ok := e.Detail.(*Reply); ok && d.Follows != "" {
			return "" // the list of mechanisms follows
		}
		return "maildrop locked for us"
	},
	{decode.Completion, "RETR"}: says(`body follows, up to a lone "."`),
	{decode.Completion, "TOP"}:  says(`header follows, up to a lone "."`),
	{decode.Completion, "STAT"}: func(e *decode.Event) string {
		var n, octets int64
		if _, err := fmt.Sscanf(string(e.Text), "+OK %d %d", &n, &octets); err != nil {
			return ""
		}
		return messages(n, octets)
	},

	{decode.Completion, "LIST"}: func(e *decode.Event) string {
		d, ok := e.Detail.(*Reply)
		if !ok || d.Octets == nil {
			return ""
		}
		return count(*d.Octets, "octet", "octets")
	},
	{decode.Completion, "UIDL"}: func(e *decode.Event) string {
		d, ok := e.Detail.(*Reply)
		if !ok || d.ID == "" {
			return ""
		}
		return "its lasting id"
	},

	{decode.Multiline, "CAPA"}: func(e *decode.Event) string {
		d, ok := e.Detail.(*Listing)
		switch {
		case !ok:
			return ""
		case len(d.Gone) > 0:
			return strings.Join(d.Gone[:min(len(d.Gone), 3)], ", ") + " gone, " + strconv.Itoa(d.Lines) + " left"
		case d.Before > 0 && d.New > 0:
			return join(count(int64(d.Lines), "capability", "capabilities"), strconv.Itoa(d.New)+" new")
		}
		return count(int64(d.Lines), "capability", "capabilities")
	},
	{decode.Multiline, "LIST"}: func(e *decode.Event) string {
		d, ok := e.Detail.(*Listing)
		if !ok {
			return ""
		}
		return messages(int64(d.Lines), d.Octets)
	},
	{decode.Multiline, "UIDL"}: func(e *decode.Event) string {
		d, ok := e.Detail.(*Listing)
		if !ok {
			return ""
		}
		n := count(int64(d.Lines), "lasting id", "lasting ids")
		switch {
		case d.Repeated > 0:
			return n + ", " + thousands(int64(d.Repeated)) + " repeated"
		case d.Repeated == 0 && d.Lines > 1:
			return n + ", all distinct"
		}
		return n
	},
	{decode.Multiline, "AUTH"}: lines("mechanism", "mechanisms"),
	{decode.Multiline, "LANG"}: lines("language", "languages"),
	{decode.Multiline, "XTND"}: lines("line", "lines"),
	{decode.Multiline, "RETR"}: bodyNote,
	{decode.Multiline, "TOP"}:  bodyNote,
}

// Note explains one event in a few words, "" where there is nothing to say.
func Note(e *decode.Event) string {
	name := e.Name
	if e.Command != nil {
		name = e.Command.Name
	}
	f := notes[about{e.Kind, name}]
	if f == nil {
		f = notes[about{kind: e.Kind}]
	}
	note := ""
	if f != nil {
		note = f(e)
	}
	if e.Kind == decode.CommandLine && isRedacted(e) {
		switch name {
		case "PASS", "APOP", "AUTH":
		default:
			return "argument redacted"
		}
	}
	if e.Kind == decode.Completion && e.Name == "-ERR" {
		return refusal(e.Text)
	}
	if e.Kind == decode.Multiline && incomplete(e) {
		return join(note, "cut off before the end")
	}
	return note
}

func incomplete(e *decode.Event) bool {
	switch d := e.Detail.(type) {
	case *Listing:
		return !d.Complete
	case *Body:
		return !d.Complete
	}
	return false
}

func says(s string) func(*decode.Event) string { return func(*decode.Event) string { return s } }

func redacted(s string) func(*decode.Event) string {
	return func(e *decode.Event) string {
		if isRedacted(e) {
			return s
		}
		return ""
	}
}

func isRedacted(e *decode.Event) bool {
	d, ok := e.Detail.(*Sent)
	return ok && d.Redacted
}

func ofMessage(all, one string) func(*decode.Event) string {
	return func(e *decode.Event) string {
		if arg := argument(e); len(arg) > 0 {
			return one + printable(arg)
		}
		return all
	}
}

func lines(one, many string) func(*decode.Event) string {
	return func(e *decode.Event) string {
		d, ok := e.Detail.(*Listing)
		if !ok {
			return ""
		}
		return count(int64(d.Lines), one, many)
	}
}

func bodyNote(e *decode.Event) string {
	d, ok := e.Detail.(*Body)
	if !ok {
		return ""
	}
	n := count(d.Octets, "octet", "octets")
	switch {
	case d.Listed == nil || !d.Complete:
		return n
	case *d.Listed == d.Octets:
		return n + ", as LIST said"
	}
	return n + "; LIST said " + thousands(*d.Listed)
}

func reason(e *decode.Event) string {
	if f, ok := e.Detail.(decode.Fields); ok {
		return f.Get("reason")
	}
	return ""
}

// refusal explains an extended response code (RFC 2449 §8).
func refusal(text []byte) string {
	_, code, _ := bytes.Cut(text, []byte("["))
	code, _, ok := bytes.Cut(code, []byte("]"))
	if !ok {
		return ""
	}
	switch strings.ToUpper(string(code)) {
	case "IN-USE":
		return "another session holds the maildrop"
	case "LOGIN-DELAY":
		return "too soon after the last login"
	case "AUTH":
		return "wrong name or password"
	case "SYS/TEMP":
		return "trouble at the server, for now"
	case "SYS/PERM":
		return "trouble at the server that will last"
	case "UTF8":
		return "the maildrop needs UTF8 (RFC 6856 §5)"
	}
	return ""
}

// hasTimestamp tells whether a greeting has what APOP needs (RFC 1939 §7).
func hasTimestamp(text []byte) bool {
	_, rest, ok := bytes.Cut(text, []byte("<"))
	return ok && bytes.IndexByte(rest, '>') > 0
}

// argument is what stands behind a command's keyword.
func argument(e *decode.Event) []byte {
	_, args, _ := bytes.Cut(e.Text, []byte(" "))
	return bytes.Trim(args, " ")
}

// printable shortens an argument for a note, where it is plain ASCII; else "?".
func printable(p []byte) string {
	const most = 24
	for _, c := range p {
		if c < ' ' || c >= 0x7f {
			return "?"
		}
	}
	if len(p) > most {
		return string(p[:most]) + "…"
	}
	return string(p)
}

func messages(n, octets int64) string {
	return count(n, "message", "messages") + ", " + count(octets, "octet", "octets")
}

// count writes "1 message", "1,204 messages".
func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func join(parts ...string) string { return strings.Join(parts, " · ") }
