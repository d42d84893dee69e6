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

func scan(limits decode.Limits, pieces ...string) []*mime.Part {
	var s mime.Scanner
	s.Reset(limits)
	for _, p := range pieces {
		s.Write([]byte(p))
	}
	return s.Close()
}

// table writes parts one a line, with the body cut out of the message.
func table(message string, parts []*mime.Part) string {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "%q %d %s", p.Number, p.Depth, p.Type)
		for _, x := range [...]string{p.Charset, p.Boundary, p.Name, p.Encoding} {
			if x != "" {
				fmt.Fprintf(&b, " %s", x)
			}
		}
		fmt.Fprintf(&b, " %q lines=%d", message[p.Off:p.Off+p.Size], p.Lines)
		if p.Decoded >= 0 {
			fmt.Fprintf(&b, " decoded=%d", p.Decoded)
		}
		if p.Cut {
			b.WriteString(" cut")
		}
		if p.From+p.Subject+p.Date != "" {
			fmt.Fprintf(&b, " %q %q %q", p.From, p.Subject, p.Date)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

var messages = []struct{ name, message, want string }{
	{
		"plain", crlf("From: Bob <bob@example.org>\nSubject: Hello,\n world\nDate: Thu, 1 Jan 2026 00:00:00 +0000\n\nbody\n"),
		`"" 0 text/plain 7bit "body\r\n" lines=1 "Bob <bob@example.org>" "Hello, world" "Thu, 1 Jan 2026 00:00:00 +0000"` + "\n",
	},
	{"empty", "", `"" 0 text/plain 7bit "" lines=0` + "\n"},
	{"no header", "\r\nbody", `"" 0 text/plain 7bit "body" lines=0` + "\n"},
	{"header only", "Subject: x\r\n", `"" 0 text/plain 7bit "" lines=0 "" "x" ""` + "\n"},
	{"header without a line end", "Subject: x", `"" 0 text/plain 7bit "" lines=0 "" "x" ""` + "\n"},
	{
		"mixed", crlf(`Content-Type: multipart/mixed;
	boundary="=mix"
MIME-Version: 1.0

preamble
--=mix
Content-Type: multipart/alternative; boundary==alt

--=alt
Content-Type: Text/Plain; charset=UTF-8
Content-Transfer-Encoding: Quoted-Printable

caf=C3=A9
--=alt
Content-Type: text/html (a comment); charset="utf-8"; format=flowed

<p>caf&eacute;

--=alt--

--=mix
Content-Type: application/pdf; name=old.pdf
Content-Disposition: attachment; filename="plan b.pdf"
Content-Transfer-Encoding: base64

AAECAwQFBgcICQ
oLDA0ODw==
--=mix--
epilogue
--=mix
`),
		`"" 0 multipart/mixed =mix 7bit "preamble\r\n--=mix\r\nContent-Type: multipart/alternative; boundary==alt\r\n\r\n--=alt\r\nContent-Type: Text/Plain; charset=UTF-8\r\nContent-Transfer-Encoding: Quoted-Printable\r\n\r\ncaf=C3=A9\r\n--=alt\r\nContent-Type: text/html (a comment); charset=\"utf-8\"; format=flowed\r\n\r\n<p>caf&eacute;\r\n\r\n--=alt--\r\n\r\n--=mix\r\nContent-Type: application/pdf; name=old.pdf\r\nContent-Disposition: attachment; filename=\"plan b.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAwQFBgcICQ\r\noLDA0ODw==\r\n--=mix--\r\nepilogue\r\n--=mix\r\n" lines=26
"1" 1 multipart/alternative =alt 7bit "--=alt\r\nContent-Type: Text/Plain; charset=UTF-8\r\nContent-Transfer-Encoding: Quoted-Printable\r\n\r\ncaf=C3=A9\r\n--=alt\r\nContent-Type: text/html (a comment); charset=\"utf-8\"; format=flowed\r\n\r\n<p>caf&eacute;\r\n\r\n--=alt--\r\n" lines=11
"1.1" 2 text/plain utf-8 quoted-printable "caf=C3=A9" lines=0
"1.2" 2 text/html utf-8 7bit "<p>caf&eacute;\r\n" lines=1
"2" 1 application/pdf plan b.pdf base64 "AAECAwQFBgcICQ\r\noLDA0ODw==" lines=1 decoded=16
`,
	},
	{
		"attached messages", crlf(`Subject: outer
Content-Type: multipart/mixed; boundary=a

--a
Content-Type: message/rfc822

Subject: single
From: x@example.org

text
--a
Content-Type: message/rfc822

Subject: many
Content-Type: multipart/mixed; boundary=b

--b

one
--b--
--a
Content-Type: message/rfc822

Content-Type: message/rfc822

Subject: inmost

--a
Content-Type: message/rfc822
Content-Transfer-Encoding: base64

AAAA
--a--
`),
		`"" 0 multipart/mixed a 7bit "--a\r\nContent-Type: message/rfc822\r\n\r\nSubject: single\r\nFrom: x@example.org\r\n\r\ntext\r\n--a\r\nContent-Type: message/rfc822\r\n\r\nSubject: many\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b--\r\n--a\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\nSubject: inmost\r\n\r\n--a\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--a--\r\n" lines=30 "" "outer" ""
"1" 1 message/rfc822 7bit "Subject: single\r\nFrom: x@example.org\r\n\r\ntext" lines=3 "x@example.org" "single" ""
"1.1" 2 text/plain 7bit "text" lines=0
"2" 1 message/rfc822 b 7bit "Subject: many\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b--" lines=6 "" "many" ""
"2.1" 2 text/plain 7bit "one" lines=0
"3" 1 message/rfc822 7bit "Content-Type: message/rfc822\r\n\r\nSubject: inmost\r\n" lines=3
"3.1" 2 message/rfc822 7bit "Subject: inmost\r\n" lines=1 "" "inmost" ""
"3.1.1" 3 text/plain 7bit "" lines=0
"4" 1 message/rfc822 base64 "AAAA" lines=0 decoded=3
`,
	},
	{
		"the message is a forwarded one", crlf("Content-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n"),
		`"" 0 message/rfc822 b 7bit "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b--\r\n" lines=6
"1.1" 1 text/plain 7bit "one" lines=0
`,
	},
	{
		"digest", crlf("Content-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: first\n\n1\n--d\nContent-Type: text/plain\n\n2\n--d--\n"),
		`"" 0 multipart/digest d 7bit "--d\r\n\r\nSubject: first\r\n\r\n1\r\n--d\r\nContent-Type: text/plain\r\n\r\n2\r\n--d--\r\n" lines=10
"1" 1 message/rfc822 7bit "Subject: first\r\n\r\n1" lines=2 "" "first" ""
"1.1" 2 text/plain 7bit "1" lines=0
"2" 1 text/plain 7bit "2" lines=0
`,
	},
	{
		"LF alone", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: base64\n\nAA\nAA\n\n--b  \n\n\n--b--",
		`"" 0 multipart/mixed b 7bit "--b\nContent-Transfer-Encoding: base64\n\nAA\nAA\n\n--b  \n\n\n--b--" lines=9
"1" 1 text/plain base64 "AA\nAA\n" lines=2 decoded=3
"2" 1 text/plain 7bit "" lines=0
`,
	},
	{
		"a part without an end of its header", crlf("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n--b\nSubject: of a part\n--b--\n"),
		`"" 0 multipart/mixed b 7bit "--b\r\nContent-Type: text/html\r\n--b\r\nSubject: of a part\r\n--b--\r\n" lines=5
"1" 1 text/html 7bit "" lines=0
"2" 1 text/plain 7bit "" lines=0
`,
	},
	{
		"no close-delimiter", crlf("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\none\n--b\n\ntwo\n"),
		`"" 0 multipart/mixed b 7bit "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\none\r\n--b\r\n\r\ntwo\r\n" lines=9 cut
"1" 1 multipart/mixed c 7bit "--c\r\n\r\none" lines=2 cut
"1.1" 2 text/plain 7bit "one" lines=0
"2" 1 text/plain 7bit "two\r\n" lines=1 cut
`,
	},
	{
		"a boundary that begins with the outer one", crlf("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=b2\n\n--b2\n\none\n--b2--\n--b--\n"),
		`"" 0 multipart/mixed b 7bit "--b\r\nContent-Type: multipart/mixed; boundary=b2\r\n\r\n--b2\r\n\r\none\r\n--b2--\r\n--b--\r\n" lines=8
"1" 1 multipart/mixed b2 7bit "--b2\r\n\r\none\r\n--b2--" lines=3
"1.1" 2 text/plain 7bit "one" lines=0
`,
	},
	{
		"hyphens", crlf("Content-Type: multipart/mixed; boundary=\"-\"\n\n---\n\n--\n-- \n-------------\n- x\n---x\n-----\n"),
		`"" 0 multipart/mixed - 7bit "---\r\n\r\n--\r\n-- \r\n-------------\r\n- x\r\n---x\r\n-----\r\n" lines=8
"1" 1 text/plain 7bit "--\r\n-- \r\n-------------\r\n- x\r\n---x" lines=4
`,
	},
	{
		"malformed types", crlf("Content-Type: text; boundary=x; charset=y\nContent-Disposition: attachment; filename=a b.txt\nContent-Type: text/html\n\n"),
		`"" 0 text/plain a b.txt 7bit "" lines=0` + "\n",
	},
	{"multipart without a boundary", "Content-Type: multipart/mixed\r\n\r\n--\r\n", `"" 0 multipart/mixed 7bit "--\r\n" lines=1` + "\n"},
}

func TestParts(t *testing.T) {
	for _, c := range messages {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, table(c.message, scan(decode.Limits{}, c.message))); d != "" {
				t.Error(d)
			}
			for _, p := range scan(decode.Limits{}, c.message) {
				if n := strings.Count(c.message[p.Off:p.Off+p.Size], "\n"); int(p.Lines) != n {
					t.Errorf("part %q: got %d lines, want %d", p.Number, p.Lines, n)
				}
			}
			octets := make([]string, len(c.message))
			for i := range octets {
				octets[i] = c.message[i : i+1]
			}
			if d := cmp.Diff(c.want, table(c.message, scan(decode.Limits{}, octets...))); d != "" {
				t.Error("octet by octet:", d)
			}
			for i := range c.message {
				got := table(c.message, scan(decode.Limits{}, c.message[:i], c.message[i:]))
				if d := cmp.Diff(c.want, got); d != "" {
					t.Fatalf("cut at %d: %s", i, d)
				}
			}
		})
	}
}

