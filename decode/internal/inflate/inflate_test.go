package inflate

import (
	"bytes"
	"compress/flate"
	"testing"

	"pgregory.net/rapid"
)

// deflate writes each part and flushes behind it, as a peer does after each line.
func deflate(t interface{ Fatal(...any) }, parts [][]byte) [][]byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, 6)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for _, p := range parts {
		if _, err := w.Write(p); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		out = append(out, bytes.Clone(b.Bytes()))
		b.Reset()
	}
	return out
}

func TestEachFlushIsGivenAtOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 1, 300), 1, 20).Draw(t, "parts")
		z := New()
		for i, d := range deflate(t, parts) {
			var got []byte
			cut := rapid.IntRange(0, len(d)).Draw(t, "cut")
			for _, piece := range [][]byte{d[:cut], d[cut:]} {
				if err := z.Push(piece, func(p []byte) bool { got = append(got, p...); return true }); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(got, parts[i]) {
				t.Fatalf("part %d: got %q, want %q", i, got, parts[i])
			}
		}
	})
}

// A partial flush is an empty block of fixed codes: ten bits 0 1 0 0 0 0 0 0 0 0. The
// octets were written by zlib with Z_PARTIAL_FLUSH.
func TestPartialFlush(t *testing.T) {
	z := New()
	var got []byte
	for _, p := range [][]byte{partialA, partialB} {
		if err := z.Push(p, func(p []byte) bool { got = append(got, p...); return true }); err != nil {
			t.Fatal(err)
		}
	}
	if want := "a1 NOOP\r\na2 NOOP\r\n"; string(got) != want {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func TestGarbageIsAnError(t *testing.T) {
	z := New()
	err := z.Push([]byte("* OK this is no deflate stream\r\n"), func([]byte) bool { return true })
	if err == nil {
		t.Fatal("expected an error")
	}
	if again := z.Push([]byte("x"), func([]byte) bool { return true }); again != err {
		t.Fatalf("the error does not stay: %v", again)
	}
}

// A final block ends the stream in order, however it is cut; only octets behind it do not.
func TestEndOfStream(t *testing.T) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, 6)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("* BYE\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for cut := range b.Len() + 1 {
		z := New()
		var got []byte
		for _, p := range [][]byte{b.Bytes()[:cut], b.Bytes()[cut:], nil} {
			if err := z.Push(p, func(p []byte) bool { got = append(got, p...); return true }); err != nil {
				t.Fatalf("cut at %d: %v", cut, err)
			}
		}
		if string(got) != "* BYE\r\n" {
			t.Fatalf("cut at %d: got %q", cut, got)
		}
		if err := z.Push([]byte("x"), func([]byte) bool { return true }); err == nil {
			t.Fatal("octets behind the end are no error")
		}
	}
}

func TestRestBehindAFlush(t *testing.T) {
	d := deflate(t, [][]byte{[]byte("a1 UNAUTHENTICATE\r\n")})[0]
	z := New()
	var got []byte
	if err := z.Push(append(d, "a2 NOOP\r\n"...), func(p []byte) bool { got = append(got, p...); return false }); err != nil {
		t.Fatal(err)
	}
	// The sender's flush stands between.
	if string(got) != "a1 UNAUTHENTICATE\r\n" || !bytes.HasSuffix(z.Rest(), []byte("a2 NOOP\r\n")) || len(z.Rest()) > 9+6 {
		t.Fatalf("got %q, rest %q", got, z.Rest())
	}
}

// A bomb is streamed: no piece is larger than the buffer.
func TestBombIsStreamed(t *testing.T) {
	d := deflate(t, [][]byte{make([]byte, 64<<20)})[0]
	z := New()
	total, largest := 0, 0
	if err := z.Push(d, func(p []byte) bool { total += len(p); largest = max(largest, len(p)); return true }); err != nil {
		t.Fatal(err)
	}
	if total != 64<<20 || largest > chunk {
		t.Fatalf("total %d, largest piece %d", total, largest)
	}
}

func FuzzPush(f *testing.F) {
	f.Add([]byte{}, 0)
	f.Add(partialA, 3)
	f.Fuzz(func(t *testing.T, p []byte, cut int) {
		run := func(pieces ...[]byte) (got []byte, err error) {
			z := New()
			for _, p := range pieces {
				if err = z.Push(p, func(p []byte) bool { got = append(got, p...); return len(got) < 1<<20 }); err != nil {
					return got, err
				}
			}
			return got, nil
		}
		cut = min(max(cut, 0), len(p))
		whole, err1 := run(p)
		pieces, err2 := run(p[:cut], p[cut:])
		if len(whole) < 1<<20 && (!bytes.Equal(whole, pieces) || (err1 == nil) != (err2 == nil)) {
			t.Fatalf("whole %d octets, %v; cut at %d: %d octets, %v", len(whole), err1, cut, len(pieces), err2)
		}
	})
}
