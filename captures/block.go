package captures

import "encoding/binary"

// pcapng block types and options (draft-ietf-opsawg-pcapng), as far as they are written.
const (
	sectionHeader    = 0x0a0d0d0a
	interfaceBlock   = 1
	enhancedBlock    = 6 // one synthetic segment
	byteOrderMagic   = 0x1a2b3c4d
	optEnd           = 0
	optComment       = 1
	optApplication   = 4 // of the section header
	optResolution    = 9 // of the interface description
	linkRaw          = 101
	microseconds     = 6
	enhancedHeader   = 28
	ipHeader         = 20
	tcpHeader        = 20
	segmentHeader    = enhancedHeader + ipHeader + tcpHeader
	smallestBlock    = 12
	largestBlock     = 4 << 20 // refused when read; the largest that is written is below it
	segmentSize      = 16 << 10
	commentSize      = 60_000 // an option counts its octets in 16 bits
	formatVersion    = "1"
	commentPrefix    = "mailtrace: "
	commentContinued = "mailtrace+ "
)

var le = binary.LittleEndian

// pad gives the octets missing to a multiple of four.
func pad(n int) int { return -n & 3 }

// appendSection writes the section header and the one interface.
func appendSection(b []byte, application string) []byte {
	start := len(b)
	b = le.AppendUint32(b, sectionHeader)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint32(b, byteOrderMagic)
	b = le.AppendUint16(b, 1)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint64(b, 1<<64-1) // the section's length is not known yet
	b = appendOption(b, optComment, commentPrefix+"capture format="+formatVersion)
	b = appendOption(b, optApplication, application)
	b = appendOption(b, optEnd, "")
	b = closeBlock(b, start)

	start = len(b)
	b = le.AppendUint32(b, interfaceBlock)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint16(b, linkRaw)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint32(b, 0) // no limit on a segment's octets
	b = appendOption(b, optResolution, string([]byte{microseconds}))
	b = appendOption(b, optEnd, "")
	return closeBlock(b, start)
}

func appendOption(b []byte, code uint16, value string) []byte {
	b = le.AppendUint16(b, code)
	b = le.AppendUint16(b, uint16(len(value)))
	b = append(b, value...)
	return append(b, "\x00\x00\x00"[:pad(len(value))]...)
}

// appendComment writes a comment, cut into several options where it is longer than one
// can hold.
func appendComment(b []byte, text string) []byte {
	prefix := commentPrefix
	for text != "" {
		n := min(len(text), commentSize)
		b = appendOption(b, optComment, prefix+text[:n])
		text, prefix = text[n:], commentContinued
	}
	return b
}

// closeBlock puts the length on both ends of the block that begins at start.
func closeBlock(b []byte, start int) []byte {
	n := uint32(len(b) - start + 4)
	le.PutUint32(b[start+4:], n)
	return le.AppendUint32(b, n)
}
