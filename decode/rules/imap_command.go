package rules

import "github.com/mailtrace/mailtrace/decode"

// What the shape of IMAP commands has wrong.
var (
	CommandArguments = define(Rule{
		ID: "imap.arguments", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "the command has an argument too few, one too many, or another one than the grammar wants; servers answer BAD or guess",
	})
	CommandSpace = define(Rule{
		ID: "imap.command-space", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "the command ends with a space that the grammar does not have; strict servers refuse it",
	})
	SequenceSet = define(Rule{
		ID: "imap.sequence-set", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "what should say which messages is no sequence set: it is empty, has the number 0, or is not written as the grammar wants",
	})
	SectionInvalid = define(Rule{
		ID: "imap.section-invalid", Severity: decode.Warning, Ref: "RFC 9051 §6.4.5",
		Text: "what stands in brackets names no section of a message",
	})
	MacroInList = define(Rule{
		ID: "imap.macro-in-list", Severity: decode.Warning, Ref: "RFC 9051 §6.4.5",
		Text: "ALL, FAST or FULL stands among other items of a FETCH, but must be used by itself",
	})
	MailboxUTF7 = define(Rule{
		ID: "imap.mailbox-utf7", Severity: decode.Warning, Ref: "RFC 3501 §5.1.3",
		Text: "the name of a mailbox is not in modified UTF-7, where & begins a run of encoded characters: it may name another mailbox, or none",
	})
	MailboxControl = define(Rule{
		ID: "imap.mailbox-control", Severity: decode.Note, Ref: "RFC 9051 §5.1",
		Text: "the name of a mailbox has control characters, which servers may refuse and programs show badly",
	})
	CommandFlag = define(Rule{
		ID: "imap.command-flag", Severity: decode.Warning, Ref: "RFC 9051 §9 (flag)",
		Text: "a flag in a command has octets that no flag may have, so the server refuses the command or sets another one",
	})
	FlagNotSettable = define(Rule{
		ID: "imap.flag-not-settable", Severity: decode.Warning, Ref: "RFC 9051 §9 (flag), RFC 3501 §2.3.2",
		Text: "the client sets \\Recent or \\*, which no client may set",
	})
	SearchDate = define(Rule{
		ID: "imap.date-invalid", Severity: decode.Warning, Ref: "RFC 9051 §9 (date)",
		Text: "a date in a search is not written as 1-Feb-1994, so the server refuses it or finds other messages",
	})
	LongCommand = define(Rule{
		ID: "imap.command-long", Severity: decode.Note, Ref: "RFC 7162 §4",
		Text: "the command line is longer than the 8192 octets that servers are asked to allow",
	})
)
