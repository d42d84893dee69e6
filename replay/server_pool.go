package replay

import (
	"maps"
	"slices"
	"strings"
	"sync"
)

// candidate is a recording that a connection may be, and how far it is in it.
type candidate struct {
	rec    *recording
	played []bool // by step
	passed []bool // by step: played, or left out as one may
	first  int    // all steps before it are passed
	owed   []*step
	// bound is what the client's words stand for, where this is not the candidate that is
	// played; took is the same with those of the command that is looked at.
	bound, took map[string]binding
}

// due gives the steps that may come next: in order, those up to the first that has to come.
func (c *candidate) due(anyOrder bool) []*step {
	var list []*step
	group := false
	for _, st := range c.rec.steps[c.first:] {
		if c.passed[st.index] {
			continue
		}
		if group && !st.rules.AnyOrder && !anyOrder {
			break
		}
		list = append(list, st)
		switch {
		case anyOrder:
		case st.rules.AnyOrder:
			group = true
		case st.counts():
			return list
		}
	}
	return list
}

// take plays a step. What a client may leave out, and did, is behind it; what was told there
// of the mailbox is owed.
func (c *candidate) take(st *step, anyOrder bool) {
	c.played[st.index] = true
	c.passed[st.index] = true
	if !anyOrder && !st.rules.AnyOrder {
		for _, before := range c.rec.steps[min(c.first, st.index):st.index] {
			if !c.passed[before.index] && !before.rules.AnyOrder {
				c.passed[before.index] = true
				if before.kind == freeStep && before.tells() {
					c.owed = append(c.owed, before)
				}
			}
		}
	}
	for c.first < len(c.passed) && c.passed[c.first] {
		c.first++
	}
}

// tells tells whether an answer has news of the mailbox.
func (st *step) tells() bool { return st.protocol == IMAP && len(st.news()) > 0 }

var newsKinds = map[string]bool{"EXISTS": true, "RECENT": true, "EXPUNGE": true, "VANISHED": true, "FETCH": true}

// news gives the lines of an answer that tell of the mailbox.
func (st *step) news() []Item {
	var list []Item
	for _, it := range st.answer {
		if l, ok := it.(*Line); ok && newsKinds[replyOf(elemsOf(l.Pattern), "").kind] {
			list = append(list, l)
		}
	}
	return list
}

// pool gives connections the recordings that they may be.
type pool struct {
	anyOrder bool
	vals     *values

	mu      sync.Mutex
	recs    []*recording
	owner   map[*recording]*member // who played it, or does: nobody else can
	members []*member              // connections that are there
	last    map[*recording]*candidate
	done    map[*step]bool
	news    chan struct{} // closed when something was played, and made anew
}

// member is a connection that is there.
type member struct {
	cands  []*candidate // the first is the one that is played
	played bool         // something that counts
}

func newPool(recs []*recording, vals *values, anyOrder bool) *pool {
	return &pool{
		anyOrder: anyOrder, vals: vals, recs: recs, owner: map[*recording]*member{}, last: map[*recording]*candidate{},
		done: map[*step]bool{}, news: make(chan struct{}),
	}
}

// join lets a connection in; nil where no recording is left for it.
func (p *pool) join(protocol Protocol) *member {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := &member{}
	for _, r := range p.recs {
		if r.conn.Protocol == protocol && p.owner[r] == nil {
			m.cands = append(m.cands, &candidate{rec: r, played: make([]bool, len(r.steps)), passed: make([]bool, len(r.steps))})
		}
	}
	if !p.feasible(m, m.cands) {
		return nil
	}
	p.members = append(p.members, m)
	return m
}

// leave forgets a connection. What it was stays taken if it played any of it.
func (p *pool) leave(m *member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m.played {
		p.settle(m)
	}
	for _, r := range p.recs {
		if c := p.last[r]; c != nil && p.owner[r] == m {
			p.keep(c)
		}
	}
	p.members = slices.DeleteFunc(p.members, func(x *member) bool { return x == m })
	p.tell()
}

