package print

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/mailtrace/mailtrace/decode"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tap is an output that can be closed for a while, and that fails where it is told to.
type tap struct {
	mu     sync.Mutex
	open   chan struct{} // nil: open
	fail   func(call int, p []byte) (int, error)
	calls  int
	b      bytes.Buffer
	begins chan struct{} // gets one when a Write begins, if there is room
}

func (w *tap) Write(p []byte) (int, error) {
	select {
	case w.begins <- struct{}{}:
	default:
	}
	w.mu.Lock()
	open := w.open
	w.mu.Unlock()
	if open != nil {
		<-open
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	if w.fail != nil {
		if n, err := w.fail(w.calls, p); err != nil {
			w.b.Write(p[:n])
			return n, err
		}
	}
	return w.b.Write(p)
}

func (w *tap) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

// commands gives n events that stand for themselves.
func commands(from, n int) []decode.Event {
	events := make([]decode.Event, n)
	for i := range events {
		seq := uint64(from + i)
		events[i] = decode.Event{
			Seq: seq, Time: day, Conn: 1, Dir: decode.Client, Kind: decode.CommandLine, Name: "NOOP", Text: fmt.Appendf(nil, "n%d NOOP", seq),
		}
	}
	return events
}

func closed(t *testing.T, q *Queue) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := q.Close(ctx); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// TestLiveEqualsShow lets the stories happen in their time, printed as they happen.
func TestLiveEqualsShow(t *testing.T) {
	for _, format := range []func(*tap, Options) Printer{
		func(w *tap, o Options) Printer { return Text(w, o) },
		func(w *tap, o Options) Printer { return JSON(w, o) },
	} {
		synctest.Test(t, func(t *testing.T) {
			s := everything()
			s.many()
			shift := time.Since(s.events[0].Time)
			for i := range s.events {
				s.events[i].Time = s.events[i].Time.Add(shift)
				if c := s.events[i].Command; c != nil {
					c.Complete = c.Complete.Add(shift)
				}
			}
			o := Options{Notes: s.note, Local: time.UTC}
			var show, live tap
			p := format(&show, o)
			p.Events(s.events)
			p.Close()

			q := NewQueue(format(&live, o), QueueOptions{Events: 1 << 20})
			for i := range s.events {
				time.Sleep(time.Until(s.events[i].Time))
				q.Events(s.events[i : i+1])
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			beforeClose := live.String()
			closed(t, q)
			if diff := cmp.Diff(show.String(), live.String()); diff != "" {
				t.Errorf("(-show +live):\n%s", diff)
			}
			if beforeClose != live.String() {
				t.Error("something was held until the queue was closed")
			}
		})
	}
}

func TestQueueCopiesWhatIsShared(t *testing.T) {
	w := &tap{open: make(chan struct{})}
	q := NewQueue(JSON(w, Options{}), QueueOptions{})
	text, command := []byte("a1 OK done"), &decode.Command{Seq: 1, Name: "NOOP", Complete: day}
	q.Events([]decode.Event{{Seq: 2, Kind: decode.Completion, Command: command, Text: text, Latency: time.Millisecond}})
	copy(text, "xxxxxxxxxx")
	*command = decode.Command{Seq: 99}
	close(w.open)
	closed(t, q)
	for _, want := range []string{`"text":"a1 OK done"`, `"for":1,"latency_us":1000,`} {
		if !strings.Contains(w.String(), want) {
			t.Errorf("%s is not in %s", want, w.String())
		}
	}
}

func TestStalledOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []error
		var mu sync.Mutex
		w := &tap{open: make(chan struct{})}
		q := NewQueue(JSON(w, Options{}), QueueOptions{Events: 100, Trouble: func(err error) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, err)
		}})
		q.Events(commands(1, 1))
		synctest.Wait() // the printer is inside Write
		q.Events(commands(2, 100))
		q.Events(commands(102, 1000))
		q.Events(commands(1102, 234))
		if n := q.Dropped(); n != 1234 {
			t.Errorf("%d events were dropped, not 1234", n)
		}
		close(w.open)
		synctest.Wait()
		q.Events(commands(1336, 2))
		closed(t, q)
		synctest.Wait()

		var seqs []uint64
		for line := range strings.Lines(w.String()) {
			var e struct {
				Seq, Count uint64
				Kind       string
			}
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			if e.Kind == "dropped" {
				seqs = append(seqs, 0, e.Count)
			} else if e.Seq == 1 || e.Seq >= 101 {
				seqs = append(seqs, e.Seq)
			}
		}
		if diff := cmp.Diff([]uint64{1, 101, 0, 1234, 1336, 1337}, seqs); diff != "" {
			t.Errorf("sequence numbers (0: dropped) (-want +got):\n%s", diff)
		}
		if len(told) != 1 || !errors.Is(told[0], ErrStalled) {
			t.Errorf("told %v, not once that the output stalled", told)
		}
	})
}

func TestStalledScreenSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &tap{open: make(chan struct{})}
		p := Text(w, Options{Local: time.UTC})
		q := NewQueue(p, QueueOptions{Octets: 3000})
		q.Events(commands(1, 1))
		synctest.Wait()
		q.Events(commands(2, 2000))
		ends := make([]decode.Event, 10)
		for i := range ends {
			ends[i] = decode.Event{Seq: uint64(3000 + i), Time: day, Conn: 1 + i, Kind: decode.Close}
		}
		q.Events(ends)
		close(w.open)
		closed(t, q)
		if !strings.Contains(w.String(), "… 1,999 events not shown (output stalled)\n") {
			t.Errorf("it does not say what is missing:\n%s", w.String())
		}
		if n := len(p.(*text).conns); n != 0 {
			t.Errorf("%d connections are remembered whose end was dropped", n)
		}
	})
}

