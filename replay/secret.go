package replay

import "strings"

// secretNames are the variables whose values come from credential sources only.
var secretNames = map[string]bool{"password": true, "token": true, "sasl": true}

// checkSecrets finds passwords, SASL responses and digests that stand in the text: what
// is kept in files and under version control must not hold them.
func checkSecrets(s *Script) error {
	open := map[string]*login{}
	for _, it := range s.Steps() {
		l, ok := it.(*Line)
		if !ok {
			continue
		}
		for _, n := range l.Pattern {
			if v, ok := n.(*Value); ok && secretNames[v.Name] && v.Has {
				return errorAt(v.Pos, "expected ${%s} without a sample: secrets come from credential sources only", v.Name)
			}
			if v, ok := n.(*Value); ok && v.Name == "password" && l.Side == ClientSide && l.Protocol == POP3 && strings.EqualFold(firstWord(l), "APOP") {
				return errorAt(v.Pos, "expected ${sasl}, the digest of RFC 1939 §7, found ${password}: APOP is there so that it is not said")
			}
		}
		st := open[l.Conn]
		if st == nil {
			st = &login{}
			open[l.Conn] = st
		}
		if err := st.line(l); err != nil {
			return err
		}
	}
	return nil
}

// login follows the commands of one connection that carry a secret.
type login struct {
	tag  string // of an open AUTHENTICATE; "+" for AUTH
	more bool   // the next C: line goes on with a LOGIN whose literal was announced
}

func (st *login) line(l *Line) error {
	if l.Side == ServerSide {
		if w := words(l.Pattern); len(w) > 0 && st.ends(w[0]) {
			*st = login{}
		}
		return nil
	}
	switch w := words(l.Pattern); {
	case st.more:
		return st.argument(l, last(l.Pattern))
	case st.tag != "":
		return st.response(l)
	case l.Protocol == IMAP && len(w) > 1 && strings.EqualFold(w[1], "LOGIN"):
		return st.argument(l, last(l.Pattern))
	case l.Protocol == IMAP && len(w) > 1 && strings.EqualFold(w[1], "AUTHENTICATE"):
		st.tag = w[0]
		return initial(l, 3)
	case l.Protocol == POP3 && len(w) > 1 && strings.EqualFold(w[0], "AUTH"):
		st.tag = "+"
		return initial(l, 2)
	case l.Protocol == POP3 && len(w) > 0 && (strings.EqualFold(w[0], "PASS") || strings.EqualFold(w[0], "APOP")):
		return st.argument(l, last(l.Pattern))
	}
	return nil
}

// ends tells whether a server line that begins with word answers the open exchange.
func (st *login) ends(word string) bool {
	if st.tag == "+" {
		return word == "+OK" || word == "-ERR"
	}
	return st.more || word == st.tag
}

// argument checks the last argument of a line, which is the password unless a literal is
// announced there.
func (st *login) argument(l *Line, arg Pattern) error {
	st.more = false
	if len(arg) == 1 {
		if lit, ok := arg[0].(*Literal); ok && lit.Kind == Counted {
			st.more = true
			return nil
		}
	}
	if !isSecret(arg) {
		return errorAt(l.Pos, "expected ${password}, ${token} or ${sasl} as the last argument: a script holds no secrets")
	}
	return nil
}

func (st *login) response(l *Line) error {
	if text, ok := plain(l.Pattern); ok && (text == "" && len(l.Blocks) == 0 || text == "*") || isSecret(l.Pattern) {
		return nil
	}
	return errorAt(l.Pos, "expected ${sasl}, or * to cancel: a script holds no secrets")
}

// initial checks the initial response, the word at index i (RFC 4959, RFC 5034).
func initial(l *Line, i int) error {
	w := words(l.Pattern)
	if len(w) <= i || w[i] == "=" || isSecret(last(l.Pattern)) {
		return nil
	}
	return errorAt(l.Pos, "expected ${sasl} as the initial response: a script holds no secrets")
}

// plain gives a pattern that is nothing but text.
func plain(p Pattern) (string, bool) {
	switch len(p) {
	case 0:
		return "", true
	case 1:
		t, ok := p[0].(Text)
		return string(t), ok
	}
	return "", false
}

// words splits a pattern at spaces; values and literals are spelt as in the script.
func words(p Pattern) []string { return strings.Fields(p.String()) }

// last gives the last argument of a pattern: what follows its last space.
func last(p Pattern) Pattern {
	for i := len(p) - 1; i >= 0; i-- {
		if t, ok := p[i].(Text); ok {
			if j := strings.LastIndexByte(string(t), ' '); j >= 0 {
				tail := Pattern{}
				if rest := t[j+1:]; rest != "" {
					tail = append(tail, rest)
				}
				return append(tail, p[i+1:]...)
			}
		}
	}
	return p
}

// isSecret tells whether an argument is one of the secret variables, in quotes or not.
func isSecret(arg Pattern) bool {
	if len(arg) == 3 && arg[0] == Text(`"`) && arg[2] == Text(`"`) {
		arg = arg[1:2]
	}
	if len(arg) != 1 {
		return false
	}
	v, ok := arg[0].(*Value)
	return ok && secretNames[v.Name]
}
