package query

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mailtrace/mailtrace/decode/imap/grammar"
	"github.com/mailtrace/mailtrace/internal/client"
)

var now = time.Date(2026, 2, 10, 12, 0, 0, 0, time.UTC)

// shown writes arguments as people read them: strings in quotes.
func shown(args []any) string {
	list := make([]string, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case client.Raw:
			list[i] = string(a)
		case client.String:
			list[i] = fmt.Sprintf("%q", string(a))
		case client.List:
			list[i] = "(" + shown(a) + ")"
		}
	}
	return strings.Join(list, " ")
}

func TestProgram(t *testing.T) {
	for _, c := range []struct{ query, printed, program string }{
		{`unseen from:alice since:2026-01-01 subject:"invoice"`, `unseen from:alice since:2026-01-01 subject:invoice`, `UNSEEN FROM "alice" SINCE 1-Jan-2026 SUBJECT "invoice"`},
		{`ALL`, `all`, `ALL`},
		{`invoice`, `invoice`, `TEXT "invoice"`},
		{`"two words"`, `"two words"`, `TEXT "two words"`},
		{`two words`, `two words`, `TEXT "two" TEXT "words"`},
		{`two and words`, `two words`, `TEXT "two" TEXT "words"`},
		{`text:two`, `text:two`, `TEXT "two"`},
		{`"unseen"`, `"unseen"`, `TEXT "unseen"`},
		{`-unseen`, `-unseen`, `NOT UNSEEN`},
		{`--unseen not not seen`, `unseen seen`, `UNSEEN SEEN`},
		{`not(seen flagged)`, `-(seen flagged)`, `NOT (SEEN FLAGGED)`},
		{`not -seen`, `seen`, `SEEN`},
		{`re-sent "-x"`, `re-sent "-x"`, `TEXT "re-sent" TEXT "-x"`},
		{`seen or flagged`, `seen or flagged`, `OR SEEN FLAGGED`},
		{`seen draft OR flagged`, `seen draft or flagged`, `OR (SEEN DRAFT) FLAGGED`},
		{`seen (draft or flagged)`, `seen (draft or flagged)`, `SEEN OR DRAFT FLAGGED`},
		{`(seen (draft flagged))`, `seen draft flagged`, `SEEN DRAFT FLAGGED`},
		{`a or b or c or d`, `a or b or c or d`, `OR OR TEXT "a" TEXT "b" OR TEXT "c" TEXT "d"`},
		{`-(a or (b c))`, `-(a or b c)`, `NOT OR TEXT "a" (TEXT "b" TEXT "c")`},
		{`From:"Alice \"A\" \\ B"`, `from:"Alice \"A\" \\ B"`, `FROM "Alice \"A\" \\ B"`},
		{`subject:\o/`, `subject:\o/`, `SUBJECT "\\o/"`},
		{`subject:re:x`, `subject:re:x`, `SUBJECT "re:x"`},
		{`"re:x"`, `"re:x"`, `TEXT "re:x"`},
		{`subject:a"b c"d`, `subject:"ab cd"`, `SUBJECT "ab cd"`},
		{`header:List-Id=announce`, `header:List-Id=announce`, `HEADER "List-Id" "announce"`},
		{`header:X-A="b=c d"`, `header:X-A="b=c d"`, `HEADER "X-A" "b=c d"`},
		{`header:List-Id header:To=`, `header:List-Id header:To`, `HEADER "List-Id" "" HEADER "To" ""`},
		{`on:5-feb-2026`, `on:5-feb-2026`, `ON 5-Feb-2026`},
		{`sent-since:2026-01-31 sent-before:2026-02-01 sent-on:2026-02-02`, `sent-since:2026-01-31 sent-before:2026-02-01 sent-on:2026-02-02`, `SENTSINCE 31-Jan-2026 SENTBEFORE 1-Feb-2026 SENTON 2-Feb-2026`},
		{`larger:10KB smaller:1.5MiB larger:7`, `larger:10KB smaller:1.5MiB larger:7`, `LARGER 10000 SMALLER 1572864 LARGER 7`},
		{`keyword:$Forwarded`, `keyword:$Forwarded`, `KEYWORD $Forwarded`},
		{`uid:1001:*,7`, `uid:1001:*,7`, `UID 1001:*,7`},
		{`has:attachment`, `has:attachment`, `HEADER Content-Type multipart/mixed`},
		{`seen raw:"OR SEEN FROM \"a b\""`, `seen raw:"OR SEEN FROM \"a b\""`, `SEEN (OR SEEN FROM "a b")`},
		{`raw:"X-GM-RAW \"has:attachment\" MODSEQ 5 1:3"`, `raw:"X-GM-RAW \"has:attachment\" MODSEQ 5 1:3"`, `(X-GM-RAW "has:attachment" MODSEQ 5 1:3)`},
		{`subject:Größe`, `subject:Größe`, `CHARSET "UTF-8" SUBJECT "Größe"`},
		{`older:7d`, `older:7d`, `BEFORE 3-Feb-2026`},
		{`newer:12h newer:2w`, `newer:12h newer:2w`, `SINCE 10-Feb-2026 SINCE 27-Jan-2026`},
	} {
		q, err := Parse(c.query)
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		args, notes, err := q.Program(Server{Now: now})
		if got := shown(args); err != nil || got != c.program {
			t.Errorf("%s: becomes %s, want %s: %v", c.query, got, c.program, err)
		}
		if q.String() != c.printed {
			t.Errorf("%s: printed %s, want %s", c.query, q, c.printed)
		}
		if wants := q.Uses("newer") || q.Uses("older"); wants != (len(notes) == 1) {
			t.Errorf("%s: notes %q", c.query, notes)
		}
	}
}

