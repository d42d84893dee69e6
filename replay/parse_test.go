package replay

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func parse(t *testing.T, src string) *Script {
	t.Helper()
	s, err := ParseTranscript("t", []byte(src), opener(nil))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// opener reads the files of a map, and those of testdata.
func opener(files map[string]string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		if text, ok := files[name]; ok {
			return []byte(text), nil
		}
		return os.ReadFile(filepath.Join("testdata", name))
	}
}

var ignorePos = cmp.Options{cmpopts.IgnoreTypes(Pos{}), cmpopts.IgnoreUnexported(Literal{}), cmpopts.EquateEmpty()}

func TestParseNodes(t *testing.T) {
	s := parse(t, "@connect a imap\n"+
		"C: x FETCH $ ${n} $${n} ${*=} ${v=a$}b$$} ${{}${$} ~{|} {hello.eml+!} {>f} {310+} $Forwarded {|}\n"+
		"|one\n\"two\\n\\xff\"\n&\n|three\n")
	l := s.Items[1].(*Line)
	want := Pattern{
		Text("x FETCH $ "),
		&Value{Name: "n"},
		Text(" ${n} "),
		&Value{Kind: AnyOne, Has: true},
		Text(" "),
		&Value{Name: "v", Has: true, Sample: "a}b$"},
		Text(" {$ "),
		&Literal{Kind: FromBlock, Binary: true, Blocks: []Block{{Text: "one"}, {Exact: true, Text: "two\n\xff"}}, Octets: []byte("one\r\ntwo\n\xff")},
		Text(" "),
		&Literal{Kind: FromFile, Name: "hello.eml", NonSync: true, Must: true, Octets: []byte("Subject: hello\r\n\r\n.dot\r\nend")},
		Text(" "),
		&Literal{Kind: ToFile, Name: "f"},
		Text(" "),
		&Literal{Kind: Counted, Count: "310", NonSync: true},
		Text(" $Forwarded "),
		&Literal{Kind: FromBlock, Blocks: []Block{{Text: "three"}}, Octets: []byte("three\r\n")},
	}
	if diff := cmp.Diff(want, l.Pattern, ignorePos); diff != "" {
		t.Error(diff)
	}
	if v := l.Pattern[1].(*Value); v.Pos != (Pos{"t", 2, 14}) {
		t.Errorf("the value stands at %v, want t:2:14", v.Pos)
	}
}

func TestParseErrors(t *testing.T) {
	const imap, pop3 = "@connect a imap\n", "@connect a pop3\n"
	for _, test := range []struct{ src, want string }{
		{"C: a1 NOOP\n", "t:1:1: expected an @connect"},
		{"@connect a smtp\n", "t:1:10: expected imap or pop3"},
		{"@connect 1 imap\n", "t:1:10: expected the name of a connection"},
		{"@connect a\n", "t:1:1: expected @connect NAME imap|pop3"},
		{imap + "@connect a imap\n", "t:2:10: expected a new name: a is connected at line 1"},
		{imap + "b C: a1 NOOP\n", "t:2:1: expected the name of a connection; there is no @connect b"},
		{imap + "X: hello\n", "t:2:1: expected C:, S:"},
		{imap + "a  C: two spaces\n", "t:2:1: expected C:, S:"},
		{imap + "C:x\n", "t:2:3: expected a space"},
		{imap + "S!\n", "t:2:3: expected behind S! what must not come"},
		{imap + "|text\n", "t:2:1: expected C:, S:, S!, @ or #; a block stands directly beneath"},
		{imap + "# note\n|text\n", "t:3:1: expected C:"},
		{imap + "C: a ${x\n", "t:2:9: expected =sample or }"},
		{imap + "C: a ${1}\n", "t:2:8: expected in ${…} a name"},
		{imap + "C: a {|\n", "t:2:6: expected a literal"},
		{imap + "C: a {b c}\n", "t:2:6: expected a literal"},
		{imap + "C: a {none.eml}\n", "t:2:6: expected a file none.eml beside the script"},
		{imap + "C: a {../x.eml}\n", "t:2:6: expected a file beside the script or below"},
		{imap + "C: a {x/../../y}\n", "t:2:6: expected a file beside the script or below"},
		{imap + "C: a {/etc/passwd}\n", "t:2:6: expected a file beside the script, found the absolute path"},
		{imap + "S: a {>/etc/passwd}\n", "t:2:6: expected a file beside the script, found the absolute path"},
		{imap + "C: a {|}\nS: b\n", "t:3:1: expected a block for the {|} of line 2"},
		{imap + "C: a {|} {|}\n|x\nS: b\n", "t:4:1: expected &"},
		{imap + "C: a {|}\n\"x\n", `t:3:3: expected a closing quote`},
		{imap + "C: a {|}\n\"x\\q\"\n", `t:3:3: expected \r \n`},
		{imap + "C: a {|}\n\"x\" y\n", `t:3:4: expected the end of the line`},
		{imap + "C: a {9223372036854775808}\n", "t:2:6: expected a count of octets of at most 63 bits"},
		{imap + "S: a {|+}\n|x\n", "t:2:6: expected no +"},
		{imap + "S! a {|}\n|x\n", "t:2:6: expected no literal in S!"},
		{imap + "S: (${...} b)\n", "t:2:5: expected ${...} at the end of a list"},
		{pop3 + "S: 1 ${...}\n", "t:2:6: expected ${...} alone"},
		{pop3 + "S: +OK {hello.eml}\n", "t:2:8: expected text: in pop3"},
		{pop3 + "C: {hello.eml}\n", "t:2:4: expected text: in pop3"},
		{imap + "@loging\n", "t:2:2: expected behind @ one of connect"},
		{imap + "a @sync\n", "t:2:1: expected @sync without the name"},
		{imap + "@wait soon\n", "t:2:7: expected @wait TIME"},
		{imap + "@wait -1s\n", "t:2:7: expected @wait TIME"},
		{imap + "@exact\nC: a1 NOOP\n", "t:2:1: expected an @end for this @exact"},
		{imap + "@end\n", "t:2:1: expected no @end"},
		{"@include none\n", "t:1:10: expected a script none beside this one"},
		{"@include ../x\n", "t:1:10: expected a file beside"},
		{"@include loop\n", "loop:1:10: expected at most 16 scripts"},
	} {
		_, err := Parse("t", []byte(test.src), opener(map[string]string{"loop": "@include loop"}))
		var at *Error
		if !errors.As(err, &at) || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%q:\n got %v\nwant %s…", test.src, err, test.want)
		}
	}
}

