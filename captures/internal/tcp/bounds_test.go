package tcp

import (
	"encoding/binary"
	"testing"
	"time"
)

// counter is a Sink that counts.
type counter struct{ begun, octets, gaps, ends, closed, left int }

func (c *counter) Begin(*Conn)                                  { c.begun++ }
func (c *counter) Octets(_ *Conn, _ int, _ time.Time, p []byte) { c.octets += len(p) }
func (c *counter) Gap(_ *Conn, _ int, _ time.Time, n int64)     { c.gaps += int(n) }
func (c *counter) End(*Conn, int, time.Time)                    { c.ends++ }
func (c *counter) Close(*Conn, int, time.Time, string)          { c.closed++ }
func (c *counter) Left(*Conn, time.Time)                        { c.left++ }

var epoch = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// raw gives an IPv4 datagram with a TCP segment. n tells the client's address and port.
func raw(n int, toServer bool, seq, ack uint32, flags byte, size int) []byte {
	p := make([]byte, 40+size)
	p[0], p[9] = 0x45, 6
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	client, server := p[12:16], p[16:20]
	from, to := p[20:22], p[22:24]
	if !toServer {
		client, server, from, to = server, client, to, from
	}
	binary.BigEndian.PutUint32(client, 0x0a000000|uint32(n>>15))
	binary.BigEndian.PutUint16(from, uint16(1024+n&0x7fff))
	copy(server, "\xc6\x33\x64\x01")
	binary.BigEndian.PutUint16(to, 143)
	binary.BigEndian.PutUint32(p[24:], seq)
	binary.BigEndian.PutUint32(p[28:], ack)
	p[32], p[33] = 0x50, flags
	return p
}

// check recounts what is held and what is remembered.
func check(t *testing.T, a *Assembler) {
	t.Helper()
	held, linked := 0, 0
	for _, c := range a.conns {
		held += c.held()
		for i := range c.halves {
			cost := 0
			for _, p := range c.halves[i].queue {
				cost += len(p.p) + pieceCost
			}
			if cost != c.halves[i].held {
				t.Fatalf("a queue of %d octets counts as %d", cost, c.halves[i].held)
			}
		}
	}
	for c := a.oldest; c != nil; c = c.newer {
		linked++
	}
	if held != a.held || held > mostHeldAll || linked != len(a.conns) || linked > mostConns {
		t.Fatalf("%d octets are held, counted as %d, in %d connections, %d linked", held, a.held, len(a.conns), linked)
	}
}

// TestHolesAreBounded: a connection whose first octet never comes holds no more than its
// share, and gives up soon enough that everything behind comes out.
func TestHolesAreBounded(t *testing.T) {
	for _, size := range []int{1, 1400} {
		var c counter
		a := New(&c)
		a.Record(linkRaw, epoch, raw(1, true, 0, 0, flagSYN, 0), 40)
		a.Record(linkRaw, epoch, raw(1, false, 0, 1, flagSYN|flagACK, 0), 40)
		most, seq := 0, uint32(101)
		for range 30_000 {
			a.Record(linkRaw, epoch, raw(1, true, seq, 1, flagACK, size), 40+size)
			seq += uint32(size) + 1 // and a hole behind each
			most = max(most, a.held)
		}
		check(t, a)
		a.End()
		check(t, a)
		if limit := mostHeld + 1400 + 2*pieceCost; most > limit {
			t.Errorf("%d octets were held at once, expected %d at most", most, limit)
		}
		if c.octets != 30_000*size || c.gaps != 100+29_999 || c.left != 1 {
			t.Errorf("%+v", c)
		}
	}
}

// TestConnectionsAreBounded: neither a scan of ports nor very many connections with holes
// eat memory.
func TestConnectionsAreBounded(t *testing.T) {
	var c counter
	a := New(&c)
	const n = mostConns + 5_000
	for i := range n {
		a.Record(linkRaw, epoch, raw(i, true, 0, 0, flagSYN, 0), 40)
		a.Record(linkRaw, epoch, raw(i, true, 1000, 0, 0, 1400), 1440)
	}
	check(t, a)
	if c.begun < n-mostConns || c.closed != n-mostConns {
		t.Errorf("%+v", c)
	}
	a.End()
	check(t, a)
	if c.begun != n || c.octets != n*1400 || c.gaps != n*999 || a.held != 0 {
		t.Errorf("%+v, %d held", c, a.held)
	}
}

