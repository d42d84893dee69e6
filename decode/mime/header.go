package mime

import (
	"bytes"
	"strings"
)

// fields keeps the values of the header fields that matter, in one buffer that is used
// again for the next header.
type fields struct {
	buf     []byte
	spans   [fieldCount]span
	at      [fieldCount]place // of the field whose value spans has
	current int               // the field that a folded line would continue, -1 for none
	scratch []byte
	params  []param

	last           content // what the header before said of its body
	lastKey, spare []byte  // of which fields
}

// span is a value in fields.buf; it is absent while end is 0.
type span struct{ start, end int }

// place is where a header field stands in the message, in octets, line ends included.
type place struct{ off, n int64 }

const (
	fieldType = iota
	fieldEncoding
	fieldDisposition
	fieldFrom
	fieldSubject
	fieldDate
	fieldCount
)

func (f *fields) reset() {
	// One octet in front, so that no value begins at 0.
	f.buf = append(f.buf[:0], 0)
	f.spans = [fieldCount]span{}
	f.current = -1
}

// trim gives back the buffers of an uncommonly large header.
func (f *fields) trim() {
	if cap(f.buf) > 16<<10 {
		f.buf = nil
	}
	if cap(f.scratch) > 16<<10 {
		f.scratch = nil
	}
	if cap(f.lastKey) > 16<<10 {
		f.lastKey, f.spare, f.last = nil, nil, content{}
	}
}

// begin keeps the value of a field that matters, of whose first line the octets from off to end
// are. Of several like fields the first counts.
func (f *fields) begin(x field, line []byte, limit int, off, end int64) {
	f.current = -1
	if x.index < 0 || keptAs[x.index] == 0 {
		return
	}
	i := int(keptAs[x.index] - 1)
	v := &f.spans[i]
	if v.end != 0 {
		return
	}
	value := trimLine(line[x.colon+1:])
	for len(value) > 0 && (value[0] == ' ' || value[0] == '\t') {
		value = value[1:]
	}
	v.start = len(f.buf)
	f.buf = append(f.buf, value[:min(len(value), limit)]...)
	v.end = len(f.buf)
	f.current, f.at[i] = i, place{off, end - off}
}

// fold joins a folded line, which ends at end, to the current field (RFC 5322 §2.2.3).
func (f *fields) fold(line []byte, limit int, end int64) {
	if f.current < 0 {
		return
	}
	x := &f.spans[f.current]
	f.at[f.current].n = end - f.at[f.current].off
	line = trimLine(line)
	if x.start == x.end {
		for len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
			line = line[1:]
		}
	}
	if room := limit - (x.end - x.start); room > 0 {
		f.buf = append(f.buf, line[:min(room, len(line))]...)
		x.end = len(f.buf)
	}
}

func (f *fields) value(i int) []byte { return f.buf[f.spans[i].start:f.spans[i].end] }

func trimLine(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
		if n > 1 && line[n-2] == '\r' {
			line = line[:n-2]
		}
	}
	return line
}

// trimRight takes linear white space off the end.
func trimRight(p []byte) []byte {
	for len(p) > 0 && (p[len(p)-1] == ' ' || p[len(p)-1] == '\t') {
		p = p[:len(p)-1]
	}
	return p
}

