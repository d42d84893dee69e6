package grammar

// Fetch is the data of FETCH (RFC 9051 §7.5.2 and extensions). What was not said is nil, or 0
// where 0 means nothing.
type Fetch struct {
	Number        uint32       `json:"number"`
	UID           uint32       `json:"uid,omitempty"`
	Flags         []Text       `json:"flags,omitzero"`
	ModSeq        *int64       `json:"modseq,omitempty"`
	InternalDate  Text         `json:"internaldate,omitzero"`
	Size          *int64       `json:"rfc822_size,omitempty"` // octets
	Envelope      *Envelope    `json:"envelope,omitempty"`
	Body          *Body        `json:"body,omitempty"`          // BODY, without extension data
	BodyStructure *Body        `json:"bodystructure,omitempty"` // BODYSTRUCTURE
	Sections      []Section    `json:"sections,omitzero"`
	BinarySizes   []BinarySize `json:"binary_sizes,omitzero"`
	EmailID       Text         `json:"emailid,omitzero"`  // RFC 8474 §5.1
	ThreadID      Text         `json:"threadid,omitzero"` // RFC 8474 §5.2
	Preview       Text         `json:"preview,omitzero"`  // RFC 8970
	SaveDate      Text         `json:"savedate,omitzero"` // RFC 8514
	Annotations   []Annotation `json:"annotations,omitzero"`
	GmailMessage  uint64       `json:"x_gm_msgid,omitempty"`
	GmailThread   uint64       `json:"x_gm_thrid,omitempty"`
	GmailLabels   []Text       `json:"x_gm_labels,omitzero"`
	Other         []Extended   `json:"other,omitzero"` // what the grammar does not know
}

// Section is message content: BODY[…], BINARY[…], RFC822, RFC822.HEADER, RFC822.TEXT.
type Section struct {
	Item    string `json:"item"`             // "BODY", "BINARY", "RFC822", "RFC822.HEADER", "RFC822.TEXT"
	Spec    Text   `json:"section,omitzero"` // between the brackets: "", "1.2.MIME", "HEADER.FIELDS (FROM)"
	Origin  *int64 `json:"origin,omitempty"` // of BODY[]<origin>: the first octet of a part of it
	Octets  int64  `json:"octets"`
	NIL     bool   `json:"nil,omitempty"`
	Missing bool   `json:"missing,omitempty"` // it has no value, not even NIL
	Literal bool   `json:"-"`                 // sent as a literal
	Content Text   `json:"-"`                 // nil where it was not kept
	At      int    `json:"-"`                 // Literal.At, or the offset of the value in Line.Text
}

// BinarySize is the size of a part without its transfer encoding (RFC 3516 §4.3).
type BinarySize struct {
	Spec   Text  `json:"section"`
	Octets int64 `json:"octets"`
}

// Annotation is one annotation of a message and its attributes (RFC 5257 §4.4).
type Annotation struct {
	Entry      Text    `json:"entry"`
	Attributes []Param `json:"attributes"`
}

// Envelope is an ENVELOPE (RFC 9051 §7.5.2). Text is as sent: its encoded words are not decoded.
type Envelope struct {
	Date      Text      `json:"date,omitzero"`
	Subject   Text      `json:"subject,omitzero"`
	From      []Address `json:"from,omitzero"` // nil for NIL
	Sender    []Address `json:"sender,omitzero"`
	ReplyTo   []Address `json:"reply_to,omitzero"`
	To        []Address `json:"to,omitzero"`
	Cc        []Address `json:"cc,omitzero"`
	Bcc       []Address `json:"bcc,omitzero"`
	InReplyTo Text      `json:"in_reply_to,omitzero"`
	MessageID Text      `json:"message_id,omitzero"`
}

// Address is one address, or the begin or end of a group.
type Address struct {
	Name    Text `json:"name,omitzero"`
	Route   Text `json:"route,omitzero"`
	Mailbox Text `json:"mailbox,omitzero"`
	Host    Text `json:"host,omitzero"`
}

// BeginsGroup tells whether Mailbox is the name of a group whose members follow.
func (a *Address) BeginsGroup() bool { return a.Host == nil && a.Mailbox != nil }

// EndsGroup tells whether it ends a group.
func (a *Address) EndsGroup() bool { return a.Host == nil && a.Mailbox == nil }

// Body is one part of a BODY or BODYSTRUCTURE. A multipart has Parts; a message/rfc822 has an
// Envelope and one of Parts.
type Body struct {
	Type        Text         `json:"type"` // "MULTIPART" where Multipart
	Subtype     Text         `json:"subtype"`
	Multipart   bool         `json:"-"`
	Params      []Param      `json:"params,omitzero"`
	ID          Text         `json:"id,omitzero"`
	Description Text         `json:"description,omitzero"`
	Encoding    Text         `json:"encoding,omitzero"`
	Octets      int64        `json:"octets,omitempty"` // in its transfer encoding
	Lines       *int64       `json:"lines,omitempty"`  // of text/* and message/rfc822
	Envelope    *Envelope    `json:"envelope,omitempty"`
	Parts       []*Body      `json:"parts,omitzero"`
	MD5         Text         `json:"md5,omitzero"`
	Disposition *Disposition `json:"disposition,omitempty"`
	Language    []Text       `json:"language,omitzero"`
	Location    Text         `json:"location,omitzero"`
	Extension   Text         `json:"extension,omitzero"` // body-extension as it stands
}

// Disposition is a Content-Disposition.
type Disposition struct {
	Type   Text    `json:"type"`
	Params []Param `json:"params,omitzero"`
}
