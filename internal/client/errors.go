package client

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ServerError is a command that the server refused.
type ServerError struct {
	Command string // its name, such as "SELECT", without arguments
	Status  string // NO, BAD, -ERR
	Code    string // response code, upper case, such as "OVERQUOTA"; "" where there was none
	Text    string // what the server says about it
	Mailbox string // which the command named; ""
	// Charsets are those that the server searches in, where it refused one (BADCHARSET, RFC 9051 §7.1).
	Charsets []string
}

func (e *ServerError) Error() string {
	text := e.Text
	if text == "" {
		text = e.Status
	}
	return fmt.Sprintf("client: %s: the server says %s: %s", e.Command, e.Status, text)
}

// codeHints say what helps, by response code (RFC 5530 §3, RFC 3206, RFC 9051 §7.1).
var codeHints = map[string]string{
	"AUTHENTICATIONFAILED": "check user and password; some servers want an app password",
	"AUTHORIZATIONFAILED":  "the credentials are right, but not for this user",
	"EXPIRED":              "the password or token has expired",
	"PRIVACYREQUIRED":      "the server wants TLS first: use imaps, pop3s or +starttls in the URL",
	"CONTACTADMIN":         "the server asks you to contact its administrator",
	"NONEXISTENT":          "mailtrace folders URL lists what is there",
	"TRYCREATE":            "--create makes the mailbox; mailtrace folders URL lists what is there",
	"NOPERM":               "the account may not do this",
	"OVERQUOTA":            "the mailbox is full: delete mail, or ask for more room",
	"LIMIT":                "a limit of the server is reached; try again later, or with less at a time",
	"TOOBIG":               "the message is larger than the server takes",
	"INUSE":                "another client holds it; try again when that one is done",
	"IN-USE":               "another session has the maildrop; it is free when that one is over",
	"LOGIN-DELAY":          "the server wants some time between two logins",
	"UNAVAILABLE":          "the server cannot do it now; try again later",
	"SYS/TEMP":             "the server cannot do it now; try again later",
	"SYS/PERM":             "the server needs its administrator",
	"AUTH":                 "check user and password; some servers want an app password",
	"CANNOT":               "the server cannot do this to any mailbox of that name",
	"ALREADYEXISTS":        "there is such a mailbox already",
	"BADCHARSET":           "the server does not search in this charset; look for text in ASCII",
}

// Hint names what helps; "" where nothing is known to.
func (e *ServerError) Hint() string {
	if h, ok := codeHints[e.Code]; ok {
		return h
	}
	text := strings.ToLower(e.Text)
	switch {
	case strings.Contains(text, "too many") && strings.Contains(text, "connection"):
		return "close other clients of this account, or try again later"
	case strings.Contains(text, "quota"):
		return codeHints["OVERQUOTA"]
	case (e.Command == "SELECT" || e.Command == "EXAMINE" || e.Command == "STATUS") && e.Status == "NO":
		return codeHints["NONEXISTENT"]
	case e.Status == "BAD":
		return "the same with --trace shows what was said"
	}
	return ""
}

// Temporary tells whether the same may work later.
func (e *ServerError) Temporary() bool {
	switch e.Code {
	case "UNAVAILABLE", "INUSE", "IN-USE", "LOGIN-DELAY", "SYS/TEMP":
		return true
	}
	return false
}

// AuthError is a login that the server refused.
type AuthError struct {
	ServerError
	Mechanism string
	User      string
}

func (e *AuthError) Error() string {
	text := e.Text
	if text == "" {
		text = e.Status
	}
	return fmt.Sprintf("client: the server refuses the login of %s by %s: %s", e.User, e.Mechanism, text)
}

// Hint names what helps.
func (e *AuthError) Hint() string {
	if strings.Contains(e.Mechanism, "OAUTH") {
		return "the next login gets another token; if that is refused too, the user may be another, or the client may not be allowed to read mail"
	}
	hint := codeHints["AUTHENTICATIONFAILED"]
	if h := e.ServerError.Hint(); h != "" && e.Code != "" {
		hint = h
	}
	if plain, plus := strings.CutSuffix(e.Mechanism, "-PLUS"); plus {
		// Which of both it was no server says.
		hint += "; or the server binds logins to the connection in another way than it says: --auth " + plain + " does without"
	}
	return hint
}

