package print

import (
	"bytes"
	"slices"
	"strconv"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// command prints a client command.
func (t *text) command(c *connection, e *decode.Event) {
	n := c.waits.add(e.Command, e.Time)
	if x := c.waits.find(e.Command); x != nil {
		x.follow = followOf(e)
	}
	t.words = t.words[:0]
	if n > 1 {
		t.words = append(t.words, "┘ "...)
		t.words = appendCount(t.words, int64(n))
		t.words = append(t.words, " pipelined"...)
	}
	before := len(t.words)
	t.addNoted(c, e)
	if n > 1 && len(t.words) == before {
		t.teachPipelining(c, e)
	}
	t.row(c, e, t.words)
	t.announced(c, e)
}

// teachPipelining says once how the answers of commands that did not wait are told
// apart.
func (t *text) teachPipelining(c *connection, e *decode.Event) {
	answers := "; answers come in this order"
	if e.Tag != "" {
		answers = "; their tags tell the answers"
	}
	if t.fresh(c, answers) {
		t.words = append(t.words, answers...)
	}
}

// succeeded tells a success from a failure: OK or +OK.
func succeeded(e *decode.Event) bool { return e.Name == "OK" || e.Name == "+OK" }

// verdict begins t.words with the sign of a completion, its command and its latency.
func (t *text) verdict(e *decode.Event, ok bool) style {
	t.words = t.words[:0]
	if e.Command == nil {
		return dim
	}
	sign, tone := t.signs.ok, dim
	if !ok {
		sign, tone = t.signs.no, trouble
	}
	t.words = append(t.words, sign...)
	if e.Command.Name != "" { // an unknown command's before login may be a secret
		t.words = append(t.words, ' ')
		t.words = append(t.words, e.Command.Name...)
	}
	if e.Answers() {
		t.words = append(t.words, ' ')
		t.words = appendLatency(t.words, e.Latency)
	}
	return tone
}

// held is the status line of a listing, which waits for the listing's end.
type held struct {
	on   bool
	at   time.Time
	ref  ref
	mark string
	text []byte
	note []byte
}

// completion prints an IMAP completion result or a POP3 status line.
func (t *text) completion(c *connection, e *decode.Event) {
	ok := succeeded(e)
	follow := nothing
	if x := c.waits.find(e.Command); x != nil && ok {
		follow = x.follow
	} else if ok {
		follow = followOfAnswer(e)
	}
	c.waits.done(e.Command)
	switch follow {
	case listing:
		if len(e.Findings) == 0 {
			h := &c.held
			h.on, h.at, h.ref, h.mark = true, e.Time, refTo(e.Command), markOf(e.Dir, e.Origin)
			h.text = append(h.text[:0], e.Text...)
			h.note = append(h.note[:0], t.noted(c, e)...)
			return
		}
		t.row(c, e, t.noted(c, e))
	case body:
		t.words = t.words[:0]
		t.addSaid(c, t.noteOf(e), true)
		t.row(c, e, t.words)
	default:
		tone := t.verdict(e, ok)
		t.addNoted(c, e)
		t.print(row{conn: c, at: e.Time, mark: markOf(e.Dir, e.Origin), text: e.Text, note: t.words, tone: tone})
	}
}

// printHeld prints a status line whose listing did not end soon.
func (t *text) printHeld(c *connection) {
	if h := &c.held; h.on {
		h.on = false
		t.print(row{conn: c, at: h.at, mark: h.mark, text: h.text, note: h.note})
	}
}

// multiline prints the end of a POP3 multi-line response.
func (t *text) multiline(c *connection, e *decode.Event) {
	whole := row{conn: c, at: e.Time, mark: markOf(e.Dir, e.Origin), text: []byte{'.'}}
	h := &c.held
	together := h.on
	if together {
		h.on = false
		whole.text = h.text
	} else {
		t.listing(c, e)
	}
	whole.tone = t.verdict(e, true)
	before := len(t.words)
	t.addNoted(c, e)
	if together && len(t.words) == before {
		t.addNote(string(h.note))
	}
	whole.note = t.words
	t.print(whole)
	if together {
		t.listing(c, e)
	}
}

// listing prints what a Detail says of the lines of a reply.
func (t *text) listing(c *connection, e *decode.Event) {
	if d, ok := e.Detail.(remarks); ok {
		t.belongs(c, e.Dir, refTo(e.Command))
		for _, s := range d.Remarks() {
			t.subOwn(c, t.signs.bar, 0, []byte(s), dim)
		}
	}
	d, ok := e.Detail.(rows)
	if !ok {
		return
	}
	first, last, total := d.Rows()
	if total == 0 || len(first) == 0 {
		return
	}
	t.belongs(c, e.Dir, refTo(e.Command))
	shown := len(first) + len(last)
	if total > runShown && shown > 2*runEnd && e.Command != nil && !multiline[e.Command.Name].always() {
		first, last = ends(first, last)
		shown = len(first) + len(last)
	}
	// Lines of several words need more between them than a comma.
	sep := ", "
	if bytes.IndexByte(first[0], ' ') >= 0 {
		sep = t.signs.dot
	}
	t.table = t.table[:0]
	for _, p := range first {
		t.addCell(p, sep)
	}
	if total > shown {
		t.visible = appendCount(append(append(t.visible[:0], t.signs.more...), ' '), int64(total-shown))
		t.visible = append(t.visible, " more"...)
		t.addVisible(t.visible, sep)
	}
	for _, p := range last {
		t.addCell(p, sep)
	}
	t.wrapped(c, t.table, sep)
}

// ends gives the first and the last runEnd of the lines.
func ends(first, last [][]byte) (a, b [][]byte) {
	all := slices.Concat(first, last)
	return all[:runEnd], all[len(all)-runEnd:]
}

// cellLimit bounds one line of a listing.
const cellLimit = 80

func (t *text) addCell(p []byte, sep string) {
	t.visible = appendVisible(t.visible[:0], p[:min(len(p), 4*cellLimit)], t.o.ASCII)
	t.addVisible(t.visible, sep)
}

func (t *text) addVisible(p []byte, sep string) {
	if len(t.table) > 0 {
		t.table = append(t.table, sep...)
	}
	t.table, _ = appendCut(t.table, p, cellLimit, t.signs.cut)
}

// wrapped prints cells beneath a row, on as many lines as they need.
func (t *text) wrapped(c *connection, visible []byte, sep string) {
	w := t.width - textColumn - 2
	for lines := 1; len(visible) > 0; lines++ {
		n, _ := head(visible, w)
		next := n
		if n < len(visible) && lines < linesMax {
			if i := bytes.LastIndex(visible[:min(n+len(sep), len(visible))], []byte(sep)); i > 0 {
				n, next = i, i+len(sep)
			}
		} else {
			n, next = len(visible), len(visible)
		}
		t.sub(c, visible[:n], dim)
		visible = visible[next:]
	}
}

// greeting prints the server's first line.
func (t *text) greeting(c *connection, e *decode.Event) {
	t.words = append(t.words[:0], "greeting"...)
	note := t.noteOf(e)
	if bytes.HasPrefix([]byte(note), t.words) {
		t.words = t.words[:0]
	}
	t.addNote(note)
	t.row(c, e, t.words)
}

// continuation prints the line behind a literal, a SASL response or DONE.
func (t *text) continuation(c *connection, e *decode.Event) {
	if e.Dir == decode.Client {
		c.waits.resumed(e.Command, e.Time)
	}
	in := &c.inside[e.Dir]
	t.words = append(t.words[:0], in.literal...)
	in.literal = in.literal[:0]
	t.addNoted(c, e)
	start := len(t.buf)
	t.row(c, e, t.words)
	t.announced(c, e)
	if c.run.open && e.Dir == decode.Server {
		t.goOn(c, e, start)
	}
}

// announced remembers what literal a row ends with.
func (t *text) announced(c *connection, e *decode.Event) {
	c.inside[e.Dir].due = announces(e.Text)
}

// announces gives the octets of the literal that a line ends with, -1 for none
// (RFC 9051 §4.3: {n}, {n+}, ~{n}, ~{n+}).
func announces(p []byte) int64 {
	if len(p) < 3 || p[len(p)-1] != '}' {
		return -1
	}
	i := bytes.LastIndexByte(p, '{')
	if i < 0 {
		return -1
	}
	n, err := strconv.ParseInt(string(bytes.TrimSuffix(p[i+1:len(p)-1], []byte("+"))), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// literal keeps the note of a literal for the row behind it. A literal whose octets
// are shown, or that has a finding, is a row itself.
func (t *text) literal(c *connection, e *decode.Event) {
	if e.Dir == decode.Client {
		c.waits.resumed(e.Command, e.Time)
	}
	in := &c.inside[e.Dir]
	t.words = t.words[:0]
	t.addNoted(c, e)
	if len(t.words) == 0 {
		t.words = appendLiteral(t.words, e.Span.Len, in.due)
	}
	in.due = -1
	switch {
	case len(e.Text) > 0:
		t.row(c, e, t.words)
	default:
		in.of = refTo(e.Command)
		in.literal = append(in.literal[:0], t.words...)
		if len(e.Findings) > 0 {
			t.printLiteral(c, e.Dir)
		}
	}
}

func appendLiteral(dst []byte, came, due int64) []byte {
	switch {
	case due < 0:
		dst = append(dst, "literal of "...)
		return appendCounted(dst, came, "octet")
	case came == 0 && due > 0:
		dst = append(dst, "literal refused: "...)
	case came < due:
		dst = append(dst, "literal cut off: "...)
	default:
		dst = append(dst, "literal whole: "...)
	}
	dst = appendCount(dst, came)
	dst = append(dst, " of "...)
	return appendCount(dst, due)
}

// printLiteral prints the note of a literal that no line goes on behind.
func (t *text) printLiteral(c *connection, d decode.Dir) {
	in := &c.inside[d]
	if len(in.literal) == 0 {
		return
	}
	t.belongs(c, d, in.of)
	t.subOwn(c, t.signs.bar, 0, in.literal, dim)
	in.literal = in.literal[:0]
}

// belongs says whose inside follows, where another row came between.
func (t *text) belongs(c *connection, d decode.Dir, of ref) {
	mark := markOf(d, decode.FromPeer)
	if c.saw == "" || c.saw[0] == mark[0] {
		return
	}
	t.words = append(t.words[:0], "("...)
	t.words = append(t.words, mark...)
	t.words = append(t.words, ' ')
	t.words = append(of.appendTo(t.words), ')')
	t.subOwn(c, t.signs.bar, 0, t.words, dim)
	c.saw = mark
}
