package proxy

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mailtrace/mailtrace/decode"
)

// lines are what random sessions are made of, besides random octets: enough to lead the
// decoders astray. STARTTLS is left out, for TLS would be due behind it.
var lines = map[decode.Dir][]string{
	decode.Client: {
		"a NOOP\r\n", "b LOGIN u {5}\r\n", "c LOGIN u {3+}\r\nabc\r\n", "d IDLE\r\n", "DONE\r\n", "e AUTHENTICATE PLAIN\r\n",
		"f APPEND INBOX {9223372036854775807}\r\n", "RETR 1\r\n", "USER u\r\n", "PASS secret\r\n", "CAPA\r\n", "*\r\n", "\r\n", "\n",
		"GET / HTTP/1.1\r\n", "\x16\x03\x01\x02\x00", "g COMPRESS DEFLATE\r\n", "no end of line ",
	},
	decode.Server: {
		"* OK ready\r\n", "+OK ready\r\n", "a OK\r\n", "b NO {3}\r\n", "+ go on\r\n", "* 1 FETCH (BODY[] {12}\r\nSubject: x\r\n)\r\n",
		"* 2 FETCH (BODY[] {99999}\r\n", ".\r\n", "..\r\n", "-ERR no\r\n", "* BYE\r\n", "g OK\r\n", "\r\n", "* CAPABILITY IMAP4rev1\r\n",
	},
}

// octets draws one direction of a session.
func octets(t *rapid.T, d decode.Dir) []byte {
	piece := rapid.OneOf(
		rapid.Map(rapid.SampledFrom(lines[d]), func(s string) []byte { return []byte(s) }),
		rapid.SliceOfN(rapid.Byte(), 0, 200),
		rapid.Map(rapid.IntRange(1, 40_000), func(n int) []byte { return bytes.Repeat([]byte("long line "), n/10) }),
	)
	return bytes.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "octets "+d.String()), nil)
}

// cuts draws how octets are divided into writes.
func cuts(t *rapid.T, p []byte, d decode.Dir) [][]byte {
	var parts [][]byte
	for len(p) > 0 && len(parts) < 20 {
		n := rapid.IntRange(1, len(p)).Draw(t, "cut "+d.String())
		parts = append(parts, p[:n])
		p = p[n:]
	}
	return append(parts, p)
}

// exchange writes parts to c, ends that direction, and reads to the end, both at once.
func exchange(c net.Conn, parts [][]byte) ([]byte, error) {
	var writing sync.WaitGroup
	writing.Go(func() {
		for _, p := range parts {
			if _, err := c.Write(p); err != nil {
				return // the reader will see that something is amiss
			}
		}
		_ = c.(halfCloser).CloseWrite()
	})
	got, err := io.ReadAll(c)
	writing.Wait()
	return got, err
}

// slow is a Sink and a Recorder that take their time.
type slow struct{ discard }

func (slow) Events([]decode.Event)                { time.Sleep(20 * time.Microsecond) }
func (slow) Open(int, decode.Origin) Tape         { return slow{} }
func (slow) Commit()                              { time.Sleep(20 * time.Microsecond) }
func wrapNothing(s decode.Session) decode.Session { return s }

// Between like legs what comes out is what went in, however it is cut, over whichever legs,
// whatever becomes of the decoder.
func TestTransparent(t *testing.T) {
	incoming := make(chan net.Conn)
	handle := func(c net.Conn) {
		done := make(chan struct{})
		incoming <- &counted{c.(halfClosing), done}
		<-done
	}
	plain := serve(t, handle)
	secured := serve(t, overTLS(t, handle))

	wraps := map[string]func(decode.Session) decode.Session{"sound": wrapNothing}
	wraps["broken at once"] = func(s decode.Session) decode.Session { return &fragile{Session: s} }
	wraps["broken later"] = func(s decode.Session) decode.Session { return &fragile{Session: s, after: 5} }
	var proxies []listening
	for _, scheme := range []string{"imap", "pop3"} {
		for _, wrap := range wraps {
			proxies = append(proxies, start(t, Config{
				Routes: []Route{
					route(t, scheme, scheme, plain), route(t, scheme, scheme+"s", secured),
					route(t, scheme+"s", scheme, plain), route(t, scheme+"s", scheme+"s", secured),
				},
				WrapSession: wrap, Sink: slow{}, Recorder: slow{},
			}))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(proxies).Draw(t, "proxy")
		leg := rapid.IntRange(0, 3).Draw(t, "leg")
		there, back := octets(t, decode.Client), octets(t, decode.Server)
		thereCut, backCut := cuts(t, there, decode.Client), cuts(t, back, decode.Server)
		c, err := net.Dial("tcp", p.Addrs()[leg].String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(patience))
		if leg >= 2 {
			c = secure(t, c)
		}
		server := <-incoming
		var got []byte
		var serverErr error
		var both sync.WaitGroup
		both.Go(func() {
			got, serverErr = exchange(server, backCut)
			server.Close()
		})
		answer, err := exchange(c, thereCut)
		both.Wait()
		if err != nil || serverErr != nil {
			t.Fatalf("client: %v, server: %v", err, serverErr)
		}
		if !bytes.Equal(got, there) {
			t.Fatalf("the server got %d octets, the client sent %d; they differ from %d on", len(got), len(there), differ(got, there))
		}
		if !bytes.Equal(answer, back) {
			t.Fatalf("the client got %d octets, the server sent %d; they differ from %d on", len(answer), len(back), differ(answer, back))
		}
	})
}

type halfClosing interface {
	net.Conn
	halfCloser
}

// counted tells when it is closed.
type counted struct {
	halfClosing
	done chan struct{}
}

func (c *counted) Close() error {
	defer close(c.done)
	return c.halfClosing.Close()
}

func differ(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}
