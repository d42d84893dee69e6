package meaning

import (
	"time"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/decode/mime"
)

// LiteralDetail is the Detail of a Literal event.
type LiteralDetail struct {
	Announced int64 `json:"announced"` // octets
	Seen      int64 `json:"seen"`      // octets that came
	// Item is what the literal is the value of, such as "BODY[]", in a FETCH response.
	Item    string `json:"item,omitempty"`
	NonSync bool   `json:"non_sync,omitempty"`
	Binary  bool   `json:"binary,omitempty"`
	Message bool   `json:"message,omitempty"` // a whole message went by
	Refused bool   `json:"refused,omitempty"` // the server refused it: no octets follow
	// Gaps are what never came of a message whose last piece this is.
	Gaps    []mime.Octets `json:"gaps,omitempty"`
	Damaged bool          `json:"damaged,omitempty"` // octets of it are missing in the capture
}

// Result is the Detail of a Completion.
type Result struct {
	Code         string        `json:"code,omitempty"`     // resp-text-code, without brackets and arguments
	Argument     any           `json:"argument,omitempty"` // what stands behind the code, typed by it
	Data         int           `json:"data,omitempty"`     // untagged responses that belong to the command
	Shared       bool          `json:"shared,omitempty"`   // some of them may belong to another command that was under way
	Capabilities *Capabilities `json:"capabilities,omitempty"`
	// Messages is how many the selected mailbox holds now, of SELECT, EXAMINE and EXPUNGE.
	Messages *int64 `json:"messages,omitempty"`
}

// Status is the Detail of a greeting and of an untagged status response.
type Status struct {
	Code         string        `json:"code,omitempty"`
	Argument     string        `json:"argument,omitempty"` // what stands behind the code in the brackets
	Data         any           `json:"data,omitempty"`     // the same, typed by the code
	Capabilities *Capabilities `json:"capabilities,omitempty"`
}

// Capabilities is the Detail of what lists them.
type Capabilities struct {
	List          []string `json:"list"`
	New           int      `json:"new"` // how many the list before did not have
	LoginDisabled bool     `json:"login_disabled,omitempty"`
	First         bool     `json:"-"` // there was no list before
}

// Entered is the Detail of a StateChange.
type Entered struct {
	Mailbox  string `json:"mailbox,omitempty"`
	Messages *int64 `json:"messages,omitempty"`
	ReadOnly bool   `json:"read_only,omitempty"`
	Clear    bool   `json:"clear,omitempty"` // no TLS protects the connection
}

// Arrived is the Detail of an EXISTS response.
type Arrived struct {
	Messages int64 `json:"messages"`
	New      int64 `json:"new,omitempty"`      // more than before, where that is known
	FromUID  int64 `json:"from_uid,omitempty"` // what is new has this UID or a higher one; 0 where that is not known
	Pushed   bool  `json:"pushed,omitempty"`   // news during IDLE
	// After is how long the server had been silent before it: since the continuation request of
	// the IDLE, or the news before.
	After time.Duration `json:"-"`
}

// Gone is the Detail of an EXPUNGE response.
type Gone struct {
	Number int64 `json:"number"`        // sequence number that was
	UID    int64 `json:"uid,omitempty"` // 0 where that is not known
	Left   int64 `json:"left"`          // messages in the mailbox now, -1 where that is not known
	// NextUID is the UID of the message that has the number now, 0 where there is none or it is not known.
	NextUID int64 `json:"next_uid,omitempty"`
}

// Vanished is the Detail of a VANISHED response that is not EARLIER.
type Vanished struct {
	UIDs string `json:"uids"` // as sent
	Gone int64  `json:"gone"` // how many they are
	Left int64  `json:"left"` // messages in the mailbox now, -1 where that is not known
}

// Fetched is the Detail of a FETCH response.
type Fetched struct {
	grammar.Fetch
	// KnownUID is the UID of the message where the response does not say it and the session did before.
	KnownUID uint32 `json:"known_uid,omitempty"`
}

// CommandDetail is the Detail of a command's last line.
type CommandDetail struct {
	Args any `json:"args,omitempty"`
	// Number and UID are those of the message where the command names a single one; 0 where they are
	// not known.
	Number uint32 `json:"number,omitempty"`
	UID    uint32 `json:"uid,omitempty"`
	// Deleted is how many messages are known to have the flag \Deleted, of CLOSE and EXPUNGE.
	Deleted int64 `json:"deleted,omitempty"`
}
