package stats

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
)

// Quantiles are those of the sorted durations, within 1 %.
func TestHistogram(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.OneOf(rapid.Int64Range(0, 300), rapid.Int64Range(0, 5_000_000), rapid.Int64Range(0, 1<<50)), 1, 200).Draw(t, "µs")
		var h, a, b Histogram
		for i, v := range values {
			d := time.Duration(v) * time.Microsecond
			if h.Add(d); i%2 == 0 {
				a.Add(d)
			} else {
				b.Add(d)
			}
		}
		a.Merge(&b)
		slices.Sort(values)
		for _, q := range []float64{0, 0.01, 0.5, 0.95, 1} {
			rank := 0
			for float64(rank+1) < q*float64(len(values))-1e-6 {
				rank++
			}
			want, got := float64(values[rank]), float64(h.Quantile(q).Microseconds())
			if got < want*0.99-1 || got > want*1.01+1 {
				t.Fatalf("quantile %v of %v: %v, want %v", q, values, got, want)
			}
			if rank == len(values)-1 && h.Quantile(q) != h.Max() {
				t.Fatalf("quantile %v of %v: %v, but the longest is %v", q, values, h.Quantile(q), h.Max())
			}
			if m := a.Quantile(q); m != h.Quantile(q) {
				t.Fatalf("quantile %v: %v merged, %v at once", q, m, h.Quantile(q))
			}
		}
		if h.Max() != time.Duration(values[len(values)-1])*time.Microsecond || h.N() != len(values) {
			t.Fatalf("max %v of %d", h.Max(), h.N())
		}
		n := 0
		for _, k := range h.Spread(time.Microsecond, time.Second, 7) {
			n += k
		}
		if n != len(values) {
			t.Fatalf("%d of %d in the picture", n, len(values))
		}
	})
}

// chat runs a dialogue; each line is a millisecond later than the one before.
func chat(t *testing.T, k *Collector, conn int, protocol string, lines ...string) {
	t.Helper()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	trace := decode.NewTrace(decode.TraceOptions{Protocol: registry.ByName(protocol), Conn: conn})
	k.Events(trace.Mark(decode.Mark{Time: at, Kind: decode.Open, Fields: decode.Fields{{Key: "client", Value: "c"}, {Key: "upstream", Value: "u"}}}))
	for _, line := range lines {
		at = at.Add(time.Millisecond)
		d := decode.Server
		if line[0] == 'C' {
			d = decode.Client
		}
		_, _, events := trace.Write(d, at, []byte(line[3:]))
		k.Events(events)
	}
	k.Events(trace.Mark(decode.Mark{Time: at, Kind: decode.Close}))
}

func TestCollectIMAP(t *testing.T) {
	var k Collector
	chat(
		t, &k, 1, "imap",
		"S: * OK ready\r\n",
		"C: a1 SELECT INBOX\r\n", "S: * 3 EXISTS\r\n", "S: a1 OK\r\n",
		"C: a2 FETCH 1 FLAGS\r\na3 FETCH 2 FLAGS\r\na4 NOOP\r\n",
		"S: * 1 FETCH (FLAGS ())\r\na2 OK\r\n* 2 FETCH (FLAGS ())\r\n", "S: a3 NO\r\na4 OK\r\n",
		"C: a5 APPEND x {3}\r\n", "S: + go\r\n", "C: abc\r\n", "S: a5 OK\r\n",
		"C: a6 IDLE\r\n", "S: + idling\r\n", "S: * 4 EXISTS\r\n", "S: * 5 EXISTS\r\n", "C: DONE\r\n", "S: a6 OK\r\n",
		"C: a7 LOGOUT\r\n",
	)
	c := k.Connections()[0]
	if c.Count != 7 || c.Depth != 3 || c.RoundTrips != 6 || c.Idle != 3*time.Millisecond || c.Client != "c" || c.Upstream != "u" {
		t.Errorf("%+v", *c)
	}
	want := map[string]Command{
		"SELECT": {Count: 1, ClientOctets: 17, ServerOctets: 12 + 7 + 3, RoundTrips: 1},
		"FETCH":  {Count: 2, Failed: 1, ClientOctets: 2 * 18, ServerOctets: 2*25 + 2*7, RoundTrips: 2},
		"APPEND": {Count: 1, ClientOctets: 17 + 5, ServerOctets: 6 + 7, RoundTrips: 2},
		"IDLE":   {Count: 1, ClientOctets: 9 + 6, ServerOctets: 10 + 2*12 + 7, RoundTrips: 2},
		"LOGOUT": {Count: 1, Unanswered: 1, ClientOctets: 11, RoundTrips: 1},
	}
	want["SELECT"] = Command{Count: 1, ClientOctets: 17, ServerOctets: 14 + 7, RoundTrips: 1}
	for _, x := range c.Commands() {
		w, ok := want[x.Name]
		if !ok {
			continue
		}
		got := *x
		got.Name, got.Latency = "", Histogram{}
		if got.Count != w.Count || got.Failed != w.Failed || got.Unanswered != w.Unanswered || got.RoundTrips != w.RoundTrips || got.ClientOctets != w.ClientOctets {
			t.Errorf("%s: %+v, want %+v", x.Name, got, w)
		}
	}
	if l := c.commands["SELECT"].Latency; l.Max() != 2*time.Millisecond {
		t.Errorf("SELECT took %v", l.Max())
	}
	if l := c.commands["IDLE"].Latency; l.Max() != time.Millisecond {
		t.Errorf("IDLE took %v behind DONE", l.Max())
	}
	if n := c.Latency().N(); n != 5 {
		t.Errorf("%d latencies without IDLE and LOGOUT", n)
	}
}

