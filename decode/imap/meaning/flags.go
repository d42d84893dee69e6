package meaning

import "bytes"

// flagSet is the flags of a message as bits: the system flags, and a keyword each for the
// bits that are left.
type flagSet uint16

const (
	flagSeen flagSet = 1 << iota
	flagAnswered
	flagFlagged
	flagDeleted
	flagDraft
	flagRecent
	flagsKnown // the flags were said
	firstKeyword
)

// keywordBits is how many keywords of a mailbox are followed.
const keywordBits = 9

func (f flagSet) deleted() uint32 { return uint32(f&flagDeleted) / uint32(flagDeleted) }

// systemFlag gives the bit of a flag of RFC 9051 §2.3.2, 0 of any other.
func systemFlag(name []byte) flagSet {
	if len(name) < 5 || len(name) > 9 || name[0] != '\\' {
		return 0
	}
	switch {
	case bytes.EqualFold(name, []byte(`\Seen`)):
		return flagSeen
	case bytes.EqualFold(name, []byte(`\Answered`)):
		return flagAnswered
	case bytes.EqualFold(name, []byte(`\Flagged`)):
		return flagFlagged
	case bytes.EqualFold(name, []byte(`\Deleted`)):
		return flagDeleted
	case bytes.EqualFold(name, []byte(`\Draft`)):
		return flagDraft
	case bytes.EqualFold(name, []byte(`\Recent`)):
		return flagRecent
	}
	return 0
}

// keywords are those of one mailbox that have a bit, in the order of their bits.
type keywords [][]byte

// bit gives the bit of a keyword, a new one while there are any, otherwise 0.
func (k *keywords) bit(name []byte) flagSet {
	for i, have := range *k {
		if bytes.EqualFold(have, name) {
			return firstKeyword << i
		}
	}
	if len(*k) == keywordBits || len(name) > 128 {
		return 0
	}
	*k = append(*k, bytes.Clone(name))
	return firstKeyword << (len(*k) - 1)
}
