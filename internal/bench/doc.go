// Command bench prints how mailtrace compares with a bare TLS-to-TLS copy: ratios of one
// run: in each round the sides take turns, and of the rounds stand the median and the
// spread.
//
//	go run ./internal/bench            all of it
//	go run ./internal/bench -only noop
//	go run ./internal/bench -captures  reading captures: against a scan for line ends, against tshark
//	go run ./internal/bench -replay    a recorded session played again: speed, memory
//	go run ./internal/bench -client    list, sync, fetch beside mbsync, offlineimap, mpop, from Dovecot
//
//	                    ┌── mailtrace proxy --format none ──┐
//	client (this) ──TLS─┤                                   ├─TLS── server (this)
//	                    └── bench -baseline ────────────────┘
//
// The baseline is one goroutine a direction with a buffer of 64 KiB, the same kinds of key,
// in a process of its own as mailtrace is. With -capture on our side it also writes the
// plaintext of both directions to a file on the same file system. A ratio above 1 means
// that mailtrace is faster (throughput) or slower (times, memory), as each row says.
package main
