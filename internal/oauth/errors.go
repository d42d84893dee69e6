package oauth

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/oauth2"
)

// Error is why there is no token. It holds no secret.
type Error struct {
	What   string
	Advice string
	Err    error // the cause; nil where What says all
}

func (e *Error) Error() string {
	if e.Err == nil {
		return "oauth: " + e.What
	}
	return "oauth: " + e.What + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Hint is the advice for the user.
func (e *Error) Hint() string { return e.Advice }

// ErrDenied says that the user, or the issuer, refused the consent.
var ErrDenied = errors.New("consent was denied")

// refusal puts an issuer's error into words. The body of its answer, which the oauth2 package would
// show, may hold anything.
func refusal(what string, err error) *Error {
	var r *oauth2.RetrieveError
	if !errors.As(err, &r) {
		return &Error{What: what, Err: err, Advice: "check the network, and the endpoints of the issuer"}
	}
	return refused(what, r.ErrorCode, r.ErrorDescription, r.Response.Status)
}

// refused is an error by its code (RFC 6749 §4.1.2.1, §5.2; RFC 8628 §3.5).
func refused(what, code, description, status string) *Error {
	e := &Error{What: what}
	switch code {
	case "access_denied":
		e.Err, e.Advice = ErrDenied, "run the command again, and allow the access"
		return e
	case "expired_token":
		e.Err, e.Advice = errors.New("the code was not typed in in time"), "run the command again"
		return e
	case "invalid_client", "unauthorized_client":
		e.Advice = "check --client-id, and whether the client is registered as a desktop or native application; some issuers give it a secret too: MAILTRACE_CLIENT_SECRET"
	case "invalid_scope":
		e.Advice = "the client has to be allowed these scopes where it is registered"
	case "":
		e.Err = fmt.Errorf("the issuer answers %s", clean(status))
		return e
	}
	text := clean(code)
	if description != "" {
		text += " (" + clean(description) + ")"
	}
	e.Err = errors.New("the issuer refuses: " + text)
	return e
}

// clean makes what an issuer says one line of bounded length.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); len(r) > 300 {
		s = string(r[:300]) + "…"
	}
	return s
}
