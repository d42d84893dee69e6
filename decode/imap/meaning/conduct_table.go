package meaning

import "github.com/mailtrace/mailtrace/decode"

// states is a set of protocol states.
type states uint8

func in(of ...decode.State) (s states) {
	for _, x := range of {
		s |= 1 << x
	}
	return s
}

func (s states) has(x decode.State) bool { return s&(1<<x) != 0 }

var (
	before   = in(decode.NotAuthenticated)
	behind   = in(decode.Authenticated, decode.Selected)
	selected = in(decode.Selected)
)

// trait is a set of what matters of a command to the rules.
type trait uint16

const (
	turns   trait = 1 << iota // its completion may change the state
	quiet                     // FETCH, STORE, SEARCH: numbers hold still while it is under way
	numbers                   // its first argument is a set of sequence numbers
	selects                   // SELECT, EXAMINE
	logsIn                    // LOGIN, AUTHENTICATE
	base                      // an extension that is part of IMAP4rev2 (RFC 9051 Appendix E)
)

// ways is what the rules know of a command.
type ways struct {
	name   string
	states states   // where it is valid; none: everywhere
	trait  trait    // what matters of it
	needs  []string // capabilities of which one allows it; what ends in "=" begins one
	data   []string // untagged responses of which one is required before an OK (RFC 9051 §6)
}

var wayList = []ways{
	{name: "CAPABILITY", data: []string{"CAPABILITY"}},
	{name: "NOOP"},
	{name: "LOGOUT", trait: turns},
	{name: "ID", needs: []string{"ID"}},
	{name: "LANGUAGE", needs: []string{"LANGUAGE"}},
	{name: "COMPARATOR", needs: []string{"I18NLEVEL=2"}},
	{name: "COMPRESS", needs: []string{"COMPRESS="}},
	{name: "STARTTLS", states: before, trait: turns},
	{name: "AUTHENTICATE", states: before, trait: turns | logsIn},
	{name: "LOGIN", states: before, trait: turns | logsIn},
	{name: "UNAUTHENTICATE", states: behind, trait: turns, needs: []string{"UNAUTHENTICATE"}},
	// QRESYNC and UTF8=ACCEPT go with ENABLE (RFC 7162 §3.2.3, RFC 6855 §3).
	{name: "ENABLE", states: in(decode.Authenticated), trait: base, needs: []string{"ENABLE", "CONDSTORE", "QRESYNC", "UTF8="}, data: []string{"ENABLED"}},
	{name: "SELECT", states: behind, trait: turns | selects},
	{name: "EXAMINE", states: behind, trait: turns | selects},
	{name: "CREATE", states: behind},
	{name: "DELETE", states: behind},
	{name: "RENAME", states: behind},
	{name: "SUBSCRIBE", states: behind},
	{name: "UNSUBSCRIBE", states: behind},
	{name: "LIST", states: behind},
	{name: "LSUB", states: behind},
	{name: "XLIST", states: behind, needs: []string{"XLIST"}},
	{name: "RLIST", states: behind, needs: []string{"MAILBOX-REFERRALS"}},
	{name: "RLSUB", states: behind, needs: []string{"MAILBOX-REFERRALS"}},
	{name: "NAMESPACE", states: behind, trait: base, needs: []string{"NAMESPACE"}, data: []string{"NAMESPACE"}},
	{name: "STATUS", states: behind, data: []string{"STATUS"}},
	{name: "APPEND", states: behind},
	{name: "IDLE", states: behind, trait: base, needs: []string{"IDLE"}},
	{name: "NOTIFY", states: behind, needs: []string{"NOTIFY"}},
	{name: "ESEARCH", states: behind, needs: []string{"MULTISEARCH"}},
	{name: "CONVERSIONS", states: behind, needs: []string{"CONVERT"}},
	{name: "GETACL", states: behind, needs: []string{"ACL"}},
	{name: "SETACL", states: behind, needs: []string{"ACL"}},
	{name: "DELETEACL", states: behind, needs: []string{"ACL"}},
	{name: "LISTRIGHTS", states: behind, needs: []string{"ACL"}},
	{name: "MYRIGHTS", states: behind, needs: []string{"ACL"}},
	{name: "GETQUOTA", states: behind, needs: []string{"QUOTA", "QUOTA="}},
	{name: "GETQUOTAROOT", states: behind, needs: []string{"QUOTA", "QUOTA="}},
	{name: "SETQUOTA", states: behind, needs: []string{"QUOTA", "QUOTA=", "QUOTASET"}},
	{name: "GETMETADATA", states: behind, needs: []string{"METADATA", "METADATA-SERVER"}},
	{name: "SETMETADATA", states: behind, needs: []string{"METADATA", "METADATA-SERVER"}},
	{name: "GETANNOTATION", states: behind},
	{name: "SETANNOTATION", states: behind},
	{name: "XAPPLEPUSHSERVICE", states: behind, needs: []string{"XAPPLEPUSHSERVICE"}},
	{name: "CHECK", states: selected},
	{name: "CLOSE", states: selected, trait: turns},
	{name: "UNSELECT", states: selected, trait: turns | base, needs: []string{"UNSELECT"}},
	{name: "EXPUNGE", states: selected},
	{name: "SEARCH", states: selected, trait: quiet, data: []string{"SEARCH", "ESEARCH"}},
	{name: "FETCH", states: selected, trait: quiet | numbers},
	{name: "STORE", states: selected, trait: quiet | numbers},
	{name: "COPY", states: selected, trait: numbers},
	{name: "MOVE", states: selected, trait: numbers | base, needs: []string{"MOVE"}},
	{name: "REPLACE", states: selected, trait: numbers, needs: []string{"REPLACE"}},
	{name: "CONVERT", states: selected, trait: numbers, needs: []string{"CONVERT"}},
	{name: "SORT", states: selected, needs: []string{"SORT", "SORT=", "ESORT"}},
	{name: "THREAD", states: selected, needs: []string{"THREAD="}},
	{name: "CANCELUPDATE", states: behind, needs: []string{"CONTEXT=", "ESORT"}},
	{name: "UID EXPUNGE", states: selected, trait: base, needs: []string{"UIDPLUS"}},
	{name: "UID SEARCH", states: selected, data: []string{"SEARCH", "ESEARCH"}},
	{name: "UID FETCH", states: selected},
	{name: "UID STORE", states: selected},
	{name: "UID COPY", states: selected},
	{name: "UID MOVE", states: selected, trait: base, needs: []string{"MOVE"}},
	{name: "UID REPLACE", states: selected, needs: []string{"REPLACE"}},
	{name: "UID CONVERT", states: selected, needs: []string{"CONVERT"}},
	{name: "UID SORT", states: selected, needs: []string{"SORT", "SORT=", "ESORT"}},
	{name: "UID THREAD", states: selected, needs: []string{"THREAD="}},
}

// noWays is what is known of a command that no table has.
var noWays ways

var wayOf = func() map[string]*ways {
	m := make(map[string]*ways, len(wayList))
	for i := range wayList {
		m[wayList[i].name] = &wayList[i]
	}
	return m
}()
