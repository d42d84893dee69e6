package fragment

import (
	"bytes"
	"time"
)

// tailSize is how much of an over-long line's end is kept: enough for "~{n+}" with a
// 63-bit n and the line end.
const tailSize = 32

// Lines gathers the lines of one direction. The zero value keeps nothing of a line that
// is cut; set Max.
type Lines struct {
	Max   int // octets kept of one line
	buf   []byte
	spare []byte // the buffer of the last line given, so that it outlives the next one's beginning
	n     int64  // octets of the unfinished line
	tail  [tailSize]byte
	first time.Time
}

// Line is one line, whole as far as Max goes.
type Line struct {
	Text  []byte    // without its line end, at most Max octets; valid until the line after the next is begun
	Tail  []byte    // the last octets without the line end; of a whole line Text itself
	Wire  int64     // octets on the wire, line end included
	EOL   []byte    // CRLF, or LF alone
	Cut   bool      // Text is not all of it
	First time.Time // when the first octet came
}

// Empty tells whether no unfinished line is held.
func (l *Lines) Empty() bool { return l.n == 0 }

// Raw gives the whole line as it was on the wire, line end included, or nil where Cut.
func (l Line) Raw() []byte {
	if l.Cut {
		return nil
	}
	return l.Text[:l.Wire]
}

// Held gives what is kept of the unfinished line, and how many octets it has so far.
func (l *Lines) Held() (kept []byte, octets int64) { return l.buf, l.n }

// First is when the first octet of the unfinished line came.
func (l *Lines) First() time.Time { return l.first }

// Drop forgets the unfinished line.
func (l *Lines) Drop() {
	l.n = 0
	if cap(l.buf) > 4<<10 {
		l.buf = nil
	}
	l.buf = l.buf[:0]
}

var (
	crlf = []byte("\r\n")
	lf   = crlf[1:]
)

// Take consumes p up to and including the next LF, or all of it where there is none.
// Only a line with done set is one; a line may end in LF alone, never in CR alone.
func (l *Lines) Take(p []byte, t time.Time) (line Line, n int, done bool) {
	i := bytes.IndexByte(p, '\n')
	if i >= 0 && l.n == 0 {
		line = Line{Text: p[:i], Wire: int64(i) + 1, EOL: lf, First: t}
		if i > 0 && p[i-1] == '\r' {
			line.Text, line.EOL = p[:i-1], crlf
		}
		line.Tail = line.Text
		if len(line.Text) > l.Max {
			line.Tail = line.Text[max(0, len(line.Text)-tailSize+len(crlf)):]
			line.Text, line.Cut = line.Text[:l.Max], true
		}
		return line, i + 1, true
	}
	if l.n == 0 {
		l.first = t
		l.buf = l.buf[:0]
	}
	n = i + 1
	if i < 0 {
		n = len(p)
	}
	l.keep(p[:n])
	if i < 0 {
		return Line{}, n, false
	}
	return l.end(), n, true
}

func (l *Lines) keep(p []byte) {
	// Room for the line end too, so that a line of Max octets can be given raw.
	if room := l.Max + len(crlf) - len(l.buf); room > 0 {
		l.buf = append(l.buf, p[:min(room, len(p))]...)
	}
	l.n += int64(len(p))
	if len(p) >= tailSize {
		copy(l.tail[:], p[len(p)-tailSize:])
	} else {
		copy(l.tail[:], l.tail[len(p):])
		copy(l.tail[tailSize-len(p):], p)
	}
}

func (l *Lines) end() Line {
	line := Line{Wire: l.n, EOL: lf, First: l.first}
	if l.n >= 2 && l.tail[tailSize-2] == '\r' {
		line.EOL = crlf
	}
	body := l.n - int64(len(line.EOL))
	line.Text = l.buf[:min(int64(len(l.buf)), body, int64(l.Max))]
	line.Cut = int64(len(line.Text)) < body
	line.Tail = line.Text
	if line.Cut {
		kept := min(body, int64(tailSize-len(line.EOL)))
		end := tailSize - len(line.EOL)
		line.Tail = bytes.Clone(l.tail[end-int(kept) : end])
	}
	l.n = 0
	l.buf, l.spare = l.spare[:0], l.buf
	return line
}
