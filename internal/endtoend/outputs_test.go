package endtoend

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/captures"
	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
	"github.com/mailtrace/mailtrace/internal/print"
	"github.com/mailtrace/mailtrace/proxy"
)

var errFull = errors.New("no space left on device")

// full is a Writer that takes so many octets and fails from then on.
type full struct {
	buffer
	left int
}

func (f *full) Write(p []byte) (int, error) {
	n := min(len(p), f.left)
	f.left -= n
	f.buffer.Write(p[:n])
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

// stalled is a Writer that takes nothing until it is let go.
type stalled struct {
	once sync.Once
	gone chan struct{}
}

func newStalled() *stalled { return &stalled{gone: make(chan struct{})} }

func (s *stalled) Write(p []byte) (int, error) {
	<-s.gone
	return len(p), nil
}

func (s *stalled) release() { s.once.Do(func() { close(s.gone) }) }

// pop3Rows is a server whose LIST has many lines, and a message that is large.
func pop3Rows(t tester, rows int, message []byte) func(net.Conn) {
	return func(c net.Conn) {
		s := talk(t, c)
		s.send("+OK ready\r\n")
		for {
			switch line := s.line(); {
			case line == "RETR 1":
				s.send("+OK\r\n")
				s.Write(message)
			case line == "QUIT":
				s.send("+OK bye\r\n")
				return
			case strings.HasSuffix(line, "EOF"), strings.Contains(line, "error:"):
				return
			default:
				s.send("+OK" + strings.Repeat(" row", rows) + "\r\n")
			}
		}
	}
}

// retrieve is a session that must go on whatever becomes of the outputs: stats, then the
// message, whole.
func retrieve(d *dialog, stats int, message []byte) {
	d.t.Helper()
	d.expect("+OK ready")
	for range stats {
		d.send("STAT\r\n")
		d.expect("+OK row row")
	}
	d.send("RETR 1\r\n")
	d.expect("+OK")
	got := make([]byte, len(message))
	if _, err := io.ReadFull(d.r, got); err != nil || !bytes.Equal(got, message) {
		d.t.Errorf("the message did not come whole: %v", err)
	}
	d.send("QUIT\r\n")
	d.expect("+OK bye")
	d.expect("EOF")
	d.Close()
}

// hindered runs two connections, one after the other, through a proxy whose outputs are in
// trouble, and stops it.
func hindered(t *testing.T, message []byte, out outputs) *live {
	t.Helper()
	noLeaks(t)
	addr := serve(t, pop3Rows(t, 2, message))
	l := start(t, proxy.Config{Routes: []proxy.Route{route(t, "pop3", "pop3", addr)}}, out)
	for conn := range 2 {
		retrieve(talk(t, l.dial(t, 0)), 200, message)
		if x := l.events.closed(t, conn+1); x.Commands != 202 || x.Unanswered != 0 {
			t.Errorf("%d commands, %d unanswered", x.Commands, x.Unanswered)
		}
	}
	l.halt(t)
	return l
}

// told waits until so many errors were said, and gives them.
func (l *live) told(t tester, n int) []error {
	t.Helper()
	for len(l.heard()) < n {
		select {
		case <-l.news:
		case <-time.After(patience):
			t.Fatalf("said %v, expected %d", l.heard(), n)
		}
	}
	return l.heard()
}

// closeOutputs closes what is printed and recorded, and gives what that says. Each has
// patience as its bound, but a moment where it is known to stall.
func (l *live) closeOutputs(stalls ...any) (printed []error, recorded error) {
	end := func(what any, closing func(context.Context) error) error {
		bound := patience
		if slices.Contains(stalls, what) {
			bound = 50 * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(context.Background(), bound)
		defer cancel()
		return closing(ctx)
	}
	for _, q := range l.queues {
		printed = append(printed, end(q, q.Close))
	}
	return printed, end(l.recorder, l.recorder.Close)
}

func message(n int) []byte {
	return append(bytes.Repeat([]byte("0123456789abcdef\r\n"), n/18), ".\r\n"...)
}

// A capture that cannot be written on ends where it is, is told once, and reads up to there.
func TestCaptureFails(t *testing.T) {
	for _, left := range []int{0, 1, 100, 500, 5_000, 1 << 20} {
		w := &full{left: left}
		l := hindered(t, message(2<<20), outputs{capture: w})
		printed, recorded := l.closeOutputs()
		var failed *captures.WriteError
		if !errors.As(recorded, &failed) || !errors.Is(failed, errFull) || failed.Written != int64(left) {
			t.Errorf("after %d octets: %v", left, recorded)
		}
		if said := l.heard(); len(said) != 1 || !errors.As(said[0], &failed) {
			t.Errorf("after %d octets said: %v", left, said)
		}
		if printed[0] != nil || printed[1] != nil {
			t.Errorf("printing: %v", printed)
		}
		if left < 100 {
			continue // not even a header
		}
		asJSON, _, err := show(t, w.bytes())
		var cut *captures.Truncated
		if err != nil && !errors.As(err, &cut) {
			t.Errorf("after %d octets: %v", left, err)
		}
		prefix(t, l.json.bytes(), asJSON, min(left/1000, 1))
	}
}

// A capture that stalls costs what does not fit, told once; ending does not wait for it.
func TestCaptureStalls(t *testing.T) {
	w := newStalled()
	defer w.release()
	l := hindered(t, message(1<<20), outputs{capture: w, recorder: captures.Options{Queue: 256 << 10}})
	said := l.told(t, 1)
	if len(said) != 1 || !errors.Is(said[0], captures.ErrBehind) {
		t.Errorf("said: %v", said)
	}
	printed, recorded := l.closeOutputs(l.recorder)
	if !errors.Is(recorded, context.DeadlineExceeded) {
		t.Errorf("recording: %v", recorded)
	}
	if printed[0] != nil || printed[1] != nil || l.queues[0].Dropped() > 0 {
		t.Errorf("printing: %v, %d dropped", printed, l.queues[0].Dropped())
	}
	if l.recorder.Lost() == 0 {
		t.Error("nothing was lost")
	}
}

// A capture that was too slow for a while has gaps where octets are missing, and the rest.
func TestCaptureSlow(t *testing.T) {
	w := &late{stalled: newStalled()}
	defer w.release()
	noLeaks(t)
	body := message(1 << 20)
	addr := serve(t, pop3Rows(t, 2, body))
	l := start(t, proxy.Config{Routes: []proxy.Route{route(t, "pop3", "pop3", addr)}}, outputs{capture: w, recorder: captures.Options{Queue: 256 << 10}})
	retrieve(talk(t, l.dial(t, 0)), 10, body)
	l.events.closed(t, 1)
	w.release()
	// What comes once there is room again is there.
	retrieve(talk(t, l.dial(t, 0)), 10, body)
	l.events.closed(t, 2)
	l.halt(t)
	if _, err := l.closeOutputs(); err != nil {
		t.Fatal(err)
	}
	if said := l.heard(); len(said) != 1 || !errors.Is(said[0], captures.ErrBehind) {
		t.Errorf("said: %v", said)
	}
	r, err := captures.NewReader(bytes.NewReader(w.bytes()))
	if err != nil {
		t.Fatal(err)
	}
	var octets [3]int64
	gaps := 0
	err = captures.Decode(r, captures.DecodeOptions{Protocols: registry.All}, func(list []decode.Event) {
		for _, e := range list {
			if e.Conn == 1 && e.Kind == decode.Close && e.Dir != decode.NoDir {
				octets[e.Dir] = e.Span.Len
			}
			if e.Kind == decode.Desync {
				gaps++
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := l.events.closed(t, 1); octets[decode.Client] != want.ClientOctets || octets[decode.Server] != want.ServerOctets {
		t.Errorf("octets %v, want %d and %d", octets, want.ClientOctets, want.ServerOctets)
	}
	if gaps == 0 || l.recorder.Lost() == 0 {
		t.Errorf("%d gaps for %d lost octets", gaps, l.recorder.Lost())
	}
}

// late is a Writer that takes nothing until it is let go, and everything then.
type late struct {
	*stalled
	buffer
}

func (l *late) Write(p []byte) (int, error) {
	<-l.gone
	return l.buffer.Write(p)
}

// A stdout that stalls costs what it would have shown, told once; ending does not wait.
func TestStdoutStalls(t *testing.T) {
	w := newStalled()
	defer w.release()
	l := hindered(t, message(1<<20), outputs{json: w, jsonQueue: print.QueueOptions{Events: 64, Octets: 1 << 20}})
	said := l.told(t, 1)
	if len(said) != 1 || !errors.Is(said[0], print.ErrStalled) {
		t.Errorf("said: %v", said)
	}
	printed, recorded := l.closeOutputs(l.queues[0])
	if !errors.Is(printed[0], context.DeadlineExceeded) || printed[1] != nil {
		t.Errorf("printing: %v", printed)
	}
	if recorded != nil {
		t.Errorf("recording: %v", recorded)
	}
	if l.queues[0].Dropped() == 0 {
		t.Error("nothing was dropped")
	}
	if _, _, err := show(t, l.capture.bytes()); err != nil {
		t.Errorf("the capture: %v", err)
	}
}

// A stdout that fails costs what it would have shown, told once.
func TestStdoutFails(t *testing.T) {
	for name, w := range map[string]io.Writer{"full": &full{left: 1000}, "closed": closedPipe(t)} {
		t.Run(name, func(t *testing.T) {
			l := hindered(t, message(1<<20), outputs{json: w})
			printed, recorded := l.closeOutputs()
			if recorded != nil || printed[1] != nil {
				t.Errorf("recording: %v, text: %v", recorded, printed[1])
			}
			if (name == "full") != errors.Is(printed[0], errFull) {
				t.Errorf("printing: %v", printed[0])
			}
			if said := l.told(t, 1); len(said) != 1 {
				t.Errorf("said: %v", said)
			}
			if l.queues[0].Dropped() == 0 {
				t.Error("nothing was dropped")
			}
			asJSON, asText, err := show(t, l.capture.bytes())
			if err != nil {
				t.Errorf("the capture: %v", err)
			}
			same(t, "text", l.text.bytes(), asText)
			if n := bytes.Count(asJSON, []byte("\n")); n != l.events.count() {
				t.Errorf("%d lines for %d events", n, l.events.count())
			}
		})
	}
}

func closedPipe(t *testing.T) io.Writer {
	r, w := io.Pipe()
	r.Close()
	t.Cleanup(func() { w.Close() })
	return w
}
