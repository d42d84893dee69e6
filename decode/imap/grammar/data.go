package grammar

// Count is the data of EXISTS, RECENT and EXPUNGE, and of other responses that are a number
// and a word.
type Count struct {
	Number uint32 `json:"number"`
}

// Flags is the data of FLAGS and of the code PERMANENTFLAGS.
type Flags struct {
	Flags []Text `json:"flags"`
}

// Capability is the data of CAPABILITY, as untagged response and as code, and of ENABLED.
type Capability struct {
	Names []Text `json:"capabilities"`
}

// Param is a name and what it is set to.
type Param struct {
	Name  Text `json:"name"`
	Value Text `json:"value"` // nil for NIL
}

// Extended is an extended data item: its name and its value as it stands.
type Extended struct {
	Name  Text `json:"name"`
	Value Text `json:"value,omitzero"`
}

// List is the data of LIST, LSUB and XLIST (RFC 9051 §7.3.1, RFC 3501 §7.2.3).
type List struct {
	Attributes []Text     `json:"attributes"`
	Delimiter  Text       `json:"delimiter"` // nil for NIL: no hierarchy
	Mailbox    Text       `json:"mailbox"`   // as sent, without quotes
	Display    string     `json:"display,omitempty"`
	ChildInfo  []Text     `json:"child_info,omitzero"` // RFC 5258 §3.5
	OldName    Text       `json:"old_name,omitzero"`   // RFC 9051 §6.3.9.7
	Extended   []Extended `json:"extended,omitzero"`   // other extended data
}

// Status is the data of STATUS (RFC 9051 §7.3.4 and extensions). What was not said is nil.
type Status struct {
	Mailbox        Text       `json:"mailbox"`
	Display        string     `json:"display,omitempty"`
	Messages       *uint32    `json:"messages,omitempty"`
	Recent         *uint32    `json:"recent,omitempty"`
	UIDNext        *uint32    `json:"uidnext,omitempty"`
	UIDValidity    *uint32    `json:"uidvalidity,omitempty"`
	Unseen         *uint32    `json:"unseen,omitempty"`
	Deleted        *uint32    `json:"deleted,omitempty"`         // RFC 9051, RFC 9208 §4.1.4
	DeletedStorage *int64     `json:"deleted_storage,omitempty"` // RFC 9208 §4.1.4, octets
	Size           *int64     `json:"size,omitempty"`            // RFC 8438, octets
	HighestModSeq  *int64     `json:"highestmodseq,omitempty"`   // RFC 7162 §3.1.7
	AppendLimit    *int64     `json:"appendlimit,omitempty"`     // RFC 7889; octets; nil for NIL too
	MailboxID      Text       `json:"mailboxid,omitzero"`        // RFC 8474 §4.3
	Other          []Extended `json:"other,omitzero"`
}

// Numbers is the data of SEARCH and SORT: message sequence numbers or UIDs, in the order in
// which they came. Ranges keeps the first of them, runs together, up to a bound.
type Numbers struct {
	Count  int     `json:"count"`
	First  uint32  `json:"first,omitempty"`
	Last   uint32  `json:"last,omitempty"`
	Ranges []Range `json:"-"`
	Whole  bool    `json:"-"`                // Ranges has them all
	Set    string  `json:"set,omitempty"`    // only in a Detail: Ranges as text
	ModSeq *int64  `json:"modseq,omitempty"` // RFC 7162 §3.1.5
	Cut    bool    `json:"cut,omitempty"`    // more came than the line keeps: Count and Last are of what it keeps
}

// Range is the numbers from First to Last, both of them too.
type Range struct{ First, Last uint32 }

// ESearch is the data of ESEARCH (RFC 9051 §7.3.4, RFC 4731, 5267, 7377, 9394).
type ESearch struct {
	Tag         Text         `json:"tag,omitzero"` // of the command that it belongs to
	UID         bool         `json:"uid,omitempty"`
	Mailbox     Text         `json:"mailbox,omitzero"`      // RFC 7377
	UIDValidity *uint32      `json:"uidvalidity,omitempty"` // RFC 7377
	Min         *uint32      `json:"min,omitempty"`
	Max         *uint32      `json:"max,omitempty"`
	Count       *uint32      `json:"count,omitempty"`
	All         Text         `json:"all,omitzero"` // sequence-set
	ModSeq      *int64       `json:"modseq,omitempty"`
	Partial     *Partial     `json:"partial,omitempty"`
	Relevancy   Text         `json:"relevancy,omitzero"` // RFC 6203, as it stands
	AddTo       []ListUpdate `json:"add_to,omitzero"`
	RemoveFrom  []ListUpdate `json:"remove_from,omitzero"`
	Other       []Extended   `json:"other,omitzero"`
}

