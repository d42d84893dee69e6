//go:build interop

package interop

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// step are commands that are said where the server offers what they need.
type step struct {
	needs    string // capabilities; "| NO" at the end: a refusal is as good as an OK
	commands []string
}

// literal gives the octets behind their announcement.
func literal(octets string) string { return fmt.Sprintf("{%d}\r\n%s", len(octets), octets) }

// literalPlus is literal without the wait of RFC 7888.
func literalPlus(octets string) string { return fmt.Sprintf("{%d+}\r\n%s", len(octets), octets) }

// odd are messages that a server has to describe somehow.
var odd = []string{
	"no header at all",
	"\r\nno header, but a body\r\n",
	"Subject: only a header\r\n",
	"From: a@b.example, Group: c@d.example, e@f.example;, (comment) \"q \\\" q\" <g@h.example>\r\nTo: undisclosed-recipients:;\r\n" +
		"Date: not a date\r\nSubject: =?utf-8?B?broken\r\nContent-Type: text\r\n\r\nbody\r\n",
	"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/mixed; boundary=ab\r\n\r\n--ab\r\n\r\none\r\n--ab--\r\n--a\r\n" +
		"Content-Type: message/rfc822\r\n\r\nContent-Type: multipart/digest; boundary=d\r\n\r\n--d\r\n\r\nSubject: in a digest\r\n\r\ntext\r\n--d--\r\n\r\n--a--\r\n",
	"Content-Type: multipart/mixed\r\n\r\n--nothing\r\n\r\nno boundary parameter\r\n--nothing--\r\n",
	"Content-Type: image/png; name=\"a \\\"b\\\".png\"\r\nContent-Disposition: attachment; filename*0=long; filename*1=er.png\r\nContent-ID: <x@y>\r\n" +
		"Content-Description: a picture\r\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\nContent-Language: de, fr\r\nContent-Location: http://x.example/y\r\n" +
		"Content-Transfer-Encoding: base64\r\n\r\nAAECAwQFBgc=\r\n",
	"Content-Type: multipart/alternative; boundary=\"\"\r\n\r\n--\r\n\r\nan empty boundary\r\n----\r\n",
	"Message-ID: <1@x.example>\r\nSubject: thread\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\r\n\r\none\r\n",
	"Message-ID: <2@x.example>\r\nIn-Reply-To: <1@x.example>\r\nReferences: <1@x.example>\r\nSubject: Re: thread\r\nDate: Mon, 1 Jan 2024 11:00:00 +0000\r\n\r\ntwo\r\n",
	"Message-ID: <3@x.example>\r\nReferences: <1@x.example> <2@x.example>\r\nSubject: Re: thread\r\nDate: Mon, 1 Jan 2024 12:00:00 +0000\r\n\r\nthree\r\n",
}

