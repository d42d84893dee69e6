package mime_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/mime"
)

// problems writes the problems of a message one a line.
func problems(pieces ...string) []string {
	var s mime.Scanner
	s.Reset(decode.Limits{})
	for _, p := range pieces {
		s.Write([]byte(p))
	}
	s.Close()
	var out []string
	for _, p := range s.Problems() {
		number := "?"
		if p.Part != nil {
			number = p.Part.Number
		}
		out = append(out, fmt.Sprintf("%s part %q @%d+%d %s", p.Rule.ID, number, p.Off, p.Len, p.Fact))
	}
	if n := s.MoreProblems(); n > 0 {
		out = append(out, fmt.Sprint("more: ", n))
	}
	return out
}

const sent = "From: a@example.org\nDate: Thu, 1 Jan 2026 00:00:00 +0000\n"

// broken has for each rule a message that breaks it and nothing else, and a twin that is like it and does not.
var broken = []struct{ id, message, twin string }{
	{"mime.bare-cr", crlf(sent+"\na") + "\rb\r\n", crlf(sent + "\na\nb\n")},
	{"mime.bare-cr", crlf(sent+"\na") + "\r", crlf(sent + "\na")},
	{"mime.bare-cr", crlf(sent+"Subject: a") + "\rb\r\n\r\n", crlf(sent + "Subject: a\n b\n\n")},
	{"mime.bare-lf", crlf(sent+"\na") + "\nb\r\n", crlf(sent + "\na\nb\n")},
	{"mime.bare-lf", crlf(sent) + "Subject: a\n\r\n", crlf(sent + "Subject: a\n\n")},
	{"mime.nul", crlf(sent + "\na\x00b\n"), crlf(sent + "Content-Transfer-Encoding: binary\n\na\x00b\n")},
	{"mime.nul", crlf(sent + "Subject: a\x00\n\n"), crlf(sent + "Subject: a\n\n")},
	{"mime.long-line", crlf(sent + "\n" + strings.Repeat("x", 999) + "\n"), crlf(sent + "\n" + strings.Repeat("x", 998) + "\n")},
	{"mime.long-line", crlf(sent + "\n" + strings.Repeat("x", 999)), crlf(sent + "\n" + strings.Repeat("x", 998))},
	{"mime.long-line", crlf(sent + "X: " + strings.Repeat("x", 996) + "\n\n"), crlf(sent + "X: " + strings.Repeat("x", 995) + "\n\n")},
	{"mime.8bit-header", crlf(sent + "Subject: caf\xe9\n\n"), crlf(sent + "Subject: =?iso-8859-1?Q?caf=E9?=\n\n")},
	{"mime.utf8-header", crlf(sent + "Subject: café\n\n"), crlf(sent + "Subject: cafe\n\n")},
	{"mime.no-colon", crlf(sent + "no field\n\n"), crlf(sent + "field : x\n\n")},
	{"mime.no-colon", crlf(sent + ">From a Thu Jan  1 00:00:00 2026\n\n"), crlf(sent + "\n>From a Thu Jan  1 00:00:00 2026\n\n")},
	{"mime.mbox-from", crlf("From a Thu Jan  1 00:00:00 2026\n" + sent + "\n"), crlf("From : a@example.org\nDate: Thu, 1 Jan 2026 00:00:00 +0000\n\nFrom a Thu Jan  1 00:00:00 2026\n")},
	{"mime.mbox-from", crlf(sent + "Content-Type: message/rfc822\n\nFrom a Thu Jan  1 00:00:00 2026\n" + sent + "\n"), crlf(sent + "Content-Type: message/rfc822\n\n" + sent + "\n")},
	{"mime.no-colon", crlf(sent + "From a Thu Jan  1 00:00:00 2026\n\n"), crlf(sent + "From-a: Thu Jan  1 00:00:00 2026\n\n")},
	{"mime.header-end", crlf(sent + "Content-Type: multipart/mixed; boundary=b\n\n--b\nX: y\n--b--\n"), crlf(sent + "Content-Type: multipart/mixed; boundary=b\n\n--b\nX: y\n\n--b--\n")},
	{"mime.duplicate-field", crlf(sent + "Subject: x\nsubject: y\n\n"), crlf(sent + "Received: x\nReceived: y\nSubject: z\n\n")},
	{"mime.missing-field", crlf("From: a@example.org\n\n"), crlf(sent + "\n")},
	{"mime.charset-missing", crlf(sent + "Content-Transfer-Encoding: 8bit\n\ncaf\xe9\n"), crlf(sent + "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\ncaf\xe9\n")},
	{"mime.8bit-body", crlf(sent + "\ncaf\xe9\n"), crlf(sent + "\ncafe\n")},
	{"mime.encoding-unknown", crlf(sent + "Content-Transfer-Encoding: utf-8\n\n"), crlf(sent + "Content-Transfer-Encoding: 8BIT\n\n")},
	{"mime.encoding-on-composite", crlf(sent + "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n--b\n\n--b--\n"), crlf(sent + "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: 8bit\n\n--b\n\n--b--\n")},
	{"mime.boundary-missing", crlf(sent + "Content-Type: multipart/mixed\n\n"), crlf(sent + "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--b--\nepilogue\n")},
	{"mime.boundary-missing", crlf(sent + "Content-Type: multipart/mixed; boundary=\"\"\n\n"), crlf(sent + "Content-Type: multipart/mixed; boundary=\"b\"\n\n--b\n\n--b--")},
	{"mime.boundary-duplicate", crlf(sent + "Content-Type: multipart/mixed; boundary=b; boundary=c\n\n--b\n\n--b--\n"), crlf(sent + "Content-Type: multipart/mixed; boundary=b; type=c\n\n--b\n\n--b--\n")},
	{"mime.boundary-invalid", crlf(sent + "Content-Type: multipart/mixed; boundary=" + strings.Repeat("b", 71) + "\n\n--" + strings.Repeat("b", 71) + "--\n"), crlf(sent + "Content-Type: multipart/mixed; boundary=" + strings.Repeat("b", 70) + "\n\n--" + strings.Repeat("b", 70) + "--\n")},
	{"mime.boundary-prefix", crlf(sent + "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=b2\n\n--b2\n\n--b2--\n--b--\n"), crlf(sent + "Content-Type: multipart/mixed; boundary=b1\n\n--b1\nContent-Type: multipart/mixed; boundary=b2\n\n--b2\n\n--b2--\n--b1--\n")},
	{"mime.boundary-open", crlf(sent + "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n"), crlf(sent + "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--")},
	{"mime.base64-invalid", crlf(sent + "Content-Transfer-Encoding: base64\n\nAAAA!AAAA\n"), crlf(sent + "Content-Transfer-Encoding: base64\n\nAA\n AAazAZ09+/\n")},
	{"mime.base64-invalid", crlf(sent + "Content-Transfer-Encoding: base64\n\nAA==AAAA\n"), crlf(sent + "Content-Transfer-Encoding: base64\n\nAAAAAA==\n\n")},
	{"mime.base64-padding", crlf(sent + "Content-Transfer-Encoding: base64\n\nAAAAAA\n"), crlf(sent + "Content-Transfer-Encoding: base64\n\n")},
	{"mime.quoted-printable", crlf(sent + "Content-Transfer-Encoding: quoted-printable\n\na=zz\n"), crlf(sent + "Content-Transfer-Encoding: quoted-printable\n\na=3D=\nb=e9\n")},
	{"mime.quoted-printable", crlf(sent + "Content-Transfer-Encoding: quoted-printable\n\na=3"), crlf(sent + "Content-Transfer-Encoding: quoted-printable\n\na=3D=")},
	{"mime.quoted-printable-space", crlf(sent + "Content-Transfer-Encoding: quoted-printable\n\na \n"), crlf(sent + "Content-Transfer-Encoding: quoted-printable\n\n\n a\n")},
	{"mime.quoted-printable-line", crlf(sent + "Content-Transfer-Encoding: quoted-printable\n\n" + strings.Repeat("x", 77) + "\n"), crlf(sent + "Content-Transfer-Encoding: quoted-printable\n\n" + strings.Repeat("x", 76) + "\n")},
	{"mime.encoded-word", crlf(sent + "Subject: =?utf-8?B?!!?=\n\n"), crlf(sent + "Subject: =?utf-8?B?w6k=?= a=?b\n\n")},
	{"mime.parameter-continuation", crlf(sent + "Content-Type: text/plain; name*0=a; name*2=b\n\n"), crlf(sent + "Content-Type: text/plain; name*1=b; name*0=a\n\n")},
	{"mime.charset-unknown", crlf(sent + "Content-Type: text/plain; charset=x-none\n\n"), crlf(sent + "Content-Type: text/plain; charset=windows-1250\n\n")},
}

