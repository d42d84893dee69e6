package rules

import "github.com/mailtrace/mailtrace/decode"

// How TLS begins on a connection in the clear, and what may not survive it. Both protocols
// share these rules.
var (
	CommandInjection = define(Rule{
		ID: "starttls.command-injection", Severity: decode.Error, Ref: "RFC 9051 §6.2.1, RFC 2595 §4",
		Text: "octets follow STARTTLS in the clear; a server that keeps them would take them for commands inside TLS",
		Seen: "CVE-2011-0411, CVE-2021-33515, CVE-2021-38084",
	})
	ResponseInjection = define(Rule{
		ID: "starttls.response-injection", Severity: decode.Error, Ref: "RFC 9051 §6.2.1, RFC 2595 §4",
		Text: "octets follow the OK to STARTTLS in the clear; a client that keeps them would take them for responses inside TLS",
		Seen: "CVE-2020-14954, CVE-2020-15685, CVE-2021-38371",
	})
	EarlyTagged = define(Rule{
		ID: "starttls.early-tagged", Severity: decode.Error, Ref: "RFC 9051 §6.2.1, RFC 2595 §4",
		Text: "the answer to STARTTLS came before the command was whole: somebody else may have written it",
		Seen: "CVE-2026-42246",
	})
	Stripped = define(Rule{
		ID: "starttls.stripped", Severity: decode.Warning, Ref: "RFC 9051 §11.3, RFC 2595 §9",
		Text: "STARTTLS is not on the list of capabilities where it should be, as if somebody on the way took it off, and the client logs in without TLS all the same",
		Seen: "OfflineIMAP #669; firewalls that overwrite the capability with XXXXXXXA",
	})
	RefusedContinue = define(Rule{
		ID: "starttls.refused-continue", Severity: decode.Warning, Ref: "RFC 9051 §11.1, RFC 2595 §9",
		Text: "the server refused STARTTLS and the client sends its password in the clear all the same: whoever can forge a NO gets it",
	})
	PreauthInClear = define(Rule{
		ID: "starttls.preauth", Severity: decode.Warning, Ref: "RFC 9051 §7.1.4",
		Text: "the greeting says that the client is logged in already, in the clear: STARTTLS is impossible from here on, so whoever can forge a greeting keeps TLS away",
		Seen: "CVE-2020-12398, CVE-2020-14093, CVE-2021-39272",
	})
	UntaggedBeforeTLS = define(Rule{
		ID: "starttls.untagged-before-tls", Severity: decode.Error, Ref: "RFC 9051 §11.3",
		Text: "mailbox data came in the clear before TLS and login; a client that keeps it shows what somebody else may have written",
		Seen: "CVE-2021-29969",
	})
	ReferralBeforeTLS = define(Rule{
		ID: "referral.before-tls", Severity: decode.Note, Ref: "RFC 2221 §6",
		Text: "a referral came without TLS: whoever wrote it chooses the server that gets the login",
	})
	AlertBeforeTLS = define(Rule{
		ID: "alert.before-tls", Severity: decode.Note, Ref: "RFC 9051 §7.1",
		Text: "an alert for the user came without TLS: the client should ignore it, since anybody may have written it",
	})
	NotRefreshed = define(Rule{
		ID: "capability.not-refreshed", Severity: decode.Warning, Ref: "RFC 9051 §6.2.1, RFC 2595 §4",
		Text: "the client relies on capabilities that it learned before TLS, where they could be forged, and did not ask again",
		Seen: "nodemailer #1835",
	})
)