// conversation is what is said, in order. Talk is a mailbox of its own.
func conversation() []step {
	steps := []step{
		{"", []string{"NOOP", "CAPABILITY"}},
		{"ID", []string{`ID ("name" "interop" "version" "1.0")`, "ID NIL"}},
		{"ID SNIPPET=FUZZY", []string{`ID ("name" "interop" "os" NIL)`}}, // Dovecot; Cyrus 3.6 crashes of a NIL
		{"", []string{
			`LIST "" *`, `LIST "" %`, `LIST "" "INBOX"`, `LSUB "" *`, "CREATE ${PREFIX}Talk", `CREATE "${PREFIX}Talk${DELIMITER}Sub &AOQ- folder"`,
			"SUBSCRIBE ${PREFIX}Talk", `LSUB "" "*"`, `LIST "" *`, "STATUS INBOX (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)",
		}},
		{"CONDSTORE", []string{"STATUS INBOX (MESSAGES HIGHESTMODSEQ)"}},
		{"STATUS=SIZE", []string{"STATUS INBOX (SIZE)"}},
		{"OBJECTID", []string{"STATUS INBOX (MAILBOXID)"}},
		{"APPENDLIMIT", []string{"STATUS INBOX (APPENDLIMIT)"}},
		{"LIST-EXTENDED", []string{
			`LIST (SUBSCRIBED) "" * RETURN (CHILDREN)`, `LIST (SUBSCRIBED RECURSIVEMATCH) "" "*"`, `LIST () "" ("INBOX" "${PREFIX}Talk*") RETURN (SUBSCRIBED CHILDREN)`,
			`LIST (REMOTE) "" (%)`,
		}},
		{"LIST-STATUS", []string{`LIST "" * RETURN (STATUS (MESSAGES UNSEEN UIDNEXT))`}},
		{"SPECIAL-USE", []string{`LIST (SPECIAL-USE) "" "*"`, `LIST "" * RETURN (SPECIAL-USE)`}},
		{"CREATE-SPECIAL-USE", []string{`CREATE ${PREFIX}Entwurf (USE (\Drafts))`}},
		{"CREATE-SPECIAL-USE | NO", []string{"DELETE ${PREFIX}Entwurf"}},
		{"LIST-MYRIGHTS", []string{`LIST "" * RETURN (MYRIGHTS)`}},
		{"XLIST", []string{`XLIST "" *`}},
		{"QUOTA", []string{"GETQUOTAROOT INBOX"}},
		{"QUOTA | NO", []string{"GETQUOTA ${QUOTAROOT}", "SETQUOTA ${QUOTAROOT} (STORAGE 500000)"}},
		{"ACL", []string{
			"MYRIGHTS INBOX", "GETACL ${PREFIX}Talk", "LISTRIGHTS ${PREFIX}Talk folders", "SETACL ${PREFIX}Talk folders lr", "GETACL ${PREFIX}Talk",
			"SETACL ${PREFIX}Talk folders +s", "DELETEACL ${PREFIX}Talk folders",
		}},
		{"METADATA", []string{
			`SETMETADATA ${PREFIX}Talk (/private/comment "a note")`, "GETMETADATA ${PREFIX}Talk /private/comment",
			"SETMETADATA ${PREFIX}Talk (/private/comment " + literal("several\r\nlines") + ")", "GETMETADATA ${PREFIX}Talk (/private/comment /shared/comment)",
			"GETMETADATA (DEPTH infinity MAXSIZE 1024) ${PREFIX}Talk (/private)", "SETMETADATA ${PREFIX}Talk (/private/comment NIL)",
		}},
		{"SCAN | NO", []string{`SCAN "" * thread`}},
		{"MAILBOX-REFERRALS | NO", []string{`RLIST "" *`, `RLSUB "" *`}},
		{"MULTISEARCH", []string{"ESEARCH IN (mailboxes INBOX) RETURN (COUNT) ALL"}},
	}
	for _, m := range odd {
		steps = append(steps, step{"| NO", []string{"APPEND ${PREFIX}Talk " + literal(m)}})
	}
	for i := range 10 {
		m := string(message(i))
		steps = append(steps,
			step{"LITERAL+", []string{fmt.Sprintf(`APPEND ${PREFIX}Talk (\Seen $Label%d) "%2d-Jan-2024 10:00:00 +0100" %s`, i, i+1, literalPlus(m))}},
			step{"!LITERAL+", []string{`APPEND ${PREFIX}Talk (\Seen) " 1-Jan-2024 10:00:00 +0100" ` + literal(m)}})
	}
	small := string(smallMessage(0))
	steps = append(steps,
		step{"MULTIAPPEND", []string{`APPEND ${PREFIX}Talk (\Flagged) ` + literal(small) + ` (\Draft) "02-Feb-2024 10:00:00 +0000" ` + literal(small)}},
		step{"CATENATE", []string{`APPEND ${PREFIX}Talk (\Flagged) CATENATE (TEXT ` + literal(small) + ` TEXT ` + literal("and more\r\n") + `)`}},
		step{"BINARY", []string{`APPEND ${PREFIX}Talk (\Flagged) ~` + literal(small)}},
		step{"", []string{"EXAMINE ${PREFIX}Talk"}},
		step{"UNSELECT", []string{"UNSELECT"}},
		step{"", []string{"SELECT ${PREFIX}Talk"}},
		step{"", fetches("FETCH 1:*", "ALL", "FAST", "FULL", "ENVELOPE", "BODY", "BODYSTRUCTURE", "(UID FLAGS INTERNALDATE RFC822.SIZE)",
			"BODY.PEEK[HEADER.FIELDS (SUBJECT \"From\")]", "BODY.PEEK[HEADER.FIELDS.NOT (RECEIVED)]", "(BODY.PEEK[HEADER] BODY.PEEK[TEXT]<0.100>)",
			"BODY.PEEK[1]", "(BODY.PEEK[1.MIME] BODY.PEEK[2.1] BODY.PEEK[2.HEADER])", "BODY.PEEK[]<10.20>")},
		step{"", fetches("UID FETCH 1:3,5", "(FLAGS)", "RFC822.HEADER", "RFC822.TEXT", "RFC822", "BODY[]<0.1>", "(BODY[]<100000.5> BODY[7.7])")},
		step{"BINARY", fetches("FETCH 1:3", "BINARY.SIZE[1]", "BINARY.PEEK[1]", "BINARY.PEEK[1]<0.5>")},
		step{"OBJECTID", fetches("FETCH 1:3", "(EMAILID THREADID)")},
		step{"SAVEDATE", fetches("FETCH 1:3", "SAVEDATE")},
		step{"PREVIEW", fetches("FETCH 1:3", "PREVIEW", "PREVIEW (LAZY)")},
		step{"PREVIEW=FUZZY", fetches("FETCH 1:3", "PREVIEW (FUZZY)")},
		step{"SNIPPET=FUZZY", fetches("FETCH 1:3", "SNIPPET (FUZZY)")},
		step{"", searches("SEARCH ", "ALL", "NEW", "UNSEEN FLAGGED", "OR (SUBJECT thread) NOT BODY \"one two\"", "1:* LARGER 1000 SMALLER 900000",
			"SINCE 1-Jan-2020 BEFORE 31-Dec-2030 SENTON 1-Jan-2024", "HEADER Message-ID <1@x.example>", "KEYWORD $Label1 UNKEYWORD $Label2",
			"CHARSET UTF-8 TEXT "+literal("Grüße"), "UID 1:5,9:*", "FROM \"nobody at all\"")},
		step{"", searches("UID SEARCH ", "ALL", "DELETED")},
		step{"WITHIN", searches("SEARCH ", "OLDER 10", "YOUNGER 100000")},
		step{"CONDSTORE", searches("SEARCH ", "MODSEQ 1", "MODSEQ \"/flags/\\\\draft\" all 1")},
		step{"ESEARCH", searches("SEARCH ", "RETURN (MIN MAX COUNT ALL) ALL", "RETURN () UNSEEN", "RETURN (COUNT) SUBJECT \"nothing of it\"")},
		step{"ESEARCH", searches("UID SEARCH ", "RETURN (MIN MAX COUNT ALL) ALL", "RETURN (ALL) DELETED")},
		step{"ESEARCH CONDSTORE", searches("SEARCH ", "RETURN (ALL) MODSEQ 1")},
		step{"SEARCHRES", append(searches("SEARCH ", "RETURN (SAVE) SEEN", "RETURN (SAVE MIN) ALL"), "FETCH $ (FLAGS)")},
		step{"CONTEXT=SEARCH", searches("UID SEARCH ", "RETURN (PARTIAL 1:2) ALL", "RETURN (UPDATE COUNT) ALL")},
		step{"SEARCH=FUZZY | NO", searches("SEARCH ", "FUZZY SUBJECT thread")},
		step{"ANNOTATE-EXPERIMENT-1 | NO", []string{"FETCH 1:2 (ANNOTATION (/comment (value size)))", `STORE 1 ANNOTATION (/comment (value.priv "mine"))`}},
		step{"URLAUTH | NO", []string{`GENURLAUTH "imap://talk@localhost/INBOX/;UID=1;URLAUTH=anonymous" INTERNAL`, "RESETKEY INBOX INTERNAL", "RESETKEY"}},
		step{"SORT", searches("SORT ", "(REVERSE DATE SUBJECT) UTF-8 ALL", "(ARRIVAL) US-ASCII UNDELETED", "(FROM TO CC SIZE) UTF-8 SUBJECT \"nothing of it\"")},
		step{"SORT", searches("UID SORT ", "(SUBJECT) UTF-8 ALL")},
		step{"SORT=DISPLAY", searches("SORT ", "(DISPLAYFROM DISPLAYTO) UTF-8 ALL")},
		step{"ESORT", searches("SORT ", "RETURN (MIN MAX COUNT ALL) (DATE) UTF-8 ALL")},
		step{"THREAD=REFERENCES", []string{"THREAD REFERENCES UTF-8 ALL", "UID THREAD REFERENCES UTF-8 SUBJECT \"nothing of it\""}},
		step{"THREAD=ORDEREDSUBJECT", []string{"THREAD ORDEREDSUBJECT US-ASCII ALL"}},
		step{"THREAD=REFS", []string{"THREAD REFS UTF-8 ALL"}},
		step{"", []string{
			`STORE 1 +FLAGS (\Flagged $Label1 Own)`, `STORE 1:2 FLAGS.SILENT (\Seen)`, `STORE 2 -FLAGS \Seen`, `UID STORE 1:* +FLAGS.SILENT (\Answered)`,
			"COPY 1:3 ${PREFIX}Talk", "UID COPY 4 INBOX", "NOOP", `UID STORE 1 +FLAGS (\Deleted)`,
		}},
		step{"UIDPLUS", []string{"UID EXPUNGE 1"}},
		step{"MOVE", []string{`MOVE 1 "${PREFIX}Talk${DELIMITER}Sub &AOQ- folder"`, `UID MOVE 3:4 "${PREFIX}Talk${DELIMITER}Sub &AOQ- folder"`}},
		step{"REPLACE", []string{`REPLACE 1 ${PREFIX}Talk ` + literal(small)}},
		step{"", []string{`STORE 1:2 +FLAGS.SILENT (\Deleted)`, "EXPUNGE", "CHECK", `STORE 1 +FLAGS (\Deleted)`, "CLOSE"}},
		step{"CONDSTORE", []string{
			"SELECT ${PREFIX}Talk (CONDSTORE)", "FETCH 1:3 (FLAGS MODSEQ)", "FETCH 1:* (FLAGS) (CHANGEDSINCE 1)", `STORE 1 (UNCHANGEDSINCE 1) +FLAGS.SILENT (\Flagged)`,
			`STORE 1 (UNCHANGEDSINCE ${MODSEQ}) +FLAGS (\Draft)`, "CLOSE",
		}},
	)
	return append(steps,
		step{"ENABLE QRESYNC", []string{
			"ENABLE CONDSTORE QRESYNC", "SELECT ${PREFIX}Talk", `STORE 2:3 +FLAGS.SILENT (\Deleted)`, "EXPUNGE", "CLOSE",
			"SELECT ${PREFIX}Talk (QRESYNC (${UIDVALIDITY} 1 1:30))", "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)", "SELECT INBOX",
		}},
		step{"", []string{`SELECT ${PREFIX}Talk`, "NOOP"}},
	)
}

