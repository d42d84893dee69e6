package decode_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
)

// follow makes a trace that keeps its marks.
func follow(o decode.TraceOptions) (*decode.Trace, *[]decode.Mark) {
	var kept []decode.Mark
	o.Conn = 7
	o.Protocols = []decode.Protocol{fakeProtocol}
	o.Keep = func(m decode.Mark) { kept = append(kept, m) }
	lastFake = nil
	return decode.NewTrace(o), &kept
}

func closed(t *testing.T, events []decode.Event) *decode.CloseDetail {
	t.Helper()
	if len(events) == 0 {
		t.Fatal("no events")
	}
	d, ok := events[len(events)-1].Detail.(*decode.CloseDetail)
	if !ok {
		t.Fatalf("%s", kinds(events))
	}
	return d
}

func TestUndecidedHoldsUntilTheGreeting(t *testing.T) {
	trace, _ := follow(decode.TraceOptions{})
	trace.Mark(decode.Mark{Time: at(0), Kind: decode.Open})
	for i, w := range []struct {
		d decode.Dir
		p string
	}{{decode.Client, "EARLY\nHA"}, {decode.Server, "HE"}, {decode.Client, "LF\n"}} {
		n, next, events := trace.Write(w.d, at(i+1), []byte(w.p))
		if n != len(w.p) || next != decode.Continue || len(events) != 0 || trace.Protocol() != nil {
			t.Fatalf("%d %v %s", n, next, kinds(events))
		}
	}
	n, next, events := trace.Write(decode.Server, at(4), []byte("LLO\n"))
	if n != 4 || next != decode.Continue || trace.Protocol().Name != "fake" {
		t.Fatal(n, next, trace.Protocol())
	}
	if got := kinds(events); got != "command C EARLY, command C HALF, completion S HELLO" {
		t.Fatal(got)
	}
	for i, want := range []int{1, 3, 4} {
		if !events[i].Time.Equal(at(want)) || events[i].Conn != 7 || events[i].Protocol != "fake" {
			t.Errorf("%+v", events[i])
		}
	}
	d := closed(t, trace.Mark(decode.Mark{Time: at(10), Kind: decode.Close}))
	if d.ClientOctets != 11 || d.ServerOctets != 6 || d.Commands != 2 || d.Unanswered != 1 {
		t.Fatalf("%+v", d.Totals)
	}
}

// A client that is parked before the greeting is not parked at the server's Write.
func TestUndecidedParksNobodyElse(t *testing.T) {
	trace, _ := follow(decode.TraceOptions{})
	trace.Write(decode.Client, at(1), []byte("PARK\n"))
	if _, next, _ := trace.Write(decode.Server, at(2), []byte("HELLO\n")); next != decode.Continue {
		t.Fatal(next)
	}
}

func TestTLSBeforeTheGreetingIsOpaque(t *testing.T) {
	trace, kept := follow(decode.TraceOptions{})
	trace.Write(decode.Client, at(1), []byte("PARK\n#tls"))
	n, next, events := trace.Write(decode.Server, at(2), []byte("HELLO\n"))
	if n != 6 || next != decode.Continue || kinds(events) != "command C PARK, opaque" || !trace.Opaque() {
		t.Fatal(n, next, kinds(events))
	}
	if len(*kept) != 1 {
		t.Fatal(*kept)
	}
	if d := closed(t, trace.Mark(decode.Mark{Time: at(3), Kind: decode.Close})); d.ClientOctets != 9 || d.ServerOctets != 6 {
		t.Fatalf("%+v", d.Totals)
	}
}

func TestNoMailProtocolIsOpaque(t *testing.T) {
	for name, server := range map[string]string{"at once": "220 smtp", "in the end": "HELP"} {
		t.Run(name, func(t *testing.T) {
			trace, kept := follow(decode.TraceOptions{})
			trace.Write(decode.Client, at(1), []byte("abc"))
			var events []decode.Event
			for i := range server {
				_, _, e := trace.Write(decode.Server, at(2), []byte(server[i:i+1]))
				events = append(events, e...)
			}
			if kinds(events) != "opaque S" || !trace.Opaque() || trace.Protocol() != nil {
				t.Fatal(kinds(events))
			}
			if len(*kept) != 1 || (*kept)[0].Kind != decode.Opaque || (*kept)[0].Fields.Get("text") == "" {
				t.Fatal(*kept)
			}
			trace.Write(decode.Client, at(3), []byte("de"))
			if events := trace.Gap(decode.Client, at(3), 1); events != nil {
				t.Fatal(kinds(events))
			}
			events = trace.Mark(decode.Mark{Time: at(4), Kind: decode.Close, Fields: decode.Fields{{Key: "by", Value: "server"}}})
			d := closed(t, events)
			if kinds(events) != "close C, close S, close" || d.ClientOctets != 6 || d.ServerOctets != int64(len(server)) || d.ClosedBy != "server" {
				t.Fatalf("%s %+v", kinds(events), d.Totals)
			}
			// No capture holds those octets: its mark counts them.
			last := (*kept)[len(*kept)-1]
			if last.Fields.Get("octets-C") != "6" || last.Fields.Get("octets-S") != fmt.Sprint(len(server)) {
				t.Fatal(last)
			}
			again, _ := follow(decode.TraceOptions{})
			for _, m := range *kept {
				events = again.Mark(m)
			}
			if e := closed(t, events); e.ClientOctets != 6 || e.ServerOctets != int64(len(server)) {
				t.Fatalf("%+v", e.Totals)
			}
		})
	}
}

