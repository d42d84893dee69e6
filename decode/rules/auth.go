package rules

import "github.com/mailtrace/mailtrace/decode"

// How a client proves who it is. Both protocols share the first three.
var (
	CleartextAuth = define(Rule{
		ID: "auth.cleartext", Severity: decode.Warning, Ref: "RFC 8314 §4.1, RFC 2595 §2.3",
		Text: "a password or token goes over the network in the clear, for anybody on the way to read",
	})
	AuthFixation = define(Rule{
		ID: "auth.fixation", Severity: decode.Error, Ref: "RFC 9051 §6.2.1",
		Text: "who logged in before TLS is logged in behind it too: an attacker can have a client work in the attacker's mailbox",
		Seen: "CVE-2021-37845",
	})
	ChannelBinding = define(Rule{
		ID: "auth.channel-binding", Severity: decode.Warning, Ref: "RFC 5802 §6",
		Text: "this login is bound to one TLS connection and there are two of them through a proxy, so that it must fail; --hide-capability 'AUTH=*-PLUS' takes the offer away",
	})
	ChannelBindingOffered = define(Rule{
		ID: "auth.channel-binding-offered", Severity: decode.Note, Ref: "RFC 5802 §6",
		Text: "the server offers logins bound to one TLS connection, which cannot succeed through a proxy; --hide-capability 'AUTH=*-PLUS' takes the offer away",
	})
	LoginDisabled = define(Rule{
		ID: "auth.login-disabled", Severity: decode.Warning, Ref: "RFC 9051 §6.2.3",
		Text: "the server said LOGINDISABLED and the client sent LOGIN all the same",
	})
	MechanismNotOffered = define(Rule{
		ID: "auth.mechanism-not-offered", Severity: decode.Note, Ref: "RFC 9051 §6.2.2, RFC 5034 §3",
		Text: "the client asks for an authentication mechanism that is not on the server's list",
	})
	InitialResponse = define(Rule{
		ID: "auth.initial-response", Severity: decode.Warning, Ref: "RFC 4959 §3",
		Text: "the client sends an initial response to a server that did not say SASL-IR",
	})
)
