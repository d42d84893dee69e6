package replay

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// peer is a server of few words: it says lines, and awaits octets of the client.
//
//	S * OK hi        says the line and CRLF
//	C a1 NOOP        awaits the line and CRLF
//	c {3}\r\n        awaits the octets alone, \r and \n being escapes
//	close            closes the connection
func peer(conn net.Conn, says string) error {
	r := bufio.NewReader(conn)
	for line := range strings.SplitSeq(strings.TrimSpace(says), "\n") {
		what, text, _ := strings.Cut(line, " ")
		switch what {
		case "S":
			if _, err := io.WriteString(conn, text+"\r\n"); err != nil {
				return err
			}
		case "C", "c":
			if what == "C" {
				text += "\r\n"
			} else {
				text = strings.NewReplacer(`\r`, "\r", `\n`, "\n").Replace(text)
			}
			got := make([]byte, len(text))
			if _, err := io.ReadFull(r, got); err != nil {
				return fmt.Errorf("awaiting %q: %w (got %q)", text, err, got)
			}
			if string(got) != text {
				return fmt.Errorf("the client said %q, not %q", got, text)
			}
		case "close":
			return conn.Close()
		default:
			return fmt.Errorf("unknown: %s", line)
		}
	}
	return nil
}

// played plays a script against a peer over a pipe.
func played(t *testing.T, src, says string, opts Options) (Result, error) {
	t.Helper()
	s := parse(t, src)
	a, b := net.Pipe()
	done := make(chan error, 1)
	go func() {
		err := peer(b, says)
		if err != nil {
			b.Close() // or the player would wait
		}
		done <- err
	}()
	if opts.Timeout == 0 {
		opts.Timeout = 10 * time.Second
	}
	res, err := Play(context.Background(), a, s, s.Conns[0].Name, opts)
	a.Close()
	if perr := <-done; perr != nil && err == nil {
		t.Errorf("peer: %v", perr)
	}
	b.Close()
	return res, err
}

// told gives differences in short: line: text: got.
func told(res Result) []string {
	var out []string
	for _, d := range res.Differences {
		out = append(out, fmt.Sprintf("%d: %s: %s", d.Pos.Line, d.Text, d.Got))
	}
	return out
}

