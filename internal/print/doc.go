// Package print shows events: as text for people, as JSON Lines for programs.
//
//	proxy ──► Queue ──┐ (own goroutine, never blocks, drops what a stalled output cannot take)
//	                  ├──► Printer: Text, JSON, None ──► one Write a batch
//	show ─────────────┘
//
// The live proxy and the printing of a capture use the same Printer, so their output
// is equal. JSON has no state: an event is a line. Text keeps a little for each
// connection, bounded, and drops it when the connection closes:
//
//	held                       until
//	opening rule               anything else happens (a failed handshake makes one line of both)
//	like rows 4 and later      the run ends; then "… n more" and the last 3
//	status line of a listing   its last line came
//	parts of a message         its literal or body ended
//	note of a literal          the line that goes on behind it
//
// A lull of a second between two events of a connection lets go of held rows, except
// for parts and notes of literals. Time in events decides that, so a capture prints as
// it did live; live, Queue lets go when the lull is there.
//
// # Terminal safety
//
// No octet of the wire reaches the output raw unless it is part of a printable rune.
// Everything else, escape sequences and bidirectional controls included, is shown as
// \xNN, in notes, names and findings too.
//
// # Protocols
//
// The printer knows nothing of what a protocol's words mean: Options.Notes says it. What
// lies inside a reply comes through two interfaces that a Detail may have, rows and
// remarks. The one table of commands here (follow.go) says which status lines announce
// a listing or a body, so that a listing is one row and a body begins with one.
//
// # Departures
//
// Wire text without a note may use the whole line, since nothing needs the room. Of
// pipelined commands the second and later ones say so, not the first: when it is
// printed nobody knows yet what follows. Verbose prints every one of like rows.
package print
