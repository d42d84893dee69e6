package replay

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"
)

// Limits of what a player takes from a peer.
const (
	maxLine    = 1 << 20
	maxLiteral = 2 << 30
)

// wire is a connection that is read line by line, and written to by its own goroutine, so
// that a peer that answers before it has read all cannot block us.
type wire struct {
	timeout time.Duration

	mu        sync.Mutex
	conn      net.Conn
	cancelled bool

	r     *bufio.Reader
	spool spool // of what is large

	out     sync.Mutex // guards what follows
	more    *sync.Cond // signalled when queue, idle or failed change
	queue   [][]byte
	idle    bool
	closed  bool
	failed  error
	stopped chan struct{}
}

func newWire(conn net.Conn, timeout time.Duration) *wire {
	w := &wire{conn: conn, timeout: timeout, r: bufio.NewReader(conn), idle: true, stopped: make(chan struct{})}
	w.more = sync.NewCond(&w.out)
	go w.writeLoop()
	return w
}

// cancel makes all reads and writes fail, now and later.
func (w *wire) cancel() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cancelled = true
	w.conn.SetDeadline(time.Unix(1, 0))
}

// deadline sets one, unless the wire is cancelled.
func (w *wire) deadline(set func(net.Conn, time.Time) error, t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.cancelled {
		set(w.conn, t) // an error shows at the next read or write
	}
}

func (w *wire) writeLoop() {
	defer close(w.stopped)
	w.out.Lock()
	defer w.out.Unlock()
	for {
		for len(w.queue) == 0 && !w.closed {
			w.more.Wait()
		}
		if len(w.queue) == 0 {
			return
		}
		octets := w.queue[0]
		w.queue = w.queue[1:]
		w.idle = false
		w.out.Unlock()
		w.deadline(net.Conn.SetWriteDeadline, time.Now().Add(w.timeout))
		_, err := w.conn.Write(octets)
		w.out.Lock()
		w.idle = true
		if err != nil && w.failed == nil {
			w.failed = err
		}
		if w.failed != nil {
			w.queue = nil
		}
		w.more.Broadcast()
	}
}

// send queues octets.
func (w *wire) send(octets []byte) {
	w.out.Lock()
	defer w.out.Unlock()
	if w.failed == nil {
		w.queue = append(w.queue, octets)
		w.more.Broadcast()
	}
}

// flush waits until all is written.
func (w *wire) flush() error {
	w.out.Lock()
	defer w.out.Unlock()
	for len(w.queue) > 0 || !w.idle {
		w.more.Wait()
	}
	return w.failed
}

// abandon drops what is not written yet.
func (w *wire) abandon() {
	w.deadline(net.Conn.SetWriteDeadline, time.Unix(1, 0))
	w.out.Lock()
	defer w.out.Unlock()
	w.queue = nil
	if w.failed == nil {
		w.failed = errAbandoned
	}
}

var errAbandoned = errors.New("abandoned")

// close ends the writer; the connection stays open.
func (w *wire) close() {
	w.out.Lock()
	w.closed = true
	w.more.Broadcast()
	w.out.Unlock()
	<-w.stopped
	w.deadline(net.Conn.SetDeadline, time.Time{})
	_ = w.spool.close() // what it held is of no use any more
}

// upgrade puts TLS on the connection.
func (w *wire) upgrade(handshake func(net.Conn) (net.Conn, error)) error {
	if n := w.r.Buffered(); n > 0 {
		return fmt.Errorf("%d octets in clear behind the OK to STARTTLS", n)
	}
	if err := w.flush(); err != nil {
		return err
	}
	w.deadline(net.Conn.SetDeadline, time.Now().Add(w.timeout))
	conn, err := handshake(w.conn)
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.conn = conn
	w.mu.Unlock()
	w.r = bufio.NewReader(conn)
	return nil
}

// errTimeout says that nothing came in time.
var errTimeout = errors.New("nothing came")

// line reads a line up to LF, without its line end.
func (w *wire) line(timeout time.Duration) ([]byte, error) {
	w.deadline(net.Conn.SetReadDeadline, time.Now().Add(timeout))
	var line []byte
	for {
		part, err := w.r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxLine {
			return nil, fmt.Errorf("a line of more than %d octets", maxLine)
		}
		if err == nil {
			break
		}
		if err != bufio.ErrBufferFull {
			return nil, w.readError(err, timeout, len(line))
		}
	}
	line = line[:len(line)-1]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, nil
}

func (w *wire) readError(err error, timeout time.Duration, got int) error {
	var ne net.Error
	switch {
	case errors.As(err, &ne) && ne.Timeout():
		return fmt.Errorf("%w within %v", errTimeout, timeout)
	case errors.Is(err, io.EOF) && got > 0:
		return io.ErrUnexpectedEOF
	}
	return err
}

// reply reads an IMAP response with its literals.
func (w *wire) reply(timeout time.Duration) (*reply, error) {
	var es []elem
	var show []byte
	for {
		line, err := w.line(timeout)
		if err != nil {
			return nil, err
		}
		first := len(es) == 0
		show = append(show, line...)
		n, text, ok := announced(line)
		if !ok || first && isStatusLine(line) {
			es = append(es, octetElems(string(line))...)
			r := replyOf(es, string(show))
			r.raw = es
			return r, nil
		}
		if n > maxLiteral {
			return nil, fmt.Errorf("a literal of %d octets, more than %d", n, maxLiteral)
		}
		lit, err := w.literal(n, timeout)
		if err != nil {
			return nil, err
		}
		es = append(append(es, octetElems(string(text))...), elem{lit: lit})
		show = append(show, "…"...)
	}
}

// literal reads n octets; those that are many go to a file. A peer may take as long as it wants
// while something comes.
func (w *wire) literal(n int64, timeout time.Duration) (*Literal, error) {
	if n <= largeAbove {
		octets := make([]byte, n)
		if _, err := io.ReadFull(w.r, octets); err != nil {
			return nil, w.readError(err, timeout, 1)
		}
		return &Literal{Octets: octets}, nil
	}
	l, err := w.spool.take(&lively{w, io.LimitReader(w.r, n), timeout})
	if err != nil {
		return nil, w.readError(err, timeout, 1)
	}
	if l.n < n {
		return nil, io.ErrUnexpectedEOF
	}
	return &Literal{large: l}, nil
}

// lively puts off the deadline for as long as octets come.
type lively struct {
	w       *wire
	r       io.Reader
	timeout time.Duration
}

func (l *lively) Read(p []byte) (int, error) {
	l.w.deadline(net.Conn.SetReadDeadline, time.Now().Add(l.timeout))
	return l.r.Read(p)
}

// announced finds the literal that a line announces at its end, and the text before it.
func announced(line []byte) (n int64, text []byte, ok bool) {
	i := len(line) - 1
	if i < 2 || line[i] != '}' {
		return 0, nil, false
	}
	digits := i
	for i--; i >= 0 && '0' <= line[i] && line[i] <= '9'; i-- {
		digits = i
	}
	if i < 0 || line[i] != '{' || digits == len(line)-1 {
		return 0, nil, false
	}
	n, err := strconv.ParseInt(string(line[digits:len(line)-1]), 10, 64)
	if err != nil {
		return 0, nil, false
	}
	if i > 0 && line[i-1] == '~' {
		i--
	}
	return n, line[:i], true
}

// watch cancels the wire when the context ends; the function given back stops that.
func (w *wire) watch(ctx context.Context) func() bool { return context.AfterFunc(ctx, w.cancel) }
