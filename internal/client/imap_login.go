package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	gosasl "github.com/emersion/go-sasl"

	"github.com/mailtrace/mailtrace/internal/sasl"
)

// login logs in by the strongest way that the server offers, or the one that was asked for.
func (c *IMAP) login(ctx context.Context) error {
	creds, err := c.credentials(ctx)
	if err != nil {
		return err
	}
	var offered []string
	for name := range c.caps {
		if m, ok := strings.CutPrefix(name, "AUTH="); ok {
			offered = append(offered, m)
		}
	}
	want := strings.ToUpper(c.cfg.Mechanism)
	name, err := sasl.Choose(offered, want, creds, c.cfg.AllowCleartext)
	if err != nil && creds.Token == "" && (want == "" || want == "LOGIN") && !c.Has("LOGINDISABLED") {
		return c.loginCommand(ctx, creds)
	}
	if err != nil {
		return err
	}
	return c.unbound(name, func(name string) (gosasl.Client, error) {
		mech, err := sasl.New(name, offered, creds)
		if err != nil {
			return nil, err
		}
		return mech, c.authenticate(ctx, name, creds.User, mech)
	})
}

// unbound logs in, and where the server did not take the channel binding that it offers, once more without.
// The user is told: whoever stands in the middle with a certificate that we trust could be the cause.
func (c *conn) unbound(name string, login func(name string) (gosasl.Client, error)) error {
	mech, err := login(name)
	plain, plus := strings.CutSuffix(name, "-PLUS")
	m, ok := mech.(interface{ BindingRefused() bool })
	if err == nil || !plus || c.cfg.Mechanism != "" || !ok || !m.BindingRefused() && !badProtocol(err) || Lost(err) {
		return err
	}
	if c.cfg.Alert != nil {
		c.cfg.Alert(fmt.Sprintf("%s offers %s and refuses it; logging in by %s, without a binding to this connection", c.cfg.URL.Addr(), name, plain))
	}
	_, err = login(plain)
	return err
}

// badProtocol tells a refusal of the exchange from one of the password.
//
// QUIRK: Cyrus 3.6 offers -PLUS under TLS 1.3, goes on to the proof with tls-exporter, which it does not know,
// and refuses it in these words; a wrong password is an "authentication failure" to it.
func badProtocol(err error) bool {
	var refused *AuthError
	return errors.As(err, &refused) && strings.Contains(refused.Text, "bad protocol / cancel")
}

// loggedIn takes note of a token that was of no use.
func (c *conn) loggedIn(err error) error {
	var refused *AuthError
	if errors.As(err, &refused) && c.cfg.Token != nil && c.cfg.TokenRefused != nil {
		c.cfg.TokenRefused()
	}
	return err
}

// credentials are what the login may use; the password is asked for here.
func (c *conn) credentials(ctx context.Context) (sasl.Credentials, error) {
	x := sasl.Credentials{
		User: c.cfg.user(), Host: c.cfg.URL.Host, Port: c.cfg.URL.Port, TLS: c.tls, Certificate: c.cfg.Certificate,
	}
	var err error
	switch {
	case strings.EqualFold(c.cfg.Mechanism, "EXTERNAL"):
	case c.cfg.Token != nil:
		x.Token, err = c.cfg.Token(ctx)
	case x.User == "":
		return x, &NoUserError{URL: c.serverURL()}
	case c.cfg.Password != nil:
		x.Password, err = c.cfg.Password(ctx)
	}
	c.guard(x.Password)
	c.guard(x.Token)
	return x, err
}

// NoUserError says that nobody said who logs in.
type NoUserError struct{ URL string }

func (e *NoUserError) Error() string { return "client: no user to log in at " + e.URL }

// Hint names the ways to say so.
func (e *NoUserError) Hint() string {
	return "--user NAME, or put it into the URL: " + strings.Replace(e.URL, "://", "://NAME@", 1)
}

// CleartextError is a password that was not said, since others could read it.
type CleartextError struct{ URL string }

func (e *CleartextError) Error() string {
	return "client: no password is sent to " + e.URL + " without TLS"
}

// Hint names the ways out.
func (e *CleartextError) Hint() string {
	return "use imaps, pop3s or +starttls in the URL; --allow-cleartext sends it all the same"
}

// loginCommand says LOGIN (RFC 9051 §6.2.3).
func (c *IMAP) loginCommand(ctx context.Context, creds sasl.Credentials) error {
	if c.tls == nil && !c.cfg.AllowCleartext {
		return &CleartextError{c.serverURL()}
	}
	cmd := Cmd("LOGIN", String(creds.User), String(creds.Password))
	return c.authenticated(ctx, "LOGIN", creds.User, cmd)
}

// authenticate says AUTHENTICATE (RFC 9051 §6.2.2).
func (c *IMAP) authenticate(ctx context.Context, name, user string, mech gosasl.Client) error {
	_, initial, err := mech.Start()
	if err != nil {
		return err
	}
	cmd := Cmd("AUTHENTICATE", Raw(name))
	pending := initial != nil
	if pending && (c.Has("SASL-IR") || c.rev2()) {
		cmd = Cmd("AUTHENTICATE", Raw(name), Raw(encodeInitial(initial)))
		pending = false
	}
	var failed error
	cmd.answer = func(text string) ([]byte, error) {
		if pending {
			pending = false
			return encodeLine(initial), nil
		}
		challenge, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
		if err != nil {
			failed = fmt.Errorf("client: AUTHENTICATE %s: the challenge is not base64", name)
			return []byte("*"), nil
		}
		response, err := mech.Next(challenge)
		if err != nil {
			failed = err
			return []byte("*"), nil // cancels (RFC 9051 §6.2.2)
		}
		return encodeLine(response), nil
	}
	err = c.authenticated(ctx, name, user, cmd)
	if failed != nil {
		return failed
	}
	if err == nil {
		err = proved(name, mech)
	}
	return err
}

// proved refuses a success without the proof that a mechanism asks of the server (RFC 5802 §5, "v").
func proved(name string, mech gosasl.Client) error {
	if m, ok := mech.(interface{ Done() bool }); ok && !m.Done() {
		return fmt.Errorf("client: %s: the server says success and did not prove that it knows the password", name)
	}
	return nil
}

// encodeInitial gives an initial response; "=" stands for an empty one (RFC 4959 §3).
func encodeInitial(p []byte) string {
	if len(p) == 0 {
		return "="
	}
	return base64.StdEncoding.EncodeToString(p)
}

func encodeLine(p []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(p)) }

// authenticated says the command that logs in, and asks for the capabilities behind it.
func (c *IMAP) authenticated(ctx context.Context, mechanism, user string, cmd Command) error {
	before := c.caps
	c.caps = nil
	result, err := c.Do(ctx, cmd, nil)
	if result != nil && result.Status != "OK" {
		if c.caps == nil {
			c.caps = before
		}
		return &AuthError{
			ServerError: ServerError{Command: cmd.Name, Status: result.Status, Code: result.Code, Text: result.Text},
			Mechanism:   mechanism, User: user,
		}
	}
	if err != nil {
		c.caps = before
		return err
	}
	if c.caps == nil {
		return c.askCapabilities(ctx)
	}
	return nil
}
