package client

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	gosasl "github.com/emersion/go-sasl"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/pop3"
	"github.com/mailtrace/mailtrace/internal/sasl"
	"github.com/mailtrace/mailtrace/internal/spool"
)

// POP3 is a POP3 session. It is not safe for concurrent use.
type POP3 struct {
	conn
	caps       map[string][]string // by name in upper case, with its parameters (RFC 2449 §5)
	greeted    bool
	refused    *ServerError // the greeting was -ERR
	stamp      string       // timestamp of the greeting (RFC 1939 §7)
	queue      []*sent      // commands without an answer, the oldest first
	done       func(s *sent, r *Reply) error
	sasl       string
	hasSASL    bool
	unanswered int64
}

type sent struct {
	n      int
	name   string
	octets int64
	reply  Reply
}

// Reply is the answer to a POP3 command.
type Reply struct {
	OK   bool
	Code string // extended response code (RFC 2449 §8), upper case
	Text string // behind status and code
	// Content is the multi-line response that followed, un-stuffed: a message, or the lines of a
	// listing. Nil where there was none. It belongs to the caller of Do; in Pipeline it is dropped
	// behind done, unless that sets it to nil.
	Content *spool.Spool
}

// follows tells whether a multi-line response follows a status line.
func follows(e *decode.Event) bool {
	r, ok := e.Detail.(*pop3.Reply)
	return e.Kind == decode.Completion && ok && r.Follows != ""
}

// DialPOP3 connects and logs in.
func DialPOP3(ctx context.Context, cfg Config) (*POP3, error) {
	x, err := connect(ctx, cfg)
	if err != nil {
		return nil, err
	}
	c := &POP3{conn: *x}
	c.conn.see = c.see
	defer c.bound(ctx)()
	if err := c.begin(ctx); err != nil {
		c.Close(err)
		return nil, err
	}
	return c, nil
}

func (c *POP3) begin(ctx context.Context) error {
	if c.tls != nil && c.off > 0 {
		c.greeted = true // STLS took it: see connect
	}
	for !c.greeted {
		if err := c.pump(ctx, c.cfg.idle()); err != nil {
			return err
		}
	}
	if c.refused != nil {
		return c.refused
	}
	if err := c.Capabilities(ctx); err != nil {
		return err
	}
	return c.loggedIn(c.login(ctx))
}

// Capabilities asks for them (RFC 2449 §5). A server that does not know CAPA has none.
func (c *POP3) Capabilities(ctx context.Context) error {
	defer c.limited(capaLimit)()
	r, err := c.Do(ctx, "CAPA")
	c.caps = map[string][]string{}
	var refused *ServerError
	if errors.As(err, &refused) {
		return nil
	}
	if err != nil {
		return err
	}
	return eachLine(r.Content, func(line string) error {
		w := strings.Fields(strings.ToUpper(line))
		if len(w) > 0 && len(c.caps) < 1000 {
			c.caps[w[0]] = w[1:]
		}
		return nil
	})
}

// Has tells whether CAPA named a capability.
func (c *POP3) Has(name string) bool {
	_, ok := c.caps[strings.ToUpper(name)]
	return ok
}

// LoginDelay is the least time between two logins that the server asks for (RFC 2449 §6.4); 0 where it does
// not say.
func (c *POP3) LoginDelay() time.Duration {
	if p := c.caps["LOGIN-DELAY"]; len(p) > 0 {
		if n, err := strconv.Atoi(p[0]); err == nil && n > 0 && n <= 24*60*60 {
			return time.Duration(n) * time.Second
		}
	}
	return 0
}

// Limits of what is taken of a listing, in octets: a million messages have less.
const (
	capaLimit    = 64 << 10
	listingLimit = 128 << 20
)

// limited bounds the octets of a content until the function given back is called.
func (c *conn) limited(octets int64) (restore func()) {
	before := c.limit
	if before == 0 || octets < before {
		c.limit = octets
	}
	return func() { c.limit = before }
}

