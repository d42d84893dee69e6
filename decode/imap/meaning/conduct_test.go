package meaning_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// talk is a dialogue, a line each: "C: a1 NOOP", "S: a1 OK", "TLS" where it begins, "GAP" for
// octets of the server that are missing, "WAIT 30m" for time that passes.
func talk(t *testing.T, o decode.Options, dialogue string) []decode.Finding {
	t.Helper()
	s := imap.New(o)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var found []decode.Finding
	take := func(events []decode.Event) {
		for _, e := range events {
			found = append(found, e.Findings...)
		}
	}
	for line := range strings.Lines(dialogue) {
		at = at.Add(time.Millisecond)
		line = strings.TrimSpace(line)
		dir := decode.NoDir
		switch kind, rest, _ := strings.Cut(line, ": "); {
		case line == "":
		case line == "TLS":
			take(s.Resume(decode.Terminated, at))
		case line == "GAP":
			take(s.Gap(decode.Server, at, 100))
		case strings.HasPrefix(line, "WAIT "):
			d, err := time.ParseDuration(line[5:])
			if err != nil {
				t.Fatal(err)
			}
			at = at.Add(d)
		case kind == "C" || kind == "S":
			line = rest
			if dir = decode.Client; kind == "S" {
				dir = decode.Server
				line = withText(line)
			}
		default:
			t.Fatalf("what is %q?", line)
		}
		if dir == decode.NoDir {
			continue
		}
		n, _, events := s.Write(dir, at, []byte(line+"\r\n"))
		if n != len(line)+2 {
			t.Fatalf("%q: %d octets taken", line, n)
		}
		take(events)
	}
	take(s.Close(decode.Client, at))
	take(s.Close(decode.Server, at))
	return found
}

// withText gives a status response the text that it must have (RFC 9051 §9 resp-text).
func withText(line string) string {
	for _, end := range [...]string{" OK", " NO", " BAD", " BYE", "]"} {
		if strings.HasSuffix(line, end) {
			return line + " text"
		}
	}
	return line
}

// ids gives which rules fired, each as often as it did.
func ids(found []decode.Finding) (all []string) {
	for _, f := range found {
		all = append(all, f.ID)
	}
	return all
}

func TestConduct(t *testing.T) {
	for _, c := range conducts {
		t.Run(c.name, func(t *testing.T) {
			o := decode.Options{TLS: !c.clear}
			var fired []decode.Finding
			for _, f := range talk(t, o, c.fires) {
				if f.ID == c.rule.ID {
					fired = append(fired, f)
				}
			}
			if len(fired) != max(c.times, 1) {
				t.Fatalf("%s fired %d times: %q", c.rule.ID, len(fired), ids(talk(t, o, c.fires)))
			}
			if !strings.HasPrefix(fired[0].Fact, c.fact) {
				t.Errorf("fact %q, want %q", fired[0].Fact, c.fact)
			}
			severity := c.rule.Severity
			if c.lower {
				severity = decode.Note
			}
			if f := fired[0]; f.Dir == decode.NoDir || f.Span.Len == 0 || f.Severity != severity || f.Ref != c.rule.Ref {
				t.Errorf("%+v", f)
			}
			if all := ids(talk(t, o, c.silent)); slices.Contains(all, c.rule.ID) {
				t.Fatalf("fired where it should not: %q", all)
			}
		})
	}
}

// Every rule of conduct has a dialogue where it fires and one where it does not.
func TestConductIsTested(t *testing.T) {
	tested := map[string]bool{
		// the session's own, tested there
		rules.CommandInjection.ID: true, rules.ResponseInjection.ID: true, rules.EarlyTagged.ID: true,
	}
	for _, c := range conducts {
		tested[c.rule.ID] = true
	}
	id := regexp.MustCompile(`ID: "([^"]+)"`)
	for _, name := range []string{"starttls", "auth", "imap_conduct", "habit"} {
		src, err := os.ReadFile("../../rules/" + name + ".go")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range id.FindAllSubmatch(src, -1) {
			if !tested[string(m[1])] {
				t.Errorf("no dialogue for %s", m[1])
			}
		}
	}
}

