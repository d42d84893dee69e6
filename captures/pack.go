package captures

import (
	"bytes"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Compression says how a capture is compressed while it is written.
type Compression uint8

const (
	Plain Compression = iota
	Gzip              // members of RFC 1952
	Zstd              // frames of RFC 8878
)

// CompressionOf tells from a file's name how a capture of that name is compressed: its
// ending is .gz, .zst or another one.
func CompressionOf(name string) Compression {
	switch name = strings.ToLower(name); {
	case strings.HasSuffix(name, ".gz"):
		return Gzip
	case strings.HasSuffix(name, ".zst"):
		return Zstd
	}
	return Plain
}

// packer compresses pieces of a capture, each one for itself: a file that ends behind any
// of them is whole up to there.
type packer struct {
	out bytes.Buffer
	w   interface {
		io.WriteCloser
		Reset(io.Writer)
	}
}

func newPacker(c Compression) *packer {
	p := &packer{}
	switch c {
	case Gzip:
		p.w = gzip.NewWriter(&p.out)
	case Zstd:
		// These options are valid, which is all that it could complain of. Nothing looks back
		// farther than one piece.
		w, err := zstd.NewWriter(&p.out, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(2*flushSize))
		if err != nil {
			panic(err)
		}
		p.w = w
	default:
		return nil
	}
	return p
}

// pack gives a frame or member that holds the chunks. It is valid until the next call.
// Writing to memory does not fail.
func (p *packer) pack(chunks [][]byte) []byte {
	p.out.Reset()
	p.w.Reset(&p.out)
	for _, b := range chunks {
		_, _ = p.w.Write(b)
	}
	_ = p.w.Close()
	return p.out.Bytes()
}