func TestPlay(t *testing.T) {
	const imap, pop3 = "@connect a imap\nS: * OK\n", "@connect a pop3\nS: +OK\n"
	const hi, pophi = "S * OK hi\n", "S +OK hi\n"
	for _, test := range []struct {
		name, src, says string
		want            []string
	}{
		{
			"kinds in any order, unlisted allowed", imap + "C: a1 SELECT INBOX\nS: * 3 EXISTS\nS: * FLAGS (\\Seen \\Draft)\nS: * OK [UIDVALIDITY 7]\nS: a1 OK\n",
			hi + "C a1 SELECT INBOX\nS * OK [UIDNEXT 4] x\nS * OK [UIDVALIDITY 7] x\nS * flags (\\draft \\SEEN)\nS * 0 RECENT\nS * 3 EXISTS\nS a1 OK [READ-WRITE] done\n", nil,
		},
		{
			"numbers", imap + "C: a1 X\nS: * ${n=1} EXISTS\nS: * ${n} RECENT\nS: * 2 EXPUNGE\nS: a1 OK\n",
			hi + "C a1 X\nS * 5 EXISTS\nS * 4 RECENT\nS * 3 EXPUNGE\nS a1 OK x\n",
			[]string{"5: did not come before the completion: * 4 RECENT", "6: did not come before the completion: * 3 EXPUNGE"},
		},
		{
			"one kind keeps its order", imap + "C: a1 FETCH 1:2 UID\nS: * 1 FETCH (UID 1)\nS: * 2 FETCH (UID 2)\nS: a1 OK\n",
			hi + "C a1 FETCH 1:2 UID\nS * 2 FETCH (UID 2)\nS * 1 FETCH (UID 1)\nS a1 OK x\n",
			[]string{"5: did not come before the completion: * 2 FETCH (UID 2)"},
		},
		{
			"ordered", imap + "C: a1 X\n@ordered\nS: * 1 EXISTS\nS: * FLAGS ()\n@end\nS: a1 OK\n",
			hi + "C a1 X\nS * FLAGS ()\nS * 1 EXISTS\nS a1 OK x\n",
			[]string{"6: did not come before the completion: * FLAGS ()"},
		},
		{
			"exact", imap + "C: a1 X\n@exact\nS: * 1 FETCH (UID 1)\nS: a1 OK\n@end\n",
			hi + "C a1 X\nS * 1 FETCH (UID 1 FLAGS ())\nS * 2 EXISTS\nS * 1 FETCH (UID 1)\nS a1 OK x\n",
			[]string{
				"5: not listed, and came before * 1 FETCH (UID 1): * 1 FETCH (UID 1 FLAGS ())",
				"5: not listed, and came before * 1 FETCH (UID 1): * 2 EXISTS",
			},
		},
		{
			"exact, one of several is different", imap + "C: a1 X\n@exact\nS: * 1 FETCH (UID 1 FLAGS (\\Seen))\nS: * 2 FETCH (UID 2)\nS: a1 OK\n@end\n",
			hi + "C a1 X\nS * 1 FETCH (UID 1 FLAGS ())\nS * 2 FETCH (UID 2)\nS a1 OK x\n",
			[]string{"5: did not come before the completion: FLAGS ()"},
		},
		{
			"exact, one is missing", imap + "C: a1 X\n@exact\nS: * 1 FETCH (UID 1)\nS: * 2 FETCH (UID 2)\nS: a1 OK\n@end\n",
			hi + "C a1 X\nS * 2 FETCH (UID 2)\nS a1 OK x\n",
			[]string{"5: did not come before the completion: "},
		},
		{
			"forbidden", imap + "C: a1 X\nS: * 1 FETCH (UID 1)\nS! * ${*} EXPUNGE\nS: a1 OK\n",
			hi + "C a1 X\nS * 4 EXPUNGE\nS * 1 FETCH (UID 1)\nS a1 OK x\n",
			[]string{"5: came, and must not: * 4 EXPUNGE"},
		},
		{
			"completion", imap + "C: a1 X\nS: a1 OK\nC: a2 X\nS: a2 NO [TRYCREATE]\nC: a3 X\nS: a3 OK\n",
			hi + "C a1 X\nS a1 NO why\nC a2 X\nS a2 NO [ALERT] why\nC a3 X\nS a3 OK [X y] z\n",
			[]string{"4: another completion: a1 NO why", "6: another completion: a2 NO [ALERT] why"},
		},
		{
			"another greeting", "@connect a imap\nS: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN]\nC: a1 X\nS: a1 OK\n",
			"S * OK [CAPABILITY IMAP4rev1] hi\nC a1 X\nS a1 OK x\n",
			[]string{"2: another greeting: * OK [CAPABILITY IMAP4rev1] hi"},
		},
		{
			"a greeting that says less", "@connect a imap\nS: * OK [CAPABILITY IMAP4rev1]\nC: a1 X\nS: a1 OK\n",
			"S * OK hi\nC a1 X\nS a1 OK x\n",
			[]string{"2: another greeting: * OK hi"},
		},
		{
			"a greeting that needs no login", "@connect a imap\nS: * OK\nC: a1 X\nS: a1 OK\n",
			"S * PREAUTH hi\nC a1 X\nS a1 OK x\n",
			[]string{"2: another greeting: * PREAUTH hi"},
		},
		{
			"Dovecot, that waits", "@connect a imap\nS: * OK [CAPABILITY IMAP4rev1]\nC: a1 X\nS: a1 OK\n",
			"S * OK Waiting for authentication process to respond..\nS * OK [CAPABILITY IMAP4rev1] hi\nC a1 X\nS a1 OK x\n", nil,
		},
		{
			"two greetings", "@connect a imap\nS: * OK [CAPABILITY IMAP4rev1]\nS: * OK [ALERT]\nC: a1 X\nS: a1 OK\n",
			"S * OK [CAPABILITY IMAP4rev1 X] hi\nS * OK [ALERT] hi\nC a1 X\nS a1 OK x\n",
			[]string{"2: another greeting: * OK [CAPABILITY IMAP4rev1 X] hi"},
		},
		{
			"a completion nobody awaits", imap + "C: a1 X\nS: a1 OK\n", hi + "C a1 X\nS a9 BAD x\nS a1 OK x\n",
			[]string{"4: a completion that no line expects: a9 BAD x"},
		},
		{
			"pipelined, answered the other way round", imap + "C: a1 X\nC: a2 Y\nS: * 1 EXISTS\nS: a1 OK\nS: * SEARCH 2\nS: a2 OK\n",
			hi + "C a1 X\nC a2 Y\nS * SEARCH 2\nS a2 OK x\nS * 1 EXISTS\nS a1 OK x\n", nil,
		},
		{
			"pipelined, data behind the first completion", imap + "C: a1 X\nC: a2 Y\n@exact\nS: * 1 FETCH (UID 1)\nS: * 2 FETCH (UID 2)\nS: a1 OK\nS: a2 OK\n@end\n",
			hi + "C a1 X\nC a2 Y\nS * 1 FETCH (UID 1)\nS a1 OK x\nS * 2 FETCH (UID 2)\nS a2 OK x\n", nil,
		},
		{
			"pipelined, one does not come at all", imap + "C: a1 X\nC: a2 Y\nS: * 1 FETCH (UID 1)\nS: * 2 FETCH (UID 2)\nS: a1 OK\nS: a2 OK\n",
			hi + "C a1 X\nC a2 Y\nS * 1 FETCH (UID 1)\nS a1 OK x\nS a2 OK x\n",
			[]string{"6: did not come before the completion: "},
		},
		{
			"a completion that comes early", imap + "C: a1 X\nC: a2 Y\nS: a1 OK\nC: a3 Z\nS: a2 OK\nS: a3 OK\n",
			hi + "C a1 X\nC a2 Y\nS a2 OK x\nS a1 OK x\nC a3 Z\nS a3 OK x\n", nil,
		},
		{
			"values", imap + "C: a1 X\nS: * ${n=9} EXISTS\nS: * ESEARCH (TAG ${*}) UID ALL ${first}:${last}\nS: * ${n} FETCH (UID ${uid} X-NAME ${name})\nS: a1 OK\nC: a2 UID FETCH ${first},${uid} (${name})\nS: a2 OK [APPENDUID ${uid} ${v}]\nC: ${v}\nS: * 1 FETCH (UID ${uid})\nS: a3 OK\n",
			hi + "C a1 X\nS * 3 EXISTS\nS * ESEARCH (TAG \"a1\") UID ALL 4:6\nS * 3 FETCH (UID 8 X-NAME \"a b\\\"\")\nS a1 OK x\nC a2 UID FETCH 4,8 (\"a b\\\"\")\nS a2 OK [APPENDUID 8 77] x\nC 77\nS * 1 FETCH (UID 9)\nS a3 OK x\n",
			[]string{"11: did not come before the completion: UID 9"},
		},
		{
			"strings", imap + "C: a1 X\nS: * LIST (\\HasNoChildren \\Sent) \"/\" {|}\n\"Se nt\"\nS: * STATUS \"inbox\" (UNSEEN 1 MESSAGES 2)\nS: * X NIL \"NIL\" {|!}\n\"x\"\nS: a1 OK\n",
			hi + "C a1 X\nS * list (\\sent \\hasnochildren) \"/\" \"Se nt\"\nS * STATUS INBOX (MESSAGES 2 UNSEEN 1)\nS * X nil {3}\nS NIL \"x\"\nS a1 OK x\n",
			[]string{"7: did not come before the completion: * X nil {3}… \"x\""},
		},
		{
			"mailbox names have a case", imap + "C: a1 X\nS: * LIST () \"/\" Sent\nS: a1 OK\n",
			hi + "C a1 X\nS * LIST () \"/\" sent\nS a1 OK x\n",
			[]string{"4: did not come before the completion: * LIST () \"/\" sent"},
		},
		{
			"sets and rests", imap + "C: a1 X\nS: * CAPABILITY IMAP4rev1 IDLE ${...}\nS: * SEARCH 2 1\nS: * FLAGS (a ${...})\nS: a1 OK [PERMANENTFLAGS (b a)]\nC: a2 X\nS: * SEARCH 1\nS: * CAPABILITY IDLE\nS: a2 OK\n",
			hi + "C a1 X\nS * CAPABILITY X IDLE IMAP4rev1\nS * SEARCH 1 2\nS * FLAGS (b A)\nS a1 OK [PERMANENTFLAGS (a b)] x\nC a2 X\nS * SEARCH 1 2\nS * CAPABILITY IDLE X\nS a2 OK x\n",
			[]string{"9: did not come before the completion: * SEARCH 1 2", "10: did not come before the completion: * CAPABILITY IDLE X"},
		},
		{
			"fetch items", imap + "C: a1 X\nS: * 1 FETCH (BODY[HEADER.FIELDS (DATE)] {|} FLAGS (\\Seen ${...}) UID 4)\n\"D\"\nS: a1 OK\n",
			hi + "C a1 X\nS * 1 FETCH (UID 4 MODSEQ (5) FLAGS (x \\seen) BODY[HEADER.FIELDS (\"Date\")] \"D\")\nS a1 OK x\n", nil,
		},
		{
			"text that looks like a literal", imap + "C: a1 X\nS: a1 OK\n", hi + "C a1 X\nS * OK see {12}\nS a1 OK [X] {3}\n", nil,
		},
		{
			"wire literals", imap + "C: a1 X\nS: * 1 FETCH (BODY[] {7}\nS: a: b\nS: c UID 2)\nS: * 2 FETCH (BODY[] {4}\n|xy\nS: )\nS: a1 OK\n",
			hi + "C a1 X\nS * 1 FETCH (BODY[] {7}\nS a: b\nS c UID 2)\nS * 2 FETCH (BODY[] \"xy\")\nS a1 OK x\n",
			[]string{"7: did not come before the completion: BODY[] {2}, another from octet 2: expected \"\\r\\n\", came \"\""},
		},
		{
			"client literals", imap + "C: a1 APPEND x {|} (\\Seen) {|+}\n|one\n&\n\"two\"\nS: a1 OK\nC: a2 APPEND x {|}\n|big\nS: a2 NO [TOOBIG]\nC: a3 X {3}\nS: +\nC: abc\nS: a3 OK\n",
			hi + "C a1 APPEND x {5}\nS * 1 EXISTS\nS + go\nc one\\r\\n (\\Seen) {3+}\\r\\ntwo\\r\\n\nS a1 OK x\nC a2 APPEND x {5}\nS a2 NO [TOOBIG] x\nC a3 X {3}\nS +\nC abc\nS a3 OK x\n", nil,
		},
		{
			"idle, with EXISTS before its +", imap + "C: a1 IDLE\nS: +\nS: * ${n} EXISTS\nC: DONE\nS: a1 OK\n",
			hi + "C a1 IDLE\nS * 5 EXISTS\nS + idling\nC DONE\nS a1 OK x\n", nil,
		},
		{
			"idle, EXISTS awaited behind a pause", imap + "C: a1 IDLE\nS: +\n@pause 1ms\nS: * ${n} EXISTS\nC: DONE\nS: a1 OK\n",
			hi + "C a1 IDLE\nS * 5 EXISTS\nS + idling\nC DONE\nS a1 OK x\n", nil,
		},
		{
			"pop3", pop3 + "C: STAT\nC: LIST\nC: LIST 2\nS: +OK ${n=1} ${size}\nS: +OK\nS: 1 ${a}\nS: ${...}\nS: .\nS: +OK 2 5\nC: RETR 1\nS: +OK\nS: {hello.eml}\nS: .\nC: RETR ${n}\nS: -ERR\n",
			pophi + "C STAT\nC LIST\nC LIST 2\nS +OK 2 9 octets\nS +OK\nS 1 4\nS 2 5\nS .\nS +OK 2 5\nC RETR 1\nS +OK 25 octets\nS Subject: hello\nS \nS ..dot\nS end\nS .\nC RETR 2\nS -ERR no\n", nil,
		},
		{
			"pop3 differences", pop3 + "C: STAT\nS: +OK 1 2\nC: DELE 1\nS: -ERR [IN-USE]\nC: RETR 1\nS: +OK\nS: a\nS: .\nC: UIDL\nS: -ERR\nC: RETR 2\nS: +OK\nS: b\nS: .\nC: NOOP\nS: +OK text is not compared\n",
			pophi + "C STAT\nS +OK 1 3\nC DELE 1\nS -ERR [SYS/TEMP] x\nC RETR 1\nS +OK\nS a\nS more\nS .\nC UIDL\nS +OK\nS 1 a\nS .\nC RETR 2\nS -ERR no\nC NOOP\nS +OK other\n",
			[]string{
				"4: another status: +OK 1 3", "6: another status: -ERR [SYS/TEMP] x",
				"9: the body goes on with line 2: more", "12: another status: +OK", "14: another status: -ERR no",
			},
		},
		{
			"pop3 capabilities", pop3 + "C: CAPA\nS: +OK\nS: UIDL\nS: TOP\nS! STLS\nS: ${...}\nS: .\nC: CAPA\nS: +OK\n|TOP\n|X\nS: .\n",
			pophi + "C CAPA\nS +OK\nS TOP\nS STLS\nS uidl\nS .\nC CAPA\nS +OK\nS TOP\nS SASL PLAIN\nS .\n",
			[]string{
				"7: came, and must not: STLS", "11: not among the capabilities: ",
				"11: a capability that is not listed; ${...} allows it: SASL PLAIN",
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			res, err := played(t, test.src, test.says, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, told(res)); diff != "" {
				t.Error(diff)
			}
			if res.Unplayed != 0 {
				t.Errorf("%d unplayed", res.Unplayed)
			}
		})
	}
}

