package replay

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// item is an S: line that is awaited, or that must not come.
type item struct {
	expected
	tag   string
	class string
	want  *reply // nil while nobody compares; see reply
	came  bool
}

// reply takes the line apart. A run may have thousands of lines of which one is compared at a time.
func (it *item) reply() *reply {
	if it.want == nil {
		it.want = replyOf(elemsOf(it.line.Pattern), "")
	}
	return it.want
}

// section is what is awaited up to one completion; the last of a run may have none.
type section struct {
	items []*item
	first int // all before it have come
	end   *item
	over  bool
}

// hearIMAP awaits a run of S: lines. All its sections are open at once, since the
// commands are pipelined: an untagged response goes to the first section that lists it.
func (p *player) hearIMAP(run []expected) error {
	sections, err := p.sections(run)
	if err != nil {
		return err
	}
	waiting := p.pending
	p.pending = nil
	var unlisted []*reply
	ungreeted := !p.greeted
	for {
		open := firstOpen(sections)
		if open == nil {
			if sections[len(sections)-1].end == nil {
				// The command goes on below, and what is not listed here may be there:
				// some servers send EXISTS before the "+" of IDLE.
				waiting = append(unlisted, waiting...)
			}
			p.pending = append(waiting, p.pending...)
			return nil
		}
		var r *reply
		if len(waiting) > 0 {
			r, waiting = waiting[0], waiting[1:]
		} else if r, err = p.read(open.line.Pos, patience(sections, p.opts.Timeout)); err != nil {
			p.missing(sections, unlisted)
			p.reached = reached(sections)
			return p.broken(open.line, err)
		}
		if p.taken(sections, r) {
			ungreeted = ungreeted && !isGreeting(r)
			if r.tag != "*" && r.tag != "+" {
				if err := p.after(sections, r, unlisted); err != nil {
					return err
				}
				unlisted = nil
			}
			continue
		}
		switch {
		case ungreeted && isGreeting(r) && isGreeting(open.reply()):
			ungreeted = false
			open.came = true
			p.heard(open.line.Pos)
			p.differFrom(open, "another greeting", r)
		case r.tag == "*" || r.tag == "+":
			if r.tag == "+" {
				p.unlisted(open.line.Pos, "not listed, and came before "+open.line.Pattern.String(), r.show)
			} else if len(unlisted) < 1000 {
				unlisted = append(unlisted, r)
			}
		case p.later(r.tag):
			p.pending = append(p.pending, r)
		default:
			p.unlisted(open.line.Pos, "a completion that no line expects", r.show)
		}
	}
}

// isGreeting tells whether a response can be a greeting (RFC 9051 §7.1), which is one line and has
// no completion behind it: another one than expected is not followed by the right one.
//
// QUIRK: Dovecot says "* OK Waiting for authentication process to respond.." before its greeting.
func isGreeting(r *reply) bool {
	if r.tag != "*" || r.kind != "OK" && r.kind != "PREAUTH" && r.kind != "BYE" {
		return false
	}
	return !strings.HasPrefix(r.show, "* OK Waiting for authentication process")
}

// sections divides a run at its completions, wire literals joined.
func (p *player) sections(run []expected) ([]*section, error) {
	items, err := joined(run)
	if err != nil {
		return nil, err
	}
	var list []*section
	s := &section{}
	for _, it := range items {
		if it.tag == "*" || it.tag == "+" {
			s.items = append(s.items, it)
			continue
		}
		s.end = it
		list = append(list, s)
		s = &section{}
	}
	if len(s.items) > 0 {
		list = append(list, s)
	}
	return list, nil
}

// joined makes one item of each response: a line that ends in the wire form {n} takes its
// octets from the lines below.
func joined(run []expected) ([]*item, error) {
	var items []*item
	for i := 0; i < len(run); i++ {
		it := &item{expected: run[i]}
		es := elemsOf(run[i].line.Pattern)
		for {
			lit := lastCounted(es)
			if lit == nil || isStatusLine([]byte(run[i].line.Pattern.String())) {
				break
			}
			n, octets, tail := count(lit), []byte(nil), []elem(nil)
			for more := true; more; {
				if i++; i == len(run) {
					return nil, errorAt(lit.Pos, "expected %d octets of a literal, and the rest of its line, on the S: lines below; found %d", n, len(octets))
				}
				text, rest, err := cut(run[i].line, n-int64(len(octets)))
				if err != nil {
					return nil, err
				}
				octets, tail = append(octets, text...), rest
				more = rest == nil
			}
			es = append(append(es[:len(es)-1:len(es)-1], elem{lit: &Literal{Pos: lit.Pos, Kind: Counted, Must: lit.Must, Octets: octets}}), tail...)
		}
		want := replyOf(es, "")
		it.tag, it.class = want.tag, want.class()
		if len(es) > 0 && slices.ContainsFunc(es, func(e elem) bool { return e.lit != nil && e.lit.Kind == Counted }) {
			it.want = want
		}
		items = append(items, it)
	}
	return items, nil
}

