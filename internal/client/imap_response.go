package client

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap"
	"github.com/mailtrace/mailtrace/decode/imap/meaning"
	"github.com/mailtrace/mailtrace/internal/spool"
)

type content struct {
	at    int // in text
	spool *spool.Spool
}

// mostContents bounds the literals of one response.
const mostContents = 1000

// Response is one untagged response, whole.
type Response struct {
	Name string // "FETCH", "EXISTS", "LIST"
	// Detail is what the decoder made of it: *Fetched for FETCH, *grammar.List, *grammar.Status,
	// *meaning.Arrived for EXISTS, *meaning.Gone for EXPUNGE, *meaning.Status for OK, NO, BAD …
	Detail any
	Text   []byte // its line or lines without literals; valid during the call
}

// Fetched is the Detail of a FETCH response.
type Fetched struct {
	*meaning.Fetched
	contents []*spool.Spool // by section
}

// Content gives what came for the i-th of Sections, nil where it is NIL. It belongs to the caller,
// who drops or keeps it; what nobody asks for is dropped behind the call.
func (f *Fetched) Content(i int) *spool.Spool {
	s := f.contents[i]
	f.contents[i] = nil
	return s
}

func (f *Fetched) drop() {
	for _, s := range f.contents {
		if s != nil {
			s.Drop()
		}
	}
}

// Result is how a command ended.
type Result struct {
	Status string // OK, NO, BAD
	Code   string // response code, upper case
	Data   any    // what stands behind the code: *grammar.AppendUID, *grammar.CopyUID, *grammar.Number …
	Text   string // for people
}

// see takes an event of the server.
func (c *IMAP) see(e *decode.Event, s *spool.Spool) error {
	switch e.Kind {
	case decode.Greeting:
		c.learn(e.Detail)
		if e.Name == "BYE" {
			c.byed, c.bye = true, c.mask(humanText(e.Text, 2))
		}
		c.greeting = e.Name
	case decode.Malformed:
		if c.greeting == "" {
			return otherGreeting(c.cfg.URL.Addr(), "imap", e.Text)
		}
	case decode.Untagged:
		c.dropContents()
		c.logical = logical{name: e.Name, text: append(c.logical.text[:0], e.Text...), contents: c.logical.contents[:0]}
		if announces(e) {
			return nil
		}
		return c.response(e)
	case decode.Literal:
		if len(c.logical.contents) == mostContents {
			return fmt.Errorf("client: a response of more than %d literals", mostContents)
		}
		c.logical.contents = append(c.logical.contents, content{len(c.logical.text), s})
	case decode.Continuation:
		c.logical.text = append(c.logical.text, e.Text...)
		if len(c.logical.text) > lineLimit {
			return fmt.Errorf("client: a response of more than %d octets besides its literals", lineLimit)
		}
		if announces(e) {
			return nil
		}
		return c.response(e)
	case decode.ContinuationRequest:
		c.goAhead = append(c.goAhead, humanText(e.Text, 1))
		if len(c.goAhead) > mostContents {
			return errors.New("client: too many continuation requests")
		}
	case decode.Completion:
		return c.completion(e)
	}
	return nil
}

// response takes an untagged response that is whole.
func (c *IMAP) response(e *decode.Event) error {
	r := &Response{Name: c.logical.name, Detail: e.Detail, Text: c.logical.text}
	c.learn(e.Detail)
	switch d := e.Detail.(type) {
	case *meaning.Fetched:
		f := &Fetched{Fetched: d, contents: c.contents(d)}
		r.Detail = f
		defer f.drop()
	case *imap.Status:
		if d.Code == "ALERT" && c.cfg.Alert != nil {
			c.cfg.Alert("the server says: " + c.mask(humanText(e.Text, 2))) // "MUST be presented" (RFC 9051 §7.1)
		}
	}
	c.dropContents()
	if r.Name == "BYE" {
		c.byed, c.bye = true, c.mask(humanText(e.Text, 2))
	}
	if c.watch != nil {
		c.watch(r)
	}
	if c.on == nil {
		return nil
	}
	return c.on(r)
}

// contents gives each section what came for it.
func (c *IMAP) contents(f *meaning.Fetched) []*spool.Spool {
	list := make([]*spool.Spool, len(f.Sections))
	for i := range f.Sections {
		x := &f.Sections[i]
		switch {
		case x.NIL || x.Missing:
		case x.Literal:
			for j := range c.logical.contents {
				if l := &c.logical.contents[j]; l.at == x.At && l.spool != nil {
					list[i], l.spool = l.spool, nil
					break
				}
			}
		default:
			s := &spool.Spool{Dir: c.cfg.Dir}
			_, _ = s.Write(unquoted(c.logical.text[min(x.At, len(c.logical.text)):])) // it is small: it stays in memory
			list[i] = s
		}
	}
	return list
}

// unquoted gives the quoted string that text begins with.
func unquoted(text []byte) []byte {
	if len(text) == 0 || text[0] != '"' {
		return nil
	}
	var out []byte
	for i := 1; i < len(text) && text[i] != '"'; i++ {
		if text[i] == '\\' && i+1 < len(text) {
			i++
		}
		out = append(out, text[i])
	}
	return out
}

func (c *IMAP) dropContents() {
	for _, x := range c.logical.contents {
		if x.spool != nil {
			x.spool.Drop()
		}
	}
	c.logical.contents = c.logical.contents[:0]
}

// learn takes capabilities from wherever they are listed.
func (c *IMAP) learn(detail any) {
	var list *meaning.Capabilities
	switch d := detail.(type) {
	case *meaning.Capabilities:
		list = d
	case *meaning.Status:
		list = d.Capabilities
	case *meaning.Result:
		list = d.Capabilities
	}
	if list == nil {
		return
	}
	c.caps = map[string]bool{}
	for _, name := range list.List {
		c.caps[strings.ToUpper(name)] = true
	}
}

// completion ends the flight whose tag it has.
func (c *IMAP) completion(e *decode.Event) error {
	c.learn(e.Detail)
	for i, f := range c.flights {
		if f.tag != e.Tag {
			continue
		}
		c.flights = append(c.flights[:i:i], c.flights[i+1:]...)
		r := &Result{Status: e.Name, Text: c.mask(humanText(e.Text, 2))}
		if d, ok := e.Detail.(*meaning.Result); ok {
			r.Code, r.Data = d.Code, d.Argument
		}
		if r.Code == "ALERT" && c.cfg.Alert != nil {
			c.cfg.Alert("the server says: " + r.Text)
		}
		if c.done != nil {
			return c.done(f, r)
		}
		return nil
	}
	return errUnexpected("the completion of a command that was sent", c.mask(string(e.Text)))
}

// humanText gives what stands behind the first words of a status response and its code.
func humanText(line []byte, words int) string {
	s := string(line)
	for range words {
		_, s, _ = strings.Cut(s, " ")
	}
	if strings.HasPrefix(s, "[") {
		if i := strings.IndexByte(s, ']'); i >= 0 {
			s = strings.TrimPrefix(s[i+1:], " ")
		}
	}
	return s
}