// What a recording leaves out of a session raises no alarm, nor does what came before it.
func TestConductKnowsWhatItDidNotSee(t *testing.T) {
	const commands = "C: a FETCH 1 FLAGS\nS: * 3 EXPUNGE\nS: a OK\nS: + go\nS: b OK\nC: x NOOP\nS: x OK\nC: d IDLE\nS: + go\nC: DONE\nS: d OK\nC: z LOGOUT\nS: z OK\n"
	if all := ids(talk(t, decode.Options{TLS: true, Mid: true}, "S: rest of a line\nS: a9 OK\n"+commands)); len(all) > 0 {
		t.Errorf("in mid-session: %q", all)
	}
	if all := ids(talk(t, decode.Options{TLS: true}, box+"C: q NOOP\nGAP\nS: rest of a line\n"+commands)); len(all) > 0 {
		t.Errorf("behind a gap: %q", all)
	}
	if all := ids(talk(t, decode.Options{}, "C: a SELECT x\nS: * 1 EXISTS\nS: a OK done\nC: b FETCH 1 FLAGS\nS: * 1 FETCH (FLAGS ())\nS: b OK done\n")); len(all) > 0 {
		t.Errorf("without a greeting: %q", all)
	}
}

// A session that keeps to the rules is silent, in TLS and over STARTTLS.
func TestConductOfCleanSessions(t *testing.T) {
	const work = "C: c CAPABILITY\nS: * CAPABILITY IMAP4rev1 IDLE LITERAL+ AUTH=PLAIN SASL-IR UIDPLUS ENABLE\nS: c OK\n" +
		"C: l AUTHENTICATE PLAIN AHUAcA==\nS: l OK\nC: e ENABLE X\nS: * ENABLED\nS: e OK\n" +
		"C: f LIST \"\" %\nS: * LIST () \"/\" x\nS: f OK\nC: g SELECT x\nS: * 3 EXISTS\nS: * 0 RECENT\nS: * FLAGS ()\nS: g OK [READ-WRITE]\n" +
		"C: h UID FETCH 1:* FLAGS\nS: * 1 FETCH (UID 4 FLAGS ())\nS: * 2 EXPUNGE\nS: h OK\nC: i FETCH 1:2 ENVELOPE\nS: i OK\n" +
		"C: j APPEND x {51+}\nC: From: a@x.org\nC: Date: Fri, 2 Jan 2026 03:04:05 +0000\nS: * 3 EXISTS\nS: j OK\nC: k STORE 3 +FLAGS (\\Deleted)\nC: m EXPUNGE\nS: k OK\nS: * 3 EXPUNGE\nS: m OK\n" +
		"C: n IDLE\nS: * 3 EXISTS\nS: + go\nS: * 1 EXPUNGE\nC: DONE\nS: n OK\nC: o CLOSE\nS: o OK\n" + bye
	if found := talk(t, decode.Options{TLS: true}, "S: * OK hi\n"+work); len(found) > 0 {
		t.Errorf("in TLS: %v", found)
	}
	if found := talk(t, decode.Options{}, "S: * OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hi\nC: s STARTTLS\nS: s OK\nTLS\n"+work); len(found) > 0 {
		t.Errorf("over STARTTLS: %v", found)
	}
}

// What a peer does with every line does not fill the memory, nor the report.
func TestConductIsBounded(t *testing.T) {
	var b bytes.Buffer
	b.WriteString(in)
	for range 300 {
		b.WriteString("S: * 1 FETCH (FLAGS ())\nS: junk\nS: x OK\nS: + \n")
	}
	times := map[string]int{}
	for _, id := range ids(talk(t, decode.Options{TLS: true}, b.String())) {
		times[id]++
	}
	for _, r := range []*rules.Rule{rules.ResponseState, rules.NoResponse, rules.UnknownTag, rules.NothingAsked} {
		if n := times[r.ID]; n == 0 || n > 20 {
			t.Errorf("%d times %s", n, r.ID)
		}
	}
}

