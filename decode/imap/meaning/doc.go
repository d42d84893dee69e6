// Package meaning gives the events of an IMAP session their meaning: typed details, the
// mailbox behind them, and findings. It sees what the session found out, in order, and never
// an octet before framing did.
//
//	session ──*decode.Event──► Analyst ──logical line──► grammar.Parser
//	                             │  │                         │
//	                             │  ├──► mailbox model ◄──────┤ what changed
//	                             │  └──► conduct, habits ◄────┘ what is worth a finding
//	                             ▼
//	                   Detail, Findings on the event
//
// A mistake in here costs meaning and nothing else: the session goes on without the Analyst.
//
// # Logical lines
//
// A command or response with literals comes as several events. Its text and the content of its
// literals, where that is neither a message nor a secret, are put together to one line; what it
// means stands on its last event. A line without a literal is read where it stands.
//
// # The mailbox
//
// From what went by alone, nothing being asked of the server:
//
//	            SELECT, EXAMINE                     OK
//	no mailbox ────────────────► a box being opened ────► the selected box
//	     ▲                            │ NO                  │  EXISTS: more messages, no UIDs yet
//	     └────────────────────────────┴── CLOSE, UNSELECT, ─┤  FETCH: the UID, flags, size of a number
//	                                      SELECT, LOGOUT    │  EXPUNGE, VANISHED: numbers move down
//	                                                        └─ octets lost: what is known is forgotten
//
// Data belong to the box being opened while its SELECT is the oldest command under way, or the
// server said CLOSED (RFC 9051 §7.1), and to the selected one otherwise.
//
// # Bounds
//
// A mailbox takes 6 octets a message of which something is known, and 4 more where its size is,
// in blocks of 512: 10 MiB for 2^20 messages. Of a larger one only the number of messages is
// followed, and a note says so. 9 keywords of a mailbox have a bit, 1,000 mailboxes of a
// connection are remembered by UIDVALIDITY, UIDNEXT and HIGHESTMODSEQ, and the part trees of the
// 64 messages that were described last. A VANISHED response of more than 1,000 ranges ends the
// knowledge of UIDs, as does a contradiction, which is said once. A rule is found at most twenty
// times on a connection, since what is wrong may be so with every line.
package meaning
