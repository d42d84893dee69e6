package captures

import (
	"encoding/binary"
	"io"

	"github.com/mailtrace/mailtrace/captures/internal/tcp"
)

// The sizes of a pcap file's headers (draft-ietf-opsawg-pcap).
const (
	pcapHeader   = 24
	recordHeader = 16
)

// pcapMagics tell the byte order and the unit of time of a pcap file.
var pcapMagics = map[string]pcapFile{
	"\xd4\xc3\xb2\xa1": {order: binary.LittleEndian, unit: 1000},
	"\xa1\xb2\xc3\xd4": {order: binary.BigEndian, unit: 1000},
	"\x4d\x3c\xb2\xa1": {order: binary.LittleEndian, unit: 1},
	"\xa1\xb2\x3c\x4d": {order: binary.BigEndian, unit: 1},
}

// pcapFile reads a pcap file.
type pcapFile struct {
	blocks *blocks
	order  binary.ByteOrder
	unit   int64 // nanoseconds
	link   tcp.Link
}

// openPcap reads the file's header, whose magic is known already.
func openPcap(b *blocks, f pcapFile) (*pcapFile, error) {
	head, err := b.peek(pcapHeader)
	if err != nil {
		return nil, err
	}
	if len(head) < pcapHeader {
		return nil, &Truncated{}
	}
	f.blocks = b
	f.link = tcp.Link(f.order.Uint32(head[20:])) // what stands in the upper half is something else
	b.skip(pcapHeader)
	return &f, nil
}

func (f *pcapFile) next() (r captured, err error) {
	r.offset, r.link = f.blocks.offset, f.link
	head, err := f.blocks.peek(recordHeader)
	if err != nil {
		return r, err
	}
	if len(head) == 0 && !f.blocks.cut {
		return r, io.EOF
	}
	if len(head) < recordHeader || [recordHeader]byte(head) == [recordHeader]byte{} {
		return r, &Truncated{Offset: r.offset}
	}
	size := f.order.Uint32(head[8:])
	r.at = timeOf(int64(f.order.Uint32(head)), int64(f.order.Uint32(head[4:]))*f.unit)
	r.octets = int(min(f.order.Uint32(head[12:]), largestBlock))
	if size > largestBlock {
		return r, damaged(r.offset, "expected a record of %d octets at most, got %d", largestBlock, size)
	}
	all, err := f.blocks.peek(recordHeader + int(size))
	if err != nil {
		return r, err
	}
	if len(all) < recordHeader+int(size) {
		return r, &Truncated{Offset: r.offset}
	}
	r.p = all[recordHeader:]
	f.blocks.skip(len(all))
	return r, nil
}
