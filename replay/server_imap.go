package replay

import (
	"fmt"
	"strings"
)

// nextIMAP reads a command and answers it.
func (s *session) nextIMAP() error {
	line, err := s.line(s.patience(forEver))
	if err != nil {
		return err
	}
	tag, rest, _ := strings.Cut(string(line), " ")
	if tag == "" || strings.ContainsAny(tag, "(){%*\"\\\x7f") || strings.IndexFunc(tag, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 || rest == "" {
		s.differ("expected a command with its tag (RFC 9051 §2.2.1)", clip(string(line)))
		return s.say("* BAD expected a command with its tag")
	}
	in := &incoming{tag: tag, verb: verbOf(rest), show: rest}
	if hides[in.verb] {
		in.show, _, _ = strings.Cut(rest, " ")
	}
	if done, err := s.literals(in, []byte(rest)); done || err != nil {
		return err
	}
	s.log(Pos{}, "C: "+in.show)
	return s.command(in)
}

// hides are the commands whose arguments are nobody's business.
var hides = map[string]bool{"LOGIN": true, "AUTHENTICATE": true, "PASS": true, "APOP": true, "AUTH": true}

// verbOf is the command's name in capitals, "UID FETCH".
func verbOf(text string) string {
	name, rest, _ := strings.Cut(text, " ")
	if name = strings.ToUpper(name); name == "UID" {
		second, _, _ := strings.Cut(rest, " ")
		return "UID " + strings.ToUpper(second)
	}
	return name
}

func clip(text string) string {
	if len(text) > 100 {
		return text[:100] + "…"
	}
	return text
}

// literals collects a command with its literals. done tells that the command is answered already:
// a literal was refused.
func (s *session) literals(in *incoming, line []byte) (done bool, err error) {
	for first := true; ; first = false {
		n, text, nonSync, ok := announcedByClient(line)
		if !ok {
			in.elems = append(in.elems, octetElems(string(line))...)
			if !first && !hides[in.verb] {
				in.show += string(line)
			}
			return false, nil
		}
		in.elems = append(in.elems, octetElems(string(text))...)
		switch {
		case n > maxLiteral:
			s.differ(fmt.Sprintf("a literal of %d octets, more than %d", n, maxLiteral), clip(in.show))
			if nonSync {
				s.closing = true
				return true, s.say("* BYE [TOOBIG] the literal is larger than this server takes")
			}
			return true, s.say("%s NO [TOOBIG] the literal is larger than this server takes", in.tag)
		case !nonSync:
			if st := s.refusal(in); st != nil {
				s.log(Pos{}, "C: "+in.show)
				return true, s.answer(st.answer, st, in.tag, nil)
			}
			if err := s.say("+ go ahead"); err != nil {
				return false, err
			}
			if err := s.out.Flush(); err != nil {
				return false, errGone
			}
		}
		lit, err := s.in.literal(n, s.patience(forEver))
		if err != nil {
			return false, err
		}
		in.elems = append(in.elems, elem{lit: lit})
		if line, err = s.line(s.patience(forEver)); err != nil {
			return false, err
		}
	}
}

// announcedByClient is announced, with the "+" of a client (RFC 7888 §4).
func announcedByClient(line []byte) (n int64, text []byte, nonSync, ok bool) {
	if i := len(line) - 2; i > 0 && line[i] == '+' && line[i+1] == '}' {
		nonSync = true
		line = append(append([]byte(nil), line[:i]...), '}')
	}
	n, text, ok = announced(line)
	return n, text, nonSync && ok, ok
}

// refusal finds the recorded command whose literal the server did not take.
func (s *session) refusal(in *incoming) *step {
	trial := *in
	trial.elems = append(in.elems[:len(in.elems):len(in.elems)], elem{lit: &Literal{Kind: Counted}})
	return s.server.pool.play(s.member, func(c *candidate, st *step) bool {
		return st.refused != nil && s.takes(c, st, &trial)
	})
}

// takes tells whether a command is the one that is recorded. What its values stand for is the
// candidate's until it is the one that is played.
func (s *session) takes(c *candidate, st *step, in *incoming) bool {
	m := newMatcher(s.server.vals, false)
	for name, b := range c.bound {
		m.bound[name] = b
	}
	if !m.command(st, in) {
		return false
	}
	c.took = m.bound
	return true
}

// command answers one command.
func (s *session) command(in *incoming) error {
	switch in.verb {
	case "STARTTLS":
		return s.startTLS(in.tag)
	case "LOGIN", "AUTHENTICATE":
		if !s.loggedIn {
			return s.logInIMAP(in)
		}
	case "COMPRESS":
		return s.say("%s NO [CANNOT] mailtrace replays without COMPRESS", in.tag)
	}
	st := s.server.pool.play(s.member, func(c *candidate, st *step) bool {
		return st.kind != loginStep && st.refused == nil && s.takes(c, st, in)
	})
	if st != nil {
		return s.play(st, in)
	}
	switch in.verb {
	case "CAPABILITY":
		if err := s.say("* CAPABILITY %s", strings.Join(s.imapCapabilities(), " ")); err != nil {
			return err
		}
	case "ID":
		if err := s.say("* ID NIL"); err != nil { // RFC 2971 §3.2
			return err
		}
	case "NOOP", "CHECK":
		if err := s.tellOwed(in); err != nil {
			return err
		}
	case "LOGOUT":
		s.closing = true
		if err := s.say("* BYE mailtrace: the recording goes on, the client does not"); err != nil {
			return err
		}
	default:
		s.differ("was not recorded here", clip(in.show))
		return s.say("%s NO [CANNOT] mailtrace: %s", in.tag, s.notRecorded(in))
	}
	return s.say("%s OK %s done", in.tag, in.verb)
}

// notRecorded says what is wrong, and what would be right.
func (s *session) notRecorded(in *incoming) string {
	text := in.verb + " was not recorded here"
	if st := s.server.pool.due(s.member); st != nil {
		return text + "; next is " + st.verb + ", line " + fmt.Sprint(st.pos.Line)
	}
	return text + "; the recording is at its end"
}

// play says the answer to a command that is recorded.
func (s *session) play(st *step, in *incoming) error {
	if st.kind == logoutStep {
		s.closing = true
	}
	if err := s.tellOwed(in); err != nil {
		return err
	}
	if st.verb == "IDLE" {
		return s.idle(st, in)
	}
	if err := s.answer(st.answer, st, in.tag, nil); err != nil {
		return err
	}
	return s.complete(st, in)
}

// complete ends a command whose completion the script does not have. How it would have ended nobody
// knows: the recording was cut off there.
func (s *session) complete(st *step, in *incoming) error {
	const text = "has no end in the recording"
	switch {
	case status(st.command) != "" || s.proto == POP3 && len(st.heard) > 0:
		return nil
	case st.kind == logoutStep && s.proto == POP3:
		return s.say("+OK")
	case st.kind == logoutStep:
		return s.say("%s OK %s done", in.tag, in.verb)
	}
	s.differ(text, clip(in.show))
	if s.proto == POP3 {
		return s.say("-ERR mailtrace: %s %s", in.verb, text)
	}
	return s.say("%s NO [CANNOT] mailtrace: %s %s", in.tag, in.verb, text)
}

// tellOwed says what the recorded server told of the mailbox in answer to a NOOP that the client
// leaves out. EXPUNGE must not come while message sequence numbers are on their way (RFC 9051
// §7.5.1).
func (s *session) tellOwed(in *incoming) error {
	switch in.verb {
	case "FETCH", "STORE", "SEARCH":
		return nil
	}
	if s.proto != IMAP {
		return nil
	}
	for _, st := range s.server.pool.owes(s.member) {
		if err := s.answer(st.news(), st, "", nil); err != nil {
			return err
		}
	}
	return nil
}

// idle plays IDLE (RFC 2177): what is pushed comes at once, then DONE is awaited.
func (s *session) idle(st *step, in *incoming) error {
	if !hasContinuation(st.answer) {
		if err := s.say("+ idling"); err != nil {
			return err
		}
	}
	type said struct {
		line []byte
		err  error
	}
	if err := s.out.Flush(); err != nil {
		return errGone
	}
	done, heard := make(chan struct{}), make(chan said, 1)
	go func() {
		line, err := s.in.line(forEver)
		heard <- said{line, err}
		close(done)
	}()
	err := s.answer(st.answer, st, in.tag, done)
	if e := s.out.Flush(); err == nil && e != nil {
		err = errGone
	}
	if err != nil {
		_ = s.in.conn.Close() // ends the goroutine
		<-done
		return err
	}
	x := <-heard
	<-done
	if x.err != nil {
		return x.err
	}
	s.log(Pos{}, "C: "+clip(string(x.line)))
	if !strings.EqualFold(string(x.line), "DONE") {
		s.differ("expected DONE (RFC 2177 §3)", clip(string(x.line)))
		return s.say("%s BAD expected DONE", in.tag)
	}
	if err := s.answer(st.after, st, in.tag, nil); err != nil {
		return err
	}
	return s.complete(st, in)
}

func hasContinuation(items []Item) bool {
	for _, it := range items {
		if l, ok := it.(*Line); ok && firstWord(l) == "+" {
			return true
		}
	}
	return false
}

// startTLS does STARTTLS where the listener has it, whatever the recording did.
func (s *session) startTLS(tag string) error {
	bad := "%s BAD STARTTLS is not offered here"
	ok := "%s OK begin TLS"
	if s.proto == POP3 {
		bad, ok = "%s STLS is not offered here", "%s begin TLS"
	}
	if !s.upgradable || s.secure {
		if s.proto == POP3 {
			tag = "-ERR"
		}
		s.differ("STARTTLS is not offered here", "STARTTLS")
		return s.say(bad, tag)
	}
	if err := s.say(ok, tag); err != nil {
		return err
	}
	if err := s.out.Flush(); err != nil {
		return errGone
	}
	if n := s.in.r.Buffered(); n > 0 {
		return fmt.Errorf("%d octets in clear behind STARTTLS", n)
	}
	t, err := s.handshake(s.in.conn)
	if err != nil {
		return fmt.Errorf("the TLS handshake behind STARTTLS failed: %w", err)
	}
	s.attach(t)
	s.secure = true
	return nil
}
