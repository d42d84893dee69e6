package compare

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// A turn is what the client says in one go before the server speaks, however the octets are cut.
func TestMeter(t *testing.T) {
	type said struct {
		dir  decode.Dir
		text string
	}
	session := []said{
		{decode.Server, "* OK [CAPABILITY IMAP4rev1] ready\r\n"},
		{decode.Client, "a1 LOGIN u1 secret\r\n"},
		{decode.Server, "a1 OK in\r\n"},
		{decode.Client, "a2 NOOP\r\na3 NOOP\r\na4 CAPABILITY\r\n"}, // said ahead: one turn
		{decode.Server, "a2 OK\r\na3 OK\r\n* CAPABILITY IMAP4rev1\r\na4 OK\r\n"},
	}
	for _, cut := range []int{1, 7, 1000} {
		m := NewMeter("imap", "imap://u1@localhost", nil)
		for i, x := range session {
			if i == 3 {
				m.begin(listing)
			}
			for p := range slices.Chunk([]byte(x.text), cut) {
				m.Octets(x.dir, time.Unix(0, 0), p)
			}
		}
		m.end()
		login, list := m.side.Phases[0], m.side.Phases[1]
		if login.Commands != 1 || login.Turns != 1 || login.Sent != int64(len(session[1].text)) ||
			login.Received != int64(len(session[0].text)+len(session[2].text)) {
			t.Errorf("cut at %d, login: %+v", cut, *login)
		}
		if list.Commands != 3 || list.Turns != 1 || !slices.Equal(list.Names, []string{"NOOP", "CAPABILITY"}) {
			t.Errorf("cut at %d, list: %+v", cut, *list)
		}
		if all := m.side.Total(); all.Commands != 4 || all.Turns != 2 {
			t.Errorf("cut at %d, all: %+v", cut, *all)
		}
		if want := []string{"not-authenticated", "authenticated"}; !slices.Equal(m.side.States, want) {
			t.Errorf("cut at %d, states: %q, want %q", cut, m.side.States, want)
		}
	}
}

// The lesson tells what these two servers do, not what servers may do.
func TestLesson(t *testing.T) {
	text := func(imapOffers, pop3Offers []string) string {
		var b strings.Builder
		for _, p := range Lesson(
			&Side{Offers: imapOffers, Listed: 100, Phases: []*Phase{{Name: listing, Turns: 2}}},
			&Side{Offers: pop3Offers, Listed: 90, Phases: []*Phase{{Name: listing, Turns: 91}}},
		) {
			if p.Ref == "" {
				t.Errorf("%q has no reference", p.What)
			}
			b.WriteString(p.What + ": " + p.IMAP + " | " + p.POP3 + "\n")
		}
		return b.String()
	}
	full, bare := text([]string{"IDLE"}, []string{"PIPELINING"}), text(nil, nil)
	for _, x := range []struct{ in, text string }{
		{full, "new mail: pushed at once (IDLE) | a new session each time\n"},
		{bare, "new mail: NOOP in the open session | a new session each time\n"},
		{full, "100 headers: one FETCH for all: 2 waits | a TOP each, said ahead (PIPELINING): 91 waits\n"},
		{bare, "100 headers: one FETCH for all: 2 waits | a TOP each, waiting for each: 91 waits\n"},
	} {
		if !strings.Contains(x.in, x.text) {
			t.Errorf("no %q in\n%s", x.text, x.in)
		}
	}
}
