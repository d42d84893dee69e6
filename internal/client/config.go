package client

import (
	"context"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/internal/dial"
)

// Config says which server to talk to, and how.
type Config struct {
	URL  dial.URL
	Dial *dial.Config // how it is reached and verified; nil is the zero value
	User string       // where empty, the URL's

	// Password gives the password, when one is needed. Nil: there is none.
	Password func(context.Context) (string, error)
	// Token gives an OAuth 2 access token. Where it is set, no password is used.
	Token func(context.Context) (string, error)
	// TokenRefused, where set, is told that the server did not take what Token gave.
	TokenRefused func()
	// Mechanism fixes how to log in: a SASL mechanism, "LOGIN" (the IMAP command where the server
	// has no AUTH=LOGIN), "USER" or "APOP". "": the strongest that the server offers.
	Mechanism string
	// Certificate says that Dial shows a client certificate, so that EXTERNAL is possible.
	Certificate bool
	// AllowCleartext says passwords on a connection without TLS.
	AllowCleartext bool

	// Idle is how long the server may be silent while it owes an answer; 0 is 1 min.
	Idle time.Duration
	// Dir is where large content waits to be taken; "" is the system's directory of
	// temporary files. Where it is to become a file of that directory, a rename is all it takes.
	Dir string
	// Alert, where set, is told what the user should read: an ALERT of the server (RFC 9051 §7.1), or a
	// login that was less than it could have been.
	Alert func(text string)
	// Observer, where set, sees all that is said.
	Observer Observer
}

// Observer is told what a connection says, in order, from one goroutine. It must not keep p. Secrets
// are in clear in it.
type Observer interface {
	// Mark tells what no octet carries: the connection is open, TLS began, it is closed.
	Mark(decode.Mark)
	// Octets are given before they are sent, and when they came.
	Octets(d decode.Dir, at time.Time, p []byte)
}

const defaultIdle = time.Minute

func (c *Config) idle() time.Duration {
	if c.Idle > 0 {
		return c.Idle
	}
	return defaultIdle
}

func (c *Config) user() string {
	if c.User != "" {
		return c.User
	}
	return c.URL.User
}
