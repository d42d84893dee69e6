package rules

import "github.com/mailtrace/mailtrace/decode"

// What the shape of IMAP responses, and of strings in both directions, has wrong.
var (
	ExtraSpace = define(Rule{
		ID: "imap.extra-space", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "more than one space stands where the grammar has exactly one",
	})
	NumberRange = define(Rule{
		ID: "imap.number-range", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "a number is larger than the protocol allows, so programs may read another one",
	})
	Unquoted = define(Rule{
		ID: "imap.unquoted-specials", Severity: decode.Warning, Ref: "RFC 9051 §4.1, §9",
		Text: "a word has octets that may only stand in a quoted string or literal",
		Seen: "Exchange",
	})
	QuotedUnescaped = define(Rule{
		ID: "imap.quoted-unescaped", Severity: decode.Warning, Ref: "RFC 9051 §4.3",
		Text: "a quote stands inside a quoted string without a backslash, so where the string ends is a guess",
		Seen: "GroupWise",
	})
	QuotedEscape = define(Rule{
		ID: "imap.quoted-escape", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "in a quoted string a backslash stands before something else than a quote or a backslash",
		Seen: "GroupWise",
	})
	QuotedOpen = define(Rule{
		ID: "imap.quoted-open", Severity: decode.Warning, Ref: "RFC 9051 §4.3",
		Text: "a quoted string has no closing quote before the end of its line",
	})
	EightBitQuoted = define(Rule{
		ID: "imap.8bit-quoted", Severity: decode.Warning, Ref: "RFC 3501 §9, RFC 6855 §3",
		Text: "a quoted string has octets beyond ASCII, and UTF-8 was not enabled",
	})
	NUL = define(Rule{
		ID: "imap.nul", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "a NUL octet stands where none may: many programs take it for the end",
	})
)

