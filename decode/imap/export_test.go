package imap

import "github.com/mailtrace/mailtrace/decode"

// Analyst is what a session shows its events to.
type Analyst = analyst

// SetAnalyst gives a session another one.
func SetAnalyst(s decode.Session, a Analyst) { s.(*session).analyst = a }
