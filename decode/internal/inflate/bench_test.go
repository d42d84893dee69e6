package inflate

import (
	"bytes"
	"compress/flate"
	"io"
	"strings"
	"testing"

	kflate "github.com/klauspost/compress/flate"
)

// BenchmarkInflate compares with the libraries that pull their input, in one run.
func BenchmarkInflate(b *testing.B) {
	var text bytes.Buffer
	for i := range 4000 {
		text.WriteString("* 17 FETCH (UID 1017 FLAGS (\\Seen) ENVELOPE (\"Thu, 1 Jan 2026\" \"Subject ")
		text.WriteString(strings.Repeat(string(rune('a'+i%26)), i%40))
		text.WriteString("\" NIL NIL NIL NIL NIL NIL NIL NIL))\r\n")
	}
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, 6)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := w.Write(text.Bytes()); err != nil {
		b.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	size := int64(text.Len())
	b.Run("this", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			n := 0
			if err := New().Push(packed.Bytes(), func(p []byte) bool { n += len(p); return true }); err != nil || n != text.Len() {
				b.Fatal(n, err)
			}
		}
	})
	for name, open := range map[string]func(io.Reader) io.ReadCloser{"compress/flate": flate.NewReader, "klauspost": kflate.NewReader} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				if n, _ := io.Copy(io.Discard, io.LimitReader(open(bytes.NewReader(packed.Bytes())), size)); n != size {
					b.Fatal(n)
				}
			}
		})
	}
}
