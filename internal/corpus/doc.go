// Package corpus holds dialogues that the decoders are judged by, and no code but tests.
//
//	quirks/NAME.script        what a real client or server does wrong, in a whole session
//	quirks/NAME.twin.script   the same session, done right; it differs in nothing else
//	quirks/framing.golden     how all of them are framed: no line lost, no answer without its command
//	rfc/rfcNNNN.script        the example dialogues of an RFC that are legal
//	rfc/LEFTOUT.md            the others, and why
//
// All are transcripts in the format of docs/script.md. Comments at the head of one say what
// the test needs to know:
//
//	# finding: imap.size warning   has to be found; what else is found above note is a false alarm
//	# ref: RFC 9051 §7.5.2         where it is written
//	# seen: Exchange 2019          in which product
//	# tls: yes                     the octets came out of TLS
//
// The examples of an RFC stand in one file. Each begins with a line "# §6.4.5", and may have
//
//	# state: selected INBOX 172 [uidnext 4392]   or authenticated, or not-authenticated; POP3: authorization, transaction
//	# capabilities: IMAP4rev2 CONDSTORE          what the server offered
//	# finding: imap.extra-space warning         where the print itself breaks a rule
//
// for whose state the test puts a greeting, and a login or a SELECT, before the example: most
// examples are cut out of a session. Lines that the print folds are whole here, and where the
// print counts the octets of a literal wrongly, the right number stands.
package corpus
