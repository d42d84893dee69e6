package client

import (
	"context"
	"fmt"
	"strings"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/decode/imap/meaning"
)

// Mailbox is a mailbox that was opened, as the server told it (RFC 9051 §6.3.2).
type Mailbox struct {
	Name          string // decoded
	Exists        uint32
	UIDValidity   uint32
	UIDNext       uint32 // 0 where it was not said
	HighestModSeq int64  // 0 where the mailbox has none (RFC 7162 §3.1.2.1)
	ReadOnly      bool
	Flags         []string // defined
	Permanent     []string // that can be stored; nil where it was not said: all (RFC 9051 §6.3.2)
	UIDNotSticky  bool
}

// Select opens a mailbox, read-only where that is asked for. params are select parameters, such as
// "(CONDSTORE)"; on, which may be nil, is given what comes, such as the FETCH and VANISHED of QRESYNC.
func (c *IMAP) Select(ctx context.Context, name string, readOnly bool, params string, on func(*Response) error) (*Mailbox, error) {
	verb := "SELECT"
	if readOnly {
		verb = "EXAMINE"
	}
	args := []any{c.mailbox(name)}
	if params != "" {
		args = append(args, Raw(params))
	}
	m := &Mailbox{Name: name}
	result, err := c.Do(ctx, Cmd(verb, args...), func(r *Response) error {
		m.learn(r)
		if on != nil {
			return on(r)
		}
		return nil
	})
	if err != nil {
		return nil, inMailbox(err, name)
	}
	m.ReadOnly = readOnly || result.Code == "READ-ONLY"
	return m, nil
}

// Enable turns an extension on (RFC 9051 §6.3.1).
func (c *IMAP) Enable(ctx context.Context, name string) error {
	if c.Enabled(name) {
		return nil
	}
	_, err := c.Do(ctx, Cmd("ENABLE", Raw(name)), func(r *Response) error {
		if r.Name == "ENABLED" {
			for _, word := range strings.Fields(string(r.Text)) {
				if strings.EqualFold(word, name) {
					c.enabled[strings.ToUpper(name)] = true
				}
			}
		}
		return nil
	})
	return err
}

// Enabled tells whether the server said that it turned an extension on.
func (c *IMAP) Enabled(name string) bool { return c.enabled[strings.ToUpper(name)] }

// inMailbox says in a refusal which mailbox it was about.
func inMailbox(err error, name string) error {
	if e, ok := err.(*ServerError); ok { //nolint:errorlint // Do gives it bare
		e.Mailbox = name
	}
	return err
}

func (m *Mailbox) learn(r *Response) {
	switch d := r.Detail.(type) {
	case *meaning.Arrived:
		m.Exists = uint32(min(max(d.Messages, 0), 1<<32-1))
	case *grammar.Flags:
		m.Flags = strs(d.Flags)
	case *meaning.Status:
		switch data := d.Data.(type) {
		case *grammar.Number:
			switch d.Code {
			case "UIDVALIDITY":
				m.UIDValidity = uint32(data.Value)
			case "UIDNEXT":
				m.UIDNext = uint32(data.Value)
			case "HIGHESTMODSEQ":
				m.HighestModSeq = data.Value
			}
		case *grammar.Flags:
			if d.Code == "PERMANENTFLAGS" {
				m.Permanent = strs(data.Flags)
			}
		}
		m.UIDNotSticky = m.UIDNotSticky || d.Code == "UIDNOTSTICKY"
	}
}

