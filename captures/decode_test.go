package captures

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mailtrace/mailtrace/decode"
	"pgregory.net/rapid"
)

// live decodes as a proxy does: it numbers what the traces give and commits their tapes.
type live struct {
	r      *Recorder
	seq    decode.Sequencer
	traces map[trace]*decode.Trace
	tapes  map[trace]Tape
	told   []string
}

func newLive(r *Recorder) *live {
	return &live{r: r, traces: map[trace]*decode.Trace{}, tapes: map[trace]Tape{}}
}

func (l *live) trace(at trace, p *decode.Protocol) *decode.Trace {
	if l.traces[at] == nil {
		tape := l.r.Open(at.conn, at.origin)
		l.tapes[at] = tape
		l.traces[at] = decode.NewTrace(decode.TraceOptions{
			Options: decode.Options{Tap: tape.Octets}, Conn: at.conn, Origin: at.origin,
			Protocol: p, Protocols: []decode.Protocol{lines}, Keep: tape.Mark,
		})
	}
	return l.traces[at]
}

func (l *live) publish(at trace, events []decode.Event) {
	l.seq.Number(events)
	l.told = append(l.told, tellEvents(events)...)
	l.tapes[at].Commit()
}

func tellEvents(events []decode.Event) (s []string) {
	for _, e := range events {
		line := fmt.Sprintf("%d %d/%d %s %s %s %v %s %q %v", e.Seq, e.Conn, e.Origin, e.Time.UTC().Format("05.000000"),
			e.Dir, e.Kind, e.State, e.Protocol, e.Text, e.Span)
		if e.Command != nil {
			line += fmt.Sprintf(" for %d %s", e.Command.Seq, e.Command.Name)
		}
		switch d := e.Detail.(type) {
		case decode.Fields:
			line += " " + d.String()
		case *decode.CloseDetail:
			line += fmt.Sprintf(" %+v", *d)
		}
		s = append(s, line)
	}
	return s
}

func decodeAll(t interface{ Fatal(...any) }, file []byte, o DecodeOptions) (told []string, err error) {
	r, err := NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	o.Protocols = []decode.Protocol{lines}
	err = Decode(r, o, func(events []decode.Event) { told = append(told, tellEvents(events)...) })
	return told, err
}

// TestDecodedAsLive plays random sessions of several connections, cut anywhere, and
// expects the events of the capture to equal the live ones, numbers and times included.
func TestDecodedAsLive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b bytes.Buffer
		r := NewRecorder(&b, options4test())
		l := newLive(r)
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		scripts := map[trace][]func(){}
		var order []trace
		for conn := 1; conn <= rapid.IntRange(1, 3).Draw(t, "connections"); conn++ {
			for origin := decode.FromPeer; origin <= decode.Origin(rapid.IntRange(0, 1).Draw(t, "own exchange")); origin++ {
				at := trace{conn, origin}
				scripts[at] = l.script(at, rng)
				order = append(order, at)
			}
		}
		for now := 0; len(order) > 0; now++ {
			i := rng.IntN(len(order))
			at := order[i]
			scripts[at][0]()
			if scripts[at] = scripts[at][1:]; len(scripts[at]) == 0 {
				order = append(order[:i], order[i+1:]...)
			}
		}
		if err := r.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		told, err := decodeAll(t, b.Bytes(), DecodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(l.told, told); d != "" {
			t.Fatal(d)
		}
	})
}

// script is one connection's story, step by step.
func (l *live) script(at trace, rng *rand.Rand) (steps []func()) {
	now := 0
	var p *decode.Protocol
	name := ""
	if rng.IntN(2) == 0 {
		p, name = &lines, lines.Name
	}
	say := func(m decode.Mark) {
		steps = append(steps, func() {
			m.Time = after(now)
			now += rng.IntN(3)
			l.publish(at, l.trace(at, p).Mark(m))
		})
	}
	write := func(d decode.Dir, s string) {
		for s != "" {
			n := 1 + rng.IntN(len(s))
			piece := []byte(s[:n])
			s = s[n:]
			steps = append(steps, func() {
				n, _, events := l.trace(at, p).Write(d, after(now), piece)
				if n < len(piece) {
					panic("the script's TLS stands in clear")
				}
				now += rng.IntN(3)
				l.publish(at, events)
			})
		}
	}
	say(mark(decode.Open, decode.NoDir, 0, "client", "127.0.0.1:1", "protocol", name))
	if p == nil && rng.IntN(4) == 0 {
		write(decode.Client, "GET / HTTP/1.1\r\n\r\n")
		write(decode.Server, "HTTP/1.1 400 no mail here\r\n")
		say(mark(decode.Close, decode.NoDir, 0, "by", "client"))
		return steps
	}
	write(decode.Server, "+OK greeting\r\n")
	write(decode.Client, "PASS secret\r\nNOOP\r\n")
	write(decode.Server, "+OK\r\n-ERR\r\n")
	if rng.IntN(2) == 0 {
		write(decode.Client, "STLS\r\n")
		write(decode.Server, "+OK\r\n")
		say(mark(decode.TLS, decode.NoDir, 0, "leg", "both", "version", "1.3"))
		write(decode.Client, strings.Repeat("LINE\r\n", rng.IntN(600)))
	}
	say(mark(decode.Edit, decode.Server, 0, "before", "a", "after", "b"))
	switch rng.IntN(4) {
	case 0:
		say(mark(decode.Opaque, decode.NoDir, 0, "reason", "told to", "text", "told to"))
		write(decode.Client, "not decoded")
	case 1:
		say(mark(decode.Close, decode.Client, 0))
	}
	write(decode.Server, "+OK bye\r\n")
	say(mark(decode.Close, decode.NoDir, 0, "by", "server"))
	return steps
}

