package replay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/mailtrace/mailtrace/internal/dial"
)

// Server plays scripts to clients.
//
//	accept ─► join ─► greeting ─► command ─► due steps of all recordings that it may be ─► answer
//	            │                    ▲  │                                                    │
//	            └ none left: BYE     │  └─ none takes it: NO or -ERR, a Difference ──────────┤
//	                                 └───────────────────────────────────────────────────────┘
//
// A client's connection is not told which of the recorded ones it is: it begins as all of those
// that nobody has taken, and each command leaves those that have it. As long as several are left,
// they say the same.
type Server struct {
	Script *Script
	// User, Password and Token are what a client has to log in with. Without User everybody
	// is let in. Mechanisms that prove that the client knows the password need both.
	User, Password, Token string
	Vars                  map[string]string
	AnyOrder              bool // what is recorded may be asked for in any order
	Pace                  bool // @pause is kept
	// Timeout is how long a client may be silent, outside of IDLE; 0 is for ever.
	Timeout time.Duration
	TLS     *tls.Config // for listeners that need it
	// Log, where set, is told each line: of the client without secrets, of the server as the
	// script has it. The place is the zero Pos where the script has none.
	Log func(at Pos, line string)
	// Trouble, where set, is told each difference when it comes up.
	Trouble func(Difference)
}

// Listener is where clients come to.
type Listener struct {
	net.Listener
	Protocol Protocol
	Security dial.Security
}

// service is one run of a Server.
type service struct {
	*Server
	pool    *pool
	vals    *values
	derived map[Protocol][]string
	place   map[*Directive]int // among the steps of the script
	begin   time.Time
	over    chan struct{} // closed when all recordings were played

	mu     sync.Mutex
	closed bool
	diffs  []Difference
	conns  map[net.Conn]bool
	number int // of the connection that came last
}

// Serve plays the script to the clients that come. It returns when all recorded connections of
// the listeners' protocols were played, or when ctx is done, and closes the listeners. What
// clients asked for beside the script is in the report as different, what none asked for as
// unplayed. The error is for a script that cannot be served, of type *[Error], or for a listener.
func (s *Server) Serve(ctx context.Context, listeners ...Listener) (*Report, error) {
	v, err := s.service(listeners)
	if err != nil {
		for _, l := range listeners {
			err = errors.Join(err, l.Close())
		}
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		all.Go(func() {
			if err := v.accept(ctx, l, &all); err != nil {
				failed <- err
			}
		})
	}
	select {
	case <-ctx.Done():
	case <-v.over:
	case err = <-failed:
	}
	cancel()
	for _, l := range listeners {
		if e := l.Close(); e != nil && !errors.Is(e, net.ErrClosed) && err == nil {
			err = e
		}
	}
	v.shut()
	all.Wait()
	if err != nil {
		err = fmt.Errorf("replay: %w", err)
	}
	return v.report(), err
}

// Check tells whether the script can be served; Serve does it too. The error joins one *[Error] a
// place.
func (s *Server) Check() error { return s.Script.Check(ServerSide, names(s.Vars)...) }

// service prepares a run.
func (s *Server) service(listeners []Listener) (*service, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	recs, err := recordingsOf(s.Script)
	if err != nil {
		return nil, err
	}
	served := map[Protocol]bool{}
	for _, l := range listeners {
		served[l.Protocol] = true
		if l.Security != dial.Plain && s.TLS == nil {
			return nil, errors.New("replay: expected a TLS configuration for a listener with TLS, found none")
		}
	}
	var mine []*recording
	for _, r := range recs {
		if served[r.conn.Protocol] {
			mine = append(mine, r)
		}
	}
	if len(mine) == 0 {
		return nil, errorAt(Pos{s.Script.Name, 1, 1}, "expected a connection of %s, found none", listeners[0].Protocol)
	}
	given := map[string]string{"user": s.User}
	if s.User == "" {
		given["user"] = "user"
	}
	for name, value := range s.Vars {
		given[name] = value
	}
	place := map[*Directive]int{}
	for i, it := range s.Script.Steps() {
		if d, ok := it.(*Directive); ok {
			place[d] = i
		}
	}
	vals := &values{given: given, bound: newBindings()}
	return &service{
		Server: s, place: place, pool: newPool(mine, vals, s.AnyOrder), vals: vals, begin: time.Now(), over: make(chan struct{}), conns: map[net.Conn]bool{},
		derived: map[Protocol][]string{IMAP: derivedIMAP(mine), POP3: derivedPOP3(s.Script, mine)},
	}, nil
}

func names(vars map[string]string) []string {
	list := make([]string, 0, len(vars))
	for name := range vars {
		list = append(list, name)
	}
	return list
}

// accept takes the clients of one listener.
func (v *service) accept(ctx context.Context, l Listener, all *sync.WaitGroup) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			var ne net.Error
			if errors.As(err, &ne) && ne.Timeout() {
				continue
			}
			return err
		}
		number, ok := v.enter(conn)
		if !ok {
			return conn.Close()
		}
		all.Go(func() {
			defer v.leave(conn)
			v.converse(ctx, conn, l, number)
		})
	}
}

func (v *service) enter(conn net.Conn) (number int, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return 0, false
	}
	v.conns[conn] = true
	v.number++
	return v.number, true
}

func (v *service) leave(conn net.Conn) {
	_ = conn.Close() // the client is gone, or is to go
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.conns, conn)
	if !v.closed && v.pool.over() {
		v.closed = true
		close(v.over)
	}
}

// shut ends the connections that are left.
func (v *service) shut() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	for conn := range v.conns {
		_ = conn.Close()
	}
}

// differ keeps what a client did that is not in the script.
func (v *service) differ(d Difference) {
	v.mu.Lock()
	v.diffs = append(v.diffs, d)
	v.mu.Unlock()
	if v.Trouble != nil {
		v.Trouble(d)
	}
}

// report tells what was asked for, and what was not.
func (v *service) report() *Report {
	asked := v.pool.asked()
	v.mu.Lock()
	defer v.mu.Unlock()
	r := &Report{Script: v.Script.Name, Differences: v.diffs, Different: len(v.diffs), Elapsed: time.Since(v.begin)}
	for _, rec := range v.pool.recs {
		for _, st := range rec.steps {
			x := StepReport{Conn: rec.number, Pos: st.pos, Command: st.text, Verb: st.verb, Outcome: OutcomeSame}
			switch {
			case asked[st]:
				r.Same++
			case !st.counts():
				continue // it may be left out
			default:
				x.Outcome = OutcomeUnplayed
				r.Unplayed++
			}
			r.Steps = append(r.Steps, x)
		}
	}
	for _, d := range v.diffs { // they are no steps of the script, and failures all the same
		r.Steps = append(r.Steps, StepReport{Conn: d.Conn, Pos: d.Pos, Command: d.Command, Verb: verbOf(d.Command), Outcome: OutcomeDifferent})
	}
	return r
}
