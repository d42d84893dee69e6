package mime

import (
	"encoding/binary"
	mathbits "math/bits"
)

// single are the fields that may stand once (RFC 5322 §3.6, RFC 2045 §3). Those that describe
// content stand last.
var single = [...]string{
	nameFrom: "from", nameDate: "date", 2: "sender", 3: "reply-to", 4: "to", 5: "cc", 6: "bcc", 7: "message-id",
	8: "in-reply-to", 9: "references", nameSubject: "subject",
	nameContentType: "content-type", nameEncoding: "content-transfer-encoding", 13: "mime-version", 14: "content-id",
	nameDisposition: "content-disposition",
}

const (
	nameFrom        = 0
	nameDate        = 1
	nameSubject     = 10
	nameContentType = 11
	nameEncoding    = 12
	nameDisposition = 15
)

// keptAs gives for each of single where fields keeps its value, plus one; 0 where it does not.
var keptAs = [len(single)]uint8{
	nameContentType: fieldType + 1, nameEncoding: fieldEncoding + 1, nameDisposition: fieldDisposition + 1,
	nameFrom: fieldFrom + 1, nameSubject: fieldSubject + 1, nameDate: fieldDate + 1,
}

// byLength are the indexes into single of the names of each length.
var byLength = func() (t [len("content-transfer-encoding") + 1][]int8) {
	for i, name := range single {
		t[len(name)] = append(t[len(name)], int8(i))
	}
	return t
}()

// field is what stands before the colon of a header line.
type field struct {
	index int // in single; -1: another field, or none
	colon int // its offset in the line; -1: the line has no field name and colon
}

// nameOctets is how many octets stand before the first white space, control or colon.
func nameOctets(line []byte) int {
	n := 0
	for ; n+8 <= len(line); n += 8 {
		w := binary.LittleEndian.Uint64(line[n:])
		// Of each word the first octet that is found is sure to be one (see plain).
		colon := w ^ ':'*ones
		if found := ((w-('!'*ones))&^w | (colon-ones)&^colon) & high; found != 0 {
			return n + mathbits.TrailingZeros64(found)>>3
		}
	}
	for n < len(line) && line[n] > ' ' && line[n] != ':' {
		n++
	}
	return n
}

// sameName compares the name of a field with one of single that is as long. With its bit for lower case
// set, no octet that a name may have becomes one of these but the letter itself.
func sameName(p []byte, lower string) bool {
	n := len(p)
	if n < 8 {
		for i, c := range p {
			if c|0x20 != lower[i] {
				return false
			}
		}
		return true
	}
	for i := 0; ; i += 8 {
		i = min(i, n-8) // the last word overlaps the one before
		if binary.LittleEndian.Uint64(p[i:])|0x20*ones != binary.LittleEndian.Uint64([]byte(lower[i:i+8])) {
			return false
		}
		if i == n-8 {
			return true
		}
	}
}

// fieldOf reads the name that a header line begins with.
func fieldOf(line []byte) field {
	n := nameOctets(line)
	colon := n
	for colon < len(line) && (line[colon] == ' ' || line[colon] == '\t') {
		colon++ // RFC 5322 §4.5.8
	}
	f := field{-1, colon}
	if n == 0 || colon == len(line) || line[colon] != ':' {
		f.colon = -1
		return f
	}
	if n >= len(byLength) {
		return f
	}
	for _, i := range byLength[n] {
		if line[0]|0x20 == single[i][0] && sameName(line[:n], single[i]) {
			f.index = int(i)
		}
	}
	return f
}