func TestParameters(t *testing.T) {
	for _, c := range []struct{ field, charset, name string }{
		{`text/plain; charset=utf-8; name=x.txt`, "utf-8", "x.txt"},
		{`text/plain; charset = "UTF-8" ; name = "a \"b\" \\c;.txt"`, "utf-8", `a "b" \c;.txt`},
		{`text/plain;; charset=(why)us-ascii (plain);name=a=b`, "us-ascii", "a=b"},
		{`text/plain; name*=utf-8'en'na%C3%AFve%20.txt`, "", "naïve .txt"},
		{`text/plain; name*0*=utf-8''na%C3; name*1*=%AF; name*2="ve%.txt"`, "", "naïve%.txt"},
		{`text/plain; name*1=b; name*0=a; name*2=c`, "", "abc"},
		{`text/plain; name*=iso-8859-1''na%EFve%20_.txt`, "", "=?iso-8859-1?Q?na=EFve=20=5F.txt?="},
		{`text/plain; name*=broken; charset`, "", "broken"},
		{`text/plain; name="unfinished; charset=x`, "", "unfinished; charset=x"},
		{`text/plain; name*9999999999999=x; charset*x=y`, "", ""},
		{`text/plain charset=utf-8`, "", ""},
	} {
		p := scan(decode.Limits{}, "Content-Type: "+c.field+"\r\n\r\n")[0]
		if p.Type != "text/plain" || p.Charset != c.charset || p.Name != c.name {
			t.Errorf("%s: got %s charset %q name %q", c.field, p.Type, p.Charset, p.Name)
		}
	}
}

