package replay

import (
	"slices"
	"strings"
)

// recording is one connection of a script, as a server plays it.
type recording struct {
	number   int // from 1, in the order of the script
	conn     Connection
	greeting []Item // S: lines; none where @login says the greeting
	steps    []*step
	// capabilities are what the recorded server said it can do, before the login and behind
	// it; nil where the script does not have them.
	capabilities [2][]string
}

// stepKind says what a server does with a command.
type stepKind uint8

const (
	regularStep stepKind = iota
	freeStep             // it may be absent, and repeat
	loginStep            // whatever mechanism the client has
	logoutStep
)

// step is a command with its answer.
type step struct {
	*command
	rec     *recording
	index   int
	at      int // of its first line among the steps of the script
	kind    stepKind
	verb    string
	want    []elem   // IMAP: without the tag
	refused *Literal // the literal that the recorded server did not take
	answer  []Item   // S: lines, @sync and @pause; of IDLE those before DONE
	after   []Item   // of IDLE those behind DONE
	accepts bool     // loginStep: the recorded server let the client in
	user    []Item   // loginStep of POP3: what answers USER
	rules   Rules
}

// freeCommands may be sent at any time, and mean nothing for what follows: "CAPABILITY and
// NOOP are always permitted" as a client likes (RFC 9051 §6.1, RFC 2449 §5, RFC 2971 §3.1).
var freeCommands = map[string]bool{"CAPABILITY": true, "CAPA": true, "NOOP": true, "ID": true, "CHECK": true}

// recordingsOf takes a script apart for serving.
func recordingsOf(s *Script) ([]*recording, error) {
	items := s.Steps()
	at := make(map[Item]int, len(items))
	for i, it := range items {
		at[it] = i
	}
	byName := map[string]*recording{}
	var recs []*recording
	for i, c := range s.Conns {
		r := &recording{number: i + 1, conn: c}
		byName[c.Name] = r
		recs = append(recs, r)
	}
	loggedIn := map[*recording]bool{}
	users := map[*recording]*step{} // a USER whose PASS comes
	for _, c := range commands(s) {
		r := byName[c.conn]
		if c.text == "greeting" && len(c.said) == 0 {
			r.greeting = linesOf(c.heard)
			loggedIn[r] = firstStatus(c.heard) == "PREAUTH"
			r.note(c.heard, loggedIn[r])
			continue
		}
		st := &step{command: c, rec: r, index: len(r.steps), verb: c.verb()}
		switch {
		case c.text == "@starttls" && len(c.said) == 0, st.verb == "STARTTLS", st.verb == "STLS":
			continue // the listener's scheme decides
		case c.text == "@login" && len(c.said) == 0:
			st.kind, st.accepts, st.verb = loginStep, true, "@login"
			loggedIn[r] = true
			r.add(st)
			continue
		case len(c.said) == 0:
			continue
		}
		st.at, st.rules = at[c.said[0]], c.said[0].Rules
		if err := st.wants(); err != nil {
			return nil, err
		}
		st.answers(items, at)
		r.note(c.heard, loggedIn[r])
		switch {
		case freeCommands[st.verb]:
			st.kind = freeStep
		case st.verb == "LOGOUT" || st.verb == "QUIT":
			st.kind = logoutStep
		case loggedIn[r]:
		case st.verb == "USER" && status(c) == "+OK":
			users[r] = st
			continue // the PASS that follows tells how it ends
		case slices.Contains([]string{"LOGIN", "AUTHENTICATE", "USER", "PASS", "APOP"}, st.verb), st.verb == "AUTH" && len(c.words) > 1:
			st.kind = loginStep
			st.accepts = status(c) == "OK" || status(c) == "+OK"
			loggedIn[r] = st.accepts
			if u := users[r]; u != nil {
				st.user, users[r] = u.answer, nil
			}
		}
		r.add(st)
	}
	return recs, nil
}

func (r *recording) add(st *step) {
	st.index = len(r.steps)
	r.steps = append(r.steps, st)
}

// note keeps the capabilities that a server said.
func (r *recording) note(heard []*Line, behind bool) {
	var caps []string
	if r.conn.Protocol == IMAP {
		for _, l := range heard {
			w := replyOf(elemsOf(l.Pattern), "")
			list := w.args
			if w.kind != "CAPABILITY" {
				if len(w.code) == 0 || !strings.EqualFold(w.code[0].text(), "CAPABILITY") {
					continue
				}
				list = w.code[1:]
			}
			caps = nil
			for i := range list {
				if list[i].kind == atomTree && !list[i].hasValue() {
					caps = append(caps, list[i].text())
				}
			}
			// The code of the OK that ends a login tells of the time behind it.
			behind = behind || w.tag != "*" && w.tag != "+" && w.kind == "OK"
		}
	}
	if caps == nil {
		return
	}
	i := 0
	if behind {
		i = 1
	}
	r.capabilities[i] = caps
}

