package imap

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/decode/imap/meaning"
)

// note explains one event in a few words. What ends a command gets its mark, name and
// latency from the printer; here stands the rest.
func note(e *decode.Event) string {
	switch e.Kind {
	case decode.Greeting:
		return greetingNote(e)
	case decode.CommandLine:
		return commandNote(e)
	case decode.Completion:
		return completionNote(e)
	case decode.Untagged:
		return untaggedNote(e)
	case decode.ContinuationRequest:
		return continuationRequestNote(e)
	case decode.Continuation:
		return continuationNote(e)
	case decode.StateChange:
		return stateNote(e)
	case decode.Layer:
		if bytes.HasSuffix(e.Text, []byte("ends")) {
			return "compressed no more (RFC 8437 §4.1)"
		}
		return "shown is what is inside"
	case decode.Malformed:
		if f, ok := e.Detail.(decode.Fields); ok {
			return f.Get("reason")
		}
	}
	return ""
}

func join(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, " · ")
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

func greetingNote(e *decode.Event) string {
	switch e.Name {
	case "PREAUTH":
		return "greeting · logged in already"
	case "BYE":
		return "the server refuses the connection"
	}
	d, ok := e.Detail.(*Status)
	if !ok || d.Capabilities == nil {
		return "greeting"
	}
	login := "LOGIN allowed"
	if d.Capabilities.LoginDisabled {
		login = "LOGIN disabled"
	}
	return "greeting · " + count(int64(len(d.Capabilities.List)), "capability", "capabilities") + "; " + login
}

func stateNote(e *decode.Event) string {
	d, ok := e.Detail.(*Entered)
	if !ok {
		return ""
	}
	switch e.State {
	case decode.NotAuthenticated:
		if d.Clear {
			return "in the clear"
		}
	case decode.Selected:
		access := "read-write"
		if d.ReadOnly {
			access = "read-only"
		}
		messages := ""
		if d.Messages != nil {
			messages = count(*d.Messages, "message", "messages")
		}
		return join(messages, access) // the mailbox stands in the event
	}
	return ""
}

func completionNote(e *decode.Event) string {
	d, ok := e.Detail.(*Result)
	if !ok {
		return "answers no command that is known"
	}
	var facts []string
	if c := d.Capabilities; c != nil {
		facts = append(facts, capabilitiesNote(c))
	}
	if e.Command != nil && e.Name == "OK" {
		switch e.Command.Name {
		case "FETCH", "UID FETCH":
			if !d.Shared {
				facts = append(facts, count(int64(d.Data), "message", "messages"))
			}
		case "LIST", "LSUB":
			if !d.Shared {
				facts = append(facts, count(int64(d.Data), "mailbox", "mailboxes"))
			}
		case "EXPUNGE", "UID EXPUNGE", "MOVE", "UID MOVE":
			if d.Messages != nil {
				facts = append(facts, count(*d.Messages, "message", "messages")+" left")
			}
		case "IDLE":
			facts = append(facts, "after DONE")
		}
	}
	if text := codeNote(d.Code, d.Argument); text != "" {
		facts = append(facts, text)
	}
	return join(facts...)
}

func capabilitiesNote(c *Capabilities) string {
	n := count(int64(len(c.List)), "capability", "capabilities")
	if !c.First && c.New > 0 {
		n += fmt.Sprintf(", %d new", c.New)
	}
	return n
}

// codeNotes explain response codes (RFC 9051 §7.1, RFC 5530, RFC 4315).
var codeNotes = map[string]string{
	"AUTHENTICATIONFAILED": "wrong name or password",
	"AUTHORIZATIONFAILED":  "may not act as that user",
	"EXPIRED":              "the password has expired",
	"PRIVACYREQUIRED":      "wants TLS first",
	"CONTACTADMIN":         "ask the administrator",
	"UNAVAILABLE":          "a part of the server is down for now",
	"NOPERM":               "no permission",
	"INUSE":                "in use elsewhere: try again",
	"OVERQUOTA":            "over quota",
	"TRYCREATE":            "no such mailbox: CREATE would help",
	"NONEXISTENT":          "no such mailbox",
	"ALREADYEXISTS":        "exists already",
	"CANNOT":               "can never succeed",
	"LIMIT":                "a limit of the server",
	"SERVERBUG":            "the server says it has a bug",
	"CLIENTBUG":            "the server says the client has a bug",
	"EXPUNGEISSUED":        "somebody else removed messages",
	"APPENDUID":            "stored; the code says under which UID",
	"COPYUID":              "the code says which UIDs became which",
}

