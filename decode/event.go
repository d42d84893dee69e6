package decode

import (
	"bytes"
	"time"
)

// Dir says which way octets travelled.
type Dir uint8

const (
	NoDir  Dir = iota // belongs to the connection, not to one direction
	Client            // from the client, "C:"
	Server            // from the server, "S:"
)

// String gives "C", "S" or "", as in the JSON contract.
func (d Dir) String() string { return [...]string{"", "C", "S"}[d] }

// Other gives the opposite direction.
func (d Dir) Other() Dir {
	switch d {
	case Client:
		return Server
	case Server:
		return Client
	}
	return NoDir
}

// Span is a range of octets in the cleartext stream of one direction, all layers
// removed; offsets run on across TLS and COMPRESS.
type Span struct{ Off, Len int64 }

// End is the offset of the first octet behind the span.
func (s Span) End() int64 { return s.Off + s.Len }

// Kind says what an event is.
type Kind uint8

const (
	Open                Kind = iota // a connection was accepted
	TLS                             // a handshake on a leg succeeded or failed
	Greeting                        // the server's first line (IMAP: lines)
	CommandLine                     // a client command, up to its first literal
	ContinuationRequest             // IMAP "+", POP3 SASL "+ "
	Continuation                    // what follows a literal on the same command or response, a SASL response, DONE
	Untagged                        // IMAP untagged response
	Completion                      // IMAP completion result, POP3 status line
	Multiline                       // end of a POP3 multi-line response
	Literal                         // end of an IMAP literal
	MIME                            // one part of a message that went by
	StateChange                     // a protocol state was entered
	Layer                           // compression began or ended
	FindingOnly                     // a finding that belongs to no other event
	Malformed                       // a line that the grammar does not know
	Desync                          // framing was lost
	Opaque                          // from here on octets are forwarded but not decoded
	Edit                            // the proxy changed octets (a closed list of cases)
	Undelivered                     // octets that were observed could not be written on
	Close                           // a direction (Dir set) or the connection ended
	kinds
)

var kindNames = [kinds]string{
	"open", "tls", "greeting", "command", "continuation-request", "continuation", "untagged", "completion",
	"multiline", "literal", "mime", "state", "layer", "finding", "malformed", "desync", "opaque", "edit",
	"undelivered", "close",
}

// String gives the name in the JSON contract.
func (k Kind) String() string {
	if k < kinds {
		return kindNames[k]
	}
	return "unknown"
}

// KindOf is the reverse of Kind.String.
func KindOf(name string) (Kind, bool) {
	for k, n := range kindNames {
		if n == name {
			return Kind(k), true
		}
	}
	return 0, false
}

// State is a protocol state (RFC 9051 §3, RFC 1939 §3).
type State uint8

const (
	NoState State = iota
	NotAuthenticated
	Authenticated
	Selected
	Logout
	Authorization
	Transaction
	Update
)

// String gives the state as the RFC spells it.
func (s State) String() string {
	return [...]string{
		"", "not-authenticated", "authenticated", "selected", "logout",
		"AUTHORIZATION", "TRANSACTION", "UPDATE",
	}[s]
}

// Command is the identity of one client command; all events of the command and of
// its replies point to the same one. Times are those of the capture, not of now.
type Command struct {
	Seq      uint64    // number of the command's event, 0 until it was published
	Tag      string    // IMAP tag as sent, empty for POP3
	Name     string    // canonical, such as "UID FETCH", "RETR", "AUTHENTICATE"
	Complete time.Time // when the command's last octet came (IDLE: DONE's)
	First    time.Time // when the first octet of its first reply came; zero before
}

// Origin says who is the author of what an event shows.
type Origin uint8

const (
	FromPeer  Origin = iota // the client or the server
	FromProxy               // mailtrace itself: an edit, its own STARTTLS exchange
)

// Event is one thing that happened on a connection.
//
// Text and Detail's byte slices, where a Detail type says so, are valid until the
// next call of the Session or Trace that gave the event; Clone makes one that may
// be kept.
type Event struct {
	Seq      uint64    // from 1 over all connections; 0 until published
	Time     time.Time // of the last octet that the event needed
	Conn     int       // from 1
	Protocol string    // "imap", "pop3" or "" while unknown
	Dir      Dir
	Kind     Kind
	State    State // in force when the event happened; of a StateChange the new one
	Origin   Origin
	Tag      string   // IMAP tag, of commands and completions
	Name     string   // command or response name, canonical upper case; Completion: the status (OK NO BAD, +OK -ERR)
	Command  *Command // the command that this event is, belongs to or answers; nil where there is none
	Latency  time.Duration
	First    time.Duration // command's last octet to the first octet of its reply
	Mailbox  string        // selected mailbox, as sent, quotes and literal removed
	Text     []byte        // wire text without its line end, secrets filled, at most Limits.Line octets
	Span     Span          // octets on the wire, line end included; Close: octets of the direction
	Detail   any           // typed meaning or nil: *mime.Part, *Totals, Fields, …; immutable once emitted
	Findings []Finding
}

// Clone gives an event that does not share Text with the session.
func (e *Event) Clone() Event {
	c := *e
	c.Text = bytes.Clone(e.Text)
	return c
}

// Answers tells whether a latency belongs to the event: it ends or answers a
// command that is known.
func (e *Event) Answers() bool {
	if e.Command == nil || e.Command.Complete.IsZero() {
		return false
	}
	return e.Kind == Completion || e.Kind == Multiline || e.Kind == ContinuationRequest
}

// Totals is the Detail of the connection's Close event.
type Totals struct {
	Commands      int
	ClientOctets  int64 // cleartext, all layers removed
	ServerOctets  int64
	Errors        int // findings by severity
	Warnings      int
	Notes         int
	Duration      time.Duration
	Unanswered    int    // commands without a completion
	ClosedBy      string // "client", "server", "proxy" or ""
	Reason        string // empty for an orderly end
	LastState     State
	PendingOctets int64 // octets of an unfinished line, literal or body
}
