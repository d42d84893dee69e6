// Package spool holds message content while nobody knows yet what will become of it: small
// content in memory, large content in a temporary file of the directory where it will stay.
//
//	octets ──► [Unstuffer, of a POP3 body] ──► Spool ──► Keep: the file of that name
//	                                             ├─────► Reader, WriteTo
//	                                             └─────► Drop
package spool
