package mime_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/textproto"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/mime"
)

// writer draws a legal message, with bodies that are nearly delimiters. It leaves out what go-message reads in another way than the RFCs say:
//
//   - lines of a body that are an open boundary with a hyphen or white space and more behind it: go-message
//     takes them for delimiters, as RFC 2046 §5.1.1 says; the Scanner compares whole lines. Where anything
//     else goes on behind it, both do not, so that such lines, and boundaries that begin with one around
//     them, are drawn although they are not quite legal;
//   - multipart/digest: go-message does not know its default type (RFC 2046 §5.1.5);
//   - comments in Content-Type (RFC 2045 §5.1), which go-message takes for a malformed field;
//   - LF alone as line end, which is not legal, and lines longer than its buffer.
type writer struct {
	*rapid.T
	strings.Builder
	keys int      // parts so far, each of which has a text that stands nowhere else
	open []string // boundaries
}

func (w *writer) one(label string, of ...string) string {
	return rapid.SampledFrom(of).Draw(w.T, label)
}
func (w *writer) coin(label string) bool { return rapid.Bool().Draw(w.T, label) }

// delimits tells whether any program takes a line for a delimiter of an open multipart.
func (w *writer) delimits(line string) bool {
	for _, b := range w.open {
		if rest, ok := strings.CutPrefix(line, "--"+b); ok && (rest == "" || strings.ContainsAny(rest[:1], "- \t\r\n")) {
			return true
		}
	}
	return false
}

// text writes lines that are not delimiters, though many are nearly so. The last one has no end.
func (w *writer) text(some ...string) string {
	lines := append(some, "", "-", "--", "-- ", ".", "--x", "---------", "From here", "a text", "\ttab", "caf\u00e9")
	for _, b := range w.open {
		lines = append(lines, "--"+b+"x", "-"+b, "x--"+b, " --"+b, "--"+b[:len(b)-1], b, "--"+b+"."+"--", "--"+strings.ToUpper(b)+"q")
	}
	out := rapid.SliceOfN(rapid.SampledFrom(lines), 0, 5).Draw(w.T, "lines")
	for i, line := range out {
		if w.delimits(line) {
			out[i] = "harmless"
		}
	}
	return strings.Join(out, "\r\n")
}

// field writes a header field, perhaps folded at a space.
func (w *writer) field(name, value string) {
	if w.coin("folded") {
		if at := strings.IndexByte(value, ' '); at > 0 {
			value = value[:at] + "\r\n" + value[at:]
		}
	}
	w.WriteString(w.one("case", name, strings.ToLower(name), strings.ToUpper(name)) + ":" + w.one("space", " ", "", "\r\n ") + value + "\r\n")
}

// key ends a header with a field that stands nowhere else.
func (w *writer) key() {
	w.keys++
	fmt.Fprintf(w, "X-Key: %d;\r\n\r\n", w.keys)
}

// message writes a message.
func (w *writer) message(depth int) {
	w.field("From", "Bob <bob@example.org>")
	if w.coin("subject") {
		w.field("Subject", w.one("text", "Hello world", "x", "=?utf-8?Q?R=C3=A9union?= demain"))
	}
	w.field("Date", "Thu, 1 Jan 2026 00:00:00 +0000")
	w.field("MIME-Version", "1.0")
	w.entity(depth)
}

