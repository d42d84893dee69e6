// Package tcp puts TCP connections together from what somebody captured on a link: it
// takes records, one for each thing that went over the link, and gives the octets of both
// directions of each connection in the order in which its ends must have seen them.
//
//	record ─link─► IP ──fragments──► TCP segment ──key──► Conn ─┬ half ─ queue ┐
//	                                                            └ half ─ queue ┴─► Sink
//
// A half is one direction. Its life:
//
//	unseen ──SYN, data, or the other's ACK──► in order ──FIN──► ended
//	                                           │     ▲
//	                                      hole, or   │ filled, or given up: a gap
//	                                   unmet ACK     │
//	                                           ▼     │
//	                                          waiting
//
// # Order
//
// A segment goes to the Sink when nothing before it is missing in its own direction, and
// everything that it acknowledges of the other one has gone before it (RFC 9293 §3.4: who
// acknowledges an octet has received it). That makes a reply come after its command
// whatever order a capture has them in. It waits in memory until then.
//
// What it waits for may be missing for good. An acknowledged octet was there, so that it
// can only be late in the file: for that a segment waits 64 further segments of its
// connection or 3 seconds. A hole that nobody acknowledged may still be retransmitted:
// for that it waits 30 seconds. Then, and when the connection ends, or more is held than
// the limits allow, what is missing becomes a gap, and the story goes on.
//
// Of octets that come twice, those that came first count, as with most receivers. Neither
// checksums nor windows are looked at: the capture of a sender has wrong checksums where
// its network card computes them, and what a receiver would have thrown away is sent again.
//
// # Bounds
//
// 65,536 connections are remembered, then the one that was silent longest is forgotten;
// 4 MiB and 4,096 segments are held for one connection, 64 MiB for all; 256 datagrams are
// put together from fragments at once. All of it is independent of the file's size.
//
// # Departures
//
// This is not gopacket's reassembly package. That gives each direction by itself, so that
// replies would have to be put behind their commands in a second queue with the sequence
// numbers that it does not give; it counts what it holds in pages of 1,900 octets however
// short the segment; and it adds a flag to every program's command line. Its layers package is
// left out with it: four link types, IP and TCP headers are what is needed here, and they
// are 200 lines. The tests build their segments with it, so that two implementations of
// the formats have to agree.
package tcp
