package captures

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mailtrace/mailtrace/decode"
	"pgregory.net/rapid"
)

func TestSessionIsReadAsWritten(t *testing.T) {
	file := record(t, options4test(), session)
	if d := cmp.Diff(sessionTold, tell(readAll(t, file))); d != "" {
		t.Error(d)
	}
}

// TestCutAnywhere: all whole blocks are given, whatever octet the file ends with.
func TestCutAnywhere(t *testing.T) {
	file := record(t, options4test(), session)
	whole := map[int64]int{} // items before a block boundary
	items := readAll(t, file)
	ends := blockEnds(t, file)
	for _, end := range ends {
		for _, it := range items {
			if it.Offset < end {
				whole[end]++
			}
		}
	}
	for n := 1; n < len(file); n++ {
		got, err := read(file[:n])
		boundary := int64(0)
		for _, end := range ends {
			if end <= int64(n) {
				boundary = end
			}
		}
		var cut *Truncated
		switch {
		case n < 4:
			if !errors.As(err, new(*Truncated)) {
				t.Fatalf("cut at %d: got %v", n, err)
			}
		case boundary == int64(n):
			if err != nil {
				t.Fatalf("cut at %d, between blocks: %v", n, err)
			}
		case !errors.As(err, &cut) || !errors.Is(err, io.ErrUnexpectedEOF) || cut.Offset != boundary:
			t.Fatalf("cut at %d, block at %d: got %v", n, boundary, err)
		}
		if len(got) != whole[boundary] {
			t.Fatalf("cut at %d: got %d items, expected %d", n, len(got), whole[boundary])
		}
	}
}

func blockEnds(t *testing.T, file []byte) (ends []int64) {
	t.Helper()
	for at := 0; at < len(file); {
		at += int(le.Uint32(file[at+4:]))
		ends = append(ends, int64(at))
	}
	return ends
}

// TestRandomSessions writes random octets and marks of several connections, in batches,
// and expects the same back.
func TestRandomSessions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ops := rapid.SliceOfN(rapid.Custom(operation), 1, 60).Draw(t, "operations")
		var b bytes.Buffer
		r := NewRecorder(&b, options4test())
		model := playModel(r, ops)
		if err := r.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		items, err := read(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tell(joined(model)), tell(joined(items))); d != "" {
			t.Fatal(d)
		}
		checkTCP(t, b.Bytes())
	})
}

type op struct {
	conn   int
	origin decode.Origin
	octets decode.Octets
	mark   decode.Mark
	commit bool
}

func operation(t *rapid.T) op {
	o := op{
		conn:   rapid.IntRange(1, 3).Draw(t, "conn"),
		origin: decode.Origin(rapid.IntRange(0, 1).Draw(t, "origin")),
		commit: rapid.Bool().Draw(t, "commit"),
	}
	at := after(rapid.IntRange(-5, 5).Draw(t, "at"))
	dir := decode.Dir(rapid.IntRange(1, 2).Draw(t, "dir"))
	if rapid.IntRange(0, 4).Draw(t, "what") > 0 {
		n := rapid.OneOf(rapid.IntRange(0, 40), rapid.IntRange(0, 70_000)).Draw(t, "octets")
		o.octets = decode.Octets{
			Dir: dir, Time: at, End: rapid.Bool().Draw(t, "end"), Fill: rapid.Bool().Draw(t, "fill"),
			P: bytes.Repeat([]byte{byte('a' + n%26), byte(n)}, (n+1)/2)[:n],
		}
		return o
	}
	kinds := []decode.Kind{
		decode.Open, decode.TLS, decode.Opaque, decode.Edit, decode.Desync, decode.Undelivered, decode.FindingOnly, decode.Close,
	}
	o.mark = decode.Mark{Time: at, Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Dir: decode.Dir(rapid.IntRange(0, 2).Draw(t, "mark dir"))}
	keys := []string{"leg", "protocol", "error", "conn", "dir", "layer", "previous", "origin", "before", "after"}
	values := rapid.OneOf(
		rapid.SampledFrom([]string{"", "lines", "server", "client", "both", "C", "mailtrace: gap"}), rapid.String(),
		rapid.Map(rapid.IntRange(0, 40_000), func(n int) string { return strings.Repeat("\x01", n) }),
	)
	for range rapid.IntRange(0, 4).Draw(t, "fields") {
		o.mark.Fields = append(o.mark.Fields, decode.Field{Key: rapid.SampledFrom(keys).Draw(t, "key"), Value: values.Draw(t, "value")})
	}
	return o
}

