package print

import (
	"slices"
	"strconv"
	"strings"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/mime"
)

const (
	partsLimit = 1000 // parts kept of one message
	partsShown = 24   // rows of its table, without Verbose
	depthShown = 6    // indentation of its rows

	numberColumns   = 9
	typeColumns     = 27
	encodingColumns = 17
	sizeColumns     = 12
)

// mime keeps a part until its message is through.
func (t *text) mime(c *connection, e *decode.Event) {
	part, ok := e.Detail.(*mime.Part)
	if !ok || part == nil {
		return
	}
	in := &c.inside[e.Dir]
	in.of = refTo(e.Command)
	if len(in.parts) < partsLimit {
		in.parts = append(in.parts, part)
	}
}

// printParts prints the message that ended: who wrote what, and the tree of its parts.
func (t *text) printParts(c *connection, d decode.Dir) {
	in := &c.inside[d]
	if len(in.parts) == 0 {
		return
	}
	slices.SortStableFunc(in.parts, func(a, b *mime.Part) int { return compareNumbers(a.Number, b.Number) })
	t.belongs(c, d, in.of)
	sizes := sizeColumns
	for _, p := range in.parts[:t.partsShown(in.parts)] {
		sizes = max(sizes, len(appendSize(t.table[:0], p, 0)))
	}
	if in.parts[0].Number == "" {
		t.author(c, in.parts[0], 0)
	}
	n := t.partsShown(in.parts)
	for _, p := range in.parts[:n] {
		t.part(c, p, sizes)
		if p.Number != "" {
			t.author(c, p, numberColumns+2*min(p.Depth, depthShown))
		}
	}
	if n < len(in.parts) {
		t.words = append(append(t.words[:0], t.signs.more...), ' ')
		t.words = appendCounted(t.words, int64(len(in.parts)-n), "more part")
		t.sub(c, t.words, dim)
	}
	clear(in.parts)
	in.parts = in.parts[:0]
}

func (t *text) partsShown(parts []*mime.Part) int {
	if t.o.Verbose {
		return len(parts)
	}
	return min(len(parts), partsShown)
}

// compareNumbers orders part numbers as the tree does: "" before 1 before 1.2 before 10.
func compareNumbers(a, b string) int {
	for a != "" && b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		n, errN := strconv.Atoi(x)
		m, errM := strconv.Atoi(y)
		if errN != nil || errM != nil {
			if c := strings.Compare(x, y); c != 0 {
				return c
			}
		} else if n != m {
			return n - m
		}
	}
	return len(a) - len(b)
}

// author prints From and Subject of a message.
func (t *text) author(c *connection, p *mime.Part, indent int) {
	if p.From == "" && p.Subject == "" {
		return
	}
	t.table = t.table[:0]
	for range indent {
		t.table = append(t.table, ' ')
	}
	field := func(name, value string) {
		if value == "" {
			return
		}
		if len(t.table) > indent {
			t.table = append(t.table, t.signs.dot...)
		}
		t.table = append(t.table, name...)
		t.table = appendVisible(t.table, []byte(mime.Display(value)), t.o.ASCII)
	}
	field("From: ", p.From)
	field("Subject: ", p.Subject)
	t.sub(c, t.table, dim)
}

// part prints one row of the tree:
//
//	┊ 1.1      · · text/plain utf-8       quoted-printable @405      30 octets
func (t *text) part(c *connection, p *mime.Part, sizes int) {
	row := t.table[:0]
	number := p.Number
	if number == "" {
		number = "-"
	}
	row = t.cell(row, number, numberColumns)
	kind := strings.Repeat(t.signs.dot[1:], min(p.Depth, depthShown)) + p.Type
	if p.Charset != "" {
		kind += " " + p.Charset
	}
	if p.Name != "" {
		kind += " " + mime.Display(p.Name)
	}
	row = t.cell(row, kind, typeColumns)
	if p.Boundary != "" {
		row = t.cell(row, "boundary \""+p.Boundary+"\"", encodingColumns)
	} else {
		row = t.cell(row, p.Encoding, encodingColumns)
	}
	row = appendSize(row, p, sizes)
	row = append(row, " octets"...)
	if p.Decoded >= 0 && p.Decoded != p.Size {
		row = append(row, "  = "...)
		row = appendCount(row, p.Decoded)
	}
	if p.Cut {
		row = append(row, "  cut off"...)
	}
	t.table = row
	t.sub(c, row, dim)
}

// cell appends wire text, cut and padded to w columns, the last of them free. The dots of the
// depth are ours but printable in either form.
func (t *text) cell(row []byte, s string, w int) []byte {
	t.visible = appendOwn(t.visible[:0], []byte(s), t.o.ASCII)
	row, n := appendMiddle(row, t.visible, w-1, t.signs.cut)
	for ; n < w; n++ {
		row = append(row, ' ')
	}
	return row
}

// appendSize appends offset and size, together at least w columns.
func appendSize(dst []byte, p *mime.Part, w int) []byte {
	start := len(dst)
	dst = append(dst, '@')
	dst = appendPlain(dst, p.Off)
	var digits [32]byte
	size := appendCount(digits[:0], p.Size)
	for n := max(w-(len(dst)-start)-len(size), 1); n > 0; n-- {
		dst = append(dst, ' ')
	}
	return append(dst, size...)
}