// entity writes the rest of a header, and the body.
func (w *writer) entity(depth int) {
	kinds := []string{"plain", "html", "8bit", "base64", "quoted-printable", "multipart", "message"}
	switch {
	case depth == 0:
		kinds = kinds[:5]
	case depth > 2:
		kinds = append(kinds, "multipart", "multipart", "multipart", "multipart", "message", "message")
	}
	switch kind := w.one("kind", kinds...); kind {
	case "plain":
		if w.coin("type") {
			w.field("Content-Type", w.one("type", "text/plain", "Text/Plain; charset=US-ASCII", `text/plain; charset="utf-8"; format=flowed`))
		}
		w.key()
		w.WriteString(strings.ReplaceAll(w.text(), "\u00e9", "e"))
	case "html":
		w.field("Content-Type", `text/html; charset=utf-8; name="a b.html"`)
		w.field("Content-Transfer-Encoding", w.one("encoding", "7bit", "7BIT"))
		w.key()
		w.WriteString(strings.ReplaceAll(w.text("<p>"), "\u00e9", "e"))
	case "8bit":
		w.field("Content-Type", "text/plain; charset=utf-8")
		w.field("Content-Transfer-Encoding", w.one("encoding", "8bit", "binary"))
		w.key()
		w.WriteString(w.text())
	case "base64":
		w.field("Content-Type", "application/octet-stream")
		w.field("Content-Transfer-Encoding", w.one("encoding", "base64", "BASE64"))
		w.key()
		text := base64.StdEncoding.EncodeToString(rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(w.T, "octets"))
		width := rapid.IntRange(1, 19).Draw(w.T, "width") * 4
		for ; len(text) > width; text = text[width:] {
			w.WriteString(text[:width] + "\r\n")
		}
		w.WriteString(text + w.one("end", "", "\r\n", "\r\n\r\n"))
	case "quoted-printable":
		w.field("Content-Type", "text/plain; charset=utf-8")
		w.field("Content-Transfer-Encoding", "quoted-printable")
		w.key()
		var text strings.Builder
		q := quotedprintable.NewWriter(&text)
		io.WriteString(q, w.text("caf\u00e9 = ", strings.Repeat("long ", 30)))
		q.Close()
		for i, line := range strings.Split(text.String(), "\r\n") {
			if i > 0 {
				w.WriteString("\r\n")
			}
			if w.delimits(line) {
				line = "harmless" // what an equals sign that was quoted has made of it
			}
			w.WriteString(line)
		}
	case "multipart":
		w.multipart(depth - 1)
	case "message":
		w.field("Content-Type", "message/rfc822")
		w.key()
		w.message(depth - 1)
	}
}

func (w *writer) multipart(depth int) {
	w.keys++
	b := fmt.Sprint("b", w.keys)
	switch n := len(w.open); w.one("boundary", "short", "odd", "long", "longer", "shorter") {
	case "odd":
		b = fmt.Sprintf("=_%d_(a b)'+,./:?-", w.keys)
	case "long":
		b = strings.Repeat("b", 70-len(b)) + b
	case "longer": // than one around it, with which it begins
		if n > 0 && len(w.open[n-1]) < 60 {
			b = w.open[n-1] + b
		}
	case "shorter": // one around it begins with it
		if n > 0 && len(w.open[n-1]) > 1 && len(w.open[n-1]) < 60 {
			b = w.open[n-1][:len(w.open[n-1])-1] + "-" + b
		}
	}
	if w.delimits("--" + b) {
		b = fmt.Sprint("b", w.keys)
	}
	w.field("Content-Type", w.one("subtype", "multipart/mixed", "multipart/alternative", "Multipart/Related")+`; charset=x; boundary="`+b+`"`)
	w.key()
	w.open = append(w.open, b)
	end := func() string { return w.one("padding", "", "", " ", "\t ") }
	if w.coin("preamble") {
		w.WriteString(strings.ReplaceAll(w.text(), "\u00e9", "e") + "\r\n")
	}
	for i := range rapid.IntRange(1, 4).Draw(w.T, "parts") {
		if i > 0 {
			w.WriteString("\r\n")
		}
		w.WriteString("--" + b + end() + "\r\n")
		switch w.one("part", "whole", "whole", "no header", "no body") {
		case "whole":
			w.entity(depth)
		case "no header":
			w.keys++
			fmt.Fprintf(w, "\r\nonly %d here", w.keys)
		case "no body": // the line end behind its header belongs to the delimiter
			w.keys++
			fmt.Fprintf(w, "X-Key: %d;\r\n", w.keys)
		}
	}
	w.WriteString("\r\n--" + b + "--" + end())
	w.open = w.open[:len(w.open)-1]
	if w.coin("epilogue") {
		w.WriteString("\r\n" + strings.ReplaceAll(w.text("--"+b, "--"+b+"--"), "\u00e9", "e"))
	}
}

// walker finds the parts of a message with go-message.
type walker struct {
	*rapid.T
	whole string
	parts []*mime.Part
}

