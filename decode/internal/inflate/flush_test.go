package inflate

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
)

// Commands as a client that pipelines writes them, each write ended by zlib's partial
// flush: each says all of its text before the next octet comes. Many are dynamic blocks.
func TestPartialFlushOfPipelinedCommands(t *testing.T) {
	b, err := os.ReadFile("testdata/partial-flush.json")
	if err != nil {
		t.Fatal(err)
	}
	var streams [][][2]string // writes: hexadecimal, text
	if err := json.Unmarshal(b, &streams); err != nil {
		t.Fatal(err)
	}
	if len(streams) == 0 {
		t.Fatal("no streams")
	}
	for i, writes := range streams {
		z := New()
		for j, x := range writes {
			p, err := hex.DecodeString(x[0])
			if err != nil {
				t.Fatal(err)
			}
			var got []byte
			for k := range p { // octet by octet
				if err := z.Push(p[k:k+1], func(q []byte) bool { got = append(got, q...); return true }); err != nil {
					t.Fatalf("stream %d, write %d: %v", i, j, err)
				}
			}
			if string(got) != x[1] {
				t.Fatalf("stream %d, write %d: got %q, want %q", i, j, got, x[1])
			}
		}
	}
}
