package replay

import "fmt"

// BrokenError is an end of the conversation before the end of the script: a peer that
// closes early, that stalls, that says what no reply can be.
type BrokenError struct {
	Pos      Pos
	Expected string // the line that was awaited
	Err      error
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("replay: %v: expected %s: %v", e.Pos, e.Expected, e.Err)
}

func (e *BrokenError) Unwrap() error { return e.Err }

// AuthError is a server's refusal of a login.
type AuthError struct{ Reply string }

func (e *AuthError) Error() string { return "the server refuses: " + e.Reply }

// Hint is the advice for the user.
func (e *AuthError) Hint() string {
	return "check --user and the password (MAILTRACE_PASSWORD, --password-command or netrc)"
}

// CleartextError says that a secret would be readable on the way.
type CleartextError struct{ Pos Pos }

func (e *CleartextError) Error() string {
	return fmt.Sprintf("%v: expected TLS before a password is said in clear", e.Pos)
}

// Hint is the advice for the user.
func (e *CleartextError) Hint() string {
	return "use a scheme with TLS, such as imaps or pop3+starttls, or --allow-cleartext"
}
