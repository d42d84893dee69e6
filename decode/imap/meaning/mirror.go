package meaning

import (
	"bytes"
	"fmt"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// mirror finds a line end of a client's argument that comes back in the text of the server, which
// so says something that the client wrote.
type mirror struct {
	sent [4]reflection
	next int
}

// reflection is an argument with a line end in it.
type reflection struct {
	before, behind []byte // its first two lines
	armed          bool   // the server said the first
}

// literal takes an argument of the client.
func (m *mirror) literal(e *decode.Event) {
	if e.Dir != decode.Client || len(e.Text) > 1<<10 {
		return
	}
	before, behind, ok := bytes.Cut(e.Text, []byte("\n"))
	if !ok {
		return
	}
	before = bytes.TrimSuffix(before, []byte("\r"))
	behind, _, _ = bytes.Cut(behind, []byte("\n"))
	behind = bytes.TrimSuffix(behind, []byte("\r"))
	if len(behind) == 0 || len(before)+len(behind) < 4 {
		return
	}
	m.sent[m.next] = reflection{before: bytes.Clone(before), behind: bytes.Clone(behind)}
	m.next = (m.next + 1) % len(m.sent)
}

// line takes a line of the server.
func (m *mirror) line(e *decode.Event) {
	if e.Dir != decode.Server {
		return
	}
	for i := range m.sent {
		x := &m.sent[i]
		if x.behind == nil {
			continue
		}
		if x.armed && bytes.HasPrefix(e.Text, x.behind) {
			e.Findings = append(e.Findings, rules.Reflected.At(e.Dir, decode.Span{Off: e.Span.Off, Len: int64(len(x.behind))},
				fmt.Sprintf("%d octets of the client's argument, from behind its line end", len(x.behind))))
			*x = reflection{}
			continue
		}
		x.armed = bytes.HasSuffix(e.Text, x.before)
	}
}
