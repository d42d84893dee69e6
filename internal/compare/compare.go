// Package compare does the same job over IMAP and over POP3 and counts what it takes: the lesson of the two
// protocols, measured on the user's own server.
//
//	a session ──Observer──► Meter (a decode.Trace of its own) ──► Phase: commands, round trips, octets, time, states
//
// The job: log in, list the newest N messages, fetch the newest, look for new mail. Nothing is changed: the
// mailbox is opened by EXAMINE and read by BODY.PEEK; a maildrop keeps no flags that could change, though
// some servers note for IMAP that POP3 has read a message.
package compare

import (
	"context"
	"fmt"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
	"github.com/mailtrace/mailtrace/internal/client"
)

// Phase is what one part of the job took.
type Phase struct {
	Name     string        `json:"phase"`
	Commands int           `json:"commands"`
	Turns    int           `json:"round_trips"` // waits for the server: what was said in one go, until it spoke
	Sent     int64         `json:"octets_sent"`
	Received int64         `json:"octets_received"`
	Elapsed  time.Duration `json:"-"`
	Micros   int64         `json:"elapsed_us"`
	Names    []string      `json:"names"` // of the commands, each once, in order
}

// Side is one protocol.
type Side struct {
	Protocol string   `json:"protocol"`
	URL      string   `json:"url"`
	States   []string `json:"states"`
	Phases   []*Phase `json:"phases"`
	Messages int      `json:"messages"` // in the mailbox
	Listed   int      `json:"listed"`
	Octets   int64    `json:"newest_octets"`
	Offers   []string `json:"offers"` // of what the lesson is about: IDLE, UIDPLUS, PIPELINING …
}

// Total adds up the phases.
func (s *Side) Total() *Phase {
	t := &Phase{Name: "all"}
	for _, p := range s.Phases {
		t.Commands += p.Commands
		t.Turns += p.Turns
		t.Sent += p.Sent
		t.Received += p.Received
		t.Elapsed += p.Elapsed
	}
	t.Micros = t.Elapsed.Microseconds()
	return t
}

// Has tells whether a capability was offered.
func (s *Side) Has(name string) bool {
	for _, o := range s.Offers {
		if o == name {
			return true
		}
	}
	return false
}

// Meter watches a session, and passes on what it sees.
type Meter struct {
	next  client.Observer // nil: nobody else looks
	trace *decode.Trace
	side  *Side
	phase *Phase
	last  decode.Dir
	begun time.Time
}

// NewMeter begins to watch a session of a protocol; next, which may be nil, sees all that it sees.
func NewMeter(protocol, url string, next client.Observer) *Meter {
	m := &Meter{next: next, side: &Side{Protocol: protocol, URL: url}, begun: time.Now()}
	m.trace = decode.NewTrace(decode.TraceOptions{Conn: 1, Protocol: registry.ByName(protocol)})
	m.begin("connect, log in")
	return m
}

// Follow has another look on from here on, as a session of its own needs.
func (m *Meter) Follow(next client.Observer) { m.next = next }

// begin ends the phase before, and begins another.
func (m *Meter) begin(name string) {
	m.end()
	m.phase = &Phase{Name: name}
	m.side.Phases = append(m.side.Phases, m.phase)
	m.begun, m.last = time.Now(), decode.NoDir
}

func (m *Meter) end() {
	if m.phase != nil {
		m.phase.Elapsed = time.Since(m.begun)
		m.phase.Micros = m.phase.Elapsed.Microseconds()
	}
}

// Mark implements client.Observer.
func (m *Meter) Mark(x decode.Mark) {
	m.see(m.trace.Mark(x))
	if m.next != nil {
		m.next.Mark(x)
	}
}

// Octets implements client.Observer.
func (m *Meter) Octets(d decode.Dir, at time.Time, p []byte) {
	if d == decode.Client {
		m.phase.Sent += int64(len(p))
		if m.last != decode.Client {
			m.phase.Turns++
		}
	} else {
		m.phase.Received += int64(len(p))
	}
	m.last = d
	for rest := p; len(rest) > 0; {
		n, _, events := m.trace.Write(d, at, rest)
		m.see(events)
		if n == 0 {
			break
		}
		rest = rest[n:]
	}
	if m.next != nil {
		m.next.Octets(d, at, p)
	}
}

