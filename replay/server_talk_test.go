package replay

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// hall is a server in memory, and those who talk to it.
type hall struct {
	t      *testing.T
	l      *piped
	cancel context.CancelFunc
	done   chan *Report
}

func serving(t *testing.T, s *Server) *hall {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	h := &hall{t: t, l: pipes(), cancel: cancel, done: make(chan *Report, 1)}
	if s.Timeout == 0 {
		s.Timeout = 5 * time.Second
	}
	go func() {
		r, err := s.Serve(ctx, Listener{Listener: h.l, Protocol: s.Script.Conns[0].Protocol})
		if err != nil {
			t.Error(err)
		}
		h.done <- r
	}()
	return h
}

// ends gives the report of a server that ends by itself, since all was played.
func (h *hall) ends() *Report {
	h.t.Helper()
	r := <-h.done
	h.cancel()
	return r
}

// stops ends a server.
func (h *hall) stops() *Report {
	h.cancel()
	return <-h.done
}

// talker is a client of few words.
type talker struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

// enter connects and reads the greeting.
func (h *hall) enter() *talker {
	h.t.Helper()
	conn := h.l.dial()
	c := &talker{h.t, conn, bufio.NewReader(conn)}
	c.hears("")
	return c
}

func (c *talker) says(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text+"\r\n"); err != nil {
		c.t.Fatal(err)
	}
}

// hears reads a line that begins so.
func (c *talker) hears(starts ...string) {
	c.t.Helper()
	for _, start := range starts {
		line, err := c.r.ReadString('\n')
		if err != nil || !strings.HasPrefix(line, start) {
			c.t.Fatalf("expected %q, heard %q, %v", start, line, err)
		}
	}
}

// asks says a command, and reads what has to come.
func (c *talker) asks(text string, starts ...string) {
	c.t.Helper()
	c.says(text)
	c.hears(starts...)
}

func (c *talker) goes() { _ = c.conn.Close() }

func fine(t *testing.T, r *Report) {
	t.Helper()
	if r.Fails() {
		t.Errorf("the server says\n%s", r)
	}
}

const selects = `@connect a imap
@connect b imap
a @login
a C: a1 SELECT INBOX
a S: * 3 EXISTS
a S: a1 OK [READ-WRITE]
a C: a2 LOGOUT
a S: * BYE
a S: a2 OK
b @login
b C: b1 SELECT Sent
b S: * 1 EXISTS
b S: b1 OK [READ-WRITE]
b C: b2 LOGOUT
b S: * BYE
b S: b2 OK
`

// Two clients that begin alike, the later one first: each gets what its words are recorded for.
func TestServeCandidates(t *testing.T) {
	h := serving(t, &Server{Script: parsed(t, selects)})
	one, two := h.enter(), h.enter()
	two.asks("x LOGIN u p", "x OK")
	one.asks("y LOGIN u p", "y OK")
	one.asks("y1 SELECT Sent", "* 1 EXISTS", "y1 OK")
	two.asks("x1 SELECT INBOX", "* 3 EXISTS", "x1 OK")
	two.asks("x2 LOGOUT", "* BYE", "x2 OK")
	one.asks("y2 LOGOUT", "* BYE", "y2 OK")
	one.goes()
	two.goes()
	fine(t, h.ends())
}

// Nobody gets a recording that another has played; one more than recorded is turned away.
func TestServeTakenRecordings(t *testing.T) {
	h := serving(t, &Server{Script: parsed(t, selects)})
	one, two := h.enter(), h.enter()
	one.asks("x LOGIN u p", "x OK")
	one.asks("x1 SELECT Sent", "* 1 EXISTS", "x1 OK")
	two.asks("y LOGIN u p", "y OK")
	two.asks("y1 SELECT Sent", "y1 NO [CANNOT]")
	three := &talker{t: t, conn: h.l.dial()}
	three.r = bufio.NewReader(three.conn)
	three.hears("* BYE [UNAVAILABLE]")
	if r := h.stops(); r.Different != 2 {
		t.Errorf("expected 2 differences:\n%s", r)
	}
}

const flags = `@connect a imap
@login
C: a1 UID STORE 1:3,5 +FLAGS (\Seen \Draft)
S: a1 OK
C: a2 SELECT "a b"
S: a2 OK
C: a3 UID FETCH 7 (FLAGS BODY.PEEK[HEADER.FIELDS (DATE FROM)])
S: * 7 FETCH (UID 7 FLAGS ())
S: a3 OK
C: a4 UID SEARCH UNSEEN FROM ann
S: * SEARCH 7
S: a4 OK
C: a5 LOGOUT
S: * BYE
S: a5 OK
`