func TestProgramFor(t *testing.T) {
	for _, c := range []struct {
		query   string
		server  Server
		program string
		err     string
	}{
		{"older:7d newer:1y", Server{Within: true}, "OLDER 604800 YOUNGER 31536000", ""},
		{"from:é", Server{Unlabelled: true}, `FROM "é"`, ""},
		{"from:é", Server{Charset: "utf-8", Unlabelled: true}, `FROM "é"`, ""},
		{"from:é", Server{Charset: "ISO-8859-1", Unlabelled: true}, `CHARSET "ISO-8859-1" FROM "\xe9"`, ""},
		{"from:e", Server{Charset: "ISO-8859-1"}, `FROM "e"`, ""},
		{"from:漢", Server{Charset: "Shift_JIS"}, `CHARSET "Shift_JIS" FROM "\x8a\xbf"`, ""},
		{"from:漢", Server{Charset: "ISO-8859-1"}, "", "cannot be said in ISO-8859-1"},
		{"from:漢", Server{Charset: "X-NONE"}, "", "is not known here"},
		{"from:漢", Server{Charset: "US-ASCII"}, "", "US-ASCII"},
	} {
		q, err := Parse(c.query)
		if err != nil {
			t.Fatal(err)
		}
		args, _, err := q.Program(c.server)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s for %+v: %v, want %s", c.query, c.server, err, c.err)
			}
			continue
		}
		if got := shown(args); err != nil || got != c.program {
			t.Errorf("%s for %+v: %s, want %s: %v", c.query, c.server, got, c.program, err)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		query      string
		column     int
		what, hint string
	}{
		{"", 1, "the query is empty", "all finds every message"},
		{"  ", 1, "the query is empty", ""},
		{"unseen form:alice", 8, "there is no key form:", "did you mean from:?"},
		{"http://x", 1, "there is no key http:", `"http://x"`},
		{":x", 1, "expected a key before the colon", ""},
		{"from:", 6, "expected a value: from:TEXT", ""},
		{"from: alice", 6, "expected a value: from:TEXT", ""},
		{`from:""`, 6, "from: expected text, found empty quotes", "header:NAME"},
		{`""`, 1, "found empty quotes", "all"},
		{"from alice", 1, "from: wants a value, from:TEXT", `"from"`},
		{"unseen:yes", 7, "expected no value: unseen stands alone", ""},
		{"Grüße or", 9, "expected what to look for", ""},
		{"or seen", 1, "expected what to look for, found or", "raw:"},
		{"OR SEEN FLAGGED", 1, "expected what to look for, found or", "raw:"},
		{"seen or or flagged", 9, "expected what to look for, found or", ""},
		{"(seen", 1, "expected a parenthesis that closes this one", ""},
		{"seen) flagged", 5, "no parenthesis is open", ""},
		{"()", 2, "expected what to look for", ""},
		{"not", 4, "expected what to look for", ""},
		{"seen - flagged", 7, "expected what to leave out", ""},
		{"-", 2, "expected what to leave out", ""},
		{"subject:(a b)", 9, "expected a space before the parenthesis", "quotes"},
		{`subject:"a b`, 9, "expected a quotation mark that closes this one", ""},
		{"subject:\"a\nb\"", 11, "found the end of a line", ""},
		{"from:\xff", 6, "expected UTF-8, found the octet 0xff", ""},
		{"from:a\x00", 7, "control character", ""},
		{"since:yesterday", 7, `since: expected a day, found "yesterday"`, "newer:7d"},
		{"since:2026-02-30", 7, "expected a day", ""},
		{"since:0000-01-01", 7, "expected a day", ""},
		{"larger:-1", 8, "expected a size", "10KB"},
		{"larger:1e3", 8, "expected a size", ""},
		{"larger:10XB", 8, "expected a size", ""},
		{"larger:99999999999GB", 8, "expected a size", ""},
		{"older:0d", 7, "expected a time", "7d"},
		{"older:5m", 7, "expected a time", ""},
		{"older:d", 7, "expected a time", ""},
		{"older:999y", 7, "expected a time", ""},
		{`keyword:\Seen`, 9, "expected a keyword", "seen"},
		{"uid:0", 5, "expected a set of UIDs", "1001:1010"},
		{"uid:$", 5, "expected a set of UIDs", ""},
		{"has:wings", 5, "expected attachment", ""},
		{"header:=x", 8, "expected the name of a header field", ""},
		{"header:größe=x", 8, "expected the name of a header field", ""},
		{`raw:""`, 5, "found nothing", "raw:"},
		{`raw:"SEEN) (FLAGGED"`, 5, "expected search keys of IMAP", ""},
		{`raw:"SEEN) NOT (FLAGGED"`, 5, "expected search keys of IMAP", ""},
		{`raw:"TEXT {5}"`, 5, "which begins a literal", ""},
		{`raw:"TEXT {5+}"`, 5, "which begins a literal", ""},
		{`raw:"TEXT \"a\\\"\" X {"`, 5, "which begins a literal", ""},
		{`raw:"T {" {`, 5, "which begins a literal", ""},
		{`raw:"OR SEEN"`, 5, "expected search keys of IMAP", ""},
		{`raw:"FROM é"`, 5, "expected search keys in ASCII", "text:"},
		{strings.Repeat("(", 40) + "a" + strings.Repeat(")", 40), 31, "nested more than 30 deep", ""},
		{strings.Repeat("-", 40) + "a", 31, "nested more than 30 deep", ""},
	} {
		_, err := Parse(c.query)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%q: %v", c.query, err)
			continue
		}
		if e.Column != c.column || !strings.Contains(e.What, c.what) || !strings.Contains(e.Hint(), c.hint) {
			t.Errorf("%q: column %d: %s\nhint %s\nwant column %d: %s, hint %s", c.query, e.Column, e.What, e.Hint(), c.column, c.what, c.hint)
		}
	}
	_, err := Parse("grün\tform:x")
	if want := "query: column 6: there is no key form:\n  grün form:x\n       ^"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// texts are hard to write.
