package main

import (
	"io"
	"strconv"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/pop3"
	"github.com/mailtrace/mailtrace/internal/print"
)

// hexer shows beneath each row the octets that made it, as the capture has them:
//
//	#1            ┊ S@0      2a 20 4f 4b 20 72 65 61  64 79 0d 0a              * OK ready..
//
// Octets come from the tap before the event that they complete. A body is shown in
// pieces while it goes by, so memory does not grow with it.
type hexer struct {
	w       io.Writer
	printer print.Printer
	match   func(*decode.Event) bool // nil: all events
	bar     string
	streams map[hexKey]*hexed
	hidden  bool // what is dumped belongs to no event that is shown
	buf     []byte
	err     error
}

type hexKey struct {
	conn   int
	origin decode.Origin
	dir    decode.Dir
}

// hexed are octets of one direction that no event has claimed yet.
type hexed struct {
	off     int64 // of the first one
	pending []byte
}

// hexPending is how many octets wait for their event; those of a longer body do not.
const hexPending = 64 << 10

func newHexer(w io.Writer, p print.Printer, match func(*decode.Event) bool, ascii bool) *hexer {
	h := &hexer{w: w, printer: p, match: match, bar: "┊ ", streams: map[hexKey]*hexed{}}
	if ascii {
		h.bar = "| "
	}
	return h
}

func (h *hexer) octets(conn int, origin decode.Origin, o decode.Octets) {
	k := hexKey{conn, origin, o.Dir}
	x := h.streams[k]
	if x == nil {
		x = &hexed{}
		h.streams[k] = x
	}
	x.pending = append(x.pending, o.P...)
	if n := len(x.pending) &^ 15; n >= hexPending {
		h.hidden = h.match != nil // whether its event is shown is not known yet
		h.dump(k, x, n)
	}
}

// Events shows rows, each with its octets.
func (h *hexer) Events(events []decode.Event) {
	for i := range events {
		e := &events[i]
		h.printer.Events(events[i : i+1])
		h.hidden = h.match != nil && !h.match(e)
		x := h.streams[hexKey{e.Conn, e.Origin, e.Dir}]
		switch {
		case e.Kind == decode.Close && e.Dir == decode.NoDir:
			for _, d := range [...]decode.Dir{decode.Client, decode.Server} {
				delete(h.streams, hexKey{e.Conn, e.Origin, d})
			}
		case x == nil || e.Kind == decode.MIME:
			// A part lies within a body, whose own event comes behind it.
		case holdsListing(e):
			// The printer holds the row until the listing is whole.
		case e.Kind == decode.Close:
			h.dump(hexKey{e.Conn, e.Origin, e.Dir}, x, len(x.pending))
		default:
			end := e.Span.End()
			h.dump(hexKey{e.Conn, e.Origin, e.Dir}, x, int(max(0, min(end-x.off, int64(len(x.pending))))))
			if len(x.pending) == 0 {
				x.off = max(x.off, end) // octets are missing before what comes next
			}
		}
	}
}

// holdsListing tells whether an event is the status line of a POP3 listing.
func holdsListing(e *decode.Event) bool {
	d, ok := e.Detail.(*pop3.Reply)
	return ok && d.Follows == "listing"
}

// dump shows the first n octets that are pending.
func (h *hexer) dump(k hexKey, x *hexed, n int) {
	h.buf = h.buf[:0]
	for at := 0; at < n && !h.hidden; at += 16 {
		h.row(k, x.off+int64(at), x.pending[at:min(at+16, n)])
	}
	x.off += int64(n)
	x.pending = append(x.pending[:0], x.pending[n:]...)
	if len(h.buf) > 0 && h.err == nil {
		_, h.err = h.w.Write(h.buf)
	}
}

func (h *hexer) row(k hexKey, off int64, p []byte) {
	const digits = "0123456789abcdef"
	pad := func(from, columns int) {
		for len(h.buf)-from < columns {
			h.buf = append(h.buf, ' ')
		}
	}
	from := len(h.buf)
	h.buf = append(h.buf, '#')
	h.buf = strconv.AppendInt(h.buf, int64(k.conn), 10)
	pad(from, 14)
	h.buf = append(h.buf, h.bar...)
	from = len(h.buf)
	h.buf = append(append(h.buf, k.dir.String()...), '@')
	h.buf = strconv.AppendInt(h.buf, off, 10)
	pad(from, 9)
	from = len(h.buf)
	for i, c := range p {
		if i == 8 {
			h.buf = append(h.buf, ' ')
		}
		h.buf = append(h.buf, ' ', digits[c>>4], digits[c&15])
	}
	pad(from, 51)
	for _, c := range p {
		if c < ' ' || c > '~' {
			c = '.'
		}
		h.buf = append(h.buf, c)
	}
	h.buf = append(h.buf, '\n')
}
