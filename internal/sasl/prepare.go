package sasl

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"
)

// The tables of RFC 3454 that SASLprep refers to, where Go's unicode package has no such class.
var (
	nothing = &unicode.RangeTable{R16: []unicode.Range16{ // B.1
		{0x00ad, 0x00ad, 1},
		{0x034f, 0x034f, 1},
		{0x1806, 0x1806, 1},
		{0x180b, 0x180d, 1},
		{0x200c, 0x200d, 1},
		{0x2060, 0x2060, 1},
		{0xfe00, 0xfe0f, 1},
		{0xfeff, 0xfeff, 1},
	}, LatinOffset: 1}
	spaces = &unicode.RangeTable{R16: []unicode.Range16{ // C.1.2
		{0x00a0, 0x00a0, 1},
		{0x1680, 0x1680, 1},
		{0x2000, 0x200b, 1},
		{0x202f, 0x202f, 1},
		{0x205f, 0x205f, 1},
		{0x3000, 0x3000, 1},
	}, LatinOffset: 1}
	prohibited = &unicode.RangeTable{R16: []unicode.Range16{ // C.2.2, C.6, C.7, C.8, and U+FFFD for what is no UTF-8
		{0x0340, 0x0341, 1},
		{0x06dd, 0x06dd, 1},
		{0x070f, 0x070f, 1},
		{0x180e, 0x180e, 1},
		{0x200e, 0x200f, 1},
		{0x2028, 0x202e, 1},
		{0x2061, 0x2063, 1},
		{0x206a, 0x206f, 1},
		{0x2ff0, 0x2ffb, 1},
		{0xfdd0, 0xfdef, 1},
		{0xfff9, 0xffff, 1},
	}, R32: []unicode.Range32{
		{0x1d173, 0x1d17a, 1},
		{0xe0001, 0xe007f, 1},
	}}
)

// prepare gives a name or password as SASLprep has it (RFC 4013), so that it agrees however it was
// typed: ä may be one character or two. What SASLprep prohibits stays as it is: a server that keeps such
// a password does not prepare it either, so there it is right, and nowhere else could it be.
func prepare(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
		return s
	}
	mapped := strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(spaces, r):
			return ' '
		case unicode.Is(nothing, r):
			return -1
		}
		return r
	}, s)
	p := norm.NFKC.String(mapped)
	if p == "" || !allowed(p) {
		return s
	}
	return p
}

// allowed tells whether a string has nothing that is prohibited (RFC 4013 §2.3), and one direction of
// writing (RFC 3454 §6).
func allowed(s string) bool {
	right, left := false, false
	for _, r := range s {
		if unicode.In(r, unicode.Cc, unicode.Co, prohibited) || r&0xfffe == 0xfffe {
			return false
		}
		right, left = right || isRight(r), left || class(r) == bidi.L
	}
	if !right {
		return true
	}
	first, _ := utf8.DecodeRuneInString(s)
	last, _ := utf8.DecodeLastRuneInString(s)
	return !left && isRight(first) && isRight(last)
}

func isRight(r rune) bool { return class(r) == bidi.R || class(r) == bidi.AL }

func class(r rune) bidi.Class {
	p, _ := bidi.LookupRune(r)
	return p.Class()
}
