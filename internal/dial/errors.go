package dial

import (
	"errors"
	"strings"
)

// Stage is the step of reaching a server that failed.
type Stage string

const (
	StageResolve  Stage = "resolve"
	StageConnect  Stage = "connect"
	StageTLS      Stage = "tls"
	StageStartTLS Stage = "starttls" // from the greeting in clear to STARTTLS's completion
	StageGreeting Stage = "greeting"
)

// Error says why a server could not be reached, in words for the user.
type Error struct {
	Stage Stage
	Addr  string // host:port
	What  string // what happened
	// Alert is the TLS alert that the server sent, such as "handshake_failure"; "" where
	// it sent none.
	Alert  string
	Advice string // what helps; may be ""
	Err    error  // the cause, for errors.Is and errors.As
}

// What [Error.Err] is where the server's own words were the cause.
var (
	ErrRefused   = errors.New("STARTTLS refused")
	ErrPreauth   = errors.New("PREAUTH before TLS")
	ErrBye       = errors.New("server said goodbye")
	ErrInjection = errors.New("octets in clear between STARTTLS's completion and TLS")
	ErrEarly     = errors.New("completion before the command")
	ErrGreeting  = errors.New("not a greeting of this protocol")
	ErrReply     = errors.New("not a reply to STARTTLS")
	ErrTooLong   = errors.New("too much before STARTTLS's completion")
)

var stageWords = map[Stage]string{
	StageResolve:  "resolve ",
	StageConnect:  "connect to ",
	StageTLS:      "TLS with ",
	StageStartTLS: "STARTTLS with ",
	StageGreeting: "greeting of ",
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(stageWords[e.Stage] + e.Addr + ": " + e.What)
	if e.Alert != "" {
		b.WriteString(" (alert " + e.Alert + ")")
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Hint is the advice for the user: one line, lower case, "" where there is none.
func (e *Error) Hint() string { return e.Advice }
