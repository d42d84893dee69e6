package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailtrace/mailtrace/captures"
	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap"
	"github.com/mailtrace/mailtrace/decode/registry"
)

// CaptureOptions say how a capture becomes a script.
type CaptureOptions struct {
	// BodiesAbove is the size in octets above which message content becomes a file; 0 keeps
	// it all in blocks.
	BodiesAbove int64
	// Pace writes @pause where the recording stood still for 10 ms or more: between a reply and the
	// next command, and between a command and its reply.
	Pace bool
	// Dir goes before the names of these files, with a slash between; empty for none.
	Dir string
}

// FromCapture makes a script of a capture: what one connection said after the other, in the
// order in which it was recorded, secrets as ${password} and ${sasl}, and what differs from
// run to run as variables. The map has the octets of the files that the script names. What
// is lost of a connection is told in a comment; a capture of which nothing can be played is
// an error. It reads r to its end and does not close it.
func FromCapture(name string, r *captures.Reader, o CaptureOptions) (*Script, map[string]*Literal, error) {
	c := &capturer{o: o, conns: map[int]*recorded{}, files: map[string]*Literal{}, vars: newVolatile(), spool: &spool{}}
	err := captures.Decode(r, captures.DecodeOptions{Protocols: registry.All, Bare: true, Tap: c.tap}, c.events)
	var cut *captures.Truncated
	if err != nil && !errors.As(err, &cut) {
		return nil, nil, err
	}
	if cut != nil {
		c.note(fmt.Sprintf("the capture is cut off at octet %d", cut.Offset))
	}
	if !c.commands {
		return nil, nil, fmt.Errorf("replay: %s: expected a whole command, the capture has none", name)
	}
	if c.failed != nil {
		return nil, nil, c.failed
	}
	script, err := parseFiles(name, []byte(c.script().String()), func(file string) (*Literal, error) {
		if lit, ok := c.files[file]; ok {
			return lit, nil
		}
		return nil, errors.New("the capture has no such body")
	})
	if err == nil {
		err = checkSecrets(script)
	}
	if err != nil {
		return nil, nil, err
	}
	script.Notes = c.notes
	return script, c.files, nil
}

// capturer follows the connections of a capture.
type capturer struct {
	o        CaptureOptions
	conns    map[int]*recorded
	order    []*recorded
	entries  []*entry
	files    map[string]*Literal
	spool    *spool // of bodies that become files
	failed   error  // of the spool
	notes    []string
	vars     *volatile
	commands bool
	changed  *recorded // the connection that changed a mailbox last
	change   *entry    // the command that did
	count    map[Protocol]int
}

// recorded is one connection of the capture.
type recorded struct {
	name     string
	protocol Protocol
	octets   [3]stream
	open     [3]*entry // the line that goes on behind a literal
	asked    map[*decode.Command]*asked
	login    bool // @login stands already
	tls      bool // STARTTLS was accepted
	bodies   bool // message content was left out
	lost     bool
}

// asked is what the script knows of a command.
type asked struct {
	name    string
	mailbox string // that it names
	wire    bool   // in the ordinary sequence that ends with a login
	line    *entry
}

// entry is one line or directive to be written.
type entry struct {
	conn    *recorded
	side    Side
	pieces  []piece
	blocks  []Block
	command *asked
	context scope
	exact   bool
	verb    Verb
	wait    time.Duration
	at      time.Time // a line's
	comment string
	dropped bool
	made    Pattern
}

// piece is text of a line, or the content of a literal.
type piece struct {
	text    string
	literal *Literal
}

func (c *capturer) note(text string) {
	c.entries = append(c.entries, &entry{comment: " " + text})
	c.notes = append(c.notes, text)
}

func (c *capturer) conn(n int) *recorded {
	r := c.conns[n]
	if r == nil {
		r = &recorded{asked: map[*decode.Command]*asked{}}
		c.conns[n] = r
	}
	return r
}

func (c *capturer) tap(conn int, origin decode.Origin, o decode.Octets) {
	if origin == decode.FromProxy {
		return
	}
	s := &c.conn(conn).octets[o.Dir]
	if err := s.add(o.P); err != nil && c.failed == nil {
		c.failed = err
	}
}

func (c *capturer) events(events []decode.Event) {
	for i := range events {
		if e := &events[i]; e.Origin != decode.FromProxy {
			c.event(c.conn(e.Conn), e)
		}
	}
}

