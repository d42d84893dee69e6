package imap_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap"
	"github.com/mailtrace/mailtrace/decode/internal/decodetest"
)

// noted plays chunks and gives each event with its note, where it has one.
func noted(chunks []decodetest.Chunk) []string {
	var lines []string
	session := imap.New(decode.Options{})
	add := func(events []decode.Event) {
		for i := range events {
			e := events[i].Clone()
			note := imap.Protocol.Note(&e)
			if note == "" {
				continue
			}
			text := e.Text
			if len(text) > 60 {
				text = append(text[:60:60], "…"...)
			}
			lines = append(lines, fmt.Sprintf("%-2s %-60q %s", e.Dir, text, note))
		}
	}
	for _, c := range chunks {
		for p := c.Octets; len(p) > 0; {
			n, next, events := session.Write(c.Dir, decodetest.Epoch, p)
			add(events)
			if p = p[n:]; n == 0 || next == decode.TLSHere {
				break
			}
		}
	}
	add(session.Close(decode.Client, decodetest.Epoch))
	add(session.Close(decode.Server, decodetest.Epoch))
	return lines
}

// A note has little room on the screen.
const roomOfNotes = 41

func TestNotes(t *testing.T) {
	var lines []string
	for _, path := range transcripts(t) {
		lines = append(lines, "", filepath.Base(path))
		lines = append(lines, noted(decodetest.Load(t, path))...)
	}
	decodetest.Golden(t, "testdata/notes.golden", lines, *update)
}

// Every command and response code says something short.
func TestNotesAreShort(t *testing.T) {
	commands := []string{
		"CAPABILITY", "NOOP", "LOGOUT", "STARTTLS", "AUTHENTICATE PLAIN AHUxAHNlY3JldA==", "LOGIN u1 secret", "LOGIN {2+}\r\nu1 secret", "ENABLE CONDSTORE", "SELECT INBOX",
		"EXAMINE \"Sent Items\"", "CREATE x", "DELETE x", "RENAME x y", "SUBSCRIBE x", "UNSUBSCRIBE x", "LIST \"\" *", "LSUB \"\" *", "XLIST \"\" *", "NAMESPACE",
		"STATUS x (MESSAGES)", "APPEND x {0+}\r\n", "IDLE\r\nDONE", "CHECK", "CLOSE", "UNSELECT", "EXPUNGE", "UID EXPUNGE 1:2", "SEARCH ALL", "UID SEARCH ALL", "FETCH 1 FLAGS",
		"FETCH 1:* (UID RFC822.SIZE ENVELOPE)", "UID FETCH 1:100 BODY.PEEK[]", "UID FETCH 12345 BODY[]", "FETCH 1 BODY.PEEK[]<0.65536>", "FETCH 1 BODY.PEEK[HEADER]",
		"FETCH 1 BODYSTRUCTURE", "FETCH 1 ALL", "STORE 1 +FLAGS (\\Deleted)", "UID STORE 1:20 -FLAGS.SILENT (\\Seen)", "STORE 1 FLAGS ()", "COPY 1 x", "UID COPY 1 x", "MOVE 1 x",
		"UID MOVE 1 x", "SORT (DATE) UTF-8 ALL", "UID SORT (DATE) UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL", "UID THREAD REFERENCES UTF-8 ALL", "ID NIL", "COMPRESS DEFLATE",
		"UNAUTHENTICATE", "NOTIFY NONE", "GETQUOTA x", "GETQUOTAROOT x", "GETACL x", "MYRIGHTS x", "GETMETADATA x y", "SETMETADATA x (y NIL)", "XAPPLEPUSHSERVICE a",
	}
	check := func(note string) {
		t.Helper()
		if n := utf8.RuneCountInString(note); n > roomOfNotes {
			t.Errorf("%d columns: %s", n, note)
		}
	}
	for _, c := range commands {
		session := imap.New(decode.Options{})
		session.Write(decode.Server, decodetest.Epoch, []byte("* PREAUTH hi\r\n"))
		_, _, events := session.Write(decode.Client, decodetest.Epoch, []byte("a1 "+c+"\r\n"))
		if note := imap.Protocol.Note(&events[0]); note == "" && !strings.HasPrefix(c, "ENABLE") {
			t.Errorf("nothing to say of %s", c)
		}
		for i := range events {
			check(imap.Protocol.Note(&events[i]))
		}
	}
	for _, code := range []string{
		"ALERT", "ALREADYEXISTS", "APPENDUID 1 2", "AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "CANNOT", "CLIENTBUG", "CLOSED", "CONTACTADMIN", "COPYUID 1 2 3",
		"EXPIRED", "EXPUNGEISSUED", "HIGHESTMODSEQ 1", "INUSE", "LIMIT", "NOMODSEQ", "NONEXISTENT", "NOPERM", "OVERQUOTA", "PERMANENTFLAGS (\\Seen \\*)", "PRIVACYREQUIRED",
		"SERVERBUG", "TRYCREATE", "UIDNEXT 123456789", "UIDVALIDITY 1", "UNAVAILABLE", "UNSEEN 1000000",
	} {
		session := imap.New(decode.Options{})
		session.Write(decode.Server, decodetest.Epoch, []byte("* PREAUTH hi\r\n"))
		session.Write(decode.Client, decodetest.Epoch, []byte("a1 SELECT INBOX\r\n"))
		_, _, events := session.Write(decode.Server, decodetest.Epoch, []byte("* OK ["+code+"] x\r\na1 NO ["+code+"] x\r\n"))
		said := ""
		for i := range events {
			note := imap.Protocol.Note(&events[i])
			check(note)
			said += note
		}
		if said == "" {
			t.Errorf("nothing to say of [%s]", code)
		}
	}
}

// A note is made of what peers said: nothing of it may break.
func FuzzNote(f *testing.F) {
	for _, seed := range []string{
		"* OK [CAPABILITY IMAP4rev1] hi\xfea1 LOGIN \"u1\" \"", "* PREAUTH [\xfea1 SELECT \"\xfe* 5 EXISTS\r\n* 3 EXPUNGE\r\na1 OK []", "* PREAUTH hi\xfea1 FETCH\xfe* 1 FETCH (UID ",
		"* PREAUTH hi\xfea1 STORE 1\xfe* OK [PERMANENTFLAGS )(]", "* OK\xfea1 AUTHENTICATE\xfe+\xfe*", "* PREAUTH hi\xfea1 UID FETCH 1 (\xfe* 1 FETCH ({}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, dialogue string) {
		if len(dialogue) > 4<<10 {
			return
		}
		var chunks []decodetest.Chunk
		d := decode.Server
		for _, run := range strings.Split(dialogue, "\xfe") {
			chunks = append(chunks, decodetest.Chunk{Dir: d, Octets: []byte(run + "\r\n")})
			d = d.Other()
		}
		noted(chunks) // must not panic
	})
}