func TestUndecidedIsBounded(t *testing.T) {
	for name, piece := range map[string]string{"octets": strings.Repeat("x", 100), "empty writes": ""} {
		t.Run(name, func(t *testing.T) {
			trace, _ := follow(decode.TraceOptions{})
			for i := range 10_000 {
				trace.Write(decode.Client, at(0), []byte(piece))
				if trace.Opaque() {
					if (i+1)*len(piece) > 4<<10+100 {
						t.Fatalf("opaque only after %d writes", i)
					}
					return
				}
			}
			t.Fatal("it holds for ever")
		})
	}
}

func TestUndecidedCloses(t *testing.T) {
	trace, _ := follow(decode.TraceOptions{})
	trace.Write(decode.Client, at(1), []byte("abc"))
	if events := trace.Mark(decode.Mark{Time: at(2), Kind: decode.Close, Dir: decode.Client}); kinds(events) != "close C" || events[0].Span.Len != 3 {
		t.Fatal(kinds(events))
	}
	trace.Gap(decode.Server, at(2), 5)
	_, _, events := trace.Write(decode.Server, at(3), []byte("HELLO\n"))
	if kinds(events) != "desync S, completion S HELLO, malformed C" || !lastFake.closed[decode.Client] {
		t.Fatal(kinds(events))
	}
	d := closed(t, trace.Mark(decode.Mark{Time: at(4), Kind: decode.Close}))
	if d.ClientOctets != 3 || d.ServerOctets != 11 {
		t.Fatalf("%+v", d.Totals)
	}

	trace, _ = follow(decode.TraceOptions{})
	trace.Write(decode.Client, at(1), []byte("abc"))
	d = closed(t, trace.Mark(decode.Mark{Time: at(4), Kind: decode.Close}))
	if d.ClientOctets != 3 || d.PendingOctets != 3 || d.Duration != 0 {
		t.Fatalf("%+v", d.Totals)
	}
}

func TestTotals(t *testing.T) {
	trace, kept := follow(decode.TraceOptions{Protocol: &fakeProtocol, Origin: decode.FromProxy})
	trace.Mark(decode.Mark{Time: at(0), Kind: decode.Open, Fields: decode.Fields{{Key: "client", Value: "x"}}})
	trace.Write(decode.Server, at(1), []byte("HELLO\nSTATE\n"))
	trace.Write(decode.Client, at(2), []byte("ONE\nWARN\nTWO\nun"))
	_, _, events := trace.Write(decode.Server, at(3), []byte("OK\nfinished"))
	if events[0].Origin != decode.FromProxy {
		t.Fatal("origin")
	}
	trace.Mark(decode.Mark{Time: at(4), Kind: decode.FindingOnly, Fields: decode.Fields{
		{Key: "id", Value: "a.b"}, {Key: "severity", Value: "error"}, {Key: "text", Value: "bad"}, {Key: "ref", Value: "RFC 1"},
	}})
	if events := trace.Mark(decode.Mark{Time: at(5), Kind: decode.Close, Dir: decode.Client}); kinds(events) != "malformed C, close C" || events[1].Span.Len != 15 {
		t.Fatal(kinds(events))
	}
	if events := trace.Mark(decode.Mark{Time: at(6), Kind: decode.Close, Dir: decode.Client}); len(events) != 0 {
		t.Fatal("closed twice:", kinds(events))
	}
	events = trace.Mark(decode.Mark{Time: at(9), Kind: decode.Close, Fields: decode.Fields{{Key: "by", Value: "client"}, {Key: "reason", Value: "gone"}}})
	if kinds(events) != "malformed S, close S, close" {
		t.Fatal(kinds(events))
	}
	d := closed(t, events)
	want := decode.Totals{
		Commands: 3, ClientOctets: 15, ServerOctets: 23, Errors: 1, Warnings: 1, Duration: at(9).Sub(at(0)), Unanswered: 2,
		ClosedBy: "client", Reason: "gone", LastState: decode.Transaction, PendingOctets: 10,
	}
	if d.Totals != want {
		t.Fatalf("got  %+v\nwant %+v", d.Totals, want)
	}
	if lastFake.stopped == 0 {
		t.Fatal("the session was not stopped")
	}
	var names []string
	for _, m := range *kept {
		names = append(names, m.Kind.String()+m.Dir.String())
	}
	if got := strings.Join(names, " "); got != "open finding closeC closeC close" {
		t.Fatal(got)
	}
}

