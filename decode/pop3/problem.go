package pop3

import (
	"slices"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/mime"
)

// stuffedKept bounds how many un-stuffed lines are remembered, to tell where on the wire an
// octet of the message stood.
const stuffedKept = 1 << 16

// onWire gives the offset in the server's stream of an octet of the message: each dot that
// was taken away before it counts. It is exact as far as stuffedKept goes.
func (m *multi) onWire(off int64) int64 {
	dots, _ := slices.BinarySearch(m.stuffed, off+1)
	return m.from + off + int64(dots)
}

// findInPart puts on the event of a part what is wrong with it. What TOP gave is cut, so
// that only whole messages are looked at.
func (s *session) findInPart(e *decode.Event, part *mime.Part) {
	m := &s.multi
	for _, p := range m.scanner.Problems() {
		if p.Part != part {
			continue
		}
		from := m.onWire(p.Off)
		s.find(e, p.Rule, decode.Server, decode.Span{Off: from, Len: m.onWire(p.Off+p.Len) - from}, p.Fact)
	}
}
