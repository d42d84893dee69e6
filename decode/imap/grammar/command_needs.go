package grammar

// requirement is the capabilities of which one allows a part of a command, and where that is written.
type requirement struct {
	anyof []string
	ref   string
}

// revision2 has many extensions in it (RFC 9051 Appendix E).
const revision2 = "IMAP4REV2"

// What of a command needs more than the command.
var (
	// Literals that the client does not wait with (RFC 7888 §3, §5; RFC 9051 §4.3).
	needShortLiteral = requirement{[]string{"LITERAL+", "LITERAL-", revision2}, "RFC 7888 §3, RFC 9051 §4.3"}
	needLiteral      = requirement{[]string{"LITERAL+"}, "RFC 7888 §5, RFC 9051 §4.3"}

	needInitialResponse = requirement{[]string{"SASL-IR", revision2}, "RFC 4959 §3, RFC 9051 §6.2.2"}

	// Items of FETCH and STORE.
	needBinary          = requirement{[]string{"BINARY", revision2}, "RFC 3516 §4.2, RFC 9051 §6.4.5"}
	needModSeqItem      = requirement{[]string{"CONDSTORE", "QRESYNC"}, "RFC 7162 §3.1.4.2"}
	needObjectItem      = requirement{[]string{"OBJECTID"}, "RFC 8474 §5.3"}
	needPreview         = requirement{[]string{"PREVIEW", "PREVIEW="}, "RFC 8970 §3.1"} // older servers say PREVIEW=FUZZY
	needSaveDateItem    = requirement{[]string{"SAVEDATE"}, "RFC 8514 §4.2"}
	needAnnotationItem  = requirement{[]string{"ANNOTATE-EXPERIMENT-1"}, "RFC 5257 §4.3"}
	needAnnotationStore = requirement{[]string{"ANNOTATE-EXPERIMENT-1"}, "RFC 5257 §4.5"}
	needGmail           = requirement{[]string{"X-GM-EXT-1"}, "Gmail IMAP extensions"}

	// Modifiers of FETCH and STORE, parameters of SELECT.
	needChangedSince   = requirement{[]string{"CONDSTORE", "QRESYNC"}, "RFC 7162 §3.1.4.1"}
	needVanished       = requirement{[]string{"QRESYNC"}, "RFC 7162 §3.2.6"}
	needPartial        = requirement{[]string{"PARTIAL"}, "RFC 9394 §3.3"}
	needUnchangedSince = requirement{[]string{"CONDSTORE", "QRESYNC"}, "RFC 7162 §3.1.3"}
	needCondStore      = requirement{[]string{"CONDSTORE", "QRESYNC"}, "RFC 7162 §3.1.8"}
	needQResync        = requirement{[]string{"QRESYNC"}, "RFC 7162 §3.2.5"}
	needAnnotate       = requirement{[]string{"ANNOTATE-EXPERIMENT-1"}, "RFC 5257 §4.2"}

	// Searching and sorting.
	needReturn        = requirement{[]string{"ESEARCH", revision2, "CONTEXT=", "PARTIAL"}, "RFC 4731 §3.1, RFC 9051 §6.4.4"}
	needESort         = requirement{[]string{"ESORT", "CONTEXT=SORT"}, "RFC 5267 §3.1"}
	needSearchRes     = requirement{[]string{"SEARCHRES", revision2}, "RFC 5182 §2.1, RFC 9051 §6.4.4.1"}
	needContext       = requirement{[]string{"CONTEXT="}, "RFC 5267 §4.3"}
	needPartialReturn = requirement{[]string{"PARTIAL", "CONTEXT="}, "RFC 9394 §3.1, RFC 5267 §4.4"}
	needFuzzy         = requirement{[]string{"SEARCH=FUZZY"}, "RFC 6203 §3"}
	needModSeqKey     = requirement{[]string{"CONDSTORE", "QRESYNC"}, "RFC 7162 §3.1.5"}
	needWithin        = requirement{[]string{"WITHIN"}, "RFC 5032 §3"}
	needFilters       = requirement{[]string{"FILTERS"}, "RFC 5466 §3.1"}
	needObjectKey     = requirement{[]string{"OBJECTID"}, "RFC 8474 §6"}
	needSaveDateKey   = requirement{[]string{"SAVEDATE"}, "RFC 8514 §4.3"}
	needAnnotationKey = requirement{[]string{"ANNOTATE-EXPERIMENT-1"}, "RFC 5257 §4.8"}
	needSortDisplay   = requirement{[]string{"SORT=DISPLAY"}, "RFC 5957 §4"}

	// Mailboxes.
	needCreateUse    = requirement{[]string{"CREATE-SPECIAL-USE"}, "RFC 6154 §3"}
	needListExtended = requirement{[]string{"LIST-EXTENDED", "SPECIAL-USE", revision2}, "RFC 5258 §3, RFC 9051 §6.3.9"}
	needListReturn   = requirement{[]string{"LIST-EXTENDED", "LIST-STATUS", "SPECIAL-USE", "LIST-MYRIGHTS", revision2}, "RFC 5258 §3, RFC 9051 §6.3.9"}
	needListStatus   = requirement{[]string{"LIST-STATUS", revision2}, "RFC 5819 §2, RFC 9051 §6.3.9"}
	needListMyRights = requirement{[]string{"LIST-MYRIGHTS"}, "RFC 8440 §3"}
	needSpecialUse   = requirement{[]string{"SPECIAL-USE"}, "RFC 6154 §2"}

	// Messages to append.
	needMultiAppend      = requirement{[]string{"MULTIAPPEND"}, "RFC 3502"}
	needCatenate         = requirement{[]string{"CATENATE"}, "RFC 4469 §2"}
	needUTF8             = requirement{[]string{"UTF8=ACCEPT", "UTF8=ONLY"}, "RFC 6855 §4"}
	needBinaryAppend     = requirement{[]string{"BINARY"}, "RFC 3516 §4.4"}
	needAnnotationAppend = requirement{[]string{"ANNOTATE-EXPERIMENT-1"}, "RFC 5257 §4.7"}
)

// statusNeeds is what items of STATUS need.
var statusNeeds = map[string]*requirement{
	"HIGHESTMODSEQ":   {[]string{"CONDSTORE", "QRESYNC"}, "RFC 7162 §3.1.7"},
	"SIZE":            {[]string{"STATUS=SIZE", revision2}, "RFC 8438 §3, RFC 9051 §6.3.11"},
	"DELETED":         {[]string{revision2, "QUOTA=RES-MESSAGE", "QUOTA=RES-STORAGE"}, "RFC 9051 §6.3.11, RFC 9208 §4.1.4"},
	"DELETED-STORAGE": {[]string{"QUOTA=RES-STORAGE"}, "RFC 9208 §4.1.4"},
	"MAILBOXID":       {[]string{"OBJECTID"}, "RFC 8474 §4.3"},
	"APPENDLIMIT":     {[]string{"APPENDLIMIT", "APPENDLIMIT="}, "RFC 7889 §3.1"},
}
