package main

import (
	"regexp"
	"strconv"
)

// joined is a message whose pieces come one after the other, as Thunderbird fetches
// large ones: BODY[]<0>, BODY[]<65536>, … (RFC 9051 §6.4.5, partial fetches). The piece
// that is shorter than the others were to be is the last one.
type joined struct {
	*body
	name string
}

var (
	pieceItem    = regexp.MustCompile(`(?i)^BODY\[\]<([0-9]{1,18})>$`)
	pieceCommand = regexp.MustCompile(`(?i)BODY(?:\.PEEK)?\[\]<([0-9]+)\.([0-9]{1,18})>`)
)

// pieceAt is the octet at which the piece begins that a FETCH data item is.
func pieceAt(item string) (at int64, ok bool) {
	m := pieceItem.FindStringSubmatch(item)
	if m == nil {
		return 0, false
	}
	at, err := strconv.ParseInt(m[1], 10, 64)
	return at, err == nil
}

// ask notes the length of the pieces that a command asks for, if it does. The last one of a
// message may be asked for by what is left of it, so the longest counts.
func (c *extraction) ask(line []byte) {
	m := pieceCommand.FindSubmatch(line)
	if m == nil {
		return
	}
	n, err := strconv.ParseInt(string(m[2]), 10, 64)
	if err != nil {
		return
	}
	if string(m[1]) == "0" {
		c.asked = 0
	}
	c.asked = max(c.asked, n)
}

// join adds a piece to the message that it goes on with.
func (x *extractor) join(c *extraction, a arrived) {
	name, octets := c.fetched.name(), a.octets
	switch j := c.joined; {
	case a.at == 0:
		x.abandon(c)
		c.joined = &joined{a.body, name}
	case j == nil || j.name != name || j.octets != a.at:
		x.abandon(c)
		x.skip(a.body, x.nameOf(c, name)+" incomplete: a piece is missing before octet "+strconv.FormatInt(a.at, 10))
		return
	default:
		if err := j.append(a.body); err != nil {
			x.fail(err)
		}
	}
	if octets < c.asked {
		x.keep(c, c.joined.body, name, true)
		c.joined = nil
	}
}

// abandon gives up a message of which no further piece will come.
func (x *extractor) abandon(c *extraction) {
	if c.joined != nil {
		x.skip(c.joined.body, x.nameOf(c, c.joined.name)+" incomplete: its last piece was not fetched")
		c.joined = nil
	}
}
