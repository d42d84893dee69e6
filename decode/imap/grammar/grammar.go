// Package grammar parses the logical lines of IMAP: commands and responses with what they
// mean. It knows the grammar of RFC 3501, RFC 9051 and their extensions, and nothing of
// sessions.
//
//	Line ──► scanner ──► Response: Kind, Tag, Name, Number
//	text,    strings,      ├─ Code ── Data by its name
//	literals numbers,      ├─ Data by Name: Fetch (Envelope, Body, Section), List, Status, …
//	         lists         ├─ Human
//	           │           └─ Detail() ──► a copy that may be kept
//	           └─────────► Problems: rule, offset, what stood there
//
// It is tolerant: a deviation is a Problem with its rule and offset, what is unknown is kept
// as tokens, and nothing makes it fail. An item that does not fit is kept as it stands and the
// next one read. Each rule is told once a line, and of the end of a line that is cut nothing.
// Parsed values are slices of the line and live in memory that the Parser uses again: they are
// valid until its next call. Detail makes a copy.
package grammar

import "github.com/mailtrace/mailtrace/decode/rules"

// Line is one logical line: the text of a command or response without its last line end. Behind
// the announcement of a literal the text goes on right behind the closing brace, without CRLF.
type Line struct {
	Text     []byte
	Literals []Literal // in the order of At
	Cut      bool      // the text is longer than what was kept of it
}

// Literal is the content of one literal of a Line.
type Literal struct {
	At      int    // offset in Line.Text right behind the closing brace of its announcement
	Octets  int64  // its length
	Content []byte // nil where it was not kept: message content, a secret, too long
}

// Problem is a deviation from the grammar.
type Problem struct {
	Rule *rules.Rule
	Off  int    // in Line.Text
	Len  int    // octets of Line.Text
	Fact string // what stood there
}

// Kind says what a response is.
type Kind uint8

const (
	Unknown             Kind = iota // fits no rule of the grammar
	Untagged                        // "*"
	ContinuationRequest             // "+"
	Completion                      // a tag
)

// Response is one response.
type Response struct {
	Kind     Kind
	Tag      []byte
	Name     string // canonical: "FETCH", "OK", "EXISTS", "+"; upper case as sent where it is unknown; "" of a bare code
	Number   uint32 // of "* 3 EXISTS", "* 3 FETCH"
	Code     *Code  // of OK, NO, BAD, BYE, PREAUTH; nil where there is none
	Human    Text   // the human-readable text behind it
	Data     any    // *Fetch, *List, *Status, *ESearch, *Numbers, *Count, … by Name; *Tokens where it is unknown; nil of OK, NO, BAD, BYE, PREAUTH and "+"
	Problems []Problem

	parser *Parser
}

// Command is one command.
type Command struct {
	Tag      []byte
	Name     string // canonical: "UID FETCH"
	UID      bool
	Args     any // *FetchArgs, *StoreArgs, *SearchArgs, *MailboxArgs, … by Name; *Tokens where it is unknown; nil where there are none
	Problems []Problem

	parser *Parser
}

// Parser parses lines one after the other. The zero value is ready. It is not safe for use from
// two goroutines at once.
type Parser struct {
	UTF8 bool // quoted strings may hold UTF-8: after ENABLE of UTF8=ACCEPT or IMAP4rev2, and where IMAP4rev2 is all there is

	parserState
}

// Code is a response code: "[UIDNEXT 4]".
type Code struct {
	Name string `json:"name"`           // upper case
	Off  int    `json:"-"`              // of the bracket in Line.Text
	Data any    `json:"data,omitempty"` // typed by Name; *Tokens where it is unknown; nil where there is none
}

// Tokens is what is kept of what the grammar does not know.
type Tokens struct {
	Text Text `json:"text"`
}