// TestFragmentsAreBounded: fragments that never become whole are given up.
func TestFragmentsAreBounded(t *testing.T) {
	var c counter
	a := New(&c)
	const n = 5_000
	for i := range n {
		p := raw(i, true, 0, 0, flagSYN, 8<<10-20)
		binary.BigEndian.PutUint16(p[4:], uint16(i))
		p[6] = 0x20
		a.Record(linkRaw, epoch, p, len(p))
		if len(a.frags.parts) > mostDatagrams || a.frags.octets > mostOctets || len(a.frags.order) > 2*mostDatagrams {
			t.Fatalf("%d datagrams of %d octets, %d in order", len(a.frags.parts), a.frags.octets, len(a.frags.order))
		}
	}
	if got := a.LostFragments(); got != n {
		t.Errorf("%d are lost, expected %d", got, n)
	}
}

// TestSilentConnection: a connection of which nothing more comes does not keep what it has
// until the end of the capture.
func TestSilentConnection(t *testing.T) {
	for name, x := range map[string]struct {
		ack  bool
		wait time.Duration
	}{"acknowledged": {true, lateTime}, "not acknowledged": {false, holeTime}} {
		var c counter
		a := New(&c)
		a.Record(linkRaw, epoch, raw(1, true, 0, 0, flagSYN, 0), 40)
		a.Record(linkRaw, epoch, raw(1, false, 0, 1, flagSYN|flagACK, 0), 40)
		a.Record(linkRaw, epoch, raw(1, true, 11, 1, flagACK, 5), 45)
		if x.ack {
			a.Record(linkRaw, epoch, raw(1, false, 1, 16, flagACK, 0), 40)
		}
		a.Record(linkRaw, epoch.Add(x.wait-time.Millisecond), raw(2, true, 0, 0, flagSYN, 0), 40)
		if c.gaps != 0 {
			t.Errorf("%s: given up too soon", name)
		}
		a.Record(linkRaw, epoch.Add(x.wait+sweepAfter), raw(2, true, 0, 0, flagSYN, 0), 40)
		if c.gaps != 10 || c.octets != 5 {
			t.Errorf("%s: %+v", name, c)
		}
		check(t, a)
	}
}

func FuzzAssembler(f *testing.F) {
	f.Add([]byte("\x00\x00\x02\x00\x01\x00\x12\x00\x01\x05\x10\x09"))
	f.Add([]byte{0, 0, flagSYN, 0, 1, 0, flagSYN | flagACK, 0, 0, 1, flagACK, 9, 0, 30, flagACK, 9, 1, 1, flagACK, 20, 0, 10, flagACK | flagFIN, 20, 1, 2, flagRST, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		var c counter
		a := New(&c)
		at := epoch
		for ; len(script) >= 4; script = script[4:] {
			who, seq, flags, size := script[0], script[1], script[2], script[3]
			p := raw(int(who>>1&3), who&1 == 0, uint32(seq)-8, uint32(seq)/2, flags&0x1f, int(size&0x3f))
			if who&0x20 != 0 { // farther away
				binary.BigEndian.PutUint32(p[24:], uint32(seq)<<24)
			}
			if who&0x40 != 0 {
				p[6] = 0x20 & seq
				p[7] = size & 3
			}
			n := len(p)
			if who&0x80 != 0 {
				p = p[:20+int(size)%(len(p)-20)]
			}
			at = at.Add(time.Duration(size>>6) * time.Second)
			a.Record(linkRaw, at, p, n)
			check(t, a)
		}
		a.End()
		check(t, a)
		if a.held != 0 || c.begun < c.closed+c.left {
			t.Fatalf("%d octets are still held, %+v", a.held, c)
		}
	})
}
