package client

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/internal/mailserver"
)

// many gives n small messages.
func many(n int) []mailserver.Message {
	list := make([]mailserver.Message, n)
	for i := range list {
		list[i] = mailserver.Message{
			Octets: fmt.Appendf(nil, "From: Desk %d <desk@example.org>\r\nDate: Mon, 05 Jan 2026 10:00:00 +0000\r\nSubject: number %d\r\n\r\nbody\r\n", i+1, i+1),
			Date:   time.Date(2026, 1, 5, 10, 0, i, 0, time.UTC),
		}
	}
	return list
}

// turns counts how often a client waited: what it said in one go, until the server spoke.
type turns struct {
	heard
	n    int
	last decode.Dir
}

func (x *turns) Octets(d decode.Dir, at time.Time, p []byte) {
	if d == decode.Client && x.last != decode.Client {
		x.n++
	}
	x.last = d
	x.heard.Octets(d, at, p)
}

func TestSummariesIMAP(t *testing.T) {
	for _, c := range []struct{ messages, limit, rows, fetches int }{
		{0, 0, 0, 0}, {1, 0, 1, 1}, {100, 0, 100, 1}, {101, 0, 101, 2}, {700, 0, 700, 3}, {700, 5, 5, 1}, {700, 350, 350, 2},
	} {
		t.Run(fmt.Sprintf("%d of %d", c.limit, c.messages), func(t *testing.T) {
			cfg := serve(t, "imaps", func(s *mailserver.Server) { s.Store = mailserver.NewStore(many(c.messages)) })
			x := &turns{}
			cfg.Observer = x
			s, err := DialIMAP(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close(nil)
			m, err := s.Select(t.Context(), "INBOX", true, "", nil)
			if err != nil {
				t.Fatal(err)
			}
			before := x.n
			next, n := uint32(c.messages), 0
			err = s.Summaries(t.Context(), m.Exists, c.limit, func(s *Summary) error {
				if want := fmt.Sprintf("number %d", next); s.Number != next || s.Subject != want || s.From != fmt.Sprintf("Desk %d", next) || s.Octets == 0 {
					return fmt.Errorf("%+v, want %s", s, want)
				}
				next--
				n++
				return nil
			})
			if err != nil || n != c.rows {
				t.Errorf("%d rows, want %d: %v", n, c.rows, err)
			}
			said := x.octets[decode.Client].String()
			if k := strings.Count(said, " FETCH "); k != c.fetches {
				t.Errorf("%d FETCH, want %d", k, c.fetches)
			}
			if turns := x.n - before; turns > min(c.fetches, 1) {
				t.Errorf("waited %d times: the commands are said ahead of the answers", turns)
			}
		})
	}
}

func TestSummariesPOP3(t *testing.T) {
	const messages = 300
	cfg := serve(t, "pop3s", func(s *mailserver.Server) { s.Store = mailserver.NewStore(many(messages)) })
	x := &turns{}
	cfg.Observer = x
	s, err := DialPOP3(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(nil)
	if !s.Has("PIPELINING") {
		t.Fatal("the embedded server offers PIPELINING")
	}
	before := x.n
	next := uint32(messages)
	err = s.Summaries(t.Context(), 0, func(s *Summary) error {
		if want := fmt.Sprintf("number %d", next); s.Number != next || s.Subject != want || s.ID == "" {
			return fmt.Errorf("%+v, want %s", s, want)
		}
		next--
		return nil
	})
	if err != nil || next != 0 {
		t.Errorf("%d left: %v", next, err)
	}
	// LIST, UIDL, and a window of TOP for each read at most.
	if turns := x.n - before; turns > messages/2 {
		t.Errorf("waited %d times for %d messages", turns, messages)
	}
}

func TestReadSummary(t *testing.T) {
	for _, c := range []struct{ in, from, address, subject string }{
		{"From: =?utf-8?q?B=C3=BCro?= <b@example.org>\r\nSubject: a\r\n b\r\n\r\nSubject: no\r\n", "Büro", "b@example.org", "a b"},
		{"subject: lf alone\nfrom: b@example.org\n\n", "b@example.org", "b@example.org", "lf alone"},
		{"no colon\r\nFrom: \"broken <b@example.org>\r\n\r\n", "broken", "b@example.org", ""},
		{"From: nothing to read\r\n", "nothing to read", "", ""},
		{"", "", "", ""},
		{"Subject: " + strings.Repeat("x", 1<<20) + "\r\nFrom: a@example.org\r\n\r\n", "a@example.org", "a@example.org", strings.Repeat("x", fieldKept-len("Subject: "))},
		{"Subject: \xe4\x1b[2J\r\n\r\n", "", "", "\uFFFD\x1b[2J"}, // printers make it harmless
	} {
		s, err := ReadSummary(strings.NewReader(c.in))
		if err != nil || s.From != c.from || s.Address != c.address || s.Subject != c.subject {
			t.Errorf("%.60q: %+v, %v", c.in, s, err)
		}
	}
}