// codeNote explains a response code by what it says, where it was read, or by its name.
func codeNote(code string, data any) string {
	switch d := data.(type) {
	case *grammar.CopyUID:
		return short("UID "+d.Source.String()+" became "+d.Destination.String(), codeNotes[code])
	case *grammar.AppendUID:
		return short("stored as UID "+d.UIDs.String(), codeNotes[code])
	}
	return codeNotes[code]
}

func continuationRequestNote(e *decode.Event) string {
	if e.Command == nil {
		return "nothing waits for this"
	}
	switch e.Name {
	case "IDLE":
		return "go ahead: answers " + e.Command.Tag
	case "AUTHENTICATE":
		return "server challenge: answers " + e.Command.Tag
	}
	return "go on with the literal of " + e.Command.Tag
}

func continuationNote(e *decode.Event) string {
	switch {
	case e.Name == "DONE" && e.Command != nil:
		return "ends " + e.Command.Tag + " IDLE"
	case e.Dir == decode.Client && e.Name == "AUTHENTICATE":
		if bytes.Equal(e.Text, []byte("*")) {
			return "gives up the exchange"
		}
		return "SASL response" + redacted(string(e.Text), " · redacted")
	}
	return ""
}

func untaggedNote(e *decode.Event) string {
	switch d := e.Detail.(type) {
	case *Capabilities:
		return capabilitiesNote(d)
	case *Arrived:
		return arrivedNote(d)
	case *Gone:
		return goneNote(d)
	case *meaning.Vanished:
		left := ""
		if d.Left >= 0 {
			left = thousands(d.Left) + " left"
		}
		return short(join(thousands(d.Gone)+" gone: UID "+d.UIDs, left), join(thousands(d.Gone)+" gone", left))
	case *Status:
		return statusNote(e, d)
	case *grammar.Numbers:
		return numbersNote(d, e.Command != nil && strings.HasPrefix(e.Command.Name, "UID "))
	case *grammar.ESearch:
		return esearchNote(d)
	case *grammar.Status:
		return countsNote(d)
	}
	switch e.Name {
	case "FLAGS":
		if n := listed(e.Text); n > 0 {
			return count(n, "flag", "flags") + " in use here"
		}
	case "BYE":
		return "announced: server closes next"
	case "FETCH":
		note := fetchNote(e.Text)
		if d, ok := e.Detail.(*meaning.Fetched); ok && note == "" && d.KnownUID != 0 {
			return fmt.Sprintf("seq %d is UID %d", d.Number, d.KnownUID)
		}
		return note
	}
	return ""
}

// numbersNote says what SEARCH or SORT found.
func numbersNote(d *grammar.Numbers, uid bool) string {
	n := count(int64(d.Count), "message", "messages")
	if d.Count == 0 {
		return n
	}
	return short(n+": "+numbered(uid, d.Set), n)
}

func numbered(uid bool, set string) string {
	if uid {
		return "UID " + set
	}
	return "seq " + set
}

func esearchNote(d *grammar.ESearch) string {
	n := ""
	if d.Count != nil {
		n = count(int64(*d.Count), "message", "messages")
	}
	if len(d.All) == 0 {
		return n
	}
	return short(join(n, numbered(d.UID, d.All.String())), n)
}

// countsNote says what STATUS tells of a mailbox.
func countsNote(d *grammar.Status) string {
	var facts []string
	if d.Messages != nil {
		facts = append(facts, count(int64(*d.Messages), "message", "messages"))
	}
	if d.Unseen != nil {
		facts = append(facts, thousands(int64(*d.Unseen))+" unseen")
	}
	if d.UIDNext != nil {
		facts = append(facts, fmt.Sprintf("next UID %d", *d.UIDNext))
	}
	return short(join(facts...), join(facts[:min(len(facts), 2)]...), join(facts[:min(len(facts), 1)]...))
}

// room is how many columns a note has.
const room = 41

// short gives the first of several notes that has room, or the last.
func short(notes ...string) string {
	for _, n := range notes {
		if utf8.RuneCountInString(n) <= room {
			return n
		}
	}
	return notes[len(notes)-1]
}

