package tcp

import (
	"encoding/binary"
	"net/netip"
)

// Numbers of what IP carries (RFC 8200 §4.1, RFC 791 §3.1).
const (
	hopByHop      = 0
	protocolTCP   = 6
	routing       = 43
	fragmentation = 44
	authenticated = 51
	destination   = 60
	mobility      = 135
)

// packed is an IP datagram or a fragment of one. p is what was captured of its payload.
type packed struct {
	from, to netip.Addr
	protocol byte
	p        []byte
	missing  int // octets of the payload that the capture cut off
	// of a fragment
	fragment bool
	id       uint32
	off      int
	more     bool
}

// parseIP takes a datagram apart whose length on the link was wire octets.
func parseIP(p []byte, wire int) (d packed, ok bool) {
	if len(p) == 0 {
		return d, false
	}
	switch p[0] >> 4 {
	case 4:
		return parseIPv4(p, wire)
	case 6:
		return parseIPv6(p, wire)
	}
	return d, false
}

// cut gives what of a payload was captured, and how many octets of it were not. Padding
// behind the datagram is left out.
func cut(p []byte, begin, end int) (payload []byte, missing int) {
	begin = min(begin, len(p))
	return p[begin:min(end, len(p))], max(0, end-max(begin, len(p)))
}

func parseIPv4(p []byte, wire int) (d packed, ok bool) {
	if len(p) < 20 {
		return d, false
	}
	header, total := int(p[0]&0xf)*4, int(binary.BigEndian.Uint16(p[2:]))
	if total == 0 {
		total = wire // the network card was to cut it up, and fill this in
	}
	if header < 20 || header > len(p) || total < header {
		return d, false
	}
	d.from, d.to = netip.AddrFrom4([4]byte(p[12:])), netip.AddrFrom4([4]byte(p[16:]))
	d.protocol = p[9]
	d.p, d.missing = cut(p, header, total)
	flags := binary.BigEndian.Uint16(p[6:])
	d.more, d.off = flags&0x2000 != 0, int(flags&0x1fff)*8
	d.fragment = d.more || d.off > 0
	d.id = uint32(binary.BigEndian.Uint16(p[4:]))
	return d, true
}

func parseIPv6(p []byte, wire int) (d packed, ok bool) {
	if len(p) < 40 {
		return d, false
	}
	d.from, d.to = netip.AddrFrom16([16]byte(p[8:])), netip.AddrFrom16([16]byte(p[24:]))
	d.protocol = p[6]
	total := 40 + int(binary.BigEndian.Uint16(p[4:]))
	if total == 40 {
		total = wire
	}
	d.p, d.missing = cut(p, 40, total)
	return d, d.extensions()
}

// extensions goes past extension headers (RFC 8200 §4), up to TCP or a fragment.
func (d *packed) extensions() bool {
	for {
		size := 8
		switch d.protocol {
		case protocolTCP:
			return true
		case hopByHop, routing, destination, mobility:
			if len(d.p) < 8 {
				return false
			}
			size += int(d.p[1]) * 8
		case authenticated:
			if len(d.p) < 8 {
				return false
			}
			size = int(d.p[1])*4 + 8
		case fragmentation:
			if len(d.p) < 8 || d.fragment {
				return false
			}
			at := binary.BigEndian.Uint16(d.p[2:])
			d.off, d.more = int(at&^7), at&1 != 0
			d.fragment = d.more || d.off > 0 // an atomic one is whole (RFC 6946)
			d.id = binary.BigEndian.Uint32(d.p[4:])
		default:
			return false
		}
		if size > len(d.p) {
			return false
		}
		whole := d.protocol != fragmentation || !d.fragment
		d.protocol, d.p = d.p[0], d.p[size:]
		if !whole {
			return true // what follows is known once all fragments are there
		}
	}
}

// TCP flags (RFC 9293 §3.1).
const (
	flagFIN = 0x01
	flagSYN = 0x02
	flagRST = 0x04
	flagACK = 0x10
)

// segment is a TCP segment. p is what was captured of its payload.
type segment struct {
	from, to netip.AddrPort
	seq, ack uint32
	flags    byte
	p        []byte
	missing  int
}

func (s *segment) has(flag byte) bool { return s.flags&flag != 0 }

func parseTCP(d *packed) (s segment, ok bool) {
	p := d.p
	if d.protocol != protocolTCP || len(p) < 20 {
		return s, false
	}
	header := int(p[12]>>4) * 4
	if header < 20 || header > len(p)+d.missing {
		return s, false
	}
	s.from = netip.AddrPortFrom(d.from, binary.BigEndian.Uint16(p))
	s.to = netip.AddrPortFrom(d.to, binary.BigEndian.Uint16(p[2:]))
	s.seq, s.ack = binary.BigEndian.Uint32(p[4:]), binary.BigEndian.Uint32(p[8:])
	s.flags = p[13]
	s.p, s.missing = cut(p, header, len(p)+d.missing)
	return s, true
}