// status is the word that ends a command: "OK", "+OK"; "" where the script has no such line.
func status(c *command) string {
	for _, l := range c.heard {
		w := words(l.Pattern)
		switch {
		case l.Protocol == POP3 && len(w) > 0 && (w[0] == "+OK" || w[0] == "-ERR"):
			return w[0]
		case l.Protocol == IMAP && len(w) > 1 && w[0] == c.tag:
			return strings.ToUpper(w[1])
		}
	}
	return ""
}

func firstStatus(heard []*Line) string {
	if len(heard) == 0 {
		return ""
	}
	if w := words(heard[0].Pattern); len(w) > 1 {
		return strings.ToUpper(w[1])
	}
	return ""
}

func linesOf(heard []*Line) []Item {
	var items []Item
	for _, l := range heard {
		if !l.Forbidden {
			items = append(items, l)
		}
	}
	return items
}

// wants makes one pattern of the C: lines of the command. The wire form {n} takes its octets
// from the lines below; where none follow, the server had refused the literal.
func (st *step) wants() error {
	said := st.said
	es := clientElems(said[0])
	for {
		lit := lastCounted(es)
		if lit == nil || st.protocol != IMAP {
			break
		}
		if said = said[1:]; len(said) == 0 {
			st.refused = lit
			break
		}
		n, octets, tail := count(lit), []byte(nil), []elem(nil)
		for more := true; more; {
			text, rest, err := cut(said[0], n-int64(len(octets)))
			if err != nil {
				return err
			}
			octets, tail = append(octets, text...), rest
			if more = rest == nil; more {
				if said = said[1:]; len(said) == 0 {
					return errorAt(lit.Pos, "expected %d octets of a literal, and the rest of its line, on the C: lines below; found %d", n, len(octets))
				}
			}
		}
		es = append(append(es[:len(es)-1:len(es)-1], elem{lit: &Literal{Pos: lit.Pos, Octets: octets}}), tail...)
	}
	if st.protocol == IMAP {
		es = behindWord(es)
	}
	st.want = es
	return nil
}

// clientElems are those of a C: line; of one that is nothing but blocks, their octets.
func clientElems(l *Line) []elem {
	if len(l.Pattern) == 0 && len(l.Blocks) > 0 {
		return octetElems(strings.TrimRight(string(octetsOf(l.Blocks)), "\r\n"))
	}
	return elemsOf(l.Pattern)
}

// behindWord drops the first word, which is the tag.
func behindWord(es []elem) []elem {
	for i, e := range es {
		if e.is(' ') {
			return es[i+1:]
		}
	}
	return nil
}

// answers collects what the server says, in the order of the file, with the places where it
// waits.
func (st *step) answers(items []Item, at map[Item]int) {
	if len(st.heard) == 0 {
		return
	}
	mine := map[Item]bool{}
	for _, l := range st.heard {
		if !l.Forbidden {
			mine[l] = true
		}
	}
	done := -1
	if st.verb == "IDLE" && len(st.said) > 1 {
		done = at[st.said[1]]
	}
	end := at[st.heard[len(st.heard)-1]]
	for i := st.at; i <= end; i++ {
		d, isDirective := items[i].(*Directive)
		waits := isDirective && (d.Verb == Sync || d.Verb == Pause && d.Conn == st.conn)
		switch {
		case !waits && !mine[items[i]]:
		case done >= 0 && i > done:
			st.after = append(st.after, items[i])
		default:
			st.answer = append(st.answer, items[i])
		}
	}
	if st.verb == "IDLE" && done < 0 { // it was recorded up to an IDLE, or DONE was not needed
		st.answer, st.after = beforeTagged(st.answer, st.tag)
	}
}

// beforeTagged divides lines at the completion.
func beforeTagged(items []Item, tag string) (before, completion []Item) {
	for i, it := range items {
		if l, ok := it.(*Line); ok {
			if w := words(l.Pattern); len(w) > 0 && w[0] == tag {
				return items[:i], items[i:]
			}
		}
	}
	return items, nil
}

// counts tells whether a step is one that a client has to ask for.
func (st *step) counts() bool { return st.kind != freeStep && !st.rules.Optional }
