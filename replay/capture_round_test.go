package replay

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mailtrace/mailtrace/captures"
	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
)

// record makes a capture of what a script says.
func record(t *testing.T, s *Script) []byte {
	t.Helper()
	chunks, err := s.Chunks(map[string]string{"user": "u1", "password": "secret"})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	r := captures.NewRecorder(&out, captures.Options{Bodies: true})
	traces, tapes := map[string]*decode.Trace{}, map[string]captures.Tape{}
	at := time.Unix(1700000000, 0)
	for _, c := range chunks {
		tr := traces[c.Conn]
		if tr == nil {
			tape := r.Open(len(traces)+1, decode.FromPeer)
			tr = decode.NewTrace(decode.TraceOptions{
				Conn: len(traces) + 1, Protocols: registry.All, Keep: tape.Mark,
				Options: decode.Options{TLS: true, Tap: tape.Octets},
			})
			traces[c.Conn], tapes[c.Conn] = tr, tape
			tr.Mark(decode.Mark{Time: at, Kind: decode.Open})
		}
		dir := decode.Server
		if c.Client {
			dir = decode.Client
		}
		at = at.Add(time.Millisecond)
		for p := c.Octets; len(p) > 0; {
			n, next, _ := tr.Write(dir, at, p)
			if next == decode.TLSHere {
				tr.Resume(decode.Terminated, at)
			}
			if n == 0 && next != decode.TLSHere {
				t.Fatalf("%s: no octet taken", c.Pos)
			}
			p = p[n:]
		}
		tapes[c.Conn].Commit()
	}
	if err := r.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func rescripted(t *testing.T, s *Script) string {
	t.Helper()
	r, err := captures.NewReader(bytes.NewReader(record(t, s)))
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := FromCapture(s.Name, r, CaptureOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return again.String()
}

// A capture becomes a script, what that says is recorded, and becomes the same script.
func TestFromCaptureRoundTrip(t *testing.T) {
	for _, file := range recordings(t) {
		s, _ := scriptOf(t, file, CaptureOptions{})
		want := strings.ReplaceAll(s.String(), "@starttls\n", "") // transcripts leave it out
		if diff := cmp.Diff(want, rescripted(t, s)); diff != "" {
			t.Errorf("%s: %s", filepath.Base(file), diff)
		}
	}
}

func TestFromCaptureScripts(t *testing.T) {
	const imap = "@connect imap1 imap\n@login\n"
	for _, test := range []struct{ name, said, want string }{
		{
			"secrets of a login that failed",
			"@connect a imap\nS: * OK hi\nC: a LOGIN u1 secret\nS: a NO wrong\nC: b AUTHENTICATE PLAIN\nS: +\nC: AHUAcw==\nS: b NO wrong\nC: c LOGOUT\nS: * BYE\nS: c OK\n",
			"@connect imap1 imap\nS: * OK hi\nC: a LOGIN ${user} ${password}\nS: a NO wrong\nC: b AUTHENTICATE PLAIN\nS: +\nC: ${sasl}\nS: b NO wrong\nC: c LOGOUT\nS: * BYE\nS: c OK\n",
		},
		{
			"secrets of pop3",
			"@connect a pop3\nS: +OK hi\nC: USER u1\nS: +OK\nC: PASS secret\nS: -ERR wrong\nC: QUIT\nS: +OK\n",
			"@connect pop1 pop3\nS: +OK hi\nC: USER ${user}\nS: +OK\nC: PASS ${password}\nS: -ERR wrong\nC: QUIT\nS: +OK\n",
		},
		{
			"the ordinary login",
			"@connect a pop3\nS: +OK hi\nC: CAPA\nS: +OK\nS: UIDL\nS: .\nC: USER u1\nS: +OK\nC: PASS secret\nS: +OK\nC: UIDL\nS: +OK\nS: 1 abc\nS: .\nC: QUIT\nS: +OK\n",
			"@connect pop1 pop3\n@login\nC: UIDL\nS: +OK\nS: 1 ${uidl1=abc}\nS: .\nC: QUIT\nS: +OK\n",
		},
		{
			"one UID is one variable, in sets too",
			"@connect a imap\n@login\nC: a SELECT INBOX\nS: * 9 EXISTS\nS: * OK [UIDNEXT 30]\nS: * OK [HIGHESTMODSEQ 7]\nS: a OK\n" +
				"C: b UID FETCH 1:* (FLAGS) (CHANGEDSINCE 7)\nS: * 1 FETCH (UID 12 MODSEQ (8) BODY[TEXT] \"UID 12\")\nS: b OK\n" +
				"C: c UID COPY 12,30:* Trash\nS: c OK [COPYUID 99 12 40] done\nC: d APPEND Trash {|}\n|x\nS: d OK [APPENDUID 99 41]\nC: e LOGOUT\nS: e OK\n",
			imap + "C: a SELECT INBOX\nS: * 9 EXISTS\nS: * OK [UIDNEXT ${uidnext1=30}]\nS: * OK [HIGHESTMODSEQ ${modseq1=7}]\nS: a OK\n" +
				"C: b UID FETCH 1:* (FLAGS) (CHANGEDSINCE ${modseq1})\n@exact\nS: * 1 FETCH (UID ${uid1=12} MODSEQ (${*=8}) BODY[TEXT] \"UID 12\")\nS: b OK\n@end\n" +
				"C: c UID COPY ${uid1},${uidnext1}:* Trash\nS: c OK [COPYUID ${uidvalidity1=99} ${uid1} ${uid2=40}] done\nC: d APPEND Trash {|}\n|x\nS: d OK [APPENDUID ${uidvalidity1} ${uid3=41}]\nC: e LOGOUT\nS: e OK\n",
		},
		{
			"a push waits for the change",
			"@connect a imap\n@connect b imap\na @login\nb @login\na C: a1 SELECT INBOX\na S: a1 OK\na C: a2 IDLE\na S: + idling\n" +
				"b C: b1 APPEND INBOX {|+}\n|x\nb S: b1 OK\na S: * 4 EXISTS\na C: DONE\na S: a2 OK\n",
			"@connect imap1 imap\n@login\n@connect imap2 imap\n@login\nimap1 C: a1 SELECT INBOX\nimap1 S: a1 OK\nimap1 C: a2 IDLE\nimap1 S: + idling\n@sync\n" +
				"C: b1 APPEND INBOX {|+}\n|x\nS: b1 OK\n@sync\nimap1 @wait 30s\nimap1 S: * 4 EXISTS\nimap1 C: DONE\nimap1 S: a2 OK\n",
		},
		{
			"a literal that is refused",
			imap + "C: a APPEND INBOX {5}\nS: a NO too large\nC: b LOGOUT\nS: b OK\n",
			imap + "C: a APPEND INBOX {5}\nS: a NO too large\nC: b LOGOUT\nS: b OK\n",
		},
		{
			"octets that no line holds",
			"@connect a pop3\n@login\nC: RETR 1\nS: +OK\nS: {|}\n|a\n\"b\\n\"\n|.c\nS: .\nC: QUIT\nS: +OK \x01\n",
			"@connect pop1 pop3\n@login\nC: RETR 1\nS: +OK\nS: {|}\n|a\n\"b\\n\"\n|.c\nS: .\nC: QUIT\nS:\n\"+OK \\x01\\r\\n\"\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			said, err := ParseTranscript("said", []byte(test.said), nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, rescripted(t, said)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFromCaptureWithoutCommand(t *testing.T) {
	s := parse(t, "@connect a imap\nS: * OK hi\n")
	r, err := captures.NewReader(bytes.NewReader(record(t, s)))
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = FromCapture("x.pcapng", r, CaptureOptions{})
	if err == nil || err.Error() != "replay: x.pcapng: expected a whole command, the capture has none" {
		t.Error(err)
	}
}
