package print

import (
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// Progress is how much went by of something long that no event tells of yet: a literal, a
// body.
type Progress struct {
	Conn   int
	Dir    decode.Dir
	Octets int64
}

// progressLeast is what is long.
const progressLeast = 256 << 10

// eraseLine goes to the beginning of a terminal's line and empties it (ECMA-48 §8.3.41).
const eraseLine = "\r\x1b[K"

// drawn is the line that stands below all rows for as long as it holds.
type drawn struct {
	on     bool
	of     Progress
	at     time.Time
	octets int64 // when it was drawn last
}

// progress draws what takes longest, or takes the line away. again asks for another call.
func (t *text) progress(all []Progress, now time.Time) (again bool, err error) {
	var of Progress
	for _, p := range all {
		if p.Octets > of.Octets && p.Octets >= progressLeast && (t.o.Conn == 0 || p.Conn == t.o.Conn) {
			of = p
		}
	}
	if of.Octets == 0 {
		return false, t.undraw()
	}
	d := &t.drawn
	t.words = appendCount(t.words[:0], of.Octets)
	if c := t.conns[key{number: of.Conn}]; c != nil && c.inside[of.Dir].due >= of.Octets {
		due := c.inside[of.Dir].due
		t.words = appendCount(append(t.words, " of "...), due)
		t.words = append(t.words, " octets · "...)
		t.words = append(appendCount(t.words, 100*of.Octets/due), " %"...)
	} else {
		t.words = append(t.words, " octets"...)
	}
	if same := d.on && d.of.Conn == of.Conn && d.of.Dir == of.Dir; same && of.Octets > d.octets && now.After(d.at) {
		t.words = append(t.words, " · "...)
		t.words = appendCount(t.words, int64(float64(of.Octets-d.octets)/now.Sub(d.at).Seconds()/1000))
		t.words = append(t.words, " kB/s"...)
	}
	d.on, d.of, d.at, d.octets = true, of, now, of.Octets
	start := len(t.buf)
	t.buf = append(t.buf, eraseLine...)
	c := t.connection(&decode.Event{Conn: of.Conn, Time: now})
	col := t.begin(c)
	col += t.spaces(textColumn-col, 1)
	t.visible = appendOwn(t.visible[:0], append([]byte(t.signs.bar+" "), t.words...), t.o.ASCII)
	t.buf = append(t.buf, t.palette[dim].on...)
	t.buf, _ = appendCut(t.buf, t.visible, t.width-col-1, t.signs.cut)
	t.buf = append(t.buf, t.palette[dim].off...)
	line := t.buf[start:]
	err = t.out.write(line)
	t.buf = t.buf[:start]
	return true, err
}

// undraw takes the line away.
func (t *text) undraw() error {
	if !t.drawn.on {
		return nil
	}
	t.drawn.on = false
	return t.out.write([]byte(eraseLine))
}
