package captures

import (
	"encoding/binary"
	"math/bits"
)

// sum adds p to a ones' complement sum (RFC 1071) in 64-bit steps. Octets are taken in
// host order of a little-endian machine; fold swaps the result. The 64 octets a round
// keep one carry chain going: BenchmarkSum shows what that is worth.
func sum(acc uint64, p []byte) uint64 {
	var c uint64
	for len(p) >= 64 {
		q := p[:64:64]
		acc, c = bits.Add64(acc, binary.LittleEndian.Uint64(q[0:]), 0)
		acc, c = bits.Add64(acc, binary.LittleEndian.Uint64(q[8:]), c)
		acc, c = bits.Add64(acc, binary.LittleEndian.Uint64(q[16:]), c)
		acc, c = bits.Add64(acc, binary.LittleEndian.Uint64(q[24:]), c)
		acc, c = bits.Add64(acc, binary.LittleEndian.Uint64(q[32:]), c)
		acc, c = bits.Add64(acc, binary.LittleEndian.Uint64(q[40:]), c)
		acc, c = bits.Add64(acc, binary.LittleEndian.Uint64(q[48:]), c)
		acc, c = bits.Add64(acc, binary.LittleEndian.Uint64(q[56:]), c)
		acc, c = bits.Add64(acc, 0, c)
		acc += c
		p = p[64:]
	}
	for len(p) >= 8 {
		acc, c = bits.Add64(acc, binary.LittleEndian.Uint64(p), 0)
		acc, c = bits.Add64(acc, 0, c)
		acc += c
		p = p[8:]
	}
	if len(p) > 0 {
		var rest [8]byte
		copy(rest[:], p)
		acc, c = bits.Add64(acc, binary.LittleEndian.Uint64(rest[:]), 0)
		acc, c = bits.Add64(acc, 0, c)
		acc += c
	}
	return acc
}

// fold gives the checksum of a sum, to be stored with binary.BigEndian.
func fold(acc uint64) uint16 {
	acc = acc>>32 + acc&0xffffffff
	acc = acc>>32 + acc&0xffffffff
	acc = acc>>16 + acc&0xffff
	acc = acc>>16 + acc&0xffff
	return ^bits.ReverseBytes16(uint16(acc))
}