// farewell is said at the end, behind what needs two connections.
var farewell = []step{
	{"", []string{
		`RENAME "${PREFIX}Talk${DELIMITER}Sub &AOQ- folder" ${PREFIX}Other`, "UNSUBSCRIBE ${PREFIX}Talk", "SELECT INBOX", "DELETE ${PREFIX}Other", "DELETE ${PREFIX}Talk",
	}},
}

// inUTF8 is said on a connection of its own (RFC 6855).
var inUTF8 = []step{
	{"", []string{
		"ENABLE UTF8=ACCEPT", `CREATE "${PREFIX}Entwürfe"`, `LIST "" *`, `STATUS "${PREFIX}Entwürfe" (MESSAGES)`, `SELECT "${PREFIX}Entwürfe"`,
		"APPEND \"${PREFIX}Entwürfe\" " + literal("From: Jürgen <jürgen@example.org>\r\nSubject: Grüße\r\n\r\nÀ demain\r\n"),
		"NOOP", "FETCH 1:* (ENVELOPE BODYSTRUCTURE BODY.PEEK[])", `SEARCH SUBJECT "Grüße"`, "SELECT INBOX", "FETCH 1:* (ENVELOPE BODYSTRUCTURE)",
		`DELETE "${PREFIX}Entwürfe"`,
	}},
}

