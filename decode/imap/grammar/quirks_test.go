package grammar

import (
	"slices"
	"strings"
	"testing"

	"github.com/mailtrace/mailtrace/decode/rules"
)

// quirks are responses that real servers send and no RFC has, what must be read of them all
// the same, the problem and where it stands, and a twin without it.
var quirks = []struct {
	text, want, rule, at, twin string
}{
	{
		`* [COPYUID 38505 304 3956]`, `{"code":{"name":"COPYUID","data":{"uidvalidity":38505,"source":"304","destination":"3956"}}}`,
		"imap.untagged-code", `[COPYUID 38505 304 3956]`, `* OK [COPYUID 38505 304 3956] done`,
	},
	{
		`a OK [Error="Mailbox [x] busy" Proxy=host.example] Done`, `a OK {"code":{"name":"ERROR","data":{"text":"Error=\"Mailbox [x] busy\" Proxy=host.example"}},"text":"Done"}`,
		"imap.code-invalid", `[Error="Mailbox [x] busy" Proxy=host.example]`, `a OK [X-ERROR Proxy=host.example] Done`,
	},
	{
		`* OK [never closed`, `OK {"text":"[never closed"}`,
		"imap.code-invalid", `[never closed`, `* OK [closed] x`,
	},
	{
		`* OK [UIDNEXT x] next`, `OK {"code":{"name":"UIDNEXT","data":{"text":"x"}},"text":"next"}`,
		"imap.code-invalid", `[UIDNEXT x]`, `* OK [UIDNEXT 1] next`,
	},
	{
		`* OK [HIGHESTMODSEQ 715194045007]`, `OK {"code":{"name":"HIGHESTMODSEQ","data":{"value":715194045007}}}`,
		"imap.code-without-text", `[HIGHESTMODSEQ 715194045007]`, `* OK [HIGHESTMODSEQ 715194045007] Highest`,
	},
	{`a1 OK`, `a1 OK null`, "imap.status-without-text", ``, `a1 OK `},
	{
		`* 1 FETCH (ENVELOPE (NIL NIL ((NIL NIL "a" "b") (NIL NIL "c" "d")) NIL NIL NIL NIL NIL NIL NIL) UID 5)`,
		`FETCH {"number":1,"uid":5,"envelope":{"from":[{"mailbox":"a","host":"b"},{"mailbox":"c","host":"d"}]}}`,
		"imap.envelope-spaces", ` `, `* 1 FETCH (ENVELOPE (NIL NIL ((NIL NIL "a" "b")(NIL NIL "c" "d")) NIL NIL NIL NIL NIL NIL NIL) UID 5)`,
	},
	{
		`* 1 FETCH (ENVELOPE (NIL  NIL NIL NIL NIL NIL NIL NIL NIL NIL) UID 5)`, `FETCH {"number":1,"uid":5,"envelope":{}}`,
		"imap.envelope-spaces", ` `, `* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) UID 5)`,
	},
	{
		`* 1 FETCH (ENVELOPE (NIL "s" NIL NIL NIL NIL NIL NIL) UID 5)`, `FETCH {"number":1,"uid":5,"envelope":{"subject":"s"}}`,
		"imap.envelope-short", `(NIL "s" NIL NIL NIL NIL NIL NIL)`, `* 1 FETCH (ENVELOPE (NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL) UID 5)`,
	},
	{
		`* 1 FETCH (ENVELOPE (NIL NIL (NIL (NIL NIL "a" "b")) NIL NIL NIL NIL NIL NIL NIL) UID 5)`,
		`FETCH {"number":1,"uid":5,"envelope":{"from":[{"mailbox":"a","host":"b"}]}}`,
		"imap.address-nil", `NIL`, `* 1 FETCH (ENVELOPE (NIL NIL ((NIL NIL "a" "b")) NIL NIL NIL NIL NIL NIL NIL) UID 5)`,
	},
	{
		`* 1 FETCH (ENVELOPE (NIL NIL () NIL NIL NIL NIL NIL NIL NIL) UID 5)`, `FETCH {"number":1,"uid":5,"envelope":{"from":[]}}`,
		"imap.address-list-empty", `()`, `* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) UID 5)`,
	},
	{
		`* 1 FETCH (ENVELOPE (NIL "a "quoted" word" NIL NIL NIL NIL NIL NIL NIL NIL) UID 5)`, `FETCH {"number":1,"uid":5,"envelope":{"subject":"a \"quoted\" word"}}`,
		"imap.quoted-unescaped", `"`, `* 1 FETCH (ENVELOPE (NIL "a \"quoted\" word" NIL NIL NIL NIL NIL NIL NIL NIL) UID 5)`,
	},
	{
		`* 1 FETCH (ENVELOPE (NIL ""quoted"" NIL NIL NIL NIL NIL NIL NIL NIL) UID 5)`, `FETCH {"number":1,"uid":5,"envelope":{"subject":"\"quoted\""}}`,
		"imap.quoted-unescaped", `"`, `* 1 FETCH (ENVELOPE (NIL "" NIL NIL NIL NIL NIL NIL NIL NIL) UID 5)`,
	},
	{
		`* 1 FETCH (ENVELOPE (NIL "\(x\)" NIL NIL NIL NIL NIL NIL NIL NIL) UID 5)`, `FETCH {"number":1,"uid":5,"envelope":{"subject":"(x)"}}`,
		"imap.quoted-escape", `\(`, `* 1 FETCH (ENVELOPE (NIL "\\x\"" NIL NIL NIL NIL NIL NIL NIL NIL) UID 5)`,
	},
	{
		"* 1 FETCH (ENVELOPE (NIL \"Gr\u00fc\u00dfe\" NIL NIL NIL NIL NIL NIL NIL NIL) UID 5)", "FETCH {\"number\":1,\"uid\":5,\"envelope\":{\"subject\":\"Gr\u00fc\u00dfe\"}}",
		"imap.8bit-quoted", "\xc3", `* 1 FETCH (ENVELOPE (NIL "=?utf-8?q?Gr=C3=BC=C3=9Fe?=" NIL NIL NIL NIL NIL NIL NIL NIL) UID 5)`,
	},
	{
		`* 1 FETCH (ENVELOPE (NIL subject NIL NIL NIL NIL NIL NIL NIL NIL) UID 5)`, `FETCH {"number":1,"uid":5,"envelope":{"subject":"subject"}}`,
		"imap.string-expected", `subject`, `* 1 FETCH (ENVELOPE (NIL "subject" NIL NIL NIL NIL NIL NIL NIL NIL) UID 5)`,
	},
	{
		`* 1 FETCH (ENVELOPE (NIL NIL broken) UID 5)`, `FETCH {"number":1,"uid":5,"envelope":{},"other":[{"name":"ENVELOPE","value":"(NIL NIL broken)"}]}`,
		"imap.response-syntax", `broken`, `* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) UID 5)`,
	},
	{
		`* 1 FETCH (BODYSTRUCTURE ("IMAGE" "PNG" NIL NIL NIL "BASE64" 9 NIL "inline" NIL NIL) UID 5)`,
		`FETCH {"number":1,"uid":5,"bodystructure":{"type":"IMAGE","subtype":"PNG","encoding":"BASE64","octets":9,"disposition":{"type":"inline"}}}`,
		"imap.body-disposition", `"inline"`, `* 1 FETCH (BODYSTRUCTURE ("IMAGE" "PNG" NIL NIL NIL "BASE64" 9 NIL ("inline" NIL) NIL NIL) UID 5)`,
	},
	{
		`* 1 FETCH (BODYSTRUCTURE ("IMAGE" "PNG" NIL NIL NIL "BASE64" 9 NIL (NIL NIL) NIL NIL) UID 5)`,
		`FETCH {"number":1,"uid":5,"bodystructure":{"type":"IMAGE","subtype":"PNG","encoding":"BASE64","octets":9,"disposition":{"type":null}}}`,
		"imap.body-disposition", `(NIL`, `* 1 FETCH (BODYSTRUCTURE ("IMAGE" "PNG" NIL NIL NIL "BASE64" 9 NIL NIL NIL NIL) UID 5)`,
	},
	{
		`* 1 FETCH (BODYSTRUCTURE ("ALTERNATIVE") UID 5)`, `FETCH {"number":1,"uid":5,"bodystructure":{"type":"MULTIPART","subtype":"ALTERNATIVE"}}`,
		"imap.multipart-without-children", `("ALTERNATIVE"`, `* 1 FETCH (BODYSTRUCTURE (("TEXT" "PLAIN" NIL NIL NIL "7BIT" 1 1) "ALTERNATIVE") UID 5)`,
	},
	{
		`* 1 FETCH (BODYSTRUCTURE (("TEXT" "PLAIN" NIL NIL NIL "7BIT" 1 1)("ALTERNATIVE" ("BOUNDARY" "x") NIL NIL) "MIXED") UID 5)`,
		`FETCH {"number":1,"uid":5,"bodystructure":{"type":"MULTIPART","subtype":"MIXED","parts":[{"type":"TEXT","subtype":"PLAIN","encoding":"7BIT","octets":1,"lines":1},{"type":"MULTIPART","subtype":"ALTERNATIVE","params":[{"name":"BOUNDARY","value":"x"}]}]}}`,
		"imap.multipart-without-children", `("ALTERNATIVE"`, `* 1 FETCH (BODYSTRUCTURE (("TEXT" "PLAIN" NIL NIL NIL "7BIT" 1 1)("TEXT" "HTML" NIL NIL NIL "7BIT" 1 1) "MIXED") UID 5)`,
	},
	{
		`* 1 FETCH (BODYSTRUCTURE (NIL "alternative" ("boundary" "x") NIL NIL NIL) UID 5)`,
		`FETCH {"number":1,"uid":5,"bodystructure":{"type":"MULTIPART","subtype":"alternative","params":[{"name":"boundary","value":"x"}]}}`,
		"imap.multipart-without-children", `NIL`, `* 1 FETCH (BODYSTRUCTURE (("TEXT" "PLAIN" NIL NIL NIL "7BIT" 1 1) "alternative" ("boundary" "x") NIL NIL NIL) UID 5)`,
	},
	{
		`* 1 FETCH (BODYSTRUCTURE ("message" "rfc822" NIL NIL NIL "7bit" 1234 NIL ("attachment" NIL) NIL NIL) UID 5)`,
		`FETCH {"number":1,"uid":5,"bodystructure":{"type":"message","subtype":"rfc822","encoding":"7bit","octets":1234,"disposition":{"type":"attachment"}}}`,
		"imap.body-message", `1234`, `* 1 FETCH (BODYSTRUCTURE ("message" "delivery-status" NIL NIL NIL "7bit" 1234 NIL ("attachment" NIL) NIL NIL) UID 5)`,
	},
	{
		`* 1 FETCH (BODYSTRUCTURE ("text" "plain" NIL NIL NIL "7bit" -1 -1 NIL NIL NIL) UID 5)`,
		`FETCH {"number":1,"uid":5,"bodystructure":{"type":"text","subtype":"plain","encoding":"7bit","octets":-1,"lines":-1}}`,
		"imap.body-octets-negative", `-1`, `* 1 FETCH (BODYSTRUCTURE ("text" "plain" NIL NIL NIL "7bit" 1 1 NIL NIL NIL) UID 5)`,
	},
	{
		`* 1 FETCH (BODYSTRUCTURE ("text" "plain" NIL NIL NIL "7bit" NIL 0) UID 5)`,
		`FETCH {"number":1,"uid":5,"bodystructure":{"type":"text","subtype":"plain","encoding":"7bit","lines":0}}`,
		"imap.body-number-nil", `NIL`, `* 1 FETCH (BODYSTRUCTURE ("text" "plain" NIL NIL NIL "7bit" 0 0) UID 5)`,
	},
	{
		`* 1 FETCH (BODYSTRUCTURE ("text" "plain" ("charset" NIL) NIL NIL "7bit" 1 1) UID 5)`,
		`FETCH {"number":1,"uid":5,"bodystructure":{"type":"text","subtype":"plain","params":[{"name":"charset","value":null}],"encoding":"7bit","octets":1,"lines":1}}`,
		"imap.body-parameter-nil", `NIL`, `* 1 FETCH (BODYSTRUCTURE ("text" "plain" ("charset" "") NIL NIL "7bit" 1 1) UID 5)`,
	},
	{
		`* 1 FETCH (BODYSTRUCTURE ("text" "plain" () NIL NIL "7bit" 1 1) UID 5)`,
		`FETCH {"number":1,"uid":5,"bodystructure":{"type":"text","subtype":"plain","encoding":"7bit","octets":1,"lines":1}}`,
		"imap.body-parameter-nil", `()`, `* 1 FETCH (BODYSTRUCTURE ("text" "plain" NIL NIL NIL "7bit" 1 1) UID 5)`,
	},
	{
		`* 1 FETCH (BODYSTRUCTURE ("text" "plain" NIL NIL NIL "7bit" 12 NIL NIL NIL) UID 5)`,
		`FETCH {"number":1,"uid":5,"bodystructure":{"type":"text","subtype":"plain","encoding":"7bit","octets":12}}`,
		"imap.body-lines", `12`, `* 1 FETCH (BODYSTRUCTURE ("text" "plain" NIL NIL NIL "7bit" 12 0 NIL NIL NIL) UID 5)`,
	},
	{
		`* 1 FETCH (BODYSTRUCTURE (("text" "plain" NIL NIL NIL "7bit" 1 1) ("text" "html" NIL NIL NIL "7bit" 1 1) "mixed") UID 5)`,
		`FETCH {"number":1,"uid":5,"bodystructure":{"type":"MULTIPART","subtype":"mixed","parts":[{"type":"text","subtype":"plain","encoding":"7bit","octets":1,"lines":1},{"type":"text","subtype":"html","encoding":"7bit","octets":1,"lines":1}]}}`,
		"imap.body-spaces", ` `, `* 1 FETCH (BODYSTRUCTURE (("text" "plain" NIL NIL NIL "7bit" 1 1)("text" "html" NIL NIL NIL "7bit" 1 1) "mixed") UID 5)`,
	},
	{
		`* 1 FETCH (BODY ("IMAGE" "PNG" NIL NIL NIL "BASE64" 9 NIL ("inline" NIL)) UID 5)`,
		`FETCH {"number":1,"uid":5,"body":{"type":"IMAGE","subtype":"PNG","encoding":"BASE64","octets":9,"disposition":{"type":"inline"}}}`,
		"imap.body-extended", `("IMAGE" "PNG" NIL NIL NIL "BASE64" 9 NIL ("inline" NIL))`, `* 1 FETCH (BODY ("IMAGE" "PNG" NIL NIL NIL "BASE64" 9) UID 5)`,
	},
	{`* 1 FETCH (BODY[2] UID 5)`, `FETCH {"number":1,"uid":5,"sections":[{"item":"BODY","section":"2","octets":0,"missing":true}]}`, "imap.section-without-value", `BODY[2]`, `* 1 FETCH (BODY[2] NIL UID 5)`},
	{`* 1 FETCH (UID 5 BODY[2] )`, `FETCH {"number":1,"uid":5,"sections":[{"item":"BODY","section":"2","octets":0,"missing":true}]}`, "imap.section-without-value", `BODY[2]`, `* 1 FETCH (UID 5 BODY[2] "")`},
	{`* 1 FETCH (UID 5 BODY[2])`, `FETCH {"number":1,"uid":5,"sections":[{"item":"BODY","section":"2","octets":0,"missing":true}]}`, "imap.section-without-value", `BODY[2]`, `* 1 FETCH (UID 5 BODY[2] "")`},
	{`* 1 FETCH (FLAGS (\Seen a]b(c) $x) UID 5)`, `FETCH {"number":1,"uid":5,"flags":["\\Seen","a]b(c)","$x"]}`, "imap.flag-invalid", `]`, `* 1 FETCH (FLAGS (\Seen abc $x) UID 5)`},
	{`* 1 FETCH (FLAGS (\Seen ) UID 5)`, `FETCH {"number":1,"uid":5,"flags":["\\Seen"]}`, "imap.extra-space", ` `, `* 1 FETCH (FLAGS (\Seen) UID 5)`},
	{`* 1 FETCH (FLAGS (\Seen)  UID 5)`, `FETCH {"number":1,"uid":5,"flags":["\\Seen"]}`, "imap.extra-space", ` `, `* 1 FETCH (FLAGS (\Seen) UID 5)`},
	{`* 1 FETCH (FLAGS(\Seen) UID 5)`, `FETCH {"number":1,"uid":5,"flags":["\\Seen"]}`, "imap.response-syntax", `(\Seen`, `* 1 FETCH (FLAGS (\Seen) UID 5)`},
	{`* 1 FETCH (X-NEW UID 5)`, `FETCH {"number":1,"other":[{"name":"X-NEW","value":"UID"},{"name":"5"}]}`, "imap.response-syntax", `)`, `* 1 FETCH (X-NEW NIL UID 5)`},
	{`* 1 FETCH (FLAGS (\Seen)UID 5)`, `FETCH {"number":1,"uid":5,"flags":["\\Seen"]}`, "imap.response-syntax", `UID`, `* 1 FETCH (FLAGS (\Seen) UID 5)`},
	{`* 1 FETCH (MODSEQ (-1) UID 5)`, `FETCH {"number":1,"uid":5,"modseq":-1}`, "imap.modseq-negative", `-1`, `* 1 FETCH (MODSEQ (1) UID 5)`},
	{`* 1 FETCH (UID 0 FLAGS ())`, `FETCH {"number":1,"flags":[]}`, "imap.uid-zero", `0`, `* 1 FETCH (UID 1 FLAGS ())`},
	{`* 1 FETCH (RFC822.SIZE -5 UID 5)`, `FETCH {"number":1,"uid":5,"rfc822_size":-5}`, "imap.size-negative", `-5`, `* 1 FETCH (RFC822.SIZE 5 UID 5)`},
	{`* 1 FETCH (INTERNALDATE "1996-07-17" UID 5)`, `FETCH {"number":1,"uid":5,"internaldate":"1996-07-17"}`, "imap.date-time", `"1996-07-17"`, `* 1 FETCH (INTERNALDATE "17-Jul-1996 02:44:25 -0700" UID 5)`},
	{`* 0 FETCH (UID 5)`, `FETCH {"number":0,"uid":5}`, "imap.sequence-zero", `0`, `* 1 FETCH (UID 5)`},
	{`* 1 FETCH (UID 4294967296 FLAGS ())`, `FETCH {"number":1,"flags":[]}`, "imap.number-range", `4294967296`, `* 1 FETCH (UID 4294967295 FLAGS ())`},
	{`* 1 FETCH (UID 5`, `FETCH {"number":1,"uid":5}`, "imap.response-syntax", ``, `* 1 FETCH (UID 5)`},
	{`* 1 FETCH (UID 5) x`, `FETCH {"number":1,"uid":5}`, "imap.response-syntax", ` x`, `* 1 FETCH (UID 5)`},
	{`* OK [UIDVALIDITY 0] x`, `OK {"code":{"name":"UIDVALIDITY","data":{"value":0}},"text":"x"}`, "imap.uidvalidity-zero", `0`, `* OK [UIDVALIDITY 1] x`},
	{`* OK [UIDNEXT 0] x`, `OK {"code":{"name":"UIDNEXT","data":{"value":0}},"text":"x"}`, "imap.uidnext-zero", `0`, `* OK [UIDNEXT 1] x`},
	{`* OK [HIGHESTMODSEQ -1] x`, `OK {"code":{"name":"HIGHESTMODSEQ","data":{"value":-1}},"text":"x"}`, "imap.modseq-negative", `-1`, `* OK [HIGHESTMODSEQ 1] x`},
	{`* STATUS a (UIDVALIDITY 0)`, `STATUS {"mailbox":"a","uidvalidity":0}`, "imap.uidvalidity-zero", `0`, `* STATUS a (UIDVALIDITY 1)`},
	{`* STATUS a ()`, `STATUS {"mailbox":"a"}`, "imap.status-empty", `()`, `* STATUS a (MESSAGES 0)`},
	{`* STATUS a (MESSAGES 0) `, `STATUS {"mailbox":"a","messages":0}`, "imap.trailing-space", ` `, `* STATUS a (MESSAGES 0)`},
	{`* STATUS Sent Items (MESSAGES 0)`, `STATUS {"mailbox":"Sent Items","messages":0}`, "imap.unquoted-specials", `Sent Items`, `* STATUS "Sent Items" (MESSAGES 0)`},
	{`* CAPABILITY IMAP4rev1 `, `CAPABILITY {"capabilities":["IMAP4rev1"]}`, "imap.trailing-space", ` `, `* CAPABILITY IMAP4rev1`},
	{`* CAPABILITY IMAP4rev1 LITERAL + IDLE`, `CAPABILITY {"capabilities":["IMAP4rev1","LITERAL+","IDLE"]}`, "imap.capability-space", `LITERAL +`, `* CAPABILITY IMAP4rev1 LITERAL+ IDLE`},
	{`* ID ("name" "x") `, `ID {"params":[{"name":"name","value":"x"}]}`, "imap.trailing-space", ` `, `* ID ("name" "x")`},
	{`* SEARCH `, `SEARCH {"count":0}`, "imap.trailing-space", ` `, `* SEARCH`},
	{`* SEARCH 1 2 `, `SEARCH {"count":2,"first":1,"last":2,"set":"1:2"}`, "imap.trailing-space", ` `, `* SEARCH 1 2`},
	{`* SEARCH 0 2`, `SEARCH {"count":2,"last":2,"set":"0,2"}`, "imap.sequence-zero", `0`, `* SEARCH 1 2`},
	{"* LIST () \"/\" a\x01b", "LIST {\"attributes\":[],\"delimiter\":\"/\",\"mailbox\":\"a\\\\x01b\",\"display\":\"a\\\\x01b\"}", "imap.unquoted-specials", "\x01b", "* LIST () \"/\" \"a\x01b\""},
	{`* LIST () "/" Sent Items`, `LIST {"attributes":[],"delimiter":"/","mailbox":"Sent Items"}`, "imap.unquoted-specials", `Sent Items`, `* LIST () "/" "Sent Items"`},
	{`* LIST () "" INBOX`, `LIST {"attributes":[],"delimiter":"","mailbox":"INBOX"}`, "imap.list-delimiter", `""`, `* LIST () NIL INBOX`},
	{`* LIST () "/" "open`, `LIST {"attributes":[],"delimiter":"/","mailbox":"open"}`, "imap.quoted-open", `"open`, `* LIST () "/" "open"`},
	{"* LIST () \"/\" \"a\x00b\"", `LIST {"attributes":[],"delimiter":"/","mailbox":"a\\x00b","display":"a\\x00b"}`, "imap.nul", "\x00", `* LIST () "/" "ab"`},
	{`* 1 FETCH (BODYSTRUCTURE ("text" "plain" NIL NIL NIL "7bit" 1 -1) UID 5)`, `FETCH {"number":1,"uid":5,"bodystructure":{"type":"text","subtype":"plain","encoding":"7bit","octets":1,"lines":-1}}`, "imap.body-lines-negative", `-1`, `* 1 FETCH (BODYSTRUCTURE ("text" "plain" NIL NIL NIL "7bit" 1 1) UID 5)`},
	{"* LIST () \"/\" {1+}\r\na", `LIST {"attributes":[],"delimiter":"/","mailbox":"a"}`, "imap.server-literal-plus", `{1+}`, "* LIST () \"/\" {1}\r\na"},
	{`+`, `+ null`, "imap.plus-without-space", `+`, `+ `},
	{`* LIST "/" INBOX`, `LIST {"attributes":null,"delimiter":null,"mailbox":null}`, "imap.response-syntax", `"/"`, `* LIST () "/" INBOX`},
	{`* QUOTA "" (STORAGE x)`, `QUOTA {"root":"","resources":[]}`, "imap.response-syntax", `x`, `* QUOTA "" (STORAGE 1 2)`},
}

