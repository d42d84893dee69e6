package decodetest

import (
	"bytes"
	"testing"

	"github.com/mailtrace/mailtrace/decode"
)

// turn separates the runs of the two directions in a fuzz input.
const turn = 0xfe

// Fuzz checks the properties of a session on octets that follow a prologue, which brings
// the session into the state to be tested. The input's first octet chooses the cuts; then
// come runs, the client's first, with the octet 0xFE between.
func Fuzz(f *testing.F, newSession func(decode.Options) decode.Session, prologue []Chunk, seeds ...string) {
	for _, s := range seeds {
		f.Add(append([]byte{7}, s...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 || len(data) > 4<<10 {
			return
		}
		state := uint32(data[0]) + 1
		draw := func(limit int) int {
			state = state*1664525 + 1013904223
			return int(state>>16) % (limit + 1)
		}
		chunks := append([]Chunk(nil), prologue...)
		d := decode.Client
		for _, run := range bytes.Split(data[1:], []byte{turn}) {
			if n := len(chunks); n > 0 && chunks[n-1].Dir == d {
				chunks[n-1].Octets = append(bytes.Clone(chunks[n-1].Octets), run...)
			} else if len(run) > 0 {
				chunks = append(chunks, Chunk{d, bytes.Clone(run)})
			}
			d = d.Other()
		}
		Properties(t, newSession, chunks, draw)
	})
}
