package replay

import (
	"crypto/rand"
	"fmt"
	"strings"
)

// greetPOP3 says the greeting; of a recorded one the timestamp of APOP only where a password is
// known (RFC 1939 §7).
func (s *session) greetPOP3(l *Line) error {
	text := "mailtrace replays " + s.server.Script.Name
	if l != nil {
		if firstWord(l) == "-ERR" {
			s.closing = true
			return s.sayLine(l, "", "")
		}
	}
	if s.server.User != "" && s.server.Password != "" {
		s.stamp = fmt.Sprintf("<%s@mailtrace.invalid>", rand.Text())
		text += " " + s.stamp
	}
	return s.say("+OK %s", text)
}

// nextPOP3 reads a command and answers it.
func (s *session) nextPOP3() error {
	line, err := s.line(s.patience(forEver))
	if err != nil {
		return err
	}
	text := string(line)
	in := &incoming{verb: verbOf(text), elems: octetElems(text), show: text}
	if hides[in.verb] {
		in.show = in.verb
	}
	s.log(Pos{}, "C: "+in.show)
	if in.verb == "" || strings.IndexFunc(in.verb, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 {
		s.differ("expected a command (RFC 1939 §3)", clip(fmt.Sprintf("%q", text)))
		return s.say("-ERR expected a command")
	}
	switch in.verb {
	case "STLS":
		return s.startTLS("+OK")
	case "USER", "PASS", "APOP":
		if !s.loggedIn {
			return s.logInPOP3(in, text)
		}
	case "AUTH":
		if len(strings.Fields(text)) > 1 && !s.loggedIn {
			return s.logInPOP3(in, text)
		}
	}
	st := s.server.pool.play(s.member, func(c *candidate, st *step) bool { return st.kind != loginStep && s.takes(c, st, in) })
	switch {
	case st != nil && in.verb == "CAPA":
		return s.capa(recordedCapa(st, s.voice))
	case st != nil:
		return s.play(st, in)
	}
	switch in.verb {
	case "CAPA":
		return s.capa(s.server.derived[POP3])
	case "NOOP":
		return s.say("+OK")
	case "QUIT":
		s.closing = true
		return s.say("+OK mailtrace: the recording goes on, the client does not")
	}
	s.differ("was not recorded here", clip(in.show))
	return s.say("-ERR mailtrace: %s", s.notRecorded(in))
}

// capa says a list of capabilities (RFC 2449 §5).
func (s *session) capa(lines []string) error {
	if err := s.say("+OK"); err != nil {
		return err
	}
	for _, line := range s.popCapabilityLines(lines) {
		if err := s.say("%s", line); err != nil {
			return err
		}
	}
	return s.say(".")
}

// recordedCapa gives the lines of a recorded list.
func recordedCapa(st *step, v voice) []string {
	var lines []string
	for i, it := range st.answer {
		l, ok := it.(*Line)
		if !ok || i == 0 {
			continue
		}
		var octets []byte
		w := voice{vals: v.vals, emit: func(p []byte) error {
			octets = append(octets, p...)
			return nil
		}}
		if w.say(l, "", "") != nil {
			continue
		}
		for line := range strings.Lines(string(octets)) {
			if line = strings.TrimRight(line, "\r\n"); line != "." && line != "" {
				lines = append(lines, line)
			}
		}
	}
	return lines
}
