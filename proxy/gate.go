package proxy

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/internal/dial"
)

// dialect is what a gate has to know of a protocol.
type dialect struct {
	tagged   bool            // commands begin with a tag
	allowed  map[string]bool // before TLS; true: its positive reply has many lines
	startTLS string
	accept   string // behind the tag
	refuse   string
	tooLong  string
}

var dialects = map[string]*dialect{
	dial.IMAP: {
		tagged:   true,
		allowed:  map[string]bool{"CAPABILITY": false, "NOOP": false, "ID": false, "LOGOUT": false},
		startTLS: "STARTTLS", // RFC 9051 §6.2.1
		accept:   "OK Begin TLS negotiation now",
		refuse:   "NO [PRIVACYREQUIRED] mailtrace: TLS is required here: use STARTTLS first", // RFC 5530 §3
		tooLong:  "BAD mailtrace: expected a tag and a command",
	},
	dial.POP3: {
		allowed:  map[string]bool{"CAPA": true, "NOOP": false, "ID": false, "QUIT": false},
		startTLS: "STLS", // RFC 2595 §4
		accept:   "+OK Begin TLS negotiation",
		refuse:   "-ERR mailtrace: TLS is required here: use STLS first",
	},
}

// answer is a line of ours to the client.
type answer struct {
	text string // without its line end
	what string
	turn bool // behind it begins TLS
}

// replies waits for the end of a server's reply, by framing alone, so that a decoder that
// failed does not stop the gate.
type replies struct {
	tag       string // completion result with this tag; "" for the next line of any kind
	plus      bool   // or a command continuation request
	multiline bool   // or, if that line begins with +OK, a lone "."
	inBody    bool
	went      bool // it was the command continuation request
	line      []byte
}

// replyHead is how much of a server's line matters here.
const replyHead = 512

// see takes what the client is given and tells whether the reply ends in it.
func (r *replies) see(p []byte) bool {
	for len(p) > 0 {
		line, rest, whole := bytes.Cut(p, []byte("\n"))
		r.line = append(r.line, line[:min(len(line), replyHead-len(r.line))]...)
		if !whole {
			return false
		}
		if p = rest; r.ends(bytes.TrimSuffix(r.line, []byte("\r"))) {
			return true
		}
		r.line = r.line[:0]
	}
	return false
}

func (r *replies) ends(line []byte) bool {
	switch {
	case r.inBody:
		return string(line) == "."
	case r.tag != "":
		r.went = r.plus && len(line) > 0 && line[0] == '+'
		return r.went || bytes.HasPrefix(line, []byte(r.tag+" "))
	case r.multiline && len(line) >= 3 && bytes.EqualFold(line[:3], []byte("+OK")):
		r.inBody = true
		return false
	}
	return true
}

// gate is the client's side of a +starttls listener before TLS, where its legs are unlike:
// it lets pass what concerns nothing but the connection, refuses the rest and answers
// STARTTLS itself. One command is answered before the next is looked at, so that our
// answers stand where a server's would.
type gate struct {
	c *conn
	d *dialect
	b *buffer

	within  bool // a command's line ended in a literal, so the command goes on
	pass    bool // the command under way is let through
	literal int64
	tag     string
}

// closeGate makes the gate wait for the greeting, before the pumps start.
func (c *conn) closeGate() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.replies = &replies{}
	c.parkLocked()
}

// gate runs until the connection turns to TLS or ends.
func (c *conn) gate(b *buffer) {
	g := gate{c: c, d: dialects[c.url.Protocol], b: b}
	g.wait("with a greeting")
	src := c.legs[decode.Client]
	for {
		for !c.isTurning() {
			n := g.unit(b.held)
			if n == 0 {
				break
			}
			if !g.take(n) {
				return
			}
		}
		switch {
		case c.isTurning():
			return
		case b.err != nil:
			c.end(decode.Client, b.err)
			return
		}
		n, err := src.Read(b.data[len(b.held):])
		b.held = b.data[:len(b.held)+n]
		if errors.Is(err, os.ErrDeadlineExceeded) && !c.isStopping() {
			c.deadline(decode.Client, time.Time{}) // meant for one who waits
			err = nil
		}
		b.err = err
	}
}

func (c *conn) isTurning() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.turning
}

// wait parks until the reply that c.replies or c.answer is about was given. What
// the client says meanwhile is kept.
func (g *gate) wait(awaiting string) { g.c.park(g.b, awaiting) }

// unit is how many octets of held can be dealt with: a line, a part of a literal, or as
// much of a line as there is room for.
func (g *gate) unit(held []byte) int {
	if g.literal > 0 {
		return int(min(g.literal, int64(len(held))))
	}
	if i := bytes.IndexByte(held, '\n'); i >= 0 {
		return i + 1
	}
	if len(held) == len(g.b.data) {
		return len(held)
	}
	return 0
}

