package sasl

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// CRAMMD5 gives the digest that answers a challenge of CRAM-MD5 (RFC 2195 §2), in hexadecimal.
func CRAMMD5(challenge, password string) string {
	mac := hmac.New(md5.New, []byte(password))
	mac.Write([]byte(challenge))
	return fmt.Sprintf("%x", mac.Sum(nil))
}

// Server is the server's side of a SCRAM exchange without channel binding (RFC 5802 §3).
//
//	client-first ──First──► server-first    client-final ──Final──► what came, what should, server-final
type Server struct {
	User string // whom the client says to be, after First

	keys     scram
	password string
	nonce    string
	first    string // client-first-message-bare and server-first-message
	salted   []byte
}

// serverIterations is what RFC 7677 §4 asks for at least.
const serverIterations = 4096

// NewServer begins an exchange of SCRAM-SHA-1 or SCRAM-SHA-256.
func NewServer(name, password string) (*Server, error) {
	h := scramHash(name)
	if h == nil {
		return nil, unknown(name)
	}
	return &Server{keys: scram{name: name, hash: h}, password: prepare(password)}, nil
}

// First takes the client-first-message and gives the server-first-message.
func (s *Server) First(text string) (string, error) {
	bare, ok := strings.CutPrefix(text, "n,")
	if !ok {
		bare, ok = strings.CutPrefix(text, "y,")
	}
	_, bare, cut := strings.Cut(bare, ",")
	at := attributes(bare)
	if !ok || !cut || at["r"] == "" {
		return "", errors.New("expected the first message of SCRAM, without channel binding")
	}
	s.User = strings.NewReplacer("=2C", ",", "=3D", "=").Replace(at["n"])
	s.nonce = at["r"] + rand.Text()
	salt := []byte(rand.Text())
	var err error
	if s.salted, err = pbkdf2.Key(s.keys.hash, s.password, salt, serverIterations, s.keys.hash().Size()); err != nil {
		return "", err
	}
	challenge := fmt.Sprintf("r=%s,s=%s,i=%d", s.nonce, base64.StdEncoding.EncodeToString(salt), serverIterations)
	s.first = bare + "," + challenge
	return challenge, nil
}

// Final takes the client-final-message. It gives the proof that came, the one that the password
// gives, which the caller compares in constant time, and the server-final-message for where they agree.
func (s *Server) Final(text string) (given, want, final string, err error) {
	bare, encoded, ok := strings.Cut(text, ",p=")
	proof, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || s.salted == nil || attributes(bare)["r"] != s.nonce {
		return "", "", "", errors.New("expected the final message of SCRAM with our nonce")
	}
	expected, signature := s.keys.prove(s.salted, s.first+","+bare)
	return string(proof), string(expected), "v=" + base64.StdEncoding.EncodeToString(signature), nil
}
