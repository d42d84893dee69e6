package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"time"
)

// Options are what Play needs besides the script. The zero value plays a script that logs
// in by no means.
type Options struct {
	User     string // ${user}
	Password string // ${password}
	Token    string // ${token}
	// Vars are values of further variables, by name.
	Vars map[string]string
	// StartTLS does the handshake behind an accepted STARTTLS or STLS, for @starttls and
	// for a raw command. Where it is nil, @starttls is skipped: the connection is under TLS.
	StartTLS func(net.Conn) (net.Conn, error)
	// Barrier joins the players of a script with several connections.
	Barrier *Barrier
	// Save stores what a {>file} takes; name is as written, and has no "..".
	Save func(name string, content io.Reader) error
	// Timeout is how long a reply may take where no @wait says otherwise; 0 is 30 s.
	Timeout time.Duration
	// ForbidCleartext refuses to say a password or a token before TLS: conn is not secure.
	ForbidCleartext bool
	// Log, where set, is told each line: of the client as the script has it, so without
	// secrets; of the server as it came.
	Log func(at Pos, line string)

	// watch, where set, is told when a C: line was sent, and when what an S: line or a
	// directive asks for has come.
	watch func(at Pos, sent bool)
	skip  map[Pos]bool // lines that are not played
	// step, where set, gives the lines of the step that a C: line begins.
	step  func(Pos) map[Pos]bool
	syncs int    // how many @sync are behind us
	done  func() // called when all lines are played, before a @sync that follows them
	early bool   // the greeting came before TLS
}

// Result is what came of playing one connection.
type Result struct {
	Conn        string
	Sent        int // C: lines
	Same        int // S: lines that came
	Differences []Difference
	Unplayed    int               // lines that were not reached
	Vars        map[string]string // what the variables are bound to
}

// Play plays one connection of a script as the client, on conn, whose greeting is not read
// yet. Differences are in the Result; the error is for what ended the play before its end:
// the connection, a reply that did not come, ctx. conn stays open, without deadlines, but
// what the server said behind the last S: line may have been read and is lost; after
// STARTTLS it must not be used any more but through what Options.StartTLS gave.
func Play(ctx context.Context, conn net.Conn, script *Script, connName string, opts Options) (Result, error) {
	if opts.Timeout == 0 {
		opts.Timeout = 30 * time.Second
	}
	p := &player{opts: opts, script: script, res: Result{Conn: connName}}
	err := p.play(ctx, conn, connName)
	if err != nil && opts.Barrier != nil {
		opts.Barrier.fail(err)
	}
	p.res.Vars = p.variables()
	return p.res, err
}

// player plays one connection.
type player struct {
	opts   Options
	script *Script
	conn   Connection
	ctx    context.Context
	wire   *wire
	vals   *values
	res    Result
	steps  []Item // of this connection
	at     int    // index of the next step

	greeted   bool
	tls       bool
	mech      *mechanism
	challenge string
	stamp     string // timestamp of the POP3 greeting, for APOP
	upgrading string // tag of a raw STARTTLS, "+" for STLS, while unanswered

	reached int      // lines of an unfinished run that are done with
	pending []*reply // IMAP: read while something else was awaited
	queue   []string // POP3: commands unanswered
}

func (p *player) play(ctx context.Context, conn net.Conn, name string) error {
	c, ok := p.script.Connection(name)
	if !ok {
		return fmt.Errorf("replay: %s has no @connect %s", p.script.Name, name)
	}
	p.conn, p.ctx = c, ctx
	if err := p.prepare(); err != nil {
		return err
	}
	p.wire = newWire(conn, p.opts.Timeout)
	stop := p.wire.watch(ctx)
	err := p.run()
	if err == nil {
		err = p.wire.flush()
	} else {
		p.wire.abandon()
	}
	stop()
	p.wire.close()
	for _, it := range p.steps[p.at:] {
		if _, ok := it.(*Line); ok {
			p.res.Unplayed++
		}
	}
	p.res.Unplayed -= p.reached
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("replay: %s: %w", name, context.Cause(ctx))
	}
	return err
}

