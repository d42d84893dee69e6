package endtoend

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
)

// dialog is a peer that sends and expects lines.
type dialog struct {
	net.Conn
	r *bufio.Reader
	t tester
}

func talk(t tester, c net.Conn) *dialog { return &dialog{c, bufio.NewReader(c), t} }

func (d *dialog) send(s string) {
	d.t.Helper()
	if _, err := io.WriteString(d.Conn, s); err != nil {
		d.t.Errorf("send %.100q: %v", s, err)
	}
}

// line gives the next line without its end; "EOF" at the end of the stream.
func (d *dialog) line() string {
	s, err := d.r.ReadString('\n')
	if err != nil {
		if errors.Is(err, io.EOF) {
			return s + "EOF"
		}
		return s + "error: " + err.Error()
	}
	return strings.TrimSuffix(s, "\r\n")
}

func (d *dialog) expect(want string) {
	d.t.Helper()
	if got := d.line(); got != want {
		d.t.Errorf("got %.200q, want %.200q", got, want)
	}
}

// secure goes on over TLS, as a client.
func (d *dialog) secure() *dialog {
	d.t.Helper()
	return talk(d.t, secure(d.t, d.Conn))
}

// upgraded goes on over TLS, as a server; nil if the handshake failed.
func (d *dialog) upgraded() *dialog {
	held, _ := d.r.Peek(d.r.Buffered())
	s := tls.Server(&prefixed{d.Conn, held}, world.server)
	if s.Handshake() != nil {
		return nil
	}
	return talk(d.t, s)
}

// prefixed is a connection of which something was read already.
type prefixed struct {
	net.Conn
	prefix []byte
}

func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.prefix) == 0 {
		return p.Conn.Read(b)
	}
	n := copy(b, p.prefix)
	p.prefix = p.prefix[n:]
	return n, nil
}

// halfClose ends what this peer says.
func (d *dialog) halfClose() { closeWrite(d.Conn) }

// socksTo asks a SOCKS5 proxy (RFC 1928 §3, §4) for a host by name and addr's port.
func socksTo(t tester, c net.Conn, host string, port int) *dialog {
	t.Helper()
	d := talk(t, c)
	d.send("\x05\x01\x00\x05\x01\x00\x03" + string(rune(len(host))) + host + string([]byte{byte(port >> 8), byte(port)}))
	got := make([]byte, 12)
	if _, err := io.ReadFull(d.r, got); err != nil || string(got[:4]) != "\x05\x00\x05\x00" {
		t.Fatalf("reply of SOCKS: % x, %v", got, err)
	}
	return d
}

func portOf(addr string) int { return mustTCP(addr).Port }

func mustTCP(addr string) *net.TCPAddr {
	a, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		panic(err) // addresses of listeners are ones
	}
	return a
}