func TestQuirks(t *testing.T) {
	var p Parser
	for _, q := range quirks {
		l := lineOf(q.text)
		got, ids := said(t, &p, l)
		if got != q.want {
			t.Errorf("%s\n got %s\nwant %s", q.text, got, q.want)
		}
		n := slices.Index(ids, q.rule)
		if n < 0 {
			t.Errorf("%s: problems %v, want %s", q.text, ids, q.rule)
			continue
		}
		x := p.response.Problems[n]
		if at := string(l.Text[x.Off : x.Off+x.Len]); at != q.at {
			t.Errorf("%s: %s at %q, want %q", q.text, q.rule, at, q.at)
		}
		if _, ids := said(t, &p, lineOf(q.twin)); len(ids) > 0 {
			t.Errorf("%s: problems %v, want none", q.twin, ids)
		}
	}
}

// TestEnabledUTF8 reads UTF-8 in quoted strings without a problem once it is enabled.
func TestEnabledUTF8(t *testing.T) {
	p := Parser{UTF8: true}
	if _, ids := said(t, &p, lineOf("* LIST () \"/\" \"Gr\u00fc\u00dfe\"")); len(ids) > 0 {
		t.Errorf("problems %v with UTF-8 enabled", ids)
	}
	if _, ids := said(t, &p, lineOf("* LIST () \"/\" \"Gr\xfc\xdfe\"")); !slices.Equal(ids, []string{rules.EightBitQuoted.ID}) {
		t.Errorf("problems %v with ISO-8859-1, want %s", ids, rules.EightBitQuoted.ID)
	}
}