var texts = []string{
	"alice", "two words", `"`, `\`, `a\"b`, "-", "-a", "or", "NOT", "and", "unseen", "from", "a:b", ":", "(", ")", "a)", "é", "漢字", " ", "\t", "a\u00a0b", "\u2028", "{5}", "$", "*", "=", "NIL", "\ufffd",
}

// anyKey draws a key with a value.
func anyKey(t *rapid.T) *node {
	if rapid.IntRange(0, 3).Draw(t, "word") == 0 {
		return &node{op: opWord, key: byName["text"], value: rapid.SampledFrom(texts).Draw(t, "text")}
	}
	n := &node{op: opKey, key: rapid.SampledFrom(keys).Draw(t, "key")}
	values := map[kind][]string{
		text: texts, header: {"To", "X-A=b", "a-b=c d=\"e\"", "List-Id="}, day: {"2026-01-05", "1-Feb-2026", "1999-12-31"},
		octets: {"0", "10KB", "300", "1.5mib"}, span: {"1h", "7d", "2W", "136y"}, keyword: {"$Forwarded", "MonitorAlert", "-x"},
		uids: {"1", "2:5,9", "3:*", "*"}, attachment: {"attachment"}, raw: {"SEEN", "OR SEEN (FLAGGED 1:2)", `FROM "a) b"`, `FROM "{5}\""`},
	}[n.key.kind]
	if values == nil {
		return n
	}
	n.value = rapid.SampledFrom(values).Draw(t, "value")
	if what, _ := n.read(); what != "" {
		t.Fatalf("%s: %s", n.value, what)
	}
	return n
}

