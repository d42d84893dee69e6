// Package watch tells what happens in a mailbox or a maildrop, as it happens.
//
//	IMAP  connect ──► EXAMINE ──► flags of all ──► compared with before ──► IDLE ◄─► news told
//	         ▲                                                               │ 28 min: renewed
//	         └──── backoff ◄──── connection lost ◄───────────────────────────┘ no IDLE: NOOP now and then
//
//	POP3  connect ──► UIDL ──► compared with before ──► QUIT ──► pause ──► connect …
//
// What happened while there was no connection comes out of the comparison, so that nothing is told twice
// and nothing is missed. Nothing in the mailbox is changed: it is opened by EXAMINE.
package watch
