package endtoend

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/mailtrace/mailtrace/captures"
	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
	"github.com/mailtrace/mailtrace/internal/print"
	"github.com/mailtrace/mailtrace/proxy"
)

// outputs are where what a proxy shows and records goes. What is nil goes to memory.
type outputs struct {
	json, text, capture io.Writer
	jsonQueue           print.QueueOptions // nothing is dropped, unless that is the test
	recorder            captures.Options
	unrecorded          bool // the proxy does not record
	// only chooses the events that are kept; where it is set, nothing is printed.
	only func(*decode.Event) bool
}

// live is a proxy with all its outputs, wired as the command wires them.
type live struct {
	*proxy.Proxy
	events              *events
	json, text, capture *buffer
	queues              []*print.Queue
	recorder            *captures.Recorder
	served              chan error
	stopped             bool

	mu   sync.Mutex
	news chan struct{} // something was said
	said []error       // by the recorder and the queues, besides the events
	logs []string
}

// buffer is a Writer to memory for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.b.Bytes())
}

// sinks shows events to one after the other.
type sinks []proxy.Sink

func (s sinks) Events(list []decode.Event) {
	for _, x := range s {
		x.Events(list)
	}
}

// filter shows some events and drops the others.
type filter struct {
	to   proxy.Sink
	only func(*decode.Event) bool
}

func (f filter) Events(list []decode.Event) {
	for i := range list {
		if f.only(&list[i]) {
			f.to.Events(list[i : i+1])
		}
	}
}

func note(e *decode.Event) string {
	if p := registry.ByName(e.Protocol); p != nil {
		return p.Note(e)
	}
	return ""
}

func printOptions() print.Options {
	return print.Options{Notes: note, Local: time.UTC, Verbose: true}
}

// start runs a proxy. The test must stop it, or it is stopped with the test.
func start(t tester, cfg proxy.Config, out outputs) *live {
	t.Helper()
	l := &live{events: newEvents(), json: &buffer{}, text: &buffer{}, capture: &buffer{}, served: make(chan error, 1), news: make(chan struct{}, 1)}
	or := func(w io.Writer, b *buffer) io.Writer {
		if w == nil {
			return b
		}
		return w
	}
	all := print.QueueOptions{Events: 1 << 20, Octets: 1 << 30, Trouble: l.say}
	if out.jsonQueue.Events == 0 {
		out.jsonQueue = all
	}
	out.jsonQueue.Trouble = l.say
	l.queues = []*print.Queue{
		print.NewQueue(print.JSON(or(out.json, l.json), printOptions()), out.jsonQueue),
		print.NewQueue(print.Text(or(out.text, l.text), printOptions()), all),
	}
	cfg.Sink = sinks{l.events, l.queues[0], l.queues[1]}
	if out.only != nil {
		cfg.Sink = filter{l.events, out.only}
	}
	out.recorder.Application, out.recorder.Protocols = "endtoend", registry.All
	out.recorder.Bodies, out.recorder.OnError = true, l.say
	l.recorder = captures.NewRecorder(or(out.capture, l.capture), out.recorder)
	if !out.unrecorded {
		cfg.Recorder = l.recorder
	}
	cfg.CA, cfg.Dial.Roots = world.ours, world.theirs.Pool()
	if cfg.Protocols == nil {
		cfg.Protocols = registry.All
	}
	cfg.Log = func(text, hint string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.logs = append(l.logs, text, hint)
	}
	var err error
	if l.Proxy, err = proxy.New(cfg); err != nil {
		t.Fatalf("%v", err)
	}
	go func() { l.served <- l.Serve(context.Background()) }()
	t.Cleanup(func() { l.stop(t) })
	return l
}

func (l *live) say(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = append(l.said, err)
	select {
	case l.news <- struct{}{}:
	default:
	}
}

// heard is what was said besides the events.
func (l *live) heard() []error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]error(nil), l.said...)
}

// stop ends the proxy, then what is printed and recorded, in good order.
func (l *live) stop(t tester) {
	t.Helper()
	if l.stopped {
		return
	}
	l.stopped = true
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	l.halt(t)
	for _, q := range l.queues {
		if err := q.Close(ctx); err != nil {
			t.Errorf("printing: %v", err)
		}
		if n := q.Dropped(); n > 0 {
			t.Errorf("%d events were not printed", n)
		}
	}
	if err := l.recorder.Close(ctx); err != nil {
		t.Errorf("recording: %v", err)
	}
}

// halt ends the proxy alone.
func (l *live) halt(t tester) {
	t.Helper()
	l.stopped = true
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := l.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if err := <-l.served; err != nil {
		t.Errorf("serve: %v", err)
	}
}

// dial connects to listener n of the proxy, in clear.
func (l *live) dial(t tester, n int) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", l.Addrs()[n].String())
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

// secure does a handshake as a client.
func secure(t tester, c net.Conn) net.Conn {
	t.Helper()
	s := tls.Client(c, clientTLS())
	if err := s.Handshake(); err != nil {
		t.Fatalf("handshake: %v", err)
	}
	return s
}

// show prints what a capture tells, as the command does: JSON Lines and text.
func show(t tester, capture []byte) (asJSON, asText []byte, err error) {
	t.Helper()
	r, err := captures.NewReader(bytes.NewReader(capture))
	if err != nil {
		return nil, nil, err
	}
	var j, x bytes.Buffer
	printers := []print.Printer{print.JSON(&j, printOptions()), print.Text(&x, printOptions())}
	err = captures.Decode(r, captures.DecodeOptions{Protocols: registry.All}, func(list []decode.Event) {
		for _, p := range printers {
			p.Events(list)
		}
	})
	for _, p := range printers {
		if err := p.Close(); err != nil {
			t.Errorf("printing: %v", err)
		}
	}
	return j.Bytes(), x.Bytes(), err
}

// equal stops the proxy and holds what was printed live against what the capture tells.
func (l *live) equal(t tester) {
	t.Helper()
	l.stop(t)
	asJSON, asText, err := show(t, l.capture.bytes())
	if err != nil {
		t.Fatalf("the capture: %v", err)
	}
	same(t, "JSON", l.json.bytes(), asJSON)
	same(t, "text", l.text.bytes(), asText)
	if n := bytes.Count(asJSON, []byte("\n")); n != l.events.count() {
		t.Errorf("%d lines of JSON for %d events", n, l.events.count())
	}
	for _, err := range l.heard() {
		t.Errorf("said: %v", err)
	}
}

// same holds two texts against each other, line by line.
func same(t tester, what string, live, shown []byte) {
	t.Helper()
	if bytes.Equal(live, shown) {
		return
	}
	a, b := strings.Split(string(live), "\n"), strings.Split(string(shown), "\n")
	for i := range max(len(a), len(b)) {
		x, y := "(nothing)", "(nothing)"
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			before := a[max(0, i-6):min(i, len(a))]
			t.Errorf("%s differs from line %d on, behind\n%s\nlive: %s\nshow: %s", what, i+1, strings.Join(clip(before), "\n"), clipped(x), clipped(y))
			return
		}
	}
}

func clip(lines []string) []string {
	out := make([]string, len(lines))
	for i, s := range lines {
		out[i] = clipped(s)
	}
	return out
}

func clipped(s string) string {
	if len(s) > 700 {
		return s[:400] + " … " + s[len(s)-300:]
	}
	return s
}
