package captures

import (
	"encoding/binary"
	"time"
)

type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

var (
	littleEndian byteOrder = binary.LittleEndian
	bigEndian    byteOrder = binary.BigEndian
)

// ngBlock wraps the body of a block.
func ngBlock(o byteOrder, kind uint32, body []byte) []byte {
	body = append(body, make([]byte, pad(len(body)))...)
	b := o.AppendUint32(nil, kind)
	b = o.AppendUint32(b, uint32(len(body)+12))
	b = append(b, body...)
	return o.AppendUint32(b, uint32(len(body)+12))
}

func ngSection(o byteOrder) []byte {
	b := o.AppendUint32(nil, byteOrderMagic)
	b = o.AppendUint16(o.AppendUint16(b, 1), 0)
	return ngBlock(o, sectionHeader, o.AppendUint64(b, 1<<64-1))
}

// ngLink describes an interface; tick is its if_tsresol, seconds its if_tsoffset.
func ngLink(o byteOrder, link uint16, tick byte, seconds int64) []byte {
	b := o.AppendUint16(o.AppendUint16(nil, link), 0)
	b = o.AppendUint32(b, 0)
	b = o.AppendUint16(o.AppendUint16(b, optResolution), 1)
	b = append(b, tick, 0, 0, 0)
	b = o.AppendUint16(o.AppendUint16(b, optOffset), 8)
	b = o.AppendUint64(b, uint64(seconds))
	return ngBlock(o, interfaceBlock, o.AppendUint32(b, 0))
}

func ngRecord(o byteOrder, id uint32, ticks uint64, r captured) []byte {
	b := o.AppendUint32(nil, id)
	b = o.AppendUint32(o.AppendUint32(b, uint32(ticks>>32)), uint32(ticks))
	b = o.AppendUint32(o.AppendUint32(b, uint32(len(r.p))), uint32(r.octets))
	return ngBlock(o, enhancedBlock, append(b, r.p...))
}

// pcapngBy writes a pcapng file by hand, in any byte order, in nanoseconds.
func pcapngBy(o byteOrder, records []captured) []byte {
	b := append(ngSection(o), ngLink(o, uint16(records[0].link), 9, 0)...)
	for _, r := range records {
		b = append(b, ngRecord(o, 0, uint64(r.at.UnixNano()), r)...)
	}
	return b
}

func ticksOf(t time.Time, perSecond uint64) uint64 {
	return uint64(t.Unix())*perSecond + uint64(t.Nanosecond())*perSecond/1e9
}
