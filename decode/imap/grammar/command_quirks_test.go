package grammar

import (
	"strings"
	"testing"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// wrong are commands with one problem, where it stands, and a twin without it.
var wrong = []struct{ text, rule, at, twin string }{
	{`a NOOP x`, "imap.arguments", ` x`, `a NOOP`},
	{`a NOOP `, "imap.command-space", ` `, `a NOOP`},
	{`a SELECT`, "imap.arguments", ``, `a SELECT INBOX`},
	{`a SELECT Sent Items`, "imap.arguments", ` Items`, `a SELECT "Sent Items"`},
	{`a SELECT INBOX (QRESYNC (5))`, "imap.arguments", `)`, `a SELECT INBOX (QRESYNC (5 6))`},
	{`a LOGIN joe`, "imap.arguments", ``, `a LOGIN joe x`},
	{`a AUTHENTICATE "PLAIN"`, "imap.arguments", `"PLAIN"`, `a AUTHENTICATE PLAIN`},
	{`a FETCH 1`, "imap.arguments", ``, `a FETCH 1 FLAGS`},
	{`a FETCH 1 ()`, "imap.arguments", `()`, `a FETCH 1 (FLAGS)`},
	{`a FETCH 1 (FLAGS`, "imap.arguments", ``, `a FETCH 1 (FLAGS)`},
	{`a FETCH 1 FLAGS UID`, "imap.arguments", ` UID`, `a FETCH 1 (FLAGS UID)`},
	{`a FETCH 1 (FLAGS )`, "imap.extra-space", ` `, `a FETCH 1 (FLAGS)`},
	{`a FETCH 1 (FLAGS  UID)`, "imap.extra-space", ` `, `a FETCH 1 (FLAGS UID)`},
	{`a FETCH 1 (ALL UID)`, "imap.macro-in-list", `ALL`, `a FETCH 1 ALL`},
	{`a FETCH 0 FLAGS`, "imap.sequence-set", `0`, `a FETCH 1 FLAGS`},
	{`a FETCH 1,,2 FLAGS`, "imap.sequence-set", `1,,2`, `a FETCH 1,2 FLAGS`},
	{`a FETCH 1: FLAGS`, "imap.sequence-set", `1:`, `a FETCH 1:* FLAGS`},
	{`a FETCH 4294967296 FLAGS`, "imap.sequence-set", `4294967296`, `a FETCH 4294967295 FLAGS`},
	{`a UID FETCH  (FLAGS)`, "imap.extra-space", ` `, `a UID FETCH 1 (FLAGS)`},
	{`a FETCH 1 BODY[0]`, "imap.section-invalid", `[0]`, `a FETCH 1 BODY[1]`},
	{`a FETCH 1 BODY[MIME]`, "imap.section-invalid", `[MIME]`, `a FETCH 1 BODY[1.MIME]`},
	{`a FETCH 1 (BODY.PEEK UID)`, "imap.section-invalid", `BODY.PEEK`, `a FETCH 1 (BODY.PEEK[] UID)`},
	{`a FETCH 1 BODY[HEADER.FIELDS ()]`, "imap.section-invalid", `[HEADER.FIELDS ()]`, `a FETCH 1 BODY[HEADER.FIELDS (TO)]`},
	{`a FETCH 1 BINARY[1.TEXT]`, "imap.section-invalid", `[1.TEXT]`, `a FETCH 1 BINARY[1]`},
	{`a FETCH 1 BODY[1.]`, "imap.section-invalid", `[1.]`, `a FETCH 1 BODY[1]`},
	{`a FETCH 1 BODY[]<0>`, "imap.arguments", `<0>`, `a FETCH 1 BODY[]<0.1>`},
	{`a FETCH 1 BODY[]<0.0>`, "imap.arguments", `<0.0>`, `a FETCH 1 BODY[]<0.1>`},
	{`a FETCH 1 FLAGS (PARTIAL 0:5)`, "imap.arguments", `0:5`, `a FETCH 1 FLAGS (PARTIAL 1:5)`},
	{`a FETCH 1 FLAGS (PARTIAL -1:5)`, "imap.arguments", `-1:5`, `a FETCH 1 FLAGS (PARTIAL -1:-5)`},
	{`a STORE 1 +FLAGS`, "imap.arguments", ``, `a STORE 1 +FLAGS ()`},
	{`a STORE 1 +FLAGS (\Recent)`, "imap.flag-not-settable", `(\Recent)`, `a STORE 1 +FLAGS (\Seen)`},
	{`a STORE 1 +FLAGS (a\b)`, "imap.command-flag", `\`, `a STORE 1 +FLAGS (ab)`},
	{`a STORE 1 (UNCHANGEDSINCE x) FLAGS ()`, "imap.arguments", `x`, `a STORE 1 (UNCHANGEDSINCE 0) FLAGS ()`},
	{`a COPY 1`, "imap.arguments", ``, `a COPY 1 x`},
	{`a SEARCH`, "imap.arguments", ``, `a SEARCH ALL`},
	{`a SEARCH OR SEEN`, "imap.arguments", ``, `a SEARCH OR SEEN ALL`},
	{`a SEARCH (SEEN`, "imap.arguments", ``, `a SEARCH (SEEN)`},
	{`a SEARCH ()`, "imap.arguments", `)`, `a SEARCH (ALL)`},
	{`a SEARCH FROM`, "imap.arguments", ``, `a SEARCH FROM x`},
	{`a SEARCH SINCE 2024-02-01`, "imap.date-invalid", `2024-02-01`, `a SEARCH SINCE 1-Feb-2024`},
	{`a SEARCH SINCE 1-Feb-94`, "imap.date-invalid", `1-Feb-94`, `a SEARCH SINCE 1-Feb-1994`},
	{`a SEARCH SINCE 32-Feb-1994`, "imap.date-invalid", `32-Feb-1994`, `a SEARCH SINCE 3-feb-1994`},
	{`a SEARCH UID 0:3`, "imap.sequence-set", `0:3`, `a SEARCH UID 1:3`},
	{`a SEARCH SEEN `, "imap.command-space", ` `, `a SEARCH SEEN`},
	{`a SORT (DATE) ALL`, "imap.arguments", ``, `a SORT (DATE) UTF-8 ALL`},
	{`a SORT () UTF-8 ALL`, "imap.arguments", `UTF-8`, `a SORT (TO) UTF-8 ALL`},
	{`a SELECT "A&B"`, "imap.mailbox-utf7", `"A&B"`, `a SELECT "A&-B"`},
	{`a SELECT "&U,BTFw-&ZeVnLIqe-"`, "imap.mailbox-utf7", `"&U,BTFw-&ZeVnLIqe-"`, `a SELECT "&U,BTF2XlZyyKng-"`},
	{`a SELECT "&AGE-"`, "imap.mailbox-utf7", `"&AGE-"`, `a SELECT "a"`},
	{`a LIST "" "&Jjo!"`, "imap.mailbox-utf7", `"&Jjo!"`, `a LIST "" "&Jjo-!"`},
	{`a LIST "" "&Jj*"`, "", ``, `a LIST "" "*"`},
	{"a CREATE \"a\tb\"", "imap.mailbox-control", "\"a\tb\"", `a CREATE "a b"`},
	{"a SELECT \"Entw\u00fcrfe\"", "imap.8bit-quoted", "\u00fc"[:1], `a SELECT "Entw&APw-rfe"`},
	{`a STATUS INBOX ()`, "imap.arguments", `()`, `a STATUS INBOX (MESSAGES)`},
	{`a STATUS INBOX MESSAGES`, "imap.arguments", `MESSAGES`, `a STATUS INBOX (MESSAGES)`},
	{`a LIST ""`, "imap.arguments", ``, `a LIST "" *`},
	{`a ID ("name")`, "imap.arguments", `)`, `a ID ("name" NIL)`},
	{`a SETMETADATA "" (/a NIL /b)`, "imap.arguments", `)`, `a SETMETADATA "" (/a NIL /b "")`},
	{`a SETQUOTA "" (STORAGE)`, "imap.arguments", `)`, `a SETQUOTA "" (STORAGE 5)`},
	{`a APPEND x CATENATE (URL "/a" URL)`, "imap.arguments", `)`, `a APPEND x CATENATE (URL "/a" URL "/b")`},
	{`a ID (name "x")`, "imap.string-expected", `name`, `a ID ("name" "x")`},
	{`a ENABLE`, "imap.arguments", ``, `a ENABLE X`},
	{`a APPEND x`, "imap.arguments", ``, "a APPEND x {1}\r\na"},
	{"a APPEND x \"1996-07-17\" {1}\r\na", "imap.date-time", `"1996-07-17"`, "a APPEND x \"17-Jul-1996 02:44:25 -0700\" {1}\r\na"},
	{`a NOTIFY SET (personal MessageNew)`, "imap.arguments", `MessageNew`, `a NOTIFY SET (personal (MessageNew))`},
	{"a NOOP\x00", "", "", `a NOOP`},
}

func TestWrongCommands(t *testing.T) {
	var p Parser
	for _, w := range wrong {
		l := lineOf(w.text)
		c := p.Command(l)
		switch {
		case w.rule == "" && len(c.Problems) > 0:
			t.Errorf("%q: problem %s, want none", w.text, c.Problems[0].Rule.ID)
		case w.rule != "" && (len(c.Problems) == 0 || c.Problems[0].Rule.ID != w.rule):
			t.Errorf("%q: problems %v, want %s", w.text, c.Problems, w.rule)
		case w.rule != "":
			x := c.Problems[0]
			if at := string(l.Text[x.Off : x.Off+x.Len]); at != w.at {
				t.Errorf("%q: %s at %q, want %q (%s)", w.text, w.rule, at, w.at, x.Fact)
			}
		}
		if c := p.Command(lineOf(w.twin)); len(c.Problems) > 0 {
			t.Errorf("%q: problem %s: %s, want none", w.twin, c.Problems[0].Rule.ID, c.Problems[0].Fact)
		}
	}
}

// TestSecretsUnread gives the same for what was filled as for what was said.
func TestSecretsUnread(t *testing.T) {
	var p Parser
	for _, c := range []struct{ said, filled string }{
		{`a LOGIN joe "pa(ss\"word"`, `a LOGIN joe "xxxxxxxxxxxx"`},
		{`a LOGIN joe one two`, `a LOGIN joe xxxxxxx`},
		{"a LOGIN joe {3}\r\n\xff\x00\"", "a LOGIN joe {3}\r\nxxx"},
		{`a AUTHENTICATE PLAIN AGpvZQBwYXNz`, `a AUTHENTICATE PLAIN xxxxxxxxxxxx`},
		{`a AUTHENTICATE PLAIN =`, `a AUTHENTICATE PLAIN x`},
	} {
		a, ia := asked(t, &p, lineOf(c.said))
		b, ib := asked(t, &p, lineOf(c.filled))
		if a != b || len(ia)+len(ib) > 0 {
			t.Errorf("%q: %s %v\n%q: %s %v", c.said, a, ia, c.filled, b, ib)
		}
	}
}

func TestNeeds(t *testing.T) {
	var p Parser
	for _, c := range []struct{ text, want string }{
		{`a FETCH 1:* (FLAGS BODY.PEEK[])`, ``},
		{`a uid move 1 x`, `uid move=MOVE|IMAP4REV2`},
		{`a FETCH 1 (BINARY[1] MODSEQ X-GM-MSGID PREVIEW (LAZY)) (CHANGEDSINCE 5)`, `BINARY[1]=BINARY|IMAP4REV2 MODSEQ=CONDSTORE|QRESYNC X-GM-MSGID=X-GM-EXT-1 PREVIEW (LAZY)=PREVIEW|PREVIEW= CHANGEDSINCE 5=CONDSTORE|QRESYNC`},
		{`a STORE 1 (UNCHANGEDSINCE 5) FLAGS ()`, `UNCHANGEDSINCE 5=CONDSTORE|QRESYNC`},
		{`a SEARCH RETURN (SAVE) OLDER 5 MODSEQ 6`, `RETURN=ESEARCH|IMAP4REV2|CONTEXT=|PARTIAL SAVE=SEARCHRES|IMAP4REV2 OLDER 5=WITHIN MODSEQ 6=CONDSTORE|QRESYNC`},
		{`a SEARCH UID $`, `$=SEARCHRES|IMAP4REV2`},
		{`a FETCH $ FLAGS`, `$=SEARCHRES|IMAP4REV2`},
		{`a LIST (SPECIAL-USE) "" * RETURN (STATUS (SIZE))`, `SPECIAL-USE=SPECIAL-USE (SPECIAL-USE)=LIST-EXTENDED|SPECIAL-USE|IMAP4REV2 RETURN=LIST-EXTENDED|LIST-STATUS|SPECIAL-USE|LIST-MYRIGHTS|IMAP4REV2 STATUS=LIST-STATUS|IMAP4REV2 SIZE=STATUS=SIZE|IMAP4REV2`},
		{`a SELECT x (CONDSTORE)`, `CONDSTORE=CONDSTORE|QRESYNC`},
		{`a CREATE x (USE (\Sent))`, `USE=CREATE-SPECIAL-USE`},
		{`a AUTHENTICATE PLAIN xxxx`, ` xxxx=SASL-IR|IMAP4REV2`},
		{"a LOGIN {1+}\r\na {2}\r\nxx", `{1+}=LITERAL+|LITERAL-|IMAP4REV2`},
		{"a APPEND x {5000+}\r\n" + strings.Repeat("a", 5000), `{5000+}=LITERAL+`},
		{"a APPEND x {1}\r\na {1}\r\na", ` {1}=MULTIAPPEND`},
		{"a APPEND x UTF8 (~{1+}\r\na)", `UTF8=UTF8=ACCEPT|UTF8=ONLY ~{1+}=LITERAL+|LITERAL-|IMAP4REV2`},
	} {
		if got := needed(&p, lineOf(c.text)); got != c.want {
			t.Errorf("%.60q\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

// TestSearchDepth follows nesting down to a bound only, in time that grows with the line.
func TestSearchDepth(t *testing.T) {
	var p Parser
	for _, text := range []string{
		"a SEARCH " + strings.Repeat("(", 30000) + "ALL" + strings.Repeat(")", 30000),
		"a SEARCH " + strings.Repeat("NOT ", 15000) + "ALL",
		"a SEARCH " + strings.Repeat("OR ALL ", 8000) + "ALL",
	} {
		c := p.Command(&Line{Text: []byte(text)})
		if len(c.Problems) == 0 || c.Problems[0].Rule != rules.TooDeep {
			t.Errorf("%.20s: problems %v", text, c.Problems)
		}
		c.Detail()
	}
}

func TestKnown(t *testing.T) {
	for name, in := range map[string][3]bool{ // not authenticated, authenticated, selected
		"NOOP": {true, true, true}, "LOGIN": {true, false, false}, "ENABLE": {false, true, false},
		"COMPRESS": {false, true, true}, "UID FETCH": {false, false, true}, "CANCELUPDATE": {false, false, true},
	} {
		i := Known(name)
		if i == nil || i.Name != name || i.Ref == "" {
			t.Errorf("%s: %+v", name, i)
			continue
		}
		got := [3]bool{i.States.Has(decode.NotAuthenticated), i.States.Has(decode.Authenticated), i.States.Has(decode.Selected)}
		if got != in {
			t.Errorf("%s: states %v, want %v", name, got, in)
		}
	}
	for _, name := range []string{"", "UID", "UID NOOP", "uid fetch", "XNEW"} {
		if Known(name) != nil {
			t.Errorf("%q is known", name)
		}
	}
}
