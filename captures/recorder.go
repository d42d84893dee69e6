package captures

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// Options configure a Recorder.
type Options struct {
	// Application names the writer in the section header, such as "mailtrace 1.2".
	Application string
	// Protocols give each stream the port by which other readers know it; usually
	// registry.All. Without them every stream has port 1.
	Protocols []decode.Protocol
	// Bodies keeps RFC 5322 content. Without it, filler stands in its place.
	Bodies bool
	// OnError, where set, is told once that octets are missing (ErrBehind), and once that
	// writing failed (*WriteError) and recording has ended. It is called from a goroutine
	// of the Recorder and may take its time.
	OnError func(error)
	// Compression packs each piece that is written for itself, as a frame or member.
	Compression Compression
	// Queue bounds the memory of what waits to be written, in octets (16 MiB).
	Queue int
}

// What a Recorder waits for before it writes, and what it holds.
const (
	flushAfter = 200 * time.Millisecond
	flushSize  = 256 << 10
	queueSize  = 16 << 20
	// markReserve is what marks may take beyond Options.Queue, so that overflow loses
	// octets and keeps the story.
	markReserve = 8 << 20
	// bufferSize holds one read of 64 KiB in segments.
	bufferSize = 72 << 10
	// copySize is the largest batch that is copied behind the last one instead of handed
	// over. It bounds what a Commit costs and what a queue of small batches wastes.
	copySize = 32 << 10
	// batchSize is what one tape may stage.
	batchSize = 1 << 20
	// pieceSize is what one tape takes at once of a piece that is larger.
	pieceSize = 256 << 10
)

// ErrBehind says that the writer could not follow and octets are missing from the
// capture, with a mark where.
var ErrBehind = errors.New("captures: writing is too slow: octets are missing from the capture, gaps mark them")

// WriteError says that writing failed and recording ended.
type WriteError struct {
	Written int64 // octets that stand in the file; the last block is torn
	Err     error
}

func (e *WriteError) Error() string {
	return fmt.Sprintf("captures: recording ended at octet %d: %v", e.Written, e.Err)
}

// Unwrap gives the writer's error.
func (e *WriteError) Unwrap() error { return e.Err }

// Recorder writes a capture. Its methods may be called from several goroutines; none but
// Close ever waits for the writer.
type Recorder struct {
	o       Options
	w       io.Writer
	packer  *packer // nil where nothing is packed
	streams atomic.Uint64
	stopped atomic.Bool // writing failed or Close was called: nothing more is taken
	lost    atomic.Int64
	buffers sync.Pool

	mu     sync.Mutex
	chunks [][]byte // in order; the last one may be appended to within its capacity
	size   int      // capacity of what is queued or being written
	ready  int      // octets in chunks
	behind bool     // octets are refused until half of the queue is free
	said   bool     // ErrBehind was reported

	wake    chan struct{} // chunks is no longer empty
	full    chan struct{} // flushSize is reached
	closing chan struct{}
	done    chan struct{} // the writer's goroutine ended; err may be read
	once    sync.Once
	reports sync.WaitGroup
	written int64
	err     error
}

// NewRecorder begins a capture on w and writes its header. The writer is used from one
// goroutine, which ends with Close; the caller closes w behind that.
func NewRecorder(w io.Writer, o Options) *Recorder {
	if o.Queue == 0 {
		o.Queue = queueSize
	}
	r := &Recorder{
		o: o, w: w, packer: newPacker(o.Compression),
		wake: make(chan struct{}, 1), full: make(chan struct{}, 1),
		closing: make(chan struct{}), done: make(chan struct{}),
	}
	r.buffers.New = func() any { return new([bufferSize]byte) }
	// A file that has its header at once can be told from an empty one.
	r.push(appendSection(r.buffer(), o.Application), true)
	r.full <- struct{}{}
	go r.run()
	return r
}

// Lost gives the octets of connections that the capture does not have, for want of a
// writer fast enough.
func (r *Recorder) Lost() int64 { return r.lost.Load() }

