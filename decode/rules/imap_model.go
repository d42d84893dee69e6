package rules

import "github.com/mailtrace/mailtrace/decode"

// What contradicts the mailbox as the session told it before.
var (
	MailboxTooLarge = define(Rule{
		ID: "mailtrace.mailbox-too-large", Severity: decode.Note, Ref: "mailtrace",
		Text: "the mailbox has more messages than mailtrace follows: UIDs are not matched to sequence numbers",
	})
	UIDValidityChanged = define(Rule{
		ID: "imap.uidvalidity-changed", Severity: decode.Note, Ref: "RFC 9051 §2.3.1.1",
		Text: "UIDVALIDITY is another one than before: what a client cached of this mailbox by UID is void",
	})
	UIDValidityBackwards = define(Rule{
		ID: "imap.uidvalidity-backwards", Severity: decode.Warning, Ref: "RFC 9051 §2.3.1.1",
		Text: "UIDVALIDITY is less than before: a client may take old UIDs for valid and show the wrong messages",
	})
	UIDNextBackwards = define(Rule{
		ID: "imap.uidnext-backwards", Severity: decode.Warning, Ref: "RFC 9051 §2.3.1.1",
		Text: "UIDNEXT is less than before: UIDs are given twice, and a client may miss messages",
	})
	UIDNextMissing = define(Rule{
		ID: "imap.uidnext-missing", Severity: decode.Warning, Ref: "RFC 9051 §6.3.2, RFC 3501 §6.3.1",
		Text: "the mailbox was opened without a UIDNEXT: a client cannot tell what is new but by asking for all",
		Seen: "Courier, Dreamhost",
	})
	UIDBeyondNext = define(Rule{
		ID: "imap.uid-beyond-uidnext", Severity: decode.Warning, Ref: "RFC 9051 §2.3.1.1",
		Text: "a message that was there has a UID that UIDNEXT said to be in the future",
	})
	ModSeqBackwards = define(Rule{
		ID: "imap.modseq-backwards", Severity: decode.Warning, Ref: "RFC 7162 §3.1.2.1",
		Text: "HIGHESTMODSEQ is less than before: a client may miss changes",
	})
	UIDOrder = define(Rule{
		ID: "imap.uid-order", Severity: decode.Error, Ref: "RFC 9051 §2.3.1.2",
		Text: "UIDs do not ascend with the sequence numbers: a client may change or delete the wrong message",
	})
	UIDMoved = define(Rule{
		ID: "imap.uid-moved", Severity: decode.Error, Ref: "RFC 9051 §2.3.1.1",
		Text: "a message has another UID than before though none was expunged: a client may change or delete the wrong one",
	})
	ExistsShrinks = define(Rule{
		ID: "imap.exists-shrinks", Severity: decode.Error, Ref: "RFC 9051 §5.2",
		Text: "the mailbox has fewer messages though no EXPUNGE said so: sequence numbers mean other messages for client and server",
	})
	ExpungeBeyond = define(Rule{
		ID: "imap.expunge-beyond-exists", Severity: decode.Error, Ref: "RFC 9051 §7.5.1",
		Text: "a message is expunged that does not exist: sequence numbers mean other messages for client and server",
	})
	VanishedUnknown = define(Rule{
		ID: "imap.vanished-unknown", Severity: decode.Warning, Ref: "RFC 7162 §3.2.10.2",
		Text: "messages vanished that were not there: client and server count differently",
	})
	FetchBeyond = define(Rule{
		ID: "imap.fetch-beyond-exists", Severity: decode.Warning, Ref: "RFC 9051 §7.4.1",
		Text: "data of a message came that EXISTS did not announce: a client may drop it",
	})
	Size = define(Rule{
		ID: "imap.size", Severity: decode.Warning, Ref: "RFC 9051 §7.5.2",
		Text: "RFC822.SIZE is not the size of the message: a client that trusts it cuts the mail short or takes it for broken",
		Seen: "Exchange 2019",
	})
	BodyStructureOctets = define(Rule{
		ID: "imap.bodystructure-octets", Severity: decode.Warning, Ref: "RFC 9051 §7.5.2",
		Text: "BODYSTRUCTURE says another size of a part than came: a client that trusts it cuts the part short",
		Seen: "Dovecot",
	})
	BodyStructureLines = define(Rule{
		ID: "imap.bodystructure-lines", Severity: decode.Warning, Ref: "RFC 9051 §7.5.2",
		Text: "BODYSTRUCTURE says another number of lines of a part than came",
	})
	ItemMissing = define(Rule{
		ID: "imap.item-missing", Severity: decode.Warning, Ref: "RFC 9051 §6.4.5",
		Text: "the server completed a FETCH and left out a section that was asked for",
		Seen: "Yandex",
	})
	CopyUIDCount = define(Rule{
		ID: "imap.copyuid-count", Severity: decode.Warning, Ref: "RFC 4315 §3",
		Text: "COPYUID names another number of messages before than after the copy: a client cannot tell which became which",
	})
	SearchForESearch = define(Rule{
		ID: "imap.search-for-esearch", Severity: decode.Warning, Ref: "RFC 9051 §6.4.4",
		Text: "SEARCH with RETURN was answered by SEARCH instead of ESEARCH: a client may see no result at all",
	})
	Reflected = define(Rule{
		ID: "imap.crlf-reflected", Severity: decode.Error, Ref: "RFC 9051 §7.1",
		Text: "a line end in a client's argument came back in the server's text: what follows it is taken for a response",
		Seen: "GreenMail",
	})
)
