package replay

import "strings"

// changing are the IMAP commands that change a mailbox or what is told of it; the number is
// where the name of a mailbox stands that another command may need (RFC 9051 §6.3, §6.4).
var changing = map[string]int{
	"APPEND": 1, "MULTIAPPEND": 1, "CREATE": 1, "DELETE": 1, "RENAME": 2, "SUBSCRIBE": 1, "UNSUBSCRIBE": 1,
	"SETACL": 1, "DELETEACL": 1, "SETQUOTA": 1, "SETMETADATA": 1, "SETANNOTATION": 1, "REPLACE": 2,
	"STORE": 0, "EXPUNGE": 0, "COPY": 2, "MOVE": 2, "CLOSE": 0,
}

// leftOut finds the steps that would change the mailbox of a server, and those that depend
// on them: on a variable, on a mailbox, on a message. It gives the lines of all of them.
//
// CLOSE removes messages for good unless the mailbox was opened with EXAMINE. RETR and FETCH
// are no changes here, although BODY[] sets \Seen.
func leftOut(all []*command) (skipped map[*command]bool, lines map[Pos]bool) {
	skipped, lines = map[*command]bool{}, map[Pos]bool{}
	states := map[string]*changed{}
	bound, unbound := map[string]bool{}, map[string]bool{}
	for _, c := range all {
		st := states[c.conn]
		if st == nil {
			st = &changed{mailboxes: map[string]bool{}, messages: map[string]bool{}}
			states[c.conn] = st
		}
		out := st.imap(c)
		if c.protocol == POP3 {
			out = st.pop3(c)
		}
		for _, l := range c.said {
			for _, v := range variablesOf(l) {
				out = out || unbound[v] && !bound[v]
			}
		}
		for _, l := range c.heard {
			for _, v := range variablesOf(l) {
				if out {
					unbound[v] = true
				} else {
					bound[v] = true
				}
			}
		}
		if !out {
			continue
		}
		skipped[c] = true
		for _, l := range append(c.said[:len(c.said):len(c.said)], c.heard...) {
			lines[l.Pos] = true
		}
	}
	return skipped, lines
}

// changed is what a connection would have changed.
type changed struct {
	mailboxes map[string]bool // IMAP: not as the script has them
	messages  map[string]bool // POP3: marked as deleted
	selected  string
	readOnly  bool
	absent    bool // the selected mailbox was not opened
}

func mailboxName(words []string, i int) string {
	if i >= len(words) {
		return ""
	}
	name := strings.Trim(words[i], `"`)
	if strings.EqualFold(name, "INBOX") {
		return "INBOX"
	}
	return name
}

// imap tells whether a command is left out.
func (st *changed) imap(c *command) bool {
	w := c.words
	if len(w) == 0 {
		return false
	}
	verb := w[0]
	if verb == "UID" && len(w) > 1 {
		w = w[1:]
		verb = strings.ToUpper(w[0])
	}
	switch verb {
	case "SELECT", "EXAMINE":
		st.selected, st.readOnly = mailboxName(w, 1), verb == "EXAMINE"
		st.absent = st.mailboxes[st.selected]
		return st.absent
	case "CLOSE":
		skip := !st.readOnly || st.absent
		st.selected = ""
		return skip
	case "STATUS", "GETACL", "MYRIGHTS", "GETMETADATA", "GETQUOTAROOT":
		return st.mailboxes[mailboxName(w, 1)]
	case "LIST", "LSUB":
		return st.mailboxes["*"]
	}
	at, ok := changing[verb]
	if !ok {
		switch verb {
		case "FETCH", "SEARCH", "SORT", "THREAD":
			return st.absent || st.mailboxes[st.selected]
		}
		return st.absent && verb == "IDLE"
	}
	switch verb {
	case "STORE", "EXPUNGE", "MOVE", "REPLACE":
		st.mailboxes[st.selected] = true
	case "CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE":
		st.mailboxes["*"] = true
		st.mailboxes[mailboxName(w, 1)] = true
	}
	if at > 0 {
		st.mailboxes[mailboxName(w, at)] = true
	}
	return true
}

// pop3 tells whether a command is left out.
func (st *changed) pop3(c *command) bool {
	if len(c.words) == 0 {
		return false
	}
	number := ""
	if len(c.words) > 1 {
		number = c.words[1]
	}
	switch c.words[0] {
	case "DELE":
		st.messages[number] = true
		return true
	case "RSET":
		clear(st.messages)
	case "RETR", "TOP":
		return st.messages[number]
	case "LIST", "UIDL", "STAT":
		return st.messages[number] || number == "" && len(st.messages) > 0
	}
	return false
}

func variablesOf(l *Line) []string {
	var names []string
	for _, n := range l.Pattern {
		if v, ok := n.(*Value); ok && v.Kind == Variable && !credentials[v.Name] {
			names = append(names, v.Name)
		}
	}
	return names
}
