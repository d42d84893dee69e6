package pop3_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/pop3"
)

// script reads runs of "C: " and "S: " lines; "TLS" stands for a handshake. Lines that end
// with "\n" already keep their end.
func script(lines ...string) (runs []run) {
	for _, l := range lines {
		if l == "TLS" {
			runs = append(runs, resume)
			continue
		}
		text := l[3:]
		if !strings.HasSuffix(text, "\n") {
			text += "\r\n"
		}
		if l[0] == 'C' {
			runs = append(runs, c(text))
		} else {
			runs = append(runs, s(text))
		}
	}
	return runs
}

var (
	hello    = []string{"S: +OK ready"}
	loggedIn = []string{"S: +OK ready", "C: USER u1", "S: +OK", "C: PASS secret", "S: +OK"}
	capable  = []string{"S: +OK ready", "C: CAPA", "S: +OK", "S: USER", "S: UIDL", "S: TOP", "S: PIPELINING", "S: SASL PLAIN", "S: .", "C: USER u1", "S: +OK", "C: PASS secret", "S: +OK"}
	simple   = []string{"S: +OK ready", "C: CAPA", "S: +OK", "S: USER", "S: .", "C: USER u1", "S: +OK", "C: PASS secret", "S: +OK"}
)

// times repeats what a client does.
func times(n int, lines ...string) []string { return slices.Repeat(lines, n) }

