package message

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strings"

	"github.com/emersion/go-message/charset"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/decode/mime"
)

// Part is a node of a message's tree.
type Part struct {
	Number   string `json:"part"` // as IMAP counts (RFC 9051 §6.4.5.1); "" for the message itself
	Depth    int    `json:"depth"`
	Type     string `json:"type"` // lower case
	Charset  string `json:"charset,omitempty"`
	Name     string `json:"name,omitempty"` // of a file, decoded
	Encoding string `json:"encoding,omitempty"`
	Octets   int64  `json:"octets"`            // as transferred
	Decoded  int64  `json:"decoded,omitempty"` // 0 where it is not known
	off      int64
}

// IsText tells whether a part is text that a person reads.
func (p *Part) IsText() bool { return strings.HasPrefix(p.Type, "text/") }

// Container tells whether a part has others in it.
func (p *Part) Container() bool { return strings.HasPrefix(p.Type, "multipart/") }

// Field is a header field.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"` // unfolded, decoded
}

// Message is a message whose octets can be read again.
type Message struct {
	Fields []Field
	Parts  []*Part // the message itself first
	r      io.ReadSeeker
}

// Limits of what is shown.
const (
	mostFields = 1000
	fieldKept  = 64 << 10
)

// Read looks through a message. It keeps r.
func Read(r io.ReadSeeker) (*Message, error) {
	m := &Message{r: r}
	if err := m.header(); err != nil {
		return nil, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	var s mime.Scanner
	s.Reset(decode.Limits{})
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		s.Write(buf[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	for _, p := range s.Close() {
		m.Parts = append(m.Parts, &Part{
			Number: p.Number, Depth: p.Depth, Type: p.Type, Charset: p.Charset, Name: mime.Display(p.Name), Encoding: p.Encoding,
			Octets: p.Size, Decoded: max(p.Decoded, 0), off: p.Off,
		})
	}
	return m, nil
}

// header reads the fields.
func (m *Message) header() error {
	if _, err := m.r.Seek(0, io.SeekStart); err != nil {
		return err
	}
	b := bufio.NewReader(m.r)
	var field []byte
	for {
		line, err := b.ReadSlice('\n')
		text := strings.TrimRight(string(line), "\r\n")
		long := err == bufio.ErrBufferFull
		if err != nil && err != io.EOF && !long {
			return err
		}
		for long { // what is beyond nobody reads
			if _, err = b.ReadSlice('\n'); err != bufio.ErrBufferFull {
				long = false
			}
		}
		if text != "" && (text[0] == ' ' || text[0] == '\t') {
			if len(field) < fieldKept {
				field = append(field, text...)
			}
			continue
		}
		m.field(string(field))
		if text == "" || err == io.EOF && len(line) == 0 {
			return nil
		}
		field = append(field[:0], text...)
	}
}

func (m *Message) field(text string) {
	name, value, ok := strings.Cut(text, ":")
	if !ok || len(m.Fields) == mostFields {
		return
	}
	m.Fields = append(m.Fields, Field{strings.TrimSpace(name), strings.Join(strings.Fields(mime.Display(value)), " ")})
}

// Get gives the first field of a name, "" where there is none.
func (m *Message) Get(name string) string {
	for _, f := range m.Fields {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// Find gives the part of a number; "1" is the body of a message that has no parts, as in IMAP.
func Find(parts []*Part, number string) *Part {
	for _, p := range parts {
		if p.Number == number {
			return p
		}
	}
	if number == "1" && len(parts) > 0 && !parts[0].Container() {
		return parts[0]
	}
	return nil
}

// Open reads a part's content, its transfer encoding undone, unless raw.
func (m *Message) Open(p *Part, raw bool) (io.Reader, error) {
	if _, err := m.r.Seek(p.off, io.SeekStart); err != nil {
		return nil, err
	}
	r := io.LimitReader(m.r, p.Octets)
	if raw {
		return r, nil
	}
	return Decode(r, p.Encoding), nil
}

// Decode undoes a transfer encoding (RFC 2045 §6). One that is not known is left as it is.
func Decode(r io.Reader, encoding string) io.Reader {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, &base64Alphabet{r: bufio.NewReader(r)})
	case "quoted-printable":
		return &lenient{r: quotedprintable.NewReader(r)}
	}
	return r
}

// base64Alphabet gives the digits alone, and padding to whole groups at the end: what else stands there
// is to be ignored (RFC 2045 §6.8).
type base64Alphabet struct {
	r    *bufio.Reader
	n    int // digits
	end  bool
	left int // padding to give
}

func (b *base64Alphabet) Read(p []byte) (int, error) {
	k := 0
	for k < len(p) {
		if b.end {
			if b.left == 0 {
				if k == 0 {
					return 0, io.EOF
				}
				return k, nil
			}
			p[k] = '='
			k++
			b.left--
			continue
		}
		c, err := b.r.ReadByte()
		if err != nil && err != io.EOF {
			return k, err
		}
		switch {
		case err == io.EOF || c == '=':
			b.end = true
			if b.n%4 == 1 { // one digit is no octet: a group of zero bits is the nearest
				p[k] = 'A'
				k++
				b.n++
			}
			b.left = (4 - b.n%4) % 4
		case 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '+' || c == '/':
			p[k] = c
			k++
			b.n++
		}
	}
	return k, nil
}

// lenient ends at what the decoder does not take.
type lenient struct {
	r   io.Reader
	end bool
}

func (l *lenient) Read(p []byte) (int, error) {
	if l.end {
		return 0, io.EOF
	}
	n, err := l.r.Read(p)
	if err != nil {
		l.end = true
		if n > 0 {
			return n, nil
		}
		return 0, io.EOF
	}
	return n, nil
}

// Text reads text as UTF-8; of an unknown charset what is ASCII.
func Text(r io.Reader, name string) io.Reader {
	if name == "" {
		name = "utf-8" // ASCII, and what is sent today in its place
	}
	if u, err := charset.Reader(name, r); err == nil {
		return u
	}
	return r
}

// OfBody gives the tree of a BODYSTRUCTURE, numbered as IMAP numbers sections (RFC 9051 §6.4.5.1).
func OfBody(b *grammar.Body) []*Part {
	var parts []*Part
	var walk func(b *grammar.Body, number, prefix string, depth int)
	walk = func(b *grammar.Body, number, prefix string, depth int) {
		if depth > 100 {
			return
		}
		p := &Part{
			Number: number, Depth: depth, Type: strings.ToLower(string(b.Type) + "/" + string(b.Subtype)),
			Charset: param(b.Params, "charset"), Encoding: strings.ToLower(string(b.Encoding)), Octets: b.Octets,
		}
		if b.Disposition != nil {
			p.Name = mime.Display(param(b.Disposition.Params, "filename"))
		}
		if p.Name == "" {
			p.Name = mime.Display(param(b.Params, "name"))
		}
		parts = append(parts, p)
		switch {
		case b.Multipart:
			for i, child := range b.Parts {
				n := fmt.Sprintf("%s%d", prefix, i+1)
				walk(child, n, n+".", depth+1)
			}
		case len(b.Parts) == 1: // message/rfc822
			child := b.Parts[0]
			if child.Multipart {
				for i, x := range child.Parts {
					n := fmt.Sprintf("%s%d", prefix, i+1)
					walk(x, n, n+".", depth+1)
				}
				return
			}
			walk(child, prefix+"1", prefix+"1.", depth+1)
		}
	}
	if b.Multipart {
		walk(b, "", "", 0)
	} else {
		walk(b, "1", "1.", 0)
	}
	return parts
}

func param(list []grammar.Param, name string) string {
	return mime.Param(func(yield func(name, value string) bool) {
		for _, p := range list {
			if !yield(string(p.Name), string(p.Value)) {
				return
			}
		}
	}, name)
}
