package replay

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailtrace/mailtrace/internal/sasl"
)

// A login is what is recorded as one, whatever the mechanism: a client that logs in by another
// one gets the completion that was recorded.

// loginStepDue plays the recorded login that ends as this one has to.
func (s *session) loginStepDue(refused bool) *step {
	for _, accepts := range [...]bool{true, false} {
		if refused && accepts {
			continue
		}
		st := s.server.pool.play(s.member, func(_ *candidate, st *step) bool { return st.kind == loginStep && st.accepts == accepts })
		if st != nil {
			return st
		}
		if s.server.User != "" && !refused {
			break // the right password is not refused
		}
	}
	return nil
}

// logInIMAP answers LOGIN and AUTHENTICATE.
func (s *session) logInIMAP(in *incoming) error {
	if !s.mayLogIn() {
		s.differ("a login in clear, STARTTLS is offered", in.verb)
		return s.say("%s NO [PRIVACYREQUIRED] STARTTLS first", in.tag)
	}
	err := s.provedIMAP(in)
	var protocol *loginError
	switch {
	case errors.As(err, &protocol):
		s.differ(protocol.text, in.verb)
		return s.say("%s BAD %s", in.tag, protocol.text)
	case err != nil && !errors.Is(err, errRefused):
		return err
	}
	refused := errors.Is(err, errRefused)
	st := s.loginStepDue(refused)
	switch {
	case st == nil && refused:
		s.differ("the user or the password is another", in.verb)
		return s.say("%s NO [AUTHENTICATIONFAILED] the user or the password is another", in.tag)
	case st == nil:
		s.differ("a login was not recorded here", in.verb)
		return s.say("%s NO [CANNOT] mailtrace: %s", in.tag, s.notRecorded(in))
	}
	s.loggedIn = st.accepts
	said := false
	for _, it := range st.answer {
		l, ok := it.(*Line)
		if !ok || firstWord(l) == "+" {
			continue // of another mechanism, perhaps
		}
		said = said || firstWord(l) == st.tag
		if err := s.sayLine(l, st.tag, in.tag); err != nil {
			return err
		}
	}
	if said {
		return nil
	}
	return s.say("%s OK [CAPABILITY %s] logged in", in.tag, strings.Join(s.imapCapabilities(), " "))
}

// loginError is a mistake in the exchange itself.
type loginError struct{ text string }

func (e *loginError) Error() string { return e.text }

// provedIMAP checks the credentials of LOGIN or AUTHENTICATE. The error is errRefused, a
// *loginError, or one of the connection.
func (s *session) provedIMAP(in *incoming) error {
	args, _ := trees(in.elems)
	if len(args) > 0 {
		args = args[1:]
	}
	if in.verb == "LOGIN" {
		if len(args) != 2 {
			return &loginError{"expected a user and a password (RFC 9051 §6.2.3)"}
		}
		return s.server.admits(args[0].text(), args[1].text())
	}
	if len(args) == 0 || len(args) > 2 {
		return &loginError{"expected a mechanism (RFC 9051 §6.2.2)"}
	}
	initial, has := "", len(args) == 2
	if has {
		initial = args[1].text()
	}
	return s.exchange(strings.ToUpper(args[0].text()), initial, has)
}

// exchange is the server's side of a SASL exchange in base64 (RFC 9051 §6.2.2, RFC 5034 §4).
func (s *session) exchange(mechanism, initial string, has bool) error {
	if !slices.Contains(s.mechanisms(), mechanism) {
		return &loginError{"the mechanism is not offered here"}
	}
	p := &proof{server: s.server.Server, name: mechanism}
	challenge := ""
	switch mechanism {
	case "CRAM-MD5":
		p.challenge = fmt.Sprintf("<%d.mailtrace@mailtrace.invalid>", time.Now().UnixNano())
		challenge = p.challenge
	case "LOGIN":
		challenge = "Username:"
	}
	for {
		text := initial
		if !has {
			line := "+ " + base64.StdEncoding.EncodeToString([]byte(challenge))
			if err := s.say("%s", line); err != nil {
				return err
			}
			got, err := s.line(s.patience(forEver))
			if err != nil {
				return err
			}
			text = string(got)
		}
		if text == "*" {
			return &loginError{"the client cancelled the exchange"}
		}
		if has && text == "=" {
			text = ""
		}
		has = false
		response, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return &loginError{"expected base64"}
		}
		next, done, err := p.next(response)
		switch {
		case errors.Is(err, errRefused):
			return err
		case err != nil:
			return &loginError{err.Error()}
		case done:
			return nil
		}
		challenge = next
	}
}

// logInPOP3 answers USER, PASS, APOP and AUTH.
func (s *session) logInPOP3(in *incoming, text string) error {
	if !s.mayLogIn() {
		s.differ("a login in clear, STLS is offered", in.verb)
		return s.say("-ERR STLS first")
	}
	if in.verb == "USER" {
		return s.popUSER(in, text)
	}
	err := s.provedPOP3(in, text)
	var protocol *loginError
	switch {
	case errors.As(err, &protocol):
		s.differ(protocol.text, in.verb)
		return s.say("-ERR %s", protocol.text)
	case err != nil && !errors.Is(err, errRefused):
		return err
	}
	refused := errors.Is(err, errRefused)
	st := s.loginStepDue(refused)
	switch {
	case st == nil && refused:
		s.differ("the user or the password is another", in.verb)
		return s.say("-ERR [AUTH] the user or the password is another") // RFC 3206 §4
	case st == nil:
		s.differ("a login was not recorded here", in.verb)
		return s.say("-ERR mailtrace: %s", s.notRecorded(in))
	}
	s.loggedIn = st.accepts
	for _, it := range st.answer {
		if l, ok := it.(*Line); ok && firstWord(l) != "+" {
			return s.sayLine(l, "", "")
		}
	}
	return s.say("+OK logged in")
}

// popUSER answers USER; one that was recorded as refused, so.
func (s *session) popUSER(in *incoming, text string) error {
	_, s.popUser, _ = strings.Cut(text, " ")
	if st := s.server.pool.due(s.member); st != nil && st.kind == loginStep && st.verb == "USER" {
		if st = s.loginStepDue(true); st != nil {
			return s.answer(st.answer, st, "", nil)
		}
	}
	return s.say("+OK")
}

// provedPOP3 checks the credentials, as provedIMAP.
func (s *session) provedPOP3(in *incoming, text string) error {
	name, rest, _ := strings.Cut(text, " ")
	switch strings.ToUpper(name) {
	case "PASS":
		if s.popUser == "" {
			return &loginError{"expected USER first (RFC 1939 §7)"}
		}
		return s.server.admits(s.popUser, rest) // with the spaces that it has
	case "APOP":
		user, digest, _ := strings.Cut(rest, " ")
		if s.stamp == "" {
			return &loginError{"the greeting has no timestamp for APOP (RFC 1939 §7)"}
		}
		return s.server.proves(user, digest, sasl.APOP(s.stamp, s.server.Password))
	}
	f := strings.Fields(rest)
	if len(f) > 2 {
		return &loginError{"expected a mechanism (RFC 5034 §4)"}
	}
	initial, has := "", len(f) == 2
	if has {
		initial = f[1]
	}
	return s.exchange(strings.ToUpper(f[0]), initial, has)
}
