package meaning

import "github.com/mailtrace/mailtrace/decode/imap/grammar"

// trait is a set of what matters of a command to the rules.
type trait uint8

const (
	turns   trait = 1 << iota // its completion may change the state
	quiet                     // FETCH, STORE, SEARCH: numbers hold still while it is under way
	numbers                   // its first argument is a set of sequence numbers
	selects                   // SELECT, EXAMINE
	logsIn                    // LOGIN, AUTHENTICATE
)

// ways is what the rules know of a command beside grammar.Known.
type ways struct {
	trait trait
	data  []string // untagged responses of which one is required before an OK (RFC 9051 §6)
}

// known is what is known of a command by its name.
type known struct {
	name  string
	ways  *ways
	info  *grammar.Info
	alone bool // without arguments: grammar.Alone
}

// noWays is what is known of a command that is nothing special.
var noWays ways

// unknown is what is known of a command that the grammar does not know, or that nobody looked at.
var unknown grammar.Info

var wayOf = map[string]*ways{
	"CAPABILITY":     {data: []string{"CAPABILITY"}},
	"LOGOUT":         {trait: turns},
	"STARTTLS":       {trait: turns},
	"AUTHENTICATE":   {trait: turns | logsIn},
	"LOGIN":          {trait: turns | logsIn},
	"UNAUTHENTICATE": {trait: turns},
	"ENABLE":         {data: []string{"ENABLED"}},
	"SELECT":         {trait: turns | selects},
	"EXAMINE":        {trait: turns | selects},
	"NAMESPACE":      {data: []string{"NAMESPACE"}},
	"STATUS":         {data: []string{"STATUS"}},
	"CLOSE":          {trait: turns},
	"UNSELECT":       {trait: turns},
	"SEARCH":         {trait: quiet, data: []string{"SEARCH", "ESEARCH"}},
	"UID SEARCH":     {data: []string{"SEARCH", "ESEARCH"}},
	"FETCH":          {trait: quiet | numbers},
	"STORE":          {trait: quiet | numbers},
	"COPY":           {trait: numbers},
	"MOVE":           {trait: numbers},
	"REPLACE":        {trait: numbers},
	"CONVERT":        {trait: numbers},
}
