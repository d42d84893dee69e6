// Package decodetest holds what the tests of all protocol decoders share: running a
// transcript through a session, printing what came of it, and the properties that hold
// for every session.
package decodetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/replay"
)

// Chunk is octets of one direction; without one, in what was tapped, the place where TLS
// began.
type Chunk struct {
	Dir    decode.Dir
	Octets []byte
}

// Load reads a transcript.
func Load(t testing.TB, path string) []Chunk {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	open := func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(filepath.Dir(path), name)) }
	script, err := replay.ParseTranscript(path, src, open)
	if err != nil {
		t.Fatal(err)
	}
	chunks, err := replay.Transcript{StartTLS: true}.Chunks(script)
	if err != nil {
		t.Fatal(err)
	}
	var out []Chunk
	for _, c := range chunks {
		d := decode.Server
		if c.Client {
			d = decode.Client
		}
		if n := len(out); n > 0 && out[n-1].Dir == d {
			out[n-1].Octets = append(out[n-1].Octets, c.Octets...)
			continue
		}
		out = append(out, Chunk{d, bytes.Clone(c.Octets)})
	}
	return out
}

// Result is what came of a run.
type Result struct {
	Events []string // one line each, without times
	Tapped []Chunk  // what a recorder got, runs of one direction joined
	Ends   int      // how many segments should end
	Nexts  []decode.Next
}

// Epoch is the time of the first write of every run.
var Epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// Run feeds chunks to a new session, each cut by cut (nil: whole), one millisecond apart,
// and goes on behind STARTTLS once the chunk is over, as if TLS began there. tap says whether there is a recorder.
func Run(newSession func(decode.Options) decode.Session, o decode.Options, chunks []Chunk, cut func([]byte) [][]byte, tap bool) Result {
	var r Result
	if tap {
		o.Tap = func(x decode.Octets) {
			if x.End {
				r.Ends++
			}
			if n := len(r.Tapped); n > 0 && r.Tapped[n-1].Dir == x.Dir {
				r.Tapped[n-1].Octets = append(r.Tapped[n-1].Octets, x.P...)
				return
			}
			if len(x.P) > 0 {
				r.Tapped = append(r.Tapped, Chunk{x.Dir, bytes.Clone(x.P)})
			}
		}
	}
	s := newSession(o)
	now := Epoch
	add := func(events []decode.Event) {
		for i := range events {
			r.Events = append(r.Events, Line(&events[i]))
		}
	}
	marked := slices.ContainsFunc(chunks, func(c Chunk) bool { return c.Dir == decode.NoDir })
	resume := func() {
		add(s.Resume(decode.Terminated, now))
		r.Tapped = append(r.Tapped, Chunk{})
	}
	for _, c := range chunks {
		if c.Dir == decode.NoDir {
			resume()
			continue
		}
		due := false
		pieces := [][]byte{c.Octets}
		if cut != nil {
			pieces = cut(c.Octets)
		}
		var left []byte
		for _, p := range pieces {
			now = now.Add(time.Millisecond)
			if len(left) > 0 {
				p = append(left, p...)
			}
			for {
				n, next, events := s.Write(c.Dir, now, p)
				add(events)
				if next != decode.Continue && (len(r.Nexts) == 0 || r.Nexts[len(r.Nexts)-1] != next) {
					r.Nexts = append(r.Nexts, next)
				}
				p = p[n:]
				due = next == decode.TLSHere
				if len(p) == 0 || n == 0 {
					break // what is left begins a TLS record: offered again with more of it
				}
			}
			left = bytes.Clone(p)
		}
		if due && !marked {
			resume()
		}
	}
	add(s.Close(decode.Client, now))
	add(s.Close(decode.Server, now))
	return r
}

// Line prints an event without its times.
func Line(e *decode.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-2s %s", e.Dir, e.Kind)
	if e.Tag != "" {
		fmt.Fprintf(&b, " tag=%s", e.Tag)
	}
	if e.Name != "" {
		fmt.Fprintf(&b, " name=%q", e.Name)
	}
	if c := e.Command; c != nil && e.Kind != decode.CommandLine {
		fmt.Fprintf(&b, " for=%q", strings.TrimSpace(c.Tag+" "+c.Name))
	}
	if e.State != decode.NoState {
		fmt.Fprintf(&b, " state=%s", e.State)
	}
	if e.Mailbox != "" {
		fmt.Fprintf(&b, " mailbox=%q", e.Mailbox)
	}
	fmt.Fprintf(&b, " @%d+%d", e.Span.Off, e.Span.Len)
	if len(e.Text) > 0 {
		text := e.Text
		if len(text) > 200 {
			text = append(bytes.Clone(text[:200]), fmt.Sprintf("… %d octets", len(e.Text))...)
		}
		fmt.Fprintf(&b, " %q", text)
	}
	if e.Detail != nil {
		d, err := json.Marshal(e.Detail)
		if err != nil {
			d = []byte(err.Error())
		}
		fmt.Fprintf(&b, "\n      %s", d)
	}
	for _, f := range e.Findings {
		fmt.Fprintf(&b, "\n      ▲ %s %s %s@%d+%d (%s)", f.Severity, f.ID, f.Dir, f.Span.Off, f.Span.Len, f.Ref)
		if f.Fact != "" {
			fmt.Fprintf(&b, " %q", f.Fact)
		}
	}
	return b.String()
}

// Golden compares lines with a file, and writes it with update.
func Golden(t *testing.T, path string, lines []string, update bool) {
	t.Helper()
	got := strings.Join(lines, "\n") + "\n"
	if update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	Same(t, path, strings.Split(strings.TrimSuffix(string(want), "\n"), "\n"), strings.Split(strings.TrimSuffix(got, "\n"), "\n"))
}

// Same fails at the first line that differs.
func Same(t TB, what string, want, got []string) {
	t.Helper()
	for i := range max(len(want), len(got)) {
		w, g := "(nothing)", "(nothing)"
		if i < len(want) {
			w = want[i]
		}
		if i < len(got) {
			g = got[i]
		}
		if w != g {
			t.Fatalf("%s: line %d:\nwant %s\ngot  %s", what, i+1, w, g)
		}
	}
}

// Octets cuts into single octets.
func Octets(p []byte) [][]byte {
	out := make([][]byte, len(p))
	for i := range p {
		out[i] = p[i : i+1]
	}
	return out
}

// Joined gives all octets of one direction.
func Joined(chunks []Chunk, d decode.Dir) []byte {
	var out []byte
	for _, c := range chunks {
		if c.Dir == d {
			out = append(out, c.Octets...)
		}
	}
	return out
}
