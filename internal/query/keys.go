package query

import (
	"fmt"
	"strings"
)

// Key is a word of the language.
type Key struct {
	Name  string
	Value string // what stands behind the colon, such as TEXT; "" where the key stands alone
	Help  string
	IMAP  string // what it becomes (RFC 9051 §6.4.4)
	kind  kind
	need  need
}

// kind says what a key's value is.
type kind uint8

const (
	alone kind = iota
	text
	header // NAME=TEXT
	day
	octets
	span
	keyword
	uids
	attachment
	raw
)

// need says what of a message answers a key.
type need uint8

const (
	needNothing need = iota
	needHeader
	needText // the header and the text
	needBody
	needSize
	needFlags
	needArrival
	needUID
	needServer
)

var keys = []*Key{
	{"all", "", "is there at all", "ALL", alone, needNothing},
	{"from", "TEXT", "has TEXT in the sender's name or address", "FROM", text, needHeader},
	{"to", "TEXT", "has TEXT in To", "TO", text, needHeader},
	{"cc", "TEXT", "has TEXT in Cc", "CC", text, needHeader},
	{"bcc", "TEXT", "has TEXT in Bcc", "BCC", text, needHeader},
	{"subject", "TEXT", "has TEXT in its subject", "SUBJECT", text, needHeader},
	{"header", "NAME=TEXT", "has TEXT in its header field NAME; without =TEXT, has such a field", "HEADER", header, needHeader},
	{"body", "TEXT", "has TEXT in its text", "BODY", text, needBody},
	{"text", "TEXT", "has TEXT in header or text; a word without a key is the same", "TEXT", text, needText},
	{"since", "DAY", "arrived on this day or later: 2026-01-31 or 31-Jan-2026", "SINCE", day, needArrival},
	{"before", "DAY", "arrived before this day", "BEFORE", day, needArrival},
	{"on", "DAY", "arrived on this day", "ON", day, needArrival},
	{"newer", "TIME", "arrived in the last TIME: 12h, 7d, 2w, 1y", "YOUNGER", span, needArrival},
	{"older", "TIME", "arrived longer ago than TIME", "OLDER", span, needArrival},
	{"sent-since", "DAY", "was sent on this day or later, as its Date field says", "SENTSINCE", day, needHeader},
	{"sent-before", "DAY", "was sent before this day", "SENTBEFORE", day, needHeader},
	{"sent-on", "DAY", "was sent on this day", "SENTON", day, needHeader},
	{"larger", "SIZE", "has more octets than SIZE: 5000, 10KB (10,000), 1MiB (1,048,576)", "LARGER", octets, needSize},
	{"smaller", "SIZE", "has fewer octets than SIZE", "SMALLER", octets, needSize},
	{"seen", "", "was read", "SEEN", alone, needFlags},
	{"unseen", "", "was not read", "UNSEEN", alone, needFlags},
	{"answered", "", "was answered", "ANSWERED", alone, needFlags},
	{"unanswered", "", "was not answered", "UNANSWERED", alone, needFlags},
	{"flagged", "", "is marked", "FLAGGED", alone, needFlags},
	{"unflagged", "", "is not marked", "UNFLAGGED", alone, needFlags},
	{"deleted", "", "is to be expunged", "DELETED", alone, needFlags},
	{"undeleted", "", "is not to be expunged", "UNDELETED", alone, needFlags},
	{"draft", "", "is a draft", "DRAFT", alone, needFlags},
	{"undraft", "", "is no draft", "UNDRAFT", alone, needFlags},
	{"keyword", "NAME", "has the keyword NAME, such as $Forwarded", "KEYWORD", keyword, needFlags},
	{"uid", "SET", "has one of these UIDs: 7, 1001:1010, 3,5:9", "UID", uids, needUID},
	{"has", "attachment", "is of type multipart/mixed, as mail with attachments is", "HEADER Content-Type multipart/mixed", attachment, needHeader},
	{"raw", "\"KEYS\"", "is found by these search keys of IMAP, such as raw:\"OR SEEN MODSEQ 5\"", "", raw, needServer},
}

var byName = func() map[string]*Key {
	m := make(map[string]*Key, len(keys))
	for _, k := range keys {
		m[k.Name] = k
	}
	return m
}()

// Keys gives the words of the language, in the order in which a reference shows them.
func Keys() []Key {
	list := make([]Key, len(keys))
	for i, k := range keys {
		list[i] = *k
	}
	return list
}

// operators are no keys.
var operators = []string{"or", "and", "not"}

// written is the key as one writes it: "from:", "unseen".
func (k *Key) written() string {
	if k.kind == alone {
		return k.Name
	}
	return k.Name + ":"
}

// names lists the keys for a hint.
func names() string {
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = k.written()
	}
	return "the keys are " + strings.Join(list, " ")
}

// unknownHint says what helps where there is no such key.
func unknownHint(wrong, value string) string {
	best, at := "", 3
	for _, k := range keys {
		if d := distance(strings.ToLower(wrong), k.Name); k.kind != alone && d < at && d < len(wrong) {
			best, at = k.Name, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %s:? what is no key stands in quotes: %q", best, wrong+":"+value)
	}
	return fmt.Sprintf("what is no key stands in quotes: %q; %s", wrong+":"+value, names())
}

// distance is the number of letters to put in, take out, change, or exchange with their neighbour.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