// The latency of a reply of many lines runs to its last, and of one line to that.
func TestCollectPOP3(t *testing.T) {
	var k Collector
	chat(
		t, &k, 1, "pop3",
		"S: +OK\r\n", "C: USER u\r\n", "S: +OK\r\n", "C: PASS p\r\n", "S: +OK\r\n",
		"C: STAT\r\nLIST\r\n", "S: +OK 1 9\r\n", "S: +OK\r\n1 9\r\n", "S: .\r\n",
		"C: RETR 1\r\n", "S: +OK\r\n", "S: abcdefg\r\n", "S: .\r\n", "C: RETR 2\r\n", "S: -ERR\r\n",
	)
	c := k.Connections()[0]
	for name, want := range map[string]time.Duration{"STAT": 1e6, "LIST": 3e6, "RETR": 3e6, "PASS": 1e6} {
		if x := c.commands[name]; x.Latency.Max() != want || x.Latency.N() != x.Count {
			t.Errorf("%s: %v in %d of %d", name, x.Latency.Max(), x.Latency.N(), x.Count)
		}
	}
	if r := c.commands["RETR"]; r.Failed != 1 || c.Depth != 2 || c.RoundTrips != 5 {
		t.Errorf("%+v, RETR %+v", *c, *r)
	}
}

func TestForms(t *testing.T) {
	var k Collector
	chat(t, &k, 1, "imap", "S: * OK\r\n", "C: a NOOP\r\n", "S: a OK\r\n")
	chat(t, &k, 2, "pop3", "S: +OK\r\n", "C: NOOP\r\n", "S: +OK\r\n")
	k.Flush()
	var out bytes.Buffer
	plain := TableOptions{ASCII: true, Each: true, Printable: strings.Clone}
	if err := Table(&out, &k, plain); err != nil {
		t.Fatal(err)
	}
	want := `#1 c to u, 3.0 ms, 1 command, 1 round trip, C 8 S 12 octets
command  count  failed     p50     p95     max  C octets  S octets  trips  1.0 ms    1.0 ms
NOOP         1          1.0 ms  1.0 ms  1.0 ms         8         6      1  @

`
	if got := out.String(); !strings.HasPrefix(got, want) || !strings.Contains(got, "\n2 connections, 6.0 ms, 2 commands, 2 round trips, C 14 S 22 octets\n") {
		t.Errorf("got\n%s", got)
	}
	out.Reset()
	if err := JSON(&out, &k); err != nil {
		t.Fatal(err)
	}
	var all struct {
		V     int
		Total struct {
			Connections int
			Commands    []struct {
				Name  string
				Count int
				P50   int64 `json:"p50_us"`
			}
		}
		Connections []struct{ Protocol string }
	}
	if err := json.Unmarshal(out.Bytes(), &all); err != nil {
		t.Fatal(err)
	}
	if x := all.Total; all.V != 1 || x.Connections != 2 || len(x.Commands) != 1 || x.Commands[0].Count != 2 || x.Commands[0].P50 != 1000 || all.Connections[1].Protocol != "pop3" {
		t.Errorf("%+v", all)
	}
}

func TestPlot(t *testing.T) {
	if got := plot([]int{0, 1, 8, 0, 4, 0}, TableOptions{}); got != " ▁█ ▄" {
		t.Errorf("%q", got)
	}
}
