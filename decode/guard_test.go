package decode_test

import (
	"strings"
	"testing"

	"github.com/mailtrace/mailtrace/decode"
)

func TestGuardPassesThrough(t *testing.T) {
	f := newFake(decode.Options{})
	g := decode.Guard(f)
	n, next, events := g.Write(decode.Client, epoch, []byte("ONE\nPARK\n"))
	if n != 9 || next != decode.Park || kinds(events) != "command C ONE, command C PARK" {
		t.Fatalf("%d %v %s", n, next, kinds(events))
	}
	n, next, events = g.Write(decode.Client, epoch, []byte("AB#\x16"))
	if n != 2 || next != decode.Park || len(events) != 0 {
		t.Fatalf("%d %v %s", n, next, kinds(events))
	}
	if c, o := g.Pending(decode.Client); c != 2 || o != 2 {
		t.Fatalf("%d commands, %d octets", c, o)
	}
	if _, next, _ = g.Write(decode.Server, epoch, []byte("TLS\n")); next != decode.TLSHere {
		t.Fatal(next)
	}
	if events := g.Resume(decode.Terminated, epoch); kinds(events) != "state" {
		t.Fatal(kinds(events))
	}
	if events := g.Gap(decode.Server, epoch, 3); kinds(events) != "desync S" {
		t.Fatal(kinds(events))
	}
	if events := g.Close(decode.Client, epoch); kinds(events) != "malformed C" || f.stopped != 0 {
		t.Fatal(kinds(events), f.stopped)
	}
}

// Whatever breaks, in whatever method: two events, then every octet is taken and nothing
// parks.
func TestGuardCostsEventsAndNoOctets(t *testing.T) {
	for _, method := range []string{"Write", "Resume", "Gap", "Close"} {
		for _, parked := range []bool{false, true} {
			f := newFake(decode.Options{})
			g := decode.Guard(f)
			if parked {
				if _, next, _ := g.Write(decode.Client, epoch, []byte("PARK\n")); next != decode.Park {
					t.Fatal(next)
				}
			}
			f.breakIn = method
			var events []decode.Event
			var n int
			next := decode.Continue
			switch method {
			case "Write":
				n, next, events = g.Write(decode.Server, epoch, []byte("hello"))
				if n != 5 {
					t.Fatalf("took %d", n)
				}
			case "Resume":
				events = g.Resume(decode.Terminated, epoch)
			case "Gap":
				events = g.Gap(decode.Server, epoch, 1)
			case "Close":
				events = g.Close(decode.Server, epoch)
			}
			if !strings.HasPrefix(kinds(events), "desync") || !strings.Contains(kinds(events), ", opaque") || len(events) != 2 {
				t.Fatalf("%s: %s", method, kinds(events))
			}
			if !strings.Contains(string(events[0].Text), "broken in "+method) {
				t.Fatalf("%s", events[0].Text)
			}
			if f.stopped != 1 {
				t.Fatalf("stopped %d times", f.stopped)
			}
			if method != "Write" {
				n, next, events = g.Write(decode.Server, epoch, []byte("world"))
				if n != 5 || len(events) != 0 {
					t.Fatalf("%s: took %d, %s", method, n, kinds(events))
				}
			}
			if want := map[bool]decode.Next{false: decode.Continue, true: decode.Release}[parked]; next != want {
				t.Fatalf("%s, parked %t: next %v", method, parked, next)
			}
			for range 2 {
				if n, next, events := g.Write(decode.Client, epoch, []byte("PARK\n#")); n != 6 || next != decode.Continue || len(events) != 0 {
					t.Fatalf("%s: %d %v %s", method, n, next, kinds(events))
				}
			}
			if events := append(append(g.Resume(decode.Terminated, epoch), g.Gap(decode.Client, epoch, 1)...), g.Close(decode.Client, epoch)...); len(events) != 0 {
				t.Fatal(kinds(events))
			}
			if c, o := g.Pending(decode.Client); c != 0 || o != 0 {
				t.Fatal(c, o)
			}
		}
	}
}

// The client's own octets may be what breaks the decoder while the client is parked.
func TestGuardReleasesItself(t *testing.T) {
	g := decode.Guard(newFake(decode.Options{}))
	g.Write(decode.Client, epoch, []byte("PARK\n"))
	n, next, _ := g.Write(decode.Client, epoch, []byte("BREAK\n"))
	if n != 6 || next != decode.Release {
		t.Fatal(n, next)
	}
}

func TestGuardHoldsASessionToItsContract(t *testing.T) {
	for _, lie := range []string{"LIE\n", "STEAL\nmore"} {
		g := decode.Guard(newFake(decode.Options{}))
		n, next, events := g.Write(decode.Client, epoch, []byte(lie))
		if n != len(lie) || next != decode.Continue || kinds(events) != "desync C, opaque C" {
			t.Fatalf("%q: %d %v %s", lie, n, next, kinds(events))
		}
	}
}

func TestGuardWhereNothingHelps(t *testing.T) {
	f := newFake(decode.Options{})
	g := decode.Guard(f)
	f.breakIn = "Pending"
	if c, o := g.Pending(decode.Client); c != 0 || o != 0 {
		t.Fatal(c, o)
	}
	f = newFake(decode.Options{})
	g = decode.Guard(f)
	f.breakIn = "Stop"
	if n, _, events := g.Write(decode.Client, epoch, []byte("BREAK\n")); n != 6 || kinds(events) != "desync C, opaque C" {
		t.Fatal(n, kinds(events))
	}
}
