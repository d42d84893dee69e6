package captures

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mailtrace/mailtrace/decode"
)

// valve is a writer that waits while it is shut, and fails behind limit octets.
type valve struct {
	open  chan struct{} // closed: open; nil: open
	limit int           // 0: none

	mu     sync.Mutex
	b      bytes.Buffer
	writes int
}

var errFull = errors.New("no space left on device")

func (v *valve) Write(p []byte) (int, error) {
	if v.open != nil {
		<-v.open
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.writes++
	if v.limit > 0 && v.b.Len()+len(p) > v.limit {
		n, _ := v.b.Write(p[:v.limit-v.b.Len()])
		return n, errFull
	}
	return v.b.Write(p)
}

func (v *valve) len() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.b.Len()
}

// heard collects what OnError is told.
type heard struct {
	mu   sync.Mutex
	errs []error
}

func (h *heard) hear(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.errs = append(h.errs, err)
}

func (h *heard) count() (behind, failed int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, err := range h.errs {
		if errors.Is(err, ErrBehind) {
			behind++
		} else if errors.As(err, new(*WriteError)) {
			failed++
		}
	}
	return behind, failed
}

// TestFlush: 200 ms after the first octet, or at once with 256 KiB.
func TestFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &valve{}
		r := NewRecorder(v, options4test())
		synctest.Wait()
		header := v.len()
		if header == 0 {
			t.Error("the header is not written at once")
		}
		tape := r.Open(1, decode.FromPeer)
		tape.Octets(octets(decode.Client, 0, "a"))
		tape.Commit()
		time.Sleep(flushAfter - 1)
		synctest.Wait()
		if v.len() != header {
			t.Error("written before its time")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		small := v.len()
		if small == header {
			t.Errorf("not written after %v", flushAfter)
		}
		for range 5 {
			tape.Octets(octets(decode.Client, 0, strings.Repeat("b", 64<<10)))
			tape.Commit()
		}
		synctest.Wait()
		if v.len() < small+flushSize {
			t.Errorf("%d octets queued, %d written", 5*64<<10, v.len()-small)
		}
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestStalledWriter: nobody waits, the marks are kept, and gaps tell what is missing.
func TestStalledWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &valve{open: make(chan struct{})}
		h := &heard{}
		o := options4test()
		o.OnError, o.Queue = h.hear, 4*bufferSize
		r := NewRecorder(v, o)
		tape, other := r.Open(1, decode.FromPeer), r.Open(2, decode.FromPeer)
		tape.Mark(mark(decode.Open, decode.NoDir, 0, "protocol", "lines"))
		tape.Commit()
		for i := range 10 { // about three fit
			tape.Octets(octets(decode.Server, i, strings.Repeat("s", 60_000)))
			tape.Octets(octets(decode.Client, i, "command\r\n"))
			tape.Commit()
		}
		tape.Octets(octets(decode.Server, 20, "+OK go\r\n"))
		tape.Mark(mark(decode.TLS, decode.NoDir, 21, "leg", "both"))
		tape.Octets(octets(decode.Client, 22, "lost"))
		tape.Mark(mark(decode.Edit, decode.Server, 23, "what", "something"))
		tape.Octets(octets(decode.Client, 24, "lost too"))
		tape.Commit()
		other.Octets(octets(decode.Client, 30, "lost three times")) // its beginning as well
		other.Commit()
		synctest.Wait()
		if behind, failed := h.count(); behind != 1 || failed != 0 {
			t.Errorf("told %v", h.errs)
		}
		close(v.open)
		time.Sleep(flushAfter)
		synctest.Wait()
		tape.Octets(octets(decode.Client, 40, "again\r\n"))
		tape.Octets(octets(decode.Server, 41, "+OK\r\n"))
		tape.Mark(mark(decode.Close, decode.NoDir, 42))
		tape.Commit()
		other.Octets(octets(decode.Client, 43, "here"))
		other.Commit()
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
		var kept []Item
		var whole int
		for _, it := range joined(readAll(t, v.b.Bytes())) {
			if len(it.P) == 60_000 || string(it.P) == "command\r\n" {
				whole += len(it.P)
				continue
			}
			kept = append(kept, it)
		}
		written := int64(whole + len("again\r\n+OK\r\nhere"))
		all := int64(10*(60_000+len("command\r\n")) + len("+OK go\r\nlostlost toolost three timesagain\r\n+OK\r\nhere"))
		if r.Lost() != all-written || r.Lost() == 0 {
			t.Errorf("lost %d octets, expected %d", r.Lost(), all-written)
		}
		batches := int64(whole) / (60_000 + 9)
		lost := func(octets, more int64) string { return fmt.Sprintf("gap %d", (10-batches)*octets+more) }
		want := []string{
			"1/0  0 open protocol=lines",
			"1/0 C 21 " + lost(9, 0),
			"1/0 S 21 " + lost(60_000, 8),
			"1/0  21 tls leg=both",
			"1/0 S 23 edit what=something",
			"1/0 C 40 gap 12",
			`1/0 C 40 "again\r\n"`,
			`1/0 S 41 "+OK\r\n"`,
			"1/0  42 close ",
			"2/0 C 43 gap 16",
			`2/0 C 43 "here"`,
		}
		if d := cmp.Diff(want, tell(kept)); d != "" {
			t.Error(d)
		}
	})
}

