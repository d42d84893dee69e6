package client

import (
	"slices"
	"strings"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
)

// flagsOf gives flags in one order, whatever order a server tells the set in: system flags, then keywords.
func flagsOf(list []grammar.Text) []string {
	flags := strs(list)
	slices.SortFunc(flags, func(a, b string) int {
		as, bs := strings.HasPrefix(a, `\`), strings.HasPrefix(b, `\`)
		switch {
		case as && !bs:
			return -1
		case bs && !as:
			return 1
		}
		return strings.Compare(strings.ToLower(a), strings.ToLower(b))
	})
	return flags
}
