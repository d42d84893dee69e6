// Package mime finds the parts of a message while its octets go by.
package mime

// Part is one node of a message's part tree, the Detail of a decode.MIME event. It is
// immutable once it was given away.
type Part struct {
	Number   string // as IMAP counts (RFC 9051 §6.4.5.1); "" for the message itself
	Depth    int    // 0 for the message itself
	Type     string // "text/plain", lower case; the RFC 2045 §5.2 default where none was given
	Charset  string
	Boundary string
	Name     string // file name, as written in the header (decoded for display elsewhere)
	Encoding string // Content-Transfer-Encoding, lower case; "7bit" where none was given
	Off      int64  // of the part's body within the message, in octets
	Size     int64  // octets of the body as transferred, without the CRLF before the boundary
	Decoded  int64  // octets after base64 was decoded; -1 where that is not known
	Lines    int64  // line ends in the body
	Cut      bool   // the message ended inside the part, or limits were reached
	// Only of the message itself and of attached messages: raw header values, folded lines
	// joined, at most Limits.Header octets each.
	From, Subject, Date string
}