func TestDisplay(t *testing.T) {
	for in, want := range map[string]string{
		"=?iso-8859-1?Q?R=E9union_demain?=": "Réunion demain",
		"=?utf-8?B?UsOpdW5pb24=?= ok":       "Réunion ok",
		"=?koi8-r?B?8NLJ18XU?=":             "Привет",
		"=?no-such-charset?Q?x?=":           "=?no-such-charset?Q?x?=",
		"caf\xe9":                           "caf\uFFFD",
		"plain":                             "plain",
	} {
		if got := mime.Display(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestLimits(t *testing.T) {
	many := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 50) + "--b--\r\n"
	parts := scan(decode.Limits{Parts: 10}, many)
	if len(parts) != 10 || !parts[0].Cut || parts[9].Number != "9" || parts[9].Cut {
		t.Errorf("parts: %s", table(many, parts))
	}
	deep := ""
	for i := range 50 {
		deep += fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	if parts = scan(decode.Limits{Depth: 5}, deep); len(parts) != 6 || parts[5].Number != "1.1.1.1.1" || !parts[5].Cut {
		t.Errorf("depth: %s", table(deep, parts))
	}
	deep = strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 50)
	if parts = scan(decode.Limits{Depth: 5}, deep); len(parts) != 6 || !parts[5].Cut {
		t.Errorf("depth of messages: %s", table(deep, parts))
	}
	long := "Subject: " + strings.Repeat("x", 10000) + "\r\n " + strings.Repeat("y", 10000) + "\r\nFrom: z\r\n\r\n"
	if p := scan(decode.Limits{Header: 100}, long)[0]; len(p.Subject) > 100 || p.From != "z" {
		t.Errorf("header: %d octets kept, From %q", len(p.Subject), p.From)
	}
}

// tree draws a message with a known structure, and the parts that it has.
func tree(t *rapid.T, number, children string, depth int, eol string, out *strings.Builder, parts *[]*mime.Part, embedded bool) {
	kind := rapid.SampledFrom([]string{"leaf", "leaf", "base64", "multipart", "message"}).Draw(t, "kind")
	if depth > 4 {
		kind = "leaf"
	}
	p := &mime.Part{Number: number, Depth: depth, Type: "text/plain", Encoding: "7bit", Decoded: -1}
	own := !embedded || kind != "multipart"
	if own {
		*parts = append(*parts, p)
	} else {
		p = &mime.Part{}
	}
	body := func() {
		out.WriteString(eol)
		p.Off = int64(out.Len())
	}
	switch kind {
	case "leaf":
		body()
		for range rapid.IntRange(0, 3).Draw(t, "lines") {
			out.WriteString(rapid.SampledFrom([]string{"", "-", "--", "x--b1", "--b", "-- ", ".", "text", "---------", "--b1 x"}).Draw(t, "line"))
			out.WriteString(eol)
		}
		out.WriteString(rapid.SampledFrom([]string{"", "end", "--"}).Draw(t, "last"))
	case "base64":
		p.Encoding = "base64"
		out.WriteString("Content-Transfer-Encoding: base64" + eol)
		body()
		n := rapid.IntRange(0, 3).Draw(t, "lines")
		out.WriteString(strings.Repeat("AAAAAAAA"+eol, n))
		tail := rapid.IntRange(0, 3).Draw(t, "tail")
		out.WriteString([]string{"", "AA==", "AAA=", "AAAA"}[tail])
		p.Decoded = int64(6*n + tail)
	case "multipart":
		b := fmt.Sprintf("b%d", out.Len())
		p.Type, p.Boundary = "multipart/mixed", b
		if !own {
			(*parts)[len(*parts)-1].Boundary = b
		}
		out.WriteString("Content-Type: multipart/mixed;" + eol + "\tboundary=" + b + eol)
		body()
		if rapid.Bool().Draw(t, "preamble") {
			out.WriteString("preamble --" + b + eol)
		}
		n := rapid.IntRange(1, 3).Draw(t, "children")
		childDepth := depth + 1
		if !own {
			childDepth = depth
		}
		for i := range n {
			if i > 0 {
				out.WriteString(eol)
			}
			out.WriteString("--" + b + eol)
			prefix := fmt.Sprintf("%s%d", children, i+1)
			tree(t, prefix, prefix+".", childDepth, eol, out, parts, false)
		}
		out.WriteString(eol + "--" + b + "--")
		if rapid.Bool().Draw(t, "epilogue") {
			out.WriteString(eol + "epilogue" + eol + "--" + b)
		}
	case "message":
		p.Type = "message/rfc822"
		out.WriteString("Content-Type: message/rfc822" + eol)
		body()
		within := number
		if within == "" {
			within = "1"
		}
		tree(t, within+".1", within+".", depth+1, eol, out, parts, true)
	}
	if own {
		p.Size = int64(out.Len()) - p.Off
		p.Lines = int64(strings.Count(out.String()[p.Off:], "\n"))
	}
}

func TestTreesProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var out strings.Builder
		var want []*mime.Part
		eol := rapid.SampledFrom([]string{"\r\n", "\n"}).Draw(t, "eol")
		tree(t, "", "", 0, eol, &out, &want, false)
		message := out.String()
		var pieces []string
		for rest := message; rest != ""; {
			n := rapid.IntRange(1, min(len(rest), 40)).Draw(t, "cut")
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		if d := cmp.Diff(want, scan(decode.Limits{}, pieces...)); d != "" {
			t.Fatalf("%q\n%s", message, d)
		}
	})
}