// TestMarksBeyondTheReserve: at last even a tape's marks are given up, and the tape with
// them; what was queued before can be read.
func TestMarksBeyondTheReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &valve{open: make(chan struct{})}
		o := options4test()
		o.Queue = bufferSize
		r := NewRecorder(v, o)
		tape := r.Open(1, decode.FromPeer)
		text := strings.Repeat("x", largestValue)
		for range 2 * markReserve / largestValue {
			tape.Mark(mark(decode.Edit, decode.Client, 0, "before", text))
			tape.Commit()
		}
		close(v.open)
		time.Sleep(flushAfter)
		tape.Octets(octets(decode.Client, 1, "too late"))
		tape.Commit()
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
		items := readAll(t, v.b.Bytes())
		if n := len(items); n < 10 || n >= 2*markReserve/largestValue {
			t.Errorf("%d marks", n)
		}
		for _, it := range items {
			if it.Kind != ItemMark {
				t.Fatalf("got %v", tell([]Item{it}))
			}
		}
	})
}

// TestFailingWriter: said once, recording ends, what was written can be read.
func TestFailingWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &valve{limit: 20_000}
		h := &heard{}
		o := options4test()
		o.OnError = h.hear
		r := NewRecorder(v, o)
		tape := r.Open(1, decode.FromPeer)
		for i := range 1000 {
			tape.Octets(octets(decode.Client, i, strings.Repeat("c", 1000)))
			tape.Mark(mark(decode.Edit, decode.Client, i, "what", "anything"))
			tape.Commit()
			time.Sleep(10 * time.Millisecond)
		}
		if behind, failed := h.count(); behind != 0 || failed != 1 {
			t.Errorf("told %v", h.errs)
		}
		var failed *WriteError
		if err := r.Close(t.Context()); !errors.As(err, &failed) || !errors.Is(err, errFull) || failed.Written != 20_000 {
			t.Errorf("got %v", err)
		}
		if r.size > o.Queue+queueSize || r.chunks != nil {
			t.Errorf("%d octets are still held", r.size)
		}
		items, err := read(v.b.Bytes())
		var cut *Truncated
		if !errors.As(err, &cut) || len(items) < 20 {
			t.Errorf("%d items, %v", len(items), err)
		}
	})
}

// TestCloseDoesNotWaitForEver: a writer that never returns costs its goroutine alone.
func TestCloseDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &valve{open: make(chan struct{})}
		r := NewRecorder(v, options4test())
		tape := r.Open(1, decode.FromPeer)
		tape.Octets(octets(decode.Client, 0, "a"))
		tape.Commit()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		close(v.open)
		if err := r.Close(t.Context()); err != nil {
			t.Errorf("the second time: %v", err)
		}
		tape.Octets(octets(decode.Client, 0, "b"))
		tape.Commit()
	})
}

// TestGreatPieces: one read may inflate to very much; it is not staged at once.
func TestGreatPieces(t *testing.T) {
	great := bytes.Repeat([]byte("0123456789abcdef"), 5<<20/16)
	o := options4test()
	var most int
	file := record(t, o, func(r *Recorder) {
		tape := r.Open(1, decode.FromPeer)
		tape.Octets(decode.Octets{Dir: decode.Server, Time: start, P: great, End: true})
		r.mu.Lock()
		for _, c := range r.chunks {
			most = max(most, len(c))
		}
		r.mu.Unlock()
		tape.Commit()
	})
	if most > 2*batchSize {
		t.Errorf("a batch of %d octets", most)
	}
	var got bytes.Buffer
	for _, it := range readAll(t, file) {
		got.Write(it.P)
	}
	if !bytes.Equal(got.Bytes(), great) {
		t.Errorf("%d octets of %d", got.Len(), len(great))
	}
}

// TestManyTapesAtOnce is for the race detector, and for the order within a connection.
func TestManyTapesAtOnce(t *testing.T) {
	file := record(t, options4test(), func(r *Recorder) {
		var wg sync.WaitGroup
		for conn := 1; conn <= 8; conn++ {
			wg.Go(func() {
				tape := r.Open(conn, decode.FromPeer)
				for i := range 200 {
					tape.Octets(octets(decode.Client, i, strings.Repeat("c", i+1)))
					tape.Mark(mark(decode.Edit, decode.Client, i))
					tape.Commit()
				}
			})
		}
		wg.Wait()
	})
	next := map[int]int{}
	for _, it := range readAll(t, file) {
		i := next[it.Conn]
		if !it.Time.Equal(after(i/2)) || it.Kind != ItemKind(i%2) || (it.Kind == ItemOctets && len(it.P) != i/2+1) {
			t.Fatalf("conn %d, item %d: %v", it.Conn, i, tell([]Item{it}))
		}
		next[it.Conn]++
	}
	for conn := 1; conn <= 8; conn++ {
		if next[conn] != 400 {
			t.Errorf("conn %d: %d items", conn, next[conn])
		}
	}
}

// TestGapBeyond32Bits: sequence numbers wrap, the comment does not.
func TestGapBeyond32Bits(t *testing.T) {
	const lost = 5 << 32
	o := options4test()
	n := uint64(0)
	e := newEncoder(&o, 1, decode.FromPeer, func() endpoint { n++; return clientEndpoint(n) })
	e.buf = appendSection(nil, "mailtrace test")
	e.octets(octets(decode.Server, 0, "before"))
	e.seal()
	e.off[decode.Server] += lost + 7
	e.octets(octets(decode.Server, 1, "behind"))
	e.seal()
	want := []string{`1/0 S 0 "before"`, "1/0 S 1 gap 21474836487", `1/0 S 1 "behind"`}
	if d := cmp.Diff(want, tell(readAll(t, e.buf))); d != "" {
		t.Error(d)
	}
}
