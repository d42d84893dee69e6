package captures

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket/layers"
)

// onIP gives records of raw IP.
func onIP(datagrams ...[]byte) (records []captured) {
	for i, p := range datagrams {
		records = append(records, captured{link: 101, at: after(i), p: p, octets: len(p)})
	}
	return records
}

// fragmented4 cuts an IPv4 datagram into fragments of n octets.
func fragmented4(t testing.TB, p []byte, n int) (out [][]byte) {
	payload := p[20:]
	for off := 0; off < len(payload); off += n {
		ip := &layers.IPv4{
			Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: p[12:16], DstIP: p[16:20],
			Id: binary.BigEndian.Uint16(p[4:]), FragOffset: uint16(off / 8),
		}
		end := min(off+n, len(payload))
		if end < len(payload) {
			ip.Flags = layers.IPv4MoreFragments
		}
		out = append(out, serialize(t, payload[off:end], ip))
	}
	return out
}

// fragmented6 does so with IPv6, behind a header for every hop, destination options first
// in what is cut.
func fragmented6(t testing.TB, p []byte, n int) (out [][]byte) {
	payload := append([]byte{6, 0, 1, 4, 0, 0, 0, 0}, p[40:]...)
	for off := 0; off < len(payload); off += n {
		end := min(off+n, len(payload))
		frag := binary.BigEndian.AppendUint16([]byte{60, 0}, uint16(off))
		if end < len(payload) {
			frag[3] |= 1
		}
		frag = binary.BigEndian.AppendUint32(frag, binary.BigEndian.Uint32(p[44:])) // the sequence number will do
		body := append([]byte{44, 0, 1, 4, 0, 0, 0, 0}, frag...)
		out = append(out, ipv6(p, 0, append(body, payload[off:end]...)))
	}
	return out
}

// ipv6 gives the header of p another payload.
func ipv6(p []byte, next byte, payload []byte) []byte {
	b := append(bytes.Clone(p[:40]), payload...)
	binary.BigEndian.PutUint16(b[4:], uint16(len(payload)))
	b[6] = next
	return b
}

// TestIP: what IP may do to a segment leaves the story as it is.
func TestIP(t *testing.T) {
	const six, sixPOP = "[2001:db8::1]:40000", "[2001:db8::2]:110"
	cases := map[string]struct {
		six bool
		do  func(p []byte) [][]byte
	}{
		"fragments":            {false, func(p []byte) [][]byte { return fragmented4(t, p, 8) }},
		"fragments, backwards": {false, func(p []byte) [][]byte { return backwards(fragmented4(t, p, 16)) }},
		"fragments, twice": {false, func(p []byte) [][]byte {
			f := fragmented4(t, p, 16)
			return append(f[:1:1], f...)
		}},
		"fragments that overlap": {false, func(p []byte) [][]byte {
			return append(fragmented4(t, p, 16)[:1:1], fragmented4(t, p, 8)...)
		}},
		"fragments of IPv6":            {true, func(p []byte) [][]byte { return fragmented6(t, p, 16) }},
		"fragments of IPv6, backwards": {true, func(p []byte) [][]byte { return backwards(fragmented6(t, p, 24)) }},
		"a fragment that is the whole": {true, func(p []byte) [][]byte {
			return [][]byte{ipv6(p, 44, append([]byte{6, 0, 0, 0, 1, 2, 3, 4}, p[40:]...))}
		}},
		"extension headers": {true, func(p []byte) [][]byte {
			ext := []byte{43, 0, 1, 4, 0, 0, 0, 0}
			ext = append(ext, 51, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) // routing, with an address
			ext = append(ext, 60, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4) // authentication
			ext = append(ext, 6, 0, 1, 4, 0, 0, 0, 0)
			return [][]byte{ipv6(p, 0, append(ext, p[40:]...))}
		}},
		"padding": {false, func(p []byte) [][]byte { return [][]byte{append(bytes.Clone(p), make([]byte, 30)...)} }},
		"no total length, as before the network card": {false, func(p []byte) [][]byte {
			p = bytes.Clone(p)
			p[2], p[3] = 0, 0
			return [][]byte{p}
		}},
		"no payload length": {true, func(p []byte) [][]byte {
			p = bytes.Clone(p)
			p[4], p[5] = 0, 0
			return [][]byte{p}
		}},
		"IP options": {false, func(p []byte) [][]byte {
			p = append(append(bytes.Clone(p[:20]), 1, 1, 1, 0), p[20:]...)
			p[0] = 0x46
			binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
			return [][]byte{p}
		}},
		"wrong checksums": {false, func(p []byte) [][]byte {
			p = bytes.Clone(p)
			p[10] ^= 0xff
			p[36] ^= 0xff
			return [][]byte{p}
		}},
	}
	for name, c := range cases {
		client, server := aClient, aPOP
		if c.six {
			client, server = six, sixPOP
		}
		want, _, err := story(t, foreign(t, pop(client, server)))
		if err != nil {
			t.Fatal(err)
		}
		var all [][]byte
		for _, s := range pop(client, server).segs {
			all = append(all, c.do(s.ip(t))...)
		}
		got, left, err := story(t, pcapOf(t, onIP(all...)))
		if d := cmp.Diff(want, got); d != "" || err != nil || left.String() != "" {
			t.Errorf("%s: %v, %v\n%s", name, err, left, d)
		}
	}
}

func backwards(p [][]byte) (out [][]byte) {
	for i := range p {
		out = append(out, p[len(p)-1-i])
	}
	return out
}

// TestLostFragment: a datagram that cannot be put together is a gap in the story, and the
// reader says so.
func TestLostFragment(t *testing.T) {
	var all [][]byte
	for i, s := range pop(aClient, aPOP).segs {
		f := fragmented4(t, s.ip(t), 16)
		if i == 5 {
			f = f[:1]
		}
		all = append(all, f...)
	}
	got, left, err := story(t, pcapOf(t, onIP(all...)))
	if err != nil || left.String() != "1 datagram of which fragments are missing" {
		t.Errorf("%v, %q", err, left)
	}
	if all := strings.Join(got, "\n"); strings.Count(all, "desync") != 1 || !strings.Contains(all, " 11+5\n") {
		t.Errorf("got %s", all)
	}
}

// TestSnapLength: what the capture cut off is a gap, of as many octets as there were.
func TestSnapLength(t *testing.T) {
	x := newTalk(aClient, anIMAP).open().s("* OK hello\r\n").c("a1 CAPABILITY\r\n").s("* CAPABILITY IMAP4rev1\r\na1 OK\r\n").c("a2 LOGOUT\r\n").s("a2 OK\r\n")
	records := onLink(t, framings["Ethernet"], x.close().segs)
	for i := range records {
		records[i].p = records[i].p[:min(len(records[i].p), 14+40+16)]
	}
	got, left, err := story(t, pcapOf(t, records))
	if err != nil || left.String() != "" {
		t.Errorf("%v, %v", err, left)
	}
	all := strings.Join(got, "\n")
	if strings.Count(all, "desync") != 1 || !strings.Contains(all, "28+15") || !strings.Contains(all, `"a2 OK"`) || !strings.Contains(all, "C 26 S 50 by=client") {
		t.Errorf("got %s", all)
	}
}
