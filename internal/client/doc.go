// Package client is a mail client for IMAP and POP3 over the decoders: a command is sent, and what the
// server says comes back as the decoder's events. So vendor extensions are no obstacle, odd servers are
// understood where the proxy understands them, and whoever watches sees the same events.
//
//	Command ──► say ──► decode.Trace (client's side) ──► the wire
//	                                                       │
//	on, done ◄── see ◄── dispatch ◄── events ◄── decode.Trace (server's side) ◄── pump
//	               │         └── octets of a literal or a multi-line response ──► spool.Spool
//	               └── Response: an untagged response, whole, with its typed Detail and its contents
//
// A session is one goroutine: what is read is decoded, what was decoded is told, and what there is to say
// is said in between. Commands are said ahead of their answers up to a window that any system's buffers
// take, so that a server which answers before it reads on cannot stand still against us.
//
// Nothing that a server sends is held whole but what the caller keeps: a content lies in memory up to
// spool.Memory octets, then in a temporary file; a line has 16 MiB at most, and [conn.ContentLimit] bounds
// a content. An error of a callback, a broken connection or framing that is lost end a session: the caller
// closes it. A command that the server refuses does not.
//
// COMPRESS is not used: a trace is read by people, and local octets are cheap.
package client
