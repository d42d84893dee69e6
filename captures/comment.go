package captures

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mailtrace/mailtrace/decode"
)

// Comments that are no mark.
const (
	kindStream   = "stream"   // on a SYN: a stream begins without a mark
	kindGap      = "gap"      // octets of the segment's direction are missing before it
	kindRedacted = "redacted" // the segment holds filler in the place of secrets
)

// largestValue bounds one value of a mark in a comment, so that a block stays below
// largestBlock. It is the longest line whose text a session keeps by default.
const largestValue = 64 << 10

// place says which stream a comment belongs to. Its keys stand first and end with
// layer=, so that a mark may have fields of the same names.
type place struct {
	conn     int
	origin   decode.Origin
	dir      decode.Dir
	previous string // endpoint of the stream that this one goes on from, "" of none
	layer    int    // number of the stream within the connection, from 1
}

func (p place) comment(kind string, fields decode.Fields) string {
	head := decode.Fields{{Key: "conn", Value: strconv.Itoa(p.conn)}}
	if p.origin == decode.FromProxy {
		head = head.With("origin", "proxy")
	}
	head = head.With("dir", p.dir.String()).With("previous", p.previous).With("layer", strconv.Itoa(p.layer))
	for _, f := range fields {
		f.Value = f.Value[:min(len(f.Value), largestValue)]
		head = append(head, f)
	}
	return kind + " " + head.String()
}

// comment is a parsed comment of ours.
type comment struct {
	kind string
	place
	fields decode.Fields // without those of the place
}

// parseComment reads what place.comment wrote, without the prefix.
func parseComment(s string) (comment, error) {
	kind, rest, _ := strings.Cut(s, " ")
	c := comment{kind: kind}
	if kind == kindRedacted {
		return c, nil
	}
	fields, err := decode.ParseFields(rest)
	if err != nil {
		return c, err
	}
	for i, f := range fields {
		switch f.Key {
		case "conn":
			c.conn, err = positive(f.Value)
		case "origin":
			if f.Value != "proxy" {
				err = fmt.Errorf("expected origin=proxy, got %q", f.Value)
			}
			c.origin = decode.FromProxy
		case "dir":
			switch f.Value {
			case decode.Client.String():
				c.dir = decode.Client
			case decode.Server.String():
				c.dir = decode.Server
			default:
				err = fmt.Errorf("expected dir=C or dir=S, got %q", f.Value)
			}
		case "previous":
			c.previous = f.Value
		case "layer":
			if c.layer, err = positive(f.Value); err == nil && c.conn == 0 {
				err = fmt.Errorf("expected conn= before layer=")
			}
			if i+1 < len(fields) {
				c.fields = fields[i+1:]
			}
			return c, err
		default:
			err = fmt.Errorf("expected conn, origin, dir, previous or layer, got %q", f.Key)
		}
		if err != nil {
			return c, err
		}
	}
	return c, fmt.Errorf("expected layer= in %q", kind)
}

func positive(s string) (int, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("expected a number from 1, got %q", s)
	}
	return int(n), nil
}
