// Package mime finds the parts of a message while its octets go by.
package mime

// Part is one node of a message's part tree, the Detail of a decode.MIME event. It is
// immutable once it was given away.
type Part struct {
	Number   string `json:"part"`  // as IMAP counts (RFC 9051 §6.4.5.1); "" for the message itself
	Depth    int    `json:"depth"` // 0 for the message itself
	Type     string `json:"type"`  // "text/plain", lower case; the RFC 2045 §5.2 default where none was given
	Charset  string `json:"charset,omitempty"`
	Boundary string `json:"boundary,omitempty"`
	Name     string `json:"name,omitempty"` // file name, as written in the header (decoded for display elsewhere)
	Encoding string `json:"encoding"`       // Content-Transfer-Encoding, lower case; "7bit" where none was given
	Off      int64  `json:"offset"`         // of the part's body within the message, in octets
	Size     int64  `json:"octets"`         // octets of the body as transferred, without the CRLF before the boundary
	Decoded  int64  `json:"decoded"`        // octets after base64 was decoded; -1 where that is not known
	Lines    int64  `json:"lines"`          // line ends in the body
	Cut      bool   `json:"cut,omitempty"`  // the message ended inside the part, or limits were reached
	// Only of the message itself and of attached messages: raw header values, folded lines
	// joined, at most Limits.Header octets each.
	From    string `json:"from,omitempty"`
	Subject string `json:"subject,omitempty"`
	Date    string `json:"date,omitempty"`
}
