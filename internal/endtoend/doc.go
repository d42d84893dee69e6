// Package endtoend holds the whole of mailtrace to what it promises, in one process: the
// proxy with the real decoders, a recorder and printers, between peers that the tests
// play. It is tests alone and needs nothing but Go.
//
//	client ──► proxy ──► server            peers: random sessions, dialogs, package demo
//	             │
//	             ├─► events                what a test waits for and asserts
//	             ├─► Queue ─► JSON, Text   what a terminal would show, live
//	             └─► Recorder ─► capture ─► Decode ─► JSON, Text: must be equal to live
//
// The promises, and where they are tested:
//
//	octets go through as they came       transparent_test.go, panic_test.go
//	a capture tells what was live        equal_*_test.go, cut_test.go
//	outputs that fail or stall           outputs_test.go
//	no secret is shown or kept           secrets_*_test.go
//	memory is bounded                    memory_test.go
//	hostile peers are named and bounded  hostile_*_test.go
package endtoend