// TestFailingOutput lets the disk be full for a while, in the middle of a line.
func TestFailingOutput(t *testing.T) {
	full := &tap{fail: func(call int, p []byte) (int, error) {
		if call >= 3 && call < 8 {
			return min(call, len(p)) % 5, syscall.ENOSPC
		}
		return 0, nil
	}}
	told := make(chan error, 9)
	q := NewQueue(JSON(full, Options{}), QueueOptions{Trouble: func(err error) { told <- err }})
	for i := range 50 {
		q.Events(commands(1+20*i, 20))
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := q.Close(ctx); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Close gave %v", err)
	}
	if err := <-told; !errors.Is(err, syscall.ENOSPC) || len(told) > 0 {
		t.Errorf("told %v and %d more", err, len(told))
	}
	printed, dropped := uint64(0), uint64(0)
	for line := range strings.Lines(full.String()) {
		var e struct{ Count uint64 }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		if e.Count == 0 {
			printed++
		}
		dropped += e.Count
	}
	if dropped != q.Dropped() || printed+dropped < 1000 {
		t.Errorf("%d lines and %d said to be missing, of 1000; the queue knows of %d", printed, dropped, q.Dropped())
	}
}

func TestOutputGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(chan error, 9)
		w := &tap{fail: func(int, []byte) (int, error) { return 0, syscall.EPIPE }}
		q := NewQueue(Text(w, Options{}), QueueOptions{Trouble: func(err error) { told <- err }})
		for i := range 10 {
			q.Events(commands(1+i, 1))
			synctest.Wait()
		}
		closed(t, q)
		synctest.Wait()
		if w.calls != 1 {
			t.Errorf("%d writes to an output that is gone", w.calls)
		}
		if err := <-told; !errors.Is(err, syscall.EPIPE) || len(told) > 0 {
			t.Errorf("told %v and %d more", err, len(told))
		}
		if n := q.Dropped(); n != 10 {
			t.Errorf("%d events were dropped, not 10", n)
		}
	})
}

func TestCloseGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &tap{open: make(chan struct{})}
		q := NewQueue(Text(w, Options{}), QueueOptions{})
		q.Events(commands(1, 10))
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		start := time.Now()
		if err := q.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 2*time.Second {
			t.Errorf("Close gave %v after %v", err, time.Since(start))
		}
		q.Events(commands(11, 10)) // must not block, nor wake anything
		close(w.open)
		synctest.Wait() // the bubble ends only if the goroutine does
	})
}

func TestPendingIsSaidOnTheScreen(t *testing.T) {
	run := func(t *testing.T, p Printer, w *tap) string {
		q := NewQueue(p, QueueOptions{Pending: 30 * time.Second})
		send := func(kind decode.Kind, d decode.Dir, c *decode.Command, text string) {
			q.Events([]decode.Event{{Time: time.Now(), Conn: 1, Protocol: "imap", Dir: d, Kind: kind, Tag: c.Tag, Name: c.Name, Command: c, Text: []byte(text)}})
		}
		fetch, idle := &decode.Command{Seq: 1, Tag: "a4", Name: "UID FETCH"}, &decode.Command{Seq: 2, Tag: "a5", Name: "IDLE"}
		send(decode.CommandLine, decode.Client, fetch, "a4 UID FETCH 1:* FLAGS")
		time.Sleep(29 * time.Second)
		send(decode.CommandLine, decode.Client, idle, "a5 IDLE")
		send(decode.ContinuationRequest, decode.Server, idle, "+ idling")
		synctest.Wait()
		if strings.Contains(w.String(), "pending") {
			t.Errorf("said too early:\n%s", w.String())
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		got := w.String()
		time.Sleep(time.Hour)
		send(decode.Completion, decode.Server, fetch, "a4 OK done")
		closed(t, q)
		if n := strings.Count(w.String(), "pending"); n != strings.Count(got, "pending") {
			t.Errorf("said %d times:\n%s", n, w.String())
		}
		return got
	}
	synctest.Test(t, func(t *testing.T) {
		w := &tap{}
		if got := run(t, Text(w, Options{Local: time.UTC}), w); !strings.Contains(got, "…  a4 UID FETCH pending 30 s\n") {
			t.Errorf("not said:\n%s", got)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w := &tap{}
		if got := run(t, JSON(w, Options{}), w); strings.Contains(got, "pending") {
			t.Errorf("JSON tells what no capture does:\n%s", got)
		}
	})
}

func BenchmarkText(b *testing.B) {
	bench(b, func(s *story) Printer { return Text(devNull{}, Options{Notes: s.note}) })
}

func BenchmarkJSON(b *testing.B) {
	bench(b, func(*story) Printer { return JSON(devNull{}, Options{}) })
}

type devNull struct{}

func (devNull) Write(p []byte) (int, error) { return len(p), nil }

// bench prints the two sessions, which are varied, again and again.
func bench(b *testing.B, with func(*story) Printer) {
	s := sessions()
	p := with(s)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		p.Events(s.events)
		n += len(s.events)
	}
	p.Close()
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
}
