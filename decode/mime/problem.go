package mime

import (
	"cmp"
	"slices"

	"github.com/mailtrace/mailtrace/decode/rules"
)

// Problem is something that a message has wrong.
type Problem struct {
	Rule *rules.Rule
	Off  int64  // where it stands within the message, in octets
	Len  int64  // how many octets it is
	Fact string // what stood there; may be empty
	Part *Part  // in which part; nil beyond the limits
}

// MaxProblems is how many problems of one message are told; the others are counted.
const MaxProblems = 20

// Problems gives what the message has wrong, in the order in which it stands there: the first
// of each rule and part, at most MaxProblems. It is valid after Close or Abort, and until
// Reset.
func (s *Scanner) Problems() []Problem { return s.problems }

// MoreProblems is how many problems there are beyond those that Problems gives.
func (s *Scanner) MoreProblems() int { return s.more }

// said has a bit for each rule that was told of a part.
type said uint64

var bits = func() map[*rules.Rule]said {
	m := map[*rules.Rule]said{}
	for _, r := range [...]*rules.Rule{
		rules.BareCR, rules.BareLF, rules.MessageNUL, rules.MessageLongLine, rules.HeaderEightBit, rules.HeaderUTF8,
		rules.HeaderNoColon, rules.HeaderMbox, rules.HeaderEnd, rules.FieldDuplicate, rules.FieldMissing, rules.EncodedWord,
		rules.ParameterContinuation, rules.CharsetUnknown, rules.CharsetMissing, rules.BodyEightBit, rules.EncodingUnknown,
		rules.EncodingOnComposite, rules.BoundaryMissing, rules.BoundaryDuplicate, rules.BoundaryInvalid,
		rules.BoundaryNested, rules.BoundaryPrefix, rules.BoundaryOpen, rules.Base64Invalid, rules.Base64Padding,
		rules.QuotedPrintable, rules.QuotedPrintableSpace, rules.QuotedPrintableLine,
	} {
		m[r] = 1 << len(m)
	}
	return m
}()

// untold tells whether a problem of the part on top of the stack would be its first of that
// kind, so that no fact is put together for nothing.
func (s *Scanner) untold(r *rules.Rule) bool {
	top := &s.nodes[len(s.nodes)-1]
	return !top.quiet && top.said&bits[r] == 0
}

// problem keeps a problem of the part on top of the stack, if it is the first of its kind.
//
// Those that stand first are kept, whatever the order in which they are found, so that
// cuts make no difference.
func (s *Scanner) problem(r *rules.Rule, off, n int64, fact string) {
	top := &s.nodes[len(s.nodes)-1]
	bit := bits[r]
	if top.said&bit != 0 || top.quiet {
		return
	}
	top.said |= bit
	p := Problem{Rule: r, Off: off, Len: n, Fact: fact}
	for i := len(s.nodes) - 1; i >= 0 && p.Part == nil; i-- {
		if p.Part = s.nodes[i].part; p.Part == nil {
			p.Part = s.nodes[i].owner
		}
	}
	at, _ := slices.BinarySearchFunc(s.problems, p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Off, b.Off), cmp.Compare(a.Rule.ID, b.Rule.ID), -1)
	})
	if len(s.problems) == MaxProblems {
		s.more++
		if at == MaxProblems {
			return
		}
		s.problems = s.problems[:MaxProblems-1]
	}
	s.problems = slices.Insert(s.problems, at, p)
}