// prepare checks the script and picks the steps of this connection.
func (p *player) prepare() error {
	bound := newBindings()
	if p.opts.Barrier != nil {
		bound = p.opts.Barrier.bound
	}
	given := maps.Clone(p.opts.Vars)
	if given == nil {
		given = map[string]string{}
	}
	for name, text := range map[string]string{"user": p.opts.User, "password": p.opts.Password, "token": p.opts.Token} {
		if text != "" {
			given[name] = text
		}
	}
	p.vals = &values{given: given, bound: bound}
	p.vals.sasl = func(string) (string, error) { return p.mech.next(given, []byte(p.challenge)) }
	if err := p.script.Check(ClientSide, slices.Collect(maps.Keys(given))...); err != nil {
		return err
	}
	syncs := 0
	for _, it := range p.script.Steps() {
		switch it := it.(type) {
		case *Line:
			if it.Conn == p.conn.Name && !p.opts.skip[it.Pos] {
				lines, err := it.virtual()
				if err != nil {
					return err
				}
				p.steps = append(p.steps, lines...)
			}
		case *Directive:
			switch it.Verb {
			case Sync:
				if len(p.script.Conns) > 1 && p.opts.Barrier == nil {
					return errorAt(it.Pos, "expected a barrier for @sync: several connections have to be played together")
				}
				if syncs++; syncs > p.opts.syncs {
					p.steps = append(p.steps, it)
				}
			case Login, StartTLS, Wait, Pause:
				if it.Conn == p.conn.Name {
					p.steps = append(p.steps, it)
				}
			}
		}
	}
	return nil
}

// virtual gives the lines that an S: line with wire blocks beneath stands for.
func (l *Line) virtual() ([]Item, error) {
	if l.Side == ClientSide || len(l.Blocks) == 0 {
		return []Item{l}, nil
	}
	var lines []Item
	if len(l.Pattern) > 0 {
		lines = append(lines, l)
	}
	text, ok := strings.CutSuffix(string(octetsOf(l.Blocks)), "\r\n")
	if !ok {
		return nil, errorAt(l.Pos, "expected whole lines: a client cannot await octets without a line end")
	}
	for part := range strings.SplitSeq(text, "\r\n") {
		v := *l
		v.Blocks, v.Pattern = nil, nil
		if part != "" {
			v.Pattern = Pattern{Text(part)}
		}
		lines = append(lines, &v)
	}
	return lines, nil
}

func (p *player) run() error {
	last := len(p.steps)
	for last > 0 && isSync(p.steps[last-1]) {
		last--
	}
	for p.at < len(p.steps) {
		if p.at == last && p.opts.done != nil {
			p.opts.done()
		}
		switch it := p.steps[p.at].(type) {
		case *Line:
			if it.Side == ClientSide {
				if p.leaveOut(it) {
					continue
				}
				if err := p.say(it); err != nil {
					return err
				}
				p.at++
				continue
			}
			if err := p.hear(); err != nil {
				return err
			}
		case *Directive:
			if it.Verb == Wait { // belongs to the S: below
				if err := p.hear(); err != nil {
					return err
				}
				continue
			}
			if err := p.directive(it); err != nil {
				return err
			}
			p.heard(it.Pos)
			p.at++
		}
	}
	return p.leftOver()
}

// leaveOut passes over a step that needs a variable which the server, having said something else,
// has given no value: any other value could mean another message.
func (p *player) leaveOut(l *Line) bool {
	if p.opts.step == nil || len(p.res.Differences) == 0 {
		return false
	}
	for _, n := range l.Pattern {
		v, ok := n.(*Value)
		if !ok || v.Kind != Variable || v.Has || credentials[v.Name] {
			continue
		}
		if _, ok := p.vals.lookup(v.Name); ok {
			continue
		}
		lines := p.opts.step(l.Pos)
		p.steps = append(p.steps[:p.at:p.at], slices.DeleteFunc(slices.Clone(p.steps[p.at:]), func(it Item) bool {
			x, ok := it.(*Line)
			return ok && (x == l || lines[x.Pos])
		})...)
		return true
	}
	return false
}

func isSync(it Item) bool {
	d, ok := it.(*Directive)
	return ok && d.Verb == Sync
}

// heard tells that what an S: line or a directive asks for has come.
func (p *player) heard(at Pos) {
	if p.opts.watch != nil {
		p.opts.watch(at, false)
	}
}

