package pop3

import "github.com/mailtrace/mailtrace/decode"

// pending is a command whose reply has not come, or not ended.
type pending struct {
	cmd    *decode.Command // nil beyond Limits.Commands
	code   code
	number int         // message number; 0 where there is none, or beyond Limits.Commands
	owes   int         // AUTH: SASL responses that the client still owes, at the least
	lines  int         // TOP: lines of the body that were asked for, -1 where that is not known
	plain  bool        // AUTH: the mechanism's next response is a password or a token as it is
	ahead  bool        // PASS: the answer to USER was not waited for
	span   decode.Span // of the command's line
}

// queue holds the pending commands in order: the server answers in the order in which it
// was asked (RFC 2449 §6.6). The first ones are kept in full, one octet each of the rest.
type queue struct {
	full  fifo[pending]
	codes fifo[code]
	max   int // kept in full
	limit int // kept at all
}

func (q *queue) len() int { return q.full.len() + q.codes.len() }

func (q *queue) push(p pending) {
	if q.codes.len() == 0 && q.full.len() < q.max {
		q.full.push(p)
		return
	}
	q.codes.push(p.code)
}

// room tells whether one more command fits.
func (q *queue) room() bool { return q.len() < max(q.limit, q.max) }

func (q *queue) head() (p pending, ok bool) {
	if q.full.len() > 0 {
		return *q.full.at(0), true
	}
	if q.codes.len() > 0 {
		return pending{code: *q.codes.at(0)}, true
	}
	return pending{}, false
}

// first gives the oldest command, nil where there is none that is kept in full.
func (q *queue) first() *pending {
	if q.full.len() == 0 {
		return nil
	}
	return q.full.at(0)
}

func (q *queue) pop() (p pending, ok bool) {
	p, ok = q.head()
	switch {
	case !ok:
	case q.full.len() > 0:
		q.full.pop()
	default:
		q.codes.pop()
	}
	return p, ok
}

// oldest gives the oldest command of a code.
func (q *queue) oldest(mask code) (pending, bool) {
	for i := range q.full.len() {
		if p := q.full.at(i); p.code&mask != 0 {
			return *p, true
		}
	}
	return pending{}, false
}

// mark notes that the oldest command has a secret, since it asked for one, and gives what
// is new about it.
func (q *queue) mark() code {
	var c *code
	switch {
	case q.full.len() > 0:
		c = &q.full.at(0).code
	case q.codes.len() > 0:
		c = q.codes.at(0)
	default:
		return 0
	}
	if *c&(codeSecret|codeSASL) != 0 {
		return 0
	}
	*c |= codeSecret
	return codeSecret
}

func (q *queue) reset() {
	q.full.reset()
	q.codes.reset()
}

// fifo is a queue that uses its memory again and gives back what it no longer needs.
type fifo[T any] struct {
	list []T
	gone int // list[:gone] was taken
}

func (f *fifo[T]) len() int { return len(f.list) - f.gone }

func (f *fifo[T]) at(i int) *T { return &f.list[f.gone+i] }

func (f *fifo[T]) push(x T) {
	if f.gone > 64 && f.gone*2 > len(f.list) {
		n := copy(f.list, f.list[f.gone:])
		clear(f.list[n:])
		f.list, f.gone = f.list[:n], 0
	}
	f.list = append(f.list, x)
}

func (f *fifo[T]) pop() {
	var zero T
	f.list[f.gone] = zero
	f.gone++
	if f.gone == len(f.list) {
		f.reset()
	}
}

func (f *fifo[T]) reset() {
	clear(f.list)
	f.list, f.gone = f.list[:0], 0
	if cap(f.list) > 4096 {
		f.list = nil
	}
}
