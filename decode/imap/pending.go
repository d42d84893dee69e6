package imap

import (
	"slices"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// pending is one command that has no completion result yet.
type pending struct {
	*decode.Command
	own      decode.Command // what Command points to
	info     *command       // nil: not in the table
	whole    bool           // its last octet came
	arg      int            // LOGIN: arguments read so far
	mech     string         // AUTHENTICATE: the mechanism
	answers  int            // AUTHENTICATE: client responses so far
	idling   bool           // IDLE: the continuation request came
	owed     int            // continuation requests that its synchronizing literals still get
	secret   []byte         // LOGIN: the literal that is being read, bounded
	name     []byte         // SELECT: the mailbox name, bounded
	named    bool           // and it is whole
	n        uint64         // its number among the commands of the connection
	box      mailbox
	readOnly bool  // EXAMINE
	piece    int64 // FETCH: octets of the piece that it asks for
	data     int   // untagged responses that belong to it
	shared   bool  // another command under way asked for such data too: who can tell whose it is
	done     bool
}

// queue holds the commands under way, oldest first, and finds them by tag. The oldest
// ones beyond max are forgotten; their completions are matched by nothing but the tag.
type queue struct {
	max   int
	order []*pending
	head  int                 // order[:head] is gone
	byTag map[string]*pending // nil while they are few
	room  []pending           // allocated, and not used yet
	grow  int                 // how many were allocated last
	// pushed counts the commands of the connection; twins, where there is byTag, those under way
	// whose tag an older one has.
	pushed uint64
	twins  int
	// forgotten counts the commands that went for want of room, and whose completion did not come.
	forgotten int
}

// len is how many commands have no completion, those included that were forgotten.
func (q *queue) len() int {
	n := q.forgotten
	for _, p := range q.order[q.head:] {
		if !p.done {
			n++
		}
	}
	return n
}

// next gives room for a command, of a few at a time: one more each time, since most connections have
// few commands.
func (q *queue) next() *pending {
	if len(q.room) == 0 {
		q.grow = min(q.grow+1, few)
		q.room = make([]pending, q.grow)
	}
	p := &q.room[0]
	q.room = q.room[1:]
	return p
}

// few commands under way are found by looking at each (BenchmarkNoop).
const few = 8

func (q *queue) push(p *pending) {
	if len(q.order)-q.head >= q.max {
		if !q.order[q.head].done {
			q.forgotten++
		}
		q.remove(q.order[q.head])
	}
	live := q.order[q.head:]
	for _, other := range live[max(len(live)-searched, 0):] {
		if !other.done && asksAlike(p.info, other.info) {
			p.shared, other.shared = true, true
		}
	}
	q.pushed++
	p.n = q.pushed
	q.order = append(q.order, p)
	switch {
	case q.byTag != nil:
		q.index(p)
	case len(live) >= few:
		q.byTag = map[string]*pending{}
		for _, p := range q.order[q.head:] {
			if !p.done {
				q.index(p)
			}
		}
	}
}

// index lets a command be found by its tag. One in use twice belongs to the older command until
// that one is complete (RFC 9051 §2.2.1 asks for unique tags).
func (q *queue) index(p *pending) {
	if q.byTag[p.Tag] == nil {
		q.byTag[p.Tag] = p
	} else {
		q.twins++
	}
}

// asksAlike tells whether two commands ask for the same data in the first place.
func asksAlike(a, b *command) bool {
	return a != nil && b != nil && len(a.data) > 0 && len(b.data) > 0 && a.data[0] == b.data[0]
}

// longestTag bounds what is kept of a tag, and what tells two of them apart.
const longestTag = 256

func keptTag(tag []byte) []byte { return tag[:min(len(tag), longestTag)] }

// find gives the oldest command with that tag, nil where there is none.
func (q *queue) find(tag []byte) *pending {
	tag = keptTag(tag)
	if q.byTag != nil {
		return q.byTag[string(tag)]
	}
	for _, p := range q.order[q.head:] {
		if !p.done && p.Tag == string(tag) {
			return p
		}
	}
	return nil
}

func (q *queue) remove(p *pending) {
	p.done = true
	switch {
	case q.byTag == nil:
	case q.byTag[p.Tag] == p:
		delete(q.byTag, p.Tag)
		q.promote(p.Tag)
	default:
		q.twins--
	}
	for q.head < len(q.order) && q.order[q.head].done {
		q.order[q.head] = nil
		q.head++
	}
	if q.head == len(q.order) {
		q.order, q.head = q.order[:0], 0
		q.byTag = nil
	} else if q.head > 64 && q.head*2 > len(q.order) {
		q.order = q.order[:copy(q.order, q.order[q.head:])]
		q.head = 0
	}
}

// promote lets a tag belong to the oldest other command that has it.
func (q *queue) promote(tag string) {
	if q.twins == 0 {
		return
	}
	for _, p := range q.order[q.head:] {
		if !p.done && p.Tag == tag {
			q.byTag[tag] = p
			q.twins--
			return
		}
	}
}

// searched bounds how far an attribution looks.
const searched = 32

// wanting gives the command that an untagged response of that name belongs to.
func (q *queue) wanting(name string) *pending {
	live := q.order[q.head:]
	if len(live) == 0 {
		return nil
	}
	oldest := live[0]
	if len(live) == 1 {
		return oldest
	}
	var found *pending
	for _, p := range live[:min(len(live), searched)] {
		if p.done || p.info == nil || !slices.Contains(p.info.data, name) {
			continue
		}
		if found != nil {
			found.shared, p.shared = true, true
			break
		}
		found = p
	}
	if found == nil {
		return oldest
	}
	return found
}

// continuing gives the command that a continuation request belongs to: the oldest one
// that waits for it.
func (q *queue) continuing() *pending {
	live := q.order[q.head:]
	for _, p := range live {
		if p.done {
			continue
		}
		if p.owed > 0 || p.whole && (p.Name == "AUTHENTICATE" || p.Name == "IDLE" && !p.idling) {
			return p
		}
	}
	return nil
}

// replied notes the first octet of the first reply.
func (p *pending) replied(t time.Time) {
	if p.First.IsZero() {
		p.First = t
	}
}

// latency is the time from the command's last octet, never negative: an answer may come
// before the command was whole.
func (p *pending) latency(t time.Time) time.Duration {
	if p.Complete.IsZero() {
		return 0
	}
	return max(t.Sub(p.Complete), 0)
}

func (p *pending) first() time.Duration {
	if p.First.IsZero() || p.Complete.IsZero() {
		return 0
	}
	return max(p.First.Sub(p.Complete), 0)
}
