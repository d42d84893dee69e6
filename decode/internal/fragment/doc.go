// Package fragment splits one direction of a mail connection into lines, counted octets
// and dot-stuffed bodies, however its octets were cut into writes. It knows where
// things end, and nothing of what they mean.
//
//	line ──ends in {n}──► counted octets ──n taken──► line     (IMAP)
//	line ──+OK of a multi-line command──► dot-stuffed body ──CRLF.CRLF──► line   (POP3)
//
// What lies whole inside one write is given as a slice of it; only what was cut is
// copied, and at most Max octets of it.
package fragment
