package print

import (
	"strings"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// opening is the opening rule of a connection, which waits for what comes first: a
// connection that fails at once is one line.
type opening struct {
	at     time.Time
	fields decode.Fields
	origin decode.Origin
	server decode.Fields // of the handshake with the server, which comes before the client's
	served time.Time     // its time
}

func (t *text) open(c *connection, e *decode.Event) {
	fields, _ := e.Detail.(decode.Fields)
	c.base = e.Time
	c.opening = &opening{at: e.Time, fields: fields, origin: e.Origin}
	if len(e.Findings) > 0 {
		t.printOpening(c)
		t.findings(c, e)
	}
}

// keepsOpening tells whether the opening rule goes on waiting: the event may belong on
// its line, or the failure that does may follow.
func (t *text) keepsOpening(c *connection, e *decode.Event) bool {
	switch {
	case t.o.Verbose:
		return false
	case e.Kind == decode.TLS && failure(e) == "":
		return c.opening.server == nil && fieldsOf(e).Get("leg") == "server"
	}
	return e.Kind == decode.TLS || e.Kind == decode.Close
}

// failure gives what a mark says went wrong.
func failure(e *decode.Event) string {
	f := fieldsOf(e)
	if alert := f.Get("alert"); alert != "" {
		return "alert " + strings.TrimPrefix(alert, "alert ")
	}
	return f.Get("error")
}

func fieldsOf(e *decode.Event) decode.Fields {
	switch d := e.Detail.(type) {
	case decode.Fields:
		return d
	case *decode.CloseDetail:
		if d != nil {
			return d.Fields
		}
	}
	return nil
}

// route appends who talks to whom.
func (o *opening) route(dst []byte, keys ...string) []byte {
	start := len(dst)
	if o.origin == decode.FromProxy {
		dst = append(dst, "mailtrace itself"...)
	}
	for _, key := range keys {
		v := o.fields.Get(key)
		if v == "" {
			continue
		}
		if len(dst) > start {
			dst = append(dst, " → "...)
		}
		dst = append(dst, v...)
	}
	if len(dst) == start {
		dst = append(dst, "connection"...)
	}
	return dst
}

// routeMin is what stays of the route of a connection that failed; ruleFrame is what a
// rule with words at both ends has beside them.
const (
	routeMin  = 24
	ruleFrame = len("#1 -- ") + len(" -- ") + len(" --")
)

const clockLayout = "15:04:05.000"

// clock appends the time of day.
func (t *text) clock(dst []byte, at time.Time) []byte {
	return at.In(t.o.Local).AppendFormat(dst, clockLayout)
}

func (t *text) printOpening(c *connection) {
	o := c.opening
	c.opening = nil
	if t.begun || len(t.buf) > 0 {
		t.buf = append(t.buf, '\n')
	}
	t.words = o.route(t.words[:0], "client", "listen", "upstream")
	split := len(t.words)
	t.words = t.clock(t.words, o.at)
	t.rule(c, t.words[:split:split], t.words[split:], strong)
	if t.o.Verbose {
		more := decode.Fields{{Key: "date", Value: o.at.In(t.o.Local).Format(time.DateOnly)}}
		t.restOf(c, append(more, o.fields...), "client", "listen", "upstream")
	}
	if o.server != nil {
		t.secured(c, o.served, o.server)
	}
}

// fail prints a connection that ended before anything was said, in one line.
func (t *text) fail(c *connection, what, hint string) {
	o := c.opening
	c.opening = nil
	c.failed = true
	t.table = append(append(append(t.table[:0], ' '), t.signs.no...), ' ')
	t.table = append(t.table, what...)
	t.words = o.route(t.words[:0], "client", "upstream")
	// What failed stays whole, and the time on its line, if the route can be cut for it.
	room := t.width - ruleFrame - widthOf(t.table) - len(clockLayout)
	t.visible = appendOwn(t.visible[:0], t.words, t.o.ASCII)
	t.words, _ = appendCut(t.words[:0], t.visible, max(room, routeMin), t.signs.cut)
	t.words = append(t.words, t.table...)
	split := len(t.words)
	t.words = t.clock(t.words, o.at)
	t.rule(c, t.words[:split:split], t.words[split:], trouble)
	t.hint(c, hint)
}

func (t *text) hint(c *connection, hint string) {
	if hint != "" && hint != c.hinted {
		c.hinted = hint
		t.words = append(append(t.words[:0], "hint: "...), hint...)
		t.subOwn(c, "", 0, t.words, caution)
	}
}

// restOf prints the fields of a mark that are not shown otherwise.
func (t *text) restOf(c *connection, fields decode.Fields, shown ...string) {
	var rest decode.Fields
next:
	for _, f := range fields {
		for _, key := range shown {
			if f.Key == key {
				continue next
			}
		}
		rest = append(rest, f)
	}
	if len(rest) > 0 {
		t.subOwn(c, t.signs.bar, 0, []byte(rest.String()), dim)
	}
}

// state prints a rule where a protocol state begins.
func (t *text) state(c *connection, e *decode.Event) {
	if e.State == decode.Logout {
		return // the closing rule says it
	}
	t.words = append(t.words[:0], strings.ReplaceAll(e.State.String(), "-", " ")...)
	if e.State == decode.Selected && e.Mailbox != "" {
		t.words = append(append(t.words, ' '), e.Mailbox...)
	}
	note := t.noteOf(e)
	if e.State == decode.NotAuthenticated || e.State == decode.Authorization {
		s := c.security()
		t.addNote(s)
		if s != "" && strings.HasPrefix(note, "in the clear") {
			note = "" // the protocol knows of one leg only
		}
	}
	if after, ok := strings.CutPrefix(note, e.Mailbox); ok && e.Mailbox != "" {
		note = strings.TrimPrefix(after, " · ") // the mailbox is named already
	}
	t.addNote(note)
	t.rule(c, t.words, nil, strong)
}

// security says how safe the octets before a login are, where that is not what one
// hopes for, or where it has changed.
func (c *connection) security() string {
	switch {
	case c.clientTLS && c.serverTLS:
		if c.inClear {
			return "TLS"
		}
		return ""
	case c.clientTLS:
		return "in the clear to the server"
	case c.serverTLS:
		return "in the clear to the client"
	}
	c.inClear = true
	return "in the clear"
}

// halfClosed is a direction that ended while the connection went on.
type halfClosed struct {
	dir    decode.Dir
	at     time.Time
	octets int64
}

// close prints the end of a connection. That of a direction waits: it is told only if
// something else comes before the connection ends.
func (t *text) close(c *connection, e *decode.Event) {
	if e.Dir != decode.NoDir {
		if c.opening == nil {
			c.half = halfClosed{e.Dir, e.Time, e.Span.Len}
		}
		return
	}
	delete(t.conns, c.key)
	fields := fieldsOf(e)
	var totals decode.Totals
	if d, ok := e.Detail.(*decode.CloseDetail); ok && d != nil {
		totals = d.Totals
	}
	if c.opening != nil {
		if totals.ClientOctets+totals.ServerOctets == 0 && len(e.Findings) == 0 {
			t.fail(c, unspoken(&totals, failure(e)), fields.Get("hint"))
			return
		}
		t.printOpening(c)
	}
	s := strong
	t.words = t.words[:0]
	if what := whatFailed(&totals, failure(e)); what != "" {
		s = trouble
		t.words = append(append(append(t.words, t.signs.no...), ' '), what...)
	}
	if totals.LastState == decode.Logout {
		t.addNote("logout")
	}
	t.addNote(closedBy(totals.ClosedBy))
	t.words = append(t.words, " after "...)
	t.words = appendSpan(t.words, totals.Duration)
	if totals.Unanswered > 0 {
		t.words = append(t.words, " · "...)
		t.words = append(appendCount(t.words, int64(totals.Unanswered)), " unanswered"...)
	}
	if totals.PendingOctets > 0 {
		t.words = append(t.words, " · "...)
		t.words = append(appendCounted(t.words, totals.PendingOctets, "octet"), " unfinished"...)
	}
	split := len(t.words)
	t.words = t.totals(t.words, &totals)
	t.rule(c, t.words[:split:split], t.words[split:], s)
	t.hint(c, fields.Get("hint"))
}

func (t *text) printHalf(c *connection) {
	h := c.half
	if h.dir == decode.NoDir {
		return
	}
	c.half = halfClosed{}
	who := "client"
	if h.dir == decode.Server {
		who = "server"
	}
	t.words = append(append(t.words[:0], who...), " says no more"...)
	split := len(t.words)
	t.words = appendCounted(t.words, h.octets, "octet")
	t.print(row{conn: c, at: h.at, mark: "==", text: t.words[:split:split], own: true, note: t.words[split:]})
}

// whatFailed says why an end was not an orderly one, "" where it was.
func whatFailed(totals *decode.Totals, failure string) string {
	switch {
	case totals.Reason == "":
		return failure
	case failure == "" || strings.Contains(totals.Reason, failure):
		return totals.Reason
	}
	return totals.Reason + ": " + failure
}

// unspoken says why a connection ended before the first octet.
func unspoken(totals *decode.Totals, failure string) string {
	if what := whatFailed(totals, failure); what != "" {
		return what
	}
	return closedBy(totals.ClosedBy) + " before anything was said"
}

func closedBy(who string) string {
	switch who {
	case "":
		return "ended"
	case "proxy":
		return "mailtrace closed"
	}
	return who + " closed"
}

// totals appends the sums of a connection.
func (t *text) totals(dst []byte, x *decode.Totals) []byte {
	dst = appendCounted(dst, int64(x.Commands), "command")
	dst = append(dst, " · C "...)
	dst = appendCount(dst, x.ClientOctets)
	dst = append(dst, " S "...)
	dst = appendCount(dst, x.ServerOctets)
	dst = append(dst, " octets · "...)
	start := len(dst)
	add := func(n int, noun string) {
		if n == 0 {
			return
		}
		if len(dst) > start {
			dst = append(dst, ", "...)
		}
		dst = appendCounted(dst, int64(n), noun)
	}
	add(x.Errors, "error")
	add(x.Warnings, "warning")
	add(x.Notes, "note")
	if len(dst) == start {
		return append(dst, "0 findings"...)
	}
	if x.Notes > 0 && !t.o.Verbose {
		dst = append(dst, " (-v)"...)
	}
	return dst
}
