package proxy

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
)

// wire is a connection whose reads a test hands out, and whose writes it counts.
type wire struct {
	net.Conn // nil: nothing else is called
	mu       sync.Mutex
	reads    chan []byte
	left     []byte
	writes   [][]byte
}

func (w *wire) Read(p []byte) (int, error) {
	if len(w.left) == 0 {
		next, ok := <-w.reads
		if !ok {
			return 0, io.EOF
		}
		w.left = next
	}
	n := copy(p, w.left)
	w.left = w.left[n:]
	return n, nil
}

func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes = append(w.writes, bytes.Clone(p))
	return len(p), nil
}

// recorded is what a TLS server sends on a connection whose client is l, and lets a test
// cut it anew.
func recorded(t *testing.T) (server *tls.Conn, sent *wire, l *leg, received *wire) {
	t.Helper()
	a, b := net.Pipe()
	t.Cleanup(func() { a.Close(); b.Close() })
	sent, received = &wire{Conn: a}, &wire{Conn: b, reads: make(chan []byte, 64)}
	through, raw := &switchable{Conn: a}, &rawConn{Conn: b}
	server = tls.Server(through, serverTLS(t, "localhost"))
	client := tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
	failed := make(chan error, 1)
	go func() { failed <- server.Handshake() }()
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	through.Conn, raw.Conn = sent, received
	return server, sent, newLeg(b).under(client, raw), received
}

// switchable is a connection under TLS that can be another one behind the handshake.
type switchable struct{ net.Conn }

func content(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i * 7)
	}
	return p
}

// What is whole is read at once, several records of it, and nothing waits for the rest of a
// record that is not.
func TestReadMoreWaitsForNothing(t *testing.T) {
	server, sent, l, received := recorded(t)
	want := content(6 * maxRecord)
	if _, err := server.Write(content(200_000)); err != nil { // records of full size from here on
		t.Fatal(err)
	}
	received.reads <- bytes.Join(sent.writes, nil)
	buf := make([]byte, bufferSize)
	most := 0
	for left := 200_000; left > 0; {
		n, err := l.readMore(buf)
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, n)
		left -= n
	}
	if most < 3*maxRecord {
		t.Errorf("at most %d octets came at once", most)
	}
	sent.writes = nil
	if _, err := server.Write(want); err != nil {
		t.Fatal(err)
	}
	stream := bytes.Join(sent.writes, nil)
	const record = 5 + maxRecord + 1 + 16
	var got []byte
	for cut := record + record/2; len(got) < len(want); cut = record {
		cut = min(cut, len(stream))
		received.reads <- stream[:cut] // and what the last record lacks does not come before it is read
		stream = stream[cut:]
		whole := (len(want)*record/maxRecord - len(stream)) / record * maxRecord
		for len(got) < whole {
			n, err := l.readMore(buf)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, buf[:n]...)
		}
	}
	if !bytes.Equal(got, want) {
		t.Error("what was read is not what was sent")
	}
	if l.batch.dry {
		t.Error("the connection would not read any more")
	}
}

// A large write goes in one call, and what fails then is told.
func TestWriteGoesInOneCall(t *testing.T) {
	_, _, l, received := recorded(t)
	if n, err := l.Write(content(bufferSize)); n != bufferSize || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if len(received.writes) != 1 {
		t.Errorf("%d calls for %d octets", len(received.writes), bufferSize)
	}
	l.batch.Conn = failing{received}
	if n, err := l.Write(content(bufferSize)); n != 0 || !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%d, %v from a connection that takes nothing", n, err)
	}
}

type failing struct{ net.Conn }

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// The room that is read into is there while much goes by, and no longer.
func TestIdleHoldsNoRoom(t *testing.T) {
	_, _, l, _ := recorded(t)
	b := l.batch
	in := &wire{reads: make(chan []byte, 8)}
	b.Conn = in
	p := make([]byte, 20<<10)
	for _, x := range []struct {
		octets int
		room   bool
	}{{100, false}, {40 << 10, false}, {40 << 10, true}, {300, false}, {100, false}} {
		in.left = nil
		in.reads <- content(x.octets)
		n, err := b.Read(p)
		if err != nil || n == 0 {
			t.Fatal(n, err)
		}
		if (b.room != nil) != x.room && x.octets > len(p) {
			t.Errorf("behind a read of %d octets: holds a room: %v", x.octets, b.room != nil)
		}
		for len(b.ahead) > 0 {
			if _, err := b.Read(p); err != nil {
				t.Fatal(err)
			}
		}
		if b.room != nil {
			t.Errorf("a room is held for nothing")
		}
	}
}
