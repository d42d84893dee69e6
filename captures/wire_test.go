package captures

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/mailtrace/mailtrace/captures/internal/tcp"
	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
)

// The wire of these tests: TCP segments as two ends would send them, with the headers that
// gopacket gives them.

// seg is one segment as it went over the wire.
type seg struct {
	from, to netip.AddrPort
	seq, ack uint32
	flags    string // of S F R A P
	p        []byte
	at       time.Time
}

// talk is a TCP connection that is being made up.
type talk struct {
	ends [3]netip.AddrPort // by Dir
	next [3]uint32         // the next sequence number
	segs []seg
	at   time.Time
}

func newTalk(client, server string) *talk {
	t := &talk{at: start}
	t.ends[decode.Client], t.ends[decode.Server] = netip.MustParseAddrPort(client), netip.MustParseAddrPort(server)
	t.next = [3]uint32{0, 1000, 0xffffff00} // the server's soon wrap
	return t
}

// add sends a segment that acknowledges all of the other direction.
func (t *talk) add(d decode.Dir, flags, text string) *talk {
	s := seg{
		from: t.ends[d], to: t.ends[d.Other()], seq: t.next[d], flags: flags, p: []byte(text), at: t.at,
	}
	if strings.Contains(flags, "A") {
		s.ack = t.next[d.Other()]
	}
	t.next[d] += uint32(len(text))
	if strings.ContainsAny(flags, "SF") {
		t.next[d]++
	}
	t.segs = append(t.segs, s)
	t.at = t.at.Add(time.Millisecond)
	return t
}

func (t *talk) open() *talk {
	return t.add(decode.Client, "S", "").add(decode.Server, "SA", "").add(decode.Client, "A", "")
}

func (t *talk) c(text string) *talk { return t.add(decode.Client, "PA", text) }
func (t *talk) s(text string) *talk { return t.add(decode.Server, "PA", text) }

func (t *talk) close() *talk {
	return t.add(decode.Client, "FA", "").add(decode.Server, "FA", "").add(decode.Client, "A", "")
}

func (t *talk) wait(d time.Duration) *talk { t.at = t.at.Add(d); return t }

// without leaves segments out of the capture.
func (t *talk) without(n ...int) *talk {
	for i := len(n) - 1; i >= 0; i-- {
		t.segs = append(t.segs[:n[i]:n[i]], t.segs[n[i]+1:]...)
	}
	return t
}

// datagrams gives the IP datagram of a segment.
func (s *seg) ip(t testing.TB) []byte {
	l := &layers.TCP{
		SrcPort: layers.TCPPort(s.from.Port()), DstPort: layers.TCPPort(s.to.Port()), Seq: s.seq, Ack: s.ack, Window: 65535,
		SYN: strings.Contains(s.flags, "S"), FIN: strings.Contains(s.flags, "F"), RST: strings.Contains(s.flags, "R"),
		ACK: strings.Contains(s.flags, "A"), PSH: strings.Contains(s.flags, "P"),
	}
	if l.SYN {
		l.Options = []layers.TCPOption{{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{5, 180}}}
	}
	if s.from.Addr().Is4() {
		ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: s.from.Addr().AsSlice(), DstIP: s.to.Addr().AsSlice(), Id: uint16(s.seq)}
		return serialize(t, s.p, ip, l)
	}
	ip := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP, SrcIP: s.from.Addr().AsSlice(), DstIP: s.to.Addr().AsSlice()}
	return serialize(t, s.p, ip, l)
}

func serialize(t testing.TB, p []byte, network gopacket.SerializableLayer, l ...gopacket.SerializableLayer) []byte {
	t.Helper()
	all := append([]gopacket.SerializableLayer{network}, l...)
	for _, x := range l {
		if x, ok := x.(*layers.TCP); ok {
			if err := x.SetNetworkLayerForChecksum(network.(gopacket.NetworkLayer)); err != nil {
				t.Fatal(err)
			}
		}
	}
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, append(all, gopacket.Payload(p))...)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// framing is a link's header, before an IP datagram.
type framing struct {
	link   tcp.Link
	header func(four bool) []byte
}

func etherType(four bool) []byte {
	if four {
		return []byte{0x08, 0}
	}
	return []byte{0x86, 0xdd}
}

