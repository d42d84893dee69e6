package replay

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
)

// derivedIMAP gives the capabilities that a client must have seen to say what it says in
// these recordings: @login leaves the recorded list out.
func derivedIMAP(recs []*recording) []string {
	caps := []string{"IMAP4rev1", "SASL-IR"}
	add := func(names ...string) {
		for _, n := range names {
			if !slices.ContainsFunc(caps, func(c string) bool { return strings.EqualFold(c, n) }) {
				caps = append(caps, n)
			}
		}
	}
	for _, r := range recs {
		if r.conn.Protocol != IMAP {
			continue
		}
		for _, st := range r.steps {
			if st.kind == loginStep {
				continue
			}
			line := lineOf(st)
			var p grammar.Parser
			c := p.Command(&line)
			for _, need := range c.Needs(nil) {
				add(needed(c, need.Anyof, caps)...)
			}
			if args, ok := c.Args.(*grammar.Words); ok && st.verb == "ENABLE" {
				for _, w := range args.Words {
					add(strings.ToUpper(string(w)))
				}
			}
			for _, l := range st.heard {
				add(toldBy(l.Pattern.String())...)
			}
		}
	}
	return caps
}

// needed gives what of the alternatives to add; nothing where one of them is there.
func needed(c *grammar.Command, anyof, have []string) []string {
	for _, n := range anyof {
		for _, h := range have {
			if strings.EqualFold(h, n) || strings.HasSuffix(n, "=") && len(h) > len(n) && strings.EqualFold(h[:len(n)], n) {
				return nil
			}
		}
	}
	for _, n := range anyof {
		if !strings.HasSuffix(n, "=") {
			return []string{n}
		}
		if args, ok := c.Args.(*grammar.SearchArgs); ok && n == "THREAD=" {
			return []string{n + strings.ToUpper(string(args.Algorithm))}
		}
	}
	return nil
}

// toldBy gives what a response shows that the server can do.
func toldBy(line string) []string {
	upper := strings.ToUpper(line)
	switch {
	case strings.Contains(upper, "[APPENDUID ") || strings.Contains(upper, "[COPYUID "):
		return []string{"UIDPLUS"}
	case strings.HasPrefix(upper, "* LIST ("):
		var caps []string
		attributes, _, _ := strings.Cut(upper, ")")
		if strings.Contains(attributes, `CHILDREN`) {
			caps = append(caps, "CHILDREN")
		}
		for _, use := range []string{`\ALL`, `\ARCHIVE`, `\DRAFTS`, `\FLAGGED`, `\JUNK`, `\SENT`, `\TRASH`} {
			if strings.Contains(attributes, use) {
				return append(caps, "SPECIAL-USE")
			}
		}
		return caps
	}
	return nil
}

// lineOf writes a recorded command as one line, values by their samples.
func lineOf(st *step) grammar.Line {
	line := grammar.Line{Text: []byte("a ")}
	for _, e := range st.want {
		switch {
		case e.lit != nil:
			plus := ""
			if e.lit.NonSync {
				plus = "+"
			}
			line.Text = fmt.Appendf(line.Text, "%s{%d%s}", tilde(e.lit), e.lit.Size(), plus)
			line.Literals = append(line.Literals, grammar.Literal{At: len(line.Text), Octets: e.lit.Size()})
		case e.v == nil:
			line.Text = append(line.Text, e.b)
		case e.v.Sample != "":
			line.Text = append(line.Text, e.v.Sample...)
		default:
			line.Text = append(line.Text, '1')
		}
	}
	return line
}

// derivedPOP3 is derivedIMAP for CAPA (RFC 2449 §6).
func derivedPOP3(script *Script, recs []*recording) []string {
	used := map[string]bool{}
	for _, r := range recs {
		for _, st := range r.steps {
			if r.conn.Protocol == POP3 {
				used[st.verb] = true
			}
		}
	}
	caps := []string{"USER"}
	for _, name := range []string{"TOP", "UIDL", "UTF8", "LANG"} {
		if used[name] {
			caps = append(caps, name)
		}
	}
	before := map[string]bool{} // the line before on the connection was the client's
	for _, it := range script.Steps() {
		l, ok := it.(*Line)
		if !ok || l.Protocol != POP3 {
			continue
		}
		if l.Side == ClientSide && before[l.Conn] && mechanismOf(l) == nil {
			return append(caps, "PIPELINING")
		}
		before[l.Conn] = l.Side == ClientSide
	}
	return caps
}

// offered gives the mechanisms that this server can play; those that prove that the client
// knows a password need one here.
func (s *session) mechanisms() []string {
	list := []string{"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"}
	if s.server.Password != "" && s.server.User != "" {
		list = append(list, "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256")
	}
	return list
}

// mayLogIn tells whether credentials are welcome now: not before STARTTLS where the listener
// has it.
func (s *session) mayLogIn() bool { return s.secure || !s.upgradable }

// editIMAP makes a recorded list fit this listener: STARTTLS where it is offered, mechanisms
// that can be played, no COMPRESS.
func (s *session) editIMAP(caps []string) []string {
	var list []string
	any := false
	for _, c := range caps {
		upper := strings.ToUpper(c)
		name, isAuth := strings.CutPrefix(upper, "AUTH=")
		switch {
		case upper == "STARTTLS" || upper == "LOGINDISABLED" || strings.HasPrefix(upper, "COMPRESS="):
			continue
		case isAuth && (s.loggedIn || !s.mayLogIn() || !slices.Contains(s.mechanisms(), name)):
			continue
		case slices.Contains(list, c):
			continue
		}
		any = any || isAuth
		list = append(list, c)
	}
	switch {
	case s.loggedIn:
	case !s.mayLogIn():
		list = append(list, "STARTTLS", "LOGINDISABLED")
	case !any:
		list = append(list, "AUTH=PLAIN")
	}
	return list
}

// imapCapabilities is the list that answers a CAPABILITY which was not recorded here.
func (s *session) imapCapabilities() []string {
	i := 0
	if s.loggedIn {
		i = 1
	}
	r := s.member.cands[0].rec
	if caps := r.capabilities[i]; caps != nil {
		return s.editIMAP(caps)
	}
	return s.editIMAP(slices.Concat(r.capabilities[0], s.server.derived[IMAP]))
}

// popCapabilityLines edits the lines of a CAPA response, without the final ".".
func (s *session) popCapabilityLines(lines []string) []string {
	var list []string
	sasl := false
	for _, line := range lines {
		w := strings.Fields(strings.ToUpper(line))
		switch {
		case len(w) == 0 || w[0] == "STLS":
			continue
		case w[0] == "USER" && !s.mayLogIn():
			continue
		case w[0] == "SASL":
			var names []string
			for _, n := range w[1:] {
				if s.mayLogIn() && slices.Contains(s.mechanisms(), n) {
					names = append(names, n)
				}
			}
			if sasl = len(names) > 0; sasl {
				list = append(list, "SASL "+strings.Join(names, " "))
			}
			continue
		}
		list = append(list, line)
	}
	if !s.mayLogIn() {
		list = append(list, "STLS")
	} else if !sasl && !slices.ContainsFunc(list, func(l string) bool { return strings.EqualFold(l, "USER") }) {
		list = append(list, "USER")
	}
	return list
}