func TestProblems(t *testing.T) {
	for _, c := range broken {
		got := problems(c.message)
		if len(got) != 1 || !strings.HasPrefix(got[0], c.id+" ") {
			t.Errorf("%q: got %q, want %s", c.message, got, c.id)
		}
		if got := problems(c.twin); len(got) != 0 {
			t.Errorf("twin %q of %s: got %q", c.twin, c.id, got)
		}
		for _, m := range []string{c.message, c.twin} {
			want := problems(m)
			for i := range len(m) {
				if d := cmp.Diff(want, problems(m[:i], m[i:])); d != "" {
					t.Fatalf("%q cut at %d: %s", m, i, d)
				}
			}
		}
	}
}

// One problem points at the field or header it is about, at each cut and beyond what of a header is kept.
func TestFieldsOfProblems(t *testing.T) {
	const mixed, close, part = "Content-Type: multipart/mixed; boundary=b\r\n", "\r\n--b\r\n\r\n--b--\r\n", "\r\n--b\r\n"
	from := crlf(sent)
	for _, c := range []struct{ before, field, after string }{
		{from + "Subject: x\r\n", "subject: y\r\n", "\r\n"},
		{from + "Subject: x\r\n y\r\n", "Subject:\r\n x\r\n\ty\r\n", "To: z\r\n\r\n"},
		{from + "Subject: x\r\n", "Subject: " + strings.Repeat("y", 500) + "\r\n " + strings.Repeat("y", 900) + "\r\n", "\r\n"},
		{from + "Subject: x\r\n", "Subject: y\r\n z", ""},
		{from + "Subject: x\r\n", "Subject: y\r\n", "Subject: z\r\n\r\n"},
		{from + mixed + part + "Content-Type: text/plain\r\n", "Content-Type: text/html;\r\n charset=utf-8\r\n", close},
		{from, "no field\r\n", " folded\r\n\r\n"},
		{"", "From a Thu Jan  1 00:00:00 2026\r\n", from + "\r\n"},
		{"", "Subject: x\r\nTo: y\r\n\r\n", "text\r\n"}, // no From
		{from + "Content-Type: message/rfc822\r\n\r\n", "Subject: x\r\n\r\n", "text\r\n"},
		{from, "Subject: =?utf-8?B?!!?=\r\n x\r\n", "X: y\r\n\r\n"},
		{"Date: x\r\n", "Subject: =?utf-8?B?!!?=\r\n", "From: =?utf-8?B?!?= <a@example.org>\r\n\r\n"},
		{from + mixed, "Content-Transfer-Encoding:\r\n base64\r\n", "X: y\r\n" + close},
		{from + mixed + part + "X: y\r\n", "Content-Type: multipart/mixed; boundary=b2\r\n", "\r\n--b2--\r\n--b--\r\n"},
		{from + "Content-Type: text/plain\r\n", "Content-Disposition: attachment;\r\n filename*1=b\r\n", "\r\n"},
		{from, "Content-Type: text/plain; name*1=b\r\n", "Content-Disposition: attachment; filename=b\r\n\r\n"},
	} {
		message := c.before + c.field + c.after
		for cut := range len(message) {
			var s mime.Scanner
			s.Reset(decode.Limits{Header: 600})
			s.Write([]byte(message[:cut]))
			s.Write([]byte(message[cut:]))
			s.Close()
			p := s.Problems()
			if len(p) != 1 {
				t.Fatalf("%q cut at %d: %d problems", message, cut, len(p))
			}
			if got := message[p[0].Off : p[0].Off+p[0].Len]; got != c.field || p[0].Off != int64(len(c.before)) {
				t.Fatalf("%s points at %q @%d, want %q @%d", p[0].Rule.ID, got, p[0].Off, c.field, len(c.before))
			}
		}
	}
}