func fetches(what string, items ...string) []string { return searches(what+" ", items...) }

func searches(command string, rest ...string) []string {
	var some []string
	for _, r := range rest {
		some = append(some, command+r)
	}
	return some
}

// TestTalkIMAP says to each server all that it offers and understands.
func TestTalkIMAP(t *testing.T) {
	for _, s := range []*server{lab.open, lab.cyrus, lab.courier} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			r := startProxy(t, proxyOptions{upstreams: []string{s.url("imap", "tls")}, listen: []string{"imaps"}})
			k := startTalk(t, r.ports[0], accountOf("talk"))
			k.sayAll(conversation())
			if k.has("IDLE") {
				k.idle(startTalk(t, r.ports[0], accountOf("talk")))
			}
			if k.has("NOTIFY") {
				k.must("NOTIFY SET (selected (MessageNew (UID FLAGS) MessageExpunge)) (personal (MessageNew MessageExpunge MailboxName))")
				k.must("CREATE ${PREFIX}Noted")
				k.must("DELETE ${PREFIX}Noted")
				k.must("NOTIFY NONE")
			}
			if k.has("COMPRESS=DEFLATE") {
				k.compress()
				k.must("FETCH 1:* (ENVELOPE BODYSTRUCTURE)")
			}
			k.sayAll(farewell)
			k.logout()
			if k.has("UTF8=ACCEPT") {
				k = startTalk(t, r.ports[0], accountOf("talk"))
				k.sayAll(inUTF8)
				k.logout()
			}
			shown := r.finish(t)
			if bad := troubles(shown); bad != nil {
				t.Errorf("%d events of trouble, the first %v", len(bad), bad[0])
			}
			judge(t, s.name, "talk", "tls", shown)
			t.Logf("%d commands; capabilities %v", len(ofKind(shown, "command")), slices.Sorted(maps.Keys(k.offers)))
		})
	}
}

func (k *talk) sayAll(steps []step) {
	k.t.Helper()
	for _, s := range steps {
		needs, refusable := strings.CutSuffix(s.needs, "| NO")
		if !k.has(needs) {
			continue
		}
		for _, c := range s.commands {
			_, completion := k.say(c)
			if !strings.HasPrefix(completion, "OK") && !(refusable && strings.HasPrefix(completion, "NO")) {
				k.t.Errorf("%s: %s", bounded(k.last), completion)
			}
		}
	}
}

// idle waits for what another connection does, in IDLE (RFC 2177).
func (k *talk) idle(other *talk) {
	k.t.Helper()
	tag := k.send("IDLE")
	for !strings.HasPrefix(k.response(), "+") {
	}
	other.must("APPEND ${PREFIX}Talk " + literal(string(smallMessage(1))))
	for !strings.HasSuffix(k.response(), " EXISTS") {
	}
	k.write("DONE\r\n")
	if _, completion := k.await(tag); !strings.HasPrefix(completion, "OK") {
		k.t.Errorf("IDLE: %s", completion)
	}
	other.logout()
}
