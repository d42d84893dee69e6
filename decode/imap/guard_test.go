package imap_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap"
	"github.com/mailtrace/mailtrace/decode/internal/decodetest"
)

// compressed is a dialogue under compression, as it is on the wire.
func compressedDialogue(t *testing.T) []turn {
	client, server := newDeflater(t), newDeflater(t)
	return []turn{
		s("* PREAUTH hi\r\n"),
		c("z1 COMPRESS DEFLATE\r\n"),
		s("z1 OK\r\n"),
		{decode.Client, client.flush("a1 FETCH 1 BODY[]\r\na2 SELECT INBOX\r\n")},
		{decode.Server, server.flush("* 1 FETCH (BODY[] {5}\r\nA: b\n)\r\na1 OK\r\n")},
		{decode.Client, client.flush("a3 UNAUTHENTICATE\r\n") + "a4 NOOP\r\n"},
		{decode.Server, server.flush("a2 OK\r\na3 OK\r\n") + "a4 OK\r\n"},
	}
}

// A session that breaks anywhere under compression leaves no coroutine behind, and the
// octets go on.
func TestABrokenSessionTakesAll(t *testing.T) {
	turns := compressedDialogue(t)
	for at := range 200 {
		left := at
		g := decode.Guard(imap.New(decode.Options{Tap: func(x decode.Octets) {
			if left -= max(1, len(x.P)); left < 0 {
				panic("the recorder broke")
			}
		}}))
		for _, x := range turns {
			if n, next, _ := g.Write(x.dir, decodetest.Epoch, []byte(x.octets)); n != len(x.octets) || next != decode.Continue {
				t.Fatalf("at %d: took %d of %d", at, n, len(x.octets))
			}
		}
		g.Close(decode.Client, decodetest.Epoch)
		g.Close(decode.Server, decodetest.Epoch)
	}
}

// A stream that stops being compressed without a word ends decoding, not the session.
func TestBrokenCompression(t *testing.T) {
	turns := compressedDialogue(t)[:4]
	turns = append(turns, s("* this is no deflate stream\r\n"), s("more"), c("more"))
	var seen said
	trace := decode.NewTrace(decode.TraceOptions{Protocol: &imap.Protocol, Options: decode.Options{Tap: seen.tap}})
	for _, x := range turns {
		n, next, events := trace.Write(x.dir, decodetest.Epoch, []byte(x.octets))
		if n != len(x.octets) || next != decode.Continue {
			t.Fatal(n, next)
		}
		seen.events(t, events)
	}
	if !trace.Opaque() || !strings.Contains(seen.b.String(), "the compressed stream is broken") {
		t.Fatal(seen.b.String())
	}
	trace.Mark(decode.Mark{Time: decodetest.Epoch, Kind: decode.Close})
}

// A bomb passes through in pieces, and what it makes is bounded like any other octets.
func TestDeflateBomb(t *testing.T) {
	z := newDeflater(t)
	bomb := z.flush("* 1 FETCH (BODY[] {1000}\r\n" + string(bytes.Repeat([]byte("z"), 32<<20)))
	n := held(t, func(write func(d decode.Dir, p []byte) []decode.Event) {
		write(decode.Server, []byte("* PREAUTH hi\r\n"))
		write(decode.Client, []byte("z1 COMPRESS DEFLATE\r\n"))
		write(decode.Server, []byte("z1 OK\r\n"))
		write(decode.Server, []byte(bomb))
	})
	if n > 4<<20 {
		t.Errorf("the session holds %d KiB", n>>10)
	}
}
