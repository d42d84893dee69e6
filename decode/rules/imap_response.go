package rules

import "github.com/mailtrace/mailtrace/decode"

// What the shape of IMAP responses, and of strings in both directions, has wrong.
var (
	ExtraSpace = define(Rule{
		ID: "imap.extra-space", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "more than one space stands where the grammar has exactly one",
	})
	NumberRange = define(Rule{
		ID: "imap.number-range", Severity: decode.Warning, Ref: "RFC 9051 §4.2",
		Text: "a number is larger than the protocol allows, so programs may read another one",
	})
	Unquoted = define(Rule{
		ID: "imap.unquoted-specials", Severity: decode.Warning, Ref: "RFC 9051 §4.1",
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
		ID: "imap.8bit-quoted", Severity: decode.Warning, Ref: "RFC 9051 §4.3",
		Text: "a quoted string has octets beyond ASCII, and UTF-8 was not enabled",
	})
	NUL = define(Rule{
		ID: "imap.nul", Severity: decode.Warning, Ref: "RFC 9051 §9",
		Text: "a NUL octet stands where none may: many programs take it for the end",
	})
)
