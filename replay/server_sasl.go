package replay

import (
	"crypto/subtle"
	"errors"
	"strings"

	"github.com/mailtrace/mailtrace/internal/sasl"
)

// proof is the server's side of a SASL exchange.
type proof struct {
	server *Server
	name   string
	step   int
	user   string // whom the client says to be, once it has

	challenge string // CRAM-MD5: what was asked
	scram     *sasl.Server
	accepted  bool // SCRAM: its proof was right
}

var errRefused = errors.New("user or password is another")

// next takes a response and gives the challenge that follows; done where the client is in.
// The error is errRefused, or says what is wrong with the response.
func (p *proof) next(response []byte) (challenge string, done bool, err error) {
	p.step++
	text := string(response)
	switch p.name {
	case "PLAIN": // RFC 4616 §2
		f := strings.Split(text, "\x00")
		if len(f) != 3 {
			return "", false, errors.New("expected PLAIN's three fields, divided by NUL")
		}
		p.user = f[1]
		return "", true, p.server.admits(f[1], f[2])
	case "LOGIN": // draft-murchison-sasl-login-00
		if p.step == 1 {
			p.user = text
			return "Password:", false, nil
		}
		return "", true, p.server.admits(p.user, text)
	case "XOAUTH2", "OAUTHBEARER": // RFC 7628 §3.1
		user, token := bearer(text)
		p.user = user
		return "", true, p.server.admitsToken(user, token)
	case "CRAM-MD5": // RFC 2195 §2
		i := strings.LastIndexByte(text, ' ')
		if i < 0 {
			return "", false, errors.New("expected a user and a digest")
		}
		p.user = text[:i]
		return "", true, p.server.proves(p.user, text[i+1:], sasl.CRAMMD5(p.challenge, p.server.Password))
	}
	return p.scramStep(text)
}

// scramStep is the server of a SCRAM exchange (RFC 5802 §5).
func (p *proof) scramStep(text string) (challenge string, done bool, err error) {
	switch p.step {
	case 1:
		if p.scram, err = sasl.NewServer(p.name, p.server.Password); err != nil {
			return "", false, err
		}
		challenge, err = p.scram.First(text)
		p.user = p.scram.User
		return challenge, false, err
	case 2:
		given, want, final, err := p.scram.Final(text)
		if err != nil {
			return "", false, err
		}
		if err := p.server.proves(p.user, given, want); err != nil {
			return "", true, err
		}
		p.accepted = true
		return final, false, nil
	}
	if !p.accepted || text != "" {
		return "", false, errors.New("expected nothing behind the server's signature")
	}
	return "", true, nil
}

// bearer takes a token from XOAUTH2's or OAUTHBEARER's response.
func bearer(text string) (user, token string) {
	for part := range strings.SplitSeq(text, "\x01") {
		if rest, ok := cutFold(part, "auth=Bearer "); ok {
			token = rest
		}
		for field := range strings.SplitSeq(part, ",") {
			for _, name := range []string{"user=", "a="} {
				if rest, ok := strings.CutPrefix(field, name); ok && user == "" {
					user = strings.NewReplacer("=2C", ",", "=3D", "=").Replace(rest)
				}
			}
		}
	}
	return user, token
}

// admits checks a name and a password; without a User everybody is let in.
func (s *Server) admits(user, password string) error { return s.proves(user, password, s.Password) }

func (s *Server) admitsToken(user, token string) error {
	if s.User != "" && s.Token == "" {
		return errRefused
	}
	return s.proves(user, token, s.Token)
}

// proves compares what a client has given with what it should.
func (s *Server) proves(user, given, want string) error {
	if s.User == "" || subtle.ConstantTimeCompare([]byte(given), []byte(want)) == 1 && user == s.User {
		return nil
	}
	return errRefused
}
