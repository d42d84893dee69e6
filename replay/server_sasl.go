package replay

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// proof is the server's side of a SASL exchange.
type proof struct {
	server *Server
	name   string
	step   int
	user   string // whom the client says to be, once it has

	challenge string // CRAM-MD5: what was asked
	scram     scram
	first     string // SCRAM: both first messages
	nonce     string
	salted    []byte
	accepted  bool
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
		mac := hmac.New(md5.New, []byte(p.server.Password))
		mac.Write([]byte(p.challenge))
		return "", true, p.server.proves(p.user, text[i+1:], fmt.Sprintf("%x", mac.Sum(nil)))
	}
	return p.scramStep(text)
}

// scramStep is the server of a SCRAM exchange (RFC 5802 §5).
func (p *proof) scramStep(text string) (challenge string, done bool, err error) {
	switch p.step {
	case 1:
		bare, ok := strings.CutPrefix(text, "n,")
		if !ok {
			bare, ok = strings.CutPrefix(text, "y,")
		}
		_, bare, cut := strings.Cut(bare, ",")
		at := attributes(bare)
		if !ok || !cut || at["r"] == "" {
			return "", false, errors.New("expected the first message of SCRAM, without channel binding")
		}
		p.user = strings.NewReplacer("=2C", ",", "=3D", "=").Replace(at["n"])
		p.nonce = at["r"] + rand.Text()
		const iterations = 4096 // RFC 7677 §4
		salt := []byte(rand.Text())
		p.scram.hash = scramHash(p.name)
		p.salted, err = pbkdf2.Key(p.scram.hash, p.server.Password, salt, iterations, p.scram.hash().Size())
		if err != nil {
			return "", false, err
		}
		challenge = fmt.Sprintf("r=%s,s=%s,i=%d", p.nonce, base64.StdEncoding.EncodeToString(salt), iterations)
		p.first = bare + "," + challenge
		return challenge, false, nil
	case 2:
		bare, encoded, ok := strings.Cut(text, ",p=")
		signed, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || err != nil || attributes(bare)["r"] != p.nonce {
			return "", false, errors.New("expected the final message of SCRAM with our nonce")
		}
		message := p.first + "," + bare
		client := p.scram.mac(p.salted, "Client Key")
		h := p.scram.hash()
		h.Write(client)
		for i, c := range p.scram.mac(h.Sum(nil), message) {
			client[i] ^= c
		}
		if err := p.server.proves(p.user, string(signed), string(client)); err != nil {
			return "", true, err
		}
		p.accepted = true
		return "v=" + base64.StdEncoding.EncodeToString(p.scram.mac(p.scram.mac(p.salted, "Server Key"), message)), false, nil
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
