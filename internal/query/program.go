package query

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/ianaindex"

	"github.com/mailtrace/mailtrace/internal/client"
)

// Server is what a search program depends on.
type Server struct {
	Within bool      // it has WITHIN (RFC 5032)
	Now    time.Time // for newer and older where it has not
	// Charset is that of text beyond ASCII; "" is UTF-8.
	Charset string
	// Unlabelled says that UTF-8 goes without CHARSET: it is void for an IMAP4rev2 server (RFC 9051
	// §6.4.4), and forbidden behind ENABLE UTF8=ACCEPT (RFC 6855 §3).
	Unlabelled bool
}

// Program is the query as the arguments of a SEARCH, for [client.Cmd] and [client.IMAP.Search]. notes say
// in which way it finds something else than what was asked for. The error is text that the charset
// lacks, or a charset that is not known here.
func (q *Query) Program(s Server) (args []any, notes []string, err error) {
	c := &compiler{server: s}
	if c.server.Charset == "" {
		c.server.Charset = "UTF-8"
	}
	if !q.ASCII() && !strings.EqualFold(c.server.Charset, "UTF-8") {
		known, err := ianaindex.MIME.Encoding(c.server.Charset)
		if err != nil || known == nil {
			return nil, nil, fmt.Errorf("query: the charset %s is not known here", c.server.Charset)
		}
		c.encoder = known.NewEncoder()
	}
	c.days = map[string]bool{}
	if !q.ASCII() && !(s.Unlabelled && c.encoder == nil) {
		args = append(args, client.Raw("CHARSET"), client.String(c.server.Charset))
	}
	if q.root.op == opAnd {
		for _, k := range q.root.kids {
			args = append(args, c.compile(k)...)
		}
	} else {
		args = append(args, c.compile(q.root)...)
	}
	return args, c.notes, c.err
}

// ASCII tells whether all text in the query is ASCII, so that its program needs no CHARSET.
func (q *Query) ASCII() bool {
	ascii := true
	q.root.each(func(n *node) {
		if strings.ContainsFunc(n.value, func(r rune) bool { return r >= 0x80 }) {
			ascii = false
		}
	})
	return ascii
}

type compiler struct {
	server  Server
	encoder *encoding.Encoder // nil: UTF-8
	days    map[string]bool   // keys that were told in notes
	notes   []string
	err     error
}

// compile gives one search key.
func (c *compiler) compile(n *node) []any {
	switch n.op {
	case opAnd:
		var list client.List
		for _, k := range n.kids {
			list = append(list, c.compile(k)...)
		}
		return []any{list}
	case opOr:
		return c.either(n.kids)
	case opNot:
		return append([]any{client.Raw("NOT")}, c.compile(n.kids[0])...)
	}
	return c.key(n)
}

// either joins keys by OR, which takes two: in halves, so that many do not lie deep.
func (c *compiler) either(kids []*node) []any {
	if len(kids) == 1 {
		return c.compile(kids[0])
	}
	args := append([]any{client.Raw("OR")}, c.either(kids[:len(kids)/2])...)
	return append(args, c.either(kids[len(kids)/2:])...)
}

func (c *compiler) key(n *node) []any {
	name := client.Raw(n.key.IMAP)
	switch n.key.kind {
	case text:
		return []any{name, c.text(n.value)}
	case header:
		if n.value == "" {
			return []any{name, client.String(n.field), client.Raw(`""`)}
		}
		return []any{name, client.String(n.field), c.text(n.value)}
	case day:
		return []any{name, date(n.day)}
	case octets:
		return []any{name, client.Raw(fmt.Sprint(n.n))}
	case span:
		return c.span(n)
	case keyword:
		return []any{name, client.Raw(n.value)}
	case uids:
		return []any{name, client.Raw(n.set.String())}
	case raw:
		return []any{client.Raw("(" + n.value + ")")}
	}
	return []any{name}
}

// span says OLDER or YOUNGER, or the day that comes nearest.
func (c *compiler) span(n *node) []any {
	if c.server.Within {
		return []any{client.Raw(n.key.IMAP), client.Raw(fmt.Sprint(n.n))}
	}
	if !c.days[n.key.Name] {
		c.days[n.key.Name] = true
		c.notes = append(c.notes, fmt.Sprintf("the server has no WITHIN (RFC 5032): %s: goes by whole days", n.key.Name))
	}
	name := client.Raw("SINCE")
	if n.key.Name == "older" {
		name = "BEFORE"
	}
	return []any{name, date(c.server.Now.Add(-time.Duration(n.n) * time.Second))}
}

// date is a date of the grammar (RFC 9051 §9).
func date(t time.Time) client.Raw { return client.Raw(t.Format("2-Jan-2006")) }

func (c *compiler) text(s string) client.String {
	if c.encoder == nil {
		return client.String(s)
	}
	encoded, err := c.encoder.String(s)
	if err != nil && c.err == nil {
		c.err = fmt.Errorf("query: %q cannot be said in %s", s, c.server.Charset)
	}
	return client.String(encoded)
}