// walk takes an entity with the numbers of itself and, without the last one, of its children. In an
// attached message around is the part that has it.
func (w *walker) walk(entity, number, children string, depth int, around *mime.Part) {
	r := bufio.NewReader(strings.NewReader(entity))
	fields, err := textproto.ReadHeader(r)
	if err != nil {
		w.Fatalf("%q: %v", entity, err)
	}
	h := message.Header{Header: fields}
	rest, err := io.ReadAll(r)
	if err != nil {
		w.Fatal(err)
	}
	typ, params, err := h.ContentType()
	if err != nil {
		w.Fatalf("%q: %v", entity, err)
	}
	body := string(rest)
	multi := strings.HasPrefix(typ, "multipart/")
	p := &mime.Part{
		Number: number, Depth: depth, Type: typ, Charset: strings.ToLower(params["charset"]), Boundary: params["boundary"], Name: params["name"],
		Encoding: strings.ToLower(h.Get("Content-Transfer-Encoding")), Off: w.find(h.Get("X-Key"), body), Size: int64(len(body)),
		Lines: int64(strings.Count(body, "\n")), Decoded: -1,
	}
	if p.Encoding == "" {
		p.Encoding = "7bit"
	}
	of := around
	if number == "" {
		of = p
	} else if around != nil && around.Number == "" {
		of = nil // a message that is one attached message has a From of its own
	}
	if of != nil {
		of.From, of.Subject, of.Date = h.Get("From"), h.Get("Subject"), h.Get("Date")
	}
	if around != nil && multi {
		around.Boundary = p.Boundary
	} else {
		w.parts = append(w.parts, p)
		depth++
	}
	within := number
	if number == "" {
		within, children = "1", ""
	}
	switch {
	case multi:
		m := textproto.NewMultipartReader(strings.NewReader(body), p.Boundary)
		for i := 1; ; i++ {
			part, err := m.NextPart()
			if err == io.EOF {
				return
			}
			if err != nil {
				w.Fatalf("%q: %v", body, err)
			}
			content, err := io.ReadAll(part)
			if err != nil {
				w.Fatalf("%q: %v", body, err)
			}
			var b strings.Builder
			if err := textproto.WriteHeader(&b, part.Header); err != nil {
				w.Fatal(err)
			}
			n := fmt.Sprint(children, i)
			w.walk(b.String()+string(content), n, n+".", depth, nil)
		}
	case typ == "message/rfc822":
		w.walk(body, within+".1", within+".", depth, p)
	default:
		e, err := message.New(h, strings.NewReader(body))
		if err != nil {
			w.Fatalf("%q: %v", entity, err)
		}
		n, err := io.Copy(io.Discard, e.Body)
		if err != nil {
			w.Fatalf("%q: %v", entity, err)
		}
		if p.Encoding == "base64" {
			p.Decoded = n
		}
	}
}

// find gives the offset of a body by what stands nowhere else: the last field of its header, or
// where it has none the body itself.
func (w *walker) find(key, body string) int64 {
	at := body
	if key != "" {
		at = "X-Key: " + key + "\r\n\r\n"
	}
	i := strings.Index(w.whole, at)
	if i < 0 || strings.Count(w.whole, at) != 1 {
		w.Fatalf("%q does not stand once in %q", at, w.whole)
	}
	if key != "" {
		i += len(at)
	}
	if !strings.HasPrefix(w.whole[i:], body) {
		w.Fatalf("%q does not stand at %d of %q", body, i, w.whole)
	}
	return int64(i)
}

// The parts of legal messages are those that go-message finds, whatever the cuts, and nothing is
// wrong with them.
func TestWalkProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := writer{T: t}
		w.message(4)
		text := w.String()
		by := walker{T: t, whole: text}
		by.walk(text, "", "", 0, nil)

		var s mime.Scanner
		s.Reset(decode.Limits{})
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, min(len(rest), 60)).Draw(t, "cut")
			s.Write([]byte(rest[:n]))
			rest = rest[n:]
		}
		if d := cmp.Diff(by.parts, s.Close()); d != "" {
			t.Fatalf("%q\n%s", text, d)
		}
		for _, p := range s.Problems() {
			if p.Rule.Severity != decode.Note {
				t.Errorf("%q: %s @%d+%d %s", text, p.Rule.ID, p.Off, p.Len, p.Fact)
			}
		}
	})
}