// TestCutLine says nothing of what the end of a cut line looks like.
func TestCutLine(t *testing.T) {
	var p Parser
	for _, text := range []string{
		envelopeRow, bodyRow, `* OK [UIDNEXT 5] hello`, `* SEARCH 10 20 30`, `* LIST (\A) "/" "abc"`, `* STATUS a (MESSAGES 10)`,
		`* THREAD (1 2)(3)`, `* CAPABILITY IMAP4rev1 IDLE`, `* ESEARCH (TAG "a") ALL 1:2`, `* 1 FETCH (BODY[HEADER.FIELDS (A)] NIL FLAGS (\Seen))`,
	} {
		for n := range len(text) {
			if r := p.Response(&Line{Text: []byte(text[:n]), Cut: true}); len(r.Problems) > 0 {
				t.Errorf("%s: cut: %s: %s", text[:n], r.Problems[0].Rule.ID, r.Problems[0].Fact)
			}
		}
	}
}

// TestDepth follows nesting down to a bound only.
func TestDepth(t *testing.T) {
	var p Parser
	for _, text := range []string{
		"* 1 FETCH (UID 5 BODYSTRUCTURE " + strings.Repeat("(", 30000) + strings.Repeat(")", 30000) + ")",
		"* 1 FETCH (UID 5 BODYSTRUCTURE " + strings.Repeat("(", 60000),
		"* 1 FETCH (UID 5 BODYSTRUCTURE " + strings.Repeat(`("message" "rfc822" NIL NIL NIL "7bit" 1 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) `, 700) + ")",
	} {
		r := p.Response(&Line{Text: []byte(text)})
		f, ok := r.Data.(*Fetch)
		if !ok || f.UID != 5 || !slices.ContainsFunc(r.Problems, func(x Problem) bool { return x.Rule == rules.TooDeep }) {
			t.Errorf("%.60s…: UID %v, problems %v", text, f, r.Problems)
		}
		r.Detail()
	}
	r := p.Response(&Line{Text: []byte("* THREAD " + strings.Repeat("(1 ", 20000) + strings.Repeat(")", 20000))})
	th := r.Data.(*Thread)
	if th.Count != 20000 || len(th.Nodes) != maxRanges || len(r.Problems) == 0 || r.Problems[len(r.Problems)-1].Rule != rules.TooDeep {
		t.Errorf("THREAD: %d messages, %d nodes, %v", th.Count, len(th.Nodes), r.Problems)
	}
}

