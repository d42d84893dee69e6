package meaning

import (
	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/decode/mime"
)

const (
	mostBodies = 64  // messages whose BODYSTRUCTURE is remembered
	mostLeaves = 100 // parts of each
)

// bodies remembers what BODYSTRUCTURE said of the messages that were described last, and the
// parts of the message that goes by.
type bodies struct {
	ring  []described
	next  int
	parts []wentBy
}

type described struct {
	uid    uint32
	leaves []leaf
}

// leaf is a part that has a size of its own.
type leaf struct {
	path   uint64 // hash of its number
	octets int64
	lines  int64 // -1: not said
}

// wentBy is a part of a message that went by.
type wentBy struct {
	path          uint64
	number        string
	octets, lines int64
	span          decode.Span
	cut           bool
}

// reset forgets all: another mailbox has other UIDs.
func (b *bodies) reset() {
	for i := range b.ring {
		b.ring[i].uid = 0
	}
	b.parts = b.parts[:0]
}

// part takes a part of the message that goes by.
func (b *bodies) part(e *decode.Event) {
	p, ok := e.Detail.(*mime.Part)
	if !ok || e.Dir != decode.Server || len(b.parts) == mostLeaves {
		return
	}
	number := p.Number
	if number == "" {
		number = "1" // of a message that is no multipart (RFC 9051 §6.4.5.1)
	}
	b.parts = append(b.parts, wentBy{
		path: hashPath([]byte(number)), number: number, octets: p.Size, lines: p.Lines, span: e.Span, cut: p.Cut,
	})
}

// structure remembers the sizes of the parts of a message.
func (m *model) structure(uid uint32, d *grammar.Fetch) {
	body := d.BodyStructure
	if body == nil {
		body = d.Body
	}
	if body == nil || uid == 0 {
		return
	}
	b := &m.bodies
	at := -1
	for i := range b.ring {
		if b.ring[i].uid == uid {
			at = i
		}
	}
	if at < 0 {
		if at = b.next; at == len(b.ring) {
			b.ring = append(b.ring, described{})
		}
		b.next = (at + 1) % mostBodies
	}
	x := &b.ring[at]
	x.uid, x.leaves = uid, x.leaves[:0]
	if body.Multipart {
		x.children(body, pathSeed, false)
	} else {
		x.add(body, extend(pathSeed, 1, false))
	}
}

// children adds the parts of a multipart whose number has the hash path; nested says that it has one.
func (x *described) children(body *grammar.Body, path uint64, nested bool) {
	for i, p := range body.Parts {
		if p == nil || len(x.leaves) == mostLeaves {
			return
		}
		at := extend(path, i+1, nested)
		if p.Multipart {
			x.children(p, at, true)
		} else {
			x.add(p, at)
		}
	}
}

// add adds a part and, of an attached message, the parts in it.
func (x *described) add(p *grammar.Body, path uint64) {
	l := leaf{path: path, octets: p.Octets, lines: -1}
	if p.Lines != nil {
		l.lines = *p.Lines
	}
	x.leaves = append(x.leaves, l)
	if len(p.Parts) == 0 || p.Parts[0] == nil || len(x.leaves) == mostLeaves {
		return
	}
	if inner := p.Parts[0]; inner.Multipart {
		x.children(inner, path, true)
	} else {
		x.add(inner, extend(path, 1, true))
	}
}

// find gives what was said of a part, nil where nothing was.
func (b *bodies) find(uid uint32, path uint64) *leaf {
	if uid == 0 {
		return nil
	}
	for i := range b.ring {
		if b.ring[i].uid != uid {
			continue
		}
		for j := range b.ring[i].leaves {
			if l := &b.ring[i].leaves[j]; l.path == path {
				return l
			}
		}
	}
	return nil
}

// The hash of a part's number is FNV-1a.
const (
	pathSeed  = 14695981039346656037
	pathPrime = 1099511628211
)

func hashPath(number []byte) uint64 {
	h := uint64(pathSeed)
	for _, c := range number {
		h = (h ^ uint64(c)) * pathPrime
	}
	return h
}

// extend gives the hash of a number with one more figure.
func extend(h uint64, n int, dot bool) uint64 {
	if dot {
		h = (h ^ '.') * pathPrime
	}
	if n >= 10 {
		h = extend(h, n/10, false)
	}
	return (h ^ uint64('0'+n%10)) * pathPrime
}

// isPath tells whether a section is the number of a part.
func isPath(p []byte) bool {
	for _, c := range p {
		if c != '.' && (c < '0' || c > '9') {
			return false
		}
	}
	return len(p) > 0
}
