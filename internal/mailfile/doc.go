// Package mailfile puts messages into files: a directory of .eml files, an mbox, a Maildir. What a server
// says never chooses where: names are made of what is known to be harmless.
//
//	spool.Spool ──Store──► eml      DIR/INBOX-1795325553-12.eml
//	                       mbox     FILE, "From " lines quoted (mboxrd)
//	                       Maildir  DIR/tmp ──rename──► DIR/cur/…,U=12:2,S
//
// A message is in its place whole or not at all, but for an mbox whose writer is killed: its last message
// may be a part then, which the next run with the same State replaces by the whole one. Nothing else that is
// there is overwritten. Files are flushed to the disk before they get their names, a few at once; all that was
// stored is there to stay when Sync returns.
package mailfile
