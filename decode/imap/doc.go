// Package imap decodes IMAP: RFC 3501, RFC 9051 and their extensions.
//
// # The client's direction
//
//	       ┌───────────────────────────────────────────────────────────┐
//	       ▼                                                           │
//	command line ──{n}──► literal pending ──octets──► counted octets ──┤ rest of the line
//	  │  ▲  ▲                  │ tagged NO or BAD                      │ (may announce again)
//	  │  │  └──────────────────┘ (refused: no octets follow)           │
//	  │  └── SASL response, "*", DONE                                  ▼
//	  ├── AUTHENTICATE open: what is not tag and known command is a SASL response
//	  ├── IDLE open: DONE
//	  └── STARTTLS: parked until the server answers
//
// # The server's direction
//
//	greeting ──► line ──► untagged │ continuation request │ completion result │ malformed
//	               ▲          │ {n} at the end, where it is no resp-text
//	               └──────────┴── counted octets, then the rest of the line
//
// # States (RFC 9051 §3)
//
//	greeting OK ──► not authenticated ──LOGIN, AUTHENTICATE──► authenticated ──SELECT──► selected
//	greeting PREAUTH ─────────────────────────────────────────►      ▲   CLOSE, UNSELECT,   │
//	BYE, LOGOUT from anywhere ──► logout                             └──── failed SELECT ───┘
//
// # Meaning
//
// The session itself is framing, attribution, states and secrets. Each event then passes the
// Analyst of package meaning once, in order, which puts the typed Detail on the last event of a
// logical line, what the mailbox behind it tells, and findings. Its failure costs no event:
//
//	octets ──► session ──events──► Analyst ──the same events──► caller
//	                                  │ a panic
//	                                  └──► a note says so, and it is left out from there on
//
// A Literal event of what is neither message content nor a secret carries the octets as its
// Text, so that a logical line can be put together from events: at most Limits.Line a line.
//
// # Attribution
//
// An untagged response belongs to the oldest command under way that asks for such data,
// otherwise to the oldest one under way; a continuation request to the oldest one that
// waits for it. The protocol itself does not say (RFC 9051 §5.5 allows only what is
// unambiguous).
//
// # Secrets
//
// Of the client only a tag, a known command and what the grammar gives it are shown. How much
// of other lines is depends on the doubt there is:
//
//	no doubt ──LOGIN, AUTHENTICATE, UNAUTHENTICATE──► wary ──literal refused, quotes──► suspicious
//	   ▲                                              │ ▲    unfinished, octets lost        │
//	   └────────────── logged in, PREAUTH ◄───────────┘ └────────── known command ◄─────────┘
//	shows of an unknown command:
//	   tag and name                                   tag                              nothing
//
// What a server repeats is filled in the text of status responses, in lines that the grammar
// does not know and in the place of tags that no command has, until a command that began
// behind the secret is complete (or the secret's own, if it succeeded). A line longer than
// Limits.Line is decided by its beginning.
//
// # Compression
//
// STARTTLS behind COMPRESS (RFC 4978 §3 allows it, the layers being ordered) is decoded as an
// ordinary command: the TLS records behind its OK end decoding, since nobody is known to
// send that.
//
// # Way back
//
// A line that fits no grammar is a malformed event and framing goes on with the next
// line. After octets were lost (Gap), and where a capture begins in mid-session, lines are
// skipped until one is a response, or a known command.
package imap
