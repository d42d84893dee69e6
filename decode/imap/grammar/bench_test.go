package grammar

import "testing"

const (
	flagsRow    = `* 4711 FETCH (UID 104711 FLAGS (\Seen \Answered) MODSEQ (9223372))`
	envelopeRow = `* 4711 FETCH (UID 104711 ENVELOPE ("Tue, 17 Nov 2026 10:05:02 +0100" "Minutes of the meeting last week" (("Anna Example" NIL "anna" "example.org")) (("Anna Example" NIL "anna" "example.org")) (("Anna Example" NIL "anna" "example.org")) (("Berta Example" NIL "berta" "example.net")) NIL NIL NIL "<2026111709.4711@example.org>"))`
	bodyRow     = `* 7 FETCH (BODYSTRUCTURE (("text" "plain" ("charset" "utf-8") NIL NIL "quoted-printable" 1302 40 NIL NIL NIL NIL)("text" "html" ("charset" "utf-8") NIL NIL "quoted-printable" 5203 120 NIL ("inline" NIL) NIL NIL) "alternative" ("boundary" "=_x") NIL NIL NIL) UID 104711)`
)

func BenchmarkResponse(b *testing.B) {
	for _, row := range []struct{ name, text string }{
		{"flags", flagsRow},
		{"envelope", envelopeRow},
		{"bodystructure", bodyRow},
		{"exists", "* 23 EXISTS"},
		{"ok", "a1 OK Completed (0.001 + 0.000 secs)."},
		{"list", `* LIST (\HasNoChildren \Sent) "/" "Sent Items"`},
	} {
		b.Run(row.name, func(b *testing.B) {
			l := Line{Text: []byte(row.text)}
			var p Parser
			b.SetBytes(int64(len(row.text)))
			b.ReportAllocs()
			for b.Loop() {
				p.Response(&l)
			}
		})
	}
}

func BenchmarkDetail(b *testing.B) {
	for _, row := range []struct{ name, text string }{
		{"flags", flagsRow},
		{"envelope", envelopeRow},
		{"bodystructure", bodyRow},
		{"exists", "* 23 EXISTS"},
		{"ok", "a1 OK Completed (0.001 + 0.000 secs)."},
	} {
		b.Run(row.name, func(b *testing.B) {
			l := Line{Text: []byte(row.text)}
			var p Parser
			r := p.Response(&l)
			b.ReportAllocs()
			for b.Loop() {
				r.Detail()
			}
		})
	}
}
