package pop3_test

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/pop3"
)

func find(events []decode.Event, id string) *decode.Finding {
	for _, e := range events {
		for _, f := range e.Findings {
			if f.ID == id {
				return &f
			}
		}
	}
	return nil
}

func last(t *testing.T, w told) decode.Event {
	t.Helper()
	if len(w.events) == 0 {
		t.Fatal("no events")
	}
	return w.events[len(w.events)-1]
}

func TestClientHelloOnAPlainPortIsNamed(t *testing.T) {
	for _, runs := range [][]run{{c("\x16\x03\x01\x02\x00")}, {s("+OK\r\n"), c("\x16"), s("x"), c("\x03")}} {
		w := check(t, decode.Options{}, runs, whole)
		e := w.events[len(w.events)-1]
		if e.Kind != decode.Opaque || !strings.Contains(string(e.Text), "TLS ClientHello") || e.Detail.(decode.Fields).Get("hint") == "" {
			t.Errorf("got %s", table(w.events))
		}
		if got := joined(w.tapped, decode.Client); got != "" {
			t.Errorf("recorded %q", got)
		}
	}
}

func TestParking(t *testing.T) {
	x := pop3.New(decode.Options{})
	write := func(d decode.Dir, p string, wantN int, want decode.Next) {
		t.Helper()
		if n, next, _ := x.Write(d, time.Time{}, []byte(p)); n != wantN || next != want {
			t.Fatalf("%q: took %d, next %d; want %d and %d", p, n, next, wantN, want)
		}
	}
	write(decode.Server, "+OK\r\n", 5, decode.Continue)
	write(decode.Client, "STLS\r\n\x16\x03\x01", 6, decode.Park)
	write(decode.Client, "\x16\x03\x01", 0, decode.Park)
	write(decode.Server, "-ERR", 4, decode.Continue)
	write(decode.Server, " no\r\n", 5, decode.Release)
	write(decode.Client, "STLS\r\nNOOP\r\n\x16", 12, decode.Park)
	write(decode.Server, "+OK\r\n\x16\x03", 5, decode.TLSHere)
	write(decode.Server, "\x16\x03", 0, decode.TLSHere)
	write(decode.Client, "\x16\x03", 0, decode.TLSHere)
	x.Resume(decode.Terminated, time.Time{})
	write(decode.Client, "CAPA\r\n", 6, decode.Continue)
	write(decode.Server, "+OK\r\n.\r\n", 8, decode.Continue)
	if n, _ := x.Pending(decode.Client); n != 0 {
		t.Errorf("%d commands are pending", n)
	}
	// A reply that comes before the command is whole.
	y := pop3.New(decode.Options{})
	y.Write(decode.Server, time.Time{}, []byte("+OK\r\n"))
	y.Write(decode.Client, time.Time{}, []byte("ST"))
	y.Write(decode.Server, time.Time{}, []byte("+OK go\r\n"))
	n, next, events := y.Write(decode.Client, time.Time{}, []byte("LS\r\n\x16"))
	if n != 4 || next != decode.TLSHere || find(events, "starttls.early-tagged") == nil {
		t.Errorf("took %d, next %d: %s", n, next, table(events))
	}
	z := pop3.New(decode.Options{})
	z.Write(decode.Server, time.Time{}, []byte("+OK\r\n"))
	z.Write(decode.Client, time.Time{}, []byte("STLS\r\n"))
	z.Write(decode.Server, time.Time{}, []byte("+OK\r\n"))
	if e := z.Resume(decode.Ciphertext, time.Time{}); len(e) != 1 || e[0].Kind != decode.Opaque {
		t.Errorf("got %s", table(e))
	}
}

func TestTLSFromTheStart(t *testing.T) {
	x := pop3.New(decode.Options{})
	if e := x.Resume(decode.Terminated, time.Time{}); len(e) != 0 {
		t.Errorf("got %s", table(e))
	}
	_, _, events := x.Write(decode.Server, time.Time{}, []byte("+OK\r\n"))
	if len(events) != 2 || !events[1].Detail.(*pop3.Entered).TLS {
		t.Errorf("got %s", table(events))
	}
}

