package grammar

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// asked gives what was parsed of a command as JSON, and the ids of the problems.
func asked(t *testing.T, p *Parser, l *Line) (string, []string) {
	t.Helper()
	c := p.Command(l)
	var d bytes.Buffer
	e := json.NewEncoder(&d)
	e.SetEscapeHTML(false)
	if err := e.Encode(c.Detail()); err != nil {
		t.Fatalf("%s: %v", l.Text, err)
	}
	var ids []string
	for _, x := range c.Problems {
		if x.Off < 0 || x.Len < 0 || x.Off+x.Len > len(l.Text) {
			t.Errorf("%s: %s at %d+%d lies outside of the line", l.Text, x.Rule.ID, x.Off, x.Len)
		}
		ids = append(ids, x.Rule.ID+": "+x.Fact)
	}
	return strings.TrimSpace(c.Name + " " + d.String()), ids
}

// needed gives the capabilities that a command needs.
func needed(p *Parser, l *Line) string {
	var words []string
	for _, n := range p.Command(l).Needs(nil) {
		words = append(words, string(l.Text[n.Off:n.Off+n.Len])+"="+strings.Join(n.Anyof, "|"))
	}
	return strings.Join(words, " ")
}

// plain are commands as clients send them and the RFCs have them; none has a problem.
var plain = []struct{ text, want string }{
	{`1 capability`, `CAPABILITY null`},
	{`A001 NOOP`, ``},
	{`a IDLE`, ``},
	{`a LOGIN "joe@example.com" "xxxx"`, `LOGIN {"user":"joe@example.com"}`},
	{"a LOGIN {3}\r\njoe {4}\r\nxxxx", `LOGIN {"user":"joe"}`},
	{`a AUTHENTICATE PLAIN`, `AUTHENTICATE {"mechanism":"PLAIN"}`},
	{`a authenticate XOAUTH2 xxxxxxxxxx`, `AUTHENTICATE {"mechanism":"XOAUTH2","initial_response":true}`},

	// Thunderbird
	{`2 ID ("name" "Thunderbird" "version" "128.5.0")`, `ID {"params":[{"name":"name","value":"Thunderbird"},{"name":"version","value":"128.5.0"}]}`},
	{`3 list (subscribed) "" "*" return (special-use)`, `LIST {"select":["subscribed"],"reference":"","patterns":["*"],"return":[{"name":"special-use"}]}`},
	{`4 lsub "" "*"`, `LSUB {"reference":"","patterns":["*"]}`},
	{`5 select "INBOX"`, `SELECT {"mailbox":"INBOX"}`},
	{`5 select "INBOX" (CONDSTORE)`, `SELECT {"mailbox":"INBOX","condstore":true}`},
	{`6 UID fetch 1:* (FLAGS)`, `UID FETCH {"set":"1:*","items":[{"item":"FLAGS"}]}`},
	{`7 UID fetch 1:* (FLAGS) (CHANGEDSINCE 12345)`, `UID FETCH {"set":"1:*","items":[{"item":"FLAGS"}],"changedsince":12345}`},
	{`8 UID fetch 4:7 (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)])`, `UID FETCH {"set":"4:7","items":[{"item":"UID"},{"item":"RFC822.SIZE"},{"item":"FLAGS"},{"item":"BODY","section":"HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)","peek":true}]}`},
	{`9 UID fetch 7 (UID RFC822.SIZE BODY[]<0.65536>)`, `UID FETCH {"set":"7","items":[{"item":"UID"},{"item":"RFC822.SIZE"},{"item":"BODY","section":"","partial":{"origin":0,"octets":65536}}]}`},
	{`10 uid store 7 +Flags (\Deleted \Seen)`, `UID STORE {"set":"7","change":"+","item":"FLAGS","flags":["\\Deleted","\\Seen"]}`},
	{`11 uid copy 7 "Trash"`, `UID COPY {"set":"7","mailbox":"Trash"}`},
	{`12 UID SEARCH RETURN (ALL) UNDELETED`, `UID SEARCH {"return":[{"name":"ALL"}],"keys":[{"key":"UNDELETED"}]}`},
	{"13 append \"Sent\" (\\Seen) {310}\r\n" + strings.Repeat("x", 310), `APPEND {"mailbox":"Sent","messages":[{"flags":["\\Seen"],"octets":310}]}`},
	{`14 getquotaroot "INBOX"`, `GETQUOTAROOT {"mailbox":"INBOX"}`},
	{`15 myrights "INBOX"`, `MYRIGHTS {"mailbox":"INBOX"}`},
	{`16 select "Entw&APw-rfe"`, `SELECT {"mailbox":"Entw&APw-rfe","display":"Entwürfe"}`},
	{`17 STATUS "INBOX" (UIDNEXT MESSAGES UNSEEN RECENT)`, `STATUS {"mailbox":"INBOX","items":["UIDNEXT","MESSAGES","UNSEEN","RECENT"]}`},

	// mbsync
	{`4 LIST "" "%"`, `LIST {"reference":"","patterns":["%"]}`},
	{`5 LIST "" %`, `LIST {"reference":"","patterns":["%"]}`},
	{`8 UID FETCH 1:100 (UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (X-TUID)])`, `UID FETCH {"set":"1:100","items":[{"item":"UID"},{"item":"FLAGS"},{"item":"RFC822.SIZE"},{"item":"BODY","section":"HEADER.FIELDS (X-TUID)","peek":true}]}`},
	{`9 UID STORE 3,5 +FLAGS.SILENT (\Seen)`, `UID STORE {"set":"3,5","change":"+","item":"FLAGS","silent":true,"flags":["\\Seen"]}`},
	{"10 APPEND \"x\" (\\Seen) \" 7-Feb-1994 21:52:25 -0800\" {2+}\r\nab", `APPEND {"mailbox":"x","messages":[{"flags":["\\Seen"],"date":" 7-Feb-1994 21:52:25 -0800","octets":2}]}`},

	// K-9, iOS Mail, Outlook, fetchmail, offlineimap, mutt
	{`4 UID SEARCH 1:* NOT DELETED`, `UID SEARCH {"keys":[{"key":"SET","set":"1:*"},{"key":"NOT","keys":[{"key":"DELETED"}]}]}`},
	{`5 UID FETCH 1,2,3 (UID FLAGS)`, `UID FETCH {"set":"1,2,3","items":[{"item":"UID"},{"item":"FLAGS"}]}`},
	{`6 UID FETCH 5 (UID BODYSTRUCTURE)`, `UID FETCH {"set":"5","items":[{"item":"UID"},{"item":"BODYSTRUCTURE"}]}`},
	{`12 ID ("name" "iPhone Mail" "version" "21F90" "os" "iOS" "os-version" "17.5.1 (21F90)")`, `ID {"params":[{"name":"name","value":"iPhone Mail"},{"name":"version","value":"21F90"},{"name":"os","value":"iOS"},{"name":"os-version","value":"17.5.1 (21F90)"}]}`},
	{`13 FETCH 1:12 (INTERNALDATE UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (date subject from to)] X-GM-MSGID)`, `FETCH {"set":"1:12","items":[{"item":"INTERNALDATE"},{"item":"UID"},{"item":"RFC822.SIZE"},{"item":"FLAGS"},{"item":"BODY","section":"HEADER.FIELDS (date subject from to)","peek":true},{"item":"X-GM-MSGID"}]}`},
	{`14 XAPPLEPUSHSERVICE "aps-version" "2" "aps-account-id" "0715A26B" "aps-device-token" "2918390218931890821908309283098109381029309829018310983092892829" "aps-subtopic" "com.apple.mobilemail" mailboxes ("INBOX" "Notes")`, ``},
	{`A1 UID FETCH 7 (FLAGS UID BODY.PEEK[1.2.MIME] BODY.PEEK[1.TEXT]<10.20>)`, `UID FETCH {"set":"7","items":[{"item":"FLAGS"},{"item":"UID"},{"item":"BODY","section":"1.2.MIME","peek":true},{"item":"BODY","section":"1.TEXT","peek":true,"partial":{"origin":10,"octets":20}}]}`},
	{`A0005 FETCH 1:3 RFC822.SIZE`, `FETCH {"set":"1:3","items":[{"item":"RFC822.SIZE"}]}`},
	{`A0006 FETCH 1 BODY.PEEK[TEXT]`, `FETCH {"set":"1","items":[{"item":"BODY","section":"TEXT","peek":true}]}`},
	{`A0007 STORE 1 +FLAGS (\Seen \Deleted)`, `STORE {"set":"1","change":"+","item":"FLAGS","flags":["\\Seen","\\Deleted"]}`},
	{`A0008 SEARCH UNSEEN`, `SEARCH {"keys":[{"key":"UNSEEN"}]}`},
	{`KDIO5 FETCH 1:* (FLAGS UID)`, `FETCH {"set":"1:*","items":[{"item":"FLAGS"},{"item":"UID"}]}`},
	{`KDIO6 UID SEARCH SINCE 01-Feb-2024`, `UID SEARCH {"keys":[{"key":"SINCE","text":"01-Feb-2024"}]}`},
	{`a0004 CREATE "New/Folder"`, `CREATE {"mailbox":"New/Folder"}`},
	{`a0005 ENABLE CONDSTORE QRESYNC`, `ENABLE {"words":["CONDSTORE","QRESYNC"]}`},
	{`a XLIST "" "*"`, `XLIST {"reference":"","patterns":["*"]}`},

	// Gmail
	{`a UID SEARCH X-GM-RAW "has:attachment in:unread"`, `UID SEARCH {"keys":[{"key":"X-GM-RAW","text":"has:attachment in:unread"}]}`},
	{`a UID STORE 1 +X-GM-LABELS (\Inbox foo "a b")`, `UID STORE {"set":"1","change":"+","item":"X-GM-LABELS","flags":["\\Inbox","foo","a b"]}`},

	// RFC 9051, RFC 3501
	{`A654 FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])`, ``},
	{`a FETCH 1 FULL`, `FETCH {"set":"1","macro":"FULL"}`},
	{`a FETCH 1 (BINARY.PEEK[1.2]<0.10> BINARY.SIZE[3] BINARY[])`, `FETCH {"set":"1","items":[{"item":"BINARY","section":"1.2","peek":true,"partial":{"origin":0,"octets":10}},{"item":"BINARY.SIZE","section":"3"},{"item":"BINARY","section":""}]}`},
	{`A003 STORE 2:4 +FLAGS \Deleted $X`, `STORE {"set":"2:4","change":"+","item":"FLAGS","flags":["\\Deleted","$X"]}`},
	{`A003 STORE 2 FLAGS ()`, `STORE {"set":"2","item":"FLAGS","flags":[]}`},
	{`A282 SEARCH RETURN (MIN COUNT) FLAGGED SINCE 1-Feb-1994 NOT FROM "Smith"`, `SEARCH {"return":[{"name":"MIN"},{"name":"COUNT"}],"keys":[{"key":"FLAGGED"},{"key":"SINCE","text":"1-Feb-1994"},{"key":"NOT","keys":[{"key":"FROM","text":"Smith"}]}]}`},
	{`A283 SEARCH RETURN () FLAGGED`, `SEARCH {"return":[],"keys":[{"key":"FLAGGED"}]}`},
	{"A285 SEARCH CHARSET UTF-8 TEXT {4}\r\nabcd", `SEARCH {"charset":"UTF-8","keys":[{"key":"TEXT","text":"abcd"}]}`},
	{`a SEARCH OR (SEEN 1:2) KEYWORD $Junk HEADER X-A "" LARGER 100 UID $`, `SEARCH {"keys":[{"key":"OR","keys":[{"key":"AND","keys":[{"key":"SEEN"},{"key":"SET","set":"1:2"}]},{"key":"KEYWORD","text":"$Junk"}]},{"key":"HEADER","field":"X-A","text":""},{"key":"LARGER","number":100},{"key":"UID","set":"$"}]}`},
	{`a SEARCH BEFORE "1-Feb-1994"`, `SEARCH {"keys":[{"key":"BEFORE","text":"1-Feb-1994"}]}`},
	{`P283 SEARCH RETURN (SAVE) X-NEW "a b" 5`, `SEARCH {"return":[{"name":"SAVE"}],"keys":[{"key":"X-NEW","text":"\"a b\""},{"key":"SET","set":"5"}]}`},
	{`A01 LIST (SUBSCRIBED RECURSIVEMATCH) "" ("INBOX" "Drafts" "Sent/%") RETURN (CHILDREN STATUS (MESSAGES UNSEEN))`, `LIST {"select":["SUBSCRIBED","RECURSIVEMATCH"],"reference":"","patterns":["INBOX","Drafts","Sent/%"],"return":[{"name":"CHILDREN"},{"name":"STATUS","value":"(MESSAGES UNSEEN)"}]}`},
	{`A02 LIST () "" "%" RETURN ()`, `LIST {"select":[],"reference":"","patterns":["%"],"return":[]}`},
	{`a RENAME INBOX old-mail`, `RENAME {"from":"INBOX","to":"old-mail"}`},
	{`a UID EXPUNGE 3000:3002`, `UID EXPUNGE {"set":"3000:3002"}`},
	{`a MOVE 1:* Archive`, `MOVE {"set":"1:*","mailbox":"Archive"}`},
	{`a SELECT ""`, `SELECT {"mailbox":""}`},

	// Extensions
	{`A02 SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211,214:541 (1,3 41,50)))`, `SELECT {"mailbox":"INBOX","qresync":{"uidvalidity":67890007,"modseq":20050715194045000,"known_uids":"41,43:211,214:541","match_numbers":"1,3","match_uids":"41,50"}}`},
	{`A SELECT INBOX (QRESYNC (67890007 90060115194045000))`, ``},
	{`s100 UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345 VANISHED)`, `UID FETCH {"set":"300:500","items":[{"item":"FLAGS"}],"changedsince":12345,"vanished":true}`},
	{`10 UID FETCH 25900:26600 (UID FLAGS) (PARTIAL -1:-30 CHANGEDSINCE 98305)`, `UID FETCH {"set":"25900:26600","items":[{"item":"UID"},{"item":"FLAGS"}],"changedsince":98305,"partial":"-1:-30"}`},
	{`d105 STORE 7,5,9 (UNCHANGEDSINCE 320162338) +FLAGS.SILENT (\Deleted)`, `STORE {"set":"7,5,9","unchangedsince":320162338,"change":"+","item":"FLAGS","silent":true,"flags":["\\Deleted"]}`},
	{`a SEARCH MODSEQ "/flags/\\draft" all 620162338`, `SEARCH {"keys":[{"key":"MODSEQ","field":"/flags/\\draft","text":"all","number":620162338}]}`},
	{`a SEARCH MODSEQ 5 OLDER 3600 FUZZY (SUBJECT x) FILTER f EMAILID M1 SAVEDSINCE 1-Jan-2020`, `SEARCH {"keys":[{"key":"MODSEQ","number":5},{"key":"OLDER","number":3600},{"key":"FUZZY","keys":[{"key":"AND","keys":[{"key":"SUBJECT","text":"x"}]}]},{"key":"FILTER","text":"f"},{"key":"EMAILID","text":"M1"},{"key":"SAVEDSINCE","text":"1-Jan-2020"}]}`},
	{`a SEARCH RETURN (PARTIAL 1:500 UPDATE) ALL`, `SEARCH {"return":[{"name":"PARTIAL","value":"1:500"},{"name":"UPDATE"}],"keys":[{"key":"ALL"}]}`},
	{`A01 UID SORT RETURN (COUNT) (REVERSE DATE SUBJECT) UTF-8 UNDELETED`, `UID SORT {"return":[{"name":"COUNT"}],"sort":[{"key":"DATE","reverse":true},{"key":"SUBJECT"}],"charset":"UTF-8","keys":[{"key":"UNDELETED"}]}`},
	{`A284 THREAD REFERENCES UTF-8 1:5`, `THREAD {"algorithm":"REFERENCES","charset":"UTF-8","keys":[{"key":"SET","set":"1:5"}]}`},
	{`tag1 ESEARCH IN (mailboxes "folder1" subtree ("folder2" f3)) RETURN (ALL) unseen`, `ESEARCH {"in":[{"filter":"mailboxes","mailboxes":["folder1"]},{"filter":"subtree","mailboxes":["folder2","f3"]}],"return":[{"name":"ALL"}],"keys":[{"key":"UNSEEN"}]}`},
	{`tag2 UID ESEARCH FROM "frobozz" 1:100`, ``},
	{"A003 APPEND saved (\\Seen) {3+}\r\nabc (\\Flagged) \"17-Jul-1996 02:44:25 -0700\" {2}\r\nab", `APPEND {"mailbox":"saved","messages":[{"flags":["\\Seen"],"octets":3},{"flags":["\\Flagged"],"date":"17-Jul-1996 02:44:25 -0700","octets":2}]}`},
	{"A003 APPEND Drafts CATENATE (URL \"/a\" TEXT {4}\r\nabcd TEXT {2+}\r\nxx)", `APPEND {"mailbox":"Drafts","messages":[{"octets":6,"catenate":[{"url":"/a"},{"octets":4},{"octets":2}]}]}`},
	{"a APPEND x UTF8 (~{3}\r\nabc)", `APPEND {"mailbox":"x","messages":[{"octets":3,"binary":true,"utf8":true}]}`},
	{"a APPEND x ANNOTATION (/comment (value.priv \"a\")) ~{3}\r\nabc", `APPEND {"mailbox":"x","messages":[{"other":[{"name":"ANNOTATION","value":"(/comment (value.priv \"a\"))"}],"octets":3,"binary":true}]}`},
	{"R REPLACE 4 Drafts (\\Draft) {2}\r\nab", `REPLACE {"number":4,"mailbox":"Drafts","message":{"flags":["\\Draft"],"octets":2}}`},
	{`t CREATE MyDrafts (USE (\Drafts))`, `CREATE {"mailbox":"MyDrafts","use":["\\Drafts"]}`},
	{`a SETACL INBOX fred +rw`, `SETACL {"mailbox":"INBOX","identifier":"fred","rights":"+rw"}`},
	{`a DELETEACL INBOX Fred`, `DELETEACL {"mailbox":"INBOX","identifier":"Fred"}`},
	{`a SETQUOTA "" (STORAGE 512)`, `SETQUOTA {"root":"","limits":[{"name":"STORAGE","value":"512"}]}`},
	{`a GETMETADATA "INBOX" (/shared/comment /private/comment)`, `GETMETADATA {"mailbox":"INBOX","entries":["/shared/comment","/private/comment"]}`},
	{`a GETMETADATA (DEPTH 1 MAXSIZE 100) "" "/shared/comment"`, `GETMETADATA {"mailbox":"","options":"(DEPTH 1 MAXSIZE 100)","entries":["/shared/comment"]}`},
	{`a GETMETADATA "INBOX" (MAXSIZE 1024) (/shared/comment)`, `GETMETADATA {"mailbox":"INBOX","options":"(MAXSIZE 1024)","entries":["/shared/comment"]}`},
	{"a SETMETADATA INBOX (/private/comment {3}\r\nabc /shared/x NIL)", `SETMETADATA {"mailbox":"INBOX","values":[{"name":"/private/comment","value":"abc"},{"name":"/shared/x","value":null}]}`},
	{`a NOTIFY NONE`, `NOTIFY {"none":true}`},
	{`a NOTIFY SET STATUS (personal (MessageNew MessageExpunge MailboxName)) (subtree Lists NONE)`, `NOTIFY {"status":true,"groups":[{"filter":"personal","events":[{"name":"MessageNew"},{"name":"MessageExpunge"},{"name":"MailboxName"}]},{"filter":"subtree","mailboxes":["Lists"],"events":[]}]}`},
	{`a NOTIFY SET (selected (MessageNew (UID BODY.PEEK[HEADER.FIELDS (FROM)]) MessageExpunge))`, `NOTIFY {"groups":[{"filter":"selected","events":[{"name":"MessageNew","value":"(UID BODY.PEEK[HEADER.FIELDS (FROM)])"},{"name":"MessageExpunge"}]}]}`},
	{`a CONVERT 2 ("TEXT/PLAIN" ("CHARSET" "us-ascii")) BINARY[3]`, `CONVERT {"set":"2","into":"(\"TEXT/PLAIN\" (\"CHARSET\" \"us-ascii\"))","items":[{"item":"BINARY","section":"3"}]}`},
	{`C01 LANGUAGE MUL EN`, `LANGUAGE {"words":["MUL","EN"]}`},
	{`C02 LANGUAGE`, `LANGUAGE {"words":[]}`},
	{`a COMPRESS DEFLATE`, `COMPRESS {"words":["DEFLATE"]}`},
	{`a FETCH 1 (PREVIEW (LAZY) SAVEDATE EMAILID)`, `FETCH {"set":"1","items":[{"item":"PREVIEW","value":"(LAZY)"},{"item":"SAVEDATE"},{"item":"EMAILID"}]}`},
	{`a FETCH 1:4 PREVIEW (LAZY)`, `FETCH {"set":"1:4","items":[{"item":"PREVIEW","value":"(LAZY)"}]}`},
	{`a FETCH 1:4 PREVIEW (CHANGEDSINCE 4)`, `FETCH {"set":"1:4","items":[{"item":"PREVIEW"}],"changedsince":4}`},
	{`a FETCH 1 (X-FOO (a b) UID X-BAR)`, `FETCH {"set":"1","items":[{"item":"X-FOO","value":"(a b)"},{"item":"UID"},{"item":"X-BAR"}]}`},
	{`001 LIST "" ~/mail/%`, `LIST {"reference":"","patterns":["~/mail/%"]}`},
	{`a SEARCH ANNOTATION * value.priv "IMAP4"`, `SEARCH {"keys":[{"key":"ANNOTATION","field":"*","text":"value.priv"}]}`},
	{`a SEARCH RETURN (COUNT UPDATE (UID BODY[HEADER.FIELDS (TO)])) FROM "boss"`, `SEARCH {"return":[{"name":"COUNT"},{"name":"UPDATE","value":"(UID BODY[HEADER.FIELDS (TO)])"}],"keys":[{"key":"FROM","text":"boss"}]}`},
	{`a XNEW "a" (b)`, `XNEW {"text":"\"a\" (b)"}`},
	{`a UID XNEW 5`, `UID {"text":"XNEW 5"}`},
	{`+ x`, `{"text":"+ x"}`},
	{``, `{"text":null}`},
}

func TestCommands(t *testing.T) {
	var p Parser
	for _, c := range plain {
		got, ids := asked(t, &p, lineOf(c.text))
		if c.want != "" && got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.text, got, c.want)
		}
		if len(ids) > 0 {
			t.Errorf("%s: problems %v, want none", c.text, ids)
		}
	}
}