func (p *player) directive(d *Directive) error {
	switch d.Verb {
	case Sync:
		if p.opts.Barrier != nil {
			return p.opts.Barrier.wait(p.ctx)
		}
	case Pause:
		t := time.NewTimer(d.Time)
		defer t.Stop()
		select {
		case <-t.C:
		case <-p.ctx.Done():
			return p.ctx.Err()
		}
	case Login:
		return p.login(d)
	case StartTLS:
		return p.startTLS(d)
	}
	return nil
}

// expected is an S: line with the time that it may take.
type expected struct {
	line *Line
	wait time.Duration
}

// hear takes the S: lines up to the next C: line or directive, and awaits them.
func (p *player) hear() error {
	var run []expected
	var wait time.Duration
	i := p.at
	for ; i < len(p.steps); i++ {
		if d, ok := p.steps[i].(*Directive); ok && d.Verb == Wait {
			wait = d.Time
			continue
		}
		l, ok := p.steps[i].(*Line)
		if !ok || l.Side == ClientSide {
			break
		}
		run = append(run, expected{l, wait})
		wait = 0
	}
	var err error
	if p.conn.Protocol == IMAP {
		err = p.hearIMAP(run)
	} else {
		err = p.hearPOP3(run)
	}
	if err == nil {
		p.at = i
	}
	return err
}

// say sends a C: line.
func (p *player) say(l *Line) error {
	if m := mechanismOf(l); m != nil {
		p.mech = m
		p.challenge = ""
		if m.name == "APOP" {
			p.challenge = p.stamp
		}
	}
	if err := p.guard(l); err != nil {
		return err
	}
	segs, err := l.expand(p.vals)
	if err != nil {
		return err
	}
	p.log(l.Pos, l.String())
	p.noteCommand(l)
	if p.opts.watch != nil {
		p.opts.watch(l.Pos, true)
	}
	for _, seg := range segs {
		p.wire.send(seg.octets)
		if seg.waits {
			ok, err := p.continuation(l)
			if err != nil {
				return err
			}
			if !ok {
				break // refused: its completion waits among the pending
			}
		}
	}
	p.res.Sent++
	return nil
}

// noteCommand follows what the commands mean for the wire.
func (p *player) noteCommand(l *Line) {
	w := words(l.Pattern)
	if l.Protocol == IMAP {
		if len(w) == 2 && strings.EqualFold(w[1], "STARTTLS") {
			p.upgrading = w[0]
		}
		return
	}
	if p.mech != nil && mechanismOf(l) == nil {
		return // a SASL response
	}
	if len(w) == 1 && strings.EqualFold(w[0], "STLS") {
		p.upgrading = "+"
	}
	p.queue = append(p.queue, strings.ToUpper(strings.Join(w, " ")))
}

// upgrade turns to TLS where the completion of a raw STARTTLS asks for it.
func (p *player) upgrade(at Pos, tag string, ok bool) error {
	if p.upgrading != tag || tag == "" {
		return nil
	}
	p.upgrading = ""
	if !ok {
		return nil
	}
	if p.opts.StartTLS == nil {
		return errorAt(at, "expected no STARTTLS: no handshake was given to this play")
	}
	p.tls = true
	if err := p.wire.upgrade(p.opts.StartTLS); err != nil {
		return fmt.Errorf("replay: %v: STARTTLS: %w", at, err)
	}
	return nil
}

func (p *player) log(at Pos, line string) {
	if p.opts.Log != nil {
		p.opts.Log(at, p.hide(line))
	}
}

// broken says at which line the connection ended, or nothing came.
func (p *player) broken(l *Line, err error) error {
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	return &BrokenError{Pos: l.Pos, Expected: l.Pattern.String(), Err: err}
}

// save stores what {>file} took.
func (p *player) save(saves []save) error {
	for _, s := range saves {
		if p.opts.Save == nil {
			return errorAt(s.lit.Pos, "expected a place to store {>%s}: none was given to this play", s.lit.Name)
		}
		if err := p.opts.Save(s.lit.Name, s.content.Reader()); err != nil {
			return fmt.Errorf("replay: %v: {>%s}: %w", s.lit.Pos, s.lit.Name, err)
		}
	}
	return nil
}

func (p *player) variables() map[string]string {
	vars := map[string]string{}
	if p.vals == nil {
		return vars
	}
	p.vals.bound.mu.Lock()
	defer p.vals.bound.mu.Unlock()
	for name, b := range p.vals.bound.m {
		vars[name] = b.text
	}
	return vars
}
