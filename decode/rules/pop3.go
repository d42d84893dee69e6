package rules

import "github.com/mailtrace/mailtrace/decode"

// What POP3 servers answer.
var (
	POP3ResponseSyntax = define(Rule{
		ID: "pop3.response-syntax", Severity: decode.Warning, Ref: "RFC 1939 §5, §7",
		Text: "the reply is not what STAT, LIST or UIDL has to give: numbers, each behind one space; a client cannot read it",
		Seen: "Twisted: the size alone as answer to LIST with a number",
	})
	POP3Size = define(Rule{
		ID: "pop3.size", Severity: decode.Warning, Ref: "RFC 1939 §11",
		Text: "the message has another size than the server said; a client that trusts the size cuts the mail short or waits for more",
		Seen: "CMailServer: 6668 octets announced, 6670 delivered; Dovecot, Cyrus, Courier: of a message without CRLF at its end",
	})
	POP3Totals = define(Rule{
		ID: "pop3.totals", Severity: decode.Warning, Ref: "RFC 1939 §5",
		Text: "STAT, LIST and UIDL do not agree on how many messages there are, or how large they are together",
	})
	POP3DotStuffing = define(Rule{
		ID: "pop3.dot-stuffing", Severity: decode.Warning, Ref: "RFC 1939 §3",
		Text: "lines that begin with a dot have to get exactly one more; here the client takes away a dot too many or too few, or takes the line for the end",
		Seen: "Mailpit, GreenMail",
	})
	POP3Terminator = define(Rule{
		ID: "pop3.terminator", Severity: decode.Warning, Ref: "RFC 1939 §3",
		Text: "the response does not end with CRLF, a dot and CRLF; a client that waits for that waits for ever",
		Seen: "Cyrus 3.4",
	})
	POP3LineEnd = define(Rule{
		ID: "pop3.line-end", Severity: decode.Warning, Ref: "RFC 1939 §3",
		Text: "the line ends with LF alone where CRLF is due; strict peers wait for the CR",
	})
	POP3LongLine = define(Rule{
		ID: "pop3.long-line", Severity: decode.Warning, Ref: "RFC 2449 §4",
		Text: "the line is longer than POP3 allows, 255 octets of a command and 512 of a reply's first line; peers may cut it or hang up",
	})
	POP3SASLOK = define(Rule{
		ID: "pop3.sasl-ok", Severity: decode.Warning, Ref: "RFC 5034 §4",
		Text: "the server says +OK where \"+ \" is due; a client that believes it takes itself for logged in",
	})
	POP3Capa = define(Rule{
		ID: "pop3.capa", Severity: decode.Warning, Ref: "RFC 2449 §5, RFC 2595 §4",
		Text: "the answer to CAPA is wrong: a client waits for a list that does not come, or uses what it cannot have",
	})
	POP3NoCapa = define(Rule{
		ID: "pop3.no-capa", Severity: decode.Note, Ref: "RFC 2449 §5",
		Text: "the server does not know CAPA, so that a client can only try what there is",
	})
	POP3LegacyAuth = define(Rule{
		ID: "pop3.legacy-auth-list", Severity: decode.Note, Ref: "RFC 5034 §4",
		Text: "AUTH without a mechanism lists the mechanisms at many servers, and is in no RFC; CAPA tells them too",
	})
	POP3NoSize = define(Rule{
		ID: "pop3.retr-without-size", Severity: decode.Note, Ref: "RFC 1939 §5",
		Text: "the server does not say how large the message is that follows, so that a client can show no progress without LIST",
		Seen: "IONOS",
	})
	POP3TopLines = define(Rule{
		ID: "pop3.top-lines", Severity: decode.Warning, Ref: "RFC 1939 §7",
		Text: "TOP brought more lines of the body than were asked for",
	})
	POP3UIDLRepeated = define(Rule{
		ID: "pop3.uidl-repeated", Severity: decode.Warning, Ref: "RFC 1939 §7",
		Text: "two messages have one unique-id; a client that leaves mail on the server takes the second for known and never fetches it",
	})
	POP3UIDLID = define(Rule{
		ID: "pop3.uidl-id", Severity: decode.Warning, Ref: "RFC 1939 §7",
		Text: "a unique-id has one to 70 octets in the range 0x21 to 0x7E; clients may cut or refuse another",
	})
	POP3UIDLChanged = define(Rule{
		ID: "pop3.uidl-changed", Severity: decode.Warning, Ref: "RFC 1939 §7",
		Text: "a message has another unique-id than before in the same session; clients fetch it anew each time",
	})
	POP3Unasked = define(Rule{
		ID: "pop3.unasked-reply", Severity: decode.Warning, Ref: "RFC 1939 §3",
		Text: "the reply answers no command; a client takes it for the answer to its next one and is out of step from there",
	})
	POP3UnaskedError = define(Rule{
		ID: "pop3.unasked-error", Severity: decode.Note, Ref: "RFC 1939 §3",
		Text: "the server says -ERR without being asked, as some do before they hang up; they should only close the connection",
	})
)