// Commands are the same that mean the same.
func TestServeMeaning(t *testing.T) {
	h := serving(t, &Server{Script: parsed(t, flags)})
	c := h.enter()
	c.asks("x NOOP", "x OK") // free, recorded or not
	c.asks("x LOGIN \"u\" {1}", "+ ")
	c.asks("p", "x OK")
	c.asks("x CAPABILITY", "* CAPABILITY ", "x OK")
	c.asks("1 uid store 5,1,2,3 +flags (\\draft \\seen)", "1 OK")
	c.asks("2 SELECT {3+}\r\na b", "2 OK")
	c.asks("3 UID fetch 7 (BODY.PEEK[header.fields (from date)] flags)", "* 7 FETCH", "3 OK")
	c.asks("x CHECK", "x OK")
	c.asks("4 UID SEARCH FROM \"ANN\" UNSEEN", "* SEARCH 7", "4 OK")
	c.asks("5 logout", "* BYE", "5 OK")
	c.goes()
	fine(t, h.ends())
}

// What means something else, or is not due, is refused by name.
func TestServeNotRecorded(t *testing.T) {
	h := serving(t, &Server{Script: parsed(t, flags)})
	c := h.enter()
	c.asks("x LOGIN u p", "x OK")
	for _, text := range [...]string{
		"UID STORE 1:4 +FLAGS (\\Seen \\Draft)", "UID STORE 1:3,5 -FLAGS (\\Seen \\Draft)", "UID STORE 1:3,5 +FLAGS (\\Seen)",
		"STORE 1:3,5 +FLAGS (\\Seen \\Draft)", "SELECT \"a b\"", "XYZZY", "UID", "SELECT",
	} {
		c.asks("x "+text, "x NO [CANNOT] mailtrace: ")
	}
	r := h.stops()
	if r.Different != 8 || r.Unplayed != 5 {
		t.Errorf("expected 8 different, 5 unplayed:\n%s", r)
	}
	if d := r.Differences[0]; d.Pos.Line != 3 || d.Got == "" || !strings.Contains(d.Expected, "UID STORE") {
		t.Errorf("the difference tells %+v", d)
	}
}

func TestServeAnyOrder(t *testing.T) {
	h := serving(t, &Server{Script: parsed(t, flags), AnyOrder: true})
	c := h.enter()
	c.asks("x LOGIN u p", "x OK")
	c.asks("4 UID SEARCH UNSEEN FROM ann", "* SEARCH 7", "4 OK")
	c.asks("1 UID STORE 1:3,5 +FLAGS (\\Seen \\Draft)", "1 OK")
	c.asks("3 UID FETCH 7 (FLAGS BODY.PEEK[HEADER.FIELDS (DATE FROM)])", "* 7 FETCH", "3 OK")
	c.asks("2 SELECT \"a b\"", "2 OK")
	c.asks("4 UID SEARCH UNSEEN FROM ann", "4 NO ") // once, as recorded
	c.asks("5 LOGOUT", "* BYE", "5 OK")
	c.goes()
	if r := h.ends(); r.Different != 1 || r.Unplayed != 0 {
		t.Errorf("expected 1 difference:\n%s", r)
	}
}

// A literal that was refused is refused before it is sent.
func TestServeRefusedLiteral(t *testing.T) {
	h := serving(t, &Server{Script: parsed(t, "@connect a imap\n@login\nC: a1 APPEND INBOX {500}\nS: a1 NO [TOOBIG] no\nC: a2 LOGOUT\nS: * BYE\nS: a2 OK\n")})
	c := h.enter()
	c.asks("x LOGIN u p", "x OK")
	c.asks("1 APPEND INBOX {500}", "1 NO [TOOBIG]")
	c.asks("2 LOGOUT", "* BYE", "2 OK")
	c.goes()
	fine(t, h.ends())
}

