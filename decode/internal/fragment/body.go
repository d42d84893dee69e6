package fragment

import "bytes"

// Body un-stuffs a dot-stuffed body (RFC 1939 §3) and finds its end. The zero value
// stands before a body's first octet.
//
//	          "." at the beginning of a line
//	content ─────────────────────────────────► "." ──CR──► ".␍" ──LF──► end
//	  ▲  ▲                                      │           │
//	  │  └──────────── anything else ───────────┘           │ no LF
//	  │                                         │ LF        ▼
//	  └────────────── anything else ────────── ".␊" ──"+OK" or "-ERR"──► broken end
//
// RFC 1939 §3 ends a body with CRLF "." CRLF. The line "." CRLF is taken for it behind a
// bare LF too, as all clients that read lines do. The broken forms are ends only where a
// status indicator follows, or nothing at all.
type Body struct {
	Octets  int64 // un-stuffed, the terminator not counted
	Wire    int64 // as they came, the terminator not counted
	Stuffed int64 // lines that began with a dot

	within bool // in the middle of a line
	n      int  // octets held of a line that begins with a dot
	held   [heldSize]byte
	rest   [heldSize]byte
}

// heldSize has room for the dot, CR or LF, "-ERR" and what follows it.
const heldSize = 8

// Piece is what Take found.
type Piece struct {
	Text   []byte // content, un-stuffed; valid until the next Take
	Wire   []byte // the octets that it came as, or the terminator; valid until the next Take
	Stuff  bool   // Wire begins a line with a dot, and Text is without it
	End    bool   // Wire is the terminator
	Broken bool   // the terminator is not CRLF "." CRLF
	Rest   []byte // octets taken that stand behind a broken terminator
}

// Reset stands before the next body.
func (b *Body) Reset() { b.Octets, b.Wire, b.Stuffed, b.within, b.n = 0, 0, 0, false, 0 }

// Held is how many octets were taken that no piece gave yet.
func (b *Body) Held() int { return b.n }

// Take consumes n octets of p and gives at most one piece; Wire is empty where there is
// none yet. It consumes nothing only where it gives octets that were held. What it gives
// are slices of p, but for a few octets around a dot that begins a line.
func (b *Body) Take(p []byte) (piece Piece, n int) {
	if b.n > 0 || !b.within && p[0] == '.' {
		return b.dot(p)
	}
	k := 0
	for {
		d := bytes.IndexByte(p[k:], '.')
		if d < 0 {
			k = len(p)
			break
		}
		k += d
		if k > 0 && p[k-1] == '\n' {
			break
		}
		// A row of dots costs one look, not one an octet.
		for k++; k < len(p) && p[k] == '.'; k++ {
			continue
		}
	}
	return b.content(p[:k], p[:k]), k
}

func (b *Body) content(text, wire []byte) Piece {
	b.Octets += int64(len(text))
	b.Wire += int64(len(wire))
	b.within = wire[len(wire)-1] != '\n'
	return Piece{Text: text, Wire: wire}
}

// dot goes on with a line that begins with a dot, octet by octet until it is decided.
func (b *Body) dot(p []byte) (Piece, int) {
	for n, c := range p {
		switch {
		case b.n == 0 || b.n == 1 && (c == '\r' || c == '\n'):
		case b.n == 2 && b.held[1] == '\r' && c == '\n':
			b.hold(c)
			return b.end(3), n + 1
		case b.n >= 2 && b.mayBeStatus(c):
			b.hold(c)
			if b.statusLine() {
				piece := b.end(2)
				piece.Broken = true
				return piece, n + 1
			}
			continue
		default:
			return b.stuffed(), n
		}
		b.hold(c)
	}
	return Piece{}, len(p)
}

func (b *Body) hold(c byte) {
	b.held[b.n] = c
	b.n++
}

var indicators = [...]string{"+OK", "-ERR"}

// mayBeStatus tells whether the octets behind a broken terminator, and then c, begin a
// status line.
func (b *Body) mayBeStatus(c byte) bool {
	for _, s := range indicators {
		n := b.n - 2
		if string(b.held[2:2+min(n, len(s))]) != s[:min(n, len(s))] {
			continue
		}
		if n < len(s) && c == s[n] || n == len(s) && (c == ' ' || c == '\r' || c == '\n') {
			return true
		}
	}
	return false
}

// statusLine tells whether a whole status indicator and what ends it is held.
func (b *Body) statusLine() bool {
	for _, s := range indicators {
		if b.n == 2+len(s)+1 && string(b.held[2:2+len(s)]) == s {
			return true
		}
	}
	return false
}

// end gives a terminator of n octets.
func (b *Body) end(n int) Piece {
	p := Piece{Wire: b.held[:n], End: true}
	if b.n > n {
		p.Rest = b.rest[:copy(b.rest[:], b.held[n:b.n])]
	}
	b.n = 0
	return p
}

// stuffed gives the octets held: they are content, without the dot.
func (b *Body) stuffed() Piece {
	wire := b.held[:b.n]
	b.n = 0
	b.Stuffed++
	p := b.content(wire[1:], wire)
	p.Stuff = true
	return p
}

// Finish is called where nothing follows. It gives a broken terminator, or the content
// that is held.
func (b *Body) Finish() Piece {
	switch {
	case b.n == 2:
		p := b.end(2)
		p.Broken = true
		return p
	case b.n > 0:
		return b.stuffed()
	}
	return Piece{}
}
