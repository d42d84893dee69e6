package sasl

import (
	"crypto/md5"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	gosasl "github.com/emersion/go-sasl"
)

// Credentials are what a login may use.
type Credentials struct {
	User, Password string
	Token          string // OAuth 2 access token; with it no password is used
	Host           string // of the server, for OAUTHBEARER (RFC 7628 §3.1)
	Port           int
	TLS            *tls.ConnectionState // of the connection to the server itself; nil without TLS
	Certificate    bool                 // a client certificate is shown: EXTERNAL is possible
}

// known are the mechanisms, the strongest first: those that bind the channel, those that do not say the
// password, those that do.
var known = []string{
	"EXTERNAL", "OAUTHBEARER", "XOAUTH2",
	"SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN",
}

// Known lists the mechanisms by name, the strongest first.
func Known() []string { return slices.Clone(known) }

// Cleartext tells whether a mechanism says the secret itself, so that it needs TLS.
func Cleartext(name string) bool {
	switch name {
	case "PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER":
		return true
	}
	return false
}

// fits tells whether credentials are of use for a mechanism.
func fits(name string, c *Credentials) bool {
	switch {
	case name == "EXTERNAL":
		return c.Certificate
	case strings.Contains(name, "OAUTH"):
		return c.Token != ""
	case c.Token != "" && c.Password == "":
		return false
	case strings.HasSuffix(name, "-PLUS"):
		_, _, err := binding(c.TLS)
		return err == nil
	}
	return true
}

// ChoiceError says that no mechanism fits.
type ChoiceError struct {
	What, Advice string
}

func (e *ChoiceError) Error() string { return "sasl: " + e.What }

// Hint is the advice for the user.
func (e *ChoiceError) Hint() string { return e.Advice }

// Choose gives the mechanism to take of those offered, in upper case: want, or where it is empty the
// strongest that the credentials allow. One that says the secret itself is not chosen without TLS,
// unless allowCleartext. The error is of type *[ChoiceError].
func Choose(offered []string, want string, c Credentials, allowCleartext bool) (string, error) {
	want = strings.ToUpper(want)
	offers := "the server offers none"
	if len(offered) > 0 {
		offers = "the server offers " + strings.Join(slices.Sorted(slices.Values(offered)), " ")
	}
	if want != "" {
		switch {
		case !slices.Contains(known, want):
			return "", unknown(want)
		case !slices.Contains(offered, want):
			return "", &ChoiceError{"the server does not offer " + want, offers}
		case want == "EXTERNAL" && !c.Certificate:
			return "", &ChoiceError{"EXTERNAL needs a client certificate", "--tls-cert FILE --tls-key FILE"}
		case strings.Contains(want, "OAUTH") && c.Token == "":
			return "", &ChoiceError{want + " needs a token", "the account has to log in with OAuth 2 for that"}
		case c.TLS == nil && Cleartext(want) && !allowCleartext:
			return "", clearText(want)
		}
		return want, nil
	}
	refused := ""
	for _, name := range known {
		switch {
		case !slices.Contains(offered, name) || !fits(name, &c):
		case c.TLS == nil && Cleartext(name) && !allowCleartext:
			refused = name
		default:
			return name, nil
		}
	}
	if refused != "" {
		return "", clearText(refused)
	}
	if c.Token != "" {
		return "", &ChoiceError{"the server takes no OAuth 2 token", offers}
	}
	return "", &ChoiceError{"no mechanism that the server offers can be used", offers}
}

func unknown(name string) error {
	return &ChoiceError{"mechanism " + name + " is not known", "known are " + strings.Join(known, " ")}
}

func clearText(name string) error {
	return &ChoiceError{
		name + " would say the secret without TLS",
		"use imaps, pop3s or +starttls in the URL; --allow-cleartext says it all the same",
	}
}

// New begins an exchange. offered tells SCRAM whether the server could bind the channel.
func New(name string, offered []string, c Credentials) (gosasl.Client, error) {
	if strings.HasPrefix(name, "SCRAM-") {
		return newSCRAM(name, offered, &c)
	}
	switch name {
	case "PLAIN":
		return gosasl.NewPlainClient("", c.User, c.Password), nil // RFC 4616 §2
	case "EXTERNAL":
		return gosasl.NewExternalClient(c.User), nil // RFC 4422 appendix A
	case "LOGIN":
		return &login{user: c.User, password: c.Password}, nil
	case "CRAM-MD5":
		return &cram{user: c.User, password: c.Password}, nil
	case "XOAUTH2":
		return &bearer{name: name, initial: "user=" + c.User + "\x01auth=Bearer " + c.Token + "\x01\x01"}, nil
	case "OAUTHBEARER":
		initial := "n,a=" + gs2Escapes.Replace(c.User) + ","
		if c.Host != "" {
			initial += "\x01host=" + c.Host
		}
		if c.Port != 0 {
			initial += "\x01port=" + strconv.Itoa(c.Port)
		}
		return &bearer{name: name, initial: initial + "\x01auth=Bearer " + c.Token + "\x01\x01", last: "\x01"}, nil
	}
	return nil, unknown(name)
}

// gs2Escapes writes a name in the GS2 header (RFC 5801 §4).
var gs2Escapes = strings.NewReplacer("=", "=3D", ",", "=2C")

// login is LOGIN (draft-murchison-sasl-login-00): the first challenge is for the user, the second for
// the password. QUIRK: what the challenges say differs from server to server, so nobody looks.
type login struct {
	user, password string
	step           int
}

func (l *login) Start() (string, []byte, error) { return "LOGIN", nil, nil }

func (l *login) Next([]byte) ([]byte, error) {
	l.step++
	switch l.step {
	case 1:
		return []byte(l.user), nil
	case 2:
		return []byte(l.password), nil
	}
	return nil, fmt.Errorf("sasl: LOGIN: expected the end behind the password, got another challenge")
}

// cram is CRAM-MD5 (RFC 2195 §2).
type cram struct {
	user, password string
	answered       bool
}

func (c *cram) Start() (string, []byte, error) { return "CRAM-MD5", nil, nil }

func (c *cram) Next(challenge []byte) ([]byte, error) {
	if c.answered {
		return nil, errors.New("sasl: CRAM-MD5: expected the end behind the digest, got another challenge")
	}
	c.answered = true
	return []byte(c.user + " " + CRAMMD5(string(challenge), c.password)), nil
}

// bearer is XOAUTH2 or OAUTHBEARER: one response, and an answer to a challenge that tells an error.
type bearer struct {
	name, initial, last string
	failed              bool
}

func (b *bearer) Start() (string, []byte, error) { return b.name, []byte(b.initial), nil }

// Next answers the error challenge, so that the server can refuse with its code (RFC 7628 §3.2.3).
func (b *bearer) Next([]byte) ([]byte, error) {
	if b.failed {
		return nil, fmt.Errorf("sasl: %s: expected the end, got another challenge", b.name)
	}
	b.failed = true
	return []byte(b.last), nil
}

// APOP gives the digest of APOP (RFC 1939 §7).
func APOP(timestamp, password string) string {
	return fmt.Sprintf("%x", md5.Sum([]byte(timestamp+password)))
}
