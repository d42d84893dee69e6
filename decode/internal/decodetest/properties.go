package decodetest

import (
	"bytes"

	"github.com/mailtrace/mailtrace/decode"
)

// TB is what a *testing.T and a *rapid.T share.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Drawer draws numbers: a rapid generator, or the octets of a fuzz input.
type Drawer func(limit int) int

// RandomCuts cuts at places that draw chooses.
func RandomCuts(draw Drawer) func([]byte) [][]byte {
	return func(p []byte) [][]byte {
		var out [][]byte
		for len(p) > 0 {
			n := 1 + draw(min(len(p), 40))
			n = min(n, len(p))
			out = append(out, p[:n])
			p = p[n:]
		}
		return out
	}
}

// Properties checks what holds for every session and all octets:
//
//   - events do not depend on cuts within a direction's run,
//   - the recorder gets as many octets as went by, each direction in order, and with
//     Secrets the very octets,
//   - decoding what the recorder got gives the same events.
func Properties(t TB, newSession func(decode.Options) decode.Session, chunks []Chunk, draw Drawer) {
	t.Helper()
	whole := Run(newSession, decode.Options{}, chunks, nil, true)
	for _, how := range []struct {
		name string
		cut  func([]byte) [][]byte
	}{{"octet by octet", Octets}, {"random cuts", RandomCuts(draw)}} {
		name := how.name
		got := Run(newSession, decode.Options{}, chunks, how.cut, true)
		Same(t, name, whole.Events, got.Events)
		for _, d := range [...]decode.Dir{decode.Client, decode.Server} {
			if w, g := Joined(whole.Tapped, d), Joined(got.Tapped, d); !bytes.Equal(w, g) {
				t.Fatalf("%s: %s: the recorder got %q, of whole writes %q", name, d, g, w)
			}
		}
	}
	clear := Run(newSession, decode.Options{Secrets: true}, chunks, RandomCuts(draw), true)
	opaque := false
	for _, e := range whole.Events {
		opaque = opaque || bytes.Contains([]byte(e), []byte(" opaque "))
	}
	for _, d := range [...]decode.Dir{decode.Client, decode.Server} {
		in, open, filled := Joined(chunks, d), Joined(clear.Tapped, d), Joined(whole.Tapped, d)
		if opaque {
			// Behind the event nothing is recorded.
			if !compressed(whole.Events) && !bytes.HasPrefix(in, open) {
				t.Fatalf("%s: the recorder got %q of %q", d, open, in)
			}
			continue
		}
		if !compressed(whole.Events) && !tlsRecords(whole.Nexts, in) && !bytes.Equal(in, open) {
			t.Fatalf("%s: with secrets the recorder got\n%q of\n%q", d, open, in)
		}
		if len(open) != len(filled) {
			t.Fatalf("%s: redacted %d octets, in clear %d", d, len(filled), len(open))
		}
	}
	if opaque {
		return
	}
	again := Run(newSession, decode.Options{Inflated: true}, whole.Tapped, nil, true)
	Same(t, "decoded again from what the recorder got", whole.Events, again.Events)
}

// tlsRecords tells whether octets stand in a run that the session leaves to a handshake.
func tlsRecords(nexts []decode.Next, p []byte) bool {
	return len(nexts) > 0 && bytes.IndexByte(p, 0x16) >= 0
}

func compressed(events []string) bool {
	for _, e := range events {
		if bytes.Contains([]byte(e), []byte(" layer ")) {
			return true
		}
	}
	return false
}