func (e *AuthError) Unwrap() error { return &e.ServerError }

// ByeError is a server that ends the session of its own accord.
type ByeError struct {
	Addr string
	Text string
}

func (e *ByeError) Error() string { return fmt.Sprintf("client: %s says goodbye: %s", e.Addr, e.Text) }

// Hint names what helps.
func (e *ByeError) Hint() string {
	text := strings.ToLower(e.Text)
	switch {
	case strings.Contains(text, "too many"), strings.Contains(text, "limit"):
		return "close other clients of this account, or try again later"
	case strings.Contains(text, "idle"), strings.Contains(text, "inactiv"), strings.Contains(text, "autologout"):
		return "the session was silent for too long"
	}
	return "try again later; the same with --trace shows what was said"
}

// TimeoutError is a server that owes an answer for too long.
type TimeoutError struct {
	Addr  string
	After time.Duration
	// Secure is the URL over TLS, where the server has said nothing at all in the clear: it may wait for a
	// ClientHello.
	Secure string
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("client: %s has said nothing for %v", e.Addr, e.After)
}

// Hint names the scheme or the flag that helps.
func (e *TimeoutError) Hint() string {
	if e.Secure != "" {
		return "if the port expects TLS at once, use " + e.Secure + "; a slow server gets more time with --idle-timeout"
	}
	return "a slow server gets more time with --idle-timeout"
}

// Timeout makes it a timeout for those who ask.
func (e *TimeoutError) Timeout() bool { return true }

// ClosedError is a connection that ended in mid-session.
type ClosedError struct {
	Addr string
	Err  error // io.EOF where the server closed it
}

func (e *ClosedError) Error() string {
	return fmt.Sprintf("client: the connection to %s ended: %v", e.Addr, e.Err)
}

func (e *ClosedError) Unwrap() error { return e.Err }

// Hint names what helps.
func (e *ClosedError) Hint() string { return "the same with --trace shows what was said before" }

// TooLargeError is a content larger than what was allowed for.
type TooLargeError struct{ Octets, Limit int64 }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("client: the server sends %d octets where at most %d are taken", e.Octets, e.Limit)
}

// OtherProtocolError is a server that greets in the protocol that was not asked for.
type OtherProtocolError struct {
	Addr   string
	Wanted string // imap or pop3, as in URLs
	Spoken string
}

func (e *OtherProtocolError) Error() string {
	return fmt.Sprintf("client: %s speaks %s on this port, not %s", e.Addr, strings.ToUpper(e.Spoken), strings.ToUpper(e.Wanted))
}

// Hint names what helps.
func (e *OtherProtocolError) Hint() string {
	return fmt.Sprintf("take a URL that begins with %s instead of %s, or the port that speaks %s", e.Spoken, e.Wanted, strings.ToUpper(e.Wanted))
}

// otherGreeting tells whether a line in place of a server's first one is the greeting of the other
// protocol (RFC 1939 §4, RFC 9051 §7.1).
func otherGreeting(addr, wanted string, line []byte) error {
	starts := map[string][]string{"imap": {"+OK", "-ERR"}, "pop3": {"* OK", "* PREAUTH", "* BYE"}}[wanted]
	spoken := map[string]string{"imap": "pop3", "pop3": "imap"}[wanted]
	for _, s := range starts {
		if bytes.HasPrefix(line, []byte(s)) {
			return &OtherProtocolError{Addr: addr, Wanted: wanted, Spoken: spoken}
		}
	}
	return nil
}

// errUnexpected says that the server's words make no sense here.
func errUnexpected(want, text string) error {
	if len(text) > 80 {
		text = text[:80] + "…"
	}
	return fmt.Errorf("client: expected %s, got %q", want, text)
}

// Lost tells whether an error ended the connection, so that only a new one can help.
func Lost(err error) bool {
	var closed *ClosedError
	var timeout *TimeoutError
	var bye *ByeError
	return errors.As(err, &closed) || errors.As(err, &timeout) || errors.As(err, &bye)
}
