package endtoend

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailtrace/mailtrace/captures"
	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
	"github.com/mailtrace/mailtrace/internal/print"
)

// prefix holds the events of a capture that was cut off against those of the whole: they
// are the same ones up to at least the least-th, and then only connections end.
func prefix(t tester, whole, cut []byte, least int) {
	t.Helper()
	a, b := bytes.SplitAfter(whole, []byte("\n")), bytes.SplitAfter(cut, []byte("\n"))
	n := 0
	for n < len(a)-1 && n < len(b)-1 && bytes.Equal(a[n], b[n]) {
		n++
	}
	if n < least {
		t.Errorf("event %d of %d differs, at least %d are due\nwhole: %s\ncut:   %s", n+1, len(a)-1, least, a[n], b[n])
		return
	}
	if n < len(b)-1 && !bytes.Contains(cut, []byte("capture ends here")) {
		t.Errorf("event %d differs, and no connection was cut off\nwhole: %s\ncut:   %s", n+1, a[n], b[n])
	}
	for _, line := range b[n : len(b)-1] {
		ends := false
		for _, kind := range []string{"close", "malformed", "desync", "literal", "mime", "multiline", "command", "continuation", "untagged", "greeting", "completion", "finding", "state"} {
			ends = ends || bytes.Contains(line, []byte(`"kind":"`+kind+`"`))
		}
		if !ends {
			t.Errorf("behind the end of the capture: %s", line)
		}
	}
}

// blocks are the offsets in a pcapng file at which its blocks begin, and its end.
func blocks(capture []byte) []int {
	all := []int{0}
	for at := 0; at+12 <= len(capture); {
		at += int(binary.LittleEndian.Uint32(capture[at+4:]))
		all = append(all, at)
	}
	return all
}

// blockwise reads one block at a time, and knows which one was asked for last.
type blockwise struct {
	capture []byte
	starts  []int
	at      int
	asked   func(offset int)
}

func (b *blockwise) Read(p []byte) (int, error) {
	if b.at == len(b.capture) {
		return 0, io.EOF
	}
	end := len(b.capture)
	for _, s := range b.starts {
		if s > b.at {
			end = s
			break
		}
	}
	b.asked(b.at)
	n := copy(p, b.capture[b.at:end])
	b.at += n
	return n, nil
}

// told gives how many events the blocks before each block had told.
func told(t tester, capture []byte, starts []int) map[int]int {
	t.Helper()
	before := map[int]int{}
	n := 0
	r, err := captures.NewReader(&blockwise{capture: capture, starts: starts, asked: func(offset int) { before[offset] = n }})
	if err != nil {
		t.Fatalf("%v", err)
	}
	if err := captures.Decode(r, captures.DecodeOptions{Protocols: registry.All}, func(list []decode.Event) { n += len(list) }); err != nil {
		t.Fatalf("%v", err)
	}
	before[len(capture)] = n
	return before
}

// A capture that ends anywhere reads up to its last whole block.
func TestCaptureCutOff(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := startLines(t, outputs{}, nil)
		l.playAll(t, 3, true)
		l.equal(t)
		capture, whole := l.capture.bytes(), l.json.bytes()
		starts := blocks(capture)
		if starts[len(starts)-1] != len(capture) {
			t.Fatalf("the capture's blocks end at %d of %d", starts[len(starts)-1], len(capture))
		}
		before := told(t, capture, starts)
		for range 20 {
			at := rapid.IntRange(0, len(capture)).Draw(t, "cut off at")
			last := 0 // where the block begins that was cut off
			for _, s := range starts {
				if s <= at {
					last = s
				}
			}
			var printed bytes.Buffer
			p := print.JSON(&printed, printOptions())
			r, err := captures.NewReader(bytes.NewReader(capture[:at]))
			if err == nil {
				err = captures.Decode(r, captures.DecodeOptions{Protocols: registry.All}, p.Events)
			}
			var cut *captures.Truncated
			var none *captures.NotCapture
			switch {
			case at < starts[1]:
				if !errors.As(err, &cut) && !errors.As(err, &none) {
					t.Fatalf("cut off at %d, within the header: %v", at, err)
				}
				continue
			case at == last && err != nil:
				t.Fatalf("cut off between blocks, at %d: %v", at, err)
			case at != last && (!errors.As(err, &cut) || cut.Offset != int64(last)):
				t.Fatalf("cut off at %d, in the block at %d: %v", at, last, err)
			}
			prefix(t, whole, printed.Bytes(), before[last])
		}
	})
}
