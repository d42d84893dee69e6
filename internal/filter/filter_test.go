package filter

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

func fetched() *decode.Event {
	done := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return &decode.Event{
		Seq: 7, Time: done, Conn: 2, Protocol: "imap", Dir: decode.Server, Kind: decode.Completion, State: decode.Selected,
		Tag: "a3", Name: "OK", Command: &decode.Command{Seq: 5, Tag: "a3", Name: "FETCH", Complete: done},
		Latency: 250 * time.Millisecond, First: 20 * time.Millisecond, Mailbox: "INBOX",
		Text: []byte("a3 OK done 200ms"), Span: decode.Span{Off: 100, Len: 18_000}, Detail: 1007,
		Findings: []decode.Finding{{ID: "imap.uid-zero", Severity: decode.Warning}, {ID: "starttls.stripped", Severity: decode.Error}},
	}
}

func TestMatch(t *testing.T) {
	clean := fetched()
	clean.Findings = nil
	for _, x := range []struct {
		expr         string
		found, clean bool
	}{
		{`name == "FETCH" && latency > 200ms`, true, true},
		{`name == "OK"`, true, true},
		{`name == "NO"`, false, false},
		{`name == "OK" && name == "FETCH"`, false, false},
		{`command == "FETCH" and kind == "completion"`, true, true},
		{`latency > 0.2s and latency < 1m30s`, true, true},
		{`latency > 1h`, false, false},
		{`latency_us == 250_000 && first_us == 20000 && first == 20ms`, true, true},
		{`octets > 17KB && octets < 18KiB`, true, true},
		{`octets >= 17.5KB && octets < 1GiB`, true, true},
		{`octets == 18_000 && octets == 18e3`, true, true},
		{`text contains "200ms" && text contains 'OK done'`, true, true},
		{"text matches `200ms$`", true, true},
		{`finding startsWith "starttls."`, true, false},
		{`finding == "imap.uid-zero" && severity == "warning"`, true, false},
		{`finding == "imap.uid-zero" && severity == "error"`, false, false},
		{`finding == ""`, false, true},
		{`severity == "error" && name == "FETCH"`, true, false},
		{`len(findings) == 2`, true, false},
		{`any(findings, # endsWith "zero")`, true, false},
		{`seq == 7 && conn == 2 && protocol == "imap" && dir == "S" && tag == "a3" && for == 5 && offset == 100`, true, true},
		{`state == "selected" && mailbox == "INBOX" && origin == ""`, true, true},
		{`time > date("2026-01-01") && time < date("2026-01-03")`, true, true},
		{`detail?.uid == 1007`, true, true},
		{`detail?.flags?.seen == true`, false, false},
		{`conn in 1..3`, true, true},
		{`octets == 0x4650`, true, true},
		{"// all of it: 3 foo\nname == 'OK' /* 5bar */", true, true},
	} {
		f, err := Compile(x.expr, func(d any) any { return map[string]any{"uid": d} })
		if err != nil {
			t.Errorf("%s: %v", x.expr, err)
			continue
		}
		if got := f.Match(fetched()); got != x.found {
			t.Errorf("%s: %v on an event with findings", x.expr, got)
		}
		if got := f.Match(clean); got != x.clean {
			t.Errorf("%s: %v on one without", x.expr, got)
		}
		if f.Err() != nil {
			t.Errorf("%s: %v", x.expr, f.Err())
		}
	}
}

func TestCompileErrors(t *testing.T) {
	for _, x := range []struct {
		expr   string
		column int
		what   string
		hint   string
	}{
		{`name == "FETCH" && latncy > 200ms`, 20, "no field latncy", "did you mean latency"},
		{`latency > 200ms && octts > 1`, 20, "no field octts", "did you mean octets"},
		{`latency > 200ms && text contains "é" && octts > 1`, 41, "no field octts", ""},
		{`zebra == 1`, 1, "no field zebra", "the fields are seq time"},
		{`latency > 200`, 9, "mismatched types duration and number", "200ms"},
		{`latency > "200ms"`, 9, "mismatched types duration and string", "200ms"},
		{`octets > "1KB"`, 8, "mismatched types number and string", "text stands in quotes, numbers do not"},
		{`tag == 1`, 5, "mismatched types string and number", "text stands in quotes, numbers do not"},
		{`time > 5`, 6, "mismatched types time and number", "date("},
		{`findings contains "x"`, 10, "mismatched types list and string", `"pop3.size" in findings`},
		{`name = "RETR"`, 6, "unexpected token", "=="},
		{`conn == 1 AND seq > 2`, 11, "unexpected token", "&&"},
		{`name == RETR`, 9, "no field RETR", `text stands in quotes: "RETR"`},
		{`octets > 10KX`, 12, `unknown unit "KX"`, "10KiB"},
		{`octets > 9999999999GiB`, 10, "more octets", ""},
		{`name ==`, 7, "unexpected token EOF", ""},
		{`latency > 5ms )`, 15, "unexpected token", ""},
		{`name`, 1, "expected a condition", ""},
		{` `, 1, "empty", "the fields are"},
		{`text matches "["`, 6, "missing closing ]", ""},
	} {
		_, err := Compile(x.expr, nil)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", x.expr, err)
			continue
		}
		if e.Column != x.column || !strings.Contains(e.What, x.what) || !strings.Contains(e.Hint(), x.hint) {
			t.Errorf("%s: column %d, %s; hint %s", x.expr, e.Column, e.What, e.Hint())
		}
	}
	_, err := Compile("name == 'OK' &&\n  latncy > 1s", nil)
	if want := "column 19: there is no field latncy\n    latncy > 1s\n    ^"; !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %q", err)
	}
}

// An expression that fails on one event chooses it not, and says why once.
func TestMatchFails(t *testing.T) {
	f, err := Compile(`detail.uid > 3`, nil)
	if err != nil {
		t.Fatal(err)
	}
	if f.Match(fetched()) || f.Err() == nil || !strings.Contains(f.Err().Error(), "event 7") {
		t.Errorf("%v", f.Err())
	}
}

// Whatever is written, the lexer keeps what is no literal, and knows where everything stood.
func FuzzTranslate(f *testing.F) {
	for _, s := range []string{`latency > 200ms`, `octets > 10KB && text == "5ms"`, "'a\\'5s' 1m30s 0x1f", "1..3", "/* 5s */ 7µs", "`5s", "3e10s", "_5s a5s 5_000B"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		got, err := translate(src)
		if err != nil {
			var at *lexError
			if !errors.As(err, &at) || at.off < 0 || at.off > len(src) {
				t.Fatalf("%q: %v", src, err)
			}
			return
		}
		last := 0
		for i := range len(got.text) + 1 {
			s := got.source(i)
			if s < last || s > len(src) {
				t.Fatalf("%q: octet %d of %q stood at %d, behind %d", src, i, got.text, s, last)
			}
			last = s
		}
		if len(got.steps) == 0 && got.text != src {
			t.Fatalf("%q became %q", src, got.text)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	f, err := Compile(`name == "FETCH" && latency > 200ms`, nil)
	if err != nil {
		b.Fatal(err)
	}
	e := fetched()
	b.ReportAllocs()
	for b.Loop() {
		f.Match(e)
	}
}
