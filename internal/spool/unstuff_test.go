package spool

import (
	"bytes"
	"testing"
)

func TestUnstuff(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{".\r\n", ""},
		{"one\r\ntwo\r\n.\r\n", "one\r\ntwo\r\n"},
		{"..\r\n...x\r\n.\r\n", ".\r\n..x\r\n"},
		{".x\r\n", "x\r\n"},                        // a server that does not stuff: RFC 1939 takes the dot
		{"a\r\n.\r", "a\r\n"},                      // terminator without LF
		{"a\n.\n", "a\n"},                          // and without CR
		{"a\r\n.\r\nb\r\n.\r\n", "a\r\n\r\nb\r\n"}, // it was not the end after all
		{"a\r\n.\rb", "a\r\n\rb"},
		{"a\r\n.\r\n..b\r\n", "a\r\n\r\n.b\r\n"},
		{"no end", "no end"},
		{"a\r.b\r\n", "a\r.b\r\n"}, // a CR alone ends no line
	} {
		for cut := 0; cut <= len(c.in); cut++ {
			var out bytes.Buffer
			var u Unstuffer
			u.Reset(&out)
			for _, p := range []string{c.in[:cut], c.in[cut:]} {
				if _, err := u.Write([]byte(p)); err != nil {
					t.Fatal(err)
				}
			}
			if out.String() != c.want {
				t.Errorf("%q cut at %d: got %q, want %q", c.in, cut, &out, c.want)
			}
		}
	}
}
