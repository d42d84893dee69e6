package grammar

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// lineOf makes a Line of text in which a literal stands as {n}CRLF and its content.
func lineOf(text string) *Line {
	var l Line
	b := []byte(text)
	for {
		n := bytes.Index(b, []byte("}\r\n"))
		if n < 0 {
			l.Text = append(l.Text, b...)
			return &l
		}
		open := bytes.LastIndexByte(b[:n], '{')
		var size int
		fmt.Sscanf(string(b[open+1:n]), "%d", &size)
		l.Text = append(l.Text, b[:n+1]...)
		l.Literals = append(l.Literals, Literal{At: len(l.Text), Octets: int64(size), Content: b[n+3 : n+3+size]})
		b = b[n+3+size:]
	}
}

// said gives what was parsed of a response as JSON, and the ids of the problems.
func said(t *testing.T, p *Parser, l *Line) (string, []string) {
	t.Helper()
	r := p.Response(l)
	var d bytes.Buffer
	e := json.NewEncoder(&d)
	e.SetEscapeHTML(false)
	if err := e.Encode(r.Detail()); err != nil {
		t.Fatalf("%s: %v", l.Text, err)
	}
	var ids []string
	for _, x := range r.Problems {
		if x.Off < 0 || x.Len < 0 || x.Off+x.Len > len(l.Text) {
			t.Errorf("%s: %s at %d+%d lies outside of the line", l.Text, x.Rule.ID, x.Off, x.Len)
		}
		ids = append(ids, x.Rule.ID)
	}
	head := r.Name
	if len(r.Tag) > 0 {
		head = string(r.Tag) + " " + head
	}
	return strings.TrimSpace(head + " " + d.String()), ids
}

