package replay

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// spelled shows chunks as lines of "C" or "S", the octets quoted, TLS as itself.
func spelled(chunks []Chunk) []string {
	var out []string
	for _, c := range chunks {
		switch {
		case c.TLS:
			out = append(out, "TLS")
		case c.Client:
			out = append(out, "C "+quote(string(c.Octets)))
		default:
			out = append(out, "S "+quote(string(c.Octets)))
		}
	}
	return out
}

func TestChunks(t *testing.T) {
	vars := map[string]string{"user": "u1", "password": "secret"}
	const imap, pop3 = "@connect a imap\n", "@connect a pop3\n"
	for _, test := range []struct {
		name, src string
		vars      map[string]string
		want      []string
	}{
		{"lines", imap + "S: * OK hi\nC: a1 NOOP \nS: a1 OK\nC:\nS! * BYE\n", nil, []string{
			`S "* OK hi\r\n"`, `C "a1 NOOP \r\n"`, `S "a1 OK\r\n"`, `C "\r\n"`,
		}},
		{"literals", imap + "C: a1 APPEND x {|} (b)\n|.a\n\"\\n\"\nC: a2 X ~{hello.eml+}\nS: * 1 FETCH (BODY[] {|} UID 3)\n|q\nC: a3 X {|} {|+}\n|1\n&\n\"2\"\n", nil, []string{
			`C "a1 APPEND x {5}\r\n"`, `S "+ OK\r\n"`, `C ".a\r\n\n (b)\r\n"`,
			`C "a2 X ~{27+}\r\nSubject: hello\r\n\r\n.dot\r\nend\r\n"`,
			`S "* 1 FETCH (BODY[] {3}\r\nq\r\n UID 3)\r\n"`,
			`C "a3 X {3}\r\n"`, `S "+ OK\r\n"`, `C "1\r\n {1+}\r\n2\r\n"`,
		}},
		{"wire literals", imap + "C: a1 APPEND x ~{3+}\nC: abc\nS: + go on\nS: * OK ${{}1}\n", nil, []string{
			`C "a1 APPEND x ~{3+}\r\n"`, `C "abc\r\n"`, `S "+ go on\r\n"`, `S "* OK {1}\r\n"`,
		}},
		{"octets", imap + "C:\n\"\\x16\\x03\"\nS: * OK\n|.x\n\"\\n\"\n", nil, []string{
			`C "\x16\x03"`, `S "* OK\r\n.x\r\n\n"`,
		}},
		{"values", imap + "S: * ${n=3} EXISTS ${*=x} ${m} ${q=2}\nC: a1 FETCH ${n}:${q},${n=9} (FLAGS ${...})\nS: * SEARCH ${...}\nS: * FLAGS (a ${...})\n", map[string]string{"m": "M"}, []string{
			`S "* 3 EXISTS x M 2\r\n"`, `C "a1 FETCH 3:2,3 (FLAGS)\r\n"`, `S "* SEARCH\r\n"`, `S "* FLAGS (a)\r\n"`,
		}},
		{"pop3 bodies", pop3 + "S: +OK\nS: {hello.eml}\nS: .\nS: {|}\n|.x\nS: .x\nS: +OK\n|.y\nS: ${...}\n", nil, []string{
			`S "+OK\r\n"`, `S "Subject: hello\r\n\r\n..dot\r\nend\r\n"`, `S ".\r\n"`, `S "..x\r\n"`, `S ".x\r\n"`, `S "+OK\r\n.y\r\n"`,
		}},
		{"imap login", imap + "@starttls\n@login\n", vars, []string{
			`S "* OK [CAPABILITY IMAP4rev1] ready\r\n"`, `C "login1 LOGIN u1 secret\r\n"`, `S "login1 OK logged in\r\n"`,
		}},
		{"pop3 login", pop3 + "S: +OK\n@login\n", vars, []string{
			`S "+OK\r\n"`, `C "USER u1\r\n"`, `S "+OK\r\n"`, `C "PASS secret\r\n"`, `S "+OK logged in\r\n"`,
		}},
		{"password in quotes", imap + "C: a LOGIN ${user} ${password}\n", map[string]string{"user": "a b", "password": `c"\d`}, []string{
			`C "a LOGIN \"a b\" \"c\\\"\\\\d\"\r\n"`,
		}},
		{"password within quotes", imap + `C: a LOGIN ${user} "${password}"` + "\n", map[string]string{"user": "u", "password": `c"d e`}, []string{
			`C "a LOGIN u \"c\\\"d e\"\r\n"`,
		}},
		{"password as literal", imap + "C: a LOGIN ${user} ${password}\n", map[string]string{"user": "NIL", "password": "pä"}, []string{
			`C "a LOGIN \"NIL\" {3}\r\n"`, `S "+ OK\r\n"`, `C "p\xc3\xa4\r\n"`,
		}},
		{"pop3 password as it is", pop3 + "C: PASS ${password}\n", map[string]string{"password": `c "d`}, []string{`C "PASS c \"d\r\n"`}},
		{"sasl", imap + "C: a AUTHENTICATE PLAIN ${sasl}\nC: b AUTHENTICATE LOGIN\nC: ${sasl}\nC: ${sasl}\n", vars, []string{
			`C "a AUTHENTICATE PLAIN AHUxAHNlY3JldA==\r\n"`, `C "b AUTHENTICATE LOGIN\r\n"`, `C "dTE=\r\n"`, `C "c2VjcmV0\r\n"`,
		}},
		{"sasl given", pop3 + "C: AUTH X ${sasl}\n", map[string]string{"sasl": "eA=="}, []string{`C "AUTH X eA==\r\n"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			chunks, err := parse(t, test.src).Chunks(test.vars)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, spelled(chunks)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestChunksErrors(t *testing.T) {
	const imap = "@connect a imap\n"
	for _, test := range []struct{ src, want string }{
		{imap + "S: * ${n} EXISTS\n", "t:2:6: expected a value for ${n}"},
		{imap + "S: * ${*} EXISTS\n", "t:2:6: expected a value for ${*}"},
		{imap + "C: a LOGIN u ${password}\n", "t:2:14: expected a value for ${password}, none was given"},
		{imap + "@login\n", "t:2:1: expected a value for ${user}"},
		{imap + "S: * 1 FETCH (BODY[] {>f})\n", "t:2:22: expected octets to say"},
		{imap + "C: ${sasl}\n", "t:2:4: expected a mechanism that can answer here: no AUTHENTICATE"},
		{imap + "C: a AUTHENTICATE GSSAPI ${sasl}\n", "t:2:26: expected a mechanism that can answer here: response 1 of GSSAPI"},
	} {
		_, err := parse(t, test.src).Chunks(nil)
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%q:\n got %v\nwant %s…", test.src, err, test.want)
		}
	}
}

func TestChunksStartTLS(t *testing.T) {
	vars := map[string]string{"user": "u1", "password": "secret"}
	for proto, want := range map[string][]string{
		"imap": {
			`S "* OK [CAPABILITY IMAP4rev1] ready\r\n"`, `C "tls1 STARTTLS\r\n"`, `S "tls1 OK begin TLS\r\n"`, "TLS",
			`C "login1 LOGIN u1 secret\r\n"`, `S "login1 OK logged in\r\n"`,
		},
		"pop3": {
			`S "+OK ready\r\n"`, `C "STLS\r\n"`, `S "+OK begin TLS\r\n"`, "TLS",
			`C "USER u1\r\n"`, `S "+OK\r\n"`, `C "PASS secret\r\n"`, `S "+OK logged in\r\n"`,
		},
	} {
		chunks, err := Transcript{Vars: vars, StartTLS: true}.Chunks(parse(t, "@connect a "+proto+"\n@starttls\n@login\n"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, spelled(chunks)); diff != "" {
			t.Error(diff)
		}
	}
}

// The three scripts of the reference parse, can be spoken by both sides, and their
// literals count what follows.
func TestReferenceScripts(t *testing.T) {
	for _, name := range []string{"pop3-fetch.script", "imap-push.script", "two.script"} {
		s, err := ParseFS(os.DirFS("testdata"), name)
		if err != nil {
			t.Fatal(err)
		}
		for _, side := range []Side{ClientSide, ServerSide} {
			if err := s.Check(side); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := s.Chunks(map[string]string{"user": "u1", "password": "secret"}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStuff(t *testing.T) {
	for _, test := range []struct{ body, want string }{
		{"", ""},
		{".", "..\r\n"},
		{"a\r\n", "a\r\n"},
		{"a\r\n.\r\n..b\r\n", "a\r\n..\r\n...b\r\n"},
		{"a\n.b", "a\n..b\r\n"},
		{"a\r.b\r\n", "a\r.b\r\n"},
		{"a\n", "a\n\r\n"},
	} {
		if got := string(Stuff([]byte(test.body))); got != test.want {
			t.Errorf("%q: got %q, want %q", test.body, got, test.want)
		}
	}
}
