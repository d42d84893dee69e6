package mime

import "bytes"

// survey is what one pass over the text of a body finds.
type survey struct {
	lines    int    // LFs
	empty    int    // stretches without an LF
	unpaired uint32 // not 0: a CR or LF is not one of a pair
	beyond   uint32 // not 0: an octet is not ASCII
	nul      uint32 // not 0: an octet is NUL
}

const (
	surveyBlock = 32
	// stretchBlocks is how much has an LF in it, if text has lines that are short enough: of two
	// stretches no line takes more than nearly all.
	stretchBlocks = 14
	stretch       = stretchBlocks * surveyBlock
)

// plainText looks at octets of a body that goes on behind the octet last, in which the line has
// had line octets so far. It gives ok where no rule can be broken: all lines end in CRLF and are
// shorter than is allowed, and there is no NUL; and whether all is ASCII. A CR at the very end is
// not judged. It may say no where all is well.
func plainText(p []byte, last byte, line int64) (lines int, ascii, ok bool) {
	if !surveys || len(p) <= surveyBlock || line+stretch > longestLine {
		return 0, false, false
	}
	// The first octet by itself, since what is before it lies elsewhere.
	if (p[0] == '\n') != (last == '\r') || p[0] == 0 {
		return 0, false, false
	}
	var v survey
	if p[0] == '\n' {
		v.lines = 1
	}
	n := (len(p) - 1) / surveyBlock
	surveyBlocks(&p[1], n, &v)
	if n%stretchBlocks != 0 && v.empty == 1 && bytes.LastIndexByte(p[1:1+n*surveyBlock], '\n') < (n-n%stretchBlocks)*surveyBlock {
		v.empty = 0 // the last stretch, which is shorter
	}
	if rest := p[1+n*surveyBlock:]; len(rest) > 0 {
		block := [1 + surveyBlock]byte{p[n*surveyBlock]}
		for i := 1 + copy(block[1:], rest); i < len(block); i++ {
			block[i] = ' '
		}
		if block[len(rest)] == '\r' {
			block[len(rest)] = ' ' // which the padding is not to make bare
		}
		tail := v
		surveyBlocks(&block[1], 1, &tail)
		tail.empty = v.empty
		v = tail
	}
	ok = v.unpaired == 0 && v.nul == 0 && v.empty == 0
	return v.lines, v.beyond == 0 && p[0] < 0x80, ok
}

// lineSoFar is how many octets stand behind the last LF; before is what they go on with.
func lineSoFar(p []byte, before int64) int64 {
	if i := bytes.LastIndexByte(p, '\n'); i >= 0 {
		return int64(len(p) - i - 1)
	}
	return before + int64(len(p))
}
