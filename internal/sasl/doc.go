// Package sasl logs in: SASL mechanisms as a client, and which of those that a server offers to take.
//
//	offered, wanted ──► Choose ──► name ──► New ──► Start ──► Next … (one response a challenge)
//
// Server is the other side of SCRAM, and CRAMMD5 and APOP are digests that both sides compute, for
// those who play a server.
//
// It goes by the interface of github.com/emersion/go-sasl and takes PLAIN and EXTERNAL from there. LOGIN
// is our own, for servers word its challenges as they like; OAUTHBEARER too, for a name has to be
// escaped and an error challenge answered (RFC 7628 §3.2.3); SCRAM, CRAM-MD5 and XOAUTH2 are not there.
package sasl
