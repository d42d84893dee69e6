package meaning_test

import (
	"strings"

	"github.com/mailtrace/mailtrace/decode/rules"
)

// conduct says which dialogue breaks a rule, and which one beside it does not.
type conduct struct {
	name   string
	rule   *rules.Rule
	times  int // 0 is 1
	fact   string
	fires  string
	silent string
	clear  bool   // the connection is not in TLS
	lower  bool   // a note here, whatever the rule's severity
	beside string // what else the silent one breaks, above note
}

// login gets a client into a mailbox of 5 messages.
const (
	capable = "S: * OK [CAPABILITY IMAP4rev1 LITERAL- SASL-IR IDLE UIDPLUS SPECIAL-USE LIST-EXTENDED AUTH=PLAIN ID NAMESPACE ENABLE NOTIFY MULTIAPPEND ESEARCH SEARCHRES] ready\n"
	in      = capable + "C: l LOGIN u p\nS: l OK in\n"
	box     = in + "C: s SELECT INBOX\nS: * 5 EXISTS\nS: * FLAGS ()\nS: s OK [READ-WRITE] open\n"
	bye     = "C: z LOGOUT\nS: * BYE bye\nS: z OK bye\n"
)

var conducts = []conduct{
	// STARTTLS and what may not survive it
	{
		name: "STARTTLS vanished", rule: rules.Stripped, clear: true, fact: "it was on an earlier list",
		fires:  "S: * OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=CRAM-MD5] hi\nC: a CAPABILITY\nS: * CAPABILITY IMAP4rev1 AUTH=CRAM-MD5\nS: a OK\nC: b AUTHENTICATE CRAM-MD5\nS: b NO\n",
		silent: "S: * OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=CRAM-MD5] hi\nC: a CAPABILITY\nS: * CAPABILITY IMAP4rev1 AUTH=CRAM-MD5 STARTTLS\nS: a OK\nC: b AUTHENTICATE CRAM-MD5\nS: b NO\n",
	},
	{
		name: "STARTTLS overwritten", rule: rules.Stripped, clear: true, fact: "the list has XXXXXXXA",
		fires:  "S: * OK [CAPABILITY IMAP4rev1 XXXXXXXA] hi\nC: b LOGIN u p\nS: b NO\n",
		silent: "S: * OK [CAPABILITY IMAP4rev1 XLIST] hi\nC: b LOGIN u p\nS: b NO\n",
	},
	{
		name: "LOGINDISABLED and no STARTTLS", rule: rules.Stripped, clear: true,
		fires:  "S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\nC: b AUTHENTICATE PLAIN\nS: b NO\n",
		silent: "S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED STARTTLS] hi\nC: b AUTHENTICATE PLAIN\nS: b NO\n",
	},
	{
		name: "STARTTLS refused, login all the same", rule: rules.RefusedContinue, clear: true,
		fires:  "S: * OK hi\nC: a STARTTLS\nS: a NO no\nC: b LOGIN u p\nS: b OK in\n",
		silent: "S: * OK hi\nC: a STARTTLS\nS: a NO no\nC: b LOGOUT\nS: * BYE bye\nS: b OK\n",
	},
	{
		name: "STARTTLS refused, then accepted", rule: rules.RefusedContinue, clear: true,
		fires:  "S: * OK hi\nC: a STARTTLS\nS: a BAD no\nC: b AUTHENTICATE PLAIN\nS: + \nC: AHUAcA==\nS: b NO\n",
		silent: "S: * OK hi\nC: a STARTTLS\nS: a BAD no\nC: b STARTTLS\nS: b OK\nTLS\nC: c LOGIN u p\nS: c NO\n",
	},
	{
		name: "PREAUTH in the clear", rule: rules.PreauthInClear, clear: true,
		fires: "S: * PREAUTH hi\n", silent: "S: * OK hi\n",
	},
	{
		name: "mailbox data before TLS", rule: rules.UntaggedBeforeTLS, clear: true, fact: "LIST",
		fires:  "S: * OK hi\nS: * LIST () \"/\" x\nC: a STARTTLS\nS: a OK\nTLS\nC: b LOGOUT\nS: * BYE\nS: b OK\n",
		silent: "S: * OK hi\nS: * NO hurry\nC: a STARTTLS\nS: a OK\nTLS\nC: b LOGOUT\nS: * BYE\nS: b OK\n",
	},
	{
		name: "referral in the clear", rule: rules.ReferralBeforeTLS, clear: true,
		fires:  "S: * BYE [REFERRAL imap://x@other/] go there\n",
		silent: "S: * BYE [UNAVAILABLE] go there\n",
	},
	{
		name: "referral answers LOGIN", rule: rules.ReferralBeforeTLS, clear: true,
		fires:  "S: * OK hi\nC: a LOGIN u p\nS: a NO [REFERRAL imap://x@other/] go there\n",
		silent: "S: * OK hi\nC: s STARTTLS\nS: s OK\nTLS\nC: a LOGIN u p\nS: a NO [REFERRAL imap://x@other/] go there\n",
	},
	{
		name: "alert in the clear", rule: rules.AlertBeforeTLS, clear: true,
		fires:  "S: * OK [ALERT] call this number\n",
		silent: "S: * OK hi\nC: s STARTTLS\nS: s OK\nTLS\nC: a LOGIN u p\nS: a NO [ALERT] call this number\n",
	},
	{
		name: "alert at STARTTLS", rule: rules.AlertBeforeTLS, clear: true,
		fires:  "S: * OK hi\nC: a STARTTLS\nS: a OK [ALERT] go\n",
		silent: "S: * OK hi\nC: a STARTTLS\nS: a OK go\n",
	},
	{
		name: "capabilities from before TLS", rule: rules.NotRefreshed, clear: true, lower: true,
		fires:  "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hi\nC: a STARTTLS\nS: a OK\nTLS\nC: b LOGIN u p\nS: b OK\n",
		silent: "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hi\nC: a STARTTLS\nS: a OK\nTLS\nC: c CAPABILITY\nS: * CAPABILITY IMAP4rev1\nS: c OK\nC: b LOGIN u p\nS: b OK\n",
	},
	{
		name: "an extension known from before TLS", rule: rules.NotRefreshed, clear: true, fact: "ID",
		fires:  "S: * OK [CAPABILITY IMAP4rev1 STARTTLS ID] hi\nC: a STARTTLS\nS: a OK\nTLS\nC: b ID NIL\nS: * ID NIL\nS: b OK\n",
		silent: "S: * OK hi\nC: a STARTTLS\nS: a OK\nTLS\nC: b ID NIL\nS: * ID NIL\nS: b OK\n",
	},
	{
		name: "LOGIN in the clear", rule: rules.CleartextAuth, clear: true, fact: "LOGIN",
		fires:  "S: * OK hi\nC: a LOGIN u p\nS: a OK\n",
		silent: "S: * OK hi\nC: a LOGIN anonymous p\nS: a OK\n",
	},
	{
		name: "LOGIN in the clear, the password a literal", rule: rules.CleartextAuth, clear: true,
		fires:  "S: * OK hi\nC: a LOGIN u {1}\nS: + go\nC: p\nS: a OK\n",
		silent: "S: * OK hi\nC: a LOGIN u {1}\nS: a NO TLS first\n",
	},
	{
		name: "PLAIN in the clear", rule: rules.CleartextAuth, clear: true, fact: "AUTHENTICATE",
		fires:  "S: * OK hi\nC: a AUTHENTICATE PLAIN\nS: + \nC: AHUAcA==\nS: a OK\n",
		silent: "S: * OK hi\nC: a AUTHENTICATE PLAIN\nS: + \nC: *\nS: a BAD\n",
	},
	{
		name: "PLAIN with an initial response", rule: rules.CleartextAuth, clear: true,
		fires:  "S: * OK hi\nC: a AUTHENTICATE PLAIN AHUAcA==\nS: a OK\n",
		silent: "S: * OK hi\nC: s STARTTLS\nS: s OK\nTLS\nC: a AUTHENTICATE PLAIN AHUAcA==\nS: a OK\n",
	},
	{
		name: "a mechanism that keeps the secret", rule: rules.CleartextAuth, clear: true,
		fires:  "S: * OK hi\nC: a AUTHENTICATE XOAUTH2 AHUAcA==\nS: a OK\n",
		silent: "S: * OK hi\nC: a AUTHENTICATE CRAM-MD5\nS: + AAAA\nC: AHUAcA==\nS: a OK\n",
	},
	{
		name: "the login of before TLS", rule: rules.AuthFixation, clear: true,
		fires:  "S: * OK hi\nC: a LOGIN u p\nS: a OK\nC: b STARTTLS\nS: b OK\nTLS\nC: c SELECT x\nS: c OK\nC: d NOOP\nS: d OK\n",
		silent: "S: * OK hi\nC: a LOGIN u p\nS: a OK\nC: b STARTTLS\nS: b OK\nTLS\nC: c LOGIN u p\nS: c OK\nC: d SELECT x\nS: d OK\n",
	},
	// logins
	{
		name: "LOGINDISABLED", rule: rules.LoginDisabled,
		fires:  "S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=PLAIN] hi\nC: a LOGIN u p\nS: a NO\n",
		silent: "S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=PLAIN] hi\nC: a AUTHENTICATE PLAIN\nS: a NO\n",
	},
	{
		name: "SCRAM-PLUS", rule: rules.ChannelBinding, fact: "SCRAM-SHA-256-PLUS",
		fires:  "S: * OK hi\nC: a AUTHENTICATE SCRAM-SHA-256-PLUS\nS: a NO\n",
		silent: "S: * OK hi\nC: a AUTHENTICATE SCRAM-SHA-256\nS: a NO\n",
	},
	{
		name: "SCRAM-PLUS offered", rule: rules.ChannelBindingOffered, fact: "AUTH=SCRAM-SHA-1-PLUS",
		fires:  "S: * OK [CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-1-PLUS AUTH=SCRAM-SHA-1] hi\n",
		silent: "S: * OK [CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-1] hi\n",
	},
	{
		name: "a mechanism that was not offered", rule: rules.MechanismNotOffered, fact: "XOAUTH2",
		fires:  capable + "C: a AUTHENTICATE XOAUTH2\nS: a NO\n",
		silent: capable + "C: a AUTHENTICATE plain\nS: a NO\n",
	},
	{
		name: "an initial response without SASL-IR", rule: rules.InitialResponse,
		fires:  "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\nC: a AUTHENTICATE PLAIN AHUAcA==\nS: a NO\n",
		silent: "S: * OK [CAPABILITY IMAP4rev2 AUTH=PLAIN] hi\nC: a AUTHENTICATE PLAIN AHUAcA==\nS: a NO\n",
	},
	// states
	{
		name: "FETCH without a mailbox", rule: rules.WrongState, fact: "FETCH in the authenticated state",
		fires:  in + "C: a FETCH 1 FLAGS\nS: a BAD\n",
		silent: in + "C: s SELECT x\nC: a UID FETCH 1 FLAGS\nS: * 1 EXISTS\nS: s OK\nS: a OK\n",
	},
	{
		name: "SELECT before the login", rule: rules.WrongState,
		fires:  capable + "C: a SELECT x\nS: a BAD\n",
		silent: capable + "C: l LOGIN u p\nC: a SELECT x\nS: l OK\nS: * 1 EXISTS\nS: a OK\n",
	},
	{
		name: "LOGIN twice", rule: rules.WrongState,
		fires:  in + "C: a LOGIN u p\nS: a BAD\n",
		silent: capable + "C: a LOGIN u p\nS: a NO\nC: b LOGIN u p\nS: b OK\n",
	},
	{
		name: "ENABLE in a mailbox", rule: rules.WrongState,
		fires:  box + "C: a ENABLE X\nS: * ENABLED\nS: a OK\n",
		silent: in + "C: a ENABLE X\nS: * ENABLED\nS: a OK\nC: b SELECT x\nS: * 1 EXISTS\nS: b OK\n",
	},
	{
		name: "STARTTLS inside TLS", rule: rules.WrongState,
		fires:  "S: * OK hi\nC: a STARTTLS\nS: a BAD\n",
		silent: "S: * OK hi\nC: a NOOP\nS: a OK\n",
	},
	{
		name: "FETCH data without a mailbox", rule: rules.ResponseState, fact: "FETCH in the authenticated state",
		fires:  in + "S: * 1 FETCH (FLAGS ())\n",
		silent: box + "S: * 1 FETCH (FLAGS ())\n",
	},
	{
		name: "LIST before the login", rule: rules.ResponseState,
		fires:  capable + "S: * LIST () NIL x\n",
		silent: in + "S: * LIST () NIL x\n",
	},
	{
		name: "EXISTS while SELECT is under way", rule: rules.ResponseState,
		fires:  box + "C: a CLOSE\nS: a OK\nS: * 3 EXISTS\n",
		silent: box + "C: a CLOSE\nS: a OK\nC: b SELECT x\nS: * 3 EXISTS\nS: b OK\n",
	},
	// tags and lines
	{
		name: "a result without a command", rule: rules.UnknownTag, fact: "b",
		fires:  in + "C: a NOOP\nS: b OK\nS: a OK\n",
		silent: in + "C: a NOOP\nC: b NOOP\nS: b OK\nS: a OK\n",
	},
	{
		name: "A5 is not a5", rule: rules.UnknownTag, times: 1,
		fires:  in + "C: a5 NOOP\nS: A5 OK\nS: a5 OK\n",
		silent: in + "C: a5 NOOP\nC: A5 NOOP\nS: A5 OK\nS: a5 OK\n",
	},
	{
		name: "one tag twice under way", rule: rules.DuplicateTag, fact: "a",
		fires:  in + "C: a NOOP\nC: a NOOP\nS: a OK\nS: a OK\n",
		silent: in + "C: a NOOP\nS: a OK\nC: b NOOP\nS: b OK\nC: a NOOP\nS: a OK\n",
	},
	{
		name: "one tag again and again", rule: rules.ReusedTag, fact: "a",
		fires:  in + "C: a NOOP\nS: a OK\nC: a NOOP\nS: a OK\nC: a NOOP\nS: a OK\n",
		silent: in + "C: a NOOP\nS: a OK\nC: b NOOP\nS: b OK\n",
	},
	{
		name: "a tag with a plus", rule: rules.NoCommand,
		fires:  in + "C: a+1 NOOP\nS: * BAD what\n",
		silent: in + "C: a-1 NOOP\nS: a-1 OK\n",
	},
	{
		name: "no response", rule: rules.NoResponse,
		fires:  in + "S: hello there\n",
		silent: in + "S: * OK hello there\n",
	},
	{
		name: "a continuation request for nothing", rule: rules.NothingAsked,
		fires:  in + "C: a NOOP\nS: + go\nS: a OK\n",
		silent: in + "C: a IDLE\nS: + go\nC: DONE\nS: a OK\n",
	},
	// numbers
	{
		name: "FETCH behind NOOP", rule: rules.AmbiguousPipelining, fact: "STORE 2 while b NOOP is under way",
		fires:  box + "C: a FETCH 1 FLAGS\nC: b NOOP\nC: c STORE 2 FLAGS ()\nS: a OK\nS: b OK\nS: c OK\n",
		silent: box + "C: a FETCH 1 FLAGS\nC: b STORE 2 FLAGS ()\nC: c SEARCH 1\nC: d NOOP\nS: a OK\nS: b OK\nS: * SEARCH\nS: c OK\nS: d OK\n",
	},
	{
		name: "COPY behind COPY", rule: rules.AmbiguousPipelining,
		fires:  box + "C: a COPY 1 x\nC: b COPY 2 x\nS: a OK\nS: b OK\n",
		silent: box + "C: a STORE 1 FLAGS ()\nC: b COPY 2 x\nC: c EXPUNGE\nS: a OK\nS: b OK\nS: c OK\n",
	},
	{
		name: "COPY and STORE of what a SEARCH saved", rule: rules.AmbiguousPipelining,
		fires:  box + "C: a SEARCH RETURN (SAVE) SEEN\nC: b COPY $ x\nC: c STORE 1 FLAGS ()\nS: a OK\nS: b OK\nS: c OK\n",
		silent: box + "C: a SEARCH RETURN (SAVE) SEEN\nC: b COPY $ x\nC: c STORE $ FLAGS ()\nS: a OK\nS: b OK\nS: c OK\n",
	},
	{
		name: "FETCH behind SELECT", rule: rules.AmbiguousPipelining,
		fires:  box + "C: a SELECT x\nC: b FETCH 1 FLAGS\nS: * 1 EXISTS\nS: a OK\nS: b OK\n",
		silent: box + "C: a SELECT x\nC: b UID FETCH 1 FLAGS\nS: * 1 EXISTS\nS: a OK\nS: b OK\n",
	},
	{
		name: "SEARCH of numbers behind NOOP", rule: rules.AmbiguousPipelining, fact: "UID SEARCH of sequence numbers while a NOOP is under way",
		fires:  box + "C: a NOOP\nC: b UID SEARCH NOT 1:3\nS: a OK\nS: * SEARCH\nS: b OK\n",
		silent: box + "C: a NOOP\nC: b UID SEARCH NOT UID 1:3\nS: a OK\nS: * SEARCH\nS: b OK\n",
	},
	{
		name: "a number from before EXPUNGE", rule: rules.StaleNumbers, fact: "FETCH 2,5, and there are 4 messages; there were 5",
		fires:  box + "C: a NOOP\nS: * 3 EXPUNGE\nS: a OK\nC: b FETCH 2,5 FLAGS\nS: b BAD\n",
		silent: box + "C: a NOOP\nS: * 3 EXPUNGE\nS: a OK\nC: b FETCH 2:4,9:* FLAGS\nS: b OK\n",
	},
	{
		name: "a number from before EXPUNGE, and new mail", rule: rules.StaleNumbers,
		fires:  box + "C: a EXPUNGE\nS: * 5 EXPUNGE\nS: * 4 EXPUNGE\nS: * 4 EXISTS\nS: a OK\nC: b STORE 5 FLAGS ()\nS: b BAD\n",
		silent: box + "C: a EXPUNGE\nS: * 5 EXPUNGE\nS: * 4 EXPUNGE\nS: * 6 EXISTS\nS: a OK\nC: b STORE 5 FLAGS ()\nS: b OK\n",
	},
	{
		name: "a number too high", rule: rules.NumberTooHigh, fact: "FETCH 1:6, and there are 5 messages",
		fires:  box + "C: b FETCH 1:6 FLAGS\nS: b BAD\n",
		silent: box + "C: b FETCH 1:5 FLAGS\nS: b OK\nC: c UID FETCH 1:999 FLAGS\nS: c OK\n",
	},
	{
		name: "EXPUNGE and no command", rule: rules.ExpungeMoment, fact: "EXPUNGE, and no command is under way",
		fires:  box + "S: * 1 EXPUNGE\n",
		silent: box + "C: a NOOP\nS: * 1 EXPUNGE\nS: a OK\n",
	},
	{
		name: "EXPUNGE during FETCH", rule: rules.ExpungeMoment, fact: "EXPUNGE during a FETCH",
		fires:  box + "C: a FETCH 1 FLAGS\nS: * 1 EXPUNGE\nS: a OK\n",
		silent: box + "C: a UID FETCH 1 FLAGS\nS: * 1 EXPUNGE\nS: a OK\n",
	},
	{
		name: "EXPUNGE between DONE and its result", rule: rules.ExpungeMoment,
		fires:  box + "C: a IDLE\nS: + go\nC: DONE\nS: a OK\nS: * 1 EXPUNGE\n",
		silent: box + "C: a IDLE\nS: + go\nS: * 1 EXPUNGE\nC: DONE\nS: * 1 EXPUNGE\nS: a OK\n",
	},
	{
		name: "VANISHED and no command", rule: rules.ExpungeMoment, fact: "VANISHED, and no command is under way",
		fires:  box + "S: * VANISHED 3:5\n",
		silent: box + "S: * VANISHED (EARLIER) 3:5\n",
	},
	{
		name: "EXPUNGE and NOTIFY", rule: rules.ExpungeMoment,
		fires:  box + "C: a NOTIFY NONE\nS: a BAD\nS: * 1 EXPUNGE\n",
		silent: box + "C: a NOTIFY SET (SELECTED (MessageNew MessageExpunge))\nS: a OK\nS: * 1 EXPUNGE\n",
	},
	// extensions
	{
		name: "not advertised", rule: rules.NotAdvertised, fact: "MOVE needs MOVE",
		fires:  box + "C: a MOVE 1 x\nS: a BAD\n",
		silent: box + "C: a UID EXPUNGE 1\nS: a OK\n",
	},
	{
		name: "advertised before the login", rule: rules.NotAdvertised,
		fires:  "S: * OK [CAPABILITY IMAP4rev1] hi\nC: l LOGIN u p\nS: l OK [CAPABILITY IMAP4rev1] in\nC: a IDLE\nS: a BAD\n",
		silent: "S: * OK [CAPABILITY IMAP4rev1 IDLE] hi\nC: l LOGIN u p\nS: l OK [CAPABILITY IMAP4rev1] in\nC: a IDLE\nS: a BAD\n",
	},
	{
		name: "part of IMAP4rev2", rule: rules.NotAdvertised, fact: "COMPRESS needs COMPRESS",
		fires:  "S: * OK [CAPABILITY IMAP4rev2] hi\nC: l LOGIN u p\nS: l OK in\nC: a COMPRESS DEFLATE\nS: a BAD\n",
		silent: "S: * OK [CAPABILITY IMAP4rev2] hi\nC: l LOGIN u p\nS: l OK in\nC: a NAMESPACE\nS: * NAMESPACE NIL NIL NIL\nS: a OK\n",
	},
	{
		name: "an item that was not advertised, once", rule: rules.NotAdvertised, fact: "MODSEQ needs CONDSTORE",
		fires:  box + "C: a UID FETCH 1 (FLAGS MODSEQ)\nS: a OK\nC: b UID FETCH 1 (FLAGS MODSEQ)\nS: b OK\n",
		silent: box + "C: a UID FETCH 1 (FLAGS BODY.PEEK[HEADER.FIELDS (MODSEQ)])\nS: a OK\n",
	},
	{
		name: "an option behind a literal", rule: rules.NotAdvertised, fact: "CONDSTORE needs CONDSTORE",
		fires:  in + "C: a SELECT {5+}\nC: INBOX (CONDSTORE)\nS: a NO\n",
		silent: in + "C: a SELECT {5+}\nC: INBOX\nS: a NO\n",
	},
	{
		name: "LIST with SPECIAL-USE refused", rule: rules.AdvertisedRefused, fact: "LIST with SPECIAL-USE",
		fires:  in + "C: a LIST \"\" * RETURN (SPECIAL-USE)\nS: a BAD\n",
		silent: in + "C: a LIST \"\" * RETURN (SPECIAL-USE)\nS: a OK\nC: b LIST \"\" SPECIAL-USE\nS: b BAD\n",
	},
	{
		name: "UID EXPUNGE refused", rule: rules.AdvertisedRefused, fact: "UID EXPUNGE",
		fires:  box + "C: a UID EXPUNGE 1\nS: a BAD\n",
		silent: box + "C: a UID EXPUNGE 1\nS: a NO [NOPERM] read only\n",
	},
	{
		name: "IDLE refused", rule: rules.AdvertisedRefused, fact: "IDLE", beside: "imap.idle-without-done",
		fires:  box + "C: a IDLE\nS: a BAD what\n",
		silent: box + "C: a IDLE\nS: + go\nC: b NOOP\nS: a BAD expected DONE\n",
	},
	{
		name: "no revision", rule: rules.NoBaseCapability,
		fires: "S: * OK [CAPABILITY IDLE] hi\n", silent: "S: * OK [CAPABILITY imap4REV1] hi\n",
	},
	{
		name: "STARTTLS offered inside TLS", rule: rules.StartTLSInsideTLS,
		fires: "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hi\n", silent: "S: * OK [CAPABILITY IMAP4rev1] hi\n",
	},
	{
		name: "LITERAL+ and LITERAL-", rule: rules.BothLiterals,
		fires: "S: * OK [CAPABILITY IMAP4rev1 LITERAL+ LITERAL-] hi\n", silent: "S: * OK [CAPABILITY IMAP4rev1 LITERAL+] hi\n",
	},
	// literals
	{
		name: "a literal that does not wait", rule: rules.LiteralNotOffered, fact: "{1+}", beside: "imap.capability-space",
		fires:  "S: * OK [CAPABILITY IMAP4rev1] hi\nC: l LOGIN u {1+}\nC: p\nS: l OK\n",
		silent: "S: * OK [CAPABILITY IMAP4rev1 LITERAL +] hi\nC: l LOGIN u {1+}\nC: p\nS: l OK\n",
	},
	{
		name: "a literal too long", rule: rules.LiteralTooLong, fact: "{4097+}",
		fires:  in + "C: a APPEND x {4097+}\nC: " + strings.Repeat("x", 4097) + "\nS: a OK\n",
		silent: in + "C: a APPEND x {4096+}\n" + times(63, "C: X: "+strings.Repeat("x", 59)+"\n") + "C: X: " + strings.Repeat("x", 61) + "\nS: a OK\n",
	},
	{
		name: "a literal that nobody asked for", rule: rules.LiteralNotAwaited, fact: "3 octets",
		fires:  in + "C: a APPEND x {3}\nC: abc\nS: + go\nS: a OK\n",
		silent: in + "C: a APPEND x {4}\nS: + go\nC: A: b {4}\nS: + go\nC: C: d\nS: a OK\n",
	},
	// order
	{
		name: "a command in IDLE", rule: rules.IdleInterrupted, fact: "a IDLE is under way",
		fires:  box + "C: a IDLE\nS: + go\nC: b NOOP\nS: a BAD\n",
		silent: box + "C: a IDLE\nS: + go\nC: DONE\nC: b NOOP\nS: a OK\nS: b OK\n",
	},
	{
		name: "SERVERBUG", rule: rules.ServerBug, fact: "SEARCH",
		fires:  box + "C: a SEARCH ALL\nS: a NO [SERVERBUG] oops\n",
		silent: box + "C: a SEARCH ALL\nS: a NO [CANNOT] oops\n",
	},
	{
		name: "CLIENTBUG", rule: rules.ClientBug, fact: "STATUS",
		fires:  box + "C: a STATUS INBOX (MESSAGES)\nS: * STATUS INBOX (MESSAGES 5)\nS: a OK [CLIENTBUG] done\n",
		silent: box + "C: a STATUS INBOX (MESSAGES)\nS: * STATUS INBOX (MESSAGES 5)\nS: a OK done\n",
	},
	{
		name: "BYE without end", rule: rules.RepeatedBye,
		fires:  in + "S: * BYE 1\nS: * BYE 2\nS: * BYE 3\nS: * BYE 4\n",
		silent: in + "S: * BYE idle for too long\nC: z LOGOUT\nS: * BYE bye\nS: z OK\n",
	},
	{
		name: "LOGOUT without BYE", rule: rules.NoBye,
		fires: in + "C: z LOGOUT\nS: z OK bye\n", silent: in + bye,
	},
	{
		name: "ENABLE without ENABLED", rule: rules.ResponseMissing, fact: "no ENABLED came",
		fires:  in + "C: a ENABLE CONDSTORE\nS: a OK\n",
		silent: in + "C: a ENABLE CONDSTORE\nS: * ENABLED\nS: a OK\n",
	},
	{
		name: "SEARCH without SEARCH", rule: rules.ResponseMissing, fact: "no SEARCH came",
		fires:  box + "C: a UID SEARCH 1\nS: a OK\n",
		silent: box + "C: a UID SEARCH RETURN (SAVE) 1\nS: a OK\nC: b SEARCH 1\nS: * ESEARCH (TAG \"b\")\nS: b OK\n",
	},
	{
		name: "two greetings", rule: rules.SeveralGreetings,
		fires: "S: * OK wait\nS: * OK ready\n", silent: "S: * OK ready\n",
	},
	// habits
	{
		name: "header fields without PEEK", rule: rules.HabitSetsSeen,
		fires:  box + times(5, "C: f# FETCH 1:5 BODY[HEADER.FIELDS (FROM)]\nS: f# OK\n"),
		silent: box + times(5, "C: f# FETCH 1:5 (RFC822.SIZE RFC822.HEADER BODY.PEEK[HEADER.FIELDS (FROM)])\nS: f# OK\n"),
	},
	{
		name: "bodies without PEEK", rule: rules.HabitSetsSeen,
		fires:  box + times(25, "C: f# UID FETCH # (FLAGS BODY[])\nS: f# OK\n"),
		silent: in + "C: s EXAMINE x\nS: * 30 EXISTS\nS: s OK [READ-ONLY]\n" + times(25, "C: f# UID FETCH # (FLAGS BODY[])\nS: f# OK\n"),
	},
	{
		name: "one message a FETCH", rule: rules.HabitOneByOne,
		fires:  box + times(25, "C: f# UID FETCH # (FLAGS ENVELOPE)\nS: f# OK\n"),
		silent: box + times(25, "C: f# UID FETCH #:* (FLAGS ENVELOPE)\nS: f# OK\nC: g# UID FETCH # BODY.PEEK[]\nS: g# OK\n"),
	},
	{
		name: "NOOP, and IDLE is offered", rule: rules.HabitPolling,
		fires:  box + times(10, "C: n# NOOP\nS: n# OK\n"),
		silent: box + times(10, "C: n# NOOP\nS: n# OK\nC: f# UID FETCH #:* FLAGS\nS: f# OK\n"),
	},
	{
		name: "NOOP, and IDLE is not offered", rule: rules.HabitPolling,
		fires:  "S: * OK [CAPABILITY IMAP4rev2] hi\nC: l LOGIN u p\nS: l OK\nC: s SELECT x\nS: s OK\n" + times(10, "C: n# NOOP\nS: n# OK\n"),
		silent: "S: * OK [CAPABILITY IMAP4rev1] hi\nC: l LOGIN u p\nS: l OK\nC: s SELECT x\nS: s OK\n" + times(10, "C: n# NOOP\nS: n# OK\n"),
	},
	{
		name: "all mailboxes again", rule: rules.HabitListAgain,
		fires:  in + times(6, "C: f# LIST \"\" *\nS: f# OK\n"),
		silent: in + times(6, "C: f# LIST \"\" \"*\"\nS: f# OK\nC: g# CREATE b#\nS: g# OK\n"),
	},
	{
		name: "the same mailbox again", rule: rules.HabitSelectAgain,
		fires:  box + times(6, "C: s# SELECT INBOX\nS: * 5 EXISTS\nS: s# OK\n"),
		silent: box + times(6, "C: s# SELECT b#\nS: * 5 EXISTS\nS: s# OK\n"),
	},
	{
		name: "CAPABILITY again", rule: rules.HabitCapabilityAgain,
		fires:  capable + times(6, "C: c# CAPABILITY\nS: * CAPABILITY IMAP4rev1\nS: c# OK\n"),
		silent: "S: * OK hi\nC: c CAPABILITY\nS: * CAPABILITY IMAP4rev1\nS: c OK\nC: l LOGIN u p\nS: l OK\nC: d CAPABILITY\nS: * CAPABILITY IMAP4rev1\nS: d OK\n",
	},
	{
		name: "SEARCH ALL", rule: rules.HabitSearchAll,
		fires:  box + times(6, "C: s# UID SEARCH ALL\nS: * SEARCH 1\nS: s# OK\n"),
		silent: box + times(6, "C: s# UID SEARCH UNSEEN\nS: * SEARCH 1\nS: s# OK\n"),
	},
	{
		name: "logins again and again", rule: rules.HabitLoginAgain,
		fires:  capable + times(5, "C: a# LOGIN u p\nS: a# NO\n"),
		silent: capable + times(2, "C: a# LOGIN u p\nS: a# NO\n") + "C: b LOGIN u p\nS: b OK\n",
	},
	{
		name: "the same message again", rule: rules.HabitFetchAgain,
		fires:  box + times(6, "C: f# UID FETCH 7 (UID BODY.PEEK[])\nS: f# OK\n"),
		silent: box + times(6, "C: f# UID FETCH # (UID BODY.PEEK[])\nS: f# OK\nC: g# FETCH 1 BODY.PEEK[]\nS: g# OK\nC: h# NOOP\nS: * 1 EXPUNGE\nS: * 5 EXISTS\nS: h# OK\n"),
	},
	{
		name: "a long IDLE", rule: rules.HabitLongIdle,
		fires:  box + "C: i IDLE\nS: + go\nWAIT 31m\nC: DONE\nS: i OK\n",
		silent: box + "C: i IDLE\nS: + go\nWAIT 28m\nC: DONE\nS: i OK\n",
	},
}

// times repeats a dialogue, # being the number of the turn.
func times(n int, dialogue string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(dialogue, "#", strings.Repeat("1", i/9)+string(rune('1'+i%9))))
	}
	return b.String()
}
