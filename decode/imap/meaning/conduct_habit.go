package meaning

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// habits counts what a client does within the rules and could do better. Each habit is told
// once a connection, behind a number of times that nobody reaches by chance.
type habits struct {
	readOnly  bool
	informed  bool // capabilities were listed since the last change of state
	redundant int  // CAPABILITY although they were

	items    items  // of the FETCH before
	single   int    // FETCHes of one message and the same items, one behind the other
	polls    int    // NOOP and CHECK, one behind the other
	idles    bool   // the client knows IDLE
	lists    int    // LIST "" *
	box      string // arguments of the SELECT that succeeded last
	opening  string // of the one under way
	reopens  int
	searches int // UID SEARCH ALL
	failures int // of LOGIN and AUTHENTICATE
	headers  int // FETCHes of header fields without PEEK
	bodies   int // and of other content
	fetched  map[uint64]struct{}
	shifts   uint64 // times that sequence numbers moved
	again    int    // FETCHes of content that was fetched before
}

// How often a habit has to show.
const (
	oftenSingle     = 20
	oftenPolls      = 5
	oftenLists      = 4
	oftenReopens    = 3
	oftenRedundant  = 3
	oftenSearches   = 3
	oftenFailures   = 3
	oftenHeaders    = 3
	oftenBodies     = 20
	oftenAgain      = 3
	mostFetched     = 4096
	longestIdle     = 29 * time.Minute
	longestSelected = 1 << 10
	longestItems    = 1 << 10
)

// command takes a command that begins.
func (h *habits) command(e *seen, c *conduct) {
	if e.Name != "NOOP" && e.Name != "CHECK" {
		h.polls = 0
	}
	fetch := e.Name == "FETCH" || e.Name == "UID FETCH"
	if !fetch {
		h.single = 0
	}
	switch e.Name {
	case "FETCH", "UID FETCH":
		h.fetch(e, c)
	case "NOOP", "CHECK":
		h.poll(e, c)
	case "IDLE":
		h.idles = true
	case "LIST", "LSUB":
		h.list(e, c)
	case "CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE":
		h.lists = 0
	case "SELECT", "EXAMINE":
		h.open(e, c)
	case "CAPABILITY":
		h.capability(e, c)
	case "SEARCH", "UID SEARCH":
		h.search(e, c)
	}
}

// items are the data items of a FETCH, and what they mean here. The next FETCH often has the
// same (BenchmarkConduct).
type items struct {
	text  []byte // as sent, at most longestItems octets
	reads reads
	whole bool // they ask for whole messages
	sum   uint64
}

// learn takes the items of another FETCH, and tells whether they are the same.
func (i *items) learn(text []byte) (same bool) {
	if bytes.Equal(i.text, text) {
		return true
	}
	i.text = append(i.text[:0], text...)
	upper := bytes.ToUpper(text)
	sum := fnv.New64a()
	sum.Write(upper)
	i.reads, i.whole, i.sum = content(upper), whole(upper), sum.Sum64()
	return false
}

func (h *habits) fetch(e *seen, c *conduct) {
	set, what, _ := bytes.Cut(arguments(e), []byte(" "))
	if len(what) > longestItems {
		h.single = 0
		return
	}
	if !h.items.learn(what) {
		h.single = 0
	}
	i := &h.items
	if !h.readOnly && i.reads != peeks {
		h.setsSeen(e, c, i.reads)
	}
	n := parseSet(set)
	switch {
	case !n.single:
		h.single = 0
	case i.whole:
		h.fetchAgain(e, c, i.sum, n.highest)
	default:
		if h.single++; h.single >= oftenSingle && c.once.first(saidOneByOne) {
			e.found(rules.HabitOneByOne, e.Span, fmt.Sprintf("%d FETCHes of one message each for the same items", h.single))
		}
	}
}

// reads is what a FETCH does to \Seen.
type reads uint8

const (
	peeks   reads = iota // nothing
	header               // sets it, and fetches header fields only
	message              // sets it
)

// content tells what items do to \Seen: BODY[…], RFC822, RFC822.TEXT and BINARY[…] set it
// (RFC 9051 §6.4.5, RFC 3501 §6.4.5, RFC 3516 §4.2).
func content(items []byte) (r reads) {
	for _, word := range [...]string{"BODY[", "BINARY["} {
		for rest := items; ; {
			i := bytes.Index(rest, []byte(word))
			if i < 0 {
				break
			}
			rest = rest[i+len(word):]
			if bytes.HasPrefix(rest, []byte("HEADER")) || bytes.HasPrefix(rest, []byte("MIME")) {
				r = max(r, header)
				continue
			}
			r = message
		}
	}
	for rest := items; ; {
		i := bytes.Index(rest, []byte("RFC822"))
		if i < 0 {
			return r
		}
		rest = rest[i+len("RFC822"):]
		if len(rest) == 0 || rest[0] == ' ' || rest[0] == ')' || bytes.HasPrefix(rest, []byte(".TEXT")) {
			r = message
		}
	}
}