func TestDecodeChoosesConnections(t *testing.T) {
	file := record(t, options4test(), func(r *Recorder) {
		l := newLive(r)
		for conn := 1; conn <= 2; conn++ {
			at := trace{conn, decode.FromPeer}
			l.publish(at, l.trace(at, &lines).Mark(mark(decode.Open, decode.NoDir, 0, "protocol", "lines")))
			_, _, events := l.trace(at, &lines).Write(decode.Client, start, []byte("NOOP\r\n"))
			l.publish(at, events)
		}
	})
	var tapped []string
	told, err := decodeAll(t, file, DecodeOptions{
		Conn: func(conn int) bool { return conn == 2 },
		Tap: func(conn int, origin decode.Origin, o decode.Octets) {
			tapped = append(tapped, fmt.Sprintf("%d/%d %s %q", conn, origin, o.Dir, o.P))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{`2/0 C "NOOP\r\n"`}, tapped); d != "" {
		t.Error(d)
	}
	// The first connection's events are 1, 2, and at the end 5 to 7.
	for i, n := range []int{3, 4, 8, 9, 10} {
		if i >= len(told) || !strings.HasPrefix(told[i], fmt.Sprintf("%d 2/0 ", n)) {
			t.Fatalf("got %q", told)
		}
	}
}

// TestDecodeOfAnUnfinishedCapture: what is open is closed and says why.
func TestDecodeOfAnUnfinishedCapture(t *testing.T) {
	file := record(t, options4test(), session)
	ends := blockEnds(t, file)
	for name, n := range map[string]int64{"between blocks": ends[6], "in a block": ends[6] + 5} {
		told, err := decodeAll(t, file[:n], DecodeOptions{})
		if (n == ends[6]) != (err == nil) || (err != nil && !errors.As(err, new(*Truncated))) {
			t.Errorf("%s: %v", name, err)
		}
		want := []string{
			`1 1/0 07.891011  open  lines "" {0 0} client=127.0.0.1:5 protocol=lines note="a \"b\" = c"`,
			`2 1/0 07.891012 S completion  lines "+OK hello" {0 11}`,
			`3 1/0 07.891013 C command  lines "STLS" {0 6} for 3 STLS`,
			`4 1/0 07.891013 C close  lines "" {0 6}`,
			`5 1/0 07.891013 S close  lines "" {0 11}`,
		}
		if d := cmp.Diff(want, told[:min(len(told), 5)]); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if last := told[len(told)-1]; len(told) != 6 || !strings.Contains(last, "Reason:capture ends here") {
			t.Errorf("%s: ends with %s", name, last)
		}
	}
}

// TestDecodeGap: lost octets are told to the session.
func TestDecodeGap(t *testing.T) {
	own := record(t, options4test(), session)
	ends := blockEnds(t, own)
	told, err := decodeAll(t, append(bytes.Clone(own[:ends[4]]), own[ends[5]:]...), DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if want := `3 1/0 07.891014 S desync  lines "11 octets" {0 0}`; told[2] != want {
		t.Errorf("got %s, expected %s", told[2], want)
	}
	if want := `4 1/0 07.891014 S completion  lines "+OK go" {11 8} for 2 STLS`; told[3] != want {
		t.Errorf("got %s, expected %s", told[3], want)
	}
}

// TestDecodeCiphertext: octets that a session leaves to a handshake of which there is no
// mark end decoding; they neither vanish nor stop the rest.
func TestDecodeCiphertext(t *testing.T) {
	file := record(t, options4test(), func(r *Recorder) {
		tape := r.Open(1, decode.FromPeer)
		tape.Mark(mark(decode.Open, decode.NoDir, 0, "protocol", "lines"))
		tape.Octets(octets(decode.Client, 1, "STLS\r\n\x16\x03\x01"))
		tape.Octets(octets(decode.Server, 2, "+OK\r\n"))
		tape.Mark(mark(decode.Opaque, decode.NoDir, 3, "text", "said already"))
		tape.Mark(mark(decode.Close, decode.NoDir, 4))
		tape.Commit()
	})
	told, err := decodeAll(t, file, DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, s := range told {
		kinds = append(kinds, strings.Join(strings.Fields(s)[3:5], " "))
	}
	if d := cmp.Diff([]string{"open lines", "C command", "opaque lines", "C close", "S close", "close lines"}, kinds); d != "" {
		t.Errorf("%s%q", d, told)
	}
	if !strings.Contains(told[5], "ClientOctets:9 ServerOctets:5") {
		t.Errorf("ends with %s", told[5])
	}
}
