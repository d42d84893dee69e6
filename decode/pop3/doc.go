// Package pop3 decodes POP3: RFC 1939, RFC 2449 (CAPA), RFC 2595 (STLS), RFC 5034 (AUTH)
// and RFC 6856 (UTF8, LANG).
//
// # The client's direction
//
//	line ──► command ────────────► queue of the commands that are not answered
//	     ├─► no command (answered ─► the same queue
//	     │   all the same)
//	     ├─► SASL response, "*"    while an AUTH is under way, or behind "+"
//	     └─► STLS: parked until the server answers
//
// # The server's direction
//
//	            ┌──────────── line "." ◄── lines of a listing ◄───┐
//	            ▼                                                 │ +OK to CAPA, LIST, UIDL, …
//	greeting ─► status line ── answers the oldest in the queue ───┤
//	            ▲                                                 │ +OK to RETR, TOP
//	            └── CRLF "." CRLF ◄── dot-stuffed message ◄───────┘
//
// # States (RFC 1939 §3)
//
//	greeting ──► AUTHORIZATION ──+OK to PASS, APOP, AUTH──► TRANSACTION ──QUIT──► UPDATE
//	                 ▲                                                             │
//	                 └── STLS, then TLS: AUTHORIZATION again          server closes
//
// UPDATE is entered when QUIT is the next command that the server deals with, which under
// pipelining is later than when the client sent it.
//
// # Secrets
//
// What of a client line may be recorded in clear is decided by classify, and by nothing
// that has to be filled; so a filled line is classified like the original. A line is held
// until it is whole. Three things make it go earlier: it is longer than 16 KiB, the
// server answers it before its end, or TLS begins in its midst; then all behind a keyword
// is filled, and so is the rest. While a secret is under way the server's status lines are
// held until they are whole, and a secret in them is filled.
//
// # Way back
//
// A line that stands where a status line is due is a desync event; lines are skipped up
// to the next +OK or -ERR. A status line among the lines of a listing ends the listing
// where a command waits for an answer. After octets were lost (Gap) the server's lines
// are skipped up to a status line, the client's up to a known command.
package pop3
