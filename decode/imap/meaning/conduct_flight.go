package meaning

import (
	"bytes"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/decode/internal/fragment"
)

// flight is one command under way.
type flight struct {
	*decode.Command
	*ways
	info    *grammar.Info
	owed    int       // literals of it that the server was not asked for yet
	literal bool      // a literal was announced: the command is not whole
	answers bool      // a response that it requires came
	asked   bool      // IDLE: the server waits for DONE
	special bool      // LIST with SPECIAL-USE
	odd     bool      // its arguments are not what they should be
	clear   bool      // it carries credentials without TLS, and nothing said so yet
	plain   bool      // its answer is not asked to have a response: SEARCH RETURN (SAVE)
	since   time.Time // IDLE: the server waits for DONE
}

// mostFlights bounds the commands under way that are looked at. Beyond that the rules that
// rest on knowing all of them are silent.
const mostFlights = 64

// flying finds a command under way.
func (c *conduct) flying(cmd *decode.Command) *flight {
	if cmd == nil {
		return nil
	}
	for i := range c.flights {
		if c.flights[i].Command == cmd {
			return &c.flights[i]
		}
	}
	return nil
}

// takeOff begins a command.
func (c *conduct) takeOff(f flight) {
	if len(c.flights) >= mostFlights {
		c.crowd++
		return
	}
	c.flights = append(c.flights, f)
}

// land ends a command. What it gives is empty where it was not looked at.
func (c *conduct) land(cmd *decode.Command) (f flight) {
	for i := range c.flights {
		if c.flights[i].Command == cmd {
			f = c.flights[i]
			c.flights = append(c.flights[:i], c.flights[i+1:]...)
			return f
		}
	}
	c.crowd = max(0, c.crowd-1)
	f.ways, f.info = &noWays, &unknown
	return f
}

// turning tells whether a command under way may change the state.
func (c *conduct) turning() bool {
	for i := range c.flights {
		if c.flights[i].trait&turns != 0 {
			return true
		}
	}
	return false
}

// selecting counts the SELECT and EXAMINE under way.
func (c *conduct) selecting() (n int) {
	for i := range c.flights {
		if c.flights[i].trait&selects != 0 {
			n++
		}
	}
	return n
}

// arguments gives what stands behind tag and name on a command's first line, without the
// announcement of a literal.
func arguments(e *seen) []byte {
	if len(e.Tag) >= longestTag {
		return nil // it may be cut
	}
	text := e.Text
	if spec, ok := fragment.ParseLiteral(text); ok {
		text = text[:spec.Start]
	}
	return bytes.TrimLeft(text[min(len(text), len(e.Tag)+1+len(e.Name)):], " ")
}

// longestTag is what the session keeps of a tag.
const longestTag = 256

// set is what a set of numbers says (RFC 9051 §9 sequence-set).
type set struct {
	highest int64 // number that stands there, beside ranges up to "*"
	single  bool  // one number and nothing else
	fine    bool
}

func parseSet(p []byte) (s set) {
	if i := bytes.IndexByte(p, ' '); i >= 0 {
		p = p[:i]
	}
	s.fine, s.single = len(p) > 0, true
	for len(p) > 0 && s.fine {
		item := p
		if i := bytes.IndexByte(p, ','); i >= 0 {
			item, p = p[:i], p[i+1:]
			s.single = false
		} else {
			p = nil
		}
		from, to, ranged := bytes.Cut(item, []byte(":"))
		a, ok := number(from)
		b := a
		if ranged {
			s.single = false
			var fine bool
			b, fine = number(to)
			ok = ok && fine
		}
		if !ok {
			return set{}
		}
		if a == star || b == star {
			s.single = false
			continue
		}
		s.highest = max(s.highest, a, b)
	}
	return s
}

// star stands for "*".
const star = -1

func number(p []byte) (n int64, ok bool) {
	if len(p) == 1 && p[0] == '*' {
		return star, true
	}
	if len(p) == 0 || len(p) > 10 {
		return 0, false
	}
	for _, c := range p {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