// anyNode draws a query.
func anyNode(t *rapid.T, depth int) *node {
	o := opKey
	if depth > 0 {
		o = rapid.SampledFrom([]op{opKey, opAnd, opOr, opNot}).Draw(t, "op")
	}
	switch o {
	case opAnd, opOr:
		var kids []*node
		for range rapid.IntRange(2, 4).Draw(t, "kids") {
			kids = append(kids, anyNode(t, depth-1))
		}
		return join(o, kids)
	case opNot:
		return not(anyNode(t, depth-1))
	}
	return anyKey(t)
}

// What is printed is read as the same.
func TestPrintedIsParsed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := &Query{anyNode(t, 4)}
		checkQuery(t, q)
	})
}

// checkQuery checks what has to hold for every query.
func checkQuery(t interface{ Fatalf(string, ...any) }, q *Query) {
	printed := q.String()
	again, err := Parse(printed)
	if err != nil {
		t.Fatalf("%q: %v", printed, err)
	}
	if !reflect.DeepEqual(again, q) {
		t.Fatalf("%q is read as %q", printed, again)
	}
	for _, s := range []Server{{Now: now}, {Within: true, Unlabelled: true}} {
		args, _, err := q.Program(s)
		if err != nil {
			t.Fatalf("%q: %v", printed, err)
		}
		l := &grammar.Line{Text: []byte("a SEARCH ")}
		write(l, args)
		var p grammar.Parser
		c := p.Command(l)
		a, ok := c.Args.(*grammar.SearchArgs)
		if len(c.Problems) > 0 || !ok || len(a.Keys) == 0 || (a.Charset != nil) != (!q.ASCII() && !s.Unlabelled) {
			t.Fatalf("%q becomes %q: %+v", printed, l.Text, c.Problems)
		}
	}
	for _, m := range []*Message{{Octets: -1}, {UID: 3, Octets: 300, HasFlags: true, Flags: []string{`\Seen`}, Arrived: now, Now: now, Header: []Field{{"Subject", " alice"}}}} {
		if found, inverse := q.Match(m), (&Query{not(q.root)}).Match(m); !found && !inverse {
			t.Fatalf("%q: neither it nor its inverse finds %+v", printed, m)
		}
	}
}

