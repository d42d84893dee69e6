package inflate

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
)

// Streams of every kind, and what becomes of them when octets are changed, come out as the library
// has them: the same octets, and an error where it has one. Where the input ends early, what is
// given may go on for longer, never be less.
func TestRandomStreams(t *testing.T) {
	broken, whole := 0, 0
	for i := range 4_000 {
		r := rand.New(rand.NewPCG(1, uint64(i)))
		text := make([]byte, r.IntN(600))
		for j := range text {
			text[j] = "aaaabc\r\n*"[r.IntN(9)]
			if r.IntN(40) == 0 {
				text[j] = byte(r.Uint32())
			}
		}
		var b bytes.Buffer
		w, err := flate.NewWriter(&b, []int{flate.HuffmanOnly, 0, 1, 6, 9}[r.IntN(5)])
		if err != nil {
			t.Fatal(err)
		}
		cut := r.IntN(len(text) + 1)
		w.Write(text[:cut]) // into memory: none of these fails
		w.Flush()
		w.Write(text[cut:])
		w.Close()
		p := b.Bytes()
		for range r.IntN(3) {
			p[r.IntN(len(p))] ^= 1 << r.IntN(8)
		}
		if r.IntN(4) == 0 {
			p = p[:r.IntN(len(p)+1)]
		}
		src := bytes.NewReader(p)
		want, failure := io.ReadAll(flate.NewReader(src))
		used := len(p) - src.Len() // what follows the end is wrong to us, and not looked at by the library
		if failure == nil {
			p = p[:used]
		}
		var got []byte
		z := New()
		err = nil
		for rest := p; len(rest) > 0 && err == nil; {
			n := 1 + r.IntN(len(rest))
			err = z.Push(rest[:n], func(q []byte) bool { got = append(got, q...); return true })
			rest = rest[n:]
		}
		switch {
		case failure == nil:
			whole++
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d: %x: got %q, %v; want %q", i, p, got, err, want)
			}
		case errors.Is(failure, io.ErrUnexpectedEOF):
			// A code that is wrong may be known to be so before it has all its bits.
			if !bytes.HasPrefix(got, want) && err == nil {
				t.Fatalf("%d: %x: got %q, %v; the library %q", i, p, got, err, want)
			}
		default:
			broken++
			if n := min(len(got), len(want)); err == nil || !bytes.Equal(got[:n], want[:n]) {
				t.Fatalf("%d: %x: got %q, %v; the library %q, %v", i, p, got, err, want, failure)
			}
		}
	}
	if broken < 200 || whole < 800 {
		t.Errorf("only %d broken and %d whole streams", broken, whole)
	}
}
