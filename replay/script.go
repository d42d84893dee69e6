package replay

import (
	"fmt"
	"time"
)

// Pos is a place in a script. Lines and columns count from 1, columns in octets.
type Pos struct {
	File   string
	Line   int
	Column int
}

// String gives file:line:column.
func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Error says what is wrong with a script, and where.
type Error struct {
	Pos  Pos
	Text string // what was expected there, and what stood there
}

// Error gives file:line:column: text.
func (e *Error) Error() string { return e.Pos.String() + ": " + e.Text }

func errorAt(p Pos, format string, args ...any) *Error {
	return &Error{Pos: p, Text: fmt.Sprintf(format, args...)}
}

// Side is one end of a dialogue.
type Side uint8

const (
	ClientSide Side = iota // says the C: lines
	ServerSide             // says the S: lines
)

// String gives "client" or "server".
func (s Side) String() string {
	if s == ClientSide {
		return "client"
	}
	return "server"
}

// Protocol is what a connection speaks.
type Protocol string

const (
	IMAP Protocol = "imap"
	POP3 Protocol = "pop3"
)

// Script is a parsed script, includes and all.
type Script struct {
	Name  string
	Items []Item
	// Conns are the connections in the order of their @connect, those of included
	// scripts too.
	Conns []Connection
	// Notes say what is wrong with the capture that the script was made of: octets that are
	// missing, bodies that were left out.
	Notes []string
}

// Connection is what an @connect names.
type Connection struct {
	Name     string
	Protocol Protocol
	Pos      Pos
}

// Item is one thing in a script: *Comment, *Blank, *Line or *Directive.
type Item interface {
	// Position is where the item begins.
	Position() Pos
}

// Comment is a line that begins with "#".
type Comment struct {
	Pos  Pos
	Text string // behind the "#"
}

// Blank is an empty line.
type Blank struct{ Pos Pos }

// Rules are what the groups around a line ask for.
type Rules struct {
	Ordered  bool // @ordered: untagged responses in the order of the file
	Exact    bool // @exact: no response that is not listed
	AnyOrder bool // @any-order: a server takes the commands in any order
	Optional bool // @optional: a server does without the commands
}

// Line is a line of the dialogue.
type Line struct {
	Pos       Pos
	Conn      string // name of its connection, written or not
	Named     bool   // the name is written
	Protocol  Protocol
	Side      Side
	Forbidden bool // S!: must not come before the completion below it
	Pattern   Pattern
	// Blocks are octets of the wire that follow the line's CRLF; where the pattern is
	// empty, they stand alone. The blocks of a {|} are in its Literal.
	Blocks []Block
	Rules  Rules
}

// Verb names a directive.
type Verb string

const (
	Connect  Verb = "connect"
	Login    Verb = "login"
	StartTLS Verb = "starttls"
	Sync     Verb = "sync"
	Wait     Verb = "wait"
	Pause    Verb = "pause"
	Include  Verb = "include"
	Ordered  Verb = "ordered"
	Exact    Verb = "exact"
	AnyOrder Verb = "any-order"
	Optional Verb = "optional"
	End      Verb = "end"
)

// Directive is a line that begins with "@", behind the name of a connection or not.
type Directive struct {
	Pos      Pos
	Verb     Verb
	Conn     string // connect, login, starttls, wait, pause: the connection
	Named    bool   // the name stands before the "@"
	Protocol Protocol
	Time     time.Duration // wait, pause
	File     string        // include: as written
	Script   *Script       // include: what stands there
}

// Pattern is the text of a line: Text, *Value and *Literal in turn.
type Pattern []Node

// Node is a piece of a pattern: Text, *Value or *Literal.
type Node interface{ node() }

// Text is octets that are sent and expected as they are, escapes undone.
type Text string

// Value stands for what may differ from run to run.
type Value struct {
	Pos    Pos
	Kind   ValueKind
	Name   string // of a Variable
	Sample string // what the speaking side says while the variable is unbound
	Has    bool   // there is a sample, which may be empty
}

// ValueKind tells the three forms of ${…} apart.
type ValueKind uint8

const (
	Variable ValueKind = iota // ${name}: binds at first use, equal later
	AnyOne                    // ${*}: any one value
	Rest                      // ${...}: the rest of a list or of a multi-line response
)

// Literal stands for counted octets (RFC 9051 §4.3), in POP3 for the body of a multi-line
// response.
type Literal struct {
	Pos     Pos
	Kind    LiteralKind
	Name    string  // FromFile, ToFile: as written
	Count   string  // Counted: the digits as written
	Binary  bool    // "~": literal8 (RFC 3516 §4.4)
	NonSync bool    // "+": non-synchronizing (RFC 7888 §4)
	Must    bool    // "!": no other form of string will do
	Blocks  []Block // FromBlock
	// Octets of FromBlock and FromFile, without dot-stuffing; nil where they are so many that they
	// lie in a file: Size and Reader know both.
	Octets []byte

	large *large
}

// LiteralKind tells the forms of a literal apart.
type LiteralKind uint8

const (
	FromBlock LiteralKind = iota // {|}: the blocks beneath
	FromFile                     // {f.eml}: a file beside the script
	ToFile                       // {>f.eml}: what comes is stored
	Counted                      // {310}: the wire form; the lines below are the octets
)

// Block is one line of octets beneath a line of the dialogue.
type Block struct {
	Exact bool   // "…": nothing is added; else |…: CRLF is
	Text  string // escapes undone
}

// Octets gives what the block stands for.
func (b Block) Octets() []byte {
	if b.Exact {
		return []byte(b.Text)
	}
	return []byte(b.Text + "\r\n")
}

// Position is where the item begins.
func (c *Comment) Position() Pos { return c.Pos }

// Position is where the item begins.
func (b *Blank) Position() Pos { return b.Pos }

// Position is where the item begins.
func (l *Line) Position() Pos { return l.Pos }

// Position is where the item begins.
func (d *Directive) Position() Pos { return d.Pos }

func (Text) node()     {}
func (*Value) node()   {}
func (*Literal) node() {}

func octetsOf(blocks []Block) []byte {
	if len(blocks) == 0 {
		return nil
	}
	n := 0
	for _, b := range blocks {
		n += len(b.Text) + len("\r\n")
	}
	p := make([]byte, 0, n) // a body may be large, and is kept
	for _, b := range blocks {
		p = append(p, b.Text...)
		if !b.Exact {
			p = append(p, "\r\n"...)
		}
	}
	return p
}

// Steps gives the lines and directives in file order, included ones in their place.
func (s *Script) Steps() []Item {
	var steps []Item
	for _, it := range s.Items {
		switch it := it.(type) {
		case *Line:
			steps = append(steps, it)
		case *Directive:
			if it.Verb == Include {
				steps = append(steps, it.Script.Steps()...)
			} else {
				steps = append(steps, it)
			}
		}
	}
	return steps
}
