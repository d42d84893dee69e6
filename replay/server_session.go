package replay

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/mailtrace/mailtrace/internal/dial"
)

// session is one client's connection.
type session struct {
	server *service
	ctx    context.Context
	member *member
	number int
	proto  Protocol
	voice  voice

	in  *wire // reads
	out *bufio.Writer

	secure     bool // under TLS
	upgradable bool // STARTTLS is offered
	loggedIn   bool
	closing    bool   // the answer that was given is the last one
	popUser    string // what USER said
	stamp      string // of the POP3 greeting, for APOP
}

// errGone ends a conversation without more words: the client is gone, or we are to go.
var errGone = errors.New("gone")

// converse plays to one client.
func (v *service) converse(ctx context.Context, conn net.Conn, l Listener, number int) {
	s := &session{server: v, ctx: ctx, number: number, proto: l.Protocol, upgradable: l.Security == dial.StartTLS}
	if l.Security == dial.TLS {
		t, err := s.handshake(conn)
		if err != nil {
			v.differ(Difference{Text: fmt.Sprintf("connection %d: the TLS handshake failed: %v", number, err)})
			return
		}
		conn, s.secure = t, true
	}
	s.attach(conn)
	defer func() { _ = s.in.spool.close() }() // what it held is of no use any more
	s.voice = voice{vals: v.vals, emit: s.emit}
	if s.proto == IMAP {
		s.voice.edit = s.editIMAP
	}
	if s.member = v.pool.join(s.proto); s.member == nil {
		s.refuse()
		return
	}
	defer v.pool.leave(s.member)
	err := s.greet()
	for err == nil && !s.closing {
		err = s.next()
	}
	if e := s.out.Flush(); err == nil || errors.Is(err, errGone) {
		err = e
	}
	s.ended(err)
	if t, ok := s.in.conn.(*tls.Conn); ok && err == nil {
		_ = t.CloseWrite() // close_notify; who is gone does not miss it
	}
}

// attach begins to read from a connection and write to it.
func (s *session) attach(conn net.Conn) {
	s.in = &wire{conn: conn, r: bufio.NewReaderSize(conn, 32<<10), idle: true}
	s.in.more = sync.NewCond(&s.in.out)
	s.out = bufio.NewWriterSize(conn, 64<<10)
}

func (s *session) handshake(conn net.Conn) (*tls.Conn, error) {
	t, ok := conn.(*tls.Conn) // of a listener that has TLS itself
	if !ok {
		t = tls.Server(conn, s.server.TLS)
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.patience(30*time.Second))
	defer cancel()
	return t, t.HandshakeContext(ctx)
}

// patience is the server's timeout, d where it has none.
func (s *session) patience(d time.Duration) time.Duration {
	if s.server.Timeout > 0 {
		return s.server.Timeout
	}
	return d
}

// forEver is how long a client may be silent where nobody said otherwise.
const forEver = 24 * time.Hour

// ended tells how a conversation ended that did not end well.
func (s *session) ended(err error) {
	var ne net.Error
	switch {
	case err == nil, s.ctx.Err() != nil, errors.Is(err, errGone), errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, io.ErrClosedPipe): // of a net.Pipe
		return
	case errors.Is(err, errTimeout):
		err = fmt.Errorf("the client said nothing for %v", s.server.Timeout)
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("the client closed the connection in the midst of a command")
	case errors.As(err, &ne):
		return // reset by a client that had all it wanted
	}
	s.differ(err.Error(), "")
}

// differ says that a client did not do what is due.
func (s *session) differ(text, got string) {
	d := Difference{Text: text, Got: got, Conn: s.number}
	if st := s.server.pool.due(s.member); st != nil {
		d.Pos, d.Expected, d.Command = st.pos, st.text, st.text
	} else {
		d.Pos = s.member.cands[0].rec.conn.Pos
	}
	if got != "" {
		d.Command = got
	}
	s.server.differ(d)
}

// emit writes octets to the client.
func (s *session) emit(octets []byte) error {
	if _, err := s.out.Write(octets); err != nil {
		return errGone
	}
	return nil
}

