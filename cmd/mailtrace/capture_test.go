package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"

	"github.com/mailtrace/mailtrace/captures"
)

// What a pipe holds is read whole, although its beginning is read twice, packed or not, however it is cut.
func TestPipedCapture(t *testing.T) {
	const samples = "../../captures/samples"
	file := filepath.Join(samples, "mpop-pop3s.pcapng")
	plain, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := items(t, mustOpen(t, file).Reader)
	for name, octets := range map[string][]byte{"plain": plain, "zstd": enc.EncodeAll(plain, nil)} {
		for cut, in := range map[string]io.Reader{"whole": bytes.NewReader(octets), "octet by octet": iotest.OneByteReader(bytes.NewReader(octets))} {
			c, err := pipedCapture(in)
			if err != nil {
				t.Fatalf("%s, %s: %v", name, cut, err)
			}
			if got := items(t, c.Reader); got != want {
				t.Errorf("%s, %s: got\n%s\nwant\n%s", name, cut, got, want)
			}
		}
	}
	if _, err := pipedCapture(bytes.NewReader(nil)); !errors.As(err, new(*captures.NotCapture)) {
		t.Errorf("of nothing: %v", err)
	}
}

func mustOpen(t *testing.T, path string) *capture {
	t.Helper()
	c, err := openCapture(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { discard(c) })
	return c
}

// items gives what a capture holds as text.
func items(t *testing.T, r *captures.Reader) string {
	t.Helper()
	var b strings.Builder
	for {
		item, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return b.String()
		case err != nil:
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%d %v %v %q %v\n", item.Conn, item.Kind, item.Time, item.P, item.Mark)
	}
}