// Partial is a part of a result: "-1:-100" and the set there, nil for NIL (RFC 9394, RFC 5267).
type Partial struct {
	Range Text `json:"range"`
	Set   Text `json:"set"`
}

// ListUpdate is one change of a result (RFC 5267 §4.3): from which position on which set came in or
// went.
type ListUpdate struct {
	Position uint32 `json:"position"`
	Set      Text   `json:"set"`
}

// Thread is the data of THREAD (RFC 5256 §4) as a list in the order of the response.
type Thread struct {
	Count   int          `json:"count"`   // messages
	Threads int          `json:"threads"` // roots
	Nodes   []ThreadNode `json:"nodes"`   // the first of them
}

// ThreadNode is one message in a thread.
type ThreadNode struct {
	Number uint32 `json:"number"`
	Parent uint32 `json:"parent,omitempty"` // 0: it begins a thread, or its parent is not there
	Depth  int    `json:"depth,omitempty"`
}

// Namespaces is the data of NAMESPACE (RFC 9051 §7.3.5); nil stands for NIL.
type Namespaces struct {
	Personal []Namespace `json:"personal"`
	Other    []Namespace `json:"other"`
	Shared   []Namespace `json:"shared"`
}

// Namespace is one namespace.
type Namespace struct {
	Prefix    Text       `json:"prefix"`
	Delimiter Text       `json:"delimiter"` // nil for NIL
	Extended  []Extended `json:"extended,omitzero"`
}

// Quota is the data of QUOTA (RFC 9208 §4.2.1).
type Quota struct {
	Root      Text       `json:"root"`
	Resources []Resource `json:"resources"`
}

// Resource is the use of one resource: STORAGE in units of 1024 octets, the others as numbers.
type Resource struct {
	Name  Text  `json:"name"`
	Usage int64 `json:"usage"`
	Limit int64 `json:"limit"`
}

// QuotaRoot is the data of QUOTAROOT (RFC 9208 §4.2.2).
type QuotaRoot struct {
	Mailbox Text   `json:"mailbox"`
	Display string `json:"display,omitempty"`
	Roots   []Text `json:"roots"`
}

// ACL is the data of ACL (RFC 4314 §3.6).
type ACL struct {
	Mailbox Text    `json:"mailbox"`
	Display string  `json:"display,omitempty"`
	Entries []Param `json:"entries"` // identifier and rights
}

// ListRights is the data of LISTRIGHTS (RFC 4314 §3.7).
type ListRights struct {
	Mailbox    Text   `json:"mailbox"`
	Display    string `json:"display,omitempty"`
	Identifier Text   `json:"identifier"`
	Required   Text   `json:"required"`
	Optional   []Text `json:"optional"`
}

// MyRights is the data of MYRIGHTS (RFC 4314 §3.8).
type MyRights struct {
	Mailbox Text   `json:"mailbox"`
	Display string `json:"display,omitempty"`
	Rights  Text   `json:"rights"`
}

// Params is the data of ID (RFC 2971), where nil stands for NIL, of XAPPLEPUSHSERVICE and of URLFETCH.
type Params struct {
	Params []Param `json:"params"`
}

// Words is the data of responses and codes that are a list of words: LANGUAGE, COMPARATOR,
// GENURLAUTH, BADCHARSET, …
type Words struct {
	Words []Text `json:"words"`
}

// Vanished is the data of VANISHED (RFC 7162 §3.2.10).
type Vanished struct {
	Earlier bool `json:"earlier,omitempty"`
	UIDs    Text `json:"uids"` // uid-set
}

// Metadata is the data of METADATA (RFC 5464 §4.4): entries with values, or the names of those
// that changed.
type Metadata struct {
	Mailbox Text    `json:"mailbox"` // empty: of the server
	Display string  `json:"display,omitempty"`
	Entries []Param `json:"entries,omitzero"`
	Changed []Text  `json:"changed,omitzero"`
}

// Condition is the Detail of OK, NO, BAD, BYE, PREAUTH and of continuation requests.
type Condition struct {
	Code *Code `json:"code,omitempty"`
	Text Text  `json:"text,omitzero"`
}
