package print

import (
	"bytes"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/mailtrace/mailtrace/decode"
)

// Columns of a row, counted from 0:
//
//	0    5    10  14                                          58
//	#1   0.053 C: a1 LOGIN u1 xxxxxx                          log in as u1
//	#1            ┊ what lies inside
//	#1 ── a state ────────────────────────────────────────────────────────
const (
	clockEnd     = 10 // the time ends before it
	textColumn   = 14
	noteColumn   = 58
	noteMin      = 16 // columns of a note at least, in a narrow line
	widthDefault = 100
	widthMin     = 60
)

// row is one line with a time.
type row struct {
	conn  *connection
	at    time.Time
	mark  string // two columns: "C:", "S:", "==", …
	text  []byte // wire octets
	own   bool   // text is ours, not the wire's
	note  []byte // ours, possibly with pieces of the wire in it
	style style  // of mark and text
	tone  style  // of the note; plain means dim
}

// painted appends visible text in a style.
func (t *text) painted(s style, p []byte) {
	if len(p) == 0 {
		return
	}
	t.buf = append(t.buf, t.palette[s].on...)
	t.buf = append(t.buf, p...)
	t.buf = append(t.buf, t.palette[s].off...)
}

// begin appends the number of the connection and gives the columns.
func (t *text) begin(c *connection) int {
	n := len(t.buf)
	t.buf = append(t.buf, '#')
	t.buf = strconv.AppendInt(t.buf, int64(c.number), 10)
	return len(t.buf) - n
}

// spaces appends n spaces, at least min.
func (t *text) spaces(n, least int) int {
	n = max(n, least)
	for range n {
		t.buf = append(t.buf, ' ')
	}
	return n
}

// print lays out a row.
func (t *text) print(r row) {
	var clock [24]byte
	at := appendClock(clock[:0], r.at.Sub(r.conn.base))
	col := t.begin(r.conn)
	col += t.spaces(clockEnd-col-len(at), 1)
	t.buf = append(t.buf, at...)
	col += len(at)
	t.buf = append(t.buf, ' ')
	col++
	t.buf = append(t.buf, t.palette[r.style].on...)
	t.buf = append(t.buf, r.mark...)
	col += utf8.RuneCountInString(r.mark)
	if len(r.text) > 0 || len(r.note) > 0 {
		col += t.spaces(textColumn-col, 1)
	}
	t.visible = t.show(t.visible[:0], r.text, r.own)
	var cols int
	end := t.width
	if len(r.note) > 0 {
		end = max(t.noteAt-1, col+8)
	}
	t.buf, cols = appendMiddle(t.buf, t.visible, end-col, t.signs.cut)
	col += cols
	t.buf = append(t.buf, t.palette[r.style].off...)
	if len(r.note) > 0 {
		col += t.spaces(t.noteAt-col, 1)
		t.note(r, col)
	}
	t.buf = append(t.buf, '\n')
	r.conn.saw = r.mark
}

// note appends a note: cut to the line, or with Verbose on as many lines as it needs.
func (t *text) note(r row, col int) {
	tone := r.tone
	if tone == plain {
		tone = dim
	}
	t.visible = appendOwn(t.visible[:0], r.note, t.o.ASCII)
	p := t.visible
	for lines := 1; ; lines++ {
		n := len(p)
		if t.o.Verbose && lines < linesMax {
			n = wrap(p, t.width-col)
		}
		t.buf = append(t.buf, t.palette[tone].on...)
		t.buf, _ = appendCut(t.buf, p[:n], t.width-col, t.signs.cut)
		t.buf = append(t.buf, t.palette[tone].off...)
		p = bytes.TrimLeft(p[n:], " ")
		if len(p) == 0 {
			return
		}
		t.buf = append(t.buf, '\n')
		col = t.begin(r.conn)
		col += t.spaces(t.noteAt-col, 1)
	}
}

// linesMax bounds the lines of one sentence.
const linesMax = 6

// wrap gives how many octets of p go on a line of w columns, whole words if possible.
func wrap(p []byte, w int) int {
	n, _ := head(p, max(w, 8))
	if n == len(p) {
		return n
	}
	if i := bytes.LastIndexByte(p[:n+1], ' '); i > 0 {
		return i
	}
	return max(n, 1)
}