func TestManyPipelinedCommands(t *testing.T) {
	const commands = 1 << 20
	x := pop3.New(decode.Options{Limits: decode.Limits{Commands: 100, Queue: commands}})
	x.Write(decode.Server, time.Time{}, []byte("+OK\r\n"))
	batch := []byte(strings.Repeat("LIST\r\nNOOP\r\n", 64))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range commands / 128 {
		x.Write(decode.Client, time.Time{}, batch)
	}
	if n, _ := x.Pending(decode.Client); n != commands {
		t.Fatalf("%d of %d are pending", n, commands)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
		t.Errorf("%d octets for %d commands", grown, commands)
	}
	// They are still answered in order.
	reply := []byte(strings.Repeat("+OK\r\n1 2\r\n.\r\n+OK\r\n", 64))
	for range commands / 128 {
		_, _, events := x.Write(decode.Server, time.Time{}, reply)
		for _, e := range events {
			if e.Kind == decode.Desync || e.Kind == decode.Malformed {
				t.Fatalf("got %s", table(events))
			}
		}
	}
	if n, _ := x.Pending(decode.Client); n != 0 {
		t.Errorf("%d are pending", n)
	}
}

func TestMoreCommandsThanCanBeCounted(t *testing.T) {
	runs := []run{s("+OK\r\n"), c(strings.Repeat("NOOP\r\n", 11)), s("+OK\r\n")}
	w := play(decode.Options{Limits: decode.Limits{Commands: 2, Queue: 10}}, runs, whole)
	if e := last(t, w); e.Kind != decode.Opaque {
		t.Errorf("got %s", table(w.events))
	}
	// The capture holds what leads up to it and no more.
	if got := joined(w.tapped, decode.Client); got != strings.Repeat("NOOP\r\n", 10) {
		t.Errorf("recorded %q", got)
	}
}

