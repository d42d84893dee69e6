// Package mailserver is a small POP3 and IMAP server over one store in memory, with a dozen
// varied messages: what "mailtrace demo" talks to, and what tests play scripts against.
//
//	          ┌─ ServePOP3 ─► pop3Session ── maildrop: the messages of INBOX at login ─┐
//	listener ─┤                                                                        ├─► Store
//	          └─ ServeIMAP ─► imapserver ─► imapSession ── view: what the client knows ┘
//
// Both protocols see the same messages under the same UIDs: a UIDL is made of UID and
// UIDVALIDITY, a DELE that QUIT carries out is an EXPUNGE for IMAP, and the other way
// round. Octets of messages are kept exactly as they came.
//
// An IMAP session has no queue of updates. It keeps a view, the list of messages as the
// client numbers them with the version of the flags it was told, and every poll tells the
// difference between the view and the mailbox (RFC 9051 §7.5). So nothing can be lost
// between a command and IDLE, and sequence numbers need no translation.
//
// The IMAP protocol itself is go-imap's imapserver. Its greeting is fixed; the texts of
// its responses are part of goldens that were made with it.
//
// The store is deterministic: UIDVALIDITY and the clock can be given, and nothing else
// depends on time or chance.
package mailserver
