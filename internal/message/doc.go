// Package message shows a message to a person: its header decoded, its text, the tree of its parts, one
// of them taken out. Broken mail is shown as well as it goes, never refused.
//
//	io.ReadSeeker ──decode/mime──► parts with their places ──► Text, Structure, Part
//	BODYSTRUCTURE ──────────────► OfBody: the same tree, nothing downloaded
//
// Charsets and encoded words are go-message's; parts are found by decode/mime, which knows where they
// stand and minds no malformed line.
package message
