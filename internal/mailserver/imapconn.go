package mailserver

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// imapConn is a connection as imapserver gets it, in clear: TLS has been taken off. It
// mends what imapserver has no words for. Responses that it edits are the next to a command
// that it knows of, so no octet of a message can be taken for one.
type imapConn struct {
	net.Conn
	tracked net.Conn // by the Server
	// greeted drops the greeting, the first thing written: it was sent before STARTTLS.
	greeted bool
	// refuses makes the completion of the SELECT that is running say that the mailbox is
	// read-only (RFC 9051 §6.3.2).
	refuses bool
	id      *identifying // answers ID; nil where that is not offered
}

var (
	readWrite = []byte(" OK [READ-WRITE] SELECT completed\r\n")
	readOnly  = []byte(" OK [READ-ONLY] SELECT completed\r\n")
)

// Write writes one response; imapserver never writes less of one.
func (c *imapConn) Write(p []byte) (int, error) {
	if c.greeted {
		c.greeted = false
		return len(p), nil
	}
	if c.id != nil {
		if q := c.id.edit(p); len(q) > len(p) {
			if _, err := c.Conn.Write(q); err != nil {
				return 0, err
			}
			return len(p), nil
		}
	}
	if tag, ok := bytes.CutSuffix(p, readWrite); ok && c.refuses {
		c.refuses = false
		if _, err := c.Conn.Write(slices.Concat(tag, readOnly)); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// Read gives what the client says, ID taken out.
func (c *imapConn) Read(p []byte) (int, error) {
	if c.id != nil {
		return c.id.read(p)
	}
	return c.Conn.Read(p)
}

// handoff is a listener for connections that were accepted elsewhere.
type handoff struct {
	addr  net.Addr
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newHandoff(addr net.Addr) *handoff {
	return &handoff{addr: addr, conns: make(chan net.Conn), done: make(chan struct{})}
}

// Accept waits for the next connection.
func (h *handoff) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (h *handoff) Close() error {
	h.once.Do(func() { close(h.done) })
	return nil
}

// Addr is the address of the real listener.
func (h *handoff) Addr() net.Addr { return h.addr }

// acceptIMAP hands connections to imapserver, those that need TLS first once they have it.
func (s *Server) acceptIMAP(ln net.Listener) error {
	inClear, secured := newHandoff(ln.Addr()), newHandoff(ln.Addr())
	ended := make(chan error, 2)
	go func() { ended <- s.imap.Serve(inClear) }()
	go func() { ended <- s.imapTLS.Serve(secured) }()
	for {
		conn, err := ln.Accept()
		if err != nil {
			inClear.Close()
			secured.Close()
			if err = errors.Join(<-ended, <-ended, err); errors.Is(err, net.ErrClosed) {
				err = nil
			}
			return err
		}
		go s.handOver(conn, inClear, secured)
	}
}

func (s *Server) handOver(conn net.Conn, inClear, secured *handoff) {
	c, to := &imapConn{Conn: conn, tracked: conn}, inClear
	if _, ok := conn.(*tls.Conn); ok {
		to = secured
	} else if s.RequireTLS && s.TLSConfig != nil {
		upgraded := s.upgrade(conn)
		if upgraded == nil {
			conn.Close()
			s.release(conn)
			return
		}
		c.Conn, c.greeted, to = upgraded, true, secured
	}
	// Where STARTTLS is imapserver's, what goes by here afterwards is not clear.
	if s.Name != "" && (to == secured || s.TLSConfig == nil) {
		c.id = &identifying{name: s.Name, in: bufio.NewReaderSize(c.Conn, clearLimit), out: c.Conn, caps: !c.greeted}
	}
	select {
	case to.conns <- c:
	case <-to.done:
		conn.Close()
		s.release(conn)
	}
}

const (
	clearLimit   = 8192             // octets of a line before TLS
	clearTimeout = 30 * time.Second // for one
	clearCaps    = "CAPABILITY IMAP4rev1 SASL-IR LITERAL- STARTTLS LOGINDISABLED"
)

// upgrade speaks with a client up to STARTTLS (RFC 9051 §6.2.1); nil where it did not come
// to that. What stands behind STARTTLS in clear is dropped, so that nobody can put commands
// into the session from outside.
func (s *Server) upgrade(conn net.Conn) net.Conn {
	in := bufio.NewReaderSize(conn, clearLimit)
	say := func(format string, a ...any) bool {
		conn.SetDeadline(time.Now().Add(clearTimeout))
		_, err := fmt.Fprintf(conn, format+"\r\n", a...)
		return err == nil
	}
	caps := clearCaps
	if s.Name != "" {
		caps = strings.Replace(caps, string(capsWithout), string(capsWith), 1)
	}
	for ok, bad := say("* OK [%s] IMAP server ready", caps), 0; ok && bad < badCommands; {
		conn.SetDeadline(time.Now().Add(clearTimeout))
		raw, err := in.ReadSlice('\n')
		if err != nil {
			return nil
		}
		line := strings.TrimRight(string(raw), "\r\n")
		tag, rest, _ := strings.Cut(line, " ")
		if !isTag(tag) {
			return nil // no IMAP client
		}
		if !skipLiterals(in, rest) {
			return nil
		}
		name, _, _ := strings.Cut(strings.ToUpper(rest), " ")
		switch name {
		case "CAPABILITY":
			ok = say("* %s\r\n%s OK CAPABILITY completed", caps, tag)
		case "NOOP":
			ok = say("%s OK NOOP completed", tag)
		case "ID":
			ok = say("%s%s OK ID completed", identity(s.Name), tag)
		case "LOGOUT":
			say("* BYE Logging out\r\n%s OK LOGOUT completed", tag)
			return nil
		case "LOGIN", "AUTHENTICATE":
			ok = say("%s NO [PRIVACYREQUIRED] TLS is required to authenticate", tag)
			bad++
		case "STARTTLS":
			if !say("%s OK Begin TLS negotiation now", tag) {
				return nil
			}
			upgraded := tls.Server(conn, s.TLSConfig)
			conn.SetDeadline(time.Now().Add(clearTimeout))
			if upgraded.Handshake() != nil {
				return nil
			}
			conn.SetDeadline(time.Time{})
			return upgraded
		default:
			ok = say("%s BAD Expected STARTTLS", tag)
			bad++
		}
	}
	return nil
}

// isTag tells whether a word is one (RFC 9051 §9), so that nothing else comes back with the
// response.
func isTag(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$&',-./:;<=>?@[]^_`|~") == ""
}

// skipLiterals reads on where a line ends with a literal that does not wait to be asked for
// (RFC 7888 §4). One that waits is refused by the response to the command.
func skipLiterals(in *bufio.Reader, line string) bool {
	for strings.HasSuffix(line, "+}") {
		n, err := strconv.ParseUint(line[strings.LastIndexByte(line, '{')+1:len(line)-2], 10, 63)
		if err != nil || n > 4096 {
			return false
		}
		if _, err := in.Discard(int(n)); err != nil {
			return false
		}
		raw, err := in.ReadSlice('\n')
		if err != nil {
			return false
		}
		line = strings.TrimRight(string(raw), "\r\n")
	}
	return true
}