// TestLongSearch keeps count where it does not keep all numbers.
func TestLongSearch(t *testing.T) {
	var p Parser
	r := p.Response(&Line{Text: []byte("* SEARCH" + strings.Repeat(" 7 9", 5000) + " 4294967295")})
	n := r.Data.(*Numbers)
	if n.Count != 10001 || n.First != 7 || n.Last != 4294967295 || n.Whole || len(n.Ranges) != maxRanges || len(r.Problems) > 0 {
		t.Errorf("count %d, first %d, last %d, %d ranges, whole %v, problems %v", n.Count, n.First, n.Last, len(n.Ranges), n.Whole, r.Problems)
	}
	if d := r.Detail().(*Numbers); !strings.HasSuffix(d.Set, ",…") || len(d.Set) > 1000 {
		t.Errorf("the set in the Detail is %q", d.Set)
	}
}

// TestManyQuotes takes time that grows with the line, whatever quotes it has.
func TestManyQuotes(t *testing.T) {
	var p Parser
	for _, unit := range []string{`[`, `a[`, `"a`, `"\`, `"a"b `, `(("`, `{1}`, `NIL"`} {
		for _, head := range []string{"* 1 FETCH (ENVELOPE (", "* LIST (", "* 1 FETCH (BODYSTRUCTURE (", "* OK [X ", "* 1 FETCH (X ", "* ID ("} {
			l := &Line{Text: []byte(head + strings.Repeat(unit, 65000/len(unit)))}
			p.Response(l)
			if looked := 2*len(l.Text) + 64 - p.scanner.search; looked > 3*len(l.Text)+200 {
				t.Errorf("%s%s…: looked at %d octets for misplaced quotes", head, unit, looked)
			}
		}
	}
}