func TestMarksAreEvents(t *testing.T) {
	for _, k := range []decode.Kind{decode.Open, decode.TLS, decode.Edit, decode.Undelivered, decode.Desync} {
		trace, kept := follow(decode.TraceOptions{Protocol: &fakeProtocol})
		m := decode.Mark{Time: at(3), Kind: k, Dir: decode.Server, Fields: decode.Fields{{Key: "leg", Value: "server"}, {Key: "octets", Value: "4"}}}
		events := trace.Mark(m)
		if len(events) != 1 || events[0].Kind != k || events[0].Dir != decode.Server || !reflect.DeepEqual(events[0].Detail, m.Fields) {
			t.Errorf("%v: %+v", k, events)
		}
		if len(*kept) != 1 || !reflect.DeepEqual((*kept)[0], m) {
			t.Errorf("%v: kept %+v", k, *kept)
		}
	}
}

func TestTLSMarks(t *testing.T) {
	mark := func(fields ...string) decode.Mark {
		m := decode.Mark{Time: at(2), Kind: decode.TLS}
		for i := 0; i < len(fields); i += 2 {
			m.Fields = m.Fields.With(fields[i], fields[i+1])
		}
		return m
	}
	for name, c := range map[string]struct {
		mark decode.Mark
		want string
	}{
		"both legs":        {mark("leg", "both"), "tls, state"},
		"the client's leg": {mark("leg", "client"), "tls, state"},
		"the server's leg": {mark("leg", "server"), "tls"},
		"failed":           {mark("leg", "client", "error", "alert"), "tls"},
	} {
		t.Run(name, func(t *testing.T) {
			trace, kept := follow(decode.TraceOptions{Protocol: &fakeProtocol})
			if _, next, _ := trace.Write(decode.Server, at(1), []byte("TLS\n")); next != decode.TLSHere {
				t.Fatal(next)
			}
			if got := kinds(trace.Mark(c.mark)); got != c.want {
				t.Fatal(got)
			}
			if len(*kept) != 1 {
				t.Fatal(*kept)
			}
		})
	}
	// Before the protocol is known: the session is told by its options.
	trace, _ := follow(decode.TraceOptions{})
	if got := kinds(trace.Mark(mark("leg", "both"))); got != "tls" {
		t.Fatal(got)
	}
	trace.Write(decode.Server, at(3), []byte("HELLO\n"))
	if !lastFake.o.TLS {
		t.Fatal("the session does not know of TLS")
	}
}

func TestResume(t *testing.T) {
	trace, kept := follow(decode.TraceOptions{})
	if events := trace.Resume(decode.Terminated, at(0)); events != nil {
		t.Fatal(kinds(events))
	}
	trace.Write(decode.Server, at(1), []byte("HELLO\nTLS\n"))
	if got := kinds(trace.Resume(decode.Terminated, at(2))); got != "state" {
		t.Fatal(got)
	}
	if got := kinds(trace.Resume(decode.Ciphertext, at(3))); got != "opaque" || !trace.Opaque() || lastFake.stopped == 0 {
		t.Fatal(got, lastFake.stopped)
	}
	if len(*kept) != 1 || (*kept)[0].Fields.String() != "reason=ciphertext text=ciphertext" {
		t.Fatal(*kept)
	}
	if events := trace.Resume(decode.Terminated, at(4)); events != nil {
		t.Fatal(kinds(events))
	}
}

// A mark that a capture kept makes the same mark and event again.
func TestOpaqueMark(t *testing.T) {
	trace, kept := follow(decode.TraceOptions{Protocol: &fakeProtocol})
	m := decode.Mark{Time: at(1), Kind: decode.Opaque, Dir: decode.Client, Fields: decode.Fields{{Key: "reason", Value: "why"}, {Key: "text", Value: "long why"}}}
	events := trace.Mark(m)
	if kinds(events) != "opaque C" || string(events[0].Text) != "long why" || !trace.Opaque() {
		t.Fatal(kinds(events))
	}
	if len(*kept) != 1 || !reflect.DeepEqual((*kept)[0], m) {
		t.Fatalf("kept %+v", *kept)
	}
	if lastFake.stopped == 0 {
		t.Fatal("the session was not stopped")
	}
	if n, next, events := trace.Write(decode.Client, at(2), []byte("PARK\n#")); n != 6 || next != decode.Continue || events != nil {
		t.Fatal(n, next, kinds(events))
	}
}