func (c *capturer) event(r *recorded, e *decode.Event) {
	switch e.Kind {
	case decode.Open:
		if f, ok := e.Detail.(decode.Fields); ok {
			r.bodies = f.Get("bodies") == "no"
		}
	case decode.Desync, decode.Opaque:
		c.begin(r, e)
		c.missing(r)
		if s := &r.octets[e.Dir]; e.Span.Len > 0 && e.Span.End() > s.off+s.held+int64(len(s.buf)) {
			*s = stream{off: e.Span.End()} // octets that the capture does not have
		}
	case decode.Greeting, decode.CommandLine, decode.ContinuationRequest, decode.Continuation, decode.Untagged,
		decode.Completion, decode.Multiline, decode.Literal, decode.Malformed:
		wire, long, err := r.octets[e.Dir].take(e.Span)
		if err != nil && c.failed == nil {
			c.failed = err
		}
		if long != nil && (e.Kind != decode.Literal && e.Kind != decode.Multiline || r.open[e.Dir] == nil && e.Kind == decode.Literal) {
			// Of a line so long there is no more than one.
			if wire, err = io.ReadAll(long.reader()); err != nil && c.failed == nil {
				c.failed = err
			}
			long = nil
		}
		c.begin(r, e)
		if long != nil && long.n == e.Span.Len || int64(len(wire)) == e.Span.Len {
			c.said(r, e, wire, long)
			return
		}
		c.missing(r)
		if open := r.open[e.Dir]; open != nil { // its line cannot be said without it
			open.dropped, r.open[e.Dir] = true, nil
		}
	}
}

// missing says once that a connection is not all there.
func (c *capturer) missing(r *recorded) {
	if !r.lost {
		c.note(r.name + ": octets are missing in the capture from here on")
	}
	r.lost = true
}

// begin names the connection when it says its first octets.
func (c *capturer) begin(r *recorded, e *decode.Event) {
	if r.name != "" {
		return
	}
	if c.count == nil {
		c.count = map[Protocol]int{}
	}
	r.protocol = Protocol(e.Protocol)
	prefix := "imap"
	if r.protocol == POP3 {
		prefix = "pop"
	} else {
		r.protocol = IMAP
	}
	c.count[r.protocol]++
	r.name = fmt.Sprintf("%s%d", prefix, c.count[r.protocol])
	c.order = append(c.order, r)
	c.entries = append(c.entries, &entry{conn: r, verb: Connect})
	if r.bodies {
		c.note(r.name + ": recorded without bodies: the letters x stand for message content")
	}
}

// said puts the octets of an event into the script.
func (c *capturer) said(r *recorded, e *decode.Event, wire []byte, long *large) {
	side := ClientSide
	if e.Dir == decode.Server {
		side = ServerSide
	}
	a := r.asked[e.Command]
	if open := r.open[e.Dir]; open != nil && (e.Kind == decode.Literal || e.Kind == decode.Continuation) {
		c.goOn(r, e, open, wire, long)
		return
	}
	switch e.Kind {
	case decode.Literal: // of a line that is unknown: as octets
		c.entries = append(c.entries, &entry{conn: r, side: side, command: a, blocks: blocksOf(wire)})
		return
	case decode.Multiline:
		c.multiline(r, e, a, wire, long)
		return
	case decode.ContinuationRequest:
		if open := r.open[decode.Client]; open != nil && open.command == a {
			return // it is implied
		}
	}
	n := &entry{conn: r, side: side, command: a, at: e.Time}
	if e.Kind == decode.CommandLine {
		a = &asked{name: e.Name, mailbox: mailboxOf(e.Text), line: n, wire: ordinary[e.Name]}
		n.command = a
		if e.Command != nil {
			r.asked[e.Command] = a
		}
		c.commands = true
	}
	n.context = scope{event: e.Name, mailbox: e.Mailbox, kind: e.Kind, side: side}
	if a != nil {
		n.context.command = a.name
		n.exact = r.protocol == IMAP && side == ServerSide && exacts[a.name] && (e.Kind == decode.Completion || exacts[e.Name])
		if a.name == "SELECT" || a.name == "EXAMINE" || a.name == "APPEND" || strings.HasSuffix(a.name, "COPY") || strings.HasSuffix(a.name, "MOVE") {
			n.context.target = a.mailbox
		}
		c.push(r, e, a)
	}
	c.entries = append(c.entries, n)
	text, whole := bytes.CutSuffix(wire, []byte("\r\n"))
	switch {
	case side == ClientSide && a != nil && secretLine(n, a, e, string(text)):
		if announces(text) {
			r.open[e.Dir] = n
		}
	case !whole || !writable(text):
		n.blocks = []Block{{Exact: true, Text: string(wire)}}
	case announces(text):
		n.pieces = []piece{{text: string(text)}}
		r.open[e.Dir] = n
	default:
		n.pieces = []piece{{text: string(text)}}
		c.whole(n)
	}
	if e.Kind == decode.Completion && a != nil {
		c.completed(r, e, a, n)
	}
}

