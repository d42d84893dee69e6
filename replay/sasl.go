package replay

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	gosasl "github.com/emersion/go-sasl"

	"github.com/mailtrace/mailtrace/internal/sasl"
)

// mechanism is an open SASL exchange, or APOP, for ${sasl}.
type mechanism struct {
	name   string
	step   int
	client gosasl.Client // from the first response on; nil for APOP
}

// cleartext tells whether a mechanism sends the secret itself, so that it needs TLS. One that is not
// known is taken for one.
func (m *mechanism) cleartext() bool {
	switch {
	case m == nil:
		return true
	case m.name == "APOP":
		return false
	}
	return sasl.Cleartext(m.name) || !slices.Contains(sasl.Known(), m.name)
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

// next gives the next response, in base64 but for the digest of APOP.
func (m *mechanism) next(vars map[string]string, challenge []byte) (string, error) {
	if m == nil {
		return "", fmt.Errorf("no AUTHENTICATE or AUTH is open")
	}
	c := sasl.Credentials{User: vars["user"], Password: vars["password"], Token: vars["token"]}
	first := m.step == 0
	m.step++
	switch known := m.name == "APOP" || slices.Contains(sasl.Known(), m.name); {
	case !known:
		return "", fmt.Errorf("response %d of %s is not known; give ${sasl} a value", m.step, m.name)
	case m.name == "EXTERNAL": // the certificate says it
	case strings.Contains(m.name, "OAUTH"):
		if c.Token == "" {
			return "", fmt.Errorf("no ${token} was given")
		}
	case c.Password == "":
		return "", fmt.Errorf("no ${password} was given")
	}
	if m.name == "APOP" { // RFC 1939 §7
		if len(challenge) == 0 || !first {
			return "", fmt.Errorf("the greeting has no timestamp for APOP")
		}
		return sasl.APOP(string(challenge), c.Password), nil
	}
	if first {
		var err error
		if m.client, err = sasl.New(m.name, nil, c); err != nil {
			return "", err
		}
		_, initial, err := m.client.Start()
		if err != nil || initial != nil {
			return base64.StdEncoding.EncodeToString(initial), err
		}
	}
	raw, err := base64.StdEncoding.DecodeString(string(challenge))
	if err != nil {
		return "", fmt.Errorf("the %s challenge is not base64", m.name)
	}
	text, err := m.client.Next(raw)
	return base64.StdEncoding.EncodeToString(text), err
}

// unproved tells whether the server still owes the proof that it knows the password, which SCRAM asks
// of it (RFC 5802 §5.1, "v").
func (m *mechanism) unproved() bool {
	if m == nil || !strings.HasPrefix(m.name, "SCRAM-") {
		return false
	}
	done, ok := m.client.(interface{ Done() bool })
	return !ok || !done.Done()
}
