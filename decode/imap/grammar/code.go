package grammar

// Number is the data of codes that say a number: UIDNEXT, UIDVALIDITY, UNSEEN, HIGHESTMODSEQ, …
type Number struct {
	Value int64 `json:"value"`
}

// AppendUID is the data of APPENDUID (RFC 4315 §3, RFC 3502).
type AppendUID struct {
	UIDValidity uint32 `json:"uidvalidity"`
	UIDs        Text   `json:"uids"` // uid-set; of one APPEND a single UID
}

// CopyUID is the data of COPYUID (RFC 4315 §3).
type CopyUID struct {
	UIDValidity uint32 `json:"uidvalidity"`
	Source      Text   `json:"source"` // uid-set
	Destination Text   `json:"destination"`
}

// SetOf is the data of codes that say a set: MODIFIED (RFC 7162 §3.1.3).
type SetOf struct {
	Set Text `json:"set"`
}

// MetadataCode is the data of METADATA (RFC 5464 §4.3): LONGENTRIES and MAXSIZE have a value.
type MetadataCode struct {
	Kind  Text  `json:"kind"`
	Value int64 `json:"value,omitempty"`
}