func TestPlayLogin(t *testing.T) {
	for _, test := range []struct{ name, src, says, err string }{
		{"greeting with capabilities", "@connect a imap\n@login\n", "S * OK [CAPABILITY IMAP4rev1] hi\nC login1 LOGIN u1 \"pass word\"\nS login1 OK x\n", ""},
		{"greeting without", "@connect a imap\nS: * OK\n@login\n", "S * OK hi\nC login0 CAPABILITY\nS * CAPABILITY IMAP4rev1\nS login0 OK x\nC login1 LOGIN u1 \"pass word\"\nS login1 OK x\n", ""},
		{"preauth", "@connect a imap\n@login\nC: a X\nS: a OK\n", "S * PREAUTH hi\nC a X\nS a OK x\n", ""},
		{"LOGINDISABLED", "@connect a imap\n@login\n", "S * OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=PLAIN] hi\nC login1 AUTHENTICATE PLAIN\nS + \nC AHUxAHBhc3Mgd29yZA==\nS login1 OK x\n", ""},
		{"initial response", "@connect a imap\n@login\n", "S * OK [CAPABILITY LOGINDISABLED SASL-IR AUTH=PLAIN] hi\nC login1 AUTHENTICATE PLAIN AHUxAHBhc3Mgd29yZA==\nS login1 OK x\n", ""},
		{"refused", "@connect a imap\n@login\nC: a X\n", "S * OK [CAPABILITY X] hi\nC login1 LOGIN u1 \"pass word\"\nS login1 NO not pass word\n", "@login: the server refuses: login1 NO not xxxxxxxxx"},
		{"no way in", "@connect a imap\n@login\n", "S * OK [CAPABILITY LOGINDISABLED] hi\n", "LOGINDISABLED and no AUTH=PLAIN"},
		{"bye", "@connect a imap\n@login\n", "S * BYE go away\n", "expected the greeting * OK or * PREAUTH, found \"* BYE go away\""},
		{"pop3", "@connect a pop3\n@login\nC: STAT\nS: +OK\n", "S +OK hi\nC CAPA\nS +OK\nS USER\nS SASL PLAIN\nS .\nC USER u1\nS +OK\nC PASS pass word\nS +OK\nC STAT\nS +OK 0 0\n", ""},
		{"pop3 without USER", "@connect a pop3\n@login\n", "S +OK hi\nC CAPA\nS +OK\nS SASL LOGIN PLAIN\nS .\nC AUTH PLAIN AHUxAHBhc3Mgd29yZA==\nS +OK\n", ""},
		{"pop3 without CAPA", "@connect a pop3\n@login\n", "S +OK hi\nC CAPA\nS -ERR what\nC USER u1\nS +OK\nC PASS pass word\nS -ERR [AUTH] no\n", "the server refuses: -ERR [AUTH] no"},
		{"unproved", "@connect a pop3\n@login\n", "S +OK hi\nC CAPA\nS +OK\nS SASL SCRAM-SHA-1\nS .\nC AUTH SCRAM-SHA-1\nS +OK\n", "did not prove"},
		{"raw sasl", "@connect a pop3\nS: +OK\nC: AUTH LOGIN\nS: +\nC: ${sasl}\nS: +\nC: ${sasl}\nS: +OK\nC: NOOP\nS: +OK\n", "S +OK hi\nC AUTH LOGIN\nS + VXNlcm5hbWU6\nC dTE=\nS + UGFzc3dvcmQ6\nC cGFzcyB3b3Jk\nS +OK\nC NOOP\nS +OK\n", ""},
		{"CRAM-MD5", "@connect a imap\nS: * OK\nC: a AUTHENTICATE CRAM-MD5\nS: +\nC: ${sasl}\nS: a OK\n", "S * OK hi\nC a AUTHENTICATE CRAM-MD5\nS + PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+\nC CRAM\nS a OK x\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var log strings.Builder
			// RFC 2104 over the challenge of RFC 2195 §2, as its example does for another user.
			mac := hmac.New(md5.New, []byte("pass word"))
			io.WriteString(mac, "<1896.697170952@postoffice.reston.mci.net>")
			cram := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "u1 %x", mac.Sum(nil)))
			test.says = strings.Replace(test.says, "C CRAM", "C "+cram, 1)
			res, err := played(t, test.src, test.says, Options{User: "u1", Password: "pass word", Log: func(_ Pos, l string) { log.WriteString(l + "\n") }})
			if test.err == "" && (err != nil || len(res.Differences) > 0 || res.Unplayed > 0) {
				t.Errorf("%v %v", err, res)
			}
			if test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("got %v, want %s", err, test.err)
			}
			if strings.Contains(log.String()+fmt.Sprint(err), "pass word") {
				t.Errorf("the log has the password:\n%s%v", log.String(), err)
			}
		})
	}
}