// What only the end of a body shows stands there, and not behind the delimiter that ends it.
func TestEndsOfBodies(t *testing.T) {
	const head = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
	for _, c := range []struct{ id, before, after string }{
		{"mime.base64-padding", crlf(sent) + head + "Content-Transfer-Encoding: base64\r\n\r\nAAA", "\r\n--b--\r\n"},
		{"mime.boundary-open", crlf(sent) + head + "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx", "\r\n--b--\r\n"},
		{"mime.boundary-open", crlf(sent) + head + "\r\nx", ""},
	} {
		got := problems(c.before + c.after)
		if want := fmt.Sprintf("@%d+0", len(c.before)); len(got) != 1 || !strings.HasPrefix(got[0], c.id) || !strings.Contains(got[0], want) {
			t.Errorf("%q: got %q, want %s %s", c.before+c.after, got, c.id, want)
		}
	}
}

// A field that stands there twice is told although a gap follows, as far as its lines came.
func TestFieldBeforeGap(t *testing.T) {
	var s mime.Scanner
	s.Reset(decode.Limits{})
	s.Write([]byte("Subject: x\r\nSubject: y\r\n z\r\n w"))
	s.Skip(10)
	s.Close()
	if p := s.Problems(); len(p) != 1 || p[0].Rule.ID != "mime.duplicate-field" || p[0].Off != 12 || p[0].Len != 16 {
		t.Errorf("got %+v", p)
	}
}

// An inner multipart with the outer boundary is told; its delimiters end the inner one first.
func TestNestedBoundary(t *testing.T) {
	got := problems(crlf(sent + "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n--b--\n--b--\n"))
	if len(got) != 1 || !strings.HasPrefix(got[0], "mime.boundary-nested part \"1\"") {
		t.Errorf("got %q", got)
	}
}