// Close writes what is queued and ends the recording. It gives the error that ended it
// early, or that of ctx where the writer did not finish in time; its goroutine then ends
// when the writer returns. Tapes take nothing more.
func (r *Recorder) Close(ctx context.Context) error {
	r.once.Do(func() {
		r.mu.Lock()
		r.stopped.Store(true)
		r.mu.Unlock()
		close(r.closing)
	})
	select {
	case <-r.done:
	case <-ctx.Done():
		r.mu.Lock()
		n := r.ready
		r.mu.Unlock()
		return fmt.Errorf("captures: the writer did not finish, at least %d octets are not written: %w", n, ctx.Err())
	}
	told := make(chan struct{})
	go func() {
		r.reports.Wait()
		close(told)
	}()
	select {
	case <-told:
	case <-ctx.Done():
	}
	return r.err
}

func (r *Recorder) next() endpoint { return clientEndpoint(r.streams.Add(1) - 1) }

func (r *Recorder) buffer() []byte { return r.buffers.Get().(*[bufferSize]byte)[:0] }

func (r *Recorder) release(b []byte) {
	if cap(b) == bufferSize {
		r.buffers.Put((*[bufferSize]byte)(b[:bufferSize]))
	}
}

// push queues a batch and owns it from then on, unless it says no: the queue is full.
// marks is set for a batch without octets, which may use the reserve.
func (r *Recorder) push(b []byte, marks bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped.Load() {
		r.release(b)
		return true
	}
	last := len(r.chunks) - 1
	if last >= 0 && len(b) <= copySize && cap(r.chunks[last])-len(r.chunks[last]) >= len(b) && (marks || !r.behind) {
		r.chunks[last] = append(r.chunks[last], b...)
		r.added(len(b))
		r.release(b)
		return true
	}
	limit := r.o.Queue
	if marks {
		limit += markReserve
	} else if r.behind {
		limit /= 2
	}
	if r.size+cap(b) > limit {
		r.behind = true
		if !r.said {
			r.said = true
			r.report(ErrBehind)
		}
		return false
	}
	if !marks {
		r.behind = false
	}
	r.chunks = append(r.chunks, b)
	r.size += cap(b)
	r.added(len(b))
	return true
}

func (r *Recorder) added(n int) {
	if r.ready == 0 {
		notify(r.wake)
	}
	r.ready += n
	if r.ready >= flushSize {
		notify(r.full)
	}
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// report tells OnError, from a goroutine of its own since it may wait for a terminal.
func (r *Recorder) report(err error) {
	if r.o.OnError != nil {
		r.reports.Go(func() { r.o.OnError(err) })
	}
}

// run is the writer's goroutine.
func (r *Recorder) run() {
	defer close(r.done)
	timer := time.NewTimer(flushAfter)
	defer timer.Stop()
	for closing := false; !closing; {
		select {
		case <-r.wake:
			timer.Reset(flushAfter)
			select {
			case <-timer.C:
			case <-r.full:
			case <-r.closing:
				closing = true
			}
		case <-r.closing:
			closing = true
		}
		if r.err = r.flush(); r.err != nil {
			r.report(r.err)
			return
		}
	}
}

// flush writes what is queued. After a failure it drops what is queued.
func (r *Recorder) flush() error {
	r.mu.Lock()
	chunks := r.chunks
	r.chunks, r.ready = nil, 0
	r.mu.Unlock()
	for len(chunks) > 0 {
		n := 1
		if r.packer != nil {
			n = piece(chunks)
		}
		if err := r.write(chunks[:n]); err != nil {
			return err
		}
		chunks = chunks[n:]
	}
	return nil
}

// piece gives how many chunks are packed together: flushSize octets or a little more, so
// that a file that ends in the middle of a frame has lost no more than that.
func piece(chunks [][]byte) int {
	size := 0
	for i, b := range chunks {
		if size += len(b); size >= flushSize {
			return i + 1
		}
	}
	return len(chunks)
}

// write writes chunks at once, packed where that was asked for, and lets them go.
func (r *Recorder) write(chunks [][]byte) error {
	b := chunks[0]
	if r.packer != nil {
		b = r.packer.pack(chunks)
	}
	n, err := r.w.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	r.mu.Lock()
	for _, c := range chunks {
		r.size -= cap(c)
	}
	if err != nil {
		r.stopped.Store(true)
		r.chunks = nil
	}
	r.mu.Unlock()
	r.written += int64(n)
	if err != nil {
		return &WriteError{Written: r.written, Err: err}
	}
	for _, c := range chunks {
		r.release(c)
	}
	return nil
}