func FuzzScanner(f *testing.F) {
	for _, c := range messages {
		f.Add(c.message, uint64(0x0123456789abcdef))
	}
	f.Fuzz(func(t *testing.T, message string, cuts uint64) {
		for _, limits := range []decode.Limits{{}, {Parts: 3, Depth: 2, Header: 24}} {
			want := scan(limits, message)
			var pieces []string
			c := cuts
			for rest := message; rest != ""; {
				n := min(int(c&15)+1, len(rest))
				pieces, rest = append(pieces, rest[:n]), rest[n:]
				c = c>>4 | c<<60
			}
			if d := cmp.Diff(want, scan(limits, pieces...)); d != "" {
				t.Fatalf("%q %x: %s", message, cuts, d)
			}
			if d := cmp.Diff(problems(message), problems(pieces...)); d != "" {
				t.Fatalf("%q %x: problems %s", message, cuts, d)
			}
			for _, p := range want {
				if p.Off < 0 || p.Size < 0 || p.Lines < 0 || p.Off+p.Size > int64(len(message)) {
					t.Fatalf("%q: part %q stands at %d, %d octets, %d lines", message, p.Number, p.Off, p.Size, p.Lines)
				}
			}
			if limits.Parts > 0 && len(want) > limits.Parts {
				t.Fatalf("%d parts", len(want))
			}
		}
	})
}

// A message that is one attached message keeps its own From and Subject.
func TestMessageOfTypeMessage(t *testing.T) {
	var s mime.Scanner
	s.Reset(decode.Limits{})
	s.Write([]byte("From: outer@example.org\r\nSubject: outer\r\nContent-Type: message/rfc822\r\n\r\nFrom: inner@example.org\r\nSubject: inner\r\n\r\ntext\r\n"))
	parts := s.Close()
	if parts[0].From != "outer@example.org" || parts[0].Subject != "outer" {
		t.Fatalf("got %+v", parts[0])
	}
}