func (s *session) say(format string, args ...any) error {
	line := fmt.Sprintf(format, args...)
	s.log(Pos{}, "S: "+line)
	return s.emit([]byte(line + "\r\n"))
}

func (s *session) log(at Pos, line string) {
	if s.server.Log != nil {
		s.server.Log(at, fmt.Sprintf("#%d %s", s.number, line))
	}
}

// refuse turns a client away for which nothing is recorded.
func (s *session) refuse() {
	const text = "mailtrace: every recorded connection is taken, and this is one more"
	err := error(nil)
	if s.proto == IMAP {
		err = s.say("* BYE [UNAVAILABLE] %s", text)
	} else {
		err = s.say("-ERR [SYS/TEMP] %s", text)
	}
	if err == nil {
		_ = s.out.Flush() // who is gone does not miss it
	}
	s.server.differ(Difference{
		Conn: s.number, Pos: s.server.pool.recs[0].conn.Pos, Command: "connect",
		Text: fmt.Sprintf("a connection more than the %d of %s that are recorded", len(s.server.pool.recs), s.proto),
	})
}

// line reads what the client says next. What was said to it is on its way by then.
func (s *session) line(patience time.Duration) ([]byte, error) {
	if s.in.r.Buffered() == 0 {
		if err := s.out.Flush(); err != nil {
			return nil, errGone
		}
	}
	return s.in.line(patience)
}

func (s *session) next() error {
	if s.proto == POP3 {
		return s.nextPOP3()
	}
	return s.nextIMAP()
}

// greet says the greeting of the first connection that this may be.
func (s *session) greet() error {
	s.server.pool.greets(s.member, func(r *recording) string {
		if len(r.greeting) == 0 {
			return "OK"
		}
		return firstStatus([]*Line{r.greeting[0].(*Line)})
	})
	r := s.member.cands[0].rec
	if len(r.greeting) > 0 {
		for _, it := range r.greeting {
			l := it.(*Line)
			if s.proto == POP3 {
				if err := s.greetPOP3(l); err != nil {
					return err
				}
				continue
			}
			s.loggedIn = s.loggedIn || firstStatus([]*Line{l}) == "PREAUTH"
			if err := s.sayLine(l, "", ""); err != nil {
				return err
			}
		}
		return nil
	}
	if s.proto == POP3 {
		return s.greetPOP3(nil)
	}
	return s.say("* OK [CAPABILITY %s] mailtrace replays %s", strings.Join(s.imapCapabilities(), " "), s.server.Script.Name)
}

// sayLine says one line of the script.
func (s *session) sayLine(l *Line, tag, client string) error {
	s.log(l.Pos, l.String())
	return s.voice.say(l, tag, client)
}

// answer says what stands in a script behind a command, its pauses included. interrupt, where it
// is not nil, ends what waits.
func (s *session) answer(items []Item, st *step, tag string, interrupt <-chan struct{}) error {
	for _, it := range items {
		switch it := it.(type) {
		case *Line:
			if err := s.sayLine(it, st.tag, tag); err != nil {
				return err
			}
		case *Directive:
			if err := s.out.Flush(); err != nil {
				return errGone
			}
			if err := s.wait(it, st, interrupt); err != nil {
				return err
			}
		}
	}
	return nil
}

// wait keeps an @pause, and at an @sync waits for the other connections.
func (s *session) wait(d *Directive, st *step, interrupt <-chan struct{}) error {
	if d.Verb == Pause {
		if !s.server.Pace {
			return nil
		}
		t := time.NewTimer(d.Time)
		defer t.Stop()
		select {
		case <-t.C:
		case <-interrupt:
		case <-s.ctx.Done():
			return errGone
		}
		return nil
	}
	place := s.server.place[d]
	for {
		ok, news := s.server.pool.reached(s.member, place)
		if ok {
			return nil
		}
		select {
		case <-news:
		case <-interrupt:
			return nil
		case <-s.ctx.Done():
			return errGone
		case <-time.After(s.patience(syncPatience)):
			s.differ(fmt.Sprintf("at @sync in line %d: the other connections did not come to it", d.Pos.Line), "")
			return nil
		}
	}
}

// syncPatience is how long a connection waits for others where there is no timeout.
const syncPatience = time.Minute