func lastCounted(es []elem) *Literal {
	if n := len(es); n > 0 && es[n-1].lit != nil && es[n-1].lit.Kind == Counted && es[n-1].lit.Count != "" {
		return es[n-1].lit
	}
	return nil
}

func count(lit *Literal) int64 {
	var n int64
	fmt.Sscan(lit.Count, &n) // parsed before
	return n
}

// cut takes the first n octets of a line with its CRLF; rest is what stands behind them,
// nil where all of the line was taken.
func cut(l *Line, n int64) (octets []byte, rest []elem, err error) {
	es := append(elemsOf(l.Pattern), octetElems("\r\n")...)
	for ; int64(len(octets)) < n && len(es) > 0; es = es[1:] {
		if es[0].v != nil || es[0].lit != nil {
			return nil, nil, errorAt(l.Pos, "expected plain text: these are octets that {n} counts; use {|} for values around them")
		}
		octets = append(octets, es[0].b)
	}
	switch len(es) {
	case 0:
		return octets, nil, nil
	case 1:
		return nil, nil, errorAt(l.Pos, "expected a literal that ends at an octet of a line, not inside CRLF")
	}
	return octets, es[:len(es)-2], nil
}

// firstOpen gives what is awaited first; nil where all has come.
func firstOpen(sections []*section) *item {
	for _, s := range sections {
		if s.over {
			continue
		}
		for s.first < len(s.items) && s.items[s.first].came {
			s.first++
		}
		for _, it := range s.items[s.first:] {
			if !it.came && !it.line.Forbidden {
				return it
			}
		}
		if s.end != nil {
			return s.end
		}
	}
	return nil
}

// patience gives how long the next response may take.
func patience(sections []*section, timeout time.Duration) time.Duration {
	for _, s := range sections {
		if s.over {
			continue
		}
		if s.end != nil {
			timeout = max(timeout, s.end.wait)
		}
		for _, it := range s.items[s.first:] {
			if !it.came {
				timeout = max(timeout, it.wait)
			}
		}
	}
	return timeout
}

func exact(sections []*section) bool {
	for _, s := range sections {
		if s.over {
			continue
		}
		if s.end != nil && s.end.line.Rules.Exact {
			return true
		}
		for _, it := range s.items {
			if it.line.Rules.Exact {
				return true
			}
		}
	}
	return false
}

// taken gives a response to the line that lists it.
func (p *player) taken(sections []*section, r *reply) bool {
	for _, s := range sections {
		if s.over {
			continue
		}
		if s.end != nil && s.end.tag == r.tag {
			m := newMatcher(p.vals, s.end.line.Rules.Exact)
			s.end.came = true
			p.heard(s.end.line.Pos)
			if m.reply(s.end.reply(), r) {
				m.commit()
				p.res.Same++
			} else {
				p.differFrom(s.end, "another completion", r)
			}
			return true
		}
		blocked := map[string]bool{}
		for _, it := range s.items[s.first:] {
			if it.came || !it.line.Forbidden && (blocked[it.class] || blocked["*"]) {
				continue
			}
			m := newMatcher(p.vals, it.line.Rules.Exact)
			if m.reply(it.reply(), r) {
				if it.line.Forbidden {
					p.differ(it.line, "came, and must not", r.show)
					return true
				}
				m.commit()
				it.came, it.want = true, nil
				p.heard(it.line.Pos)
				p.res.Same++
				if err := p.save(m.saves); err != nil {
					p.differ(it.line, err.Error(), "")
				}
				return true
			}
			if !it.line.Forbidden {
				blocked[it.class] = true
				blocked["*"] = it.line.Rules.Ordered
			}
		}
	}
	return false
}

// after closes the section whose completion came: what it lists and did not come is
// missing. A STARTTLS turns the connection to TLS here.
func (p *player) after(sections []*section, r *reply, unlisted []*reply) error {
	for i, s := range sections {
		if s.end == nil || s.over || !s.end.came {
			continue
		}
		s.over = true
		p.handOn(s, sections[i+1:], unlisted)
		p.absent(s, unlisted)
		if s.end.tag == r.tag {
			return p.upgrade(s.end.line.Pos, r.tag, r.kind == "OK")
		}
	}
	return nil
}

