package imap

import "github.com/mailtrace/mailtrace/decode/imap/meaning"

// The Details that the session makes and package meaning completes.
type (
	LiteralDetail = meaning.LiteralDetail
	Result        = meaning.Result
	Status        = meaning.Status
	Capabilities  = meaning.Capabilities
	Entered       = meaning.Entered
	Arrived       = meaning.Arrived
	Gone          = meaning.Gone
)
