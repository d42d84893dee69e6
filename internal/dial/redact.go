package dial

import (
	"net/netip"
	"strconv"
	"strings"
)

// redact replaces whatever in a raw URL may be a password. It fails closed: what stands
// between the first colon and the last "@" goes, and without an "@" what follows a colon
// and is no port.
func redact(raw string) string {
	const filler = "xxxxx"
	start := 0
	if i := strings.Index(raw, "://"); i >= 0 {
		start = i + len("://")
	} else if name, _, ok := strings.Cut(raw, ":"); ok {
		if _, known := schemeNamed(strings.ToLower(name)); known {
			start = len(name) + 1
		}
	}
	head, rest := raw[:start], raw[start:]
	if strings.ContainsAny(strings.TrimSuffix(head, "://"), "/@") || strings.Count(head, ":") > 1 {
		return filler // "://" within a password
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		if user, _, ok := strings.Cut(rest[:at], ":"); ok {
			return head + user + ":" + filler + rest[at:]
		}
		return raw
	}
	if strings.HasPrefix(rest, "[") {
		return raw
	}
	if _, err := netip.ParseAddr(rest); err == nil {
		return raw
	}
	if host, tail, ok := strings.Cut(rest, ":"); ok {
		port, path, _ := strings.Cut(tail, "/")
		if _, err := strconv.ParseUint(port, 10, 16); err != nil || strings.ContainsAny(path, ":@") {
			return head + host + ":" + filler
		}
	}
	return raw
}

// quote makes text from elsewhere fit for one line of a terminal: printable, in quotes,
// and not too long.
func quote(s string) string {
	const most = 120
	if len(s) > most {
		return strconv.Quote(s[:most]) + "…"
	}
	return strconv.Quote(s)
}