// take deals with the first n octets held. It reports whether the client's direction
// goes on.
func (g *gate) take(n int) bool {
	u := g.b.held[:n]
	if g.literal > 0 {
		g.literal -= int64(n)
		return g.through(u)
	}
	line, whole := bytes.CutSuffix(u, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if !g.within {
		name := ""
		g.tag, name = g.parse(line)
		if whole && name == g.d.startTLS && (!g.d.tagged || g.tag != "") {
			return g.startTLS(n)
		}
		_, g.pass = g.d.allowed[name]
		g.pass = g.pass && whole && (!g.d.tagged || g.tag != "")
		if g.pass && g.d.allowed[name] {
			g.c.expect(&replies{multiline: true})
		} else if g.pass {
			g.c.expect(&replies{tag: g.tag})
		}
	}
	literal, sync, more := int64(0), false, false
	if g.d.tagged && whole {
		literal, sync, more = announced(line)
	}
	asked := &replies{tag: g.tag, plus: true}
	if more && sync && g.pass {
		g.c.expect(asked)
	}
	if !g.through(u) {
		return false
	}
	g.within = more || !whole
	switch {
	case more && sync && g.pass:
		if g.wait("a literal"); asked.went {
			g.c.expect(&replies{tag: g.tag})
		} else {
			g.within, literal = false, 0
		}
	case more && sync:
		// RFC 9051 §4.3: a literal that is refused is not sent.
		g.within, literal = false, 0
		return g.refuse()
	case g.within:
	case g.pass:
		g.wait("a command")
	default:
		return g.refuse()
	}
	g.literal = literal
	return true
}

// expect says which reply of the server the gate waits for, before the command goes on.
func (c *conn) expect(r *replies) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.replies = r
	if !c.ended[decode.Server] && !c.stopping {
		c.parkLocked()
	}
}

// through observes octets, and writes them on where the command may pass.
func (g *gate) through(u []byte) bool {
	c := g.c
	c.mu.Lock()
	c.spoke = true
	c.observeLocked(decode.Client, u)
	if g.pass {
		c.editClientLocked(u)
	}
	c.mu.Unlock()
	if g.pass && !c.forward(decode.Client, c.legs[decode.Server], u) {
		return false
	}
	g.b.hold(g.b.held[len(u):])
	return true
}

// refuse answers a command that has to wait for TLS.
func (g *gate) refuse() bool {
	a := &answer{text: g.d.refuse, what: "refused a command before TLS"}
	switch {
	case g.d.tagged && g.tag == "":
		a.text, a.what = "* "+g.d.tooLong, "refused a line that is no command"
	case g.d.tagged:
		a.text = g.tag + " " + a.text
	}
	return g.say(a)
}

// startTLS answers the client's STARTTLS, whose line is the first n octets held. What
// follows in clear is decoded, for it is a finding, and goes nowhere.
func (g *gate) startTLS(n int) bool {
	c := g.c
	c.mu.Lock()
	c.spoke = true
	taken, next := c.observeLocked(decode.Client, g.b.held)
	if next != decode.Park { // the decoder failed, so that we look ourselves
		taken = n
		if rest := g.b.held[n:]; len(rest) > 0 && rest[0] != recordHandshake {
			taken = len(g.b.held)
		}
	}
	if dropped := taken - n; dropped > 0 {
		c.markLocked(decode.Undelivered, decode.Client, decode.Fields{}.
			With("octets", strconv.Itoa(dropped)).With("error", "in clear behind "+g.d.startTLS+": dropped"))
	}
	c.mu.Unlock()
	g.b.hold(g.b.held[taken:])
	a := &answer{text: g.d.accept, what: "answered " + g.d.startTLS, turn: true}
	if g.d.tagged {
		a.text = g.tag + " " + a.text
	}
	return g.say(a)
}

// say has the server's pump give an answer, and waits until it is given.
func (g *gate) say(a *answer) bool {
	c := g.c
	c.mu.Lock()
	if c.ended[decode.Server] || c.stopping {
		c.endLocked(decode.Client, "", "")
		c.mu.Unlock()
		return false
	}
	c.answer = a
	c.parkLocked()
	interrupt(c.legs[decode.Server])
	c.mu.Unlock()
	g.wait("a command")
	return true
}

// parse splits a command line. The name is in upper case; an IMAP tag that is none is "".
func (g *gate) parse(line []byte) (tag, name string) {
	words := strings.Fields(string(line[:min(len(line), replyHead)]))
	if g.d.tagged {
		if len(words) < 2 || strings.ContainsFunc(words[0], notTag) || len(words[0]) > 128 {
			return "", ""
		}
		tag, words = words[0], words[1:]
	}
	if len(words) == 0 {
		return tag, ""
	}
	return tag, strings.ToUpper(words[0])
}

// notTag: a tag is 1*<any ASTRING-CHAR except "+"> (RFC 9051 §9).
func notTag(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`(){%*"\+`, r)
}

// announced reads the literal that a line ends in, {n} or {n+} (RFC 9051 §4.3).
func announced(line []byte) (n int64, sync, ok bool) {
	open := bytes.LastIndexByte(line, '{')
	if open < 0 || line[len(line)-1] != '}' {
		return 0, false, false
	}
	digits, nonSync := strings.CutSuffix(string(line[open+1:len(line)-1]), "+")
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, !nonSync, err == nil && n >= 0
}

// editClientLocked shows the rewriter what goes to the server.
func (c *conn) editClientLocked(p []byte) {
	if c.edit == nil {
		return
	}
	if problem := c.edit.client(p); problem != "" {
		c.markLocked(decode.Desync, decode.Client, decode.Fields{}.With("reason", "editing stopped: "+problem))
	}
}
