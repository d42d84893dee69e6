package imap_test

import (
	"bytes"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap"
	"github.com/mailtrace/mailtrace/decode/internal/decodetest"
)

// held runs feed on a new session and gives how much memory the session keeps of it.
func held(t *testing.T, feed func(write func(d decode.Dir, p []byte) []decode.Event)) uint64 {
	t.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := imap.New(decode.Options{Tap: func(decode.Octets) {}})
	feed(func(d decode.Dir, p []byte) []decode.Event {
		_, _, events := s.Write(d, decodetest.Epoch, p)
		return events
	})
	runtime.GC()
	runtime.ReadMemStats(&after)
	s.Close(decode.Client, decodetest.Epoch)
	s.Close(decode.Server, decodetest.Epoch)
	return after.HeapAlloc - min(before.HeapAlloc, after.HeapAlloc)
}

func TestMemoryIsBounded(t *testing.T) {
	chunk := bytes.Repeat([]byte("y"), 64<<10)
	for name, feed := range map[string]func(func(decode.Dir, []byte) []decode.Event){
		"a line without end": func(write func(decode.Dir, []byte) []decode.Event) {
			for range 256 {
				write(decode.Server, chunk)
				write(decode.Client, chunk)
			}
		},
		"an endless LOGIN": func(write func(decode.Dir, []byte) []decode.Event) {
			write(decode.Client, []byte("a1 LOGIN u1 "))
			for range 256 {
				write(decode.Client, chunk)
			}
		},
		"a literal of 2^63-1": func(write func(decode.Dir, []byte) []decode.Event) {
			write(decode.Server, fmt.Appendf(nil, "* 1 FETCH (BODY[] {%d}\r\n", int64(math.MaxInt64)))
			for range 256 {
				write(decode.Server, chunk)
			}
		},
		"a million pipelined commands": func(write func(decode.Dir, []byte) []decode.Event) {
			for i := range 1_000_000 {
				write(decode.Client, fmt.Appendf(nil, "t%d NOOP\r\n", i))
			}
		},
		"a million unknown completions": func(write func(decode.Dir, []byte) []decode.Event) {
			for i := range 1_000_000 {
				write(decode.Server, fmt.Appendf(nil, "t%d OK done\r\n", i))
			}
		},
		"endless tags": func(write func(decode.Dir, []byte) []decode.Event) {
			for i := range 500 {
				write(decode.Client, fmt.Appendf(nil, "%d%s NOOP\r\n", i, chunk[:60_000]))
				write(decode.Server, fmt.Appendf(nil, "%d%s OK\r\n", i, chunk[:60_001]))
			}
		},
		"endless mailbox names": func(write func(decode.Dir, []byte) []decode.Event) {
			for range 200 {
				write(decode.Client, fmt.Appendf(nil, "t SELECT %s\r\n", chunk[:60_000]))
				write(decode.Client, fmt.Appendf(nil, "t SELECT {60000+}\r\n%s\r\n", chunk[:60_000]))
			}
		},
		"endless passwords": func(write func(decode.Dir, []byte) []decode.Event) {
			for range 200 {
				write(decode.Client, fmt.Appendf(nil, "t LOGIN u %s\r\n", chunk[:60_000]))
				write(decode.Client, fmt.Appendf(nil, "t LOGIN u {60000+}\r\n%s\r\n", chunk[:60_000]))
			}
		},
		"lines of the server octet by octet, held": func(write func(decode.Dir, []byte) []decode.Event) {
			write(decode.Client, []byte("t LOGIN u secret\r\n"))
			for range 200_000 {
				write(decode.Server, []byte("y"))
			}
		},
		"capabilities without end": func(write func(decode.Dir, []byte) []decode.Event) {
			for i := range 20_000 {
				write(decode.Server, fmt.Appendf(nil, "* CAPABILITY C%d%s A B\r\n", i, chunk[:400]))
			}
		},
		"mailboxes without end": func(write func(decode.Dir, []byte) []decode.Event) {
			for i := range 20_000 {
				write(decode.Server, fmt.Appendf(nil, "* STATUS %d%s (UIDNEXT 1 UIDVALIDITY 1)\r\n", i, chunk[:400]))
			}
		},
		"literals without end in a line": func(write func(decode.Dir, []byte) []decode.Event) {
			for range 200_000 {
				write(decode.Server, []byte("* X {1}\r\nyy {1}\r\ny"))
			}
			for range 200_000 {
				write(decode.Client, []byte("t LIST {1+}\r\nyy {1+}\r\ny"))
			}
		},
		"trees of parts without end": func(write func(decode.Dir, []byte) []decode.Event) {
			write(decode.Client, []byte("t SELECT x\r\n"))
			write(decode.Server, []byte("* 1000 EXISTS\r\nt OK x\r\n"))
			part := []byte(`("A" "B" NIL NIL NIL "7BIT" 3)`)
			for i := range 300 {
				write(decode.Server, fmt.Appendf(nil, "* %d FETCH (UID %d BODYSTRUCTURE (%s \"MIXED\"))\r\n", i+1, i+1, bytes.Repeat(part, 1500)))
			}
		},
		"numbers without end": func(write func(decode.Dir, []byte) []decode.Event) {
			write(decode.Client, []byte("t SELECT x\r\n"))
			write(decode.Server, []byte("* 4294967295 EXISTS\r\nt OK x\r\n"))
			for i := range 100_000 {
				write(decode.Server, fmt.Appendf(nil, "* %d FETCH (UID %d FLAGS (k%d) RFC822.SIZE 9)\r\n* VANISHED %d:%d\r\n", i*40_000, i*40_000, i, i, i+1))
			}
		},
		"a message of endless headers": func(write func(decode.Dir, []byte) []decode.Event) {
			write(decode.Server, []byte("* 1 FETCH (BODY[] {100000000}\r\nSubject: "))
			for range 256 {
				write(decode.Server, chunk)
			}
		},
		"a million parts": func(write func(decode.Dir, []byte) []decode.Event) {
			write(decode.Server, []byte("* 1 FETCH (BODY[] {100000000}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"))
			for range 1_000_000 {
				write(decode.Server, []byte("--b\r\n\r\nx\r\n"))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			if n := held(t, feed); n > 4<<20 {
				t.Errorf("the session holds %d KiB", n>>10)
			}
		})
	}
}

