package imap_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap"
	"github.com/mailtrace/mailtrace/decode/imap/meaning"
	"github.com/mailtrace/mailtrace/decode/internal/decodetest"
)

// script gives the chunks of lines that begin with "C: " or "S: ", and of octets without a line
// end that begin with "c: " or "s: ".
func script(text string) (chunks []decodetest.Chunk) {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if len(line) < 3 {
			continue
		}
		d, p := decode.Server, strings.ReplaceAll(line[3:], `\r\n`, "\r\n")
		if line[0] == 'C' || line[0] == 'c' {
			d = decode.Client
		}
		if line[0] < 'a' {
			p += "\r\n"
		}
		if n := len(chunks); n > 0 && chunks[n-1].Dir == d {
			chunks[n-1].Octets = append(chunks[n-1].Octets, p...)
		} else {
			chunks = append(chunks, decodetest.Chunk{Dir: d, Octets: []byte(p)})
		}
	}
	return chunks
}

// eventsOf plays a script behind a login and gives its events, each a copy.
func eventsOf(o decode.Options, text string) (events []decode.Event) {
	s := imap.New(o)
	now := decodetest.Epoch
	for _, c := range append(script("S: * PREAUTH [CAPABILITY IMAP4rev1 IMAP4rev2 UIDPLUS MOVE ENABLE IDLE ESEARCH QRESYNC CONDSTORE LITERAL+] hi\n"), script(text)...) {
		for _, line := range bytes.SplitAfter(c.Octets, []byte("\n")) {
			now = now.Add(time.Second)
			_, _, got := s.Write(c.Dir, now, line)
			for i := range got {
				events = append(events, got[i].Clone())
			}
		}
	}
	for _, d := range []decode.Dir{decode.Client, decode.Server} {
		events = append(events, s.Close(d, now)...)
	}
	return events
}

// found gives the findings of a script by ID, those of the family imap and mailtrace.
func found(text string) (ids []string, facts []string) {
	for _, e := range eventsOf(decode.Options{TLS: true}, text) {
		for _, f := range e.Findings {
			if strings.HasPrefix(f.ID, "imap.") || strings.HasPrefix(f.ID, "mailtrace.") {
				ids = append(ids, f.ID)
				facts = append(facts, fmt.Sprintf("%s %s@%d+%d %s", f.ID, f.Dir, f.Span.Off, f.Span.Len, f.Fact))
			}
		}
	}
	return ids, facts
}

// selected opens a mailbox of three messages.
const selected = `C: a1 SELECT INBOX
S: * FLAGS (\Seen \Deleted)
S: * 3 EXISTS
S: * OK [UIDVALIDITY 7] v
S: * OK [UIDNEXT 10] n
S: * OK [HIGHESTMODSEQ 90] m
S: a1 OK [READ-WRITE] done
`

const known = selected + `C: a2 FETCH 1:3 (UID FLAGS)
S: * 1 FETCH (UID 2 FLAGS (\Seen))
S: * 2 FETCH (UID 5 FLAGS ())
S: * 3 FETCH (UID 9 FLAGS (\Deleted))
S: a2 OK done
`

// again opens the mailbox anew, with other values.
func again(validity, next, modseq int) string {
	return fmt.Sprintf(`C: b1 SELECT inbox
S: * OK [CLOSED] closed
S: * FLAGS (\Seen)
S: * 3 EXISTS
S: * OK [UIDVALIDITY %d] v
S: * OK [UIDNEXT %d] n
S: * OK [HIGHESTMODSEQ %d] m
S: b1 OK [READ-WRITE] done
`, validity, next, modseq)
}

func fetched(args, data string) string {
	return "C: f1 " + args + "\nS: " + data + "\nS: f1 OK done\n"
}

const hello = "Subject: hi\\r\\n\\r\\nhello\\r\\n" // 22 octets

