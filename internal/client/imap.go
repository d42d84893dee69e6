package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
)

// IMAP is an IMAP session. It is not safe for concurrent use.
type IMAP struct {
	conn
	caps     map[string]bool // upper case
	enabled  map[string]bool // extensions, upper case
	greeting string          // OK or PREAUTH
	tags     int
	flights  []*flight
	on       func(*Response) error // of the call under way
	watch    func(*Response)       // of the session
	done     func(*flight, *Result) error
	goAhead  []string // texts of continuation requests that nobody has taken yet
	bye      string   // of a BYE that was not asked for
	byed     bool
	logical  logical
}

// logical is a response that is not whole.
type logical struct {
	name     string
	text     []byte // of its lines
	contents []content
}

// flight is a command that was sent, or is being sent.
type flight struct {
	tag   string
	n     int // of the commands of a call, from 0
	cmd   Command
	part  int // that goes out next
	wait  bool
	octet int64 // sent of it
}

// DialIMAP connects and logs in.
func DialIMAP(ctx context.Context, cfg Config) (*IMAP, error) {
	x, err := connect(ctx, cfg)
	if err != nil {
		return nil, err
	}
	c := &IMAP{conn: *x, enabled: map[string]bool{}}
	c.conn.see = c.see
	defer c.bound(ctx)()
	if err := c.begin(ctx); err != nil {
		c.Close(err)
		return nil, err
	}
	return c, nil
}

// begin reads the greeting and logs in.
func (c *IMAP) begin(ctx context.Context) error {
	if c.tls != nil && c.off > 0 {
		c.greeting = "OK" // STARTTLS took it; what it said of capabilities is void (RFC 9051 §6.2.1)
	}
	for c.greeting == "" {
		if c.byed {
			return c.bidden()
		}
		if err := c.pump(ctx, c.cfg.idle()); err != nil {
			return c.orBye(err)
		}
	}
	if c.byed {
		return c.bidden()
	}
	if c.caps == nil {
		if err := c.askCapabilities(ctx); err != nil {
			return err
		}
	}
	if c.greeting == "PREAUTH" {
		return nil
	}
	return c.loggedIn(c.login(ctx))
}

func (c *IMAP) askCapabilities(ctx context.Context) error {
	_, err := c.Do(ctx, Cmd("CAPABILITY"), nil)
	if err == nil && c.caps == nil {
		c.caps = map[string]bool{}
	}
	return err
}

// Has tells whether the server has a capability, such as "MOVE" or "AUTH=PLAIN".
func (c *IMAP) Has(name string) bool { return c.caps[strings.ToUpper(name)] }

// rev2 tells whether the server speaks IMAP4rev2.
func (c *IMAP) rev2() bool { return c.caps["IMAP4REV2"] }

// Speaks tells whether the server has a capability, or IMAP4rev2, for those that it includes without
// saying so (RFC 9051 appendix E).
func (c *IMAP) Speaks(name string) bool { return c.caps[name] || c.rev2() }

// mailbox is the name of a mailbox as an argument of a command: in UTF-8 where the server speaks nothing
// older than IMAP4rev2 (RFC 9051 §5.1), else in modified UTF-7.
func (c *IMAP) mailbox(name string) any {
	if c.rev2() && !c.Has("IMAP4rev1") {
		return String(name)
	}
	return MailboxName(name)
}

func (c *IMAP) bidden() error { return &ByeError{Addr: c.cfg.URL.Addr(), Text: c.bye} }

// orBye prefers what the server said to how the connection ended.
func (c *IMAP) orBye(err error) error {
	if c.byed && Lost(err) {
		return c.bidden()
	}
	return err
}