// TestFindings holds each rule to a session in which it fires, and to a twin in which it
// does not. Nothing else above note fires in either.
func TestFindings(t *testing.T) {
	for _, x := range []struct {
		id        string
		in        []string // how the session begins
		bad, good []string
		clear     bool // in the clear: else all of it lies within TLS
	}{
		{id: "pop3.response-syntax", in: loggedIn, bad: []string{"C: STAT", "S: +OK two messages"}, good: []string{"C: STAT", "S: +OK 2 320 and more"}},
		{id: "pop3.response-syntax", in: loggedIn, bad: []string{"C: LIST", "S: +OK", "S: 1", "S: ."}, good: []string{"C: LIST", "S: +OK", "S: 1 120 text", "S: ."}},
		{id: "pop3.response-syntax", in: loggedIn, bad: []string{"C: LIST 2", "S: +OK 200"}, good: []string{"C: LIST 2", "S: +OK 2 200"}},
		{id: "pop3.response-syntax", in: loggedIn, bad: []string{"C: UIDL 2", "S: +OK 1 a"}, good: []string{"C: UIDL 2", "S: +OK 2 a"}},
		{id: "pop3.size", in: loggedIn, bad: []string{"C: RETR 1", "S: +OK 6 octets", "S: \r\nabc", "S: ."}, good: []string{"C: RETR 1", "S: +OK 7 octets", "S: \r\nabc", "S: ."}},
		{id: "pop3.size", in: loggedIn, bad: []string{"C: LIST 1", "S: +OK 1 9", "C: RETR 1", "S: +OK", "S: \r\n..a", "S: ."}, good: []string{"C: LIST 1", "S: +OK 1 6", "C: RETR 1", "S: +OK", "S: \r\n..a", "S: ."}},
		{id: "pop3.totals", in: loggedIn, bad: []string{"C: STAT", "S: +OK 2 30", "C: LIST", "S: +OK", "S: 1 30", "S: ."}, good: []string{"C: STAT", "S: +OK 2 30", "C: DELE 2", "S: +OK", "C: LIST", "S: +OK", "S: 1 10", "S: .", "C: QUIT", "S: +OK"}},
		{id: "pop3.dot-stuffing", in: loggedIn, bad: []string{"C: RETR 1", "S: +OK", "S: \r\n.a", "S: ."}, good: []string{"C: RETR 1", "S: +OK", "S: \r\n..a", "S: ."}},
		{id: "pop3.dot-stuffing", in: loggedIn, bad: []string{"C: RETR 1", "S: +OK 6 octets", "S: \r\n...a", "S: ."}, good: []string{"C: RETR 1", "S: +OK 6 octets", "S: \r\n..a", "S: ."}},
		{id: "pop3.terminator", in: loggedIn, bad: []string{"C: LIST", "S: +OK", "S: .\n"}, good: []string{"C: LIST", "S: +OK", "S: ."}},
		{id: "pop3.line-end", in: loggedIn, bad: []string{"C: NOOP\n", "S: +OK"}, good: []string{"C: NOOP", "S: +OK"}},
		{id: "pop3.line-end", in: loggedIn, bad: []string{"C: NOOP", "S: +OK\n"}, good: []string{"C: NOOP", "S: +OK"}},
		{id: "pop3.line-end", in: loggedIn, bad: []string{"C: LIST", "S: +OK", "S: 1 2\n", "S: ."}, good: []string{"C: LIST", "S: +OK", "S: 1 2", "S: ."}},
		{id: "pop3.long-line", in: hello, bad: []string{"C: USER " + strings.Repeat("a", 249), "S: +OK"}, good: []string{"C: USER " + strings.Repeat("a", 248), "S: +OK"}},
		{id: "pop3.long-line", in: loggedIn, bad: []string{"C: NOOP", "S: +OK " + strings.Repeat("a", 507)}, good: []string{"C: NOOP", "S: +OK " + strings.Repeat("a", 506)}},
		{id: "pop3.sasl-ok", in: hello, bad: []string{"C: AUTH PLAIN", "S: +OK", "C: AHUxAHNlY3JldA==", "S: +OK"}, good: []string{"C: AUTH PLAIN", "S: + ", "C: AHUxAHNlY3JldA==", "S: +OK"}},
		{id: "pop3.capa", in: hello, bad: []string{"C: CAPA", "S: +OK", "S: STLS", "S: ."}, good: []string{"C: CAPA", "S: +OK", "S: USER", "S: ."}},
		{id: "pop3.no-capa", in: hello, bad: []string{"C: CAPA", "S: -ERR what?"}, good: []string{"C: CAPA", "S: +OK", "S: ."}},
		{id: "pop3.legacy-auth-list", in: hello, bad: []string{"C: AUTH", "S: +OK", "S: PLAIN", "S: ."}, good: []string{"C: AUTH", "S: -ERR"}},
		{id: "pop3.retr-without-size", in: loggedIn, bad: []string{"C: RETR 1", "S: +OK message follows", "S: ", "S: ."}, good: []string{"C: RETR 1", "S: +OK 2 octets", "S: ", "S: ."}},
		{id: "pop3.uidl-repeated", in: loggedIn, bad: []string{"C: UIDL", "S: +OK", "S: 1 a", "S: 2 a", "S: ."}, good: []string{"C: UIDL", "S: +OK", "S: 1 a", "S: 2 b", "S: .", "C: UIDL", "S: +OK", "S: 1 a", "S: 2 b", "S: ."}},
		{id: "pop3.uidl-id", in: loggedIn, bad: []string{"C: UIDL 1", "S: +OK 1 " + strings.Repeat("a", 71)}, good: []string{"C: UIDL 1", "S: +OK 1 " + strings.Repeat("a", 70)}},
		{id: "pop3.uidl-changed", in: loggedIn, bad: []string{"C: UIDL 1", "S: +OK 1 a", "C: UIDL 1", "S: +OK 1 b"}, good: []string{"C: UIDL 1", "S: +OK 1 a", "C: UIDL 2", "S: +OK 2 b"}},
		{id: "pop3.top-lines", in: loggedIn, bad: []string{"C: TOP 1 1", "S: +OK", "S: A: b\r\n\r\none\r\ntwo", "S: ."}, good: []string{"C: TOP 1 1", "S: +OK", "S: A: b\r\n\r\none", "S: ."}},
		{id: "pop3.unasked-reply", in: loggedIn, bad: []string{"S: +OK"}, good: []string{"C: NOOP", "S: +OK"}},
		{id: "pop3.unasked-error", in: loggedIn, bad: []string{"S: -ERR bye"}, good: []string{"C: NOOP", "S: -ERR bye"}},
		{id: "pop3.command-syntax", in: loggedIn, bad: []string{"C: RETR", "S: -ERR"}, good: []string{"C: RETR 1", "S: -ERR"}},
		{id: "pop3.wrong-state", in: hello, bad: []string{"C: STAT", "S: -ERR"}, good: []string{"C: NOOP", "S: -ERR"}},
		{id: "pop3.wrong-state", in: loggedIn, bad: []string{"C: USER u2", "S: -ERR"}, good: []string{"C: STAT", "S: -ERR"}},
		{id: "pop3.wrong-state", in: hello, bad: []string{"C: PASS secret", "S: -ERR"}, good: []string{"C: USER u1", "S: +OK", "C: CAPA", "S: +OK", "S: USER", "S: .", "C: PASS secret", "S: -ERR"}},
		{id: "pop3.wrong-state", in: hello, bad: []string{"C: USER u1", "S: -ERR", "C: PASS secret", "S: -ERR"}, good: []string{"C: USER u1\r\nPASS secret", "S: -ERR\r\n-ERR"}},
		{id: "pop3.wrong-state", in: hello, bad: []string{"C: USER u1", "S: +OK", "C: PASS wrong", "S: -ERR", "C: PASS secret", "S: -ERR"}, good: []string{"C: USER u1", "S: +OK", "C: PASS wrong", "S: -ERR", "C: USER u1", "S: +OK", "C: PASS secret", "S: -ERR"}},
		{id: "pop3.wrong-state", in: capable[:9], bad: []string{"C: CAPA\r\nCAPA", "S: -ERR\r\n-ERR", "C: PASS secret", "S: -ERR"}, good: []string{"C: CAPA\r\nUSER u1", "S: -ERR\r\n+OK", "C: PASS secret", "S: -ERR"}},
		{id: "pop3.wrong-state", in: hello, bad: []string{"C: USER u1", "S: +OK", "C: AUTH PLAIN", "S: -ERR", "C: PASS secret", "S: -ERR"}, good: []string{"C: AUTH PLAIN", "S: -ERR", "C: USER u1", "S: +OK", "C: PASS secret", "S: -ERR"}},
		{id: "pop3.deleted-message", in: loggedIn, bad: []string{"C: DELE 1", "S: +OK", "C: RETR 1", "S: -ERR", "C: QUIT", "S: +OK"}, good: []string{"C: DELE 1", "S: +OK", "C: RSET", "S: +OK", "C: RETR 1", "S: -ERR"}},
		{id: "pop3.no-such-message", in: loggedIn, bad: []string{"C: STAT", "S: +OK 2 9", "C: RETR 3", "S: -ERR"}, good: []string{"C: STAT", "S: +OK 2 9", "C: RETR 2", "S: -ERR"}},
		{id: "pop3.pipelining", in: simple, bad: []string{"C: STAT\r\nNOOP", "S: +OK 0 0\r\n+OK"}, good: []string{"C: STAT", "S: +OK 0 0", "C: NOOP", "S: +OK"}},
		{id: "pop3.not-advertised", in: simple, bad: []string{"C: UIDL 1", "S: -ERR"}, good: []string{"C: LIST 1", "S: -ERR"}},
		{id: "auth.mechanism-not-offered", in: capable[:9], bad: []string{"C: AUTH CRAM-MD5", "S: -ERR"}, good: []string{"C: AUTH PLAIN", "S: -ERR"}},
		{id: "auth.channel-binding", in: hello, bad: []string{"C: AUTH SCRAM-SHA-256-PLUS", "S: -ERR"}, good: []string{"C: AUTH SCRAM-SHA-256", "S: -ERR"}},
		{id: "auth.channel-binding-offered", in: hello, bad: []string{"C: CAPA", "S: +OK", "S: SASL SCRAM-SHA-1-PLUS", "S: ."}, good: []string{"C: CAPA", "S: +OK", "S: SASL SCRAM-SHA-1", "S: ."}},
		{id: "pop3.deletions-lost", in: loggedIn, bad: []string{"C: DELE 1", "S: +OK"}, good: []string{"C: DELE 1", "S: +OK", "C: QUIT", "S: +OK"}},
		{id: "habit.list-each", in: loggedIn, bad: times(5, "C: LIST 1", "S: +OK 1 2"), good: times(4, "C: LIST 1", "S: +OK 1 2")},
		{id: "habit.top-each", in: capable, bad: times(5, "C: TOP 1 0", "S: -ERR"), good: times(1, "C: TOP 1 0\r\nTOP 2 0\r\nTOP 3 0\r\nTOP 4 0\r\nTOP 5 0\r\nTOP 6 0", strings.Repeat("S: -ERR\r\n", 1)+strings.Repeat("-ERR\r\n", 5))},
		{id: "habit.stat-polling", in: loggedIn, bad: times(5, "C: STAT", "S: +OK 0 0"), good: times(4, "C: STAT", "S: +OK 0 0")},
		{id: "habit.login-again", in: hello, bad: times(3, "C: USER u1", "S: +OK", "C: PASS secret", "S: -ERR"), good: times(2, "C: USER u1", "S: +OK", "C: PASS secret", "S: -ERR")},

		{clear: true, id: "auth.cleartext", in: hello, bad: []string{"C: USER u1", "S: +OK", "C: PASS secret", "S: -ERR"}, good: []string{"C: APOP u1 abcdef", "S: -ERR"}},
		{clear: true, id: "auth.cleartext", in: hello, bad: []string{"C: AUTH PLAIN AHUxAHNlY3JldA==", "S: -ERR"}, good: []string{"C: AUTH PLAIN", "S: -ERR"}},
		{clear: true, id: "pop3.apop", in: hello, bad: []string{"C: APOP u1 abcdef", "S: -ERR"}, good: []string{"C: NOOP", "S: -ERR"}},
	} {
		for _, twin := range []bool{false, true} {
			lines := x.bad
			if twin {
				lines = x.good
			}
			w := check(t, decode.Options{TLS: !x.clear}, script(append(slices.Clone(x.in), lines...)...), every(3))
			fired := false
			for _, e := range w.events {
				for _, f := range e.Findings {
					switch {
					case f.ID == x.id:
						fired = true
					case f.Severity > decode.Note:
						t.Errorf("%s %q: also %s %q", x.id, lines, f.ID, f.Fact)
					}
				}
				if note := pop3.Note(&e); len([]rune(note)) > 41 {
					t.Errorf("note of %d columns: %q", len([]rune(note)), note)
				}
			}
			if fired == twin {
				t.Errorf("%s: %q: fired %v\n%s", x.id, lines, fired, table(w.events))
			}
		}
	}
}

