// Package captures records what went through the proxy and reads it again. A capture is
// an ordinary pcapng file (draft-ietf-opsawg-pcapng) of synthetic TCP connections that
// carry the cleartext, so that Wireshark and tshark dissect it unaided.
//
//	connection's lock           publisher's lock        own goroutine
//
//	Octets ┐                      bounded queue           200 ms, 256 KiB
//	Mark   ┴► Tape ── encoder ──►  Commit  ─────────────► Write ──► file
//	          │                      │ full
//	          └◄── marks again, ◄────┘
//	              octets become a gap
//
//	file ──► blocks ──► segment, comments ──┐
//	  │                                     ├─► Reader: Items, in the order of commits
//	  └─ foreign: records ─► tcp ─► importer ┘     │
//	                     one decode.Trace for each connection ──► numbered events
//
// # The file
//
// Little-endian. A section header, whose application names the writer and whose comment
// is "mailtrace: capture format=1"; one interface of link type 101 (raw IP) that counts
// microseconds; then nothing but Enhanced Packet Blocks, each one TCP segment in IPv4
// without IP options, both checksums right.
//
// A stream is one TCP connection: SYN, SYN-ACK and ACK first, FINs and an ACK last, in
// both directions octet 0 has sequence number 1. Clients are 192.0.2.1 to .254, then
// 198.18.0.1 and on (RFC 5737, RFC 2544), ports 32768 to 65535; no endpoint is used
// twice. The server is 198.51.100.1 with the protocol's port, or port 1 while nobody
// knows the protocol. A connection has one stream for each layer: behind a TLS handshake
// that a client took part in, after octets had passed, a new one begins, or other readers
// would expect TLS in the old one; and so it does where the server's first octets tell
// the protocol. The proxy's own exchange with an upstream is a connection of its own
// that has the same number.
//
// A segment carries at most 16 KiB of one direction that came at one time. It ends where
// decode.Octets has End, for some readers see the first command of a segment only. All
// segments stand in the order in which they were committed, over all connections, with
// the time at which their octets came; a time may be earlier than that of the segment
// before, where octets were held back.
//
// # Comments
//
// A comment of ours is ASCII and one of
//
//	mailtrace: KIND conn=N [origin=proxy] [dir=C|S] [previous=ADDRESS:PORT] layer=N [key=value …]
//	mailtrace: redacted
//
// KIND is the name of a mark's kind (open, tls, edit, close, …), or "stream" on the SYN of
// a stream that no mark begins, or "gap". What stands behind layer= are the mark's fields
// as decode.Fields writes them, each value cut at 64 KiB. previous is the client's endpoint
// in the stream that this one goes on from. A mark stands on the SYN that it begins, on
// the FIN of the direction that it ends, on a stream's last ACK, or on an empty segment.
// "gap", on the next segment of a direction, says in octets= how many are missing before
// it; the sequence numbers jump by as many. "redacted" says that the segment holds filler
// in the place of secrets. A text that is longer than 60,000 octets goes on in further
// comments of the block, which begin with "mailtrace+ ".
//
// # When things go wrong
//
// Nothing here makes a caller wait. A queue that is full (16 MiB) takes a batch's marks
// and turns its octets into a gap; 8 MiB of marks later a connection's tape ends. A write
// that fails ends the recording, since the last block may be torn. Either is told once.
// Since blocks are only appended, a file that ends anywhere has at most one torn block,
// its last: Reader gives the others and then Truncated.
//
// # Compressed
//
// What is flushed at once is compressed at once, as a frame of zstd (RFC 8878) or a member
// of gzip (RFC 1952), cut at 256 KiB: a process that is killed leaves whole ones. Reading
// goes by the first octets, never by the name, and unpacks piece by piece.
//
// # Captures of other programs
//
// A pcap file, or a pcapng file without the comment above, is foreign. Package tcp puts
// its connections together; the importer chooses those that are mail and makes the marks
// that nobody made: open with the addresses, opaque for TLS, close. Their octets are the
// wire's own, so that COMPRESS is still on them and the grammar alone fills secrets. Items
// stand in the order in which they could be told, with the time of the segment that made
// it possible.
//
// # Departures
//
// Writing does not use gopacket's pcapgo.NgWriter. It begins each file with its own header
// and writes through its own buffer, so batches of several connections could not be staged
// under their own locks and put into one order; and with gopacket's layers in front it took
// 37.6 µs for 64 KiB and 259 ns for a line of 40 octets, against 11.3 µs and 147 ns here,
// the queue and its goroutine included (BenchmarkTape, BenchmarkPcapgoWriter). The checksum
// costs 0.05 ns an octet.
//
// Reading does not use pcapgo.NgReader either, though it is as fast (16 to 17 GB/s with
// segments of 16 KiB, 2 to 3 GB/s with 330 octets): it does not tell offsets, takes a
// block's wrong length for the end of the file and does not look at the second one, so a
// capture that was cut off could not be told from one that was damaged. The tests use it
// to see that others read what is written here.
//
// Neither does the import, for the same reasons: how far a file that was cut off or damaged
// can be believed is the Reader's to say, whoever wrote it. Why TCP is put together without
// gopacket's reassembly stands in package tcp.
//
// Filler in bodies that are left out keeps line ends and the first two dots of a line that
// begins so: dot-stuffing and every count still hold. Content that is filler has no parts
// and no findings (decode.Options.Bodiless).
package captures