// show appends wire octets or own words in visible form. Of a very long line only the
// ends are looked at, since the middle is cut anyway.
func (t *text) show(dst, p []byte, own bool) []byte {
	if own {
		return appendOwn(dst, p, t.o.ASCII)
	}
	most := max(1024, 8*t.width)
	if len(p) <= 2*most {
		return appendVisible(dst, p, t.o.ASCII)
	}
	a, b := most, len(p)-most
	for i := 0; i < utf8.UTFMax && !utf8.RuneStart(p[a]); i++ {
		a--
	}
	for i := 0; i < utf8.UTFMax && !utf8.RuneStart(p[b]); i++ {
		b++
	}
	dst = appendVisible(dst, p[:a], t.o.ASCII)
	dst = append(dst, t.signs.cut...)
	return appendVisible(dst, p[b:], t.o.ASCII)
}

// inside begins a line beneath a row; indent columns further in than the text.
func (t *text) inside(c *connection, bar string, indent int, s style) (col int) {
	col = t.begin(c)
	col += t.spaces(textColumn+indent-col, 1)
	t.buf = append(t.buf, t.palette[s].on...)
	if bar != "" {
		t.buf = append(t.buf, bar...)
		t.buf = append(t.buf, ' ')
		col += utf8.RuneCountInString(bar) + 1
	}
	return col
}

func (t *text) endInside(s style) {
	t.buf = append(t.buf, t.palette[s].off...)
	t.buf = append(t.buf, '\n')
}

// sub prints what lies inside the reply above, as visible text cut to the line.
func (t *text) sub(c *connection, visible []byte, s style) {
	col := t.inside(c, t.signs.bar, 0, s)
	t.buf, _ = appendCut(t.buf, visible, t.width-col, t.signs.cut)
	t.endInside(s)
}

// subOwn prints a sentence of our own beneath a row, on as many lines as it needs.
func (t *text) subOwn(c *connection, bar string, indent int, p []byte, s style) {
	t.visible = appendOwn(t.visible[:0], p, t.o.ASCII)
	v := t.visible
	for lines := 1; len(v) > 0; lines++ {
		col := t.inside(c, bar, indent, s)
		n := len(v)
		if lines < linesMax {
			n = wrap(v, t.width-col)
		}
		t.buf, _ = appendCut(t.buf, v[:n], t.width-col, t.signs.cut)
		t.endInside(s)
		v = bytes.TrimLeft(v[n:], " ")
	}
}

// rule prints a line across: left at its beginning, right at its end, both our own
// words. Where both do not fit they take two lines.
func (t *text) rule(c *connection, left, right []byte, s style) {
	t.visible = appendOwn(t.visible[:0], left, t.o.ASCII)
	split := len(t.visible)
	t.visible = appendOwn(t.visible, right, t.o.ASCII)
	l, r := t.visible[:split], t.visible[split:]
	var number [24]byte
	frame := len(strconv.AppendInt(number[:0], int64(c.number), 10)) + 1 + len(" -- ") + len(" --")
	if len(r) > 0 && frame+widthOf(l)+widthOf(r)+len(" ")+len(" ") > t.width {
		t.ruleLine(c, l, nil, s)
		l = nil
	}
	t.ruleLine(c, l, r, s)
}

func (t *text) ruleLine(c *connection, left, right []byte, s style) {
	col := t.begin(c)
	t.buf = append(t.buf, ' ')
	t.buf = append(t.buf, t.palette[s].on...)
	line := func(n int) {
		for range n {
			t.buf = append(t.buf, t.signs.rule...)
		}
		col += max(n, 0)
	}
	col++
	line(2)
	var n int
	if len(left) > 0 {
		t.buf = append(t.buf, ' ')
		col++
		most := t.width - col - 3
		if len(right) > 0 {
			most -= widthOf(right) + 4
		}
		t.buf, n = appendMiddle(t.buf, left, max(most, 8), t.signs.cut)
		t.buf = append(t.buf, ' ')
		col += n + 1
	}
	if len(right) > 0 {
		w := widthOf(right)
		line(t.width - col - w - 4)
		t.buf = append(t.buf, ' ')
		t.buf, n = appendCut(t.buf, right, max(t.width-col-4, 8), t.signs.cut)
		t.buf = append(t.buf, ' ')
		col += n + 2
	}
	line(t.width - col)
	t.buf = append(t.buf, t.palette[s].off...)
	t.buf = append(t.buf, '\n')
}

// markOf says who speaks.
func markOf(d decode.Dir, o decode.Origin) string {
	switch {
	case d == decode.Client && o == decode.FromProxy:
		return "C~"
	case d == decode.Client:
		return "C:"
	case d == decode.Server && o == decode.FromProxy:
		return "S~"
	case d == decode.Server:
		return "S:"
	}
	return "=="
}

func styleOf(d decode.Dir) style {
	if d == decode.Client {
		return client
	}
	return plain
}
