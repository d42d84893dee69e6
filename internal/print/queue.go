package print

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"sync"
	"syscall"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// ErrStalled says that the output takes nothing, so that events are dropped.
var ErrStalled = errors.New("print: output stalled, events are dropped")

// QueueOptions configure a Queue. Zero fields take the default.
type QueueOptions struct {
	Events int // kept while the output is slow (8,192)
	Octets int // of their texts (8 MiB)
	// Pending, where positive, is how long a command may wait unanswered before the screen
	// says so. For terminals only: a capture does not tell it.
	Pending time.Duration
	// Progress, where set, is asked now and then for what no event tells of yet. For terminals
	// only: what the printer makes of it is drawn and taken away again.
	Progress func() []Progress
	// Trouble, where set, is told once, from a goroutine of its own, that the output stalled
	// (ErrStalled) or failed.
	Trouble func(error)
}

const (
	queueEvents = 8192
	queueOctets = 8 << 20
	eventOctets = 256 // what an event counts beside its text
	batchEvents = 256 // given to the printer at once
	closedLimit = 4096
	textsKept   = 1 << 20
	tick        = 500 * time.Millisecond
)

// Queue prints from a goroutine of its own. Events never blocks: when the output stalls
// and the queue is full it drops events, counts them, and says so where they are missing
// as soon as the output recovers. An output that is gone (EPIPE) ends it. It is safe for
// concurrent use.
//
//	Events ──► next batch ──(swap)──► printing ──► Printer ──► stdout
//	             └── full: dropped, counted, until the swap
type Queue struct {
	printer Printer
	o       QueueOptions
	wake    chan struct{} // holds one
	quit    chan struct{} // closed by Close
	done    chan struct{} // closed when the goroutine ended
	unsaid  uint64        // dropped, and not yet said; the goroutine's own

	mu      sync.Mutex
	next    batch
	spare   batch
	dropped uint64 // in all
	closing bool
	gone    bool // nothing can be printed any more
	told    bool
	err     error
}

// batch is a series of events whose memory is its own.
type batch struct {
	events   []decode.Event
	texts    []byte
	commands []decode.Command
	octets   int
	missing  uint64 // dropped behind the events
	closed   []int  // connections that ended among the dropped
	all      bool   // more of them than closed holds
}

func (b *batch) reset() {
	clear(b.events)
	clear(b.commands)
	b.events, b.texts, b.commands, b.closed = b.events[:0], b.texts[:0], b.commands[:0], b.closed[:0]
	b.octets, b.missing, b.all = 0, 0, false
}

