package print

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mailtrace/mailtrace/decode"
)

// A listing behind XTND XLIST is one row with its status line; XTND with another word has none.
func TestListingOfXTND(t *testing.T) {
	for _, x := range []struct {
		command string
		listing bool
	}{{"XTND XLIST xxxx", true}, {"xtnd  xlist xxxx", true}, {"XTND XMIT", false}, {"XTND", false}} {
		s := newStory()
		s.begin(1, "pop3", day, nil)
		s.c(1, "", "XTND", x.command, "")
		s.answer(2, 1, decode.Completion, "", "+OK", "+OK status", "")
		if x.listing {
			s.answer(3, 2, decode.Multiline, "", "XTND", ".", "").Detail = listed("1 From: a", "2 From: b")
		}
		var out bytes.Buffer
		p := Text(&out, Options{})
		p.Events(s.events)
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		text := out.String()
		_, answer, found := strings.Cut(text, "S: ")
		row, rest, _ := strings.Cut(answer, "\n")
		if !found || !strings.HasPrefix(row, "+OK status") || !strings.Contains(row, "✓") {
			t.Errorf("%s: no row that ends the command in\n%s", x.command, text)
		}
		if strings.Contains(rest, "S: .") || strings.Contains(rest, "1 From: a · 2 From: b") != x.listing {
			t.Errorf("%s: the listing is not one row in\n%s", x.command, text)
		}
	}
}
