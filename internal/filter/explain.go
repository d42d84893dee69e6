package filter

import "strings"

// unitsHint says how numbers with units are written.
const unitsHint = "durations are written 200ms, 1.5s, 2m, 1h; sizes 512B, 10KB (10,000), 10KiB (10,240), 1MB"

// ownTypes puts the types that expr names into the words that --filter help has for them.
var ownTypes = strings.NewReplacer(
	"time.Duration", "duration", "time.Time", "time", "[]string", "list",
	"uint64", "number", "int64", "number", "float64", "number", " int)", " number)", "(int ", "(number ",
)

// hintAt names what helps against a message of expr, "" where nothing certain does.
func hintAt(message string) string {
	switch {
	case strings.Contains(message, `Operator("=")`):
		return "equality is written =="
	case strings.Contains(message, `Identifier("AND")`), strings.Contains(message, `Identifier("OR")`):
		return "conditions are joined with && and ||"
	case !strings.Contains(message, "mismatched types"):
		return ""
	case strings.Contains(message, "[]string"):
		return `what is in a list is asked with in: "pop3.size" in findings`
	case strings.Contains(message, "time.Time"):
		return `times are written date("2026-01-31")`
	case strings.Contains(message, "time.Duration"):
		return unitsHint
	case strings.Contains(message, "string"):
		return "text stands in quotes, numbers do not: tag == \"7\", octets > 10KB"
	}
	return ""
}
