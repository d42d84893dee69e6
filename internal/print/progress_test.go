package print

import (
	"bytes"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// guarded is a buffer that the test empties while the queue's goroutine sleeps: no tick of a
// clock tells the race detector that the one comes after the other.
type guarded struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (g *guarded) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.buf.Write(p)
}

func (g *guarded) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.buf.String()
}

func (g *guarded) Reset() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.buf.Reset()
}

// A long literal shows how far it is, on a line that the next row takes the place of.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out guarded
		var progress atomic.Int64
		q := NewQueue(Text(&out, Options{Local: time.UTC}), QueueOptions{Progress: func() []Progress {
			octets := progress.Load()
			if octets == 0 {
				return nil
			}
			return []Progress{{Conn: 9, Dir: decode.Server, Octets: 10}, {Conn: 1, Dir: decode.Server, Octets: octets}}
		}})
		say := func(kind decode.Kind, text string) {
			q.Events([]decode.Event{{Time: time.Now(), Conn: 1, Protocol: "imap", Dir: decode.Server, Kind: kind, Name: "FETCH", Text: []byte(text)}})
		}
		say(decode.Untagged, "* 1 FETCH (BODY[] {4000000}")
		synctest.Wait()
		rows := out.String()
		progress.Store(100_000) // not long yet
		time.Sleep(tick)
		synctest.Wait()
		if out.String() != rows {
			t.Errorf("drew %q", out.String()[len(rows):])
		}
		say(decode.Untagged, "* 2 FETCH (BODY[] {4000000}")
		synctest.Wait()
		out.Reset()
		progress.Store(1_000_000)
		time.Sleep(tick)
		synctest.Wait()
		if want := "\r\x1b[K#1            ┊ 1,000,000 of 4,000,000 octets · 25 %"; out.String() != want {
			t.Errorf("drew %q, want %q", out.String(), want)
		}
		out.Reset()
		progress.Store(2_000_000)
		time.Sleep(tick)
		synctest.Wait()
		if want := "\r\x1b[K#1            ┊ 2,000,000 of 4,000,000 octets · 50 % · 2,000 kB/s"; out.String() != want {
			t.Errorf("drew %q, want %q", out.String(), want)
		}
		out.Reset()
		progress.Store(0)
		say(decode.Continuation, ")")
		synctest.Wait()
		if got := out.String(); !strings.HasPrefix(got, "\r\x1b[K#1") || !strings.HasSuffix(got, "S: )\n") {
			t.Errorf("printed %q", got)
		}
		out.Reset()
		progress.Store(1 << 20)
		time.Sleep(2 * tick)
		synctest.Wait()
		if err := q.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(out.String(), "\r\x1b[K") {
			t.Errorf("left %q", out.String())
		}
	})
}

// Nothing is drawn where nobody asked for it, and show asks not.
func TestNoProgress(t *testing.T) {
	var out bytes.Buffer
	p := Text(&out, Options{Local: time.UTC})
	p.Events([]decode.Event{{Conn: 1, Dir: decode.Server, Kind: decode.Untagged, Name: "FETCH", Text: []byte("* 1 FETCH (BODY[] {4000000}")}})
	if err := p.Close(); err != nil || strings.Contains(out.String(), "\x1b") {
		t.Errorf("%q, %v", &out, err)
	}
}