// write puts arguments into a line, all strings as literals.
func write(l *grammar.Line, args []any) {
	for i, a := range args {
		if i > 0 {
			l.Text = append(l.Text, ' ')
		}
		switch a := a.(type) {
		case client.Raw:
			l.Text = append(l.Text, a...)
		case client.String:
			if i > 0 && args[i-1] == client.Raw("CHARSET") { // no literal (RFC 9051 §9)
				l.Text = append(l.Text, a...)
				continue
			}
			l.Text = fmt.Appendf(l.Text, "{%d}", len(a))
			l.Literals = append(l.Literals, grammar.Literal{At: len(l.Text), Octets: int64(len(a)), Content: []byte(a)})
		case client.List:
			l.Text = append(l.Text, '(')
			write(l, a)
			l.Text = append(l.Text, ')')
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`unseen from:alice since:2026-01-01 subject:"invoice"`, `-(a or "b c") not seen`, `header:X-A="b c" has:attachment`, `uid:1:*,7 keyword:$X older:7d larger:1.5MB`,
		`raw:"OR SEEN FROM \"a\""`, `raw:"TEXT {3+}"`, `a\ "b\\"c`, "é \u00a0x", `or`, `((`, `from:"`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := Parse(s)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Column < 1 || e.Column > len([]rune(s))+1 || e.What == "" {
				t.Fatalf("%q: %+v", s, err)
			}
			return
		}
		checkQuery(t, q)
	})
}

// What is not known of a message hides none that would be found if it were.
func TestUnknownIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := &Query{anyNode(t, 3)}
		whole := &Message{
			UID: rapid.Uint32Range(1, 10).Draw(t, "uid"), Octets: rapid.Int64Range(0, 400).Draw(t, "octets"), HasFlags: true, Now: now,
			Flags:   rapid.SliceOf(rapid.SampledFrom([]string{`\Seen`, `\Flagged`, "$Forwarded"})).Draw(t, "flags"),
			Arrived: now.Add(-time.Duration(rapid.IntRange(0, 400).Draw(t, "days")) * 24 * time.Hour),
			Header:  []Field{{"To", " two words"}, {"Date", " Mon, 05 Jan 2026 10:00:00 +0000"}},
		}
		for _, less := range []*Message{{Octets: -1, Header: whole.Header, Now: now}, {Octets: whole.Octets}} {
			if q.Match(whole) && !q.Match(less) {
				t.Fatalf("%s: found only where all is known", q)
			}
		}
		if keys, _ := q.Unanswered(Holds{Flags: true, Arrived: true, UID: true}); len(keys) == 0 && q.Match(whole) == (&Query{not(q.root)}).Match(whole) {
			t.Fatalf("%s: all is known, and yet it and its inverse agree", q)
		}
	})
}

func TestUnanswered(t *testing.T) {
	for _, c := range []struct {
		query string
		keys  []string
		all   bool
	}{
		{"from:a larger:5", nil, false},
		{"word", nil, false},
		{"unseen -body:x from:a since:2026-01-01 body:y", []string{"unseen", "body:", "since:"}, false},
		{"uid:5 or raw:SEEN", []string{"uid:", "raw:"}, true},
	} {
		q, err := Parse(c.query)
		if err != nil {
			t.Fatal(err)
		}
		if keys, all := q.Unanswered(Holds{}); !slices.Equal(keys, c.keys) || all != c.all {
			t.Errorf("%s: %v %v", c.query, keys, all)
		}
		if keys, all := q.Unanswered(Holds{Flags: true, Arrived: true, UID: true}); slices.Contains(keys, "uid:") || all {
			t.Errorf("%s: %v %v", c.query, keys, all)
		}
	}
}

func TestArrival(t *testing.T) {
	late, early := " by a (x; y) id 5;\r\n Tue, 06 Jan 2026 10:00:00 +0100 (CET)", " by b; Mon, 05 Jan 2026 10:00:00 +0000"
	date := Field{"Date", " Sun, 4 Jan 2026 10:00:00 +0000"}
	for _, c := range []struct {
		want   string
		fields []Field
	}{
		{"2026-01-06", []Field{date, {"received", late}, {"Received", early}}},
		{"2026-01-05", []Field{{"Received", "by x; no date"}, {"Received", early}}},
		{"2026-01-04", []Field{{"Received", "by x"}, date}},
		{"0001-01-01", nil},
		{"0001-01-01", []Field{{"Date", "yesterday"}}},
	} {
		if got := Arrival(c.fields).Format(time.DateOnly); got != c.want {
			t.Errorf("%v: %s", c.fields, got)
		}
	}
}
