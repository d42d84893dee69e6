package replay

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// octets is a connection that says what it was given.
type octets struct {
	net.Conn
	r io.Reader
}

func (o octets) Read(p []byte) (int, error)      { return o.r.Read(p) }
func (octets) SetReadDeadline(time.Time) error   { return nil }
func (octets) SetDeadline(time.Time) error       { return nil }
func (octets) Write(p []byte) (n int, err error) { return len(p), nil }

// Lists inside one another are read to a bounded depth, whatever a server says.
func TestNesting(t *testing.T) {
	r := replyOf(octetElems("* X "+strings.Repeat("(", maxLine/2)), "")
	depth := 0
	for list := r.args; len(list) > 0; list = list[0].items {
		depth++
	}
	if depth != maxNesting+1 {
		t.Errorf("read to depth %d", depth)
	}
	if !newMatcher(&values{bound: newBindings()}, true).reply(r, r) {
		t.Error("does not match itself")
	}
}

// Whatever a server says is read without a panic, and matches itself.
func FuzzReply(f *testing.F) {
	for _, seed := range []string{
		"* OK [CAPABILITY IMAP4rev1] hi\r\n", "* 3 FETCH (UID 4 BODY[HEADER.FIELDS (\"a\")]<0> {3}\r\nabc FLAGS (\\Seen))\r\n",
		"* LIST (\\Sent) \"/\" \"a\\\"b\"\r\n", "* STATUS x (A 1 B 2)\r\n", "* SEARCH 1 2\r\n", "a1 NO [X (a b) \"]\"] {3}\r\n", "+\r\n",
		"* X ~{2}\r\nab)(\r\n", "* FLAGS (a", "* 1 FETCH (A)\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, says []byte) {
		w := newWire(octets{r: bytes.NewReader(says)}, time.Second)
		defer w.close()
		for {
			r, err := w.reply(time.Second)
			if err != nil {
				return
			}
			if !newMatcher(&values{bound: newBindings()}, true).reply(r, r) {
				t.Fatalf("%q does not match itself", r.show)
			}
		}
	})
}
