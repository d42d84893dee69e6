package replay

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"strings"
)

// mechanism is an open SASL exchange, for ${sasl}.
type mechanism struct {
	name  string
	step  int
	scram *scram
}

// cleartext tells whether a mechanism sends the secret itself, so that it needs TLS.
func (m *mechanism) cleartext() bool {
	return m == nil || m.name != "APOP" && m.name != "CRAM-MD5" && scramHash(m.name) == nil
}

// mechanismOf gives the mechanism that a C: line begins (RFC 9051 §6.2.2, RFC 5034 §4).
func mechanismOf(l *Line) *mechanism {
	w := words(l.Pattern)
	i := 1
	if l.Protocol == IMAP && len(w) > 2 && strings.EqualFold(w[1], "AUTHENTICATE") {
		i = 2
	} else if l.Protocol == POP3 && len(w) > 2 && strings.EqualFold(w[0], "APOP") {
		return &mechanism{name: "APOP"}
	} else if l.Protocol != POP3 || len(w) < 2 || !strings.EqualFold(w[0], "AUTH") {
		return nil
	}
	return &mechanism{name: strings.ToUpper(w[i])}
}

// next gives the next response, in base64 but for the digest of APOP; "=" where an initial response is empty.
func (m *mechanism) next(vars map[string]string, challenge []byte) (string, error) {
	if m == nil {
		return "", fmt.Errorf("no AUTHENTICATE or AUTH is open")
	}
	user, password, token := vars["user"], vars["password"], vars["token"]
	step := m.step
	m.step++
	if h := scramHash(m.name); h != nil {
		if m.scram == nil {
			m.scram = &scram{hash: h}
		}
		raw, err := base64.StdEncoding.DecodeString(string(challenge))
		if err != nil {
			return "", fmt.Errorf("the %s challenge is not base64", m.name)
		}
		if password == "" {
			return "", fmt.Errorf("no ${password} was given")
		}
		text, err := m.scram.response(step, user, password, string(raw))
		return base64.StdEncoding.EncodeToString([]byte(text)), err
	}
	var text string
	switch {
	case m.name == "APOP" && step == 0: // RFC 1939 §7
		if len(challenge) == 0 {
			return "", fmt.Errorf("the greeting has no timestamp for APOP")
		}
		if password == "" {
			return "", fmt.Errorf("no ${password} was given")
		}
		return fmt.Sprintf("%x", md5.Sum([]byte(string(challenge)+password))), nil
	case m.name == "PLAIN" && step == 0: // RFC 4616 §2
		text = "\x00" + user + "\x00" + password
	case m.name == "LOGIN" && step == 0: // draft-murchison-sasl-login-00
		text = user
	case m.name == "LOGIN" && step == 1:
		text = password
	case m.name == "CRAM-MD5" && step == 0: // RFC 2195 §2
		raw, err := base64.StdEncoding.DecodeString(string(challenge))
		if err != nil {
			return "", fmt.Errorf("the CRAM-MD5 challenge is not base64")
		}
		mac := hmac.New(md5.New, []byte(password))
		mac.Write(raw)
		text = fmt.Sprintf("%s %x", user, mac.Sum(nil))
	case m.name == "XOAUTH2" && step == 0:
		text = "user=" + user + "\x01auth=Bearer " + token + "\x01\x01"
	case m.name == "OAUTHBEARER" && step == 0: // RFC 7628 §3.1
		text = "n,a=" + gs2Escapes.Replace(user) + ",\x01auth=Bearer " + token + "\x01\x01"
	case strings.HasSuffix(m.name, "OAUTH2") || m.name == "OAUTHBEARER":
		return "", nil // an error challenge is answered, then refused
	default:
		return "", fmt.Errorf("response %d of %s is not known; give ${sasl} a value", step+1, m.name)
	}
	if password == "" && token == "" {
		return "", fmt.Errorf("no ${password} or ${token} was given")
	}
	return base64.StdEncoding.EncodeToString([]byte(text)), nil
}

// gs2Escapes writes a name in the GS2 header (RFC 5801 §4).
var gs2Escapes = strings.NewReplacer("=", "=3D", ",", "=2C")
