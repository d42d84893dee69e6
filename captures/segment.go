package captures

import (
	"encoding/binary"

	"github.com/mailtrace/mailtrace/decode"
)

// segment is what an Enhanced Packet Block of ours holds; slices point into the block.
type segment struct {
	client  endpoint
	dir     decode.Dir
	micros  int64 // since 1970
	seq     uint32
	flags   byte
	payload []byte
	options []byte
}

// parseSegment takes a whole block apart. It says no to what is no IPv4 TCP segment
// between a client and the synthetic server. Checksums are for other readers.
func parseSegment(b []byte) (s segment, ok bool) {
	if len(b) < segmentHeader+4 {
		return s, false
	}
	n := int(le.Uint32(b[20:]))
	rest := b[enhancedHeader : len(b)-4]
	if n < ipHeader+tcpHeader || n > len(rest) || n+pad(n) > len(rest) {
		return s, false
	}
	ip := rest[:n]
	s.options = rest[n+pad(n):]
	s.micros = int64(uint64(le.Uint32(b[12:]))<<32 | uint64(le.Uint32(b[16:])))
	if ip[0] != 0x45 || ip[9] != 6 || int(binary.BigEndian.Uint16(ip[2:])) != n {
		return s, false
	}
	tcp := ip[ipHeader:]
	header := int(tcp[12]>>4) * 4
	if header < tcpHeader || header > len(tcp) {
		return s, false
	}
	from, to := binary.BigEndian.Uint32(ip[12:]), binary.BigEndian.Uint32(ip[16:])
	switch {
	case to == serverAddress:
		s.dir = decode.Client
		s.client = endpoint{from, binary.BigEndian.Uint16(tcp)}
	case from == serverAddress:
		s.dir = decode.Server
		s.client = endpoint{to, binary.BigEndian.Uint16(tcp[2:])}
	default:
		return s, false
	}
	s.seq = binary.BigEndian.Uint32(tcp[4:])
	s.flags = tcp[13]
	s.payload = tcp[header:]
	return s, true
}