// Each rule fires where the mailbox is contradicted, and is silent on the twin that is not.
func TestFindingsOfTheMailbox(t *testing.T) {
	for _, c := range []struct{ id, bad, good string }{
		{"imap.uidvalidity-changed", selected + again(8, 10, 90), selected + again(7, 10, 90)},
		{"imap.uidvalidity-backwards", selected + again(6, 10, 90), selected + again(8, 1, 1)},
		{"imap.uidnext-backwards", selected + again(7, 9, 90), selected + again(7, 11, 91)},
		{"imap.uidnext-backwards", known + "C: a3 NOOP\nS: * 4 EXISTS\nS: a3 OK done\n" + again(7, 10, 90), known + again(7, 10, 90)},
		{"imap.modseq-backwards", selected + again(7, 10, 89), selected + again(7, 10, 91)},
		{"imap.uidnext-missing", strings.ReplaceAll(selected, "S: * OK [UIDNEXT 10] n\n", ""), selected},
		{"imap.uid-beyond-uidnext", selected + fetched("FETCH 3 UID", "* 3 FETCH (UID 10)"), selected + fetched("FETCH 3 UID", "* 3 FETCH (UID 9)")},
		{
			"imap.uid-beyond-uidnext", selected + "C: a3 NOOP\nS: * 4 EXISTS\nS: a3 OK done\n" + fetched("FETCH 3 UID", "* 3 FETCH (UID 11)"),
			selected + "C: a3 NOOP\nS: * 1 EXPUNGE\nS: * 4 EXISTS\nS: a3 OK done\n" + fetched("FETCH 3 UID", "* 3 FETCH (UID 11)"),
		},
		{"imap.uid-order", known + fetched("FETCH 1:3 UID", "* 3 FETCH (UID 9)\nS: * 4 EXISTS\nS: * 4 FETCH (UID 9)"), known + fetched("FETCH 1:3 UID", "* 3 FETCH (UID 9)\nS: * 4 EXISTS\nS: * 4 FETCH (UID 10)")},
		{"imap.uid-moved", known + fetched("FETCH 2 UID", "* 2 FETCH (UID 6)"), known + "C: a3 EXPUNGE\nS: * 2 EXPUNGE\nS: a3 OK done\n" + fetched("FETCH 2 UID", "* 2 FETCH (UID 9)")},
		{"imap.exists-shrinks", known + "C: a3 NOOP\nS: * 2 EXISTS\nS: a3 OK done\n", known + "C: a3 NOOP\nS: * 3 EXPUNGE\nS: * 2 EXISTS\nS: a3 OK done\n"},
		{"imap.exists-shrinks", known + "C: a3 NOOP\nS: * 2 EXISTS\nS: a3 OK done\n", known + "C: a3 SELECT x\nS: * OK [CLOSED] c\nS: * 1 EXISTS\nS: * OK [UIDVALIDITY 1] v\nS: * OK [UIDNEXT 9] n\nS: a3 OK done\n"},
		{"imap.expunge-beyond-exists", known + "C: a3 EXPUNGE\nS: * 4 EXPUNGE\nS: a3 OK done\n", known + "C: a3 EXPUNGE\nS: * 3 EXPUNGE\nS: * 2 EXPUNGE\nS: * 1 EXPUNGE\nS: a3 OK done\n"},
		{
			"imap.vanished-unknown", known + "C: a3 ENABLE QRESYNC\nS: * ENABLED QRESYNC\nS: a3 OK done\nC: a4 UID EXPUNGE 6\nS: * VANISHED 6\nS: a4 OK done\n",
			known + "C: a3 ENABLE QRESYNC\nS: * ENABLED QRESYNC\nS: a3 OK done\nC: a4 UID EXPUNGE 2:5\nS: * VANISHED (EARLIER) 1:100\nS: * VANISHED 2,5\nS: a4 OK done\n" + fetched("FETCH 1 UID", "* 1 FETCH (UID 9)"),
		},
		{"imap.fetch-beyond-exists", selected + fetched("FETCH 1:* FLAGS", "* 4 FETCH (FLAGS ())"), selected + fetched("FETCH 1:* FLAGS", "* 4 EXISTS\nS: * 4 FETCH (FLAGS ())")},
		{"imap.size", selected + fetched("FETCH 1 (RFC822.SIZE BODY.PEEK[])", "* 1 FETCH (RFC822.SIZE 30 BODY[] {22}\ns: "+hello+"\nS: )"), selected + fetched("FETCH 1 (RFC822.SIZE BODY.PEEK[])", "* 1 FETCH (RFC822.SIZE 22 BODY[] {22}\ns: "+hello+"\nS: )")},
		{
			"imap.size", selected + fetched("FETCH 1 RFC822.SIZE", "* 1 FETCH (RFC822.SIZE 30)") + fetched("FETCH 1 BODY.PEEK[]", "* 1 FETCH (BODY[] {22}\ns: "+hello+"\nS: )"),
			selected + fetched("FETCH 1 RFC822.SIZE", "* 1 FETCH (RFC822.SIZE 30)") + "C: a5 EXPUNGE\nS: * 1 EXPUNGE\nS: a5 OK done\n" + fetched("FETCH 1 BODY.PEEK[]", "* 1 FETCH (BODY[] {22}\ns: "+hello+"\nS: )"),
		},
		{
			"imap.size", selected + fetched("FETCH 1 (RFC822.SIZE BODY.PEEK[])", "* 1 FETCH (RFC822.SIZE 30 BODY[] {22}\ns: "+hello+"\nS: )"),
			selected + fetched("FETCH 1 (RFC822.SIZE BODY.PEEK[]<0.22>)", "* 1 FETCH (RFC822.SIZE 30 BODY[]<0> {22}\ns: "+hello+"\nS: )"),
		},
		{"imap.bodystructure-octets", structured("8", "1", "BODY.PEEK[1]", "BODY[1] {7}\ns: hello\\r\\n"), structured("7", "1", "BODY.PEEK[1]", "BODY[1] {7}\ns: hello\\r\\n")},
		{"imap.bodystructure-octets", structured("8", "1", "BODY.PEEK[]", "BODY[] {22}\ns: "+hello), structured("7", "1", "BODY.PEEK[]", "BODY[] {22}\ns: "+hello)},
		{"imap.bodystructure-lines", structured("7", "4", "BODY.PEEK[]", "BODY[] {22}\ns: "+hello), structured("7", "2", "BODY.PEEK[]", "BODY[] {22}\ns: "+hello)},
		{"imap.item-missing", known + fetched("UID FETCH 5 BODY.PEEK[2]", "* 2 FETCH (UID 5)"), known + fetched("UID FETCH 5 BODY.PEEK[2]", "* 2 FETCH (UID 5 BODY[2] NIL)")},
		{"imap.item-missing", known + fetched("FETCH 2 BODY.PEEK[2]", "* 2 FETCH (FLAGS ())"), known + fetched("FETCH 2 BODY.PEEK[2]", "* 1 FETCH (FLAGS ())")},
		{"imap.search-for-esearch", selected + "C: a5 SEARCH RETURN (ALL) ALL\nS: * SEARCH 1 2\nS: a5 OK done\n", selected + "C: a5 SEARCH RETURN (ALL) ALL\nS: * ESEARCH (TAG \"a5\") ALL 1:2\nS: a5 OK done\nC: a6 SEARCH ALL\nS: * SEARCH 1 2\nS: a6 OK done\n"},
		{"imap.copyuid-count", known + "C: a5 COPY 1:3 x\nS: a5 OK [COPYUID 1 2,5,9 1:2] done\n", known + "C: a5 COPY 1:3 x\nS: a5 OK [COPYUID 1 2,5,9 1:3] done\n"},
		{"imap.crlf-reflected", "C: a5 DELETE {14+}\nc: no\\r\\nthat there\nC: \nS: a5 NO nothing like no\nS: that there\n", "C: a5 DELETE {14+}\nc: no\\r\\nthat there\nC: \nS: a5 NO nothing like it\n"},
		{"mailtrace.mailbox-too-large", strings.ReplaceAll(selected, "3 EXISTS", "1048577 EXISTS"), strings.ReplaceAll(selected, "3 EXISTS", "1048576 EXISTS")},
	} {
		t.Run(c.id, func(t *testing.T) {
			if ids, facts := found(c.bad); !slices.Contains(ids, c.id) {
				t.Errorf("not found in\n%s\n%s", c.bad, strings.Join(facts, "\n"))
			} else if n := len(ids); n > 2 {
				t.Errorf("%d findings of one mistake:\n%s", n, strings.Join(facts, "\n"))
			}
			if ids, facts := found(c.good); slices.Contains(ids, c.id) {
				t.Errorf("found in the twin\n%s\n%s", c.good, strings.Join(facts, "\n"))
			}
			for _, text := range []string{c.bad, c.good} {
				decodetest.Properties(t, imap.New, script("S: * PREAUTH [CAPABILITY IMAP4rev1] hi\n"+text), func(n int) int { return n / 3 })
			}
		})
	}
}