// settle makes a connection the recording that is its first.
func (p *pool) settle(m *member) {
	for _, c := range m.cands {
		if p.feasible(m, []*candidate{c}) {
			m.cands = []*candidate{c}
			p.owner[c.rec], p.last[c.rec] = m, c
			return
		}
	}
}

// keep notes what was played.
func (p *pool) keep(c *candidate) {
	for i, played := range c.played {
		if played {
			p.done[c.rec.steps[i]] = true
		}
	}
}

func (p *pool) tell() {
	close(p.news)
	p.news = make(chan struct{})
}

// greets leaves of a connection's candidates those that begin in the same way as the first.
func (p *pool) greets(m *member, class func(*recording) string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := class(m.cands[0].rec)
	kept := slices.DeleteFunc(slices.Clone(m.cands), func(c *candidate) bool { return class(c.rec) != first })
	if p.feasible(m, kept) {
		m.cands = kept
	}
}

// due gives the first step that a connection has to ask for next; nil where it has come to the end.
func (p *pool) due(m *member) *step {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := m.cands[0].due(false)
	if len(list) == 0 {
		return nil
	}
	return list[len(list)-1]
}

// owes gives what a connection was not told yet of its mailbox, once.
func (p *pool) owes(m *member) []*step {
	p.mu.Lock()
	defer p.mu.Unlock()
	owed := m.cands[0].owed
	for _, c := range m.cands {
		c.owed = nil
	}
	return owed
}

// feasible tells whether each connection can be a recording of its own, where m is one of
// cands (Kuhn's augmenting paths; scripts have few connections).
func (p *pool) feasible(m *member, cands []*candidate) bool {
	is := map[*recording]*member{}
	for r, owner := range p.owner {
		is[r] = owner
	}
	of := func(x *member) []*candidate {
		if x == m {
			return cands
		}
		return x.cands
	}
	var place func(x *member, seen map[*recording]bool) bool
	place = func(x *member, seen map[*recording]bool) bool {
		for _, c := range of(x) {
			if seen[c.rec] {
				continue
			}
			seen[c.rec] = true
			switch holder := is[c.rec]; {
			case holder == x:
				return true
			case holder != nil && (p.owner[c.rec] == holder || !place(holder, seen)):
				continue
			}
			is[c.rec] = x
			return true
		}
		return false
	}
	for _, x := range p.members {
		if x != m && !place(x, map[*recording]bool{}) {
			return false
		}
	}
	return place(m, map[*recording]bool{})
}

// play finds the step that a test takes, among those due; nil where there is none. It keeps
// the candidates that say the same here, and the first of them is played.
func (p *pool) play(m *member, takes func(c *candidate, st *step) bool) *step {
	p.mu.Lock()
	defer p.mu.Unlock()
	type pick struct {
		c  *candidate
		st *step
	}
	var picks []pick
	for _, c := range m.cands {
		if owner := p.owner[c.rec]; owner != nil && owner != m {
			continue
		}
		c.took = c.bound
		for _, st := range c.due(p.anyOrder) {
			if takes(c, st) {
				picks = append(picks, pick{c, st})
				break
			}
		}
	}
	for _, first := range picks {
		says := ""
		if len(picks) > 1 {
			says = p.says(first.c, first.st)
		}
		var kept []*candidate
		var steps []*step
		for _, x := range picks {
			if x == first || x.st.kind == first.st.kind && p.says(x.c, x.st) == says {
				kept, steps = append(kept, x.c), append(steps, x.st)
			}
		}
		i := slices.Index(kept, first.c)
		kept[0], kept[i], steps[0], steps[i] = kept[i], kept[0], steps[i], steps[0]
		if !p.feasible(m, kept) {
			continue
		}
		for i := range kept {
			kept[i].take(steps[i], p.anyOrder)
			kept[i].bound = kept[i].took
		}
		for name, b := range kept[0].bound {
			p.vals.bind(name, b)
		}
		kept[0].bound = nil
		m.cands = kept
		m.played = m.played || first.st.counts()
		if len(kept) == 1 {
			p.owner[kept[0].rec], p.last[kept[0].rec] = m, kept[0]
		}
		p.tell()
		return first.st
	}
	return nil
}