func TestGap(t *testing.T) {
	trace, _ := follow(decode.TraceOptions{Protocol: &fakeProtocol})
	trace.Write(decode.Server, at(1), []byte("HELLO\n"))
	if got := kinds(trace.Gap(decode.Server, at(2), 10)); got != "desync S" {
		t.Fatal(got)
	}
	if got := kinds(trace.Gap(decode.Client, at(2), -1)); got != "desync C" {
		t.Fatal(got)
	}
	d := closed(t, trace.Mark(decode.Mark{Time: at(3), Kind: decode.Close}))
	if d.ServerOctets != 16 || d.ClientOctets != 0 {
		t.Fatalf("%+v", d.Totals)
	}
}

// A decoder that breaks again over the same octets, and the marks of the first time: it is
// told once.
func TestMarksOfABrokenDecoderThatBreaksAgain(t *testing.T) {
	trace, kept := follow(decode.TraceOptions{Protocol: &fakeProtocol})
	trace.Write(decode.Client, at(2), []byte("BREAK\n"))
	again, _ := follow(decode.TraceOptions{Protocol: &fakeProtocol})
	if _, _, events := again.Write(decode.Client, at(2), []byte("BREAK\n")); kinds(events) != "desync C, opaque C" {
		t.Fatal(kinds(events))
	}
	if len(*kept) != 2 {
		t.Fatal(*kept)
	}
	for _, m := range *kept {
		if events := again.Mark(m); len(events) != 0 {
			t.Fatal(kinds(events))
		}
	}
	if events := trace.Mark(decode.Mark{Kind: decode.Desync, Fields: decode.Fields{{Key: "reason", Value: "lost"}}}); kinds(events) != "desync" {
		t.Fatal(kinds(events))
	}
}

// A decoder that breaks: its two events tell so, live and from what was kept.
func TestTraceOfABrokenDecoder(t *testing.T) {
	wrapped := 0
	trace, kept := follow(decode.TraceOptions{Protocol: &fakeProtocol, Wrap: func(s decode.Session) decode.Session { wrapped++; return s }})
	trace.Write(decode.Server, at(1), []byte("HELLO\n"))
	n, next, events := trace.Write(decode.Client, at(2), []byte("BREAK\nmore"))
	if n != 10 || next != decode.Continue || kinds(events) != "desync C, opaque C" || !trace.Opaque() || wrapped != 1 {
		t.Fatal(n, next, kinds(events))
	}
	n, _, _ = trace.Write(decode.Server, at(3), []byte("even more"))
	if n != 9 {
		t.Fatal(n)
	}
	d := closed(t, trace.Mark(decode.Mark{Time: at(4), Kind: decode.Close}))
	if d.ClientOctets != 10 || d.ServerOctets != 15 {
		t.Fatalf("%+v", d.Totals)
	}
	again, _ := follow(decode.TraceOptions{Protocol: &fakeProtocol})
	var told []decode.Event
	for _, m := range *kept {
		for _, e := range again.Mark(m) {
			told = append(told, e.Clone())
		}
	}
	if kinds(told) != "desync C, opaque C, close C, close S, close" || string(told[0].Text) != string(events[0].Text) {
		t.Fatal(kinds(told))
	}
	if e := closed(t, told); e.ClientOctets != 10 || e.ServerOctets != 15 {
		t.Fatalf("%+v", e.Totals)
	}
}

// A login that is bound to its TLS connection fails through a proxy, and only there.
func TestDirect(t *testing.T) {
	for _, listen := range []string{"", "imaps://127.0.0.1:1993"} {
		tr := decode.NewTrace(decode.TraceOptions{Protocol: registry.ByName("imap"), Conn: 1})
		at := time.Unix(0, 0)
		tr.Mark(decode.Mark{Time: at, Kind: decode.Open, Fields: decode.Fields{}.With("listen", listen).With("upstream", "imaps://h")})
		tr.Mark(decode.Mark{Time: at, Kind: decode.TLS, Fields: decode.Fields{}.With("version", "TLS 1.3")})
		found := 0
		see := func(_ int, _ decode.Next, events []decode.Event) {
			for _, e := range events {
				for _, f := range e.Findings {
					if strings.HasPrefix(f.ID, "auth.channel-binding") {
						found++
					}
				}
			}
		}
		see(tr.Write(decode.Server, at, []byte("* OK [CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-256-PLUS] hi\r\n")))
		see(tr.Write(decode.Client, at, []byte("a1 AUTHENTICATE SCRAM-SHA-256-PLUS\r\n")))
		if want := map[bool]int{true: 0, false: 2}[listen == ""]; found != want {
			t.Errorf("listen %q: %d findings, want %d", listen, found, want)
		}
	}
}
