package corpus

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/rules"
)

var update = flag.Bool("update", false, "write quirks/framing.golden")

// read gives a file's text.
func read(t testing.TB, path string) string {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}

// quirks gives the names of all quirks.
func quirks(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("quirks/*.script")
	if err != nil || len(paths) == 0 {
		t.Fatal("no quirks", err)
	}
	var names []string
	for _, p := range paths {
		if name := strings.TrimSuffix(filepath.Base(p), ".script"); !strings.HasSuffix(name, ".twin") {
			names = append(names, name)
		}
	}
	return names
}

// found gives the findings of events above a severity, each ID once.
func found(events []decode.Event, least decode.Severity) map[string]decode.Finding {
	all := map[string]decode.Finding{}
	for _, e := range events {
		for _, f := range e.Findings {
			if f.Severity >= least {
				all[f.ID] = f
			}
		}
	}
	return all
}

func findings(events []decode.Event) (all []decode.Finding) {
	for i := range events {
		all = append(all, events[i].Findings...)
	}
	return all
}

// decoded runs a dialogue whole, octet by octet and cut at random, and wants the same events.
func decoded(t *testing.T, d *dialogue) []decode.Event {
	t.Helper()
	events := d.run(whole)
	for name, cut := range map[string]func([]byte) [][]byte{"octet by octet": octets, "random 1": drawn(1), "random 2": drawn(2)} {
		if diff := same(events, d.run(cut)); diff != "" {
			t.Errorf("%s, %s: %s", d.name, name, diff)
		}
		if got, want := findings(d.runAs(decode.Options{TLS: d.tls, Unseen: true}, cut)), findings(events); !slices.Equal(got, want) {
			t.Errorf("%s, %s, unseen: %v, want %v", d.name, name, got, want)
		}
	}
	return events
}

// TestQuirks holds the decoders to what each quirk says at its head: that is found, and
// nothing else above note, neither in it nor in its twin.
func TestQuirks(t *testing.T) {
	var golden []string
	var expected, recalled, fired, right int
	for _, name := range quirks(t) {
		path := filepath.Join("quirks", name)
		quirk := parse(t, name, path+".script", read(t, path+".script"))
		twin := parse(t, name+" twin", path+".twin.script", read(t, path+".twin.script"))
		if len(quirk.head["ref"]) == 0 || len(quirk.head["finding"]) == 0 {
			t.Errorf("%s: no reference or no finding at its head", name)
		}
		if quirk.conduct == twin.conduct && quirk.tls == twin.tls {
			t.Errorf("%s: the twin is the same", name)
		}
		events, tame := decoded(t, &quirk), decoded(t, &twin)
		for _, d := range []struct {
			name   string
			events []decode.Event
		}{{name, events}, {name + " twin", tame}} {
			golden = append(golden, "# "+d.name)
			for i := range d.events {
				golden = append(golden, framed(&d.events[i]))
			}
		}

		want := map[string]bool{}
		notes := found(events, decode.Note)
		for _, f := range quirk.head["finding"] {
			id, severity, _ := strings.Cut(f, " ")
			if id == "none" {
				continue
			}
			if rules.ByID(id) == nil {
				t.Errorf("%s: %s is no rule", name, id)
			}
			want[id] = true
			expected++
			switch f, ok := notes[id]; {
			case !ok:
				t.Errorf("%s: %s was not found", name, id)
			case f.Severity.String() != severity:
				t.Errorf("%s: %s is of severity %s here, want %s", name, id, f.Severity, severity)
			default:
				recalled++
			}
		}
		alarms := func(what string, events []decode.Event, want map[string]bool) {
			all := found(events, decode.Warning)
			for _, id := range slices.Sorted(maps.Keys(all)) {
				fired++
				if want[id] {
					right++
					continue
				}
				t.Errorf("%s: %s: false alarm: %s %q at %v", name, what, id, all[id].Fact, all[id].Span)
			}
		}
		alarms("itself", events, want)
		alarms("twin", tame, nil)
		for _, e := range tame {
			if e.Kind == decode.Malformed || e.Kind == decode.Desync {
				t.Errorf("%s twin: %s", name, framed(&e))
			}
		}
	}
	t.Logf("%d quirks, recall %d of %d (%.3f), precision %d of %d (%.3f)", len(quirks(t)), recalled, expected, ratio(recalled, expected), right, fired, ratio(right, fired))

	const path = "quirks/framing.golden"
	text := strings.Join(golden, "\n") + "\n"
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if was := read(t, path); was != text {
		a, b := strings.Split(was, "\n"), strings.Split(text, "\n")
		of := ""
		for i := range min(len(a), len(b)) {
			if strings.HasPrefix(a[i], "# ") {
				of = a[i]
			}
			if a[i] != b[i] {
				t.Fatalf("%s:%d: of %s:\nwant %s\ngot  %s", path, i+1, of, a[i], b[i])
			}
		}
		t.Fatalf("%s: %d lines, want %d", path, len(b), len(a))
	}
}

func ratio(a, b int) float64 { return float64(a) / float64(max(b, 1)) }

// TestExamples holds the decoders to the examples of the RFCs: they are right.
func TestExamples(t *testing.T) {
	paths, err := filepath.Glob("rfc/*.script")
	if err != nil || len(paths) == 0 {
		t.Fatal("no examples", err)
	}
	examples := 0
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".script"), func(t *testing.T) {
			for i, src := range strings.Split("\n"+read(t, path), "\n# §") {
				if i == 0 {
					continue // what stands above the first
				}
				examples++
				section, _, _ := strings.Cut(src, "\n")
				d := parse(t, fmt.Sprintf("§%s (example %d)", section, i), path, "# §"+src)
				events := decoded(t, &d)
				all := found(events, decode.Warning)
				for _, f := range d.head["finding"] {
					id, _, _ := strings.Cut(f, " ")
					if _, ok := all[id]; !ok {
						t.Errorf("%s: %s was not found", d.name, id)
					}
					delete(all, id)
				}
				for _, e := range events {
					if e.Kind == decode.Malformed || e.Kind == decode.Desync {
						t.Errorf("%s: %s %q", d.name, framed(&e), e.Text)
					}
					for _, f := range e.Findings {
						if _, ok := all[f.ID]; ok {
							t.Errorf("%s: %s %q: %q", d.name, f.ID, f.Fact, e.Text)
						}
					}
				}
			}
		})
	}
	t.Logf("%d examples", examples)
}
