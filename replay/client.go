package replay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailtrace/mailtrace/internal/dial"
)

// Client plays scripts against a server.
type Client struct {
	URL      dial.URL
	Dial     *dial.Config // nil is the zero value
	User     string       // ${user}; where empty, the URL's
	Password string
	Token    string
	Vars     map[string]string
	// AllowCleartext says passwords on connections without TLS.
	AllowCleartext bool
	// AllowChanges plays the commands that change the mailbox. Without it they, and what
	// depends on them, are unplayed.
	AllowChanges bool
	// Timeout is how long a reply may take where no @wait says otherwise; 0 is 30 s.
	Timeout time.Duration
	// Save stores what a {>file} takes.
	Save func(name string, content io.Reader) error
	// Log, where set, is told each line; see [Options.Log].
	Log func(at Pos, line string)
}

// Run plays all connections of a script. They are opened in the order of the script and
// played concurrently; one that begins below the last line of another is opened when that
// one is over, as a maildrop has one session at a time (RFC 1939 §4).
//
// What the server says differently is in the report, and so is a conversation that broke off.
// The error is for a script that cannot be played, of type *[Error]; for a server that cannot
// be reached, *dial.Error; for a login that was refused, *[AuthError]; for ctx.
func (c *Client) Run(ctx context.Context, script *Script) (*Report, error) {
	begin := time.Now()
	r := &run{client: c, script: script, all: commands(script), barrier: NewBarrier(len(script.Conns)), sent: map[Pos]time.Time{}, came: map[Pos]time.Time{}}
	for _, conn := range script.Conns {
		if string(conn.Protocol) != c.URL.Protocol {
			return nil, errorAt(conn.Pos, "expected connections of %s, as %s has it, found %s", c.URL.Protocol, c.URL.Scheme, conn.Protocol)
		}
	}
	if !c.AllowChanges {
		r.skipped, r.skip = leftOut(r.all)
	}
	r.play(ctx)
	report := r.report()
	report.Elapsed = time.Since(begin)
	for _, err := range r.errs {
		if err != nil {
			return report, err
		}
	}
	return report, nil
}

// run is one run of a script.
type run struct {
	client  *Client
	script  *Script
	all     []*command
	skipped map[*command]bool
	skip    map[Pos]bool
	barrier *Barrier
	errs    []error // by connection

	mu    sync.Mutex
	sent  map[Pos]time.Time
	came  map[Pos]time.Time
	diffs [][]Difference // by connection
}

func (r *run) play(ctx context.Context) {
	n := len(r.script.Conns)
	r.errs, r.diffs = make([]error, n), make([][]Difference, n)
	over := make([]chan struct{}, n)   // all lines are played
	opened := make([]chan struct{}, n) // the connection is there, or never will be
	for i := range over {
		over[i], opened[i] = make(chan struct{}), make(chan struct{})
	}
	var all sync.WaitGroup
	for i := range r.script.Conns {
		all.Go(func() {
			var once, open sync.Once
			done := func() { once.Do(func() { close(over[i]) }) }
			defer done()
			isOpen := func() { open.Do(func() { close(opened[i]) }) }
			defer isOpen()
			r.errs[i] = r.connection(ctx, i, over, opened, isOpen, done)
		})
	}
	all.Wait()
}

// connection plays one connection when it is its turn.
func (r *run) connection(ctx context.Context, i int, over, opened []chan struct{}, isOpen, done func()) error {
	conn := r.script.Conns[i]
	syncs, before := r.turn(i)
	for range syncs {
		if err := r.barrier.wait(ctx); err != nil {
			return ctx.Err()
		}
	}
	for j := range i {
		ch := opened[j]
		if before[j] {
			ch = over[j]
		}
		select {
		case <-ch:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	c, starttls, err := r.dial(ctx, conn)
	isOpen()
	if err != nil {
		r.barrier.fail(err)
		return err
	}
	defer c.Close()
	res, err := Play(ctx, c, r.script, conn.Name, Options{
		User: r.user(), Password: r.client.Password, Token: r.client.Token, Vars: r.client.Vars,
		StartTLS: starttls, Barrier: r.barrier, Save: r.client.Save, Timeout: r.client.Timeout, Log: r.client.Log,
		ForbidCleartext: !r.client.AllowCleartext && !c.secure,
		watch:           r.watch, skip: r.skip, step: r.step, syncs: syncs, done: done, early: c.early,
	})
	r.diffs[i] = res.Differences
	return r.classify(ctx, i, err)
}

// classify makes a difference of a conversation that broke off; all else stays an error.
func (r *run) classify(ctx context.Context, i int, err error) error {
	var script *Error
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, new(*AuthError)), errors.As(err, new(*CleartextError)), errors.As(err, new(*dial.Error)), errors.As(err, &script):
		return err
	}
	d := Difference{Pos: r.script.Conns[i].Pos, Text: strings.TrimPrefix(err.Error(), "replay: ")}
	var broken *BrokenError
	if errors.As(err, &broken) {
		d.Pos, d.Expected, d.Text = broken.Pos, broken.Expected, broken.Err.Error()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			d.Text = "the server closed the connection"
		}
	}
	if r.failedBefore(err) {
		return nil // told where it failed
	}
	r.diffs[i] = append(r.diffs[i], d)
	return nil
}