// playModel gives the operations to a Recorder and tells what a Reader shall give.
func playModel(r *Recorder, ops []op) []Item {
	var model []Item
	tapes, staged, ended := map[trace]Tape{}, map[trace][]Item{}, map[trace]bool{}
	for _, o := range ops {
		at := trace{o.conn, o.origin}
		if tapes[at] == nil {
			tapes[at] = r.Open(o.conn, o.origin)
		}
		it := Item{Conn: o.conn, Origin: o.origin}
		if o.octets.Dir != decode.NoDir {
			tapes[at].Octets(o.octets)
			it.Kind, it.Dir, it.Time, it.P, it.Fill = ItemOctets, o.octets.Dir, o.octets.Time, o.octets.P, o.octets.Fill
		} else {
			tapes[at].Mark(o.mark)
			it.Kind, it.Dir, it.Time, it.Mark = ItemMark, o.mark.Dir, o.mark.Time, o.mark
		}
		if !ended[at] && (it.Kind == ItemMark || len(it.P) > 0) {
			staged[at] = append(staged[at], it)
		}
		ended[at] = ended[at] || (it.Kind == ItemMark && it.Mark.Kind == decode.Close && it.Dir == decode.NoDir)
		if o.commit {
			tapes[at].Commit()
			model = append(model, staged[at]...)
			staged[at] = nil
		}
	}
	return model
}

// joined joins octets of the same connection, direction and time that stand together,
// however they were cut. Filler is told of segments, so of pieces it is not compared.
func joined(items []Item) []Item {
	var out []Item
	for _, it := range items {
		it.Fill = false
		if n := len(out) - 1; n >= 0 && it.Kind == ItemOctets && out[n].Kind == ItemOctets && it.Conn == out[n].Conn &&
			it.Origin == out[n].Origin && it.Dir == out[n].Dir && it.Time.Equal(out[n].Time) {
			out[n].P = append(bytes.Clone(out[n].P), it.P...)
			continue
		}
		out = append(out, it)
	}
	return out
}

// Octets behind the ends of both directions are found again.
func TestBehindBothEnds(t *testing.T) {
	file := record(t, options4test(), func(r *Recorder) {
		tape := r.Open(1, decode.FromPeer)
		tape.Octets(octets(decode.Client, 0, "a"))
		tape.Mark(decode.Mark{Time: after(1), Kind: decode.Close, Dir: decode.Client})
		tape.Mark(decode.Mark{Time: after(1), Kind: decode.Close, Dir: decode.Server})
		tape.Octets(octets(decode.Client, 2, "b"))
		tape.Commit()
	})
	var got string
	for _, it := range readAll(t, file) {
		got += string(it.P)
	}
	if got != "ab" {
		t.Errorf("%q", got)
	}
	checkTCP(t, file)
}

func TestSegmentsEndWhereTold(t *testing.T) {
	file := record(t, options4test(), func(r *Recorder) {
		tape := r.Open(1, decode.FromPeer)
		tape.Octets(octets(decode.Client, 0, "a"))
		tape.Octets(decode.Octets{Dir: decode.Client, Time: after(0), P: []byte("b"), End: true})
		tape.Octets(octets(decode.Client, 0, "c"))
		tape.Octets(octets(decode.Client, 1, "d"))
		tape.Octets(octets(decode.Server, 1, "e"))
		tape.Octets(octets(decode.Server, 1, strings.Repeat("f", segmentSize)))
		tape.Commit()
	})
	var sizes []int
	for _, it := range readAll(t, file) {
		sizes = append(sizes, len(it.P))
	}
	if d := cmp.Diff([]int{2, 1, 1, segmentSize, 1}, sizes); d != "" {
		t.Error(d)
	}
}

func TestBodiesLeftOut(t *testing.T) {
	o := options4test()
	o.Bodies = false
	var got strings.Builder
	in := []byte("Subject: a.b\r\n..dot\r\n.bad\r\nlast\r\n")
	file := record(t, o, func(r *Recorder) {
		tape := r.Open(1, decode.FromPeer)
		tape.Octets(octets(decode.Server, 0, "+OK\r\n"))
		for i := range in { // however it is cut
			tape.Octets(decode.Octets{Dir: decode.Server, Time: after(i), P: in[i : i+1], Body: true})
		}
		tape.Octets(octets(decode.Server, 0, ".\r\n"))
		tape.Commit()
	})
	for _, it := range readAll(t, file) {
		got.Write(it.P)
	}
	if want := "+OK\r\nxxxxxxxxxxxx\r\n..xxx\r\n.xxx\r\nxxxx\r\n.\r\n"; got.String() != want {
		t.Errorf("got %q, expected %q", got.String(), want)
	}
	if string(in) != "Subject: a.b\r\n..dot\r\n.bad\r\nlast\r\n" {
		t.Errorf("the caller's octets were changed: %q", in)
	}
}

func TestTimesOutsideTheEpoch(t *testing.T) {
	file := record(t, options4test(), func(r *Recorder) {
		tape := r.Open(1, decode.FromPeer)
		tape.Octets(decode.Octets{Dir: decode.Client, P: []byte("zero")})
		tape.Octets(decode.Octets{Dir: decode.Client, Time: time.Unix(1, 999), P: []byte("early")})
		tape.Commit()
	})
	items := readAll(t, file)
	if !items[0].Time.IsZero() || !items[1].Time.Equal(time.Unix(1, 0)) {
		t.Errorf("got %v and %v", items[0].Time, items[1].Time)
	}
}