// A push to one connection waits for what the other one does.
func TestServePush(t *testing.T) {
	h := serving(t, &Server{Script: parsed(t, `@connect phone imap
@connect laptop imap
phone @login
laptop @login
phone C: a1 SELECT INBOX
phone S: a1 OK
phone C: a2 IDLE
phone S: +
@sync
laptop C: b1 APPEND INBOX {|}
|Subject: hello
laptop S: b1 OK
@sync
phone S: * ${*=4} EXISTS
phone C: DONE
phone S: a2 OK
`)})
	phone, laptop := h.enter(), h.enter()
	phone.asks("x LOGIN u p", "x OK")
	laptop.asks("y LOGIN u p", "y OK")
	phone.asks("1 SELECT INBOX", "1 OK")
	phone.asks("2 IDLE", "+ ")
	laptop.asks("1 APPEND INBOX {16}", "+ ")
	laptop.asks("Subject: hello\r\n", "1 OK")
	phone.hears("* 4 EXISTS")
	phone.asks("DONE", "2 OK")
	phone.goes()
	laptop.goes()
	fine(t, h.ends())
}

func TestServePOP3(t *testing.T) {
	h := serving(t, &Server{Script: parsed(t, "@connect a pop3\n@login\nC: RETR 1\nS: +OK\nS: {|}\n|.dot\n|end\nS: .\nC: DELE 1\nS: +OK\nC: QUIT\nS: +OK\n")})
	c := h.enter()
	c.asks("CAPA", "+OK", "USER", ".")
	c.asks("USER u", "+OK")
	c.asks("PASS p q", "+OK")
	c.asks("RETR 2", "-ERR mailtrace: RETR was not recorded here")
	c.asks("retr 1", "+OK", "..dot", "end", ".")
	c.asks("NOOP", "+OK")
	c.asks("DELE 1", "+OK")
	c.asks("QUIT", "+OK")
	c.goes()
	if r := h.ends(); r.Different != 1 || r.Unplayed != 0 {
		t.Errorf("expected 1 difference:\n%s", r)
	}
}

// A client that does not behave ends its own connection, by name.
func TestServeBadClients(t *testing.T) {
	for _, x := range [...]struct{ name, says, hears, then, told string }{
		{name: "closes in a command", says: "a LOGIN u", told: "in the midst of a command"},
		{name: "closes in a literal", says: "a LOGIN {5}\r\n", hears: "+ ", then: "ab", told: "in the midst of a command"},
		{name: "speaks TLS", says: "\x16\x03\x01\x02\x00\x01\r\n", hears: "* BAD ", told: "expected a command with its tag"},
		{name: "has no end", says: strings.Repeat("x", 2*maxLine), told: "a line of more than"},
		{name: "has too large a literal", says: "a SELECT {99999999999}\r\n", hears: "a NO [TOOBIG]", told: "a literal of 99999999999 octets"},
	} {
		t.Run(x.name, func(t *testing.T) {
			trouble := make(chan Difference, 9)
			h := serving(t, &Server{Script: parsed(t, selects), Trouble: func(d Difference) { trouble <- d }})
			c := h.enter()
			_, _ = io.WriteString(c.conn, x.says) // the server may have closed before
			if x.hears != "" {
				c.hears(x.hears)
			}
			_, _ = io.WriteString(c.conn, x.then)
			c.goes()
			d := <-trouble
			next := h.enter() // and the next one is served
			next.asks("x LOGIN u p", "x OK")
			next.asks("x SELECT INBOX", "* 3 EXISTS", "x OK")
			if !strings.Contains(d.Text, x.told) || d.Pos.Line == 0 {
				t.Errorf("expected %q, is told %+v", x.told, d)
			}
			if r := h.stops(); r.Different != 1 {
				t.Errorf("expected 1 difference:\n%s", r)
			}
		})
	}
}

// A client that goes before it has its answer did what was recorded.
func TestServeClientGoesEarly(t *testing.T) {
	h := serving(t, &Server{Script: parsed(t, "@connect a imap\n@login\nC: a1 LOGOUT\nS: * BYE\nS: a1 OK\n")})
	c := h.enter()
	c.asks("x LOGIN u p", "x OK")
	c.says("x LOGOUT")
	c.goes()
	fine(t, h.ends())
}

func TestServeSilentClient(t *testing.T) {
	h := serving(t, &Server{Script: parsed(t, selects), Timeout: 20 * time.Millisecond})
	c := h.enter()
	if line, err := c.r.ReadString('\n'); err != io.EOF {
		t.Errorf("expected the end, heard %q, %v", line, err)
	}
	if r := h.stops(); r.Different != 1 || !strings.Contains(r.Differences[0].Text, "said nothing for 20ms") {
		t.Errorf("expected a silent client:\n%s", r)
	}
}
