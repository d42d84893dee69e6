package print

import (
	"bytes"
	"reflect"
	"strconv"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/mime"
)

// object appends the fields of a JSON object one by one, empty ones left out.
type object struct {
	b    []byte
	open bool
}

func (o *object) key(name string) {
	if o.open {
		o.b = append(o.b, ',')
	} else {
		o.b = append(o.b, '{')
		o.open = true
	}
	o.b = append(appendString(o.b, name), ':')
}

func (o *object) text(name, value string) {
	if value != "" {
		o.key(name)
		o.b = appendString(o.b, value)
	}
}

func (o *object) number(name string, value int64) {
	o.key(name)
	o.b = strconv.AppendInt(o.b, value, 10)
}

func (o *object) end() []byte {
	if !o.open {
		o.b = append(o.b, '{')
	}
	return append(o.b, '}')
}

// Detail gives the object that docs/events.md calls detail, nil where there is none.
func Detail(detail any) []byte {
	return bytes.TrimPrefix(appendDetail(nil, detail), []byte(`,"detail":`))
}

// appendDetail appends the field detail. The types that every protocol shares are
// written by hand, those of one protocol by appendValue.
func appendDetail(b []byte, detail any) []byte {
	before := len(b)
	o := object{b: append(b, `,"detail":`...)}
	switch d := detail.(type) {
	case decode.Fields:
		for _, f := range d {
			o.text(f.Key, f.Value)
		}
	case *mime.Part:
		if d == nil {
			return b
		}
		o.part(d)
	case *decode.Totals:
		if d == nil {
			return b
		}
		o.totals(d)
	case *decode.CloseDetail:
		if d == nil {
			return b
		}
		o.totals(&d.Totals)
		for _, f := range d.Fields {
			if f.Key == "error" || f.Key == "hint" || f.Key == "alert" {
				o.text(f.Key, f.Value)
			}
		}
	default:
		b, ok := appendValue(o.b, reflect.ValueOf(detail), 0)
		if !ok {
			return b[:before]
		}
		return b
	}
	return o.end()
}

func (o *object) part(p *mime.Part) {
	o.key("part")
	o.b = appendString(o.b, p.Number)
	o.number("depth", int64(p.Depth))
	o.text("type", p.Type)
	o.text("charset", p.Charset)
	o.text("boundary", p.Boundary)
	o.text("name", p.Name)
	o.text("encoding", p.Encoding)
	o.number("offset", p.Off)
	o.number("octets", p.Size)
	if p.Decoded >= 0 {
		o.number("decoded", p.Decoded)
	}
	o.number("lines", p.Lines)
	if p.Cut {
		o.key("cut")
		o.b = append(o.b, "true"...)
	}
	o.text("from", p.From)
	o.text("subject", p.Subject)
	o.text("date", p.Date)
}

func (o *object) totals(t *decode.Totals) {
	o.number("commands", int64(t.Commands))
	o.number("client_octets", t.ClientOctets)
	o.number("server_octets", t.ServerOctets)
	o.number("errors", int64(t.Errors))
	o.number("warnings", int64(t.Warnings))
	o.number("notes", int64(t.Notes))
	o.number("duration_us", t.Duration.Microseconds())
	o.number("unanswered", int64(t.Unanswered))
	o.number("pending_octets", t.PendingOctets)
	o.text("closed_by", t.ClosedBy)
	o.text("reason", t.Reason)
	o.text("last_state", t.LastState.String())
}
