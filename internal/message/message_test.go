package message

import (
	"encoding/base64"
	"io"
	"strings"
	"testing"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
)

func read(t *testing.T, text string) *Message {
	t.Helper()
	m, err := Read(strings.NewReader(strings.ReplaceAll(text, "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func text(t *testing.T, m *Message) string {
	t.Helper()
	var b strings.Builder
	if err := m.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWriteText(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "From: =?utf-8?q?B=C3=BCro?= <b@example.org>\nX-Other: no\nSubject: a\n b\n\nbody\nno end", "From: Büro <b@example.org>\nSubject: a b\n\nbody\nno end\n"},
		{"latin1", "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe\n", "\nGrüße\n"},
		{"unknown charset", "Content-Type: text/plain; charset=x-nobody\n\nplain\n", "\nplain\n"},
		{"drives no terminal", "Subject: \x1b[2Jx\n\n\x1b]0;title\x07 tab\there \u202e\n", "Subject: \uFFFD[2Jx\n\n\\u001b]0;title\\u0007 tab\there \\u202e\n"},
		{"no header", "\nbody\n", "\nbody\n"},
		{"broken base64", "Content-Transfer-Encoding: base64\n\naGVsb-G8*gd29y\nbGQ\n", "\nhello world\n"},
		{"broken quoted-printable", "Content-Transfer-Encoding: quoted-printable\n\nfine =ZZ rest\n", "\nfine =ZZ rest\n"},
		{
			"alternative and attachment",
			"Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: multipart/alternative; boundary=a\n\n--a\n\nthe text\n--a\nContent-Type: text/html\n\n<p>the text\n--a--\n--m\nContent-Type: application/pdf; name=\"../p.pdf\"\nContent-Transfer-Encoding: base64\n\nAAEC\n--m--\n",
			"\nthe text\n\n[../p.pdf: application/pdf, 4 octets; --part 2 shows it]\n",
		},
		{"html alone", "Content-Type: text/html\n\n<p>x\n", "\n[part 1: text/html, 6 octets; --part 1 shows it]\n"},
	} {
		if got := text(t, read(t, c.in)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// What a strict decoder reads, ours reads too.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("hello"), true)
	f.Add([]byte("a=\n=3D"), false)
	f.Fuzz(func(t *testing.T, p []byte, b64 bool) {
		if b64 {
			got, err := io.ReadAll(Decode(strings.NewReader(base64.StdEncoding.EncodeToString(p)), "base64"))
			if err != nil || string(got) != string(p) {
				t.Errorf("%q: %q, %v", p, got, err)
			}
		}
		for _, encoding := range []string{"base64", "quoted-printable", "8bit"} {
			if _, err := io.ReadAll(Decode(strings.NewReader(string(p)), encoding)); err != nil {
				t.Errorf("%s %q: %v", encoding, p, err)
			}
		}
	})
}

func TestFind(t *testing.T) {
	m := read(t, "\nbody\n")
	if p := Find(m.Parts, "1"); p == nil || p.Type != "text/plain" {
		t.Errorf("part 1 of a message without parts: %+v", p)
	}
	if p := Find(m.Parts, "2"); p != nil {
		t.Errorf("part 2: %+v", p)
	}
}

// What servers give of a header's parameters is taken apart, but not decoded.
func TestOfBodyName(t *testing.T) {
	for _, c := range []struct {
		want        string
		disposition []string
		typ         []string
	}{
		{"plain.pdf", []string{"filename", "plain.pdf"}, []string{"name", "other.pdf"}},
		{"Büro.pdf", []string{"FILENAME*", "utf-8'de'B%C3%BCro.pdf"}, nil},
		{"Büro.pdf", []string{"filename*", "iso-8859-1''B%FCro.pdf"}, nil},
		{"Büro.pdf", nil, []string{"name", "=?utf-8?q?B=C3=BCro.pdf?="}},
		{"a long name.pdf", []string{"filename*1", "name.pdf", "filename*0", "a long "}, nil},
		{"a 100% Büro.pdf", []string{"filename*0*", "utf-8''a%20", "filename*1", "100% ", "filename*2*", "B%C3%BCro.pdf"}, nil},
		{"named.pdf", []string{"filename*x", "no", "size", "3"}, []string{"charset", "x", "name", "named.pdf"}},
		{"", []string{"size", "3"}, nil},
	} {
		list := func(words []string) (l []grammar.Param) {
			for i := 0; i < len(words); i += 2 {
				l = append(l, grammar.Param{Name: grammar.Text(words[i]), Value: grammar.Text(words[i+1])})
			}
			return l
		}
		parts := OfBody(&grammar.Body{
			Type: grammar.Text("APPLICATION"), Subtype: grammar.Text("PDF"), Params: list(c.typ),
			Disposition: &grammar.Disposition{Type: grammar.Text("attachment"), Params: list(c.disposition)},
		})
		if len(parts) != 1 || parts[0].Name != c.want {
			t.Errorf("%q, %q: %+v, want %q", c.disposition, c.typ, parts[0], c.want)
		}
	}
}
