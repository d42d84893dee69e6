package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap"
)

// extractor writes the messages of captures to a directory, one file each, as they go
// by: octets from the tap into a temporary file, which gets its name when an event says
// that what went by was a whole message.
//
//	tap: Body octets ──► spool ──┬─ Literal{Message}, Multiline of RETR ──► c1-uid-2.eml
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
	pieces  int // of messages fetched in pieces
	err     error
}

const skippedMax = 20

// extraction is one connection of it.
type extraction struct {
	conn     int
	redacted bool // recorded without bodies
	spools   [3]*spool
	retr     map[*decode.Command]string // RETRs on their way, by message number
	appended int
	fetched  fetched
	waiting  []*spool // messages of the FETCH response that goes on
}

// fetched is what a FETCH response has said of its message.
type fetched struct{ seq, uid string }

// spool is a temporary file with the octets of one body.
type spool struct {
	file   *os.File
	un     unstuffer
	octets int64
	filled bool // some of them are filler
}

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
		c = &extraction{conn: conn, retr: map[*decode.Command]string{}}
		x.conns[conn] = c
	}
	return c
}

// octets takes what the tap gives.
func (x *extractor) octets(conn int, o decode.Octets) {
	if !o.Body || x.err != nil {
		return
	}
	c := x.of(conn)
	s := c.spools[o.Dir]
	if s == nil {
		file, err := os.CreateTemp(x.dir, ".mailtrace-*.part")
		if err != nil {
			x.fail(err)
			return
		}
		s = &spool{file: file}
		s.un.reset(file)
		c.spools[o.Dir] = s
	}
	s.octets += int64(len(o.P))
	s.filled = s.filled || o.Fill
	w := io.Writer(s.file)
	if len(c.retr) > 0 {
		w = &s.un
	}
	if _, err := w.Write(o.P); err != nil {
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
		switch e.Kind {
		case decode.Open:
			if f, ok := e.Detail.(decode.Fields); ok {
				c.redacted = f.Get("bodies") == "no"
			}
		case decode.CommandLine:
			if e.Name == "RETR" || e.Name == "TOP" {
				c.retr[e.Command] = number(e.Text)
			}
		case decode.Completion:
			x.settle(c)
			if e.Name == "-ERR" {
				delete(c.retr, e.Command)
			}
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
	n, ok := c.retr[e.Command]
	delete(c.retr, e.Command)
	s := c.spools[decode.Server]
	if !ok || s == nil || e.Name == "TOP" || e.Command.Name == "TOP" {
		x.empty(s)
		return
	}
	c.spools[decode.Server] = nil
	x.keep(c, s, "RETR-"+orZero(n), true)
}

func orZero(n string) string {
	if n == "" {
		return "0"
	}
	return n
}

func (x *extractor) literal(c *extraction, e *decode.Event) {
	s := c.spools[e.Dir]
	d, ok := e.Detail.(*imap.LiteralDetail)
	if !ok || s == nil {
		x.empty(s)
		return
	}
	whole := d.Seen == d.Announced && !d.Damaged && !d.Refused
	switch {
	case !d.Message:
		if strings.HasPrefix(strings.ToUpper(d.Item), "BODY[]<") {
			x.pieces++
		}
		x.empty(s)
	case e.Dir == decode.Client:
		c.spools[e.Dir] = nil
		c.appended++
		x.keep(c, s, "APPEND-"+strconv.Itoa(c.appended), whole)
	case !whole:
		c.spools[e.Dir] = nil
		x.keep(c, s, c.fetched.name(), false)
	default:
		c.spools[e.Dir] = nil
		c.waiting = append(c.waiting, s)
		if len(c.waiting) == waitingMax {
			x.settle(c)
		}
	}
}

func (f fetched) name() string {
	if f.uid != "" {
		return "uid-" + f.uid
	}
	return "seq-" + orZero(f.seq)
}

// settle names the messages of a FETCH response that is over.
func (x *extractor) settle(c *extraction) {
	for _, s := range c.waiting {
		x.keep(c, s, c.fetched.name(), true)
	}
	c.waiting = c.waiting[:0]
}

// empty makes a spool ready for the next body.
func (x *extractor) empty(s *spool) {
	if s == nil {
		return
	}
	s.octets, s.filled = 0, false
	s.un.reset(s.file)
	if err := s.file.Truncate(0); err != nil {
		x.fail(err)
		return
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		x.fail(err)
	}
}

// keep gives a spool its name, or says why it does not.
func (x *extractor) keep(c *extraction, s *spool, name string, whole bool) {
	name = fmt.Sprintf("%sc%d-%s", x.prefix, c.conn, name)
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
		if err = s.file.Close(); err == nil {
			err = os.Rename(s.file.Name(), path)
		}
	}
	if err != nil {
		x.fail(err)
		return
	}
	x.written++
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

func (x *extractor) skip(s *spool, why string) {
	s.drop()
	if len(x.skipped) < skippedMax {
		x.skipped = append(x.skipped, why)
	} else {
		x.more++
	}
}

// drop removes the temporary file.
func (s *spool) drop() {
	discard(s.file)
	_ = os.Remove(s.file.Name())
}

// closed ends a connection: what was not whole by now never will be.
func (x *extractor) closed(c *extraction) {
	x.settle(c)
	for d, s := range c.spools {
		if s != nil && s.octets > 0 {
			x.skip(s, fmt.Sprintf("%sc%d %s: a body incomplete", x.prefix, c.conn, decode.Dir(d)))
		} else if s != nil {
			s.drop()
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
	if x.pieces > 0 {
		u.warn("not written: %s of messages that the client fetched piece by piece", plural(x.pieces, "part"))
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
