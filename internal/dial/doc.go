// Package dial reaches a mail server from a URL: it parses the URL, connects, verifies,
// does the STARTTLS exchange where the scheme asks for one, and explains what went wrong in
// words that a user can act on. It knows nothing of the protocols beyond the greeting,
// STARTTLS/STLS and a polite goodbye.
//
//	Parse ──► URL ──► Config.Dial
//	                   │
//	                   ├─ Config.TCP ─────────────── resolve, connect
//	                   ├─ imap+starttls, pop3+starttls:
//	                   │    Config.StartTLS ──────── greeting, STARTTLS, its completion; all
//	                   │                             lines observed, nothing read beyond
//	                   ├─ Config.Handshake ───────── tls
//	                   ▼
//	                  Conn, or an *Error with stage, alert and hint
//
// The steps are exported one by one too, for the proxy puts its own work between them.
// [Config.Probe] is all of them, the greeting and LOGOUT/QUIT: does this server answer?
//
// A URL is
//
//	imap imaps imap+starttls pop3 pop3s pop3+starttls ://[user@]host[:port][/mailbox]
//
// It never carries a password: one that is found is refused, and neither an error nor
// [URL.String] repeats it. To tell a password that holds "/" or "@" from a mailbox name, "@"
// is percent-encoded everywhere but before the host.
//
// A certificate must be valid for the URL's host and lead to a root of the system or to one of
// Config.Roots. Both are tried, the extra ones first: a pool cannot be read back, so the two
// cannot be joined beforehand, and on some systems the system's roots are no pool at all.
//
// Timeouts bound connecting, the STARTTLS exchange, the handshake and a probe's greeting,
// each by itself. They leave no deadline behind on the connection: an IDLE may last.
package dial
