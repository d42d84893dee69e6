// Package interop tests mailtrace between real mail clients and real servers. It holds
// tests only, behind the build tag interop, because they need programs that a Go
// installation does not bring:
//
//	go test -tags interop ./internal/interop/...
//
// Programs: dovecot 2.3 with its IMAP and POP3 parts, mpop, mbsync, fetchmail, getmail, curl,
// python3, tshark, unshare; Cyrus and Courier as .ci/peers unpacks them. One that is missing
// fails the run; nothing is skipped.
//
//	           ┌─────────────── direct ────────────────┐
//	client ────┤                                       ├──► Dovecot, Cyrus or Courier,
//	           └──► mailtrace proxy ──────────────────┘     on loopback, started here
//	                   │ stdout (JSON), stderr, capture
//	                   └──► searched for passwords, read by tshark and by mailtrace show
//
// Every client fetches the same mailboxes once directly and once through the proxy, and the
// mail on disk must be equal octet for octet. What is set aside is only what a client itself
// varies from run to run: the names of Maildir files (mpop, mbsync) and the X-TUID line that
// mbsync adds to each message that it stores, and the boundary under which Courier's POP3
// server wraps a message with UTF-8 in its header.
//
// Cyrus and Courier run in mount and process namespaces of their own: Courier looks for its
// files below /etc and /run alone, and neither ends all of its processes when it is killed.
//
// A session between a client and a server has no finding above note that is not among
// permissions, each of which names the RFC that bears it out; -v prints a table of all that
// was found.
//
// Everything that is started dies with the test process, however that ends.
//
// Environment:
//
//	MAILTRACE_SAMPLES=dir   refresh the small redacted captures in dir
//	MAILTRACE_RACE=1        build mailtrace with the race detector
//	MAILTRACE_PEERS=dir     where Cyrus and Courier are unpacked
//	MAILTRACE_KEEP=dir      keep each run's capture, stdout and stderr there
package interop