// CanStore tells whether the mailbox keeps a flag or keyword.
func (m *Mailbox) CanStore(flag string) bool {
	if m.Permanent == nil {
		return true
	}
	for _, f := range m.Permanent {
		if strings.EqualFold(f, flag) || f == `\*` && !strings.HasPrefix(flag, `\`) {
			return true
		}
	}
	return false
}

func strs(list []grammar.Text) []string {
	out := make([]string, 0, len(list))
	for _, t := range list {
		out = append(out, string(t))
	}
	return out
}

// Fetch gets data of messages: items such as "(UID FLAGS ENVELOPE)" of those in set, which holds UIDs
// where uid is set, sequence numbers otherwise. on is given every FETCH response, those of changes too
// that the server tells of its own accord.
func (c *IMAP) Fetch(ctx context.Context, uid bool, set, items string, on func(*Fetched) error) error {
	_, err := c.Do(ctx, FetchCommand(uid, set, items), OnFetch(on))
	return err
}

// FetchCommand is FETCH or UID FETCH, for [IMAP.Pipeline].
func FetchCommand(uid bool, set, items string) Command {
	name := "FETCH"
	if uid {
		name = "UID FETCH"
	}
	return Cmd(name, Raw(set), Raw(items))
}

// OnFetch is given to Do and Pipeline by who wants FETCH responses alone.
func OnFetch(on func(*Fetched) error) func(*Response) error {
	return func(r *Response) error {
		if f, ok := r.Detail.(*Fetched); ok {
			return on(f)
		}
		return nil
	}
}

// ContentLimit bounds the octets of one content that the server may send from here on; 0: no bound.
func (c *conn) ContentLimit(octets int64) { c.limit = octets }

// Search gives the numbers of the messages that a search program finds, UIDs where uid is set, in the
// order in which they came. program is what follows SEARCH, without RETURN.
func (c *IMAP) Search(ctx context.Context, uid bool, program ...any) ([]uint32, error) {
	name := "SEARCH"
	if uid {
		name = "UID SEARCH"
	}
	if c.Speaks("ESEARCH") {
		program = append([]any{Raw("RETURN (ALL)")}, program...)
	}
	var found []uint32
	_, err := c.Do(ctx, Cmd(name, program...), func(r *Response) error {
		switch d := r.Detail.(type) {
		case *grammar.Numbers:
			found = append(found, numbersOf(r.Text)...)
		case *grammar.ESearch:
			var err error
			found, err = appendSet(found, d.All)
			return err
		}
		return nil
	})
	return found, err
}

// numbersOf reads the numbers of a SEARCH response (RFC 9051 appendix E: of IMAP4rev1), of which the
// decoder keeps but the beginning.
func numbersOf(line []byte) []uint32 {
	var list []uint32
	var n uint64
	in := false
	for _, b := range line {
		switch {
		case '0' <= b && b <= '9':
			n, in = min(n*10+uint64(b-'0'), 1<<32), true
		case b == '(':
			return list // MODSEQ follows
		default:
			if in && n < 1<<32 {
				list = append(list, uint32(n))
			}
			n, in = 0, false
		}
	}
	if in && n < 1<<32 {
		list = append(list, uint32(n))
	}
	return list
}

// searchLimit bounds what a server may claim to have found.
const searchLimit = 16 << 20

func appendSet(list []uint32, set []byte) ([]uint32, error) {
	if len(set) == 0 {
		return list, nil
	}
	s, n, ok := grammar.ParseSet(set)
	if !ok || n != len(set) {
		return list, errUnexpected("a set of numbers", string(set))
	}
	for r := range s.All() {
		first, last := min(r.First, r.Last), max(r.First, r.Last)
		if uint64(len(list))+uint64(last-first) > searchLimit {
			return list, fmt.Errorf("client: the server finds more than %d messages", searchLimit)
		}
		for n := first; ; n++ {
			list = append(list, n)
			if n == last {
				break
			}
		}
	}
	return list, nil
}

// Set writes numbers, in any order, as a sequence set in ascending order.
func Set(numbers []uint32) string {
	var ranges []grammar.Range
	for _, n := range sorted(numbers) {
		if k := len(ranges) - 1; k >= 0 && ranges[k].Last+1 >= n {
			ranges[k].Last = n
			continue
		}
		ranges = append(ranges, grammar.Range{First: n, Last: n})
	}
	return string(grammar.AppendSet(nil, ranges))
}
