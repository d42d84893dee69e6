// Package oauth gets OAuth 2 access tokens for a mail account, from an issuer that the user has
// registered a client with (RFC 6749).
//
//	         ┌─ valid ──────────────────────────────────────────► access token
//	kept ────┼─ expired ─► refresh ─┬─ granted ─► kept ──────────────► ▲
//	         └─ none ───────┐       └─ refused (invalid_grant)         │
//	                        ▼            │                             │
//	              consent: browser ◄─────┘  ─► code, or device code ─► granted, kept
//
// Consent is given in a browser: on this machine by a redirect to a loopback address, with PKCE and a
// state that has to come back (RFC 8252, RFC 7636); elsewhere by a code that the user types in (RFC
// 8628), where the issuer offers that and there is no browser here. Google refuses scopes of mail in
// the device flow, so it is never tried there.
//
// Tokens are kept in a file each that only the user can read, named by issuer, client and user, and are
// never part of an error or of what is said.
package oauth
