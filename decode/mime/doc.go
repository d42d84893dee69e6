// Package mime finds the parts of a message while its octets go by.
//
//	          blank line                       delimiter
//	header ───────────────► body of a leaf ───────────────► header of the next part
//	  ▲  │                  preamble, epilogue ◄── close-delimiter
//	  │  └─ multipart/* with a boundary: preamble
//	  └──── message/rfc822: the header of the attached message
//
// A Scanner keeps the stack of open parts, the text of the few header fields that are
// shown, and at most one line that may be a delimiter (RFC 2046 §5.1.1). Bodies are
// searched for hyphens at the beginning of a line, and for what their encoding does not allow.
//
// # Numbers
//
// Parts are numbered as IMAP does (RFC 9051 §6.4.5.1). The message itself is "". An
// attached message is one part; where its body is a multipart, the children hang directly
// under it, as 3.1 under 3, and the multipart, which has no number of its own, is not a
// Part: the attached message's Part carries its boundary. Where its body is a single
// part, that is number n.1.
//
// # Problems
//
// What the message has wrong is told by rule, place and fact (Problem), each rule once a part.
// Header lines are looked at as far as Limits.Header keeps them. A body is looked at a line end
// and a word at a time: CRs are counted against line ends, base64 digits and octets beyond ASCII
// are found eight at a time, and only what is wrong is looked at octet by octet. What is wrong
// with a field points at the whole field, its folded lines and line ends included, also where it
// is about one parameter; what a header lacks points at the header.
//
// # Pieces
//
//	BODY[]<0.65536>      ──► Joiner ──► Scanner ──► parts, gaps
//	BODY[]<65536.65536>  ──►   │ what came before is left out
//	                           │ what never came is a gap: Skip marks what is open as Cut
//
// # Tolerance
//
// Nothing is refused. A missing or malformed Content-Type is text/plain (RFC 2045 §5.2),
// inside a multipart/digest message/rfc822 (RFC 2046 §5.1.5). A multipart without a
// boundary is a leaf. Line ends may be LF alone. Boundary lines are compared whole, and
// not by their beginning as RFC 2046 §5.1.1 allows, since boundaries are found in the
// wild that begin with an outer one.
package mime