// eachLine gives the lines of a listing, and drops it.
func eachLine(s *spool.Spool, do func(line string) error) error {
	if s == nil {
		return nil
	}
	defer s.Drop()
	scan := bufio.NewScanner(s.Reader())
	for scan.Scan() {
		if err := do(scan.Text()); err != nil {
			return err
		}
	}
	if err := scan.Err(); err != nil {
		return fmt.Errorf("client: reading a listing: %w", err)
	}
	return nil
}

// see takes an event of the server.
func (c *POP3) see(e *decode.Event, s *spool.Spool) error {
	switch e.Kind {
	case decode.Greeting:
		c.greeted = true
		if d, ok := e.Detail.(*pop3.Greeted); ok {
			c.stamp = d.Timestamp
		}
		if e.Name != "+OK" {
			c.refused = refusal("the greeting", e)
		}
	case decode.ContinuationRequest:
		c.sasl, c.hasSASL = strings.TrimSpace(strings.TrimPrefix(string(e.Text), "+")), true
	case decode.Completion:
		if len(c.queue) == 0 {
			return errUnexpected("nothing, for nothing was asked", c.mask(string(e.Text)))
		}
		x := c.queue[0]
		x.reply = Reply{OK: e.Name == "+OK", Text: statusText(e.Text)}
		if d, ok := e.Detail.(*pop3.Reply); ok {
			x.reply.Code = d.Code
		}
		if !announces(e) {
			return c.finish()
		}
	case decode.Multiline:
		if len(c.queue) == 0 {
			return errUnexpected("no multi-line response", c.mask(string(e.Text)))
		}
		c.queue[0].reply.Content = s
		return c.finish()
	case decode.Malformed:
		if !c.greeted {
			if err := otherGreeting(c.cfg.URL.Addr(), "pop3", e.Text); err != nil {
				return err
			}
		}
		return errUnexpected("+OK or -ERR", c.mask(string(e.Text)))
	}
	return nil
}

func (c *POP3) finish() error {
	x := c.queue[0]
	c.queue = c.queue[1:]
	c.unanswered -= x.octets
	var err error
	if c.done != nil {
		err = c.done(x, &x.reply)
	}
	return err
}

// statusText is what stands behind the status indicator and a response code.
func statusText(line []byte) string {
	_, s, _ := strings.Cut(string(line), " ")
	if strings.HasPrefix(s, "[") {
		if i := strings.IndexByte(s, ']'); i >= 0 {
			s = strings.TrimPrefix(s[i+1:], " ")
		}
	}
	return s
}

func refusal(command string, e *decode.Event) *ServerError {
	x := &ServerError{Command: command, Status: e.Name, Text: statusText(e.Text)}
	switch d := e.Detail.(type) {
	case *pop3.Reply:
		x.Code = d.Code
	case *pop3.Greeted:
		x.Code = d.Code
	}
	return x
}

