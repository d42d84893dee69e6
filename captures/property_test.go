package captures

import (
	"bytes"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sort"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/flate"
	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
	"pgregory.net/rapid"
)

// turn is what one side says at once.
type turn struct {
	dir decode.Dir
	p   []byte
}

// sampleTurns gives what was said on each connection of the samples.
func sampleTurns(t testing.TB) (all [][]turn) {
	paths, err := filepath.Glob("samples/*.pcapng")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d samples, %v", len(paths), err)
	}
	for _, path := range paths {
		r, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		conns := map[int][]turn{}
		for {
			it, err := r.Next()
			if err != nil {
				break
			}
			if it.Kind == ItemOctets && it.Origin == decode.FromPeer {
				turns := conns[it.Conn]
				if n := len(turns); n > 0 && turns[n-1].dir == it.Dir {
					turns[n-1].p = append(turns[n-1].p, it.P...)
				} else {
					turns = append(turns, turn{it.Dir, bytes.Clone(it.P)})
				}
				conns[it.Conn] = turns
			}
		}
		r.Close()
		for conn := 1; conns[conn] != nil; conn++ {
			all = append(all, compressed(t, conns[conn]))
		}
	}
	return all
}

// compressed puts the compression back that a capture of ours has removed.
func compressed(t testing.TB, turns []turn) []turn {
	begun := slices.IndexFunc(turns, func(x turn) bool { return bytes.Contains(x.p, []byte("COMPRESS DEFLATE\r\n")) })
	if begun < 0 {
		return turns
	}
	var packed [3]bytes.Buffer
	var w [3]*flate.Writer
	for d := range w {
		var err error
		if w[d], err = flate.NewWriter(&packed[d], 6); err != nil {
			t.Fatal(err)
		}
	}
	for i := begun + 1; i < len(turns); i++ {
		x, clear := &turns[i], 0
		if i == begun+1 { // the server's OK is the last thing in clear
			clear = bytes.IndexByte(x.p, '\n') + 1
		}
		if len(x.p) == clear {
			continue
		}
		packed[x.dir].Reset()
		_, _ = w[x.dir].Write(x.p[clear:])
		if err := w[x.dir].Flush(); err != nil {
			t.Fatal(err)
		}
		x.p = append(x.p[:clear:clear], packed[x.dir].Bytes()...)
	}
	return turns
}

// direct decodes turns without a capture.
func direct(turns []turn, client, server, protocol string) (lines []string) {
	d := decoder{
		o: DecodeOptions{Protocols: registry.All}, foreign: true, traces: map[trace]*decode.Trace{},
		sink: func(events []decode.Event) { lines = append(lines, plot(events)...) },
	}
	m := func(kind decode.Kind, dir decode.Dir, f ...string) {
		it := Item{Conn: 1, Kind: ItemMark, Dir: dir, Time: start, Mark: mark(kind, dir, 0, f...)}
		d.item(it)
	}
	m(decode.Open, decode.NoDir, "client", client, "upstream", server, "protocol", protocol, "source", "capture")
	for _, x := range turns {
		d.item(Item{Conn: 1, Kind: ItemOctets, Dir: x.dir, Time: start, P: x.p})
	}
	m(decode.Close, decode.Client)
	m(decode.Close, decode.Server)
	m(decode.Close, decode.NoDir, "by", "client")
	return lines
}

// TestAnyWireTellsTheSame puts real sessions on a wire in segments of any size, sent twice,
// overlapping and out of order, on every kind of link, and expects the events of a decoder
// that was given the octets themselves.
func TestAnyWireTellsTheSame(t *testing.T) {
	samples := sampleTurns(t)
	names := make([]string, 0, len(framings))
	for name := range framings {
		names = append(names, name)
	}
	sort.Strings(names)
	rapid.Check(t, func(rt *rapid.T) {
		turns := rapid.SampledFrom(samples).Draw(rt, "session")
		link := rapid.SampledFrom(names).Draw(rt, "link")
		six := rapid.Bool().Draw(rt, "IPv6")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		window := rapid.IntRange(0, 12).Draw(rt, "window")

		client, server := "192.0.2.7:40000", "198.51.100.9:2143"
		if six && link != "IPv4" || link == "IPv6" {
			client, server = "[2001:db8::7]:40000", "[2001:db8::9]:2143"
		}
		x := newTalk(client, server).open()
		for _, turn := range turns {
			for p := turn.p; len(p) > 0; {
				n := min(len(p), 1+rng.IntN(1+rng.IntN(1400)))
				x.add(turn.dir, "A", string(p[:n]))
				p = p[n:]
				if rng.IntN(6) == 0 {
					x.add(turn.dir.Other(), "A", "")
				}
			}
		}
		segs := disturb(x.close().segs, rng, window)
		protocol := "imap"
		if turns[0].p[0] == '+' {
			protocol = "pop3"
		}
		var file []byte
		records := onLink(t, framings[link], segs)
		switch rng.IntN(3) {
		case 0:
			file = pcapOf(t, records)
		case 1:
			file = pcapBy(bigEndian, time.Nanosecond, records)
		case 2:
			file = pcapngBy(bigEndian, records)
		}
		got, left, err := story(t, file)
		if err != nil || left.String() != "" {
			rt.Fatalf("%v, %v", err, left)
		}
		if d := cmp.Diff(direct(turns, client, server, protocol), got); d != "" {
			rt.Fatal(d)
		}
	})
}

// disturb sends segments again, some with what was around them, and mixes their order
// within a window.
func disturb(segs []seg, rng *rand.Rand, window int) []seg {
	out := slices.Clone(segs)
	for range len(segs) / 3 {
		i := rng.IntN(len(segs))
		again := segs[i]
		if rng.IntN(2) == 0 {
			again = resent(segs, i, rng)
		}
		out = slices.Insert(out, min(len(out), i+1+rng.IntN(20)), again)
	}
	type placed struct {
		seg
		at float64
	}
	order := make([]placed, len(out))
	for i, s := range out {
		order[i] = placed{s, float64(i) + rng.Float64()*float64(window)}
	}
	sort.SliceStable(order, func(i, j int) bool { return order[i].at < order[j].at })
	for i := range order {
		out[i] = order[i].seg
		out[i].at = start.Add(time.Duration(i) * time.Microsecond)
	}
	return out
}

// resent is a segment sent again together with the beginning of what follows it in its
// direction, as a sender does that has both waiting.
func resent(segs []seg, i int, rng *rand.Rand) seg {
	s := segs[i]
	for _, next := range segs[i+1:] {
		if next.from == s.from && next.seq == s.seq+uint32(len(s.p)) && len(next.p) > 0 && s.flags == "A" && next.flags == "A" {
			if next.ack != s.ack {
				break // it was not sent before that was heard
			}
			s.p = append(bytes.Clone(s.p), next.p[:1+rng.IntN(len(next.p))]...)
			break
		}
	}
	return s
}