// framings are the links that can be read.
var framings = map[string]framing{
	"Ethernet": {1, func(four bool) []byte { return append(make([]byte, 12), etherType(four)...) }},
	"VLAN":     {1, func(four bool) []byte { return append([]byte("123456abcdef\x81\x00\x20\x07"), etherType(four)...) }},
	"QinQ": {1, func(four bool) []byte {
		return append([]byte("123456abcdef\x88\xa8\x20\x07\x81\x00\x00\x08"), etherType(four)...)
	}},
	"raw":     {101, func(bool) []byte { return nil }},
	"raw BSD": {12, func(bool) []byte { return nil }},
	"IPv4":    {228, func(bool) []byte { return nil }},
	"IPv6":    {229, func(bool) []byte { return nil }},
	"cooked": {113, func(four bool) []byte {
		return append([]byte("\x00\x00\x00\x01\x00\x06123456\x00\x00"), etherType(four)...)
	}},
	"cooked 2": {276, func(four bool) []byte { return append(etherType(four), make([]byte, 18)...) }},
	"null": {0, func(four bool) []byte {
		if four {
			return []byte{2, 0, 0, 0}
		}
		return []byte{30, 0, 0, 0}
	}},
	"null, big": {0, func(bool) []byte { return []byte{0, 0, 0, 2} }},
	"loop":      {108, func(bool) []byte { return []byte{0, 0, 0, 24} }},
}

// onLink gives the records of segments.
func onLink(t testing.TB, f framing, segs []seg) (records []captured) {
	for _, s := range segs {
		p := append(bytes.Clone(f.header(s.from.Addr().Is4())), s.ip(t)...)
		records = append(records, captured{link: f.link, at: s.at, p: p, octets: len(p)})
	}
	return records
}

// pcapOf writes a pcap file with times in microseconds.
func pcapOf(t testing.TB, records []captured) []byte {
	var b bytes.Buffer
	link := layers.LinkTypeEthernet
	if len(records) > 0 {
		link = layers.LinkType(records[0].link)
	}
	w := pcapgo.NewWriter(&b)
	if err := w.WriteFileHeader(65535, link&0xff); err != nil {
		t.Fatal(err)
	}
	if len(records) > 0 { // gopacket's link type is an octet
		le.PutUint32(b.Bytes()[20:], uint32(records[0].link))
	}
	for _, r := range records {
		if err := w.WritePacket(gopacket.CaptureInfo{Timestamp: r.at, CaptureLength: len(r.p), Length: r.octets}, r.p); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// pcapBy writes a pcap file by hand, in any byte order and unit.
func pcapBy(order binary.AppendByteOrder, unit time.Duration, records []captured) []byte {
	magic := uint32(0xa1b2c3d4)
	if unit == time.Nanosecond {
		magic = 0xa1b23c4d
	}
	b := order.AppendUint32(nil, magic)
	b = order.AppendUint16(order.AppendUint16(b, 2), 4)
	b = append(b, make([]byte, 8)...)
	b = order.AppendUint32(order.AppendUint32(b, 262144), uint32(records[0].link))
	for _, r := range records {
		b = order.AppendUint32(b, uint32(r.at.Unix()))
		b = order.AppendUint32(b, uint32(r.at.Nanosecond()/int(unit)))
		b = order.AppendUint32(order.AppendUint32(b, uint32(len(r.p))), uint32(r.octets))
		b = append(b, r.p...)
	}
	return b
}

// foreign gives the pcap of connections, in the order of their times, on Ethernet.
func foreign(t testing.TB, talks ...*talk) []byte {
	return pcapOf(t, onLink(t, framings["Ethernet"], merged(talks...)))
}

func merged(talks ...*talk) (segs []seg) {
	for {
		var first *talk
		for _, x := range talks {
			if len(x.segs) > 0 && (first == nil || x.segs[0].at.Before(first.segs[0].at)) {
				first = x
			}
		}
		if first == nil {
			return segs
		}
		segs = append(segs, first.segs[0])
		first.segs = first.segs[1:]
	}
}

// story decodes a foreign capture and tells each event in a line, without its time.
func story(t testing.TB, file []byte) (lines []string, left LeftOut, err error) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	err = Decode(r, DecodeOptions{Protocols: registry.All}, func(events []decode.Event) { lines = append(lines, plot(events)...) })
	return lines, r.LeftOut(), err
}

func netipPort(port int) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr("198.51.100.9"), uint16(port))
}