// Do says a command and waits for its end. on, which may be nil, is given all untagged responses that
// come meanwhile; its error ends the session. A command that the server refuses is a *[ServerError].
func (c *IMAP) Do(ctx context.Context, cmd Command, on func(*Response) error) (*Result, error) {
	var result *Result
	given := false
	err := c.Pipeline(ctx, func() (Command, bool) {
		if given {
			return Command{}, false
		}
		given = true
		return cmd, true
	}, on, func(_ int, _ Command, r *Result) error {
		result = r
		return nil
	})
	if err != nil {
		return nil, err
	}
	if result.Status != "OK" {
		return result, c.refused(&cmd, result)
	}
	return result, nil
}

func (c *IMAP) refused(cmd *Command, r *Result) error {
	e := &ServerError{Command: cmd.Name, Status: r.Status, Code: r.Code, Text: r.Text}
	if words, ok := r.Data.(*grammar.Words); ok && r.Code == "BADCHARSET" {
		e.Charsets = strs(words.Words)
	}
	return e
}

// Pipeline says the commands that next gives, ahead of the answers as far as the buffers of a system
// go, and waits for the end of all. done is told how each ended, in the order in which they do; the
// error of on or done ends the session.
func (c *IMAP) Pipeline(ctx context.Context, next func() (Command, bool), on func(*Response) error, done func(i int, cmd Command, r *Result) error) error {
	defer c.bound(ctx)()
	c.on, c.goAhead = on, nil
	c.done = func(f *flight, r *Result) error { return done(f.n, f.cmd, r) }
	defer func() { c.on, c.done = nil, nil }()
	n, more := 0, true
	for {
		for more && c.ready() {
			cmd, ok := next()
			if !ok {
				more = false
				break
			}
			c.tags++
			f := &flight{tag: "m" + strconv.Itoa(c.tags), n: n, cmd: cmd}
			n++
			c.flights = append(c.flights, f)
			if err := c.say(ctx, f); err != nil {
				return c.orBye(err)
			}
		}
		if len(c.flights) == 0 {
			return nil
		}
		if err := c.pump(ctx, c.cfg.idle()); err != nil {
			return c.orBye(err)
		}
		if err := c.answer(ctx); err != nil {
			return c.orBye(err)
		}
	}
}

// ready tells whether another command may be said: none waits for a continuation request, and what was
// said ahead fits.
func (c *IMAP) ready() bool {
	var octets int64
	for _, f := range c.flights {
		if f.wait || f.cmd.answer != nil || f.part < len(f.cmd.parts) {
			return false
		}
		octets += f.octet
	}
	return octets < windowOctets
}

// say says a command up to its first synchronizing literal.
func (c *IMAP) say(ctx context.Context, f *flight) error {
	if f.part == 0 {
		f.cmd.parts[0].text = append([]byte(f.tag+" "), f.cmd.parts[0].text...)
	}
	var out []byte
	for f.part < len(f.cmd.parts) {
		p := &f.cmd.parts[f.part]
		out = append(out, p.text...)
		f.part++
		if p.reader == nil {
			continue
		}
		text, waits := p.announcement(c.Has("LITERAL+"), c.Has("LITERAL-") || c.rev2())
		out = append(out, text...)
		if waits {
			f.wait = true
			f.octet += int64(len(out))
			return c.write(ctx, out)
		}
		if err := c.sayContent(ctx, f, p, &out); err != nil {
			return err
		}
	}
	out = append(out, "\r\n"...)
	f.octet += int64(len(out))
	return c.write(ctx, out)
}

// sayContent says a literal's octets; small ones wait in out for what follows them.
func (c *IMAP) sayContent(ctx context.Context, f *flight, p *part, out *[]byte) error {
	buf := make([]byte, min(p.octets, 32<<10))
	left := p.octets
	for left > 0 {
		n, err := io.ReadFull(p.reader, buf[:min(left, int64(len(buf)))])
		if err != nil {
			return fmt.Errorf("client: %s: %d octets of a literal are missing: %w", f.cmd.Name, left-int64(n), err)
		}
		left -= int64(n)
		*out = append(*out, buf[:n]...)
		if len(*out) >= 32<<10 {
			if err := c.write(ctx, *out); err != nil {
				return err
			}
			*out = (*out)[:0]
		}
	}
	return nil
}

