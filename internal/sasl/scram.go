package sasl

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"
)

// maxIterations bounds what a server can make us compute (RFC 5802 §5.1 names 4096).
const maxIterations = 1 << 20

// scram is the client of a SCRAM exchange (RFC 5802, RFC 7677).
//
//	Start ──client-first──► server-first ──Next──► client-final ──► server-final ──Next──► ""
type scram struct {
	name           string
	hash           func() hash.Hash
	user, password string
	header         string // gs2-header
	bound          []byte // channel binding data
	nonce          string
	first          string // client-first-message-bare
	signature      []byte // the ServerSignature that has to come
	step           int
	failure        string // server-error-value
	proved         bool   // it came
}

// scramHash gives the hash of a mechanism, nil where it is no SCRAM that we know.
func scramHash(plain string) func() hash.Hash {
	switch plain {
	case "SCRAM-SHA-1":
		return sha1.New
	case "SCRAM-SHA-256":
		return sha256.New
	}
	return nil
}

func newSCRAM(name string, offered []string, c *Credentials) (*scram, error) {
	plain, plus := strings.CutSuffix(name, "-PLUS")
	s := &scram{name: name, hash: scramHash(plain), user: prepare(c.User), password: prepare(c.Password), nonce: rand.Text(), header: "n,,"}
	if s.hash == nil {
		return nil, unknown(name)
	}
	kind, data, err := binding(c.TLS)
	switch {
	case plus && err != nil:
		return nil, &ChoiceError{name + " needs a channel to bind: " + err.Error(), "--auth " + plain}
	case plus:
		s.header, s.bound = "p="+kind+",,", data
	case err == nil && !slices.Contains(offered, plain+"-PLUS"):
		// We could have bound the channel, and the server seems not to: if somebody in the middle took
		// its offer away, it finds out (RFC 5802 §6).
		s.header = "y,,"
	}
	return s, nil
}

// binding gives the channel binding of a TLS connection: tls-exporter with TLS 1.3, otherwise
// tls-server-end-point, the hash of the server's certificate.
func binding(state *tls.ConnectionState) (kind string, data []byte, err error) {
	switch {
	case state == nil:
		return "", nil, errors.New("there is no TLS")
	case state.Version >= tls.VersionTLS13:
		data, err = state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
		return "tls-exporter", data, err
	case len(state.PeerCertificates) == 0:
		return "", nil, errors.New("the server showed no certificate")
	}
	cert := state.PeerCertificates[0]
	h := sha256.New()
	switch cert.SignatureAlgorithm {
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		h = sha512.New384()
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS:
		h = sha512.New()
	case x509.PureEd25519, x509.UnknownSignatureAlgorithm:
		return "", nil, errors.New("the certificate's signature has no hash to bind with")
	}
	h.Write(cert.Raw)
	return "tls-server-end-point", h.Sum(nil), nil
}

func (s *scram) Start() (string, []byte, error) {
	s.first = "n=" + gs2Escapes.Replace(s.user) + ",r=" + s.nonce
	return s.name, []byte(s.header + s.first), nil
}

func (s *scram) Next(challenge []byte) ([]byte, error) {
	s.step++
	switch s.step {
	case 1:
		return s.final(string(challenge))
	case 2:
		return []byte{}, s.verify(string(challenge))
	}
	return nil, fmt.Errorf("sasl: %s: expected the end, got another challenge", s.name)
}

// final makes the client-final-message (RFC 5802 §3).
func (s *scram) final(challenge string) ([]byte, error) {
	at := attributes(challenge)
	salt, err := base64.StdEncoding.DecodeString(at["s"])
	if err != nil || len(salt) == 0 {
		return nil, fmt.Errorf("sasl: %s: expected a salt in the challenge, found none", s.name)
	}
	n, err := strconv.Atoi(at["i"])
	if err != nil || n < 1 || n > maxIterations {
		return nil, fmt.Errorf("sasl: %s: expected 1 to %d iterations, the server asks for %q", s.name, maxIterations, at["i"])
	}
	if !strings.HasPrefix(at["r"], s.nonce) || len(at["r"]) == len(s.nonce) {
		return nil, fmt.Errorf("sasl: %s: the challenge does not go on with our nonce", s.name)
	}
	if _, extension := at["m"]; extension {
		return nil, fmt.Errorf("sasl: %s: the server demands an extension", s.name) // RFC 5802 §5.1, "m"
	}
	salted, err := pbkdf2.Key(s.hash, s.password, salt, n, s.hash().Size())
	if err != nil {
		return nil, fmt.Errorf("sasl: %s: %w", s.name, err)
	}
	bare := "c=" + base64.StdEncoding.EncodeToString(append([]byte(s.header), s.bound...)) + ",r=" + at["r"]
	var proof []byte
	proof, s.signature = s.prove(salted, s.first+","+challenge+","+bare)
	return []byte(bare + ",p=" + base64.StdEncoding.EncodeToString(proof)), nil
}

// prove gives the ClientProof and the ServerSignature over an AuthMessage (RFC 5802 §3).
func (s *scram) prove(salted []byte, message string) (proof, signature []byte) {
	proof = s.mac(salted, "Client Key")
	stored := s.hash()
	stored.Write(proof)
	for i, c := range s.mac(stored.Sum(nil), message) {
		proof[i] ^= c
	}
	return proof, s.mac(s.mac(salted, "Server Key"), message)
}

// verify finds out whether the server knows the password too (RFC 5802 §5.1, "v").
func (s *scram) verify(challenge string) error {
	at := attributes(challenge)
	if e, ok := at["e"]; ok {
		s.failure = e
		return fmt.Errorf("sasl: %s: the server says %s", s.name, strconv.QuoteToASCII(e))
	}
	v, err := base64.StdEncoding.DecodeString(at["v"])
	if err != nil || !hmac.Equal(v, s.signature) {
		return fmt.Errorf("sasl: %s: the server's signature is wrong: it does not know the password", s.name)
	}
	s.proved = true
	return nil
}

// BindingRefused tells, of an exchange that failed, whether that was for the channel binding and not for the
// credentials: the server said so (RFC 5802 §7), or refused before it had asked for a proof.
func (s *scram) BindingRefused() bool {
	return s.bound != nil && (s.step == 0 || strings.Contains(s.failure, "channel-binding"))
}

// Done tells whether the server has proved that it knows the password. A caller takes no success of a
// server that never did.
func (s *scram) Done() bool { return s.proved }

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
