// Package interop tests mailtrace between real mail clients and a real server. It holds
// tests only, behind the build tag interop, because they need programs that a Go
// installation does not bring:
//
//	go test -tags interop ./internal/interop/...
//
// Programs: dovecot 2.3 with its IMAP and POP3 parts, mpop, mbsync, curl, python3, tshark,
// unshare. One that is missing fails the run; nothing is skipped.
//
//	           ┌─────────────── direct ────────────────┐
//	client ────┤                                       ├──► Dovecot, on loopback, started here
//	           └──► mailtrace proxy ──────────────────┘
//	                   │ stdout (JSON), stderr, capture
//	                   └──► searched for passwords, read by tshark and by mailtrace show
//
// Every client fetches the same mailboxes once directly and once through the proxy, and the
// mail on disk must be equal octet for octet. What is set aside is only what a client itself
// varies from run to run: the names of Maildir files (mpop, mbsync) and the X-TUID line that
// mbsync adds to each message that it stores.
//
// Everything that is started dies with the test process, however that ends.
//
// Environment:
//
//	MAILTRACE_SAMPLES=dir   refresh the small redacted captures in dir
//	MAILTRACE_RACE=1        build mailtrace with the race detector
//	MAILTRACE_KEEP=dir      keep each run's capture, stdout and stderr there
package interop