// structured fetches the part tree of a message of one part, and then its content.
func structured(octets, lines, item, content string) string {
	return known + fetched("FETCH 2 BODYSTRUCTURE", `* 2 FETCH (BODYSTRUCTURE ("TEXT" "PLAIN" NIL NIL NIL "7BIT" `+octets+" "+lines+" NIL NIL NIL NIL))") +
		fetched("UID FETCH 5 "+item, "* 2 FETCH (UID 5 "+content+"\nS: )")
}

// What is known of the mailbox stands in the Details.
func TestDetailsOfTheMailbox(t *testing.T) {
	events := eventsOf(decode.Options{TLS: true}, known+`C: a3 IDLE
S: + idling
S: * 4 EXISTS
S: * 6 EXISTS
C: DONE
S: a3 OK done
C: a4 UID STORE 5 +FLAGS.SILENT (\Deleted)
S: a4 OK done
C: a5 UID EXPUNGE 5
S: * 2 EXPUNGE
S: a5 OK done
C: a6 FETCH 2 FLAGS
S: * 2 FETCH (FLAGS (\Seen))
S: a6 OK done
C: a7 MOVE 2 Trash
S: * OK [COPYUID 4 9 77] moved
S: * 2 EXPUNGE
S: a7 OK done
C: a7 UID SEARCH ALL
S: * SEARCH 2 3 4 9
S: a7 OK found
C: a7 SEARCH RETURN (COUNT ALL) ALL
S: * ESEARCH (TAG "a7") COUNT 2 ALL 3:4
S: a7 OK found
C: a7 STATUS x (MESSAGES UNSEEN)
S: * STATUS x (MESSAGES 1200 UNSEEN 2 UIDNEXT 77)
S: a7 OK status
C: a8 CLOSE
S: a8 OK done
`)
	said := map[string]any{}
	notes := map[string]string{}
	for i := range events {
		e := &events[i]
		key := e.Dir.String() + ": " + string(e.Text)
		if said[key] != nil {
			key += " again"
		}
		said[key], notes[key] = e.Detail, imap.Protocol.Note(e)
	}
	for key, want := range map[string]string{
		"S: * 4 EXISTS":        "push after 1.0 s · 1 new: seq 4, UID ≥ 10",
		"S: * 6 EXISTS":        "push after 1.0 s · 2 new: seq 5–6",
		"S: * 2 EXPUNGE":       "seq 2 (UID 5) gone · 3–6 are now 2–5",
		"S: * 2 EXPUNGE again": "seq 2 (UID 9) gone · 3–5 are now 2–4",
		"C: a4 UID STORE 5 +FLAGS.SILENT (\\Deleted)":       "mark UID 5 (seq 2) deleted",
		"C: a5 UID EXPUNGE 5":                               "remove it for good (UIDPLUS)",
		"S: * 2 FETCH (FLAGS (\\Seen))":                     "seq 2 is UID 9",
		"S: * OK [COPYUID 4 9 77] moved":                    "UID 9 became 77",
		"C: a8 CLOSE":                                       "close the mailbox; drop \\Deleted messages",
		"S: a7 OK done":                                     "4 messages left",
		"S: * SEARCH 2 3 4 9":                               "4 messages: UID 2:4,9",
		"S: * ESEARCH (TAG \"a7\") COUNT 2 ALL 3:4":         "2 messages · seq 3:4",
		"S: * STATUS x (MESSAGES 1200 UNSEEN 2 UIDNEXT 77)": "1,200 messages · 2 unseen · next UID 77",
	} {
		if got := notes[key]; got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if d, ok := said["S: * 2 FETCH (FLAGS (\\Seen))"].(*meaning.Fetched); !ok || d.Number != 2 || d.KnownUID != 9 {
		t.Errorf("%+v", said["S: * 2 FETCH (FLAGS (\\Seen))"])
	}
	if d, ok := said["S: * 2 EXPUNGE"].(*meaning.Gone); !ok || d.UID != 5 || d.NextUID != 9 || d.Left != 5 {
		t.Errorf("%+v", said["S: * 2 EXPUNGE"])
	}
}

// Without Details the findings are the same.
func TestBareFindsTheSame(t *testing.T) {
	text := known + fetched("FETCH 2 UID", "* 2 FETCH (UID 6)") + "C: a3 NOOP\nS: * 2 EXISTS\nS: * VANISHED 99\nS: * 9 EXPUNGE\nS: a3 OK done\n" + again(6, 1, 1)
	of := func(o decode.Options) (all []string) {
		for _, e := range eventsOf(o, text) {
			for _, f := range e.Findings {
				all = append(all, fmt.Sprint(f))
			}
		}
		return all
	}
	decodetest.Same(t, "bare", of(decode.Options{TLS: true}), of(decode.Options{TLS: true, Bare: true}))
}

// A logical line with literals is read as one, and what is wrong is found where it stands.
func TestLiteralsOfALogicalLine(t *testing.T) {
	const head = "S: * PREAUTH hi\n"
	text := `C: a1 SELECT {5}
S: + go
c: INBOX
C: 
S: * 1 EXISTS
S: a1 OK done
C: a2 FETCH 1 ENVELOPE
S: * 1 FETCH (ENVELOPE (NIL {5}
s: a"b\c
S:  NIL NIL NIL NIL NIL NIL {2}
s: id
S:  NIL)  FLAGS ())
S: a2 OK done
`
	chunks := script(head + text)
	r := decodetest.Run(imap.New, decode.Options{}, chunks, nil, true)
	all := strings.Join(r.Events, "\n")
	if !strings.Contains(all, `"in_reply_to":"id"`) || !strings.Contains(all, `"subject":"a\"b\\c"`) {
		t.Errorf("the envelope is not whole:\n%s", all)
	}
	server := decodetest.Joined(chunks, decode.Server)
	at := strings.Index(string(server), "  FLAGS")
	if want := fmt.Sprintf("imap.extra-space S@%d+", at+1); !strings.Contains(all, want) {
		t.Errorf("no %s in\n%s", want, all)
	}
	decodetest.Properties(t, imap.New, chunks, func(n int) int { return n / 3 })
}

// Octets that are missing inside a literal cost no more than the literal; others what is known of
// the mailbox, and nothing is held against what follows.
func TestMailboxBehindAGap(t *testing.T) {
	for name, c := range map[string]struct {
		before, behind string
		uid            int64
	}{
		"inside a literal": {"* 1 FETCH (UID 2 BODY[] {22}\r\nSubject: h", "o\r\n)\r\n", 5},
		"between lines":    {"* 1 FETCH (UID 2)\r\n", "EXISTS\r\n* 2 EXISTS\r\n", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := imap.New(decode.Options{TLS: true})
			var events []decode.Event
			for _, c := range script("S: * PREAUTH hi\n" + known + "C: a4 FETCH 1 BODY[]\n") {
				s.Write(c.Dir, decodetest.Epoch, c.Octets)
			}
			s.Write(decode.Server, decodetest.Epoch, []byte(c.before))
			s.Gap(decode.Server, decodetest.Epoch, 22-10-3)
			_, _, events = s.Write(decode.Server, decodetest.Epoch, []byte(c.behind+"a4 OK\r\n* 2 EXPUNGE\r\n"))
			last := events[len(events)-1]
			if d, ok := last.Detail.(*imap.Gone); !ok || d.UID != c.uid {
				t.Errorf("%+v", last.Detail)
			}
			for _, e := range events {
				for _, f := range e.Findings {
					if f.ID == "imap.exists-shrinks" || f.ID == "imap.expunge-beyond-exists" {
						t.Errorf("%+v", f)
					}
				}
			}
		})
	}
}

// What is wrong with every line is said of the first of them.
func TestFindingsOfARuleAreFew(t *testing.T) {
	text := selected + "C: a2 FETCH 1:* FLAGS\n" + strings.Repeat("S: * 9 FETCH (FLAGS  ())\n", 1000)
	ids, _ := found(text)
	times := map[string]int{}
	for _, id := range ids {
		times[id]++
	}
	if times["imap.fetch-beyond-exists"] != 20 || times["imap.extra-space"] != 20 {
		t.Errorf("%v", times)
	}
}
