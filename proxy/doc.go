// Package proxy stands between mail clients and their servers, terminates TLS on both
// sides, forwards octets untouched and shows them to package decode.
//
// # The life of a connection
//
//	accept ─► open ─► [SOCKS5] ─► connect ─► TLS upstream ─► TLS with the client
//	                                          (implicit, or STARTTLS of our own)
//	                                                  │
//	         ┌────────────────────────────────────────┘
//	         ▼
//	       relay: two pumps, one goroutine each
//	         │      read ─► stamp, decode, number, record (under the locks) ─► write on
//	         │
//	         ├─ TLSHere ─► turnover: both pumps have returned, so nobody else reads
//	         │               TLS upstream, then with the client ─► relay again
//	         └─ ends of both directions ─► close
//
// A client that begins with TLS is read, and its answer made, while the upstream is connected; it is
// written once there is TLS upstream (handshake.go).
//
// Whatever is observed is observed before it is written on, under the connection's lock,
// and no lock is held across network I/O. Below it the publisher's lock is taken, for
// numbers, sink and tape together, so that what is shown and what is recorded have one order.
//
// # STARTTLS between like legs
//
// The decoder says Park when the client's STARTTLS is whole. That pump writes the line on
// and then decodes nothing further. It does go on reading, so that it notices a client that is
// gone, but holds what may be a ClientHello undecoded; other octets behind STARTTLS
// travel on in clear, as they would have without us. The server's pump meets the answer:
//
//	TLSHere  it writes the OK on, interrupts the other pump (a read deadline in the past) and
//	         returns; the other one returns with what it holds; the orchestrator does the
//	         handshakes, to which held octets are fed, and starts the pumps again.
//	Release  it interrupts the other pump, which decodes what it holds and reads on.
//
// That both pumps have returned is the rendezvous. It works from either side: where the OK
// came before the command was whole, the client's pump says TLSHere and the server's is
// interrupted; what that one has read by then it leaves undecoded.
//
// # Unlike legs
//
// Where one side does STARTTLS and the other does not, the exchange is ours. Upstream we do
// it before the client's first octet, as a stream of its own with origin FromProxy. With the
// client a gate takes the place of its pump until TLS: one command at a time, a closed list
// passes, the rest is refused, STARTTLS is answered. Its answers are written by the
// server's pump, in between the server's lines, so that each leg has one writer and what is
// observed has the order in which it is written. That pump edits capability replies on the
// way (decode.Rewriter). Octets that a client sends in clear behind STARTTLS
// are decoded, for they are a finding, and go nowhere.
//
// # Departures
//
// A parked pump reads on (see above) where the design has it stop before its next read:
// there is no portable way to see that a peer is gone without reading. There is no timeout for
// a peer that is silent: mail connections idle for hours, and each side has timeouts of its own.
// SOCKS5 (RFC 1928) is written here: the server's side of CONNECT without authentication is
// about a hundred lines, less than a module would take to be kept away from the rest of it.
// After the server's end a client may go on talking, as it may without us.
package proxy
