package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap"
	"github.com/mailtrace/mailtrace/decode/pop3"
)

// extractor writes the messages of captures to a directory, one file each, as they go
// by: octets from the tap into a temporary file, which gets its name when an event says
// that what went by was a whole message.
//
//	tap: Body octets ──► spool ──┬─ Literal{Message}, Multiline of RETR ──► c1-uid-2.eml
//	                             ├─ Literal of BODY[]<n> ──► joined ───────────▲
//	                             └─ anything else: a header, one part ────► emptied
//
// A name is c, the connection, and what the protocol calls the message: RETR-1,
// uid-2, seq-2 where no UID was told, APPEND-1.
type extractor struct {
	dir     string
	prefix  string // tells captures apart where there are several
	conns   map[int]*extraction
	written int
	skipped []string // what was no whole message, and why; at most skippedMax
	more    int
	err     error
}

const skippedMax = 20

// extraction is one connection of it.
type extraction struct {
	conn     int
	pop3     bool
	redacted bool // recorded without bodies
	sides    [3]side
	appended int
	fetched  fetched
	waiting  []arrived // in the FETCH response that goes on
	asked    int64     // octets of a whole piece, as FETCH commands said
	joined   *joined   // a message that comes piece by piece
}

// arrived is a message, or the piece of one that begins at an octet.
type arrived struct {
	*body
	piece bool
	at    int64
}

// fetched is what a FETCH response has said of its message.
type fetched struct{ seq, uid string }

// waitingMax bounds the messages of one FETCH response; there is one in sane ones.
const waitingMax = 16

func newExtractor(dir string) (*extractor, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = os.MkdirAll(dir, 0o700)
	case err == nil && !info.IsDir():
		err = errors.New("it is no directory")
	}
	if err != nil {
		return nil, &ioError{fmt.Errorf("cannot extract to %s: %w", dir, bare(err)), "name a directory that can be written"}
	}
	return &extractor{dir: dir, conns: map[int]*extraction{}}, nil
}

// begin is for the next capture; prefix tells its files apart.
func (x *extractor) begin(prefix string) {
	x.prefix = prefix
	clear(x.conns)
}

func (x *extractor) of(conn int) *extraction {
	c := x.conns[conn]
	if c == nil {
		c = &extraction{conn: conn}
		x.conns[conn] = c
	}
	return c
}

// octets takes what the tap gives.
func (x *extractor) octets(conn int, o decode.Octets) {
	if x.err != nil {
		return
	}
	c := x.of(conn)
	if err := c.sides[o.Dir].take(o, x.dir, c.pop3); err != nil {
		x.fail(err)
	}
}

func (x *extractor) fail(err error) {
	if x.err == nil {
		x.err = &ioError{fmt.Errorf("cannot extract: %w", err), "name a directory with room enough"}
	}
}

// Events takes the events that followed the octets.
func (x *extractor) Events(events []decode.Event) {
	for i := range events {
		e := &events[i]
		if x.err != nil || e.Origin == decode.FromProxy {
			continue
		}
		c := x.of(e.Conn)
		c.pop3 = e.Protocol == "pop3"
		switch e.Kind {
		case decode.Open:
			if f, ok := e.Detail.(decode.Fields); ok {
				c.redacted = f.Get("bodies") == "no"
			}
		case decode.CommandLine:
			c.ask(e.Text)
		case decode.Completion:
			x.settle(c)
		case decode.Multiline:
			x.multiline(c, e)
		case decode.Untagged:
			x.settle(c)
			c.fetched = fetched{}
			if e.Name == "FETCH" {
				c.fetched.read(e.Text)
				c.fetched.seq = number(e.Text)
			}
		case decode.Literal:
			x.literal(c, e)
		case decode.Continuation:
			if e.Dir == decode.Server {
				c.fetched.read(e.Text)
			}
		case decode.Desync:
			c.sides[e.Dir].lost(e.Span)
		case decode.Close:
			if e.Dir == decode.NoDir {
				x.closed(c)
			}
		}
	}
}

// number is the second word of a line if it is a number: that of a message.
func number(line []byte) string {
	words := strings.Fields(string(line[:min(len(line), 64)]))
	if len(words) < 2 {
		return ""
	}
	if _, err := strconv.ParseUint(words[1], 10, 64); err != nil {
		return ""
	}
	return words[1]
}

var (
	quotedString = regexp.MustCompile(`"(\\.|[^"\\])*"`)
	uidItem      = regexp.MustCompile(`(?i)(?:^|[ (])UID ([0-9]{1,20})(?:$|[ )])`)
)

