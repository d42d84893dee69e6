package pop3_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/pop3"
)

// Listings are told as what they mean, however they are cut.
func TestListings(t *testing.T) {
	runs := script(
		"S: +OK ready",
		"C: AUTH", "S: +OK", "S: plain", "S: CRAM-MD5", "S: what is this?", "S: .",
		"C: LANG", "S: +OK Language listing follows:", "S: en English", "S: en-boont English Boontling dialect", "S: de", "S: .",
		"C: USER u1", "S: +OK", "C: PASS secret", "S: +OK",
		"C: XTND XLIST From", "S: +OK", "S: 1 From: Alice <alice@example.org>", "S: 2", "S: none of them", "S: .",
	)
	want := []pop3.Listing{
		{Mechanisms: []string{"PLAIN", "CRAM-MD5"}},
		{Languages: []pop3.Language{{Tag: "en", Description: "English"}, {Tag: "en-boont", Description: "English Boontling dialect"}, {Tag: "de"}}},
		{Fields: []pop3.FieldOf{{Message: 1, Field: "From: Alice <alice@example.org>"}, {Message: 2}}},
	}
	each := func(s string) (octets []string) {
		for i := range s {
			octets = append(octets, s[i:i+1])
		}
		return octets
	}
	for name, cut := range map[string]func(string) []string{"whole": func(s string) []string { return []string{s} }, "octets": each} {
		t.Run(name, func(t *testing.T) {
			var got []pop3.Listing
			for _, e := range play(decode.Options{TLS: true}, runs, cut).events {
				if l, ok := e.Detail.(*pop3.Listing); ok {
					got = append(got, pop3.Listing{Mechanisms: l.Mechanisms, Languages: l.Languages, Fields: l.Fields})
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// The note of XTND says what it lists. Its argument is shown where it is the name of a field that
// clients list; anything else may be a secret in the wrong place.
func TestArgumentOfXTND(t *testing.T) {
	const all, filled = "a header field of each message", "argument redacted"
	for line, want := range map[string]string{
		"XTND XLIST From": all, "xtnd xlist subject 12": all, "XTND XLIST": all,
		"XTND XLIST secret": filled, "XTND XLIST From secret": filled, "XTND XLIST From 1 secret": filled, "XTND XMIT From": filled,
	} {
		for _, secrets := range []bool{false, true} {
			for _, e := range play(decode.Options{TLS: true, Secrets: secrets}, script("S: +OK ready", "C: "+line), whole).events {
				if e.Kind != decode.CommandLine {
					continue
				}
				if got := pop3.Note(&e); !secrets && got != want {
					t.Errorf("%s: note %q, want %q", line, got, want)
				}
				if shown := string(e.Text) == line; shown != (secrets || want == all) {
					t.Errorf("%s: shown as %q, secrets asked for: %v", line, e.Text, secrets)
				}
			}
		}
	}
}