func TestSecretsInText(t *testing.T) {
	const imap, pop3 = "@connect a imap\n", "@connect a pop3\n"
	for _, src := range []string{
		imap + "C: a1 LOGIN u1 hunter2\n",
		imap + "C: a1 login u1 \"hunter 2\"\n",
		imap + "C: a1 LOGIN u1 ${secret=hunter2}\n",
		imap + "C: a1 LOGIN u1 ${password=hunter2}\n",
		imap + "C: a1 LOGIN u1 {|}\n|hunter2\n",
		imap + "C: a1 LOGIN u1 {7}\nC: hunter2\n",
		imap + "C: a1 LOGIN {2}\nC: u1 hunter2\n",
		imap + "C: a1 LOGIN u1 ${password}2\n",
		imap + "C: a1 AUTHENTICATE PLAIN AHUxAGh1bnRlcjI=\n",
		imap + "C: a1 AUTHENTICATE PLAIN\nS: +\nC: AHUxAGh1bnRlcjI=\n",
		imap + "C: a1 AUTHENTICATE LOGIN\nS: +\nC: ${sasl}\nS: +\nC: aHVudGVyMg==\n",
		imap + "C: a1 AUTHENTICATE PLAIN\nS: +\nC:\n|AHUxAGh1bnRlcjI=\n",
		pop3 + "C: PASS hunter2\n",
		pop3 + "C: pass ${password} 2\nC: PASS 2\n",
		pop3 + "C: APOP u1 c4c9334bac560ecc979e58001b3e22fb\n",
		pop3 + "C: AUTH PLAIN AHUxAGh1bnRlcjI=\n",
		pop3 + "C: AUTH PLAIN\nS: +\nC: AHUxAGh1bnRlcjI=\n",
	} {
		if _, err := Parse("t", []byte(src), nil); err == nil {
			t.Errorf("a secret in the text passed: %q", src)
		} else if strings.Contains(err.Error(), "hunter") || strings.Contains(err.Error(), "AHUx") {
			t.Errorf("the error tells the secret: %v", err)
		}
		if _, err := ParseTranscript("t", []byte(src), nil); err != nil {
			t.Errorf("ParseTranscript: %v", err)
		}
	}
	for _, src := range []string{
		imap + "C: a1 LOGIN u1 ${password}\n",
		imap + "C: a1 LOGIN u1 \"${password}\"\n",
		imap + "C: a1 LOGIN u1 {7}\nS: + go\nC: ${password}\n",
		imap + "C: a1 LOGIN {2}\nC: u1 ${password}\n",
		imap + "C: a1 LOGIN u1 {7}\nS: a1 NO\nC: a2 NOOP\n",
		imap + "C: a1 AUTHENTICATE PLAIN ${sasl}\nS: a1 OK\nC: a2 NOOP\n",
		imap + "C: a1 AUTHENTICATE EXTERNAL =\nS: a1 OK\nC: a2 NOOP\n",
		imap + "C: a1 AUTHENTICATE LOGIN\nS: +\nC: ${sasl}\nS: +\nC: ${sasl}\nS: a1 OK\nC: a2 NOOP\n",
		imap + "C: a1 AUTHENTICATE LOGIN\nS: +\nC: *\nS: a1 BAD\nC: a2 NOOP\n",
		pop3 + "C: PASS ${password}\n",
		pop3 + "C: APOP u1 ${sasl}\n",
		pop3 + "C: AUTH\nS: +OK\nS: PLAIN\nS: .\nC: AUTH PLAIN\nS: +\nC: ${sasl}\nS: +OK\nC: STAT\n",
	} {
		if _, err := Parse("t", []byte(src), nil); err != nil {
			t.Errorf("%q: %v", src, err)
		}
	}
}

