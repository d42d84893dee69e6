package stats

import (
	"cmp"
	"slices"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// Command is what the commands of one name came to.
type Command struct {
	Name         string
	Count        int
	Failed       int       // answered NO, BAD or -ERR
	Unanswered   int       // without a completion
	ClientOctets int64     // of their lines and literals
	ServerOctets int64     // of the replies that are theirs
	RoundTrips   int       // times that the client had to wait: one each, and one for each continuation request
	Latency      Histogram // last octet of the command to last octet of its reply
}

// Connection is what one connection came to, or all of them.
type Connection struct {
	Number       int // 0: all of them
	Protocol     string
	Client       string // address, as recorded
	Upstream     string
	Duration     time.Duration
	Count        int // commands
	ClientOctets int64
	ServerOctets int64
	RoundTrips   int           // times that the server had its turn behind the client
	Depth        int           // commands under way at once, at most
	Idle         time.Duration // in IDLE, from the server's go-ahead to DONE
	Connections  int           // of a total
	commands     map[string]*Command
}

// Commands lists the commands, those that took the most time first.
func (c *Connection) Commands() []*Command {
	all := make([]*Command, 0, len(c.commands))
	for _, x := range c.commands {
		all = append(all, x)
	}
	slices.SortFunc(all, func(a, b *Command) int {
		return cmp.Or(cmp.Compare(b.Latency.sum, a.Latency.sum), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// Latency is the histogram of all commands but IDLE, which is meant to last.
func (c *Connection) Latency() *Histogram {
	h := &Histogram{}
	for name, x := range c.commands {
		if name != "IDLE" {
			h.Merge(&x.Latency)
		}
	}
	return h
}

// namesLimit bounds the names of commands kept apart; what else there is counts as "other".
const namesLimit = 256

func (c *Connection) command(name string) *Command {
	x := c.commands[name]
	if x == nil {
		if len(c.commands) >= namesLimit {
			name = "other"
			if x = c.commands[name]; x != nil {
				return x
			}
		}
		x = &Command{Name: name}
		if c.commands == nil {
			c.commands = map[string]*Command{}
		}
		c.commands[name] = x
	}
	return x
}

// Collector counts the events of captures. It is not safe for concurrent use.
type Collector struct {
	total Connection
	done  []*Connection
	open  map[int]*state
}

// state is a connection that has not ended.
type state struct {
	Connection
	opened  time.Time
	last    time.Time
	waiting map[*decode.Command]*wait
	answer  answer
	turn    decode.Dir // whose octets came last
	idling  time.Time  // when the go-ahead to IDLE came; zero outside of it
}

// wait is a command without a completion.
type wait struct{ *Command }

// answer is a POP3 command whose status line came. More of its reply may come, until the next
// status line: then that is what its latency runs to.
type answer struct {
	*Command
	of      *decode.Command
	latency time.Duration
}

// settle counts the reply that is as long as it gets.
func (s *state) settle() {
	if s.answer.Command != nil {
		s.answer.Latency.Add(s.answer.latency)
		s.answer = answer{}
	}
}

// waitLimit bounds the commands that are watched while unanswered.
const waitLimit = 4096

// Events takes events in their order.
func (k *Collector) Events(events []decode.Event) {
	for i := range events {
		if e := &events[i]; e.Origin == decode.FromPeer && e.Conn > 0 {
			k.event(e)
		}
	}
}

func (k *Collector) event(e *decode.Event) {
	s := k.open[e.Conn]
	if s == nil {
		s = &state{opened: e.Time, waiting: map[*decode.Command]*wait{}}
		s.Number = e.Conn
		if k.open == nil {
			k.open = map[int]*state{}
		}
		k.open[e.Conn] = s
	}
	s.last = e.Time
	if e.Protocol != "" {
		s.Protocol = e.Protocol
	}
	switch e.Kind {
	case decode.Open:
		if f, ok := e.Detail.(decode.Fields); ok {
			s.Client, s.Upstream = f.Get("client"), f.Get("upstream")
		}
	case decode.Close:
		if e.Dir == decode.NoDir {
			k.end(s, e)
		}
	case decode.CommandLine:
		s.begin(e)
	case decode.Continuation, decode.Literal, decode.Greeting, decode.Untagged, decode.Multiline, decode.Completion,
		decode.ContinuationRequest, decode.Malformed:
		s.octets(e)
	}
}

func (s *state) begin(e *decode.Event) {
	s.Count++
	s.turn = decode.Client
	x := s.command(e.Name)
	x.Count++
	x.RoundTrips++
	x.ClientOctets += e.Span.Len
	if e.Command != nil && len(s.waiting) < waitLimit {
		s.waiting[e.Command] = &wait{Command: x}
		s.Depth = max(s.Depth, len(s.waiting))
	}
}

// octets counts what belongs to a command, or to none.
func (s *state) octets(e *decode.Event) {
	if e.Dir == decode.Server && s.turn == decode.Client {
		s.RoundTrips++
	}
	if e.Dir != decode.NoDir {
		s.turn = e.Dir
	}
	if e.Command == nil {
		return
	}
	w := s.waiting[e.Command]
	x := s.commands[e.Command.Name]
	if w != nil {
		x = w.Command
	}
	if x == nil {
		return
	}
	if e.Dir == decode.Client {
		x.ClientOctets += e.Span.Len
	} else {
		x.ServerOctets += e.Span.Len
	}
	switch e.Kind {
	case decode.Continuation:
		if !s.idling.IsZero() && e.Dir == decode.Client && e.Command.Name == "IDLE" {
			s.Idle += e.Time.Sub(s.idling)
			s.idling = time.Time{}
		}
	case decode.ContinuationRequest:
		x.RoundTrips++
		if e.Command.Name == "IDLE" {
			s.idling = e.Time
		}
	case decode.Completion:
		if w == nil {
			return
		}
		if e.Name != "OK" && e.Name != "+OK" {
			x.Failed++
		}
		s.settle()
		s.answer = answer{x, e.Command, e.Latency}
		if e.Name != "+OK" {
			s.settle()
		}
		delete(s.waiting, e.Command)
	case decode.Multiline:
		if s.answer.of == e.Command {
			s.answer.latency = e.Latency
			s.settle()
		}
	}
}

func (k *Collector) end(s *state, e *decode.Event) {
	delete(k.open, s.Number)
	s.settle()
	if d, ok := e.Detail.(*decode.CloseDetail); ok {
		s.ClientOctets, s.ServerOctets, s.Duration = d.ClientOctets, d.ServerOctets, d.Duration
	}
	if s.Duration == 0 {
		s.Duration = e.Time.Sub(s.opened)
	}
	if !s.idling.IsZero() {
		s.Idle += e.Time.Sub(s.idling)
	}
	for _, w := range s.waiting {
		w.Unanswered++
	}
	c := s.Connection
	k.done = append(k.done, &c)
	k.total.add(&c)
}

func (c *Connection) add(o *Connection) {
	c.Connections++
	c.Count += o.Count
	c.ClientOctets += o.ClientOctets
	c.ServerOctets += o.ServerOctets
	c.RoundTrips += o.RoundTrips
	c.Depth = max(c.Depth, o.Depth)
	c.Idle += o.Idle
	c.Duration += o.Duration
	if c.Connections == 1 {
		c.Protocol = o.Protocol
	} else if c.Protocol != o.Protocol {
		c.Protocol = ""
	}
	for name, x := range o.commands {
		y := c.command(name)
		y.Count += x.Count
		y.Failed += x.Failed
		y.Unanswered += x.Unanswered
		y.ClientOctets += x.ClientOctets
		y.ServerOctets += x.ServerOctets
		y.RoundTrips += x.RoundTrips
		y.Latency.Merge(&x.Latency)
	}
}

// Connections are those that ended, in the order in which they did.
func (k *Collector) Connections() []*Connection { return k.done }

// Total is the sum of all.
func (k *Collector) Total() *Connection { return &k.total }

// Flush ends a capture: connection numbers begin anew with the next one.
func (k *Collector) Flush() { clear(k.open) }
