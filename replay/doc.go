// Package replay holds the script, an RFC-like dialogue that runs, and what plays it.
//
//	              open(file)
//	                  │
//	text ──► Parse ───┴──► Script ──► String        the same script, formatted
//	                         │
//	                         ├──────► Check(side)   can this side speak every line of it?
//	                         ├──────► Chunks        its octets, each direction in file order
//	                         ├──────► Play          as the client of one connection: Result
//	                         ├──────► Client        as the client, all connections: Report
//	                         └──────► Server        as the server of those who come: Report
//
// # Scripts
//
//	@connect a imap
//	S: * OK ready
//	C: a1 LOGIN ${user} ${password}
//	S: a1 OK
//	C: a2 APPEND INBOX {|}
//	|Subject: hello
//	|
//	|.a dot stays
//	S: a2 OK [APPENDUID ${v=1795325553} ${uid=4}]
//
// docs/script.md is the reference of the format. The types are: a [Script] is a list of
// [Item]s in file order; an Item is a [Line] (C:, S:, S!), a [Directive], a [Comment] or a
// [Blank]; a Line has a [Pattern], a list of [Text], *[Value] and *[Literal].
//
// # Transcripts for the tests of decoders
//
// A script in which every value has a sample, or is given, is a transcript: Chunks turns
// it into octets without any network.
//
//	script, err := replay.ParseTranscript("select.script", src, nil)
//	chunks, err := script.Chunks(map[string]string{"user": "u1", "password": "secret"})
//	for _, c := range chunks {
//		session.Write(dirOf(c.Client), now, c.Octets)
//	}
//
// What Chunks does, and does not:
//
//   - a line becomes its text and CRLF, exactly as written: nothing is added to a bare
//     "S: a1 OK";
//   - {|} and {file} become {n} CRLF and the octets, and the rest of the line follows; a
//     client literal that synchronizes gets "+ OK" from the server in between, {|+} none;
//   - {n} is wire text: the octets are the lines that follow, and a "+" is written out;
//   - blocks beneath a line without {|} are octets of the wire, as written; beneath an
//     empty "C:" or "S:" they stand alone, so any octets at all can be said;
//   - in POP3 the body from {file} or {|} is dot-stuffed, S: lines and blocks are not;
//   - ${name} is the variable given or bound before, else its sample, else an error with
//     line and column; ${...} is nothing;
//   - @login is a greeting and LOGIN, or USER and PASS; @starttls is left out unless
//     [Transcript.StartTLS] asks for it.
//
// ParseTranscript differs from Parse in one thing: it lets a password stand in the text,
// since there the secret may be what is tested.
//
// # Captures
//
// FromCapture makes a script of a capture; [Load] takes either for a file.
//
//	captures.Decode ─┬─ octets ──► stream of a direction ─┐
//	                 └─ events ──► spans ─────────────────┴──► entries ──► patterns ──► Script
//	                                                       login, STARTTLS    │
//	                                                       become directives  volatile words become variables
//
// Package decode tells where lines, literals and bodies are, and what they belong to. The
// parsed Details have no offsets, so the volatile words of a line are found in its text, by
// the name of its command and response. Bodies that are to be files lie in a temporary one
// until they are, and so does whatever of a direction waits for its event and is more than a
// MiB: a message of 1 GiB costs no more memory than a small one.
//
// # Playing
//
// Play speaks for the client on one connection that is already there. It reads in its own
// goroutine and writes in another, so that pipelined commands cannot block both ends.
//
//	C: lines ──► expand values ──► writer ──► conn
//	                                            │
//	S: lines ──► sections ◄── match ◄── reader ◄┘      what does not match: Difference
//
// The player reads lines and literals itself and does not use package decode, so that the
// decoder and the player can be tested against each other. A literal or body of more than
// 64 KiB goes to a temporary file and is compared from there.
//
// # Serving
//
// [Server] speaks for the server to whoever comes; its comment draws how. What it says of
// capabilities and mechanisms depends on the listener and on the passwords that it was given,
// not on the recording.
//
// # In tests of other projects
//
// [NewServer] and [Drive] are what a go test needs; [Mode] says whether the recording is played
// or made. To make one, NewServer stands before the live server as mailtrace proxy does. That
// is a departure from the design, which keeps the proxy out of what a test imports: a recorder
// of its own would be a second proxy, with its own ideas about TLS and secrets.
package replay