// equalFold compares with a lower-case ASCII string of the same length.
func equalFold(p []byte, lower string) bool {
	for i, c := range p {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// content is what a header says of its body.
type content struct {
	typ, charset, boundary, name, encoding string

	boundaries     int    // how many boundary parameters there are
	continuation   string // a parameter of which a segment is wrong; "" for none
	continued      int    // the field that has it
	charsetUnknown bool
}

// content reads the header that just ended. The From, Subject and Date of a message go
// to its owner.
func (f *fields) content(owner *Part, digest bool) content {
	if owner != nil {
		f.address(owner)
	}
	// Messages of one mailbox are much alike: what said the same a message ago says the
	// same now (BenchmarkSmallMessage).
	if !f.likeLast(digest) {
		f.last = f.describe(digest)
	}
	return f.last
}

// address gives a message its From, Subject and Date, in one allocation.
func (f *fields) address(owner *Part) {
	f.scratch = f.scratch[:0]
	var ends [3]int
	for i := range ends {
		f.scratch = append(f.scratch, trimRight(f.value(fieldFrom+i))...)
		ends[i] = len(f.scratch)
	}
	all := string(f.scratch)
	owner.From, owner.Subject, owner.Date = all[:ends[0]], all[ends[0]:ends[1]], all[ends[1]:]
}

// likeLast tells whether the fields that describe the body are those of the header before,
// and keeps them for the next one.
func (f *fields) likeLast(digest bool) bool {
	key := f.spare[:0]
	for i := fieldType; i <= fieldDisposition; i++ {
		key = append(append(key, f.value(i)...), '\n') // no value holds one
	}
	if digest {
		key = append(key, 'd')
	}
	same := bytes.Equal(key, f.lastKey)
	f.spare, f.lastKey = f.lastKey, key
	return same
}

// describe reads what the header says of the body. All strings that are not well known
// share one allocation.
func (f *fields) describe(digest bool) content {
	var c content
	f.scratch = f.scratch[:0]
	var typ, boundary, name, set span // into scratch
	take := func(x *span, p []byte) {
		x.start = len(f.scratch)
		f.scratch = append(f.scratch, p...)
		x.end = len(f.scratch)
	}
	var charset []byte
	if t, rest, ok := mediaType(f.value(fieldType)); ok {
		take(&typ, t)
		lower(f.scratch)
		f.parseParams(rest)
		charset = f.param("charset")
		lower(charset)
		take(&boundary, trimRight(f.param("boundary")))
		take(&name, f.param("name"))
		c.boundaries, c.continuation, c.continued = f.count("boundary"), f.brokenSegments(), fieldType
	}
	if f.spans[fieldDisposition].end != 0 {
		_, rest := token(f.value(fieldDisposition))
		f.parseParams(rest)
		if c.continuation == "" {
			c.continuation, c.continued = f.brokenSegments(), fieldDisposition
		}
		// RFC 2183 §2.3.
		if file := f.param("filename"); len(file) > 0 {
			take(&name, file)
		}
	}
	encoding, _ := token(f.value(fieldEncoding))
	lower(encoding)

	c.typ = wellKnown[string(f.scratch[typ.start:typ.end])]
	if c.charset = wellKnown[string(charset)]; c.charset == "" {
		take(&set, charset)
	}
	if c.encoding = wellKnown[string(encoding)]; c.encoding == "" {
		if len(encoding) > 0 {
			c.encoding = string(encoding)
		} else {
			c.encoding = "7bit" // RFC 2045 §6.1
		}
	}
	all := string(f.scratch)
	str := func(x span) string { return all[x.start:x.end] }
	if c.typ == "" {
		c.typ = str(typ)
	}
	if c.typ == "" {
		c.typ = "text/plain" // RFC 2045 §5.2
		if digest {
			c.typ = "message/rfc822" // RFC 2046 §5.1.5
		}
	}
	if c.charset == "" {
		c.charset = str(set)
		c.charsetUnknown = c.charset != "" && strings.HasPrefix(c.typ, "text/") && !knownCharset(c.charset)
	}
	c.boundary, c.name = str(boundary), str(name)
	return c
}

// wellKnown spares the allocation of common words.
var wellKnown = func() map[string]string {
	m := map[string]string{}
	for _, w := range [...]string{
		"text/plain", "text/html", "text/calendar", "text/csv", "text/rfc822-headers",
		"multipart/mixed", "multipart/alternative", "multipart/related", "multipart/signed", "multipart/report",
		"multipart/digest", "multipart/encrypted", "message/rfc822", "message/global", "message/delivery-status",
		"message/disposition-notification", "application/octet-stream", "application/pdf", "application/zip",
		"application/pgp-signature", "application/pkcs7-signature", "application/pgp-encrypted",
		"image/jpeg", "image/png", "image/gif",
		"7bit", "8bit", "binary", "base64", "quoted-printable",
		"utf-8", "us-ascii", "iso-8859-1", "iso-8859-15", "iso-2022-jp", "windows-1252", "koi8-r", "gb2312", "gb18030",
	} {
		m[w] = w
	}
	return m
}()

func lower(p []byte) {
	for i, c := range p {
		if c >= 'A' && c <= 'Z' {
			p[i] = c | 0x20
		}
	}
}