// Do says a command and waits for its answer. A command that the server refuses is a *[ServerError]; of
// what holds a secret, only the name is in it.
func (c *POP3) Do(ctx context.Context, command string) (*Reply, error) {
	var reply *Reply
	given := false
	err := c.Pipeline(ctx, func() (string, bool) {
		first := !given
		given = true
		return command, first
	}, func(_ int, r *Reply) error {
		kept := *r
		reply, r.Content = &kept, nil
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !reply.OK {
		return reply, &ServerError{Command: nameOf(command), Status: "-ERR", Code: reply.Code, Text: c.mask(reply.Text)}
	}
	return reply, nil
}

func nameOf(command string) string {
	name, _, _ := strings.Cut(command, " ")
	return name
}

// Pipeline says the commands that next gives, ahead of the answers where the server has PIPELINING
// (RFC 2449 §6.6), and tells done each answer in their order. The error of done ends the session.
func (c *POP3) Pipeline(ctx context.Context, next func() (command string, ok bool), done func(i int, r *Reply) error) error {
	defer c.bound(ctx)()
	c.done = func(s *sent, r *Reply) error {
		err := done(s.n, r)
		if r.Content != nil {
			r.Content.Drop()
		}
		return err
	}
	defer func() { c.done = nil }()
	n, more := 0, true
	for {
		var out []byte
		for more && (len(c.queue) == 0 || c.Has("PIPELINING") && c.unanswered < windowOctets) {
			command, ok := next()
			if !ok {
				more = false
				break
			}
			x := &sent{n: n, name: nameOf(command), octets: int64(len(command)) + 2}
			n++
			c.queue = append(c.queue, x)
			c.unanswered += x.octets
			out = append(append(out, command...), "\r\n"...)
		}
		if len(out) > 0 {
			if err := c.write(ctx, out); err != nil {
				return err
			}
		}
		if len(c.queue) == 0 {
			return nil
		}
		if err := c.pump(ctx, c.cfg.idle()); err != nil {
			return err
		}
	}
}

// login logs in by the strongest way that the server offers, or the one that was asked for.
func (c *POP3) login(ctx context.Context) error {
	creds, err := c.credentials(ctx)
	if err != nil {
		return err
	}
	want := strings.ToUpper(c.cfg.Mechanism)
	offered := slices.Clone(c.caps["SASL"])
	if want != "USER" && want != "APOP" {
		name, err := sasl.Choose(offered, want, creds, c.cfg.AllowCleartext)
		// A mechanism that says the password itself is no better than USER and PASS, which all servers have.
		if err == nil && (want != "" || creds.Token != "" || !sasl.Cleartext(name) || c.caps["USER"] == nil && c.Has("SASL")) {
			return c.unbound(name, func(name string) (gosasl.Client, error) {
				mech, err := sasl.New(name, offered, creds)
				if err != nil {
					return nil, err
				}
				return mech, c.authenticate(ctx, name, creds.User, mech)
			})
		}
		if err != nil && (want != "" || creds.Token != "") {
			return err
		}
	}
	if c.stamp != "" && want != "USER" && (want == "APOP" || c.tls == nil) {
		r, err := c.Do(ctx, "APOP "+creds.User+" "+sasl.APOP(c.stamp, creds.Password))
		return c.authenticated(r, err, "APOP", creds.User)
	}
	if want == "APOP" {
		return errors.New("client: the server's greeting has no timestamp, so there is no APOP")
	}
	if c.tls == nil && !c.cfg.AllowCleartext {
		return &CleartextError{c.serverURL()}
	}
	if bad := strings.ContainsAny(creds.User+creds.Password, "\r\n\x00"); bad {
		return errors.New("client: user or password holds a line end, which POP3 cannot say")
	}
	r, err := c.Do(ctx, "USER "+creds.User)
	if err == nil {
		r, err = c.Do(ctx, "PASS "+creds.Password)
	}
	return c.authenticated(r, err, "USER", creds.User)
}

func (c *POP3) authenticated(r *Reply, err error, mechanism, user string) error {
	if r != nil && !r.OK {
		return &AuthError{ServerError: ServerError{Command: mechanism, Status: "-ERR", Code: r.Code, Text: c.mask(r.Text)}, Mechanism: mechanism, User: user}
	}
	return err
}

// authenticate says AUTH (RFC 5034 §4).
func (c *POP3) authenticate(ctx context.Context, name, user string, mech gosasl.Client) error {
	_, initial, err := mech.Start()
	if err != nil {
		return err
	}
	command := "AUTH " + name
	pending := initial != nil
	// "AUTH" SP mechanism SP response must fit 255 octets (RFC 5034 §4).
	if ir := encodeInitial(initial); pending && len(command)+1+len(ir)+2 <= 255 {
		command += " " + ir
		pending = false
	}
	defer c.bound(ctx)()
	var reply *Reply
	c.done = func(_ *sent, r *Reply) error {
		reply = r
		return nil
	}
	defer func() { c.done = nil }()
	c.hasSASL = false
	c.queue = append(c.queue, &sent{name: "AUTH"})
	if err := c.write(ctx, []byte(command+"\r\n")); err != nil {
		return err
	}
	var failed error
	for reply == nil {
		if err := c.pump(ctx, c.cfg.idle()); err != nil {
			return err
		}
		if !c.hasSASL || reply != nil {
			continue
		}
		c.hasSASL = false
		line := []byte("*")
		if pending {
			pending, line = false, encodeLine(initial)
		} else if challenge, err := base64.StdEncoding.DecodeString(c.sasl); err != nil {
			failed = fmt.Errorf("client: AUTH %s: the challenge is not base64", name)
		} else if response, err := mech.Next(challenge); err != nil {
			failed = err
		} else {
			line = encodeLine(response)
		}
		if err := c.write(ctx, append(line, "\r\n"...)); err != nil {
			return err
		}
	}
	if failed != nil {
		return failed
	}
	if err := c.authenticated(reply, nil, name, user); err != nil {
		return err
	}
	return proved(name, mech)
}

// Stat gives how many messages there are, and their octets (RFC 1939 §5).
func (c *POP3) Stat(ctx context.Context) (messages int, octets int64, err error) {
	r, err := c.Do(ctx, "STAT")
	if err != nil {
		return 0, 0, err
	}
	if _, err := fmt.Sscan(r.Text, &messages, &octets); err != nil || messages < 0 {
		return 0, 0, errUnexpected("the number of messages and their octets", r.Text)
	}
	return messages, octets, nil
}

// Listed is a line of LIST or UIDL.
type Listed struct {
	Number int
	Octets int64  // of LIST
	ID     string // of UIDL
}

// List gives the messages with their sizes, in the server's order.
func (c *POP3) List(ctx context.Context) ([]Listed, error) {
	return c.listing(ctx, "LIST", func(l *Listed, value string) (err error) {
		l.Octets, err = strconv.ParseInt(value, 10, 64)
		return err
	})
}

// UIDL gives the messages with their lasting ids (RFC 1939 §7).
func (c *POP3) UIDL(ctx context.Context) ([]Listed, error) {
	return c.listing(ctx, "UIDL", func(l *Listed, value string) error {
		l.ID = value
		return nil
	})
}

func (c *POP3) listing(ctx context.Context, command string, value func(*Listed, string) error) ([]Listed, error) {
	defer c.limited(listingLimit)()
	r, err := c.Do(ctx, command)
	if err != nil {
		return nil, err
	}
	var list []Listed
	err = eachLine(r.Content, func(line string) error {
		w := strings.Fields(line)
		if len(w) < 2 {
			return errUnexpected("a message number and its value in "+command, line)
		}
		n, err := strconv.Atoi(w[0])
		if err != nil || n < 1 {
			return errUnexpected("a message number in "+command, line)
		}
		l := Listed{Number: n}
		if err := value(&l, w[1]); err != nil {
			return errUnexpected("a size in "+command, line)
		}
		list = append(list, l)
		return nil
	})
	return list, err
}

// Quit ends the session; what DELE marked is removed now (RFC 1939 §6).
func (c *POP3) Quit(ctx context.Context) error {
	if c.closed {
		return nil
	}
	_, err := c.Do(ctx, "QUIT")
	c.close("client", "")
	return err
}

// Close ends the connection at once, without QUIT: nothing is removed.
func (c *POP3) Close(err error) {
	for _, x := range c.queue {
		if x.reply.Content != nil {
			x.reply.Content.Drop()
		}
	}
	reason := ""
	if err != nil {
		reason = strings.TrimPrefix(err.Error(), "client: ")
	}
	c.close("client", reason)
}