func TestPlayErrors(t *testing.T) {
	const imap = "@connect a imap\nS: * OK\n"
	for _, test := range []struct{ name, src, says, want string }{
		{"closed", imap + "C: a1 X\nS: a1 OK\nC: a2 X\nS: a2 OK\n", "S * OK hi\nC a1 X\nclose\n", "replay: t:4:1: expected a1 OK: EOF"},
		{"cut off", imap + "C: a1 X\nS: * 1 FETCH (X {|})\n|x\nS: a1 OK\n", "S * OK hi\nC a1 X\nS * 1 FETCH (X {9}\nclose\n", "unexpected EOF"},
		{"no continuation", imap + "C: a1 X {|}\n|x\nS: a1 OK\n", "S * OK hi\nC a1 X {3}\nclose\n", "no continuation request for its literal"},
		{"huge literal", imap + "S: a1 OK\n", "S * OK hi\nS * 1 FETCH (X {99999999999}\nclose\n", "a literal of 99999999999 octets"},
		{"no sample", imap + "C: a1 ${x}\n", "close\n", "t:3:7: expected a sample"},
		{"no password", imap + "@login\n", "S * OK hi\nC login0 CAPABILITY\nS login0 OK x\n", "expected a value for ${user}, none was given"},
		{"literal of values", imap + "S: * 1 FETCH (X {4}\nS: ${x=1})\nS: a OK\n", "S * OK hi\n", "t:4:1: expected plain text"},
		{"literal too short", imap + "C: a\nS: * 1 FETCH (X {99}\nS: x)\n", "S * OK hi\nC a\n", "t:4:17: expected 99 octets of a literal"},
		{"body missing", "@connect a pop3\nS: +OK\nC: RETR 1\nS: +OK\nC: QUIT\nS: +OK\n", "S +OK hi\nC RETR 1\nS +OK\nclose\n", "t:4:1: expected below it the body of RETR 1"},
		{"no status", "@connect a pop3\nS: +OK\nS: x\n", "S +OK hi\n", "t:3:1: expected +OK, -ERR or + here"},
		{"not pop3", "@connect a pop3\nS: +OK\n", "S * OK hi\n", `expected +OK or -ERR, found "* OK hi"`},
		{"half a line", "@connect a pop3\nS: +OK\n\"x\"\n", "close\n", "t:2:1: expected whole lines"},
		{"no handshake", imap + "C: a STARTTLS\nS: a OK\n", "S * OK hi\nC a STARTTLS\nS a OK x\n", "expected no STARTTLS: no handshake was given"},
		{"no store", imap + "C: a\nS: * 1 FETCH (X {>f})\nS: a OK\n", "S * OK hi\nC a\nS * 1 FETCH (X \"y\")\nS a OK x\n", "expected a place to store {>f}"},
	} {
		t.Run(test.name, func(t *testing.T) {
			res, err := played(t, test.src, test.says, Options{})
			text := fmt.Sprint(err)
			for _, d := range res.Differences {
				text += "\n" + d.String()
			}
			if !strings.Contains(text, test.want) {
				t.Errorf("got %s, want %s", text, test.want)
			}
		})
	}
	res, err := played(t, imap+"C: a1 X\nS: * 1 EXISTS\nS: a1 OK\nC: a2 X\nS: a2 OK\n", "S * OK hi\nC a1 X\nS * 1 EXISTS\nclose\n", Options{})
	if err == nil || res.Sent != 1 || res.Same != 2 || res.Unplayed != 3 {
		t.Errorf("%v: %+v", err, res)
	}
}

func TestPlayTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		go io.WriteString(b, "* OK hi\r\n")
		s := parse(t, "@connect a imap\nS: * OK\n@wait 5m\nS: * 1 EXISTS\nS: * 2 EXISTS\n")
		go func() {
			time.Sleep(4 * time.Minute)
			io.WriteString(b, "* 1 EXISTS\r\n")
		}()
		begin := time.Now()
		res, err := Play(context.Background(), a, s, "a", Options{Timeout: 10 * time.Second})
		if !errors.Is(err, errTimeout) || !strings.Contains(err.Error(), "t:5:1: expected * 2 EXISTS: nothing came within 10s") {
			t.Errorf("%v: %+v", err, res)
		}
		if d := time.Since(begin); d != 4*time.Minute+10*time.Second {
			t.Errorf("took %v", d)
		}
		b.Close()
		a.Close()
	})
}

func TestPlayCancelled(t *testing.T) {
	for _, src := range []string{"S: * OK\nS: * 1 EXISTS\n", "S: * OK\n@pause 1h\n", "S: * OK\nC: a1 X\nC: a2 Y\n"} {
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			go io.WriteString(b, "* OK hi\r\n")
			ctx, cancel := context.WithTimeoutCause(context.Background(), time.Second, errors.New("enough"))
			defer cancel()
			begin := time.Now()
			_, err := Play(ctx, a, parse(t, "@connect a imap\n"+src), "a", Options{Timeout: time.Hour})
			if err == nil || !strings.Contains(err.Error(), "enough") || time.Since(begin) != time.Second {
				t.Errorf("%q: %v after %v", src, err, time.Since(begin))
			}
			b.Close()
			a.Close()
		})
	}
}

