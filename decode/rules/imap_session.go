package rules

import "github.com/mailtrace/mailtrace/decode"

// What the framing of an IMAP session finds.
var (
	LongLine = define(Rule{
		ID: "imap.long-line", Severity: decode.Note, Ref: "RFC 7162 §4",
		Text: "the line is longer than what is kept of it; its text is shown up to there",
	})
	MeaningStopped = define(Rule{
		ID: "mailtrace.meaning-stopped", Severity: decode.Note, Ref: "mailtrace",
		Text: "a mistake in mailtrace: what follows on this connection is shown without its meaning, and no octet is harmed",
	})
)