// What nobody reads is not built, and what is found is the same.
func TestBareFindsTheSame(t *testing.T) {
	for _, path := range transcripts(t) {
		ids := func(o decode.Options) (all []decode.Finding) {
			for _, e := range play(o, load(t, path), whole).events {
				all = append(all, e.Findings...)
			}
			return all
		}
		full := ids(decode.Options{})
		for name, o := range map[string]decode.Options{"bare": {Bare: true}, "unseen": {Unseen: true}} {
			if got := ids(o); !slices.Equal(full, got) {
				t.Errorf("%s: %v, %s %v", path, full, name, got)
			}
		}
	}
}

// A client that waits for answers goes on behind a gap only when it had them.
func TestGapTakesAnswersOfAClientThatWaits(t *testing.T) {
	x := pop3.New(decode.Options{})
	for _, r := range login {
		x.Write(r.dir, time.Time{}, []byte(r.p))
	}
	x.Write(decode.Client, time.Time{}, []byte("STAT\r\n"))
	x.Gap(decode.Server, time.Time{}, 10)
	x.Write(decode.Client, time.Time{}, []byte("NOOP\r\n"))
	_, _, events := x.Write(decode.Server, time.Time{}, []byte("+OK done\r\n"))
	if len(events) != 1 || events[0].Command == nil || events[0].Command.Name != "NOOP" {
		t.Errorf("got %s", table(events))
	}
}