// whole tells whether items ask for whole messages.
func whole(items []byte) bool {
	for _, w := range [...]string{"BODY[]", "BODY.PEEK[]", "BINARY[]", "BINARY.PEEK[]"} {
		if i := bytes.Index(items, []byte(w)); i >= 0 && !bytes.HasPrefix(items[i+len(w):], []byte("<")) {
			return true
		}
	}
	return bytes.Equal(items, []byte("RFC822")) || bytes.Contains(items, []byte("RFC822 ")) || bytes.Contains(items, []byte("RFC822)"))
}

func (h *habits) setsSeen(e *seen, c *conduct, r reads) {
	switch r {
	case header:
		if h.headers++; h.headers >= oftenHeaders && c.once.first(saidSeen) {
			e.found(rules.HabitSetsSeen, e.Span, "of header fields, which are rarely what a user reads; BODY.PEEK[HEADER…] leaves the flag")
		}
	case message:
		if h.bodies++; h.bodies >= oftenBodies && c.once.first(saidSeen) {
			e.found(rules.HabitSetsSeen, e.Span, fmt.Sprintf("of %d FETCHes; BODY.PEEK[…] leaves the flag", h.bodies))
		}
	}
}

// fetchAgain counts messages fetched that were fetched before. Behind mostFetched of them
// nothing new is remembered.
func (h *habits) fetchAgain(e *seen, c *conduct, items uint64, n int64) {
	key := items*1099511628211 ^ uint64(n)
	if e.Name == "FETCH" {
		key = ^key ^ h.shifts<<32
	}
	if _, ok := h.fetched[key]; ok {
		if h.again++; h.again >= oftenAgain && c.once.first(saidFetchAgain) {
			e.found(rules.HabitFetchAgain, e.Span, fmt.Sprintf("%s %d, the %d. time that this happens", e.Name, n, h.again))
		}
		return
	}
	if h.fetched == nil {
		h.fetched = map[uint64]struct{}{}
	}
	if len(h.fetched) < mostFetched {
		h.fetched[key] = struct{}{}
	}
}

func (h *habits) poll(e *seen, c *conduct) {
	if e.State != decode.Selected {
		return
	}
	h.polls++
	if h.polls >= oftenPolls && !h.idles && c.caps.has(ever, "IDLE", revision2) && c.once.first(saidPolling) {
		e.found(rules.HabitPolling, e.Span, fmt.Sprintf("%d times %s, and nothing between", h.polls, e.Name))
	}
}

func (h *habits) list(e *seen, c *conduct) {
	switch string(arguments(e)) {
	case `"" *`, `"" "*"`:
		if h.lists++; h.lists >= oftenLists && c.once.first(saidListAgain) {
			e.found(rules.HabitListAgain, e.Span, fmt.Sprintf("%d times, and the client changed none of them", h.lists))
		}
	}
}

func (h *habits) open(e *seen, c *conduct) {
	args := arguments(e)
	if len(args) > longestSelected || len(args) == 0 {
		h.opening = ""
		return
	}
	box := e.Name + " " + string(args)
	if e.State != decode.Selected || box != h.box || c.selecting() > 0 {
		h.reopens, h.opening = 0, box
		return
	}
	if h.reopens++; h.reopens >= oftenReopens && c.once.first(saidSelectAgain) {
		e.found(rules.HabitSelectAgain, e.Span, fmt.Sprintf("%d times", h.reopens))
	}
}

func (h *habits) capability(e *seen, c *conduct) {
	if !h.informed || c.refreshing() {
		return
	}
	if h.redundant++; h.redundant >= oftenRedundant && c.once.first(saidCapabilityAgain) {
		e.found(rules.HabitCapabilityAgain, e.Span, fmt.Sprintf("%d times", h.redundant))
	}
}

func (h *habits) search(e *seen, c *conduct) {
	args := bytes.ToUpper(arguments(e))
	if string(args) != "ALL" && string(args) != "1:*" {
		return
	}
	if h.searches++; h.searches >= oftenSearches && c.once.first(saidSearchAll) {
		e.found(rules.HabitSearchAll, e.Span, fmt.Sprintf("%d times %s %s", h.searches, e.Name, args))
	}
}

// idled takes the DONE of an IDLE.
func (h *habits) idled(e *seen, f *flight, c *conduct) {
	if f.asked && e.Time.Sub(f.since) > longestIdle && c.once.first(saidLongIdle) {
		e.found(rules.HabitLongIdle, e.Span, "")
	}
}

// completed takes a command's result.
func (h *habits) completed(e *seen, f *flight, c *conduct) {
	switch {
	case f.trait&logsIn != 0 && e.Name != "OK":
		if h.failures++; h.failures >= oftenFailures && c.once.first(saidLoginAgain) {
			e.found(rules.HabitLoginAgain, e.Span, fmt.Sprintf("%d times", h.failures))
		}
	case f.trait&logsIn != 0, e.Event.Command.Name == "UNAUTHENTICATE":
		d, _ := e.Detail.(*Result)
		h.informed = d != nil && d.Capabilities != nil
		h.redundant = 0
	case f.trait&selects != 0:
		clear(h.fetched)
		h.box = h.opening
		if e.Name != "OK" {
			h.box = ""
		}
	}
}