func arrivedNote(d *Arrived) string {
	if d.New > 0 {
		fresh := fmt.Sprintf("%s new: seq %d", thousands(d.New), d.Messages)
		if d.New > 1 {
			fresh = fmt.Sprintf("%s new: seq %d–%d", thousands(d.New), d.Messages-d.New+1, d.Messages)
		}
		uid := fresh
		if d.FromUID > 0 {
			uid = fmt.Sprintf("%s, UID ≥ %d", fresh, d.FromUID)
		}
		if !d.Pushed {
			return short(uid, fresh)
		}
		after := "push"
		if d.After >= time.Millisecond {
			after = "push after " + period(d.After)
		}
		return short(join(after, uid), join(after, fresh), join("push", fresh), fresh)
	}
	switch d.Messages {
	case 0:
		return "the mailbox is empty"
	case 1:
		return "1 message: sequence number 1"
	}
	return fmt.Sprintf("%s messages: sequence numbers 1–%s", thousands(d.Messages), thousands(d.Messages))
}

// period writes a duration as "41.8 s".
func period(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}

func goneNote(d *Gone) string {
	gone := fmt.Sprintf("seq %d gone", d.Number)
	long := gone
	if d.UID > 0 {
		long = fmt.Sprintf("seq %d (UID %d) gone", d.Number, d.UID)
	}
	moved := ""
	switch {
	case d.Left == d.Number && d.NextUID > 0:
		moved = fmt.Sprintf("%d (UID %d) is now %d", d.Number+1, d.NextUID, d.Number)
		plain := fmt.Sprintf("%d is now %d", d.Number+1, d.Number)
		return short(join(long, moved), join(long, plain), join(gone, plain), long)
	case d.Left == d.Number:
		moved = fmt.Sprintf("%d is now %d", d.Number+1, d.Number)
	case d.Left > d.Number:
		moved = fmt.Sprintf("%d–%d are now %d–%d", d.Number+1, d.Left+1, d.Number, d.Left)
	}
	return short(join(long, moved), join(gone, moved), long, gone)
}

// listed counts the words of the last parenthesised list of a line.
func listed(p []byte) int64 {
	open, end := bytes.LastIndexByte(p, '('), bytes.LastIndexByte(p, ')')
	if open < 0 || end < open {
		return 0
	}
	return int64(len(bytes.Fields(p[open+1 : end])))
}

func statusNote(e *decode.Event, d *Status) string {
	if d.Capabilities != nil {
		return capabilitiesNote(d.Capabilities)
	}
	switch d.Code {
	case "UIDVALIDITY":
		return "cached UIDs hold while this is the same"
	case "UIDNEXT":
		return "new mail gets UID " + d.Argument + " or higher"
	case "PERMANENTFLAGS":
		n := count(listed([]byte(d.Argument)), "flag", "flags") + " can be stored"
		if strings.Contains(d.Argument, `\*`) {
			n = thousands(listed([]byte(d.Argument))-1) + ` can be stored; \* = new keywords too`
		}
		return n
	case "UNSEEN":
		return "the first unseen message is seq " + d.Argument
	case "HIGHESTMODSEQ":
		return "changes up to here are known (CONDSTORE)"
	case "NOMODSEQ":
		return "no CONDSTORE for this mailbox"
	case "CLOSED":
		return "the mailbox selected before is closed"
	case "ALERT":
		return "a user must see this text"
	}
	if e.Name == "BYE" {
		return "announced: server closes next"
	}
	return codeNote(d.Code, d.Data)
}

// fetchNote says which message a FETCH response is of.
func fetchNote(text []byte) string {
	fields := bytes.SplitN(text, []byte(" "), 3)
	if len(fields) < 3 {
		return ""
	}
	facts := ""
	if uid := valueOf(text, "UID "); uid != "" {
		facts = "seq " + string(fields[1]) + " is UID " + uid
	}
	if i := bytes.LastIndexByte(text, '{'); i >= 0 && text[len(text)-1] == '}' {
		n, err := strconv.ParseInt(strings.TrimSuffix(string(text[i+1:len(text)-1]), "+"), 10, 64)
		if err == nil {
			facts = join(facts, "literal of "+count(n, "octet", "octets"))
		}
	}
	return facts
}

// valueOf gives the digits behind a word.
func valueOf(text []byte, word string) string {
	for _, before := range [...]string{"(", " "} {
		if _, after, ok := bytes.Cut(text, []byte(before+word)); ok {
			n := 0
			for n < len(after) && after[n] >= '0' && after[n] <= '9' {
				n++
			}
			return string(after[:n])
		}
	}
	return ""
}