// What a message has wrong stands where it stood on the wire, with the dots that were
// taken away before it.
func TestProblemsOfMessagesStandWhereTheyWereOnTheWire(t *testing.T) {
	const begin = "+OK 99 octets\r\n"
	const message = "From: a@example.org\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\nSubject: x\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n"
	for _, x := range []struct {
		body string
		bad  bool
	}{{"..!!!\r\n", true}, {"", false}} {
		runs := append(slices.Clone(login), c("RETR 1\r\n"), s(begin+message+x.body+".\r\n"))
		w := check(t, decode.Options{TLS: true}, runs, every(3))
		var found []decode.Finding
		for _, e := range w.events {
			if e.Kind == decode.MIME {
				found = append(found, e.Findings...)
			}
		}
		if (len(found) > 0) != x.bad {
			t.Errorf("%q: found %v", x.body, found)
		}
		stream := joined(runs, decode.Server)
		for _, f := range found {
			// The first dot was taken away; the second is the content that is no base64.
			if at := stream[f.Span.Off-1:]; f.ID == "mime.base64-invalid" && !strings.HasPrefix(at, "..!") {
				t.Errorf("%s %q is said to stand at %q", f.ID, f.Fact, at[1:])
			}
		}
	}
}

// USER counts where it was accepted before its line was whole.
func TestUserThatWasAnsweredEarlyIsAccepted(t *testing.T) {
	runs := []run{s("+OK ready\r\n"), c("USER u"), s("+OK\r\n"), c("1\r\n"), c("PASS secret\r\n"), s("-ERR\r\n")}
	for _, e := range play(decode.Options{TLS: true}, runs, whole).events {
		for _, f := range e.Findings {
			if f.ID == "pop3.wrong-state" {
				t.Errorf("%s %q", f.ID, f.Fact)
			}
		}
	}
}