// More commands under way than are looked at: nothing is said of what that hides, and all is
// known again behind them.
func TestConductOfManyCommands(t *testing.T) {
	var b bytes.Buffer
	b.WriteString(box)
	for i := range 500 {
		fmt.Fprintf(&b, "C: t%d UID FETCH 1 FLAGS\n", i)
	}
	b.WriteString("S: * 1 EXPUNGE\n")
	for i := range 500 {
		fmt.Fprintf(&b, "S: t%d OK\n", i)
	}
	b.WriteString("C: n NOOP\nS: n OK\n")
	if all := ids(talk(t, decode.Options{TLS: true}, b.String())); !slices.Equal(all, []string{rules.HabitOneByOne.ID}) {
		t.Errorf("%q", all)
	}
	b.WriteString("S: * 1 EXPUNGE\nS: q OK\n")
	if all := ids(talk(t, decode.Options{TLS: true}, b.String())); !slices.Equal(all[1:], []string{rules.ExpungeMoment.ID, rules.UnknownTag.ID}) {
		t.Errorf("%q", all)
	}
}

// The same is found where nobody wants details, and where secrets are shown.
func TestConductDoesNotDependOnWhoLooks(t *testing.T) {
	for _, c := range conducts {
		for _, dialogue := range []string{c.fires, c.silent} {
			o := decode.Options{TLS: !c.clear}
			want := ids(talk(t, o, dialogue))
			bare, open := o, o
			bare.Bare, open.Secrets = true, true
			if got := ids(talk(t, bare, dialogue)); !slices.Equal(got, want) {
				t.Errorf("%s: without details %q, else %q", c.name, got, want)
			}
			if got := ids(talk(t, open, dialogue)); !slices.Equal(got, want) {
				t.Errorf("%s: with secrets %q, else %q", c.name, got, want)
			}
		}
	}
}

// Where a dialogue is put right nothing else is wrong in it.
func TestConductIsPrecise(t *testing.T) {
	for _, c := range conducts {
		if c.clear {
			continue // logins in the clear, and the like
		}
		for _, f := range talk(t, decode.Options{TLS: true}, c.silent) {
			if f.Severity > decode.Note && f.ID != c.beside {
				t.Errorf("%s: %s %s", c.name, f.ID, f.Fact)
			}
		}
	}
}

// No order of lines, however odd, brings the analyst down.
func TestConductOfNonsense(t *testing.T) {
	var lines []string
	for _, c := range conducts {
		for line := range strings.Lines(c.fires + "\n" + c.silent) {
			if line = strings.TrimSpace(line); line != "" && len(line) < 200 && line != "TLS" {
				lines = append(lines, line)
			}
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		s := imap.New(decode.Options{TLS: random.IntN(2) == 0, Mid: random.IntN(4) == 0})
		for range 30 {
			line := lines[random.IntN(len(lines))]
			dir := decode.Server
			if line[0] == 'C' {
				dir = decode.Client
			}
			_, text, _ := strings.Cut(line, ": ")
			text += "\r\n"
			n, next, events := s.Write(dir, time.Time{}, []byte(text))
			for _, e := range events {
				for _, f := range e.Findings {
					if f.ID == rules.MeaningStopped.ID {
						t.Fatalf("at %q: %s", line, f.Fact)
					}
				}
			}
			if next == decode.TLSHere || n < len(text) {
				s.Resume(decode.Terminated, time.Time{})
			}
		}
		if stop, ok := s.(decode.Stopper); ok {
			stop.Stop()
		}
	}
}
