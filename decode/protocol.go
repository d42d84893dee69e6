package decode

// Protocol is one mail protocol: what the registry, the proxy and the printer need to
// know of it. Package registry lists them all.
type Protocol struct {
	Name    string // "imap"; also the URL scheme
	Port    int    // in clear
	TLSPort int    // implicit TLS
	// Greets tells whether a server stream that begins with p speaks this protocol.
	// more is true while p is too short to tell.
	Greets func(p []byte) (yes, more bool)
	New    func(Options) Session
	// Note explains one event in a few words for the right-hand column; "" where there is
	// nothing to say. It may be called long after the event, on a Clone.
	Note func(*Event) string
	// Rewriter gives an editor of the server's stream (and a refuser of the client's
	// commands before TLS), for legs that differ. See Rewrite.
	Rewriter func(Rewrite) Rewriter
}

// Rewrite says what a Rewriter shall do.
type Rewrite struct {
	HideGreetingCapabilities bool     // drop the CAPABILITY code from the greeting
	AddStartTLS              bool     // offer STARTTLS/STLS and LOGINDISABLED in capability replies
	RemoveStartTLS           bool     // take STARTTLS/STLS out of them
	Hide                     []string // globs of capabilities to take out (--hide-capability), such as AUTH=*-PLUS
}

// Edited is one edit of a Rewriter.
type Edited struct {
	Before, After string // the line, without its line end
	What          string // such as "removed STARTTLS"
}

// Rewriter edits the capability replies of a server, and nothing else. It sees both
// directions, so that it knows what is a capability reply and what is a body. It is
// sans-I/O and bounded; a line that may be a capability reply is held until it is whole.
type Rewriter interface {
	// Client observes client octets before they are forwarded.
	Client(p []byte)
	// Server takes server octets and appends to dst what the client shall see.
	Server(dst, p []byte) (out []byte, edits []Edited)
	// Flush gives what is still held, at the end of the stream or after 200 ms without
	// another octet.
	Flush(dst []byte) []byte
	// Reset begins anew behind a TLS handshake.
	Reset(Rewrite)
}
