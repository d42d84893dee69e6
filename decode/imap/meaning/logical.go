package meaning

import (
	"math"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/decode/internal/fragment"
)

// logical puts together the events of one logical line: what the session gives as a line, a
// literal, the rest of the line, and so on. A line without a literal is left where it stands.
//
//	CommandLine, Untagged ──{n}──► Literal ──► Continuation ──no {n}──► a line is whole
//	         │ no {n}                  ▲            │ {n}
//	         ▼                         └────────────┘
//	   a line is whole
type logical struct {
	open     bool // a literal or what follows it is to come
	max      int  // octets of text kept
	text     []byte
	content  []byte    // of literals, one behind the other
	literals []literal // of the line that is open
	pieces   []piece   // where the parts of text stand in the stream
	cut      bool
	until    int64             // where the literal that was announced last ends in the stream
	lits     []grammar.Literal // what literals becomes
}

type literal struct {
	at, from, to int // in text, in content; from < 0: not kept
	octets       int64
}

// piece says that the text from at on stands at off in the stream.
type piece struct {
	at  int
	off int64
}

// mostLiterals bounds the literals of one line that are told apart.
const mostLiterals = 1000

// begin takes the first line. It tells whether it is the whole.
func (g *logical) begin(e *decode.Event, line *grammar.Line, literals bool) bool {
	g.pieces = append(g.pieces[:0], piece{0, e.Span.Off})
	g.cut = e.Span.Len > int64(len(e.Text))+2
	if !literals || !g.announced(e) {
		g.open = false
		*line = grammar.Line{Text: e.Text, Cut: g.cut}
		return true
	}
	g.open = true
	g.text = append(g.text[:0], e.Text...)
	g.literals, g.content = g.literals[:0], g.content[:0]
	return false
}

// literal takes the literal that was announced.
func (g *logical) literal(e *decode.Event) {
	if !g.open {
		return
	}
	octets := e.Span.Len
	if d, ok := e.Detail.(*LiteralDetail); ok {
		if d.Refused {
			g.open = false
			return
		}
		octets = d.Announced
	}
	if len(g.literals) == mostLiterals {
		g.cut = true
		return
	}
	l := literal{at: len(g.text), from: -1, octets: octets}
	if octets == int64(len(e.Text)) {
		l.from = len(g.content)
		g.content = append(g.content, e.Text...)
		l.to = len(g.content)
	}
	g.literals = append(g.literals, l)
}

// goOn takes what follows a literal. It tells whether the line is whole now.
func (g *logical) goOn(e *decode.Event, line *grammar.Line) bool {
	if !g.open {
		return false
	}
	if !g.cut {
		text := e.Text[:min(len(e.Text), max(0, g.max-len(g.text)))]
		g.pieces = append(g.pieces, piece{len(g.text), e.Span.Off})
		g.text = append(g.text, text...)
		g.cut = e.Span.Len > int64(len(text))+2
	}
	if g.announced(e) {
		return false
	}
	g.open = false
	g.lits = g.lits[:0]
	for _, l := range g.literals {
		x := grammar.Literal{At: l.at, Octets: l.octets}
		if l.from >= 0 {
			x.Content = g.content[l.from:l.to:l.to]
		}
		g.lits = append(g.lits, x)
	}
	*line = grammar.Line{Text: g.text, Literals: g.lits, Cut: g.cut}
	return true
}

// announced tells whether a line announces a literal.
func (g *logical) announced(e *decode.Event) bool {
	if n := len(e.Text); n < 3 || e.Text[n-1] != '}' {
		return false
	}
	spec, ok := fragment.ParseLiteral(e.Text)
	if ok {
		g.until = e.Span.End() + min(spec.Octets, math.MaxInt64-e.Span.End())
	}
	return ok
}

// lost takes octets that are missing: where they are all of a literal, the line goes on behind it.
// It tells whether more than that is lost.
func (g *logical) lost(e *decode.Event) bool {
	if g.open && e.Span.Len > 0 && e.Span.End() <= g.until {
		return false
	}
	g.open = false
	return true
}

// stream gives where an octet of the line's text stands in the direction's stream.
func (g *logical) stream(at int) int64 {
	k := len(g.pieces) - 1
	for k > 0 && g.pieces[k].at > at {
		k--
	}
	return g.pieces[k].off + int64(at-g.pieces[k].at)
}
