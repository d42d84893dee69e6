package lint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/rules"
)

func found(r *rules.Rule, conn int, off int64, fact string) decode.Event {
	return decode.Event{
		Seq: uint64(off), Conn: conn, Protocol: "imap", Kind: decode.Untagged, Text: []byte("* OK \x1b"),
		Command: &decode.Command{Name: "STARTTLS"}, Findings: []decode.Finding{r.At(decode.Server, decode.Span{Off: off, Len: 3}, fact)},
	}
}

func plain(_ decode.Severity, s string) string { return s }

// report runs two captures through a format.
func report(f Format, filter func(*decode.Event) bool) *Report {
	r := New(f, filter)
	r.Begin("a b.pcapng")
	r.Events([]decode.Event{{Conn: 1, Kind: decode.Open}, {Conn: 1, Kind: decode.Open, Origin: decode.FromProxy}, {Conn: 1, Kind: decode.Greeting}})
	note := found(rules.EarlyTagged, 1, 5, "")
	note.Findings[0].Severity = decode.Note
	r.Events([]decode.Event{note})
	for i := range 7 {
		r.Events([]decode.Event{found(rules.ResponseInjection, 1, int64(10+i), fmt.Sprintf("piece %d", i))})
	}
	r.End()
	r.Begin("c.pcapng")
	r.Events([]decode.Event{{Conn: 1, Kind: decode.Open}, found(rules.ResponseInjection, 1, 90, "piece\x1b[2J")})
	r.End()
	return r
}

func TestText(t *testing.T) {
	var out bytes.Buffer
	r := report(Text(&out, TextOptions{Paint: plain, Printable: func(s string) string { return strings.ReplaceAll(s, "\x1b", "?") }}), nil)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	rule := rules.ResponseInjection
	want := ""
	for i := range 5 {
		want += fmt.Sprintf("a b.pcapng: #1 S@%d: error: %s: piece %d (%s)\n", 10+i, rule.ID, i, rule.Ref)
		if i == 0 {
			want += "    " + rule.Text + "\n"
		}
	}
	want += "a b.pcapng: 2 more of " + rule.ID + " (-v)\na b.pcapng: 1 notes not shown (-v)\n" +
		"c.pcapng: #1 S@90: error: " + rule.ID + ": piece?[2J (" + rule.Ref + ")\n"
	want = strings.Replace(want, "1 notes", "1 note", 1)
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
	if r.Connections() != 2 || r.Count(decode.Error) != 8 || r.Count(decode.Note) != 1 || !r.Fails(decode.Error) || !r.Fails(decode.Note) {
		t.Errorf("%+v", r.counts)
	}
	out.Reset()
	if err := report(Text(&out, TextOptions{Paint: plain, Verbose: true, Printable: strings.Clone}), nil).Close(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), ": error: "); n != 8 || !strings.Contains(out.String(), ": note: ") {
		t.Errorf("verbose has %d errors:\n%s", n, &out)
	}
}

func TestFilteredAndFails(t *testing.T) {
	r := report(Text(&bytes.Buffer{}, TextOptions{Paint: plain, Printable: strings.Clone}), func(e *decode.Event) bool { return e.Seq == 5 })
	if r.Count(decode.Error) != 0 || r.Count(decode.Note) != 1 || r.Fails(decode.Warning) || !r.Fails(decode.Note) {
		t.Errorf("%+v", r.counts)
	}
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	if err := report(JSON(&out), nil).Close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 9 {
		t.Fatalf("%d lines", len(lines))
	}
	const want = `{"v":1,"file":"c.pcapng","conn":1,"seq":90,"protocol":"imap","kind":"untagged","command":"STARTTLS","line":"* OK \\x1B","finding":{"id":"starttls.response-injection","severity":"error",`
	if !strings.HasPrefix(lines[8], want) || !strings.HasSuffix(lines[8], `,"fact":"piece\\x1B[2J","dir":"S","offset":90,"octets":3}}`) {
		t.Errorf("got %s", lines[8])
	}
}

func TestSARIF(t *testing.T) {
	for _, clean := range []bool{true, false} {
		var out bytes.Buffer
		r := New(SARIF(&out, "1.2"), nil)
		if !clean {
			r = report(SARIF(&out, "1.2"), nil)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		var log struct {
			Version string
			Runs    []struct {
				Tool struct {
					Driver struct {
						Name, Version string
						Rules         []struct{ ID string }
					}
				}
				Results []result
			}
		}
		if err := json.Unmarshal(out.Bytes(), &log); err != nil {
			t.Fatalf("%v in\n%s", err, &out)
		}
		run := log.Runs[0]
		if log.Version != "2.1.0" || run.Tool.Driver.Name != "mailtrace" || len(run.Tool.Driver.Rules) != len(rules.All()) || run.Results == nil {
			t.Errorf("%+v", run)
		}
		if clean {
			continue
		}
		if len(run.Results) != 9 {
			t.Fatalf("%d results", len(run.Results))
		}
		x := run.Results[1]
		place := x.Locations[0]
		if x.RuleID != rules.ResponseInjection.ID || x.Level != "error" || place.PhysicalLocation.ArtifactLocation.URI != "a%20b.pcapng" ||
			place.LogicalLocations[0].FullyQualifiedName != "#1 S@10" || !strings.HasPrefix(x.Message.Text, "piece 0: ") {
			t.Errorf("%+v", x)
		}
	}
}
