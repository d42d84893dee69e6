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
// # Attribution
//
// An untagged response belongs to the oldest command under way that asks for such data,
// otherwise to the oldest one under way; a continuation request to the oldest one that
// waits for it. The protocol itself does not say (RFC 9051 §5.5 allows only what is
// unambiguous).
//
// # Way back
//
// A line that fits no grammar is a malformed event and framing goes on with the next
// line. After octets were lost (Gap) lines are skipped until one is a response, or a
// known command.
package imap