// What POP3 clients send.
var (
	POP3CommandSyntax = define(Rule{
		ID: "pop3.command-syntax", Severity: decode.Warning, Ref: "RFC 1939 §5, §7",
		Text: "the command has not the arguments that it needs",
	})
	POP3WrongState = define(Rule{
		ID: "pop3.wrong-state", Severity: decode.Warning, Ref: "RFC 1939 §3, §7",
		Text: "the command is not valid in this state, and the server refused it",
	})
	POP3Deleted = define(Rule{
		ID: "pop3.deleted-message", Severity: decode.Note, Ref: "RFC 1939 §5",
		Text: "the command is about a message that is marked as deleted",
	})
	POP3NoSuchMessage = define(Rule{
		ID: "pop3.no-such-message", Severity: decode.Note, Ref: "RFC 1939 §5",
		Text: "the command is about a message number that the maildrop does not have",
	})
	POP3Pipelining = define(Rule{
		ID: "pop3.pipelining", Severity: decode.Warning, Ref: "RFC 2449 §6.6",
		Text: "the client does not wait for the answer before its next command, and the server's capabilities do not have PIPELINING: it may lose what it did not wait for",
	})
	POP3NotAdvertised = define(Rule{
		ID: "pop3.not-advertised", Severity: decode.Note, Ref: "RFC 2449 §5",
		Text: "the client uses what the server's list of capabilities does not have",
	})
	POP3APOP = define(Rule{
		ID: "pop3.apop", Severity: decode.Note, Ref: "RFC 1939 §7",
		Text: "APOP in the clear hides the password only as far as MD5 does: who listens can guess it at leisure",
	})
	POP3DeletionsLost = define(Rule{
		ID: "pop3.deletions-lost", Severity: decode.Note, Ref: "RFC 1939 §6",
		Text: "the connection ended without QUIT, so that the messages marked as deleted stay in the maildrop",
	})
)

// What POP3 clients do within the rules, and could do with fewer round trips.
var (
	HabitListEach = define(Rule{
		ID: "habit.list-each", Severity: decode.Note, Ref: "RFC 1939 §5, §7",
		Text: "the client asks for the size or the unique-id of each message by itself, where LIST or UIDL without a number tells them all",
	})
	HabitTopEach = define(Rule{
		ID: "habit.top-each", Severity: decode.Note, Ref: "RFC 2449 §6.6",
		Text: "the client waits for the header of each message before it asks for the next, where the server offers PIPELINING",
	})
	HabitStatPolling = define(Rule{
		ID: "habit.stat-polling", Severity: decode.Note, Ref: "RFC 1939 §4",
		Text: "the client asks STAT over and over; the maildrop is as it was at login, and new mail shows in the next session",
	})
)
