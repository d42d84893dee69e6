package proxy

import (
	"testing"

	"github.com/mailtrace/mailtrace/decode"
)

const refusedPOP3 = "-ERR mailtrace: TLS is required here: use STLS first"

// POP3 has no tags, so that answers must come in the order of the commands.
func TestGatePOP3(t *testing.T) {
	p, c := owned(t, "pop3")
	c.expect("+OK ready <1896.697170952@dbc.mtview.ca.us>")
	c.send("CAPA\r\nUSER u\r\nPASS secret\r\ncapa\r\nhunter2\r\n")
	capabilities := func() {
		for _, want := range []string{"+OK", "TOP", "USER", "STLS", "."} {
			c.expect(want)
		}
	}
	capabilities()
	c.expect(refusedPOP3)
	c.expect(refusedPOP3)
	capabilities()
	c.expect(refusedPOP3)
	c.send("STLS\r\n")
	c.expect("+OK Begin TLS negotiation")
	c = c.secure()
	c.send("USER u\r\n")
	c.expect("+OK")
	c.send("QUIT\r\n")
	c.expect("+OK")
	c.expect("EOF")
	c.Close()
	p.events.closed(t, 1)
	if n := len(p.events.kept(decode.Edit)); n != 2+3+1 {
		t.Errorf("%d edits\n%s", n, p.events.text())
	}
}

func TestGatePOP3Quit(t *testing.T) {
	p, c := owned(t, "pop3")
	c.expect("+OK ready <1896.697170952@dbc.mtview.ca.us>")
	c.send("QUIT\r\n")
	c.expect("+OK")
	c.expect("EOF")
	c.Close()
	if f := p.events.closed(t, 1); f.Get("by") != "server" || f.Get("reason") != "" {
		t.Errorf("closed: %v", f)
	}
}
