package print

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

const hex = "0123456789ABCDEF"

// marksLimit bounds combining marks in a row, which take no column of their own.
const marksLimit = 4

// appendVisible appends p so that no octet of it can steer a terminal: printable UTF-8
// as it is, every other octet as \xNN. With ascii nothing outside ASCII is printable. A
// backslash that would read as such an escape is escaped itself, so the octets can be
// had back.
func appendVisible(dst, p []byte, ascii bool) []byte {
	marks := 0
	for i := 0; i < len(p); {
		n := harmless(p[i:])
		dst = append(dst, p[i:i+n]...)
		if i += n; i == len(p) {
			break
		}
		if n > 0 {
			marks = 0
		}
		c := p[i]
		if c < utf8.RuneSelf {
			marks = 0
			if c != '\\' || looksEscaped(p[i:]) {
				dst = appendHex(dst, c)
			} else {
				dst = append(dst, c)
			}
			i++
			continue
		}
		var r rune
		r, n = utf8.DecodeRune(p[i:])
		printable := !ascii && (r != utf8.RuneError || n > 1) && unicode.IsPrint(r)
		if printable && columns(r) == 0 {
			marks++
			printable = marks <= marksLimit
		} else {
			marks = 0
		}
		if printable {
			dst = append(dst, p[i:i+n]...)
		} else {
			for _, c := range p[i : i+n] {
				dst = appendHex(dst, c)
			}
		}
		i += n
	}
	return dst
}

// harmless gives how many octets at the beginning are printable ASCII other than a
// backslash.
func harmless(p []byte) int {
	for i, c := range p {
		if c < ' ' || c >= 0x7f || c == '\\' {
			return i
		}
	}
	return len(p)
}

func appendHex(dst []byte, c byte) []byte { return append(dst, '\\', 'x', hex[c>>4], hex[c&15]) }

func looksEscaped(p []byte) bool {
	return len(p) >= 4 && p[1] == 'x' && isHex(p[2]) && isHex(p[3])
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// inASCII are the signs of our own that have a spelling in ASCII.
var inASCII = map[rune]string{
	'·': "-", '–': "-", '—': "-", '→': "->", '←': "<-", '…': "...", '≥': ">=", '≤': "<=", '×': "x", 'µ': "u",
	'§': "section ", '┘': "+", '┐': "+", '┊': "|", '│': "|", '─': "-", '✓': "ok", '✗': "x", '▲': "!",
	'“': "\"", '”': "\"", '’': "'",
}

// appendOwn is appendVisible for sentences of our own.
func appendOwn(dst, p []byte, ascii bool) []byte {
	if !ascii {
		return appendVisible(dst, p, false)
	}
	from := 0
	for i := 0; i < len(p); {
		if p[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(p[i:])
		if s, ok := inASCII[r]; ok {
			dst = appendVisible(dst, p[from:i], true)
			dst = append(dst, s...)
			from = i + n
		}
		i += n
	}
	return appendVisible(dst, p[from:], true)
}

// columns is the width of a rune on a terminal.
func columns(r rune) int {
	if r < 0x300 {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// widthOf is the number of columns of visible text.
func widthOf(p []byte) int {
	n := 0
	for i := 0; i < len(p); {
		if p[i] < utf8.RuneSelf {
			n++
			i++
			continue
		}
		r, k := utf8.DecodeRune(p[i:])
		n += columns(r)
		i += k
	}
	return n
}

// head gives how many octets of p fit in w columns, and the columns that they take.
func head(p []byte, w int) (octets, cols int) {
	for octets < len(p) {
		r, k := utf8.DecodeRune(p[octets:])
		c := columns(r)
		if cols+c > w {
			break
		}
		cols += c
		octets += k
	}
	return octets, cols
}

// tail gives where the last w columns of p begin, never at a combining mark.
func tail(p []byte, w int) (from, cols int) {
	from = len(p)
	at, sum := from, 0
	for at > 0 {
		r, k := utf8.DecodeLastRune(p[:at])
		c := columns(r)
		if sum+c > w {
			break
		}
		sum += c
		at -= k
		if c > 0 {
			from, cols = at, sum
		}
	}
	return from, cols
}

// appendCut appends p, at most w columns of it, and gives the columns.
func appendCut(dst, p []byte, w int, ellipsis string) ([]byte, int) {
	if len(p) <= w {
		if n := widthOf(p); n <= w {
			return append(dst, p...), n
		}
	} else if n := widthOf(p); n <= w {
		return append(dst, p...), n
	}
	e := widthOf([]byte(ellipsis))
	n, c := head(p, max(w-e, 0))
	dst = append(dst, p[:n]...)
	return append(dst, ellipsis...), c + e
}

// nudge is how far a cut moves to fall between two words.
const nudge = 8

// appendMiddle appends p, at most w columns of it, the middle left out: of a response
// the beginning says what it is, and the end says how it went. The cut moves a little
// where that leaves words whole.
func appendMiddle(dst, p []byte, w int, ellipsis string) ([]byte, int) {
	if len(p) <= 4*w+16 {
		if n := widthOf(p); n <= w {
			return append(dst, p...), n
		}
	}
	e := widthOf([]byte(ellipsis))
	room := max(w-e, 2)
	from, tcols := tail(p, (room*3+7)/8)
	if from > 0 && !boundary(p[from-1], p[from]) {
		for i, c := from, tcols; i < len(p)-1 && i-from < nudge && p[i] < utf8.RuneSelf; i++ {
			if boundary(p[i], p[i+1]) {
				from, tcols = i+1, c-1
				break
			}
			c--
		}
	}
	n, hcols := head(p[:from], room-tcols)
	if n < from && n > 0 && !boundary(p[n-1], p[n]) {
		for i, c := n, hcols; i > 1 && n-i < nudge && p[i-1] < utf8.RuneSelf; i-- {
			if boundary(p[i-1], p[i]) {
				n, hcols = i, c
				break
			}
			c--
		}
	}
	for n > 1 && p[n-1] == ' ' {
		n--
		hcols--
	}
	for from < len(p)-1 && p[from] == ' ' {
		from++
		tcols--
	}
	dst = append(dst, p[:n]...)
	dst = append(dst, ellipsis...)
	dst = append(dst, p[from:]...)
	return dst, hcols + e + tcols
}

// boundary tells whether a cut between two octets leaves words whole.
func boundary(before, after byte) bool {
	return before == ' ' || after == ' ' || after == ']' || after == ')'
}

// Width is how many columns of a terminal a printable text takes.
func Width(s string) int { return widthOf([]byte(s)) }