// answer goes on with what waited for a continuation request.
func (c *IMAP) answer(ctx context.Context) error {
	for len(c.goAhead) > 0 && len(c.flights) > 0 {
		f := c.flights[len(c.flights)-1]
		text := c.goAhead[0]
		switch {
		case f.wait:
			c.goAhead = c.goAhead[1:]
			f.wait = false
			var out []byte
			if err := c.sayContent(ctx, f, &f.cmd.parts[f.part-1], &out); err != nil {
				return err
			}
			if err := c.sayRest(ctx, f, out); err != nil {
				return err
			}
		case f.cmd.answer != nil:
			c.goAhead = c.goAhead[1:]
			line, err := f.cmd.answer(text)
			if err != nil {
				return err
			}
			if line != nil {
				if err := c.write(ctx, append(line, "\r\n"...)); err != nil {
					return err
				}
			}
		default:
			return errUnexpected("no continuation request", "+ "+c.mask(text))
		}
	}
	return nil
}

// sayRest says what stands behind a literal; out is still to be said before it.
func (c *IMAP) sayRest(ctx context.Context, f *flight, out []byte) error {
	if len(out) > 0 {
		if err := c.write(ctx, out); err != nil {
			return err
		}
	}
	return c.say(ctx, f)
}

// Idle waits for news until ctx is done, on gives ErrStop, or limit is over. With IDLE (RFC 2177) it is told
// of them at once.
func (c *IMAP) Idle(ctx context.Context, limit time.Duration, on func(*Response) error) error {
	defer c.bound(ctx)()
	var result *Result
	begun := false
	c.tags++
	f := &flight{tag: "m" + strconv.Itoa(c.tags), cmd: Cmd("IDLE")}
	f.cmd.answer = func(string) ([]byte, error) {
		begun = true
		return nil, nil
	}
	stop := false
	c.on = func(r *Response) error {
		err := on(r)
		if errors.Is(err, ErrStop) {
			stop = true
			return nil
		}
		return err
	}
	c.done = func(_ *flight, r *Result) error {
		result = r
		return nil
	}
	defer func() { c.on, c.done = nil, nil }()
	c.goAhead, c.flights = nil, append(c.flights, f)
	if err := c.say(ctx, f); err != nil {
		return c.orBye(err)
	}
	until := time.Now().Add(limit)
	said := false
	for result == nil {
		patience := c.cfg.idle()
		if begun && !said {
			if patience = time.Until(until); patience <= 0 || stop {
				said = true
				if err := c.write(ctx, []byte("DONE\r\n")); err != nil {
					return c.orBye(err)
				}
				continue
			}
		}
		err := c.pump(ctx, max(patience, time.Millisecond))
		var late *TimeoutError
		if errors.As(err, &late) && begun && !said && ctx.Err() == nil {
			continue
		}
		if err == nil {
			err = c.answer(ctx)
		}
		if err != nil {
			return c.orBye(err)
		}
	}
	if result.Status != "OK" {
		return c.refused(&f.cmd, result)
	}
	return nil
}

// ErrStop ends an Idle from within.
var ErrStop = errors.New("client: enough")

// Logout ends the session.
func (c *IMAP) Logout(ctx context.Context) error {
	if c.closed {
		return nil
	}
	_, err := c.Do(ctx, Cmd("LOGOUT"), nil)
	c.close("client", "")
	if Lost(err) {
		return nil // it is over either way
	}
	return err
}

// Watch has on called with every untagged response from here on, before the call under way is given it:
// a server tells of changes with any command.
func (c *IMAP) Watch(on func(*Response)) { c.watch = on }

// Close ends the connection at once, because of err, which may be nil.
func (c *IMAP) Close(err error) {
	c.dropContents()
	reason := ""
	if err != nil {
		reason = strings.TrimPrefix(err.Error(), "client: ")
	}
	c.close("client", reason)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
