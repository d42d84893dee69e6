package captures

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/mailtrace/mailtrace/decode"
)

var packed = map[string]Compression{"gzip": Gzip, "zstd": Zstd}

// pack compresses text as one frame or member.
func pack(c Compression, text string) string {
	return string(newPacker(c).pack([][]byte{[]byte(text)}))
}

// pieces is a writer that keeps what it is given apart.
type pieces [][]byte

func (p *pieces) Write(b []byte) (int, error) {
	*p = append(*p, bytes.Clone(b))
	return len(b), nil
}

func (p pieces) joined() []byte { return bytes.Join(p, nil) }

func TestCompressionOf(t *testing.T) {
	for name, want := range map[string]Compression{
		"a.pcapng": Plain, "a.pcapng.zst": Zstd, "A.PCAPNG.ZST": Zstd, "a.pcapng.gz": Gzip, "gz": Plain, "zst.pcapng": Plain, "": Plain,
	} {
		if got := CompressionOf(name); got != want {
			t.Errorf("%s: %d, expected %d", name, got, want)
		}
	}
}

// TestPackedCaptures: a capture is written packed and reads the same, whatever its name,
// with other programs' decompressors too; and so does anyone's pcap that somebody packed.
func TestPackedCaptures(t *testing.T) {
	for name, c := range packed {
		o := options4test()
		o.Compression = c
		file := record(t, o, session)
		path := filepath.Join(t.TempDir(), "capture.pcapng")
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		var items []Item
		for {
			it, err := r.Next()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					t.Errorf("%s: %v", name, err)
				}
				break
			}
			it.P = bytes.Clone(it.P)
			items = append(items, it)
		}
		if d := cmp.Diff(sessionTold, tell(items)); d != "" || r.Foreign() {
			t.Errorf("%s: %s", name, d)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		want, _, err := story(t, foreign(t, pop(aClient, aPOP)))
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := story(t, []byte(pack(c, string(foreign(t, pop(aClient, aPOP))))))
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%s: %v %s", name, err, d)
		}
	}
}

// flushes records n batches, each of which is flushed for itself, and gives what was
// written each time.
func flushes(t *testing.T, c Compression, n int) (out pieces) {
	synctest.Test(t, func(t *testing.T) {
		o := options4test()
		o.Compression = c
		r := NewRecorder(&out, o)
		synctest.Wait() // for the header
		tape := r.Open(1, decode.FromPeer)
		for i := range n {
			tape.Octets(octets(decode.Client, i, strings.Repeat("A line of mail.\r\n", 1+i%3)))
			tape.Commit()
			time.Sleep(2 * flushAfter)
			synctest.Wait()
		}
		if err := r.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	})
	return out
}

// TestEachFlushIsWhole: what is written at once is a frame or member of its own, so that a
// process that is killed leaves all that was flushed.
func TestEachFlushIsWhole(t *testing.T) {
	for name, c := range packed {
		out := flushes(t, c, 5)
		plain := flushes(t, Plain, 5)
		if len(out) != len(plain) || len(out) < 5 {
			t.Fatalf("%s: written %d times, plain %d times", name, len(out), len(plain))
		}
		for i := range out {
			r, err := newReaderOf(c, out[i])
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(got, plain[i]) {
				t.Errorf("%s: %d: %d octets, %v, expected %d", name, i, len(got), err, len(plain[i]))
			}
		}
	}
}

func newReaderOf(c Compression, p []byte) (io.Reader, error) {
	if c == Gzip {
		return gzip.NewReader(bytes.NewReader(p))
	}
	d, err := zstd.NewReader(bytes.NewReader(p), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

// TestPackedCutOff: a packed capture that ends anywhere gives at least what its last
// whole frame or member has.
func TestPackedCutOff(t *testing.T) {
	for name, c := range packed {
		out := flushes(t, c, 4)
		file := out.joined()
		all := tell(readAll(t, file))
		whole := map[int]int{} // octets to items
		n := 0
		for i := range out {
			n += len(out[i])
			items, err := read(file[:n])
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			whole[n] = len(items)
		}
		least := 0
		for n := len(out[0]); n <= len(file); n++ {
			if items, ok := whole[n]; ok {
				least = items
			}
			items, err := read(file[:n])
			if _, ok := whole[n]; !ok && err != nil && !errors.As(err, new(*Truncated)) {
				t.Fatalf("%s, %d octets: %v", name, n, err)
			} else if ok && err != nil {
				t.Fatalf("%s, %d octets: %v", name, n, err)
			} else if _, soon := wholeBefore(whole, n, 4); !ok && !soon && err == nil {
				t.Fatalf("%s, %d octets: not said to be cut off", name, n)
			}
			if len(items) < least || !slices.Equal(all[:len(items)], tell(items)) {
				t.Fatalf("%s, %d octets: %d items, expected %d at least", name, n, len(items), least)
			}
		}
		items, err := read(append(bytes.Clone(file), make([]byte, 4096)...))
		if !errors.As(err, new(*Truncated)) || len(items) != len(all) {
			t.Errorf("%s: zeros at the end: %d items, %v", name, len(items), err)
		}
	}
}

// wholeBefore finds a whole file less than d octets before n: of a frame of which there
// are fewer than the four octets that tell it, nobody can say that it begins.
func wholeBefore(whole map[int]int, n, d int) (items int, ok bool) {
	for i := range d {
		if items, ok = whole[n-i]; ok {
			return items, true
		}
	}
	return 0, false
}

// TestPackedDamaged: a wrong checksum is told, not taken for the end.
func TestPackedDamaged(t *testing.T) {
	for name, c := range packed {
		file := flushes(t, c, 3).joined()
		sum := 4 // gzip has a length behind it
		if c == Gzip {
			sum = 8
		}
		file[len(file)-sum] ^= 0x55
		if _, err := read(file); err == nil || errors.As(err, new(*Truncated)) || !strings.Contains(err.Error(), "unpacking "+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBomb: a small file that unpacks to very much costs no more than a small one.
func TestBomb(t *testing.T) {
	head := appendSection(nil, "mailtrace test")
	block := ngBlock(littleEndian, 0x0bad, make([]byte, 1<<20))
	for name, c := range packed {
		p := newPacker(c)
		chunks := [][]byte{head}
		for range 64 {
			chunks = append(chunks, block)
		}
		bomb := bytes.Clone(p.pack(chunks))
		if len(bomb) > 1<<20 {
			t.Fatalf("%s: %d octets are no bomb", name, len(bomb))
		}
		r, err := NewReader(bytes.NewReader(bomb))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
		if len(r.blocks.buf) > 8<<20 {
			t.Errorf("%s: a buffer of %d octets", name, len(r.blocks.buf))
		}
		r.Close()
	}
	// A frame that wants more to look back on than is allowed.
	wide := "\x28\xb5\x2f\xfd\x00" + "\xf8" + "\x01\x00\x00"
	if _, err := read([]byte(wide)); err == nil || !strings.Contains(err.Error(), "zstd") {
		t.Errorf("got %v", err)
	}
}
