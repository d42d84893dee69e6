package imap

import (
	"bytes"
	"strconv"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/mime"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// Messages that a client fetches in pieces (RFC 9051 §6.4.5, BODY[]<0.65536>) are put together
// while the pieces go by:
//
//	C: a1 UID FETCH 7 (BODY.PEEK[]<0.65536>)   asked
//	S: * 3 FETCH (UID 7 BODY[]<0> {65536}      begin ──► mime.Joiner
//	   …                                       octets ──►
//	S: )                                       end ──► the parts, with the last piece

// asksPiece gives how many octets of a piece a FETCH asks for, 0 where it asks for none.
func asksPiece(args []byte) int64 {
	i := bytes.Index(args, []byte("]<"))
	if i < 0 {
		return 0
	}
	spec, _, _ := bytes.Cut(args[i+2:], []byte(">"))
	_, octets, _ := bytes.Cut(spec, []byte("."))
	n, err := strconv.ParseInt(string(octets), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// pieceOf takes apart BODY[1.2]<4096>; ok is false where the item is no piece.
func pieceOf(item []byte) (section string, origin int64, ok bool) {
	if len(item) == 0 || item[len(item)-1] != '>' {
		return "", 0, false
	}
	open, end := bytes.IndexByte(item, '['), bytes.LastIndex(item, []byte("]<"))
	if open < 0 || end < open {
		return "", 0, false
	}
	origin, err := strconv.ParseInt(string(item[end+2:len(item)-1]), 10, 64)
	return string(bytes.ToUpper(item[open+1 : end])), origin, err == nil && origin >= 0
}

// beginPiece begins a literal that is a piece of a message, if it is one. Which message, the
// first line of the response says.
func (s *session) beginPiece(line, item []byte) {
	x := &s.server
	section, origin, ok := pieceOf(item)
	if !ok {
		return
	}
	key := mime.Key{Mailbox: s.mailbox.name, Section: section}
	if x.rest == "FETCH" && bytes.HasPrefix(line, []byte("* ")) {
		number, _, _ := bytes.Cut(line[2:], []byte(" "))
		x.piece = mime.Key{Number: number32(number)}
		if uid := valueOf(line, "UID "); uid != "" {
			x.piece = mime.Key{Number: number32([]byte(uid)), UID: true}
		}
	}
	if key.Number, key.UID = x.piece.Number, x.piece.UID; key.Number == 0 {
		return
	}
	asked := int64(0)
	if c := x.restOf; c != nil {
		if p := s.pending.find([]byte(c.Tag)); p != nil && p.Command == c {
			asked = p.piece
		}
	}
	l := &x.literal
	l.origin = origin
	l.piece = s.joiner.Begin(key, origin, asked, 0)
}

func number32(p []byte) uint32 {
	n, err := strconv.ParseUint(string(p), 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

// endPiece ends the piece. Once the message is there, it gives its parts and what is wrong with
// them; what never came is in gaps.
func (s *session) endPiece(t time.Time, x *side, owner *decode.Command) (gaps []mime.Octets) {
	l := &x.literal
	parts, gaps, done := l.piece.End()
	l.piece = nil
	if l.damaged {
		s.joiner.Forget() // the octets that are missing in the capture would be taken for others
		return nil
	}
	if !done {
		return nil
	}
	problems, _ := s.joiner.Problems()
	s.parts(t, x, owner, parts, problems, l.off-l.origin)
	return gaps
}

// parts makes events of the parts of a message whose first octet stands at base, and puts on
// them what is wrong.
func (s *session) parts(t time.Time, x *side, owner *decode.Command, parts []*mime.Part, problems []mime.Problem, base int64) {
	if s.o.Bodiless {
		return
	}
	l := &x.literal
	within := func(off, n int64) decode.Span {
		// Of a piece that went by earlier nobody knows where it stood.
		if off += base; off >= l.off {
			return decode.Span{Off: off, Len: n}
		}
		return decode.Span{Off: l.off}
	}
	for i, part := range parts {
		e := s.event(t, x.dir, decode.MIME)
		e.Command, e.Detail = owner, part
		e.Span = within(part.Off, part.Size)
		for j := range problems {
			p := &problems[j]
			if p.Part != part && (p.Part != nil || i > 0) {
				continue
			}
			if s.told == nil {
				s.told = map[*rules.Rule]int{}
			}
			if s.told[p.Rule]++; s.told[p.Rule] <= fewProblems {
				e.Findings = append(e.Findings, p.Rule.At(x.dir, within(p.Off, p.Len), p.Fact))
			}
		}
	}
}

// fewProblems is how often a rule about messages is found on a connection.
const fewProblems = 20
