package proxy

import (
	"fmt"

	"github.com/mailtrace/mailtrace/decode"
)

// editor runs a decode.Rewriter over the server's stream. Where the protocol is not known
// beforehand the greeting tells it. A rewriter that panics is dropped, and every octet of which
// it had made nothing yet goes on as it came.
type editor struct {
	how       decode.Rewrite
	protocols []decode.Protocol // those that may be spoken
	rw        decode.Rewriter   // nil while undecided, and where there is nothing to edit
	decided   bool
	out       []byte // scratch, valid until the next call
	tail      []byte // the last octets taken, of which nothing was given yet
}

func newEditor(how decode.Rewrite, protocols ...decode.Protocol) *editor {
	e := &editor{how: how, protocols: protocols}
	if len(protocols) == 1 {
		e.decide(&protocols[0])
	}
	return e
}

func (e *editor) decide(p *decode.Protocol) {
	e.decided = true
	if p != nil && p.Rewriter != nil {
		e.rw = p.Rewriter(e.how)
	}
}

// client shows the rewriter what the client says.
func (e *editor) client(p []byte) (problem string) {
	if e.rw == nil {
		return ""
	}
	defer func() {
		if r := recover(); r != nil {
			problem, e.rw = fmt.Sprint(r), nil
		}
	}()
	e.rw.Client(p)
	return ""
}

// server takes server octets and gives what the client shall see, valid until the next
// call. problem is what a rewriter panicked with, "" where it did not.
func (e *editor) server(p []byte) (out []byte, edits []decode.Edited, problem string) {
	e.tail = append(e.tail, p...)
	if !e.decided {
		if e.greeting(); !e.decided {
			return nil, nil, ""
		}
		p = e.tail // with the octets that were too few
	}
	if e.rw == nil {
		return e.drain(), nil, ""
	}
	defer func() {
		if r := recover(); r != nil {
			problem, e.rw = fmt.Sprint(r), nil
			out, edits = e.drain(), nil
		}
	}()
	e.out, edits = e.rw.Server(e.out[:0], p)
	e.given(len(e.out), edits)
	return e.out, edits, ""
}

// given drops from tail what the rewriter made something of.
func (e *editor) given(n int, edits []decode.Edited) {
	for _, x := range edits {
		n += len(x.Before) - len(x.After)
		// A line that was added or taken out has its line end besides.
		if x.Before == "" {
			n -= len("\r\n")
		}
		if x.After == "" {
			n += len("\r\n")
		}
	}
	n = min(max(n, 0), len(e.tail))
	e.tail = e.tail[:copy(e.tail, e.tail[n:])]
}

// drain gives everything of which nothing was given yet.
func (e *editor) drain() []byte {
	e.out = append(e.out[:0], e.tail...)
	e.tail = e.tail[:0]
	return e.out
}

// greeting looks which protocol the first octets are of.
func (e *editor) greeting() {
	undecided := false
	for i := range e.protocols {
		yes, more := e.protocols[i].Greets(e.tail)
		if yes {
			e.decide(&e.protocols[i])
			return
		}
		undecided = undecided || more
	}
	if !undecided {
		e.decide(nil)
	}
}

// holds tells whether octets are held back.
func (e *editor) holds() bool { return len(e.tail) > 0 }

// flush gives what is held back, valid until the next call.
func (e *editor) flush() (out []byte, problem string) {
	if !e.decided {
		e.decide(nil)
	}
	if e.rw == nil {
		return e.drain(), ""
	}
	defer func() {
		if r := recover(); r != nil {
			problem, e.rw = fmt.Sprint(r), nil
			out = e.drain()
		}
	}()
	e.out = e.rw.Flush(e.out[:0])
	e.tail = e.tail[:0]
	return e.out, ""
}

// reset begins anew behind a TLS handshake.
func (e *editor) reset(how decode.Rewrite) {
	e.how, e.tail = how, e.tail[:0]
	if e.rw == nil {
		return
	}
	defer func() {
		if recover() != nil {
			e.rw = nil
		}
	}()
	e.rw.Reset(how)
}
