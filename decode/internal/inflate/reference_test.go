package inflate

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"testing"
)

// FuzzReference holds the inflater against the standard library's: the same octets, and
// the same streams that end in order, whatever the cuts.
func FuzzReference(f *testing.F) {
	text := []byte("a1 UID FETCH 1 (BODY.PEEK[])\r\na2 UID FETCH 2 (BODY.PEEK[])\r\n")
	for level := flate.HuffmanOnly; level <= 9; level++ {
		var b bytes.Buffer
		w, err := flate.NewWriter(&b, level)
		if err != nil {
			f.Fatal(err)
		}
		for i := range 40 {
			if _, err := w.Write(append(bytes.Repeat(text, i%7), byte(i), byte(i*7))); err != nil {
				f.Fatal(err)
			}
			if i%9 == 0 {
				if err := w.Flush(); err != nil {
					f.Fatal(err)
				}
			}
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes(), 1)
		f.Add(b.Bytes(), 17)
	}
	f.Fuzz(func(t *testing.T, p []byte, step int) {
		const most = 1 << 16
		in := bytes.NewReader(p)
		want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(in), most))
		whole, wholeErr := inflateAll(p, len(p))
		cut, cutErr := inflateAll(p, max(1, step))
		if !bytes.Equal(whole.got, cut.got) || whole.ended != cut.ended || (wholeErr == nil) != (cutErr == nil) {
			t.Fatalf("%d octets, %v at once; %d octets, %v cut", len(whole.got), wholeErr, len(cut.got), cutErr)
		}
		if wholeErr != nil && !whole.ended && wholeErr.Error() != cutErr.Error() {
			t.Fatalf("at once: %v; cut: %v", wholeErr, cutErr)
		}
		if len(want) == most {
			if !bytes.HasPrefix(whole.got, want) {
				t.Fatal("the first octets differ")
			}
			return
		}
		// The library may keep back what a stream that is cut short did say.
		if !bytes.HasPrefix(whole.got, want) || !errors.Is(wantErr, io.ErrUnexpectedEOF) && len(want) != len(whole.got) {
			t.Fatalf("got %d octets, want %d (%v)", len(whole.got), len(want), wantErr)
		}
		if whole.ended != (wantErr == nil) {
			t.Fatalf("got %v, want %v", wholeErr, wantErr)
		}
	})
}

// result is what a stream gave, and whether a final block ended it.
type result struct {
	got   []byte
	ended bool
}

// inflateAll pushes p in pieces of n octets.
func inflateAll(p []byte, n int) (r result, err error) {
	z := New()
	for len(p) > 0 && err == nil {
		piece := p[:min(n, len(p))]
		p = p[len(piece):]
		err = z.Push(piece, func(q []byte) bool { r.got = append(r.got, q...); return true })
	}
	r.ended = z.state == ended
	return r, err
}