func TestIncludeAndRules(t *testing.T) {
	files := map[string]string{
		"sub/inner":    "C: a1 NOOP\n@ordered\nS: a1 OK {next.eml}\n@end\n@include deeper\n",
		"sub/next.eml": "x", "sub/deeper": "@connect b pop3\nC: NOOP\n",
	}
	s, err := Parse("dir/t", []byte("@connect a imap\n@exact\n@include sub/inner\n@end\nC: STAT\n"), opener(files))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, it := range s.Steps() {
		if l, ok := it.(*Line); ok {
			got = append(got, l.Pos.String()+" "+l.Conn+" "+l.String())
			if want := l.Pos.File != "dir/t"; l.Rules.Exact != want {
				t.Errorf("%v: exact is %v", l, l.Rules.Exact)
			}
			if l.Rules.Ordered != (l.Side == ServerSide) {
				t.Errorf("%v: ordered is %v", l, l.Rules.Ordered)
			}
		}
	}
	want := []string{
		"dir/sub/inner:1:1 a C: a1 NOOP", "dir/sub/inner:3:1 a S: a1 OK {next.eml}",
		"dir/sub/deeper:2:1 b C: NOOP", "dir/t:5:1 b C: STAT",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(s.Conns) != 2 || s.Conns[1].Name != "b" {
		t.Errorf("connections: %v", s.Conns)
	}
}

func TestParseFileStaysInItsDirectory(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("outside.eml", "secret")
	write("in/good.eml", "x")
	write("in/t.script", "@connect a imap\nC: a1 APPEND INBOX {good.eml}\n")
	write("in/bad.script", "@connect a imap\nC: a1 APPEND INBOX {link.eml}\n")
	if err := os.Symlink("../outside.eml", filepath.Join(dir, "in/link.eml")); err != nil {
		t.Fatal(err)
	}
	if _, err := ParseFile(filepath.Join(dir, "in/t.script")); err != nil {
		t.Error(err)
	}
	if _, err := ParseFile(filepath.Join(dir, "in/bad.script")); err == nil {
		t.Error("a symbolic link led out of the script's directory")
	}
}

func TestParseFS(t *testing.T) {
	fsys := fstest.MapFS{
		"s/t.script": {Data: []byte("@connect a imap\nC: a1 APPEND INBOX {m.eml}\n")},
		"s/m.eml":    {Data: []byte("x")},
	}
	s, err := ParseFS(fsys, "s/t.script")
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "s/t.script" {
		t.Errorf("name %q", s.Name)
	}
	if _, err := ParseFS(fsys, "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing script: %v", err)
	}
}

func TestCheck(t *testing.T) {
	s := parse(t, `@connect a imap
S: * OK
C: a1 LOGIN ${user} ${password}
S: a1 OK
C: a2 UID FETCH ${first} (BODY[])
S: * ${*} FETCH (UID ${uid} BODY[] {>one.eml})
S! * ${x} EXPUNGE
S: a2 OK
C: a3 UID FETCH ${uid} FLAGS
S: * ${*=1} FETCH (FLAGS (${...}))
S: a3 OK
`)
	for _, test := range []struct {
		side  Side
		given []string
		want  []string
	}{
		{ClientSide, nil, []string{"t:5:17: expected a sample, ${first=…}: the client"}},
		{ClientSide, []string{"first"}, nil},
		{ServerSide, nil, []string{
			"t:6:6: expected a sample, ${*=…}: the server", "t:6:22: expected a sample, ${uid=…}",
			"t:6:36: expected {one.eml}",
		}},
	} {
		var got []string
		if err := s.Check(test.side, test.given...); err != nil {
			got = strings.Split(err.Error(), "\n")
		}
		if len(got) != len(test.want) {
			t.Errorf("%v: got %q, want %q", test.side, got, test.want)
			continue
		}
		for i := range got {
			if !strings.HasPrefix(got[i], test.want[i]) {
				t.Errorf("%v: got %q, want %q", test.side, got[i], test.want[i])
			}
		}
	}
}
