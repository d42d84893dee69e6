package compare

import "fmt"

// Point is one thing that the protocols do differently.
type Point struct {
	What string `json:"what"`
	IMAP string `json:"imap"`
	POP3 string `json:"pop3"`
	Ref  string `json:"ref"`
}

// Lesson says what the two sides differ in, from what was measured and what the servers offer.
func Lesson(imap, pop3 *Side) []Point {
	points := []Point{
		{"where mail lives", "on the server; clients see the same", "in a maildrop, to be taken away", "RFC 1939 §1"},
		{"mailboxes", "many, with names", "one", "RFC 9051 §5.1, RFC 1939 §3"},
		{"flags", `\Seen, \Flagged, keywords, kept for all`, "none: each client keeps its own", "RFC 9051 §2.3.2"},
		{"a message's lasting name", "UID, as long as UIDVALIDITY", "UIDL, optional", "RFC 9051 §2.3.1.1, RFC 1939 §7"},
		{"parts of a message", "any part, any range of octets", "the header and N lines (TOP), or all", "RFC 9051 §6.4.5, RFC 1939 §7"},
		{"searching", "by the server", "by the client, after fetching", "RFC 9051 §6.4.4"},
		{"several at once", "yes, each is told of changes", "one session holds the maildrop", "RFC 9051 §5.2, RFC 1939 §4"},
		{"removing", "marked, then expunged", "marked, and gone at QUIT", "RFC 9051 §6.4.3, RFC 1939 §6"},
	}
	news := Point{What: "new mail", IMAP: "NOOP in the open session", POP3: "a new session each time", Ref: "RFC 9051 §6.1.2, RFC 1939 §4"}
	if imap.Has("IDLE") {
		news.IMAP, news.Ref = "pushed at once (IDLE)", "RFC 2177 §3, RFC 1939 §4"
	}
	points = append(points, news)
	list := Point{What: fmt.Sprintf("%d headers", max(imap.Listed, pop3.Listed)), Ref: "RFC 9051 §6.4.5, RFC 1939 §7"}
	list.IMAP = turns(imap, "one FETCH for all")
	how := "a TOP each, waiting for each"
	if pop3.Has("PIPELINING") {
		how, list.Ref = "a TOP each, said ahead (PIPELINING)", "RFC 9051 §6.4.5, RFC 2449 §6.6"
	}
	list.POP3 = turns(pop3, how)
	return append(points, list)
}

// turns says how often the listing waited.
func turns(s *Side, how string) string {
	for _, p := range s.Phases {
		if p.Name == listing {
			return fmt.Sprintf("%s: %d waits", how, p.Turns)
		}
	}
	return how
}