// clean responses have no problem.
var clean = []struct{ text, want string }{
	// Dovecot
	{`* OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ AUTH=PLAIN] Dovecot ready.`, `OK {"code":{"name":"CAPABILITY","data":{"capabilities":["IMAP4rev1","SASL-IR","LITERAL+","AUTH=PLAIN"]}},"text":"Dovecot ready."}`},
	{`* FLAGS (\Answered \Flagged \Deleted \Seen \Draft $Forwarded)`, `FLAGS {"flags":["\\Answered","\\Flagged","\\Deleted","\\Seen","\\Draft","$Forwarded"]}`},
	{`* OK [PERMANENTFLAGS (\Answered \Seen \*)] Flags permitted.`, `OK {"code":{"name":"PERMANENTFLAGS","data":{"flags":["\\Answered","\\Seen","\\*"]}},"text":"Flags permitted."}`},
	{`* OK [PERMANENTFLAGS ()] Read-only mailbox.`, `OK {"code":{"name":"PERMANENTFLAGS","data":{"flags":[]}},"text":"Read-only mailbox."}`},
	{`* 3 EXISTS`, `EXISTS {"number":3}`},
	{`* 0 RECENT`, `RECENT {"number":0}`},
	{`* 1 EXPUNGE`, `EXPUNGE {"number":1}`},
	{`* OK [UIDVALIDITY 1700000000] UIDs valid`, `OK {"code":{"name":"UIDVALIDITY","data":{"value":1700000000}},"text":"UIDs valid"}`},
	{`a1 OK [READ-WRITE] Select completed (0.001 + 0.000 secs).`, `a1 OK {"code":{"name":"READ-WRITE"},"text":"Select completed (0.001 + 0.000 secs)."}`},
	{`a2 NO [NONEXISTENT] Mailbox doesn't exist: x`, `a2 NO {"code":{"name":"NONEXISTENT"},"text":"Mailbox doesn't exist: x"}`},
	{`* LIST (\HasNoChildren \Trash) "." Trash`, `LIST {"attributes":["\\HasNoChildren","\\Trash"],"delimiter":".","mailbox":"Trash"}`},
	{`* LIST () "/" Entw&APw-rfe`, `LIST {"attributes":[],"delimiter":"/","mailbox":"Entw&APw-rfe","display":"Entwürfe"}`},
	{`* LIST () NIL ""`, `LIST {"attributes":[],"delimiter":null,"mailbox":""}`},
	{`* LIST (\NonExistent) "\\" "a \"b\" \\c"`, `LIST {"attributes":["\\NonExistent"],"delimiter":"\\","mailbox":"a \"b\" \\c"}`},
	{"* LIST (\\Noselect) \"/\" {7}\r\nfoo/bar", `LIST {"attributes":["\\Noselect"],"delimiter":"/","mailbox":"foo/bar"}`},
	{`* STATUS "Sent Items" (MESSAGES 2 RECENT 0 UIDNEXT 44292 UIDVALIDITY 3857529045 UNSEEN 0 HIGHESTMODSEQ 0 SIZE 8589934592)`, `STATUS {"mailbox":"Sent Items","messages":2,"recent":0,"uidnext":44292,"uidvalidity":3857529045,"unseen":0,"size":8589934592,"highestmodseq":0}`},
	{`* STATUS a (APPENDLIMIT NIL)`, `STATUS {"mailbox":"a"}`},
	{`* STATUS a (APPENDLIMIT 10 DELETED 1 DELETED-STORAGE 8 MAILBOXID (F2212ea87-6097))`, `STATUS {"mailbox":"a","deleted":1,"deleted_storage":8,"appendlimit":10,"mailboxid":"F2212ea87-6097"}`},
	{`* SEARCH`, `SEARCH {"count":0}`},
	{`* SEARCH 2 3 4 84 882`, `SEARCH {"count":5,"first":2,"last":882,"set":"2:4,84,882"}`},
	{`* SEARCH 2 5 (MODSEQ 917162500)`, `SEARCH {"count":2,"first":2,"last":5,"set":"2,5","modseq":917162500}`},
	{`* SORT 5 3 4 1 2`, `SORT {"count":5,"first":5,"last":2,"set":"5,3:4,1:2"}`},
	{`* ESEARCH`, `ESEARCH {}`},
	{`* ESEARCH (TAG "A282") MIN 2 COUNT 3`, `ESEARCH {"tag":"A282","min":2,"count":3}`},
	{`* ESEARCH (TAG "a") UID ALL 4:18,21,28 MODSEQ 12`, `ESEARCH {"tag":"a","uid":true,"all":"4:18,21,28","modseq":12}`},
	{`* ESEARCH (TAG "tag1" MAILBOX "folder1" UIDVALIDITY 1) UID ALL 4001,4003`, `ESEARCH {"tag":"tag1","uid":true,"mailbox":"folder1","uidvalidity":1,"all":"4001,4003"}`},
	{`* ESEARCH (TAG "B01") UID ADDTO (0 32768:32769,3 1 4)`, `ESEARCH {"tag":"B01","uid":true,"add_to":[{"position":0,"set":"32768:32769,3"},{"position":1,"set":"4"}]}`},
	{`* ESEARCH (TAG "C") UID REMOVEFROM (1 2731 5 3) RELEVANCY (4 99)`, `ESEARCH {"tag":"C","uid":true,"relevancy":"(4 99)","remove_from":[{"position":1,"set":"2731"},{"position":5,"set":"3"}]}`},
	{`* ESEARCH (TAG "A02") UID PARTIAL (-1:-100 NIL)`, `ESEARCH {"tag":"A02","uid":true,"partial":{"range":"-1:-100","set":null}}`},
	{`* THREAD`, `THREAD {"count":0,"threads":0,"nodes":null}`},
	{`* THREAD (2)(3 6 (4 23)(44 7 96))`, `THREAD {"count":8,"threads":2,"nodes":[{"number":2},{"number":3},{"number":6,"parent":3,"depth":1},{"number":4,"parent":6,"depth":2},{"number":23,"parent":4,"depth":3},{"number":44,"parent":6,"depth":2},{"number":7,"parent":44,"depth":3},{"number":96,"parent":7,"depth":4}]}`},
	{`* THREAD ((3)(5))`, `THREAD {"count":2,"threads":1,"nodes":[{"number":3},{"number":5}]}`},
	{`* CAPABILITY IMAP4rev1 STARTTLS`, `CAPABILITY {"capabilities":["IMAP4rev1","STARTTLS"]}`},
	{`* ENABLED`, `ENABLED {"capabilities":[]}`},
	{`* ENABLED CONDSTORE QRESYNC`, `ENABLED {"capabilities":["CONDSTORE","QRESYNC"]}`},
	{`* VANISHED (EARLIER) 41,43:116`, `VANISHED {"earlier":true,"uids":"41,43:116"}`},
	{`* VANISHED 5`, `VANISHED {"uids":"5"}`},
	{`* NAMESPACE (("" "/")) NIL (("Public Folders/" "/" "X-PARAM" ("FLAG1" "FLAG2")))`, `NAMESPACE {"personal":[{"prefix":"","delimiter":"/"}],"other":null,"shared":[{"prefix":"Public Folders/","delimiter":"/","extended":[{"name":"X-PARAM","value":"(\"FLAG1\" \"FLAG2\")"}]}]}`},
	{`* ID ("name" "Dovecot" "version" NIL)`, `ID {"params":[{"name":"name","value":"Dovecot"},{"name":"version","value":null}]}`},
	{`* ID NIL`, `ID {"params":null}`},
	{`* QUOTA "" (STORAGE 10 512 MESSAGE 1 2)`, `QUOTA {"root":"","resources":[{"name":"STORAGE","usage":10,"limit":512},{"name":"MESSAGE","usage":1,"limit":2}]}`},
	{`* QUOTAROOT INBOX "" b`, `QUOTAROOT {"mailbox":"INBOX","roots":["","b"]}`},
	{`* QUOTAROOT comp.mail.mime`, `QUOTAROOT {"mailbox":"comp.mail.mime","roots":[]}`},
	{`* ACL INBOX Fred rwipslxetad -Chris w`, `ACL {"mailbox":"INBOX","entries":[{"name":"Fred","value":"rwipslxetad"},{"name":"-Chris","value":"w"}]}`},
	{`* LISTRIGHTS ~/Mail/saved smith la r swicdkxte`, `LISTRIGHTS {"mailbox":"~/Mail/saved","identifier":"smith","required":"la","optional":["r","swicdkxte"]}`},
	{`* LISTRIGHTS archive anyone "" l`, `LISTRIGHTS {"mailbox":"archive","identifier":"anyone","required":"","optional":["l"]}`},
	{`* MYRIGHTS INBOX rwiptsldaex`, `MYRIGHTS {"mailbox":"INBOX","rights":"rwiptsldaex"}`},
	{`* METADATA "" (/shared/comment "My own comment" /private/x NIL)`, `METADATA {"mailbox":"","entries":[{"name":"/shared/comment","value":"My own comment"},{"name":"/private/x","value":null}]}`},
	{`* METADATA "INBOX" /shared/comment /private/comment`, `METADATA {"mailbox":"INBOX","changed":["/shared/comment","/private/comment"]}`},
	{`* LANGUAGE (DE)`, `LANGUAGE {"words":["DE"]}`},
	{`* COMPARATOR i;unicode-casemap ("i;basic" "i;octet")`, `COMPARATOR {"words":["i;unicode-casemap","i;basic","i;octet"]}`},
	{`* CONVERSION "image/gif" "image/jpeg" ("pix-y" "pix-x")`, `CONVERSION {"words":["image/gif","image/jpeg","pix-y","pix-x"]}`},
	{`* 2 CONVERTED (TAG "b001") (UID 120 BINARY[3] {3}` + "\r\nabc)", `CONVERTED {"number":2,"uid":120,"sections":[{"item":"BINARY","section":"3","octets":3}],"other":[{"name":"TAG","value":"(TAG \"b001\")"}]}`},
	{`* 2 CONVERTED (TAG "b001") (BODYPARTSTRUCTURE[3] ("IMAGE" "PNG"))`, `CONVERTED {"number":2,"other":[{"name":"TAG","value":"(TAG \"b001\")"},{"name":"BODYPARTSTRUCTURE[3]","value":"(\"IMAGE\" \"PNG\")"}]}`},
	{`* GENURLAUTH "imap://joe@example.com/INBOX/;uid=20;urlauth=submit+fred:internal:91354a473744909de610943775f92038"`, `GENURLAUTH {"words":["imap://joe@example.com/INBOX/;uid=20;urlauth=submit+fred:internal:91354a473744909de610943775f92038"]}`},
	{"* URLFETCH \"imap://a\" {2}\r\nhi \"imap://b\" NIL", `URLFETCH {"params":[{"name":"imap://a","value":"hi"},{"name":"imap://b","value":null}]}`},
	{`* XAPPLEPUSHSERVICE aps-version "2" aps-topic "com.example"`, `XAPPLEPUSHSERVICE {"params":[{"name":"aps-version","value":"2"},{"name":"aps-topic","value":"com.example"}]}`},
	{`* X-NEW (a "b)" {1}` + "\r\n) c", `X-NEW {"text":"(a \"b)\" {1} c"}`},
	{`* 5 X-NEW more`, `X-NEW {"text":"more"}`},

	// Status responses and their codes.
	{`* PREAUTH logged in`, `PREAUTH {"text":"logged in"}`},
	{`* BYE [UNAVAILABLE] later`, `BYE {"code":{"name":"UNAVAILABLE"},"text":"later"}`},
	{`+ `, `+ null`},
	{`+ idling`, `+ {"text":"idling"}`},
	{`+ [ALERT] go`, `+ {"code":{"name":"ALERT"},"text":"go"}`},
	{`* OK {1}`, `OK {"text":"{1}"}`},
	{`a OK [APPENDUID 38505 3955] APPEND completed`, `a OK {"code":{"name":"APPENDUID","data":{"uidvalidity":38505,"uids":"3955"}},"text":"APPEND completed"}`},
	{`a OK [COPYUID 38505 304,319:320 3956:3958] Done`, `a OK {"code":{"name":"COPYUID","data":{"uidvalidity":38505,"source":"304,319:320","destination":"3956:3958"}},"text":"Done"}`},
	{`a OK [MODIFIED 7,9] Conditional STORE failed`, `a OK {"code":{"name":"MODIFIED","data":{"set":"7,9"}},"text":"Conditional STORE failed"}`},
	{`a NO [BADCHARSET (US-ASCII "UTF-8")] no`, `a NO {"code":{"name":"BADCHARSET","data":{"words":["US-ASCII","UTF-8"]}},"text":"no"}`},
	{`a NO [BADCHARSET] no`, `a NO {"code":{"name":"BADCHARSET"},"text":"no"}`},
	{`a NO [REFERRAL imap://user;AUTH=*@s2/] elsewhere`, `a NO {"code":{"name":"REFERRAL","data":{"text":"imap://user;AUTH=*@s2/"}},"text":"elsewhere"}`},
	{`a OK [METADATA LONGENTRIES 2199] done`, `a OK {"code":{"name":"METADATA","data":{"kind":"LONGENTRIES","value":2199}},"text":"done"}`},
	{`a NO [METADATA TOOMANY] no`, `a NO {"code":{"name":"METADATA","data":{"kind":"TOOMANY"}},"text":"no"}`},
	{`a OK [MAILBOXID (F2212ea87)] Completed`, `a OK {"code":{"name":"MAILBOXID","data":{"words":["F2212ea87"]}},"text":"Completed"}`},
	{`* NO [NOUPDATE "B02"] Too many contexts`, `NO {"code":{"name":"NOUPDATE","data":{"words":["B02"]}},"text":"Too many contexts"}`},
	{`* OK [HIGHESTMODSEQ 9223372036854775807] `, `OK {"code":{"name":"HIGHESTMODSEQ","data":{"value":9223372036854775807}}}`},
	{`* OK [XYMHIGHESTMODSEQ 5] x`, `OK {"code":{"name":"XYMHIGHESTMODSEQ","data":{"value":5}},"text":"x"}`},
	{`a NO [BADURL "/INBOX;UIDVALIDITY=785799047/;UID=113330;section=1.5.9"] CATENATE failed`, `a NO {"code":{"name":"BADURL","data":{"text":"\"/INBOX;UIDVALIDITY=785799047/;UID=113330;section=1.5.9\""}},"text":"CATENATE failed"}`},
	{`a NO [X-FOO 1 (2)] bar`, `a NO {"code":{"name":"X-FOO","data":{"text":"1 (2)"}},"text":"bar"}`},
	{`* ok [alert] Mixed Case`, `OK {"code":{"name":"ALERT"},"text":"Mixed Case"}`},

	// FETCH
	{flagsRow, `FETCH {"number":4711,"uid":104711,"flags":["\\Seen","\\Answered"],"modseq":9223372}`},
	{envelopeRow, `FETCH {"number":4711,"uid":104711,"envelope":{"date":"Tue, 17 Nov 2026 10:05:02 +0100","subject":"Minutes of the meeting last week","from":[{"name":"Anna Example","mailbox":"anna","host":"example.org"}],"sender":[{"name":"Anna Example","mailbox":"anna","host":"example.org"}],"reply_to":[{"name":"Anna Example","mailbox":"anna","host":"example.org"}],"to":[{"name":"Berta Example","mailbox":"berta","host":"example.net"}],"message_id":"<2026111709.4711@example.org>"}}`},
	{`* 1 fetch (flags () uid 7)`, `FETCH {"number":1,"uid":7,"flags":[]}`},
	{`* 1 FETCH (INTERNALDATE " 7-Jul-1996 02:44:25 -0700" RFC822.SIZE 0)`, `FETCH {"number":1,"internaldate":" 7-Jul-1996 02:44:25 -0700","rfc822_size":0}`},
	{"* 1 FETCH (BODY[] {5}\r\nhello UID 3)", `FETCH {"number":1,"uid":3,"sections":[{"item":"BODY","section":"","octets":5}]}`},
	{"* 1 FETCH (BODY[1.2.HEADER.FIELDS (From \"X]\" Y])]<0> {2}\r\n\r\n BODY[TEXT] NIL BODY[2] \"\" RFC822.TEXT \"x\")", `FETCH {"number":1,"sections":[{"item":"BODY","section":"1.2.HEADER.FIELDS (From \"X]\" Y])","origin":0,"octets":2},{"item":"BODY","section":"TEXT","octets":0,"nil":true},{"item":"BODY","section":"2","octets":0},{"item":"RFC822.TEXT","octets":1}]}`},
	{"* 1 FETCH (BINARY[1] ~{3}\r\na\x00b BINARY.SIZE[2] 44)", `FETCH {"number":1,"sections":[{"item":"BINARY","section":"1","octets":3}],"binary_sizes":[{"section":"2","octets":44}]}`},
	{`* 1 FETCH (EMAILID (M6d99ac3275bb4e) THREADID (T64b478a75b7ea9) PREVIEW "Hi" SAVEDATE NIL)`, `FETCH {"number":1,"emailid":"M6d99ac3275bb4e","threadid":"T64b478a75b7ea9","preview":"Hi"}`},
	{`* 1 FETCH (THREADID NIL PREVIEW "" SAVEDATE "17-Jul-1996 02:44:25 -0700")`, `FETCH {"number":1,"preview":"","savedate":"17-Jul-1996 02:44:25 -0700"}`},
	{`* 1 FETCH (X-GM-THRID 1278455344230334865 X-GM-MSGID 18446744073709551615 X-GM-LABELS ("\\Inbox" \Sent "M&APw-de" a))`, `FETCH {"number":1,"x_gm_msgid":18446744073709551615,"x_gm_thrid":1278455344230334865,"x_gm_labels":["\\Inbox","\\Sent","M&APw-de","a"]}`},
	{`* 12 FETCH (ANNOTATION (/comment (value.priv "My comment" size.priv "10") /altsubject (value.priv NIL)))`, `FETCH {"number":12,"annotations":[{"entry":"/comment","attributes":[{"name":"value.priv","value":"My comment"},{"name":"size.priv","value":"10"}]},{"entry":"/altsubject","attributes":[{"name":"value.priv","value":null}]}]}`},
	{`* 1 FETCH (X-GUID "abc" X-LIST (a (b "c)")) UID 9)`, `FETCH {"number":1,"uid":9,"other":[{"name":"X-GUID","value":"\"abc\""},{"name":"X-LIST","value":"(a (b \"c)\"))"}]}`},
	{bodyRow, `FETCH {"number":7,"uid":104711,"bodystructure":{"type":"MULTIPART","subtype":"alternative","params":[{"name":"boundary","value":"=_x"}],"parts":[{"type":"text","subtype":"plain","params":[{"name":"charset","value":"utf-8"}],"encoding":"quoted-printable","octets":1302,"lines":40},{"type":"text","subtype":"html","params":[{"name":"charset","value":"utf-8"}],"encoding":"quoted-printable","octets":5203,"lines":120,"disposition":{"type":"inline"}}]}}`},
	{`* 1 FETCH (BODY ("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 342 (NIL "s" ((NIL NIL "g" NIL)(NIL NIL "a" "b")(NIL NIL NIL NIL)) NIL NIL NIL NIL NIL NIL NIL) ("TEXT" "PLAIN" NIL NIL NIL "7BIT" 12 1) 9))`, `FETCH {"number":1,"body":{"type":"MESSAGE","subtype":"RFC822","encoding":"7BIT","octets":342,"lines":9,"envelope":{"subject":"s","from":[{"mailbox":"g"},{"mailbox":"a","host":"b"},{}]},"parts":[{"type":"TEXT","subtype":"PLAIN","encoding":"7BIT","octets":12,"lines":1}]}}`},
	{`* 1 FETCH (BODYSTRUCTURE ("APPLICATION" "PDF" ("NAME" "a.pdf") "<id>" "desc" "BASE64" 4096 "md5==" ("attachment" ("filename" "a.pdf")) ("en" "de") "loc" 7 (1 "x") NIL))`, `FETCH {"number":1,"bodystructure":{"type":"APPLICATION","subtype":"PDF","params":[{"name":"NAME","value":"a.pdf"}],"id":"<id>","description":"desc","encoding":"BASE64","octets":4096,"md5":"md5==","disposition":{"type":"attachment","params":[{"name":"filename","value":"a.pdf"}]},"language":["en","de"],"location":"loc","extension":"7 (1 \"x\") NIL"}}`},
	{"* 1 FETCH (ENVELOPE (NIL {6}\r\na\"b\\c) NIL NIL NIL NIL NIL NIL NIL \"\"))", `FETCH {"number":1,"envelope":{"subject":"a\"b\\c)","message_id":""}}`},
}

func TestCleanResponses(t *testing.T) {
	var p Parser
	for _, c := range clean {
		got, problems := said(t, &p, lineOf(c.text))
		if c.want != got {
			t.Errorf("%s\n got %s\nwant %s", c.text, got, c.want)
		}
		if len(problems) > 0 {
			t.Errorf("%s: problems %v with %q", c.text, problems, p.response.Problems[0].Fact)
		}
	}
}