// NewQueue begins to print. The printer belongs to the queue until Close.
func NewQueue(p Printer, o QueueOptions) *Queue {
	if o.Events == 0 {
		o.Events = queueEvents
	}
	if o.Octets == 0 {
		o.Octets = queueOctets
	}
	q := &Queue{printer: p, o: o, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	go q.run()
	return q
}

// Events takes events to be printed. It copies what they share with the session and
// does not block.
func (q *Queue) Events(events []decode.Event) {
	q.mu.Lock()
	stalled := false
	for i := range events {
		stalled = q.add(&events[i]) || stalled
	}
	q.mu.Unlock()
	if stalled {
		q.trouble(ErrStalled)
	}
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// add copies one event, or drops it and tells so.
func (q *Queue) add(e *decode.Event) (dropped bool) {
	b := &q.next
	size := eventOctets + len(e.Text)
	full := b.missing > 0 || len(b.events) >= q.o.Events || len(b.events) > 0 && b.octets+size > q.o.Octets
	if q.gone || q.closing || full {
		q.dropped++
		b.missing++
		if e.Kind == decode.Close && e.Dir == decode.NoDir {
			if len(b.closed) < closedLimit {
				b.closed = append(b.closed, e.Conn)
			} else {
				b.all = true
			}
		}
		return full && !q.gone && !q.closing
	}
	b.octets += size
	c := *e
	from := len(b.texts)
	b.texts = append(b.texts, e.Text...)
	c.Text = b.texts[from:len(b.texts):len(b.texts)]
	if e.Command != nil {
		// The session goes on to write into the command.
		b.commands = append(b.commands, *e.Command)
		c.Command = &b.commands[len(b.commands)-1]
	}
	b.events = append(b.events, c)
	return false
}

// Dropped is the number of events that were not printed.
func (q *Queue) Dropped() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

// Close prints what is queued and held, and ends the queue. When ctx ends first it gives
// up and returns the context's error; the goroutine then ends with the Write that
// blocks it. Otherwise it gives the first error of the output; that the output is gone
// is none.
func (q *Queue) Close(ctx context.Context) error {
	q.mu.Lock()
	if !q.closing {
		q.closing = true
		close(q.quit)
	}
	q.mu.Unlock()
	select {
	case <-q.done:
	case <-ctx.Done():
		q.mu.Lock()
		q.gone = true
		q.mu.Unlock()
		return ctx.Err()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.err
}

func (q *Queue) run() {
	defer close(q.done)
	timer := time.NewTimer(tick)
	defer timer.Stop()
	watching := true
	for {
		var ticks <-chan time.Time
		if watching {
			ticks = timer.C
		}
		select {
		case <-q.wake:
			if !q.drain() {
				return
			}
			if !watching {
				watching = true
				timer.Reset(tick)
			}
		case <-ticks:
			again, err := q.printer.idle(time.Now(), q.o.Pending)
			if p, ok := q.printer.(*text); ok && err == nil && q.o.Progress != nil {
				var more bool
				more, err = p.progress(q.o.Progress(), time.Now())
				again = again || more
			}
			if !q.check(err, 0) {
				return
			}
			if watching = again; again {
				timer.Reset(tick)
			}
		case <-q.quit:
			if q.drain() {
				q.check(q.printer.Close(), 0)
			}
			return
		}
	}
}

// drain prints what is queued. It tells whether the queue goes on.
func (q *Queue) drain() bool {
	for {
		q.mu.Lock()
		if q.gone {
			q.mu.Unlock()
			return false
		}
		b := q.next
		q.next, q.spare = q.spare, batch{}
		q.mu.Unlock()
		if len(b.events) == 0 && b.missing == 0 {
			q.giveBack(b)
			return true
		}
		ok := q.printBatch(&b)
		q.giveBack(b)
		if !ok {
			return false
		}
	}
}

func (q *Queue) printBatch(b *batch) bool {
	for rest := b.events; len(rest) > 0; {
		n := min(len(rest), batchEvents)
		if !q.sayMissing(nil, false) {
			return false
		}
		err := q.printer.emit(rest[:n])
		if err != nil {
			q.unsaid += uint64(n)
		}
		if !q.check(err, n) {
			return false
		}
		rest = rest[n:]
	}
	q.unsaid += b.missing
	return q.sayMissing(b.closed, b.all)
}

// sayMissing says what was dropped, until the output takes it.
func (q *Queue) sayMissing(closed []int, all bool) bool {
	if q.unsaid == 0 {
		return true
	}
	err := q.printer.missing(q.unsaid, closed, all)
	if err == nil {
		q.unsaid = 0
	}
	return q.check(err, 0)
}

// giveBack keeps a batch's memory for the next one, unless it is large.
func (q *Queue) giveBack(b batch) {
	b.reset()
	if cap(b.texts) > textsKept {
		b.texts = nil
	}
	q.mu.Lock()
	q.spare = b
	q.mu.Unlock()
}

// check looks at the outcome of a print of n events. It tells whether the queue goes on.
func (q *Queue) check(err error, n int) bool {
	q.mu.Lock()
	if err == nil {
		defer q.mu.Unlock()
		return !q.gone
	}
	q.dropped += uint64(n)
	if over(err) {
		q.gone = true
	} else if q.err == nil {
		q.err = err
	}
	gone := q.gone
	q.mu.Unlock()
	q.trouble(err)
	return !gone
}

// over tells whether an output will never take anything again.
func over(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, fs.ErrClosed)
}

// trouble tells the owner once, and not from this goroutine: the caller of Events may hold
// locks.
func (q *Queue) trouble(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.told || q.o.Trouble == nil {
		return
	}
	q.told = true
	go q.o.Trouble(err)
}
