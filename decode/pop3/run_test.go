package pop3_test

import (
	"bytes"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/pop3"
)

// run is what one direction sends before the other one sends again.
type run struct {
	dir decode.Dir
	p   string
}

func c(s string) run { return run{decode.Client, s} }

func s(s string) run { return run{decode.Server, s} }

func (r run) String() string { return fmt.Sprintf("%v: %q", r.dir, r.p) }

// resume stands among the runs for the end of a TLS handshake.
var resume = run{}

// told is what a session told of some runs.
type told struct {
	again  bool // play what was tapped: TLS begins where it says so
	events []decode.Event
	tapped []run // what the recorder got, and where TLS began
	octets []decode.Octets
	back   [3]string // by direction: what was kept back for TLS and never taken
}

// play gives runs to a session as a proxy does, cut into pieces by cut. It resumes a
// session behind the run that made TLS begin, and keeps back what the session did not
// take until then.
func play(o decode.Options, runs []run, cut func(string) []string) told {
	return playAs(false, o, runs, cut)
}

func playAs(again bool, o decode.Options, runs []run, cut func(string) []string) told {
	w := told{again: again}
	o.Tap = func(x decode.Octets) {
		w.tapped = append(w.tapped, run{x.Dir, string(x.P)})
		x.P = bytes.Clone(x.P)
		w.octets = append(w.octets, x)
	}
	w.play(pop3.New(o), runs, cut)
	return w
}

func (w *told) play(x decode.Session, runs []run, cut func(string) []string) {
	now := time.Unix(0, 0)
	keep := func(events []decode.Event) {
		for _, e := range events {
			w.events = append(w.events, e.Clone())
		}
	}
	over := func() {
		keep(x.Resume(decode.Terminated, now))
		w.tapped = append(w.tapped, resume)
	}
	var give func(d decode.Dir, p string)
	give = func(d decode.Dir, p string) {
		due, free := false, false
		for _, piece := range cut(p) {
			if w.back[d] != "" {
				w.back[d] += piece
				continue
			}
			now = now.Add(time.Millisecond)
			buf := []byte(piece)
			n, next, events := x.Write(d, now, buf)
			keep(events)
			clear(buf) // the session must not look at it again
			w.back[d] = piece[n:]
			due = due || next == decode.TLSHere
			free = free || next == decode.Release
		}
		if due && !w.again {
			over()
		}
		if due && !w.again || free {
			for _, d := range [...]decode.Dir{decode.Client, decode.Server} {
				rest := w.back[d]
				if w.back[d] = ""; rest != "" {
					give(d, rest)
				}
			}
		}
	}
	for _, r := range runs {
		if r == resume {
			over()
			continue
		}
		give(r.dir, r.p)
	}
	keep(x.Close(decode.Client, now))
	keep(x.Close(decode.Server, now))
}

func whole(p string) []string {
	if p == "" {
		return nil
	}
	return []string{p}
}

func octets(p string) []string {
	var list []string
	for i := range len(p) {
		list = append(list, p[i:i+1])
	}
	return list
}

// alike compares events but for times. Commands are the same where they were the same
// command.
func alike(a, b []decode.Event) string {
	number := func(events []decode.Event) []int {
		seen := map[*decode.Command]int{}
		var list []int
		for _, e := range events {
			if e.Command != nil && seen[e.Command] == 0 {
				seen[e.Command] = len(seen) + 1
			}
			list = append(list, seen[e.Command])
		}
		return list
	}
	if d := cmp.Diff(a, b, cmpopts.IgnoreFields(decode.Event{}, "Time", "Latency", "First"),
		cmpopts.IgnoreFields(decode.Command{}, "Complete", "First"), cmpopts.EquateEmpty()); d != "" {
		return d
	}
	return cmp.Diff(number(a), number(b))
}

// joined gives the octets of one direction, layers run together.
func joined(runs []run, d decode.Dir) string {
	var all []byte
	for _, r := range runs {
		if r.dir == d {
			all = append(all, r.p...)
		}
	}
	return string(all)
}

// check plays runs in many ways, which all have to tell the same.
func check(t interface {
	Helper()
	Fatalf(string, ...any)
}, o decode.Options, runs []run, cut func(string) []string,
) told {
	t.Helper()
	w := play(o, runs, whole)
	for name, f := range map[string]func(string) []string{"octet by octet": octets, "cut": cut} {
		g := play(o, runs, f)
		if d := alike(w.events, g.events); d != "" {
			t.Fatalf("%v\n%s: %s", runs, name, d)
		}
		// The recorded octets tell the same story again.
		again := playAs(true, o, g.tapped, whole)
		if d := alike(w.events, again.events); d != "" && !opaque(w.events) {
			t.Fatalf("%v\n%s, recorded as %v: %s", runs, name, g.tapped, d)
		}
		for _, d := range [...]decode.Dir{decode.Client, decode.Server} {
			in, out := joined(runs, d), joined(g.tapped, d)+g.back[d]
			if o.Secrets && in != out && !opaque(w.events) {
				t.Fatalf("%s %v: recorded %q of %q", name, d, out, in)
			}
			if len(in) != len(out) && !opaque(w.events) {
				t.Fatalf("%s %v: recorded %q of %q", name, d, out, in)
			}
			if !opaque(w.events) {
				for i := range in {
					if in[i] != out[i] && out[i] != 'x' {
						t.Fatalf("%s %v: octet %d is %q of %q", name, d, i, out[i], in[i])
					}
				}
			}
		}
	}
	var silent told
	silent.play(pop3.New(o), runs, whole)
	if d := alike(w.events, silent.events); d != "" {
		t.Fatalf("%v\nwithout a recorder: %s", runs, d)
	}
	return w
}

func opaque(events []decode.Event) bool {
	for _, e := range events {
		if e.Kind == decode.Opaque {
			return true
		}
	}
	return false
}

// table writes events one a line.
func table(events []decode.Event) string {
	var b bytes.Buffer
	for _, e := range events {
		fmt.Fprintf(&b, "%-1s %-20s %-13s %-5s", e.Dir, e.Kind, e.State, e.Name)
		if e.Command != nil && e.Command.Name != e.Name {
			fmt.Fprintf(&b, " for %s", e.Command.Name)
		}
		fmt.Fprintf(&b, " @%d+%d %q", e.Span.Off, e.Span.Len, e.Text)
		if note := pop3.Note(&e); note != "" {
			fmt.Fprintf(&b, " | %s", note)
		}
		switch d := e.Detail.(type) {
		case *pop3.Body:
			fmt.Fprintf(&b, " {%d of %d, %d stuffed %v}", d.Octets, d.Wire, d.Stuffed, d.Dots)
		case *pop3.Listing:
			fmt.Fprintf(&b, " %q %q", d.First, d.Last)
		case decode.Fields, *pop3.Entered, *pop3.Sent, *pop3.Reply, nil:
		default:
			fmt.Fprintf(&b, " %+v", d)
		}
		for _, f := range e.Findings {
			fmt.Fprintf(&b, " ! %s %s", f.Severity, f.ID)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
