package mime

import (
	"slices"

	"github.com/mailtrace/mailtrace/decode"
)

// Key says which message, and which section of it, a piece belongs to.
type Key struct {
	Mailbox string // name and UIDVALIDITY, in whatever form the caller has them
	Number  uint32 // UID or message sequence number
	UID     bool   // which of them
	Section string // "" is the whole message
}

// Octets is a run of octets of a message: the first, and how many.
type Octets struct{ Off, Len int64 }

// Joiner puts together messages that are fetched in pieces, such as BODY[]<0.65536>
// (RFC 9051 §6.4.5). Pieces stream into a Scanner; none is kept. What came before is
// recognised and left out; what is missing is a gap. The zero value is ready, and holds
// at most MaxJoined messages in progress: the one that waited longest is given up first.
type Joiner struct {
	Limits decode.Limits

	joined   []*joined // used last stands last
	spare    []*joined
	piece    Piece
	problems []Problem
	more     int
	lost     int
}

const (
	// MaxJoined is how many messages may be in progress.
	MaxJoined = 16
	maxGaps   = 64
)

type joined struct {
	key     Key
	scanner Scanner
	next    int64 // the octet that is due
	gaps    []Octets
}

// Piece is a piece of a message that goes by. It is valid until the next Begin.
type Piece struct {
	j             *Joiner
	m             *joined
	key           Key
	origin, asked int64
	total, seen   int64
}

// Begin begins the piece whose first octet is origin. The client asked for that many octets,
// and the whole has total of them; 0 stands for what is not known. A total is only to be
// given where it can be trusted.
func (j *Joiner) Begin(key Key, origin, asked, total int64) *Piece {
	j.piece = Piece{j: j, key: key, origin: max(origin, 0), asked: asked, total: total}
	j.problems, j.more = nil, 0
	if at := slices.IndexFunc(j.joined, func(m *joined) bool { return m.key == key }); at >= 0 {
		m := j.joined[at]
		j.joined = append(slices.Delete(j.joined, at, at+1), m)
		j.piece.m = m
	}
	return &j.piece
}

// Write takes the next octets of the piece.
func (p *Piece) Write(octets []byte) {
	if len(octets) == 0 {
		return
	}
	if p.m == nil {
		p.m = p.j.enter(p.key)
	}
	m, off := p.m, p.origin+p.seen
	p.seen += int64(len(octets))
	if known := m.next - off; known > 0 {
		octets = octets[min(known, int64(len(octets))):]
		off = m.next
	}
	if len(octets) == 0 {
		return
	}
	m.skip(off)
	if p.key.Section == "" {
		m.scanner.Write(octets)
	}
	m.next = off + int64(len(octets))
}

// skip notes a gap up to an octet. Beyond maxGaps the last one grows.
func (m *joined) skip(off int64) {
	n := off - m.next
	if n <= 0 {
		return
	}
	if m.key.Section == "" {
		m.scanner.Skip(n)
	}
	if k := len(m.gaps); k == maxGaps {
		m.gaps[k-1].Len = off - m.gaps[k-1].Off
	} else {
		m.gaps = append(m.gaps, Octets{m.next, n})
	}
	m.next = off
}

// End ends the piece, and tells whether the message is done: the piece is shorter than what
// was asked for, or empty, or reaches the total. Then parts are those of a whole message, nil
// for another section or where no piece had octets, and gaps is what never came. The
// caller owns them.
func (p *Piece) End() (parts []*Part, gaps []Octets, done bool) {
	m, end := p.m, p.origin+p.seen
	short := p.seen == 0 || p.asked > 0 && p.seen < p.asked
	if m == nil {
		return nil, nil, short
	}
	if !(short && end >= m.next) && !(p.total > 0 && m.next >= p.total) {
		return nil, nil, false
	}
	m.skip(max(p.total, m.next))
	if p.seen == 0 {
		m.skip(p.origin)
	}
	p.j.leave(m)
	if p.key.Section == "" {
		parts = m.scanner.Close()
		p.j.problems, p.j.more = slices.Clone(m.scanner.Problems()), m.scanner.MoreProblems()
	}
	gaps, p.m, m.gaps = m.gaps, nil, nil
	return parts, gaps, true
}

// Problems gives what the message has wrong that End just gave, until the next Begin.
func (j *Joiner) Problems() ([]Problem, int) { return j.problems, j.more }

// Lost is how many messages were given up unfinished for others.
func (j *Joiner) Lost() int { return j.lost }

// Forget gives up all messages in progress, as when another mailbox is selected.
func (j *Joiner) Forget() {
	for len(j.joined) > 0 {
		j.leave(j.joined[0])
	}
}

func (j *Joiner) enter(key Key) *joined {
	if len(j.joined) == MaxJoined {
		j.leave(j.joined[0])
		j.lost++
	}
	m := &joined{}
	if n := len(j.spare); n > 0 {
		m, j.spare = j.spare[n-1], j.spare[:n-1]
	}
	m.key, m.next, m.gaps = key, 0, nil
	m.scanner.Reset(j.Limits)
	j.joined = append(j.joined, m)
	return m
}

func (j *Joiner) leave(m *joined) {
	at := slices.Index(j.joined, m)
	j.joined = slices.Delete(j.joined, at, at+1)
	j.spare = append(j.spare, m)
}
