package mailserver

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// Limits of the POP3 server.
const (
	lineLimit   = 255              // octets of a command, CRLF included (RFC 2449 §4)
	saslLimit   = 12288            // octets of a line of an AUTH exchange (RFC 5034 §4)
	pop3Timeout = 10 * time.Minute // inactivity autologout (RFC 1939 §3)
	badCommands = 20               // bad commands in a row before the server hangs up
)

// pop3State is a state of RFC 1939 §3. UPDATE passes within QUIT.
type pop3State uint8

const (
	authorization pop3State = iota
	transaction
)

// pop3Session is one POP3 connection.
type pop3Session struct {
	server *Server
	conn   net.Conn
	r      *bufio.Reader
	w      *bufio.Writer
	tls    bool
	state  pop3State
	stamp  string // in the greeting, "" without APOP
	user   string // of USER
	drop   *maildrop
	bad    int
}

func newPOP3(s *Server, conn net.Conn) *pop3Session {
	p := &pop3Session{server: s, stamp: s.Timestamp}
	if s.APOP {
		p.stamp = fmt.Sprintf("<%s.%d@localhost>", rand.Text(), time.Now().Unix())
	}
	p.use(conn)
	return p
}

func (p *pop3Session) use(conn net.Conn) {
	p.conn = conn
	p.r = bufio.NewReaderSize(conn, saslLimit)
	p.w = bufio.NewWriter(conn)
	_, p.tls = conn.(*tls.Conn)
}

// command is a handler; argument is what follows the keyword and one space.
type command struct {
	states []pop3State
	run    func(p *pop3Session, argument string) error
}

var (
	always = []pop3State{authorization, transaction}
	before = []pop3State{authorization}
	inside = []pop3State{transaction}
)

// pop3Commands are the commands by keyword.
var pop3Commands map[string]command

func init() {
	pop3Commands = map[string]command{
		"CAPA": {always, (*pop3Session).capa}, "QUIT": {always, (*pop3Session).quit},
		"STLS": {before, (*pop3Session).stls}, "AUTH": {before, (*pop3Session).auth},
		"USER": {before, (*pop3Session).userName}, "PASS": {before, (*pop3Session).pass}, "APOP": {before, (*pop3Session).apop},
		"STAT": {inside, (*pop3Session).stat}, "LIST": {inside, (*pop3Session).list}, "UIDL": {inside, (*pop3Session).uidl},
		"RETR": {inside, (*pop3Session).retr}, "TOP": {inside, (*pop3Session).top}, "DELE": {inside, (*pop3Session).dele},
		"RSET": {inside, (*pop3Session).rset}, "NOOP": {inside, (*pop3Session).noop},
	}
}

var errQuit = errors.New("quit")

func (p *pop3Session) serve() {
	defer func() {
		if p.drop != nil {
			_, _ = p.drop.close(false) // no QUIT, no UPDATE (RFC 1939 §6)
		}
		p.conn.Close() // ends TLS in order
	}()
	greeting := p.server.Greeting
	if greeting == "" {
		greeting = "mailtrace ready"
	}
	if p.stamp != "" {
		greeting += " " + p.stamp
	}
	p.ok("%s", greeting)
	for {
		line, err := p.line(lineLimit)
		switch {
		case errors.Is(err, errLong):
			err = p.refuse("line of more than %d octets", lineLimit)
		case err == nil:
			err = p.command(line)
		}
		if err != nil {
			p.w.Flush()
			return
		}
	}
}

func (p *pop3Session) command(line string) error {
	keyword, argument, _ := strings.Cut(line, " ")
	c, ok := pop3Commands[strings.ToUpper(keyword)]
	if !ok {
		return p.refuse("unknown command")
	}
	if !slices.Contains(c.states, p.state) {
		if p.state == authorization {
			return p.refuse("log in first")
		}
		return p.refuse("already logged in")
	}
	return c.run(p, argument)
}

var errLong = errors.New("line too long")

// line reads a line without its end, after what was said is sent. Pipelined commands are
// there already, so their answers go out together.
func (p *pop3Session) line(limit int) (string, error) {
	p.conn.SetDeadline(time.Now().Add(pop3Timeout)) // of the TLS handshake too, and of a peer that reads nothing
	if p.r.Buffered() == 0 {
		if err := p.w.Flush(); err != nil {
			return "", err
		}
	}
	line, err := p.r.ReadSlice('\n')
	if err == bufio.ErrBufferFull || err == nil && len(line) > limit {
		for err == bufio.ErrBufferFull {
			_, err = p.r.ReadSlice('\n')
		}
		if err == nil {
			err = errLong
		}
		return "", err
	}
	if err != nil {
		return "", err
	}
	return string(bytes.TrimRight(line, "\r\n")), nil
}

// say writes one line; the writer is flushed before the next read.
func (p *pop3Session) say(format string, args ...any) error {
	_, err := fmt.Fprintf(p.w, format+"\r\n", args...)
	return err
}

func (p *pop3Session) ok(format string, args ...any) error {
	p.bad = 0
	if format == "" {
		return p.say("+OK")
	}
	return p.say("+OK "+format, args...)
}

func (p *pop3Session) err(format string, args ...any) error { return p.say("-ERR "+format, args...) }

// refuse answers what is no command here; too many of them end the connection.
func (p *pop3Session) refuse(format string, args ...any) error {
	if p.bad++; p.bad >= badCommands {
		p.err("too many bad commands")
		return errQuit
	}
	return p.err(format, args...)
}

// capa lists the capabilities (RFC 2449 §5).
func (p *pop3Session) capa(argument string) error {
	if argument != "" {
		return p.err("CAPA takes no argument")
	}
	p.ok("capabilities follow")
	caps := []string{"TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER"}
	if p.state == authorization {
		if p.server.TLSConfig != nil && !p.tls {
			caps = append(caps, "STLS")
		}
		if p.mayLogin() {
			caps = append(caps, "USER", "SASL PLAIN")
		}
	}
	for _, c := range append(caps, "IMPLEMENTATION mailtrace") {
		p.say("%s", c)
	}
	return p.say(".")
}

// stls starts TLS (RFC 2595 §4). What came behind the command in clear is dropped, so that
// nobody can put commands into the session from outside.
func (p *pop3Session) stls(argument string) error {
	switch {
	case argument != "":
		return p.err("STLS takes no argument")
	case p.server.TLSConfig == nil:
		return p.err("STLS is not offered")
	case p.tls:
		return p.err("TLS is active")
	}
	p.ok("begin TLS negotiation")
	if err := p.w.Flush(); err != nil {
		return err
	}
	conn := tls.Server(p.conn, p.server.TLSConfig)
	if err := conn.Handshake(); err != nil {
		return err
	}
	p.use(conn)
	p.user = ""
	return nil
}

func (p *pop3Session) mayLogin() bool { return p.tls || !p.server.RequireTLS }

// quit ends the session; from TRANSACTION by way of UPDATE (RFC 1939 §6).
func (p *pop3Session) quit(string) error {
	if p.drop != nil {
		n, err := p.drop.close(true)
		p.drop = nil
		if err != nil {
			p.err("[SYS/TEMP] some messages are not removed: %s", words(err)) // RFC 1939 §6
			return errQuit
		}
		p.ok("bye, %d messages deleted", n)
		return errQuit
	}
	p.ok("bye")
	return errQuit
}