func (m *Meter) see(events []decode.Event) {
	for i := range events {
		switch e := &events[i]; e.Kind {
		case decode.CommandLine:
			m.phase.Commands++
			if k := len(m.phase.Names); k == 0 || m.phase.Names[k-1] != e.Name {
				m.phase.Names = append(m.phase.Names, e.Name)
			}
		case decode.StateChange:
			if k := len(m.side.States); k == 0 || m.side.States[k-1] != e.State.String() {
				m.side.States = append(m.side.States, e.State.String())
			}
		}
	}
}

// The phases behind the login.
const (
	listing  = "list the newest"
	fetching = "fetch the newest"
	looking  = "look for new mail"
	leaving  = "log out"
)

// IMAP does the job over a session whose observer is m, from the login on.
func IMAP(ctx context.Context, c *client.IMAP, m *Meter, mailbox string, messages int) (*Side, error) {
	m.side.Offers = offered(c.Has, "IDLE", "CONDSTORE", "QRESYNC", "UIDPLUS", "MOVE", "COMPRESS=DEFLATE", "ESEARCH")
	m.begin(listing)
	box, err := c.Select(ctx, mailbox, true, "", nil)
	if err != nil {
		return nil, err
	}
	m.side.Messages = int(box.Exists)
	newest := uint32(0)
	err = c.Summaries(ctx, box.Exists, messages, func(s *client.Summary) error {
		newest = max(newest, s.UID)
		m.side.Listed++
		return nil
	})
	if err != nil {
		return nil, err
	}
	m.begin(fetching)
	if newest != 0 {
		err := c.Fetch(ctx, true, fmt.Sprint(newest), "BODY.PEEK[]", func(f *client.Fetched) error {
			if len(f.Sections) > 0 {
				m.side.Octets = f.Sections[0].Octets
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	m.begin(looking)
	if _, err := c.Do(ctx, client.Cmd("NOOP"), nil); err != nil {
		return nil, err
	}
	m.begin(leaving)
	if err := c.Logout(ctx); err != nil {
		return nil, err
	}
	m.end()
	return m.side, nil
}

// POP3 does the job over a session whose observer is m. Looking for new mail takes a session of its own:
// again gives it, watched by m too.
func POP3(ctx context.Context, c *client.POP3, m *Meter, messages int, again func(context.Context) (*client.POP3, error)) (*Side, error) {
	m.side.Offers = offered(c.Has, "PIPELINING", "TOP", "UIDL", "UTF8")
	m.begin(listing)
	n, _, err := c.Stat(ctx)
	if err != nil {
		return nil, err
	}
	m.side.Messages = n
	newest := 0
	err = c.Summaries(ctx, messages, func(s *client.Summary) error {
		newest = max(newest, int(s.Number))
		m.side.Listed++
		return nil
	})
	if err != nil {
		return nil, err
	}
	m.begin(fetching)
	if newest != 0 {
		r, err := c.Do(ctx, fmt.Sprintf("RETR %d", newest))
		if err != nil {
			return nil, err
		}
		m.side.Octets = r.Content.Size()
		r.Content.Drop()
	}
	m.begin(leaving)
	if err := c.Quit(ctx); err != nil {
		return nil, err
	}
	// A session shows the maildrop as it was when it began (RFC 1939 §4).
	m.begin(looking)
	m.trace = decode.NewTrace(decode.TraceOptions{Conn: 1, Protocol: registry.ByName(m.side.Protocol)})
	if c, err = again(ctx); err != nil {
		return nil, err
	}
	if _, err := c.UIDL(ctx); err != nil {
		return nil, err
	}
	if err := c.Quit(ctx); err != nil {
		return nil, err
	}
	m.end()
	phases := m.side.Phases // in the order of the other side
	k := len(phases)
	phases[k-1], phases[k-2] = phases[k-2], phases[k-1]
	return m.side, nil
}

func offered(has func(string) bool, names ...string) (list []string) {
	for _, n := range names {
		if has(n) {
			list = append(list, n)
		}
	}
	return list
}
