package rules

import "github.com/mailtrace/mailtrace/decode"

// What IMAP clients and servers do in the wrong state, order or moment.
var (
	WrongState = define(Rule{
		ID: "imap.wrong-state", Severity: decode.Warning, Ref: "RFC 9051 §3",
		Text: "the command is not valid in this state; the server will answer BAD or NO",
	})
	ResponseState = define(Rule{
		ID: "imap.response-state", Severity: decode.Warning, Ref: "RFC 9051 §11.3",
		Text: "the response means nothing in this state: no mailbox is selected, or nobody logged in; clients have to ignore it",
	})
	UnknownTag = define(Rule{
		ID: "imap.unknown-tag", Severity: decode.Warning, Ref: "RFC 9051 §2.2.2",
		Text: "the completion result answers no command that is under way",
	})
	DuplicateTag = define(Rule{
		ID: "imap.duplicate-tag", Severity: decode.Warning, Ref: "RFC 9051 §2.2.1",
		Text: "two commands under way have the same tag: which of them an answer is for nobody can tell",
	})
	ReusedTag = define(Rule{
		ID: "imap.reused-tag", Severity: decode.Note, Ref: "RFC 9051 §2.2.1",
		Text: "the client uses a tag again right away; it should generate a different one for every command",
	})
	NoCommand = define(Rule{
		ID: "imap.no-command", Severity: decode.Warning, Ref: "RFC 9051 §2.2.1",
		Text: "the line is no command: one is a tag without +, a space, and a command",
	})
	NoResponse = define(Rule{
		ID: "imap.no-response", Severity: decode.Warning, Ref: "RFC 9051 §2.2.2",
		Text: "the line is no response: one begins with *, + or the tag of a command",
	})
	AmbiguousPipelining = define(Rule{
		ID: "imap.ambiguous-pipelining", Severity: decode.Warning, Ref: "RFC 9051 §5.5",
		Text: "the client sends message sequence numbers while a command is under way that may change them: it may hit other messages than it means",
		Seen: "several clients",
	})
	StaleNumbers = define(Rule{
		ID: "imap.stale-numbers", Severity: decode.Warning, Ref: "RFC 9051 §7.5.1",
		Text: "the client uses a message sequence number from before an EXPUNGE: it now belongs to another message, or to none",
		Seen: "several clients",
	})
	NumberTooHigh = define(Rule{
		ID: "imap.number-too-high", Severity: decode.Warning, Ref: "RFC 9051 §9 (seq-number)",
		Text: "the client uses a message sequence number that is higher than the number of messages in the mailbox",
	})
	ExpungeMoment = define(Rule{
		ID: "imap.expunge-moment", Severity: decode.Warning, Ref: "RFC 9051 §7.5.1",
		Text: "messages are removed while no command is under way, or during FETCH, STORE or SEARCH: client and server may number messages differently from here on",
	})
	NotAdvertised = define(Rule{
		ID: "imap.not-advertised", Severity: decode.Warning, Ref: "RFC 9051 §7.2.2",
		Text: "the client uses an extension that none of the server's capability lists has",
		Seen: "several clients",
	})
	AdvertisedRefused = define(Rule{
		ID: "imap.advertised-refused", Severity: decode.Warning, Ref: "RFC 9051 §7.2.2",
		Text: "the server advertises an extension and answers BAD to its command",
		Seen: "Proton Mail Bridge: LIST with SPECIAL-USE, UID EXPUNGE",
	})
	NoBaseCapability = define(Rule{
		ID: "imap.no-revision", Severity: decode.Warning, Ref: "RFC 9051 §7.2.2, RFC 3501 §7.2.1",
		Text: "the capability list has neither IMAP4rev1 nor IMAP4rev2",
	})
	StartTLSInsideTLS = define(Rule{
		ID: "imap.starttls-inside-tls", Severity: decode.Warning, Ref: "RFC 9051 §6.2.1",
		Text: "the server offers STARTTLS although TLS is in force already",
	})
	BothLiterals = define(Rule{
		ID: "imap.literal-plus-and-minus", Severity: decode.Warning, Ref: "RFC 7888 §5",
		Text: "the server advertises both LITERAL+ and LITERAL-, which allow different sizes",
	})
	LiteralNotOffered = define(Rule{
		ID: "imap.literal-not-offered", Severity: decode.Warning, Ref: "RFC 7888 §3",
		Text: "the client sends a literal without waiting, and the server advertised neither LITERAL+, LITERAL- nor IMAP4rev2",
	})
	LiteralTooLong = define(Rule{
		ID: "imap.literal-too-long", Severity: decode.Warning, Ref: "RFC 7888 §5, RFC 9051 §4.3",
		Text: "the client sends a literal of more than 4096 octets without waiting, which LITERAL- and IMAP4rev2 do not allow",
	})
	LiteralNotAwaited = define(Rule{
		ID: "imap.literal-not-awaited", Severity: decode.Warning, Ref: "RFC 9051 §4.3",
		Text: "the client sends the octets of a literal before the server asked for them: a server that refuses takes them for commands",
	})
	NothingAsked = define(Rule{
		ID: "imap.continuation-unasked", Severity: decode.Warning, Ref: "RFC 9051 §7.6",
		Text: "the server asks to go on, and no command waits for that",
	})
	IdleInterrupted = define(Rule{
		ID: "imap.idle-without-done", Severity: decode.Warning, Ref: "RFC 9051 §6.3.13",
		Text: "the client sends a command while the server waits for DONE and cannot tell it from one",
	})
	ServerBug = define(Rule{
		ID: "imap.server-bug", Severity: decode.Note, Ref: "RFC 5530 §3",
		Text: "the server says that it has a bug",
		Seen: "Yahoo, at SEARCH",
	})
	ClientBug = define(Rule{
		ID: "imap.client-bug", Severity: decode.Note, Ref: "RFC 5530 §3",
		Text: "the server says that the client has a bug",
	})
	RepeatedBye = define(Rule{
		ID: "imap.repeated-bye", Severity: decode.Warning, Ref: "RFC 9051 §7.1.5",
		Text: "the server says BYE again and again instead of closing the connection; a client that waits for the end never gets there",
		Seen: "Yandex",
	})
	NoBye = define(Rule{
		ID: "imap.no-bye", Severity: decode.Warning, Ref: "RFC 9051 §6.1.3",
		Text: "the server answers LOGOUT without the BYE that has to come first",
	})
	ResponseMissing = define(Rule{
		ID: "imap.response-missing", Severity: decode.Warning, Ref: "RFC 9051 §6",
		Text: "the server says OK without the untagged response that the command requires",
		Seen: "iCloud: ENABLE without ENABLED; Cyrus: SEARCH FUZZY that finds nothing",
	})
	SeveralGreetings = define(Rule{
		ID: "imap.several-greetings", Severity: decode.Note, Ref: "RFC 9051 §7.1.1",
		Text: "the server sends more than one greeting; a client that takes the next line for an answer is out of step",
		Seen: "Dovecot, while it waits for its authentication process",
	})
)