// says gives an answer in a form in which those are equal that a client takes alike.
func (p *pool) says(c *candidate, st *step) string {
	var b strings.Builder
	for _, it := range slices.Concat(st.user, st.answer, st.after) {
		l, ok := it.(*Line)
		if !ok {
			continue
		}
		if text := statusPart(l, st.tag); text != "" {
			b.WriteString(text + "\n")
			continue
		}
		for _, n := range l.Pattern {
			switch n := n.(type) {
			case Text:
				b.WriteString(string(n))
			case *Value:
				known, ok := c.took[n.Name]
				if !ok {
					known, ok = p.vals.lookup(n.Name)
				}
				switch {
				case n.Kind != Variable:
					b.WriteString("${*}")
				case ok:
					b.WriteString(known.text)
				default:
					b.WriteString(n.Sample)
				}
			case *Literal:
				b.WriteString(n.shown())
			}
		}
		b.Write(octetsOf(l.Blocks))
		b.WriteByte('\n')
	}
	if st.kind == loginStep && len(st.answer) == 0 {
		return "OK\n"
	}
	return b.String()
}

// statusPart gives of a status what is no human text; "" where the line is none.
func statusPart(l *Line, tag string) string {
	if l.Protocol == POP3 {
		w := words(l.Pattern)
		if len(w) > 1 && (w[0] == "+OK" || w[0] == "-ERR") && !strings.HasPrefix(w[1], "[") && !hasNumber(w[1]) {
			return w[0]
		}
		return ""
	}
	r := replyOf(elemsOf(l.Pattern), "")
	if !statusKinds[r.kind] {
		return ""
	}
	if r.tag == tag {
		r.tag = "tag"
	}
	code := ""
	if open, end := strings.IndexByte(l.Pattern.String(), '['), len(r.code) > 0; end && open >= 0 {
		code = l.Pattern.String()[open:]
		if i := strings.LastIndexByte(code, ']'); i >= 0 {
			code = code[:i]
		}
	}
	return r.tag + " " + r.kind + " " + code
}

func hasNumber(s string) bool { return strings.ContainsAny(s, "0123456789$") }

// reached tells whether all other recordings have begun their steps above a place of the
// script; the channel is closed when that may have changed.
func (p *pool) reached(m *member, place int) (bool, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.recs {
		if r == m.cands[0].rec || p.begun(r, place) {
			continue
		}
		return false, p.news
	}
	return true, p.news
}

func (p *pool) begun(r *recording, place int) bool {
	c := p.last[r]
	if owner := p.owner[r]; owner != nil && c != nil && !slices.Contains(p.members, owner) {
		return true // it was there, and went
	}
	if c == nil {
		for _, m := range p.members {
			for _, x := range m.cands {
				if x.rec == r {
					c = x
				}
			}
		}
	}
	for _, st := range r.steps {
		if st.at < place && st.counts() && st.kind != loginStep && (c == nil || !c.passed[st.index]) {
			return false
		}
	}
	return true
}

// over tells whether all recordings were played, and those who did have gone.
func (p *pool) over() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.members) > 0 {
		return false
	}
	for _, r := range p.recs {
		if p.owner[r] == nil && slices.ContainsFunc(r.steps, (*step).counts) {
			return false
		}
	}
	return true
}

// asked gives the steps that were played, by connections that are there too.
func (p *pool) asked() map[*step]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members {
		if m.played {
			p.keep(m.cands[0])
		}
	}
	return maps.Clone(p.done)
}
