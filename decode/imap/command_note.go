package imap

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap/meaning"
	"github.com/mailtrace/mailtrace/decode/internal/redact"
)

// commandNotes say what a command is for.
var commandNotes = map[string]string{
	"CAPABILITY":        "ask what the server can do",
	"NOOP":              "nothing, or: anything new?",
	"LOGOUT":            "say goodbye",
	"STARTTLS":          "ask for TLS",
	"ENABLE":            "switch extensions on",
	"CREATE":            "make a mailbox",
	"DELETE":            "remove a mailbox",
	"RENAME":            "rename a mailbox",
	"SUBSCRIBE":         "add a mailbox to the subscribed ones",
	"UNSUBSCRIBE":       "take a mailbox off the subscribed ones",
	"LIST":              "list mailboxes",
	"LSUB":              "list subscribed mailboxes",
	"XLIST":             "list mailboxes with their use",
	"NAMESPACE":         "ask where mailboxes live",
	"STATUS":            "counts of a mailbox, without selecting it",
	"APPEND":            "store a message",
	"IDLE":              "wait for news; renew within 29 min",
	"CHECK":             "ask for a checkpoint",
	"CLOSE":             "close the mailbox; drop \\Deleted messages",
	"UNSELECT":          "close the mailbox; removes nothing",
	"EXPUNGE":           "remove \\Deleted messages for good",
	"UID EXPUNGE":       "remove these for good (UIDPLUS)",
	"SEARCH":            "find messages, as sequence numbers",
	"UID SEARCH":        "find messages, as UIDs",
	"COPY":              "copy to another mailbox",
	"UID COPY":          "copy to another mailbox",
	"MOVE":              "move to another mailbox",
	"UID MOVE":          "move to another mailbox",
	"SORT":              "sort on the server, as sequence numbers",
	"UID SORT":          "sort on the server, as UIDs",
	"THREAD":            "threads, as sequence numbers",
	"UID THREAD":        "threads, as UIDs",
	"ID":                "tell who the client is",
	"COMPRESS":          "ask to compress what follows",
	"UNAUTHENTICATE":    "log out, and stay connected",
	"NOTIFY":            "ask to be told of changes elsewhere",
	"GETQUOTA":          "ask how much room there is",
	"GETQUOTAROOT":      "ask which quota a mailbox counts to",
	"GETACL":            "ask who may do what",
	"MYRIGHTS":          "ask what this user may do",
	"GETMETADATA":       "read annotations",
	"SETMETADATA":       "write annotations",
	"XAPPLEPUSHSERVICE": "ask for push over Apple's service",
}

func commandNote(e *decode.Event) string {
	_, rest, _ := bytes.Cut(e.Text, []byte(" "))
	args := strings.TrimLeft(string(rest[min(len(rest), len(e.Name)):]), " ")
	switch e.Name {
	case "LOGIN":
		if end, whole := astring([]byte(args), 0); whole && end < len(args) && args[0] != '{' {
			return "log in as " + string(unquote([]byte(args[:end]))) + redacted(args[end:], " · password redacted")
		}
		return "log in"
	case "AUTHENTICATE":
		mech, initial, _ := strings.Cut(args, " ")
		return "log in by " + mech + redacted(initial, " · response redacted")
	case "SELECT", "EXAMINE":
		end, _ := astring([]byte(args), 0)
		access := "read-write"
		if e.Name == "EXAMINE" {
			access = "read-only"
		}
		name := string(unquote([]byte(args[:end])))
		if isAnnouncement([]byte(args)) || name == "" {
			name = "a mailbox"
		}
		return "open " + name + ", " + access
	case "FETCH", "UID FETCH":
		return fetchCommandNote(e.Name, args)
	case "STORE", "UID STORE":
		return storeNote(e, args)
	case "UID EXPUNGE":
		if d, ok := e.Detail.(*meaning.CommandDetail); ok && d.UID > 0 {
			return "remove it for good (UIDPLUS)"
		}
	case "EXPUNGE":
		if d, ok := e.Detail.(*meaning.CommandDetail); ok && d.Deleted > 0 {
			return "remove " + count(d.Deleted, "message", "messages") + " for good"
		}
	case "CLOSE":
		if d, ok := e.Detail.(*meaning.CommandDetail); ok && d.Deleted > 0 {
			return short("close the mailbox; drops "+count(d.Deleted, "message", "messages"), commandNotes["CLOSE"])
		}
	}
	if text, ok := commandNotes[e.Name]; ok {
		return text
	}
	if commands[e.Name] == nil {
		return "an unknown command: redacted"
	}
	return ""
}

// redacted gives note where args is nothing but filler, quotes and literal announcements
// apart.
func redacted(args, note string) string {
	args = strings.Trim(args, ` "`)
	if args == "" || strings.Trim(args, string(redact.Filler)) != "" {
		return ""
	}
	return note
}

func which(name, set string) string {
	if strings.HasPrefix(name, "UID") {
		return "UID " + set
	}
	return "seq " + set
}

func fetchCommandNote(name, args string) string {
	set, items, _ := strings.Cut(args, " ")
	items = strings.ToUpper(items)
	of := which(name, set)
	switch {
	case strings.Contains(items, "BODY.PEEK[]<"), strings.Contains(items, "BODY[]<"):
		return "a piece of " + of
	case strings.Contains(items, "BODY.PEEK[]"):
		return "all of " + of + `; PEEK does not set \Seen`
	case strings.Contains(items, "BODY[]"), containsWord(items, "RFC822"):
		return "all of " + of + `; sets \Seen`
	case strings.Contains(items, "HEADER"):
		return "headers of " + of
	case strings.Contains(items, "ENVELOPE"), containsWord(items, "ALL"), containsWord(items, "FULL"):
		return "envelopes of " + of
	case strings.Contains(items, "BODYSTRUCTURE"):
		return "part trees of " + of
	case strings.Contains(items, "FLAGS"), containsWord(items, "FAST"):
		return "flags of " + of
	}
	return ""
}

func containsWord(items, word string) bool {
	for _, w := range strings.FieldsFunc(items, func(r rune) bool { return r == ' ' || r == '(' || r == ')' }) {
		if w == word {
			return true
		}
	}
	return false
}

func storeNote(e *decode.Event, args string) string {
	set, rest, _ := strings.Cut(args, " ")
	verb := "set the flags of "
	switch {
	case strings.HasPrefix(rest, "+"):
		verb = "add flags to "
	case strings.HasPrefix(rest, "-"):
		verb = "take flags from "
	}
	of := which(e.Name, set)
	both := of
	if d, ok := e.Detail.(*meaning.CommandDetail); ok && d.Number > 0 && d.UID > 0 {
		if both = fmt.Sprintf("UID %d (seq %d)", d.UID, d.Number); !strings.HasPrefix(e.Name, "UID") {
			both = fmt.Sprintf("seq %d (UID %d)", d.Number, d.UID)
		}
	}
	if strings.HasPrefix(rest, "+") && strings.Contains(strings.ToUpper(rest), `(\DELETED)`) {
		return short("mark "+both+" deleted", "mark "+of+" deleted")
	}
	return short(verb+both, verb+of)
}