// step gives the lines of the step that a C: line belongs to.
func (r *run) step(at Pos) map[Pos]bool {
	lines := map[Pos]bool{}
	for _, c := range r.all {
		if !slices.ContainsFunc(c.said, func(l *Line) bool { return l.Pos == at }) {
			continue
		}
		for _, l := range slices.Concat(c.said, c.heard) {
			lines[l.Pos] = true
		}
	}
	return lines
}

func (r *run) failedBefore(err error) bool {
	return strings.Contains(err.Error(), "at @sync: another connection failed")
}

func (r *run) user() string {
	if r.client.User != "" {
		return r.client.User
	}
	return r.client.URL.User
}

// turn gives how many @sync stand above a connection's @connect, and which connections have
// all their lines above it.
func (r *run) turn(i int) (syncs int, before []bool) {
	before = make([]bool, i)
	for j := range before {
		before[j] = true
	}
	seen := false
	for _, it := range r.script.Steps() {
		name := ""
		switch it := it.(type) {
		case *Line:
			name = it.Conn
		case *Directive:
			switch {
			case it.Verb == Connect && it.Conn == r.script.Conns[i].Name:
				seen = true
			case it.Verb == Sync && !seen:
				syncs++
			case it.Verb != Connect:
				name = it.Conn
			}
		}
		for j := range i {
			if seen && name == r.script.Conns[j].Name {
				before[j] = false
			}
		}
	}
	return syncs, before
}

// dialed is a connection whose greeting is still to be read.
type dialed struct {
	net.Conn
	r      io.Reader
	secure bool
	early  bool // the greeting came before TLS
}

func (d *dialed) Read(p []byte) (int, error) { return d.r.Read(p) }

// dial connects. A script that has its own STARTTLS gets the connection in clear, and the
// handshake.
func (r *run) dial(ctx context.Context, conn Connection) (*dialed, func(net.Conn) (net.Conn, error), error) {
	cfg := r.client.Dial
	if cfg == nil {
		cfg = &dial.Config{}
	}
	u := r.client.URL
	directive, raw := r.startTLS(conn.Name)
	var starttls func(net.Conn) (net.Conn, error)
	if u.Security == dial.StartTLS && (directive || raw) || u.Security == dial.Plain && raw && !directive {
		u.Security = dial.Plain
		starttls = func(c net.Conn) (net.Conn, error) { return cfg.Handshake(ctx, c, u.Host) }
	}
	c, err := cfg.Dial(ctx, u, nil)
	if err != nil {
		return nil, nil, err
	}
	d := &dialed{Conn: c.Conn, r: c.Conn, secure: c.TLS != nil}
	if c.Greeting != nil {
		greeting := append(bytes.TrimRight(c.Greeting, "\r\n"), "\r\n"...)
		d.r = io.MultiReader(bytes.NewReader(greeting), c.Conn)
		d.early = d.secure
	}
	return d, starttls, nil
}

// startTLS tells whether a connection has @starttls, or the command itself.
func (r *run) startTLS(conn string) (directive, raw bool) {
	for _, c := range r.all {
		if c.conn != conn {
			continue
		}
		directive = directive || c.text == "@starttls"
		raw = raw || len(c.words) == 1 && (c.words[0] == "STARTTLS" || c.words[0] == "STLS")
	}
	return directive, raw
}

func (r *run) watch(at Pos, sent bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.came; !sent {
		m[at] = time.Now()
	} else {
		r.sent[at] = time.Now()
	}
}

// report counts.
func (r *run) report() *Report {
	rep := &Report{Script: r.script.Name, Changing: len(r.skipped)}
	number := map[string]int{}
	for i, c := range r.script.Conns {
		number[c.Name] = i + 1
	}
	owner := map[Pos]*command{}
	first := map[string]*command{}
	for _, c := range r.all {
		owner[c.pos] = c
		for _, l := range append(c.said[:len(c.said):len(c.said)], c.heard...) {
			owner[l.Pos] = c
		}
		if first[c.conn] == nil {
			first[c.conn] = c
		}
	}
	different := map[*command]bool{}
	for i, diffs := range r.diffs {
		for _, d := range diffs {
			c := owner[d.Pos]
			if c == nil {
				c = first[r.script.Conns[i].Name]
			}
			d.Conn = i + 1
			if c != nil {
				d.Command = c.text
				different[c] = true
			}
			rep.Differences = append(rep.Differences, d)
		}
	}
	for _, c := range r.all {
		s := StepReport{Conn: number[c.conn], Pos: c.pos, Command: c.text, Verb: c.verb(), Outcome: OutcomeSame}
		end, came := r.came[c.end]
		if sent, ok := r.sent[c.pos]; ok && came {
			s.Latency = end.Sub(sent)
		}
		_, sent := r.sent[c.pos]
		switch {
		case different[c]:
			s.Outcome = OutcomeDifferent
			rep.Different++
		case !came && (c.end != Pos{} || !sent):
			s.Outcome = OutcomeUnplayed
			rep.Unplayed++
		default:
			rep.Same++
		}
		rep.Steps = append(rep.Steps, s)
	}
	return rep
}