func TestLongLineIsSaidOnce(t *testing.T) {
	long := "* SEARCH" + strings.Repeat(" 1234567", 20_000) + "\r\n* 1 EXISTS\r\n"
	chunks := []decodetest.Chunk{{Dir: decode.Server, Octets: []byte("* PREAUTH hi\r\n" + long)}}
	r := decodetest.Run(imap.New, decode.Options{}, chunks, nil, true)
	notes, malformed := 0, 0
	for _, e := range r.Events {
		if strings.Contains(e, "note imap.long-line") {
			notes++
		}
		if strings.Contains(e, "malformed") {
			malformed++
		}
	}
	if notes != 1 || malformed != 0 {
		t.Fatalf("%d notes, %d malformed in\n%.2000s", notes, malformed, strings.Join(r.Events, "\n"))
	}
	decodetest.Properties(t, imap.New, chunks, func(n int) int { return n / 2 })
}

func TestClientHelloOnAPlainPort(t *testing.T) {
	chunks := []decodetest.Chunk{
		{Dir: decode.Server, Octets: []byte("* OK ready\r\n")},
		{Dir: decode.Client, Octets: []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03secret")},
		{Dir: decode.Server, Octets: []byte("* BAD what\r\n")},
	}
	r := decodetest.Run(imap.New, decode.Options{}, chunks, nil, true)
	if last := r.Events[len(r.Events)-1]; !strings.Contains(last, "a TLS ClientHello where cleartext IMAP was expected") {
		t.Fatal(last)
	}
	if got := decodetest.Joined(r.Tapped, decode.Client); len(got) > 0 {
		t.Fatalf("the recorder got %q", got)
	}
	decodetest.Properties(t, imap.New, chunks, func(n int) int { return n / 2 })
}
