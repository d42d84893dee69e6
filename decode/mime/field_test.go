package mime

import (
	"math/rand/v2"
	"testing"
)

func TestNameOctets(t *testing.T) {
	for range 300_000 {
		p := make([]byte, rand.IntN(40))
		for i := range p {
			if p[i] = byte('!' + rand.IntN(256-'!')); rand.IntN(30) == 0 {
				p[i] = ": \t\x00\x1f!9;\x80"[rand.IntN(9)]
			}
		}
		want := 0
		for want < len(p) && p[want] > ' ' && p[want] != ':' {
			want++
		}
		if got := nameOctets(p); got != want {
			t.Fatalf("%q: %d, want %d", p, got, want)
		}
	}
}

func TestSameName(t *testing.T) {
	for _, name := range single {
		for i := range name {
			for c := range 256 {
				p := []byte(name)
				if p[i] = byte(c); p[i] <= ' ' || p[i] == ':' {
					continue // no name has it
				}
				if got, want := sameName(p, name), equalFold(p, name); got != want {
					t.Fatalf("%q is %s: %v", p, name, got)
				}
			}
		}
	}
}
