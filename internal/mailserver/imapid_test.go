package mailserver

import (
	"bufio"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

func TestIMAPID(t *testing.T) {
	server, _ := certificate()
	text := "* CAPABILITY IMAP4rev1 \r\nx ID NIL\r\n"
	for _, secured := range []bool{false, true} {
		s := &Server{Store: NewStore([]Message{{Octets: []byte(text)}}), Name: "mailtrace"}
		if secured {
			s.TLSConfig, s.RequireTLS = server, true
		}
		addr, _ := start(t, s, nil)
		p := dial(t, addr)
		p.expect("* OK [CAPABILITY IMAP4rev1 ID SASL-IR")
		p.has(p.run("a", "ID NIL"), "* ID (\"name\" \"mailtrace\")\r\na OK")
		if secured {
			p.ask("b STARTTLS", "b OK")
			p.upgrade()
		}
		p.has(p.run("c", "CAPABILITY"), "* CAPABILITY IMAP4rev1 ID SASL-IR")
		p.ask("d LOGIN u1 {5}", "+")
		p.ask("wrong", "d NO")
		p.ask("e AUTHENTICATE PLAIN", "+")
		p.ask("AHUxAHNlY3JldA==", "e OK [CAPABILITY IMAP4rev1 ID SASL-IR")
		p.has(p.run("f", `id ("name" "test" "x" "{5}")`), "* ID (")
		p.run("g", "SELECT INBOX")
		// What looks like it in a message stays, in both directions.
		p.has(p.run("h", "FETCH 1 BODY.PEEK[]"), "{35}\r\n"+text+")")
		p.run("i", "APPEND INBOX {35+}\r\n"+text)
		p.has(p.run("j", "FETCH 2 BODY.PEEK[]"), "{35}\r\n"+text+")")
		// Pipelined, each is answered in its turn.
		p.send("k FETCH 1 UID\r\nl ID NIL\r\nm NOOP\r\n")
		p.expect("* 1 FETCH", "k OK", "* ID", "l OK", "m OK")
	}
}

// Whatever is not ID goes by as it is, however it is cut.
func FuzzIdentifying(f *testing.F) {
	f.Add("a NOOP\r\nb ID NIL\r\nc APPEND x {10}\r\nd ID NIL\r\ne ID NIL\r\n", uint64(1))
	f.Add("a LOGIN {3+}\r\nx y {2}\r\nzz\r\nA ID (\"a\" \"b\")\r\nrest", uint64(2))
	f.Add(strings.Repeat("x", 10_000)+" ID\r\na ID\r\n{99999999999999999999}\r\n", uint64(3))
	f.Fuzz(func(t *testing.T, octets string, seed uint64) {
		read := func(r io.Reader, size int) string {
			var out strings.Builder
			x := &identifying{name: "n", in: bufio.NewReaderSize(r, clearLimit), out: io.Discard}
			p := make([]byte, size)
			for {
				n, err := x.read(p)
				out.Write(p[:n])
				if err != nil {
					return out.String()
				}
			}
		}
		whole := read(strings.NewReader(octets), 4096)
		if cut := read(iotest.OneByteReader(strings.NewReader(octets)), 1+rand.New(rand.NewPCG(seed, 3)).IntN(50)); cut != whole {
			t.Errorf("cut: %q, whole: %q", cut, whole)
		}
		// What is taken out are whole lines with the word.
		if len(whole) > len(octets) || !strings.Contains(strings.ToUpper(octets), " ID") && whole != octets {
			t.Errorf("%q becomes %q", octets, whole)
		}
	})
}