func TestProblemsAreBounded(t *testing.T) {
	m := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\xff\x00\r\r\n", 100) + "--b--\r\n"
	got := problems(m)
	if len(got) != mime.MaxProblems+1 || got[mime.MaxProblems] != "more: 281" {
		t.Errorf("got %d, the last of them %q", len(got), got[len(got)-1])
	}
}

// Mail that broke off says nothing of its end.
func TestAbortIsNoProblem(t *testing.T) {
	var s mime.Scanner
	s.Reset(decode.Limits{})
	s.Write([]byte(crlf(sent + "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: base64\n\nAA")))
	s.Abort()
	if p := s.Problems(); len(p) != 0 {
		t.Errorf("got %v", p)
	}
}

func TestProblemsProperty(t *testing.T) {
	words := []string{
		"\r\n", "\r\n", "\n", "\r", "\x00", "\xe9", "a", "=", "==", "=3D", "=\r\n", "=zz", " ", "AAAA", "AAAAAAAAAAAA", "--b\r\n",
		"--b--\r\n", "--c\r\n", "\r\n\r\n", "Content-Type: multipart/mixed; boundary=b\r\n", "Content-Type: message/rfc822\r\n",
		"Content-Type: multipart/mixed; boundary=c\r\n", "Content-Transfer-Encoding: base64\r\n",
		"Content-Transfer-Encoding: quoted-printable\r\n", "From: x\r\n", "Subject: =?utf-8?B?!?=\r\n", "x: é\r\n", strings.Repeat("y", 500),
	}
	rapid.Check(t, func(t *rapid.T) {
		m := strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 1, 40).Draw(t, "words"), "")
		want := problems(m)
		var pieces []string
		for rest := m; rest != ""; {
			n := rapid.IntRange(1, min(len(rest), 9)).Draw(t, "cut")
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		octets := make([]string, len(m))
		for i := range len(m) {
			octets[i] = m[i : i+1]
		}
		for _, cut := range [][]string{pieces, octets} {
			if d := cmp.Diff(want, problems(cut...)); d != "" {
				t.Fatalf("%q: %s", m, d)
			}
		}
	})
}

// A problem of a header field stands where the field does, folded lines and line ends included, and
// whatever the cuts.
func TestProblemPlace(t *testing.T) {
	for _, x := range []struct{ id, before, at, behind string }{
		{"mime.encoded-word", sent + "X: y\n", "Subject: =?utf-8?B?YQ*=?=\n", "X: z\n\n"},
		{"mime.encoding-unknown", sent, "Content-Transfer-Encoding: utf-8\n", "Subject: x\n\n"},
		{"mime.encoding-on-composite", sent + "Content-Type: multipart/mixed; boundary=b\n", "Content-Transfer-Encoding: base64\n", "\n--b\n\n--b--\n"},
		{"mime.boundary-missing", sent, "Content-Type: multipart/mixed;\n charset=utf-8\n", "Subject: x\n\n"},
		{"mime.boundary-duplicate", sent, "Content-Type: multipart/mixed;\n boundary=b;\n boundary=c\n", "\n--b\n\n--b--\n"},
		{"mime.boundary-invalid", sent, "Content-Type: multipart/mixed; boundary=" + strings.Repeat("b", 71) + "\n", "\n--" + strings.Repeat("b", 71) + "\n\n--" + strings.Repeat("b", 71) + "--\n"},
		{"mime.charset-unknown", sent, "Content-Type: text/plain; charset=nonesuch\n", "X: y\n\n"},
		{"mime.parameter-continuation", sent + "Content-Type: text/plain\n", "Content-Disposition: attachment;\n filename*0=a;\n filename*2=b\n", "\n"},
		{
			"mime.boundary-nested", sent + "Content-Type: multipart/mixed; boundary=b\n\n--b\n", "Content-Type: multipart/mixed; boundary=b\n",
			"\n--b\n\n--b--\n",
		},
	} {
		t.Run(x.id, func(t *testing.T) {
			before, at, behind := crlf(x.before), crlf(x.at), crlf(x.behind)
			want := fmt.Sprintf("@%d+%d ", len(before), len(at))
			message := before + at + behind
			for _, pieces := range [][]string{{message}, {message[:len(before)+3], message[len(before)+3:]}, strings.Split(message, "")} {
				found := false
				for _, p := range problems(pieces...) {
					found = found || strings.HasPrefix(p, x.id+" ") && strings.Contains(p, want)
				}
				if !found {
					t.Errorf("want %s %s: %q", x.id, want, problems(pieces...))
				}
			}
		})
	}
}
