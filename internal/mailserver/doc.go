// Package mailserver is a small POP3 and IMAP server over one store for both: what
// "mailtrace serve" runs over a Maildir, an mbox or the demo's messages, what "mailtrace
// demo" talks to, and what tests play scripts against.
//
//	          ┌─ ServePOP3 ─► pop3Session ── maildrop: the messages of INBOX at login ─┐
//	listener ─┤                                                                        ├─► Store ─► keeper
//	          └─ ServeIMAP ─► imapserver ─► imapSession ── view: what the client knows ┘            memory, maildir, mbox
//
// Both protocols see the same messages under the same UIDs: a UIDL is made of UID and
// UIDVALIDITY, a DELE that QUIT carries out is an EXPUNGE for IMAP, and the other way
// round. In memory octets are kept exactly as they came; from files lines come with CRLF.
//
// An IMAP session has no queue of updates. It keeps a view, the list of messages as the
// client numbers them with the version of the flags it was told, and every poll tells the
// difference between the view and the mailbox (RFC 9051 §7.5). So nothing can be lost
// between a command and IDLE, and sequence numbers need no translation.
//
// A keeper is asked before the store changes: what it refuses has not happened. What others
// do to a Maildir is taken in at SELECT, STATUS, before each completion, once a second in
// IDLE, and when a file is not where it was. UIDs are on disk before a client hears of
// them; uids.go says how. A folder that others make while we run is seen by the next run,
// and one server at a time is all that a Maildir is for: nothing locks it, but one that finds
// its file with UIDs changed gives no more of them.
//
// The IMAP protocol itself is go-imap's imapserver. It knows no COMPRESS and no
// CONDSTORE, and LITERAL- in place of LITERAL+; ID and a SELECT that says READ-ONLY are
// added at the connection (imapconn.go). Its greeting is fixed; the texts of its responses
// are part of goldens that were made with it.
//
// The store in memory is deterministic: UIDVALIDITY and the clock can be given, and nothing
// else depends on time or chance.
package mailserver