func TestLineWithoutEnd(t *testing.T) {
	for _, d := range [...]decode.Dir{decode.Client, decode.Server} {
		var recorded int64
		x := pop3.New(decode.Options{Tap: func(o decode.Octets) {
			if o.Dir == d {
				recorded += int64(len(o.P))
			}
		}})
		if d == decode.Client {
			x.Write(decode.Server, time.Time{}, []byte("+OK\r\n"))
		}
		piece := bytes.Repeat([]byte("y"), 1<<16)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		told := 0
		for range 1000 {
			_, _, events := x.Write(d, time.Time{}, piece)
			if find(events, "pop3.long-line") != nil {
				told++
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
			t.Errorf("%v: grew by %d octets", d, grown)
		}
		if told != 1 || recorded != 1000<<16 {
			t.Errorf("%v: told %d times, recorded %d octets", d, told, recorded)
		}
		if _, n := x.Pending(d); n != 1000<<16 {
			t.Errorf("%v: %d octets pending", d, n)
		}
	}
}

func TestLargeMessageInLittleMemory(t *testing.T) {
	x := retrieving(nil)
	x.Write(decode.Client, time.Time{}, []byte("RETR 1\r\n"))
	x.Write(decode.Server, time.Time{}, []byte("+OK\r\nSubject: x\r\n\r\n"))
	piece := bytes.Repeat([]byte("no line end, but a dot. And - a hyphen"), 1<<10)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 64 << 20 / len(piece) {
		x.Write(decode.Server, time.Time{}, piece)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("grew by %d octets", grown)
	}
}

func TestGaps(t *testing.T) {
	x := pop3.New(decode.Options{})
	var w told
	write := func(d decode.Dir, p string) {
		_, _, events := x.Write(d, time.Time{}, []byte(p))
		for _, e := range events {
			w.events = append(w.events, e.Clone())
		}
	}
	gap := func(d decode.Dir, n int64) {
		for _, e := range x.Gap(d, time.Time{}, n) {
			w.events = append(w.events, e.Clone())
		}
	}
	for _, r := range login {
		write(r.dir, r.p)
	}
	w.events = nil
	write(decode.Client, "RETR 1\r\nNOOP\r\nLI")
	write(decode.Server, "+OK\r\nSubject: x\r\n\r\nbody")
	gap(decode.Server, 100)
	write(decode.Server, "more\r\n.\r\n+OK done\r\n")
	gap(decode.Client, 3)
	write(decode.Client, "secret of a lost line\r\nSTAT\r\n")
	write(decode.Server, "+OK 1 2\r\n")
	want := `C command              TRANSACTION   RETR  @22+8 "RETR 1" | all of message 1; POP3 keeps no \Seen
C command              TRANSACTION   NOOP  @30+6 "NOOP" | keep the connection alive
S completion           TRANSACTION   +OK   for RETR @15+5 "+OK" | body follows, up to a lone "." ! note pop3.retr-without-size
S mime                 TRANSACTION   RETR  @0+0 "" &{Number: Depth:0 Type:text/plain Charset: Boundary: Name: Encoding:7bit Off:14 Size:4 Decoded:-1 Lines:0 Cut:true From: Subject:x Date:}
S multiline            TRANSACTION   RETR  @20+18 "" | 18 octets · cut off before the end {18 of 18, 0 stuffed []}
S desync               TRANSACTION         @38+100 "octets are missing here; decoding goes on with the next status line"
S completion           TRANSACTION   +OK   for NOOP @147+10 "+OK done"
C desync               TRANSACTION         @38+3 "octets are missing here; decoding goes on with the next known command"
C command              TRANSACTION   STAT  @64+6 "STAT" | how many messages, how many octets
S completion           TRANSACTION   +OK   for STAT @157+9 "+OK 1 2" | 1 message, 2 octets
`
	if got := table(w.events); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestMidSession(t *testing.T) {
	w := check(t, decode.Options{Mid: true}, []run{
		s("of a body\r\n.\r\n"), c("cret word\r\nRETR 2\r\n"), s("+OK\r\nSubject: x\r\n\r\n.\r\n"), c("XFOO bar\r\nAHUxAHNlY3JldA==\r\nPASS secret\r\n"),
	}, every(3))
	want := `C command                            RETR  @11+8 "RETR 2" | all of message 2; POP3 keeps no \Seen
S completion                         +OK   for RETR @14+5 "+OK" | body follows, up to a lone "." ! note pop3.retr-without-size
  state                TRANSACTION         @0+0 ""
S mime                 TRANSACTION   RETR  @0+0 "" &{Number: Depth:0 Type:text/plain Charset: Boundary: Name: Encoding:7bit Off:14 Size:0 Decoded:-1 Lines:0 Cut:false From: Subject:x Date:} ! note mime.missing-field
S multiline            TRANSACTION   RETR  @19+17 "." | 14 octets {14 of 14, 0 stuffed []}
C command              TRANSACTION   XFOO  @19+10 "XFOO bar"
C malformed            TRANSACTION         @29+18 "xxxxxxxxxxxxxxxx" | expected a command of three or four letters
C command              TRANSACTION   PASS  @47+13 "PASS xxxxxx" | password redacted ! warning auth.cleartext
`
	if got := table(w.events); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// The whole of a session may come all the same.
	w = check(t, decode.Options{Mid: true}, login, every(2))
	if w.events[0].Kind != decode.Greeting {
		t.Errorf("got %s", table(w.events))
	}
}

func TestUnfinishedAtTheEnd(t *testing.T) {
	w := check(t, decode.Options{}, append(append([]run{}, login...), c("RETR 1\r\nPASS secr"), s("+OK\r\nSubject: x\r\n\r\nhalf a bo")), every(3))
	n := len(w.events)
	if n < 3 || w.events[n-3].Kind != decode.Malformed || string(w.events[n-3].Text) != "xxxxxxxxx" ||
		w.events[n-1].Kind != decode.Multiline || w.events[n-1].Detail.(*pop3.Body).Complete {
		t.Errorf("got %s", table(w.events))
	}
}

func TestLatencies(t *testing.T) {
	x := pop3.New(decode.Options{})
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	x.Write(decode.Server, at(0), []byte("+OK\r\n"))
	x.Write(decode.Client, at(10), []byte("CA"))
	x.Write(decode.Client, at(20), []byte("PA\r\n"))
	x.Write(decode.Server, at(25), []byte("+O"))
	_, _, events := x.Write(decode.Server, at(30), []byte("K\r\nTOP\r\n"))
	if e := events[0]; e.Latency != 10*time.Millisecond || e.First != 5*time.Millisecond {
		t.Errorf("status line after %v, first octet after %v", e.Latency, e.First)
	}
	_, _, events = x.Write(decode.Server, at(50), []byte(".\r\n"))
	if e := events[0]; e.Latency != 30*time.Millisecond || e.First != 5*time.Millisecond {
		t.Errorf("response after %v, first octet after %v", e.Latency, e.First)
	}
}

func TestSegments(t *testing.T) {
	w := play(decode.Options{}, append(append([]run{}, login...), c("RETR 1\r\nNOOP\r\n"), s("+OK\r\nA: b\r\n\r\n..\r\n.\r\n+OK\r\n")), whole)
	var got []string
	for _, o := range w.octets[len(login):] {
		x := o.Dir.String() + " " + string(o.P)
		if o.Body {
			x += " body"
		}
		if o.End {
			x += " end"
		}
		got = append(got, strings.ReplaceAll(x, "\r\n", "␍"))
	}
	want := "C RETR 1␍ end|C NOOP␍ end|S +OK␍ end|S A: b␍␍ body|S . body|S .␍ body|S .␍ end|S +OK␍ end"
	if s := strings.Join(got, "|"); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}