// read looks for the UID in a part of a FETCH response.
func (f *fetched) read(line []byte) {
	line = quotedString.ReplaceAll(line, []byte(`""`))
	if m := uidItem.FindSubmatch(line); m != nil && f.uid == "" {
		f.uid = string(m[1])
	}
}

func (x *extractor) multiline(c *extraction, e *decode.Event) {
	s := c.sides[decode.Server].claim(e.Span)
	if s == nil {
		return
	}
	d, ok := e.Detail.(*pop3.Body)
	if !ok || e.Name != "RETR" {
		s.drop()
		return
	}
	x.keep(c, s, "RETR-"+strconv.Itoa(d.Message), d.Complete)
}

func orZero(n string) string {
	if n == "" {
		return "0"
	}
	return n
}

func (x *extractor) literal(c *extraction, e *decode.Event) {
	s := c.sides[e.Dir].claim(e.Span)
	d, ok := e.Detail.(*imap.LiteralDetail)
	if s == nil {
		return
	}
	if !ok {
		s.drop()
		return
	}
	whole := d.Seen == d.Announced && !d.Damaged && !d.Refused && s.octets == d.Announced
	at, piece := pieceAt(d.Item)
	switch {
	case d.Message && e.Dir == decode.Client:
		c.appended++
		x.keep(c, s, "APPEND-"+strconv.Itoa(c.appended), whole)
	case d.Message && !whole:
		x.keep(c, s, c.fetched.name(), false)
	case d.Message:
		x.wait(c, arrived{body: s})
	case piece && whole:
		x.wait(c, arrived{s, true, at})
	default:
		s.drop()
	}
}

func (f fetched) name() string {
	if f.uid != "" {
		return "uid-" + f.uid
	}
	return "seq-" + orZero(f.seq)
}

func (x *extractor) wait(c *extraction, a arrived) {
	c.waiting = append(c.waiting, a)
	if len(c.waiting) == waitingMax {
		x.settle(c)
	}
}

// settle names the messages of a FETCH response that is over.
func (x *extractor) settle(c *extraction) {
	for _, a := range c.waiting {
		if a.piece {
			x.join(c, a)
		} else {
			x.keep(c, a.body, c.fetched.name(), true)
		}
	}
	c.waiting = c.waiting[:0]
}

// keep gives a spool its name, or says why it does not.
func (x *extractor) keep(c *extraction, s *body, name string, whole bool) {
	name = x.nameOf(c, name)
	switch {
	case c.redacted || s.filled:
		x.skip(s, name+" redacted: recorded without bodies")
		return
	case !whole:
		x.skip(s, name+" incomplete")
		return
	}
	path, err := reserve(filepath.Join(x.dir, name), ".eml")
	if err == nil {
		err = s.save(path)
	}
	if err != nil {
		x.fail(err)
		return
	}
	x.written++
}

// nameOf is the name of a file without its ending.
func (x *extractor) nameOf(c *extraction, name string) string {
	return fmt.Sprintf("%sc%d-%s", x.prefix, c.conn, name)
}

// reserve makes an empty file of mode 0600 that was not there before: base+ext, or with
// -2, -3 … between.
func reserve(base, ext string) (string, error) {
	for n := 1; ; n++ {
		path := base + ext
		if n > 1 {
			path = base + "-" + strconv.Itoa(n) + ext
		}
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err == nil {
			return path, f.Close()
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", err
		}
	}
}

func (x *extractor) skip(s *body, why string) {
	s.drop()
	if len(x.skipped) < skippedMax {
		x.skipped = append(x.skipped, why)
	} else {
		x.more++
	}
}

// closed ends a connection: what was not whole by now never will be.
func (x *extractor) closed(c *extraction) {
	x.settle(c)
	x.abandon(c)
	for d := range c.sides {
		for _, s := range c.sides[d].runs {
			x.skip(s, fmt.Sprintf("%sc%d %s: a body incomplete", x.prefix, c.conn, decode.Dir(d)))
		}
	}
	delete(x.conns, c.conn)
}

// end ends a capture.
func (x *extractor) end() error {
	for _, c := range x.conns {
		x.closed(c)
	}
	return x.err
}

// report says what came of it.
func (x *extractor) report(u *ui) {
	u.say("%s written to %s", plural(x.written, "message"), x.dir)
	for _, s := range x.skipped {
		u.warn("not written: %s", s)
	}
	if x.more > 0 {
		u.warn("not written: %d more", x.more)
	}
}

// bare is an error of package os without the path, which our words have already.
func bare(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}
