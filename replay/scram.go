package replay

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"strconv"
	"strings"
)

// maxIterations bounds what a server can make us compute (RFC 5802 §5.1 names 4096).
const maxIterations = 1 << 20

// scram is the client of a SCRAM exchange without channel binding (RFC 5802, RFC 7677).
type scram struct {
	hash   func() hash.Hash
	nonce  string
	first  string // client-first-message-bare
	server []byte // the ServerSignature that has to come
}

// scramHash gives the hash of a mechanism, nil where it is no SCRAM that we know.
func scramHash(name string) func() hash.Hash {
	switch name {
	case "SCRAM-SHA-1":
		return sha1.New
	case "SCRAM-SHA-256":
		return sha256.New
	}
	return nil
}

// response answers a server's message, both without base64; nothing answers the last.
func (s *scram) response(step int, user, password, challenge string) (string, error) {
	switch step {
	case 0:
		if s.nonce == "" {
			s.nonce = rand.Text()
		}
		s.first = "n=" + gs2Escapes.Replace(user) + ",r=" + s.nonce
		return "n,," + s.first, nil
	case 1:
		return s.final(password, challenge)
	case 2:
		return "", s.verify(challenge)
	}
	return "", fmt.Errorf("the server asks for more than SCRAM has")
}

func (s *scram) final(password, challenge string) (string, error) {
	at := attributes(challenge)
	salt, err := base64.StdEncoding.DecodeString(at["s"])
	if err != nil || at["s"] == "" {
		return "", fmt.Errorf("the SCRAM challenge has no salt")
	}
	n, err := strconv.Atoi(at["i"])
	if err != nil || n < 1 || n > maxIterations {
		return "", fmt.Errorf("the SCRAM challenge asks for %q iterations, expected 1 to %d", at["i"], maxIterations)
	}
	if !strings.HasPrefix(at["r"], s.nonce) || len(at["r"]) == len(s.nonce) {
		return "", fmt.Errorf("the SCRAM challenge does not go on with our nonce")
	}
	salted, err := pbkdf2.Key(s.hash, password, salt, n, s.hash().Size())
	if err != nil {
		return "", err
	}
	client := s.mac(salted, "Client Key")
	stored := s.hash()
	stored.Write(client)
	bare := "c=biws,r=" + at["r"]
	message := s.first + "," + challenge + "," + bare
	s.server = s.mac(s.mac(salted, "Server Key"), message)
	for i, c := range s.mac(stored.Sum(nil), message) {
		client[i] ^= c
	}
	return bare + ",p=" + base64.StdEncoding.EncodeToString(client), nil
}

// verify finds out whether the server knows the password too (RFC 5802 §5.1, "v").
func (s *scram) verify(challenge string) error {
	v, err := base64.StdEncoding.DecodeString(attributes(challenge)["v"])
	if err != nil || s.server == nil || !hmac.Equal(v, s.server) {
		return fmt.Errorf("the server's SCRAM signature is wrong: it does not know the password")
	}
	return nil
}

func (s *scram) mac(key []byte, text string) []byte {
	m := hmac.New(s.hash, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

func attributes(message string) map[string]string {
	at := map[string]string{}
	for part := range strings.SplitSeq(message, ",") {
		if name, value, ok := strings.Cut(part, "="); ok {
			at[name] = value
		}
	}
	return at
}
