// Package decode turns the two octet streams of a mail connection into
// annotated protocol events. It is sans-I/O: no sockets, no files, no clock; the
// caller brings octets and the time at which they came.
//
//	             octets + time                      octets + time
//	client ───────────────────────┐      ┌─────────────────────── server
//	                              ▼      ▼
//	  marks (open, tls, …) ──►  Trace ──► Guard ──► Session (imap, pop3)
//	                              │                    │
//	                   []Event, in wire order      Octets, in wire order:
//	                   (Sequencer numbers them)    what a recorder may keep
//
// A Trace follows one connection, layer upon layer; a Session understands one
// protocol; Guard stands between them, so that a mistake in a decoder costs
// events and never octets. Parsing has two stages. Framing (lines, literals,
// dot-stuffed bodies) must hold up whatever the peers send; meaning may fail
// without hurting it. What a peer sent wrongly is an event, never an error.
//
// Events are equal however the octets of one direction's run were cut into
// writes, but for the times. Memory is bounded by Limits.
//
// # Secrets
//
// A Session emits through Options.Tap every octet of the cleartext stream once,
// in order, and overwrites passwords, SASL responses and tokens with the letter x
// of the same length. A client octet is emitted in clear only once the grammar
// proves that it is harmless. Event texts carry the same filler.
//
// # Departures
//
// The number of an event is given by the Sequencer, when it is published, since
// only the publisher knows the order of several connections; an event refers to
// its command through a shared *Command instead. Events that no octet carries
// (connections, TLS, edits, losses) come from Marks, which a capture keeps as
// comments, so that one code path serves the wire and the capture.
//
// With Options.Unseen the events that nobody would see need not be equal however the octets are
// cut: a FETCH row that is like the one before has none, if it lies whole in a write. Findings, totals
// and all other events are (decode/imap, TestUnseenFindsTheSame).
package decode
