package mime

import "bytes"

// survey is what one pass over the text of a body finds.
type survey struct {
	lines    int    // LFs
	longest  int    // at least as many blocks as the longest line has, less one
	unpaired uint32 // not 0: a CR or LF is not one of a pair
	beyond   uint32 // not 0: an octet is not ASCII
	nul      uint32 // not 0: an octet is NUL
}

const surveyBlock = 32

// plainText looks at octets of a body that goes on behind the octet last, in which the line has
// had line octets so far. It gives ok where no rule can be broken: all lines end in CRLF and are
// shorter than is allowed, and there is no NUL; and whether all is ASCII. A CR at the very end is
// not judged. It may say no where all is well.
func plainText(p []byte, last byte, line int64) (lines int, ascii, ok bool) {
	const longestBlocks = longestLine/surveyBlock - 3 // of one line, whatever the blocks' borders cut off
	if !surveys || len(p) <= surveyBlock || line > longestLine/2 {
		return 0, false, false
	}
	// The first octet by itself, since what is before it lies elsewhere.
	if (p[0] == '\n') != (last == '\r') || p[0] == 0 {
		return 0, false, false
	}
	var v survey
	if p[0] == '\n' {
		v.lines, line = 1, 0
	}
	n := (len(p) - 1) / surveyBlock
	surveyBlocks(&p[1], n, int(line)/surveyBlock+1, &v)
	if rest := p[1+n*surveyBlock:]; len(rest) > 0 {
		block := [1 + surveyBlock]byte{p[n*surveyBlock]}
		for i := 1 + copy(block[1:], rest); i < len(block); i++ {
			block[i] = ' '
		}
		if block[len(rest)] == '\r' {
			block[len(rest)] = ' ' // which the padding is not to make bare
		}
		surveyBlocks(&block[1], 1, 0, &v)
	}
	ok = v.unpaired == 0 && v.nul == 0 && v.longest <= longestBlocks
	return v.lines, v.beyond == 0 && p[0] < 0x80, ok
}

// lineSoFar is how many octets stand behind the last LF; before is what they go on with.
func lineSoFar(p []byte, before int64) int64 {
	if i := bytes.LastIndexByte(p, '\n'); i >= 0 {
		return int64(len(p) - i - 1)
	}
	return before + int64(len(p))
}
