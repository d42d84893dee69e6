package endtoend

import (
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/captures"
	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
	"github.com/mailtrace/mailtrace/proxy"
)

const (
	large    = 64 << 20
	allowed  = 32 << 20
	interval = time.Millisecond
)

// heap samples what is on the heap until it is told to stop, and gives the most.
func heap(stop <-chan struct{}) *atomic.Uint64 {
	most := &atomic.Uint64{}
	sample := func() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most.Store(max(most.Load(), m.HeapAlloc))
	}
	sample()
	go func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				sample()
			case <-stop:
				return
			}
		}
	}()
	return most
}

func settled() uint64 {
	runtime.GC()
	runtime.GC() // what sync.Pools hold goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// content is n octets of a message: lines, some of which begin with dots.
func content(n int) io.Reader {
	lines := "..a line that begins with a dot\r\n" + strings.Repeat("and one of those that do not, which are as long as lines use to be in mail\r\n", 20)
	return io.LimitReader(&endless{line: []byte(lines)}, int64(n))
}

type endless struct {
	line []byte
	at   int
}

func (e *endless) Read(p []byte) (n int, err error) {
	for n < len(p) {
		k := copy(p[n:], e.line[e.at:])
		n, e.at = n+k, (e.at+k)%len(e.line)
	}
	return n, nil
}

// A message of 64 MiB goes through in less than 32 MiB, recorded or not, as a literal and
// as a multi-line response, from the server and from the client.
func TestMemory(t *testing.T) {
	tests := []struct {
		name, protocol, greeting string
		ask, answer              [2]string // before and behind the octets
		from                     decode.Dir
	}{
		{
			"FETCH", "imap", "* OK ready\r\n",
			[2]string{"a FETCH 1 BODY[]\r\n"},
			[2]string{fmt.Sprintf("* 1 FETCH (BODY[] {%d}\r\n", large), ")\r\na OK\r\n"},
			decode.Server,
		},
		{
			"APPEND", "imap", "* OK ready\r\n",
			[2]string{fmt.Sprintf("a APPEND INBOX {%d+}\r\n", large), "\r\n"},
			[2]string{"a OK\r\n"},
			decode.Client,
		},
		{
			"RETR", "pop3", "+OK ready\r\n",
			[2]string{"RETR 1\r\n"},
			[2]string{"+OK\r\n", "\r\n.\r\n"},
			decode.Server,
		},
	}
	for _, test := range tests {
		for _, recorded := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s recorded=%v", test.name, recorded), func(t *testing.T) {
				u := listen(t, false)
				cfg := proxy.Config{Routes: []proxy.Route{route(t, test.protocol, test.protocol, u.addr)}}
				file, err := captures.Create(filepath.Join(t.TempDir(), "c.pcapng"), false)
				if err != nil {
					t.Fatal(err)
				}
				defer file.Close()
				l := start(t, cfg, outputs{capture: file, unrecorded: !recorded})
				client := l.dial(t, 0)
				server := u.take(t)
				before := settled()
				stop := make(chan struct{})
				most := heap(stop)
				say := func(from, to net.Conn, text [2]string, body int) {
					var writing sync.WaitGroup
					writing.Go(func() { // the other end counts
						io.WriteString(from, text[0])
						io.Copy(from, content(body))
						io.WriteString(from, text[1])
					})
					want := int64(len(text[0]) + body + len(text[1]))
					if n, err := io.CopyN(io.Discard, to, want); err != nil {
						t.Errorf("%d of %d octets: %v", n, want, err)
					}
					writing.Wait()
				}
				say(server, client, [2]string{test.greeting}, 0)
				if test.from == decode.Client {
					say(client, server, test.ask, large)
					say(server, client, test.answer, 0)
				} else {
					say(client, server, test.ask, 0)
					say(server, client, test.answer, large)
				}
				client.Close()
				server.Close()
				close(stop)
				end := l.events.closed(t, 1)
				after := settled()
				for deadline := time.Now().Add(20 * time.Second); after > before+allowed/4 && time.Now().Before(deadline); after = settled() {
					time.Sleep(50 * time.Millisecond) // a busy disk takes what is recorded later
				}
				if peak := most.Load(); peak > before+allowed {
					t.Errorf("%d MiB more at the peak", (peak-before)>>20)
				}
				if after > before+allowed/4 {
					t.Errorf("%d KiB more remain", (after-before)>>10)
				}
				if end.ClientOctets+end.ServerOctets < large || end.PendingOctets != 0 || end.Unanswered != 0 {
					t.Errorf("%+v", end)
				}
				l.stop(t)
				if recorded {
					wholeOrMarked(t, file.Name(), end)
				}
			})
		}
	}
}

// wholeOrMarked reads a capture, in little memory: each octet is there, or a gap says so.
func wholeOrMarked(t *testing.T, path string, end *decode.CloseDetail) {
	t.Helper()
	items, err := captures.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer items.Close()
	octets := int64(0)
	for item, err := items.Next(); !errors.Is(err, io.EOF); item, err = items.Next() {
		if err != nil {
			t.Fatal(err)
		}
		octets += int64(len(item.P)) + item.Gap
	}
	if want := end.ClientOctets + end.ServerOctets; octets != want {
		t.Errorf("%d of %d octets and gaps", octets, want)
	}

	r, err := captures.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	before := settled()
	stop := make(chan struct{})
	most := heap(stop)
	events := 0
	err = captures.Decode(r, captures.DecodeOptions{Protocols: registry.All}, func(list []decode.Event) { events += len(list) })
	close(stop)
	if err != nil || events == 0 {
		t.Fatalf("%d events: %v", events, err)
	}
	if peak := most.Load(); peak > before+allowed {
		t.Errorf("reading takes %d MiB more at the peak", (peak-before)>>20)
	}
}