// A client that pipelines more than the pipe holds must read meanwhile.
func TestPlayDoesNotBlockOnWriting(t *testing.T) {
	src, says := "@connect a pop3\nS: +OK\n", "S +OK hi\n"
	for range 100 {
		src += "C: NOOP\n"
		says += "C NOOP\nS +OK\n" // answers each before it reads on
	}
	src += strings.Repeat("S: +OK\n", 100)
	res, err := played(t, src, says, Options{})
	if err != nil || res.Same != 101 || len(res.Differences) > 0 {
		t.Errorf("%v: %+v", err, res)
	}
}

func TestPlaySaves(t *testing.T) {
	got := map[string]string{}
	opts := Options{Save: func(name string, content io.Reader) error {
		octets, err := io.ReadAll(content)
		got[name] = string(octets)
		return err
	}}
	if res, err := played(t, "@connect a imap\nS: * OK\nC: a\nS: * 1 FETCH (BODY[] {>i.eml})\nS: a OK\n", "S * OK hi\nC a\nS * 1 FETCH (BODY[] {5}\nS one\nS )\nS a OK x\n", opts); err != nil || len(res.Differences) > 0 {
		t.Errorf("%v: %v", err, res)
	}
	if res, err := played(t, "@connect a pop3\nS: +OK\nC: RETR 1\nS: +OK\nS: {>p.eml}\nS: .\n", "S +OK hi\nC RETR 1\nS +OK\nS ..x\nS y\nS .\n", opts); err != nil || len(res.Differences) > 0 || res.Same != 4 {
		t.Errorf("%v: %v", err, res)
	}
	want := map[string]string{"i.eml": "one\r\n", "p.eml": ".x\r\ny\r\n"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What a script says as the server, with its samples, it accepts as the client.
func TestPlayOwnTranscript(t *testing.T) {
	for _, name := range []string{"pop3-fetch.script", "imap-push.script"} {
		s, err := ParseFS(os.DirFS("testdata"), name)
		if err != nil {
			t.Fatal(err)
		}
		chunks, err := s.Chunks(map[string]string{"user": "u1", "password": "secret"})
		if err != nil {
			t.Fatal(err)
		}
		a, b := net.Pipe()
		done := make(chan error, 1)
		go func() {
			defer b.Close()
			for _, c := range chunks {
				if !c.Client {
					if _, err := b.Write(c.Octets); err != nil {
						done <- fmt.Errorf("%v: %w", c.Pos, err)
						return
					}
					continue
				}
				got := make([]byte, len(c.Octets))
				if _, err := io.ReadFull(b, got); err != nil || string(got) != string(c.Octets) {
					done <- fmt.Errorf("%v: got %q, want %q: %v", c.Pos, got, c.Octets, err)
					return
				}
			}
			done <- nil
		}()
		res, err := Play(context.Background(), a, s, "a", Options{User: "u1", Password: "secret", Timeout: 10 * time.Second})
		if err := errors.Join(err, differences(res), <-done); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		a.Close()
	}
}

// Two connections meet at @sync, and what one binds the other says.
func TestPlayTogether(t *testing.T) {
	src := "@connect a imap\n@connect b imap\na S: * OK\nb S: * OK\na C: a1 X\na S: * ${n} EXISTS\na S: a1 OK\n@sync\nb C: b1 FETCH ${n}\nb S: b1 OK\n@sync\na C: a2 Y\na S: a2 OK\n"
	s := parse(t, strings.Replace(src, "${n}", "${n=1}", 1))
	a1, a2 := net.Pipe()
	b1, b2 := net.Pipe()
	barrier := NewBarrier(2)
	errs := make(chan error, 4)
	bDone := make(chan struct{})
	go func() {
		err := peer(b2, "S * OK hi\nC b1 FETCH 42\n")
		close(bDone)
		errs <- errors.Join(err, peer(b2, "S b1 OK x\n"))
	}()
	go func() {
		errs <- peer(a2, "S * OK hi\nC a1 X\nS * 42 EXISTS\nS a1 OK x\nC a2 Y\n")
		select {
		case <-bDone:
		default:
			t.Error("a2 was sent before b1 was done")
		}
		errs <- peer(a2, "S a2 OK x\n")
	}()
	go func() {
		res, err := Play(context.Background(), a1, s, "a", Options{Barrier: barrier, Timeout: 10 * time.Second})
		if err != nil {
			a1.Close()
		}
		errs <- errors.Join(err, differences(res))
	}()
	res, err := Play(context.Background(), b1, s, "b", Options{Barrier: barrier, Timeout: 10 * time.Second})
	if err != nil {
		b1.Close()
	}
	if err := errors.Join(err, differences(res)); err != nil {
		t.Error(err)
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	for _, c := range []net.Conn{a1, a2, b1, b2} {
		c.Close()
	}
}

func differences(res Result) error {
	var errs []error
	for _, d := range res.Differences {
		errs = append(errs, errors.New(d.String()))
	}
	return errors.Join(errs...)
}

// A connection that fails lets go of those that wait for it.
func TestBarrierBreaks(t *testing.T) {
	s := parse(t, "@connect a imap\n@connect b imap\nb S: * OK\n@sync\n")
	a1, a2 := net.Pipe()
	b1, b2 := net.Pipe()
	b2.Close()
	barrier := NewBarrier(2)
	done := make(chan error, 1)
	go func() {
		_, err := Play(context.Background(), a1, s, "a", Options{Barrier: barrier})
		done <- err
	}()
	if _, err := Play(context.Background(), b1, s, "b", Options{Barrier: barrier}); err == nil {
		t.Error("played on a closed connection")
	}
	if err := <-done; err == nil || !strings.Contains(err.Error(), "another connection failed") {
		t.Errorf("got %v", err)
	}
	for _, c := range []net.Conn{a1, a2, b1} {
		c.Close()
	}
	if _, err := Play(context.Background(), a1, s, "a", Options{}); err == nil || !strings.Contains(err.Error(), "expected a barrier") {
		t.Errorf("got %v", err)
	}
}