// What the grammar of responses has wrong.
var (
	ResponseSyntax = define(Rule{
		ID: "imap.response-syntax", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "a response does not keep to the grammar; what could be read of it was",
		Seen: "Courier: QUOTA of a root without limits; Dovecot: PREVIEW (FUZZY …) of a draft",
	})
	TrailingSpace = define(Rule{
		ID: "imap.trailing-space", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "a response ends with a space that the grammar does not have; strict clients refuse the line",
		Seen: "exmail.qq; Dovecot, Courier: THREAD that finds nothing",
	})
	StringExpected = define(Rule{
		ID: "imap.string-expected", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "a bare word stands where a quoted string, a literal or NIL must",
	})
	PlusWithoutSpace = define(Rule{
		ID: "imap.plus-without-space", Severity: decode.Warning, Ref: "RFC 9051 §7.6",
		Text: "a continuation request has no space behind its plus sign; strict clients wait for ever",
		Seen: "Yandex, public-inbox",
	})
	ConditionWithoutText = define(Rule{
		ID: "imap.status-without-text", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "a status response ends right behind its status, where a space must follow",
	})
	ServerLiteralPlus = define(Rule{
		ID: "imap.server-literal-plus", Severity: decode.Warning, Ref: "RFC 9051 §4.3",
		Text: "the server sent a non-synchronizing literal, which only clients may send",
	})
	UntaggedCode = define(Rule{
		ID: "imap.untagged-code", Severity: decode.Warning, Ref: "RFC 9051 §7.1",
		Text: "a response code stands without OK, NO or BAD before it, so clients miss what it says",
		Seen: "Office 365, Exchange 2013",
	})
	CodeInvalid = define(Rule{
		ID: "imap.code-invalid", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "what stands in brackets is no response code",
		Seen: "Office 365",
	})
	CodeWithoutText = define(Rule{
		ID: "imap.code-without-text", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "a status response ends right behind its response code, where a space must follow",
		Seen: "Gmail",
	})
	SequenceZero = define(Rule{
		ID: "imap.sequence-zero", Severity: decode.Warning, Ref: "RFC 9051 §2.3.1.2",
		Text: "a message has the number 0, but numbers begin with 1",
	})
	UIDZero = define(Rule{
		ID: "imap.uid-zero", Severity: decode.Warning, Ref: "RFC 9051 §2.3.1.1",
		Text: "a message has the UID 0, which no message may have",
	})
	UIDNextZero = define(Rule{
		ID: "imap.uidnext-zero", Severity: decode.Warning, Ref: "RFC 9051 §2.3.1.1",
		Text: "the next UID is said to be 0, which no message may have",
	})
	UIDValidityZero = define(Rule{
		ID: "imap.uidvalidity-zero", Severity: decode.Warning, Ref: "RFC 9051 §2.3.1.1",
		Text: "UIDVALIDITY is 0, which is none: clients cannot keep what they know of the mailbox",
	})
	ModSeqNegative = define(Rule{
		ID: "imap.modseq-negative", Severity: decode.Warning, Ref: "RFC 7162 §7",
		Text: "a number that must be positive is negative, such as a mod-sequence of -1",
		Seen: "Zoho",
	})
	SizeNegative = define(Rule{
		ID: "imap.size-negative", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "a size is negative",
	})
	DateTime = define(Rule{
		ID: "imap.date-time", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "a date and time is not written as the grammar wants it",
	})
	FlagInvalid = define(Rule{
		ID: "imap.flag-invalid", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "a flag has octets that no flag may have; clients may lose the whole response",
		Seen: "Gmail",
	})
	CapabilitySpace = define(Rule{
		ID: "imap.capability-space", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "a space tears a capability apart, such as LITERAL + for LITERAL+",
	})
	StatusEmpty = define(Rule{
		ID: "imap.status-empty", Severity: decode.Note, Ref: "RFC 9051 §9",
		Text: "a STATUS response has nothing in it: legal, but it does not answer the command",
		Seen: "163.com",
	})
	Delimiter = define(Rule{
		ID: "imap.list-delimiter", Severity: decode.Warning, Ref: "RFC 9051 §7.3.1",
		Text: "the hierarchy delimiter is not a single character",
	})
	SectionWithoutValue = define(Rule{
		ID: "imap.section-without-value", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "a section of a message is named, but neither text nor NIL follows",
		Seen: "Yandex",
	})
	EnvelopeSpaces = define(Rule{
		ID: "imap.envelope-spaces", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "spaces stand in an ENVELOPE where there may be none, such as between addresses",
		Seen: "outlook.com, Exchange 5.5, go-imap v2",
	})
	EnvelopeShort = define(Rule{
		ID: "imap.envelope-short", Severity: decode.Warning, Ref: "RFC 9051 §7.5.2",
		Text: "an ENVELOPE ends before all of its ten fields",
	})
	AddressNIL = define(Rule{
		ID: "imap.address-nil", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "NIL stands in a list of addresses in place of an address",
		Seen: "SmarterMail",
	})
	AddressListEmpty = define(Rule{
		ID: "imap.address-list-empty", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "a list of addresses is empty, where NIL should stand",
	})
	BodyExtended = define(Rule{
		ID: "imap.body-extended", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "BODY has the extension data that only BODYSTRUCTURE may have",
	})
	BodySpaces = define(Rule{
		ID: "imap.body-spaces", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "spaces stand in a body structure where there may be none",
	})
	MultipartWithoutChildren = define(Rule{
		ID: "imap.multipart-without-children", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "a multipart has no parts, but must have at least one",
		Seen: "Gmail, Yandex, QQ, Dovecot",
	})
	BodyOctetsNegative = define(Rule{
		ID: "imap.body-octets-negative", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "the octets of a body part are negative",
		Seen: "Dovecot",
	})
	BodyLinesNegative = define(Rule{
		ID: "imap.body-lines-negative", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "the lines of a body part are negative",
	})
	BodyNumberNIL = define(Rule{
		ID: "imap.body-number-nil", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "NIL stands in a body structure where a number must",
	})
	BodyLines = define(Rule{
		ID: "imap.body-lines", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "text and messages have a number of lines in a body structure, and nothing else has",
	})
	BodyMessage = define(Rule{
		ID: "imap.body-message", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "a message in a message is described without its envelope and structure",
		Seen: "Gmail",
	})
	BodyParamNIL = define(Rule{
		ID: "imap.body-parameter-nil", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "a parameter of a body part has no value",
		Seen: "mail.ru",
	})
	BodyDisposition = define(Rule{
		ID: "imap.body-disposition", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "the disposition of a body part is no list of a type and its parameters",
		Seen: "Exchange",
	})
	TooDeep = define(Rule{
		ID: "imap.too-deep", Severity: decode.Note, Ref: "RFC 9051 §7.5.2",
		Text: "parts or threads lie deeper in each other than mailtrace follows",
	})
)