// handOn gives the lines that did not come to the next section whose completion is awaited:
// its command was sent before, and which of the pipelined commands in progress untagged data
// belongs to no client can tell (RFC 9051 §5.5). Dovecot reads UID FETCH 1, 2 and 3 as one, so
// that their order against the completions is a matter of time. A line of which something like
// it came stays, to be reported with it.
func (p *player) handOn(s *section, below []*section, unlisted []*reply) {
	i := slices.IndexFunc(below, func(s *section) bool { return s.end != nil && !s.over && !s.end.came })
	if i < 0 {
		return
	}
	var on []*item
	s.items = slices.DeleteFunc(s.items, func(it *item) bool {
		if it.came || it.line.Forbidden || nearest(it.reply(), unlisted) != nil {
			return false
		}
		on = append(on, it)
		return true
	})
	s.first = 0
	below[i].items, below[i].first = append(on, below[i].items...), 0
}

// absent reports the lines of a section that did not come, each with what came nearest,
// and what came unlisted where that is forbidden.
func (p *player) absent(s *section, unlisted []*reply) {
	late := map[string]bool{} // classes in which a line above did not come
	for _, it := range s.items {
		if it.came || it.line.Forbidden {
			continue
		}
		// Behind a line that did not come, the order of its kind is not to blame.
		if i := p.matching(it, unlisted, late); i >= 0 {
			unlisted = slices.Delete(slices.Clone(unlisted), i, i+1)
			p.res.Same++
			continue
		}
		late[it.class] = true
		near := nearest(it.reply(), unlisted)
		if near == nil {
			p.differ(it.line, neverCame, "")
			continue
		}
		unlisted = slices.DeleteFunc(slices.Clone(unlisted), func(r *reply) bool { return r == near })
		p.differFrom(it, neverCame, near)
	}
	if !exact([]*section{{items: s.items, end: s.end}}) {
		return
	}
	l := s.end.line
	if len(s.items) > 0 {
		l = s.items[0].line
	}
	for _, r := range unlisted {
		p.unlisted(l.Pos, "not listed, and came before "+l.Pattern.String(), r.show)
	}
}

// matching gives the index of the response that a line lists, and takes what it binds.
func (p *player) matching(it *item, came []*reply, late map[string]bool) int {
	if !late[it.class] || it.line.Rules.Ordered {
		return -1
	}
	for i, r := range came {
		if m := newMatcher(p.vals, it.line.Rules.Exact); m.reply(it.reply(), r) {
			m.commit()
			return i
		}
	}
	return -1
}

// missing reports what an early end left unmatched.
func (p *player) missing(sections []*section, unlisted []*reply) {
	for _, s := range sections {
		if s.over {
			continue
		}
		for _, it := range s.items {
			if it.came || it.line.Forbidden {
				continue
			}
			for _, r := range unlisted {
				if r.class() == it.class {
					p.differ(it.line, "came differently", r.show)
					break
				}
			}
		}
	}
}

// reached counts the lines of a run that are done with.
func reached(sections []*section) int {
	n := 0
	for _, s := range sections {
		for _, it := range s.items {
			if it.came || it.line.Forbidden || s.over {
				n++
			}
		}
		if s.over {
			n++
		}
	}
	return n
}

// later tells whether a completion of this tag is expected below.
func (p *player) later(tag string) bool {
	for _, it := range p.steps[p.at:] {
		if l, ok := it.(*Line); ok && l.Side == ServerSide {
			if w := words(l.Pattern); len(w) > 0 && w[0] == tag {
				return true
			}
		}
	}
	return false
}

// read reads a response, and logs it.
func (p *player) read(at Pos, timeout time.Duration) (*reply, error) {
	r, err := p.wire.reply(timeout)
	if err != nil {
		return nil, err
	}
	p.greeted = true
	if r.tag == "+" {
		p.challenge = strings.TrimSpace(strings.TrimPrefix(r.show, "+"))
	} else if r.tag != "*" {
		p.mech = nil
	}
	p.log(at, "S: "+r.show)
	return r, nil
}

// continuation awaits the "+" for a literal of l. Where its completion comes instead, the
// literal is refused (RFC 9051 §4.3); it stays pending for its S: line.
func (p *player) continuation(l *Line) (bool, error) {
	tag := words(l.Pattern)[0]
	for {
		r, err := p.read(l.Pos, p.opts.Timeout)
		if err != nil {
			return false, p.broken(l, fmt.Errorf("no continuation request for its literal: %w", err))
		}
		if r.tag == "+" {
			return true, nil
		}
		p.pending = append(p.pending, r)
		if r.tag == tag {
			return false, nil
		}
	}
}

// leftOver reports completions that came and that nothing awaited.
func (p *player) leftOver() error {
	for _, r := range p.pending {
		if r.tag != "*" {
			p.unlisted(p.conn.Pos, "a completion that no line expects", r.show)
		}
	}
	return nil
}