// goOn adds a literal, or what stands behind one, to a line.
func (c *capturer) goOn(r *recorded, e *decode.Event, n *entry, wire []byte, long *large) {
	if n.made != nil { // a login: its arguments are variables already
		if e.Kind == decode.Continuation && !announces(bytes.TrimSuffix(wire, []byte("\r\n"))) {
			r.open[e.Dir] = nil
		}
		return
	}
	if e.Kind == decode.Continuation {
		text := bytes.TrimSuffix(wire, []byte("\r\n"))
		n.pieces = append(n.pieces, piece{text: string(text)})
		if !announces(text) {
			r.open[e.Dir] = nil
			c.whole(n)
		}
		return
	}
	last := &n.pieces[len(n.pieces)-1]
	m := announcement.FindStringSubmatchIndex(last.text)
	lit := &Literal{Binary: m[2] != m[3], NonSync: m[4] != m[5] && n.side == ClientSide}
	last.text = last.text[:m[0]]
	d, _ := e.Detail.(*imap.LiteralDetail)
	if d != nil && d.Refused {
		lit.Kind, lit.Count = Counted, strconv.FormatInt(d.Announced, 10)
		n.pieces = append(n.pieces, piece{literal: lit})
		r.open[e.Dir] = nil
		c.whole(n)
		return
	}
	lit.Octets, lit.large = wire, long
	c.content(lit, d != nil && d.Message)
	n.pieces = append(n.pieces, piece{literal: lit})
}

// content puts a literal's octets into a block, or into a file where they are many.
func (c *capturer) content(lit *Literal, message bool) {
	if above := c.o.BodiesAbove; above > 0 && lit.Size() > above || lit.large != nil {
		ext := ".bin"
		if message {
			ext = ".eml"
		}
		name := fmt.Sprintf("body-%d%s", len(c.files)+1, ext)
		if c.o.Dir != "" {
			name = c.o.Dir + "/" + name
		}
		if lit.large == nil {
			at, err := c.spool.write(lit.Octets)
			if err != nil && c.failed == nil {
				c.failed = err
			}
			lit.large, lit.Octets = &large{file: c.spool, off: at, n: int64(len(lit.Octets))}, nil
		}
		c.files[name] = lit
		lit.Kind, lit.Name = FromFile, name
		return
	}
	lit.Kind, lit.Blocks = FromBlock, blocksOf(lit.Octets)
}

// multiline adds the body of a POP3 response (RFC 1939 §3).
func (c *capturer) multiline(r *recorded, e *decode.Event, a *asked, wire []byte, long *large) {
	add := func(n *entry) { n.conn, n.side, n.command = r, ServerSide, a; c.entries = append(c.entries, n) }
	if long != nil {
		if lit := c.longBody(long); lit != nil {
			c.content(lit, true)
			add(&entry{pieces: []piece{{literal: lit}}})
			add(&entry{pieces: []piece{{text: "."}}})
			return
		}
		p, err := io.ReadAll(long.reader())
		if err != nil && c.failed == nil {
			c.failed = err
		}
		wire = p
	}
	body, ends := bytes.CutSuffix(wire, []byte(".\r\n"))
	if !ends {
		add(&entry{blocks: blocksOf(wire)})
		return
	}
	if e.Name == "RETR" || e.Name == "TOP" {
		plain := unstuffed(body)
		switch {
		case len(body) == 0:
		case bytes.Equal(Stuff(plain), body):
			lit := &Literal{Octets: plain}
			c.content(lit, true)
			add(&entry{pieces: []piece{{literal: lit}}})
		default:
			add(&entry{blocks: blocksOf(body)})
		}
		add(&entry{pieces: []piece{{text: "."}}})
		return
	}
	for line := range bytes.Lines(wire) {
		text, whole := bytes.CutSuffix(line, []byte("\r\n"))
		if !whole || !writable(text) {
			add(&entry{blocks: blocksOf(line)})
			continue
		}
		n := &entry{pieces: []piece{{text: string(text)}}, context: scope{command: e.Name, kind: e.Kind, side: ServerSide}}
		add(n)
		c.whole(n)
	}
}

// push sees that what one connection does after another waits for it: pushes during IDLE.
func (c *capturer) push(r *recorded, e *decode.Event, a *asked) {
	switch {
	case e.Kind == decode.Completion && changeful[a.name]:
		c.changed, c.change = r, a.line
	case e.Kind == decode.Untagged && a.name == "IDLE":
		if c.changed != nil && c.changed != r {
			// The change waits for IDLE, and the push for the change.
			idle, change := slices.Index(c.entries, a.line), slices.Index(c.entries, c.change)
			if idle >= 0 && idle < change {
				c.entries = slices.Insert(c.entries, change, &entry{verb: Sync})
			}
			c.entries = append(c.entries, &entry{verb: Sync})
			c.changed, c.change = nil, nil
		}
		if last := c.entries[len(c.entries)-1]; last.conn != r || last.context.event != e.Name {
			c.entries = append(c.entries, &entry{conn: r, verb: Wait, wait: 30 * time.Second})
		}
	}
}

var changeful = map[string]bool{
	"APPEND": true, "STORE": true, "UID STORE": true, "EXPUNGE": true, "UID EXPUNGE": true,
	"COPY": true, "UID COPY": true, "MOVE": true, "UID MOVE": true, "CLOSE": true,
}

// whole makes the pattern of a line that is complete.
func (c *capturer) whole(n *entry) { n.made = c.vars.pattern(n) }
