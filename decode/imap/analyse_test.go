package imap_test

import (
	"strings"
	"testing"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap"
	"github.com/mailtrace/mailtrace/decode/internal/decodetest"
)

// mistaken is an analyst that cannot bear an event or the end.
type mistaken struct {
	at  string // the name of the event
	end bool
}

func (m mistaken) See(e *decode.Event) {
	if m.at != "" && e.Name == m.at {
		panic("a mistake")
	}
}

func (m mistaken) Secured() {}

func (m mistaken) Row([]byte) int { return 0 }

func (m mistaken) End() []decode.Finding {
	if m.end {
		panic("a mistake at the end")
	}
	return nil
}

var dialogue = []decodetest.Chunk{
	{Dir: decode.Server, Octets: []byte("* PREAUTH hi\r\n")},
	{Dir: decode.Client, Octets: []byte("a1 SELECT INBOX\r\n")},
	{Dir: decode.Server, Octets: []byte("* 3 EXISTS\r\n* 1 RECENT\r\n* FLAGS (\\Seen)\r\na1 OK done\r\n")},
}

// A mistake in the analyst costs meaning, is said once, and leaves framing as it is.
func TestMistakeOfTheAnalystCostsNoEvent(t *testing.T) {
	for name, broken := range map[string]mistaken{"in an event": {at: "EXISTS"}, "at the end": {end: true}} {
		t.Run(name, func(t *testing.T) {
			with := func(a imap.Analyst) func(decode.Options) decode.Session {
				return func(o decode.Options) decode.Session {
					s := imap.New(o)
					imap.SetAnalyst(s, a)
					return s
				}
			}
			want := decodetest.Run(with(nil), decode.Options{}, dialogue, nil, true).Events
			got := decodetest.Run(with(broken), decode.Options{}, dialogue, nil, true).Events
			notes := 0
			var rest []string
			for i, e := range got {
				if !strings.Contains(e, "mailtrace.meaning-stopped") {
					rest = append(rest, e)
					continue
				}
				notes++
				if broken.at != "" && !strings.Contains(got[i-1], "EXISTS") {
					t.Errorf("the note stands behind %s", got[i-1])
				}
			}
			if notes != 1 {
				t.Fatalf("%d notes in\n%s", notes, strings.Join(got, "\n"))
			}
			decodetest.Same(t, "the other events", want, rest)
			decodetest.Properties(t, with(broken), dialogue, func(n int) int { return n / 2 })
		})
	}
}

// Each event passes the analyst once, in order.
func TestAnalystSeesEveryEventOnce(t *testing.T) {
	var names []string
	s := imap.New(decode.Options{})
	imap.SetAnalyst(s, recording{&names})
	var got []string
	for _, c := range dialogue {
		_, _, events := s.Write(c.Dir, decodetest.Epoch, c.Octets)
		for _, e := range events {
			got = append(got, e.Kind.String()+" "+e.Name)
		}
	}
	for _, events := range [][]decode.Event{
		s.Gap(decode.Server, decodetest.Epoch, 5), s.Resume(decode.Terminated, decodetest.Epoch),
	} {
		for _, e := range events {
			got = append(got, e.Kind.String()+" "+e.Name)
		}
	}
	decodetest.Same(t, "what the analyst saw", got, names)
}

type recording struct{ names *[]string }

func (r recording) Row([]byte) int { return 0 }

func (r recording) See(e *decode.Event) { *r.names = append(*r.names, e.Kind.String()+" "+e.Name) }

func (r recording) Secured() {}

func (r recording) End() []decode.Finding { return nil }

// More commands than are kept: those without an answer are counted all the same.
func TestUnansweredAreCountedTruly(t *testing.T) {
	s := imap.New(decode.Options{Limits: decode.Limits{Commands: 3}})
	s.Write(decode.Server, decodetest.Epoch, []byte("* PREAUTH hi\r\n"))
	s.Write(decode.Client, decodetest.Epoch, []byte("1 NOOP\r\n2 NOOP\r\n3 NOOP\r\n4 NOOP\r\n5 NOOP\r\n"))
	check := func(want int) {
		t.Helper()
		if n, _ := s.Pending(decode.Client); n != want {
			t.Errorf("%d unanswered, want %d", n, want)
		}
	}
	check(5)
	s.Write(decode.Server, decodetest.Epoch, []byte("1 OK\r\n"))
	check(4)
	s.Write(decode.Server, decodetest.Epoch, []byte("2 OK\r\n3 OK\r\n4 OK\r\n"))
	check(1)
	s.Write(decode.Server, decodetest.Epoch, []byte("5 OK\r\n6 OK\r\n"))
	check(0)
}

// A capture that begins in mid-session begins anywhere in a line.
func TestBeginningOfAForeignCaptureIsNotMalformed(t *testing.T) {
	for name, mid := range map[string]bool{"in mid-session": true, "at the greeting": false} {
		t.Run(name, func(t *testing.T) {
			events := decodetest.Run(imap.New, decode.Options{Mid: mid}, []decodetest.Chunk{
				{Dir: decode.Server, Octets: []byte("gs (\\Seen))\r\n* 3 EXISTS\r\na1 OK done\r\nnonsense\r\n")},
				{Dir: decode.Client, Octets: []byte("1:* FLAGS\r\na2 NOOP\r\n")},
			}, nil, true).Events
			all := strings.Join(events, "\n")
			want := 1 // what stands behind lines that made sense
			if !mid {
				want = 3
			}
			if n := strings.Count(all, " malformed "); n != want || !strings.Contains(all, "EXISTS") || !strings.Contains(all, "NOOP") {
				t.Errorf("%d malformed, want %d:\n%s", n, want, all)
			}
		})
	}
}
