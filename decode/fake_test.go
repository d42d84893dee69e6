package decode_test

import (
	"bytes"
	"strings"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// The fake protocol of these tests speaks in lines. The server begins with HELLO. A client's
// line is a command, a server's line its completion; some lines do what a test needs:
// PARK and TLS and FREE give the Next of that name, the octets behind a # are not taken,
// BREAK panics, LIE says that more was taken than given, STEAL that less was.
var fakeProtocol = decode.Protocol{
	Name: "fake", Port: 1, TLSPort: 2,
	Greets: func(p []byte) (yes, more bool) {
		const hello = "HELLO"
		if len(p) < len(hello) {
			return false, strings.HasPrefix(hello, string(p))
		}
		return bytes.HasPrefix(p, []byte(hello)), false
	},
	New: func(o decode.Options) decode.Session { return newFake(o) },
}

type fake struct {
	o       decode.Options
	lines   [3][]byte
	off     [3]int64
	waiting []*decode.Command
	stopped int
	closed  [3]bool
	breakIn string // the method that panics
}

var lastFake *fake // of the test that runs

func newFake(o decode.Options) *fake {
	lastFake = &fake{o: o}
	return lastFake
}

func (f *fake) mayBreak(method string) {
	if f.breakIn == method {
		panic("broken in " + method)
	}
}

func (f *fake) Write(d decode.Dir, t time.Time, p []byte) (n int, next decode.Next, events []decode.Event) {
	f.mayBreak("Write")
	for n < len(p) {
		if p[n] == '#' {
			return n, decode.Park, events
		}
		c := p[n]
		n++
		f.off[d]++
		f.lines[d] = append(f.lines[d], c)
		if c != '\n' {
			continue
		}
		line := string(f.lines[d][:len(f.lines[d])-1])
		f.lines[d] = f.lines[d][:0]
		e := decode.Event{
			Time: t, Dir: d, Kind: decode.CommandLine, Text: []byte(line),
			Span: decode.Span{Off: f.off[d] - int64(len(line)) - 1, Len: int64(len(line)) + 1},
		}
		if d == decode.Client {
			e.Command = &decode.Command{Name: line, Complete: t}
			f.waiting = append(f.waiting, e.Command)
		} else {
			e.Kind = decode.Completion
			if len(f.waiting) > 0 {
				e.Command, f.waiting = f.waiting[0], f.waiting[1:]
			}
		}
		switch line {
		case "BREAK":
			panic("broken on the wire")
		case "LIE":
			return len(p) + 1, decode.Continue, nil
		case "STEAL":
			return n - 1, decode.Continue, nil
		case "PARK":
			next = decode.Park
		case "TLS":
			next = decode.TLSHere
		case "FREE":
			next = decode.Release
		case "STATE":
			e.Kind, e.Dir, e.State = decode.StateChange, decode.NoDir, decode.Transaction
		case "WARN":
			e.Findings = []decode.Finding{{ID: "fake.warn", Severity: decode.Warning}}
		}
		events = append(events, e)
		if next == decode.TLSHere {
			return n, next, events
		}
	}
	return n, next, events
}

func (f *fake) Resume(how decode.Resume, t time.Time) []decode.Event {
	f.mayBreak("Resume")
	if how == decode.Ciphertext {
		return []decode.Event{{Time: t, Kind: decode.Opaque, Text: []byte("ciphertext"), Detail: decode.Fields{{Key: "reason", Value: "ciphertext"}}}}
	}
	return []decode.Event{{Time: t, Kind: decode.StateChange, State: decode.Authorization}}
}

func (f *fake) Gap(d decode.Dir, t time.Time, n int64) []decode.Event {
	f.mayBreak("Gap")
	f.off[d] += max(n, 0)
	return []decode.Event{{Time: t, Dir: d, Kind: decode.Desync, Span: decode.Span{Off: f.off[d], Len: n}}}
}

func (f *fake) Close(d decode.Dir, t time.Time) []decode.Event {
	f.mayBreak("Close")
	f.closed[d] = true
	if len(f.lines[d]) == 0 {
		return nil
	}
	f.lines[d] = nil
	return []decode.Event{{Time: t, Dir: d, Kind: decode.Malformed}}
}

func (f *fake) Pending(d decode.Dir) (int, int64) {
	f.mayBreak("Pending")
	return len(f.waiting), int64(len(f.lines[d]))
}

func (f *fake) Stop() {
	f.stopped++
	f.mayBreak("Stop")
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }

// kinds writes the kinds of events, with direction and text.
func kinds(events []decode.Event) string {
	var b strings.Builder
	for i := range events {
		e := &events[i]
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(e.Kind.String())
		if e.Dir != decode.NoDir {
			b.WriteString(" " + e.Dir.String())
		}
		if len(e.Text) > 0 && e.Kind != decode.Opaque && e.Kind != decode.Desync {
			b.WriteString(" " + string(e.Text))
		}
	}
	return b.String()
}
