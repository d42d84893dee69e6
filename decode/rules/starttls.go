package rules

import "github.com/mailtrace/mailtrace/decode"

// How TLS begins on a connection in the clear, and what may not survive it. Both protocols
// share these rules.
var (
	CommandInjection = define(Rule{
		ID: "starttls.command-injection", Severity: decode.Error, Ref: "RFC 9051 §6.2.1",
		Text: "octets follow STARTTLS in the clear; a server that keeps them would take them for commands inside TLS",
		Seen: "CVE-2011-0411, CVE-2021-33515, CVE-2021-38084",
	})
	ResponseInjection = define(Rule{
		ID: "starttls.response-injection", Severity: decode.Error, Ref: "RFC 9051 §6.2.1",
		Text: "octets follow the OK to STARTTLS in the clear; a client that keeps them would take them for responses inside TLS",
		Seen: "CVE-2020-14954, CVE-2020-15685, CVE-2021-38371",
	})
	EarlyTagged = define(Rule{
		ID: "starttls.early-tagged", Severity: decode.Error, Ref: "RFC 9051 §6.2.1",
		Text: "the answer to STARTTLS came before the command was whole: somebody else may have written it",
		Seen: "CVE-2026-42246",
	})
)
