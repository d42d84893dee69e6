package spool

import (
	"bytes"
	"io"
)

// Unstuffer writes the content of a POP3 multi-line response: the dot before a line that
// begins with one is taken away, the line that is a dot alone is left out (RFC 1939 §3).
//
//	at the start of a line          "." was there, held behind it
//	───────┬──────────── "." ─────────► ""  ── CR ──► "\r" ── LF ──► "\r\n"
//	       ◄── anything else: written without the dot ──┴──── next octet ──┘
//
// QUIRK: a terminator may lack its CR or its LF (Cyrus 3.4), so whatever line end stands
// behind a lone dot is held until more octets come; at the end it is dropped.
type Unstuffer struct {
	w    io.Writer
	mid  bool   // not at the start of a line
	dot  bool   // a dot stood there
	held []byte // what line end stood behind it
	err  error
}

// Reset begins anew; what comes out goes to w.
func (u *Unstuffer) Reset(w io.Writer) { *u = Unstuffer{w: w, held: u.held[:0]} }

// Write takes octets of the wire, the terminator too. The error is that of the writer.
func (u *Unstuffer) Write(p []byte) (int, error) {
	whole := len(p)
	for len(p) > 0 && u.err == nil {
		switch {
		case u.dot:
			c, n := p[0], len(u.held)
			if n == 0 && (c == '\r' || c == '\n') || n == 1 && u.held[0] == '\r' && c == '\n' {
				u.held = append(u.held, c)
				p = p[1:]
				continue
			}
			u.mid = n == 0 || u.held[n-1] != '\n'
			u.put(u.held)
			u.dot, u.held = false, u.held[:0]
		case !u.mid && p[0] == '.':
			u.dot = true
			p = p[1:]
		default:
			n := bytes.IndexByte(p, '\n') + 1
			u.mid = n == 0
			if u.mid {
				n = len(p)
			}
			u.put(p[:n])
			p = p[n:]
		}
	}
	return whole, u.err
}

func (u *Unstuffer) put(p []byte) {
	if len(p) > 0 {
		_, u.err = u.w.Write(p)
	}
}
