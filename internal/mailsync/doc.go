// Package mailsync keeps an offline copy of mailboxes: Maildirs that follow what a server has.
//
//	               what it was (state)
//	                 ╱            ╲
//	server: UIDs, flags          Maildir: files, letters
//	                 ╲            ╱
//	                   differences ──► new here · flags both ways · gone here · gone there (only with Delete)
//
// The state is what both sides had when they were last equal, so that a difference tells which side has
// changed. It is one small text file in each Maildir. A file's name has its UIDVALIDITY and UID, so what the
// state does not know yet, the Maildir does.
//
// # Killed anywhere
//
// A message is written to tmp, put on the disk, and renamed into its place; the state is replaced whole, at
// the end. So after a kill there are messages that the state does not know: their names tell what they are.
// What is left in tmp is removed. Flags that were changed on one side before the kill are equal on both
// afterwards. At most the message that was being written is fetched again.
//
// # What is not mirrored
//
// Keywords but $Forwarded have no letter in a Maildir and stay on the server alone. \Deleted comes from the
// server; it goes there with Delete alone. Files that others put into the Maildir are left alone. A mailbox
// that the server has no more stays here.
//
// With QRESYNC (RFC 7162 §3.2) a mailbox in which nothing changed costs one command; with CONDSTORE the
// flags that changed, and a SEARCH; otherwise the flags of all messages are compared.
package mailsync
