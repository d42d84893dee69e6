package captures

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// largestWindow is the farthest that a zstd file may look back, and with it the memory
// that reading it takes: what zstd itself allows unless it is told otherwise.
const largestWindow = 128 << 20

// packings are compressed formats, by their first octets.
var packings = []struct {
	magic, name string
	open        func(*tail) (*unpacked, error) // nil: it cannot be read
}{
	{"\x1f\x8b", "gzip", openGzip},
	{"\x28\xb5\x2f\xfd", "zstd", openZstd},
	{"\xfd7zXZ\x00", "xz", nil},
	{"BZh", "bzip2", nil},
	{"\x04\x22\x4d\x18", "lz4", nil},
	{"PK\x03\x04", "zip", nil},
}

// tail reads the packed file and knows how it ends.
type tail struct {
	r     io.Reader
	zeros int // how many of the octets read last are zero
	ended bool
}

func (t *tail) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if rest := bytes.TrimRight(p[:n], "\x00"); len(rest) > 0 {
		t.zeros = n - len(rest)
	} else {
		t.zeros += n
	}
	t.ended = t.ended || errors.Is(err, io.EOF)
	return n, err
}

// unpacked reads what a packed file holds, piece by piece: however much it is, it costs no
// more memory.
type unpacked struct {
	raw   *tail
	r     io.Reader
	close func()
	name  string
}

func openGzip(t *tail) (*unpacked, error) {
	z, err := gzip.NewReader(bufio.NewReaderSize(t, readSize))
	if err != nil {
		return nil, t.explain("gzip", err)
	}
	return &unpacked{raw: t, r: z, close: func() {}, name: "gzip"}, nil
}

func openZstd(t *tail) (*unpacked, error) {
	z, err := zstd.NewReader(bufio.NewReaderSize(t, readSize),
		zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(largestWindow))
	if err != nil {
		return nil, t.explain("zstd", err)
	}
	return &unpacked{raw: t, r: z, close: z.Close, name: "zstd"}, nil
}

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = u.raw.explain(u.name, err)
	}
	return n, err
}

// explain gives io.ErrUnexpectedEOF for a file that was cut off in the middle of a frame
// or member, or whose end was never written: some file systems that lost power leave
// zeros there.
func (t *tail) explain(name string, err error) error {
	if t.ended && (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)) || t.zeros >= 4 {
		return io.ErrUnexpectedEOF
	}
	return fmt.Errorf("unpacking %s data: %w", name, err)
}
