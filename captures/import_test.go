package captures

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mailtrace/mailtrace/decode"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	aClient = "192.0.2.7:40000"
	aPOP    = "198.51.100.9:110"
	anIMAP  = "198.51.100.9:143"
	aTLS    = "198.51.100.9:993"
	another = "198.51.100.9:2525"
	hello   = "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"
	sealed  = "\x17\x03\x03\x00\x02ab"
	hour    = time.Hour
)

// pop is a small session. Segments 0 to 2 open it, 3 is the greeting, 8 to 10 close it.
func pop(client, server string) *talk {
	return newTalk(client, server).open().s("+OK hello\r\n").c("NOOP\r\n").s("+OK\r\n").c("QUIT\r\n").s("+OK bye\r\n").close()
}

// other is a connection that is no mail, and that begins d after the others.
func other(d time.Duration) *talk {
	return newTalk("192.0.2.8:50000", "198.51.100.9:80").wait(d).open().c("GET / HTTP/1.1\r\n\r\n")
}

// moved puts a segment elsewhere in the capture; the times stay in order.
func (t *talk) moved(from, to int) *talk {
	s := t.segs[from]
	segs := append(append([]seg{}, t.segs[:from]...), t.segs[from+1:]...)
	segs = append(segs[:to:to], append([]seg{s}, segs[to:]...)...)
	for i := range segs {
		segs[i].at = t.segs[i].at
	}
	t.segs = segs
	return t
}

// again sends a segment once more at the end.
func (t *talk) again(i int) *talk {
	s := t.segs[i]
	s.at = t.at
	t.at = t.at.Add(time.Millisecond)
	t.segs = append(t.segs, s)
	return t
}

// anew makes the next segments those of another connection between the same ports.
func (t *talk) anew() *talk {
	t.next = [3]uint32{0, 700_000, 900_000}
	return t
}

// reset sends a RST.
func (t *talk) reset(d decode.Dir) *talk { return t.add(d, "RA", "") }

// stories are what happens on wires and in captures, each with what is told of it.
var stories = []struct {
	name  string
	talks func() []*talk
}{
	{"whole", func() []*talk { return []*talk{pop(aClient, aPOP)} }},
	{"IPv6", func() []*talk { return []*talk{pop("[2001:db8::1]:40000", "[2001:db8::2]:110")} }},
	{"every segment twice", func() []*talk {
		x := pop(aClient, aPOP)
		var twice []seg
		for _, s := range x.segs {
			twice = append(twice, s, s)
		}
		x.segs = twice
		return []*talk{x}
	}},
	{"the reply stands before its command", func() []*talk { return []*talk{pop(aClient, aPOP).moved(4, 5)} }},
	{"the SYN stands last of the opening", func() []*talk { return []*talk{pop(aClient, aPOP).moved(0, 3)} }},
	{"a command is missing", func() []*talk { return []*talk{pop(aClient, aPOP).without(4)} }},
	{"a reply is missing", func() []*talk { return []*talk{pop(aClient, aPOP).without(5)} }},
	{"the greeting is missing", func() []*talk { return []*talk{pop(aClient, aPOP).without(3)} }},
	{"the last reply is missing", func() []*talk { return []*talk{pop(aClient, aPOP).without(7)} }},
	{"lost on the wire, and sent again", func() []*talk {
		x := newTalk(aClient, anIMAP).open().s("* OK hello\r\n").c("a1 CAPABILITY\r\n").s("* CAPABILITY IMAP4rev1\r\n").s("a1 OK\r\n").wait(2 * time.Second)
		x.again(5)
		return []*talk{x.without(5).close()}
	}},
	{"a hole that nobody fills, and nobody acknowledges", func() []*talk {
		x := newTalk(aClient, aPOP).open().s("+OK hello\r\n").c("CAPA\r\n").s("+OK\r\nTOP\r\n").s(".\r\n")
		return []*talk{x.without(5), other(29 * time.Second), other(hour)}
	}},
	{"the server's side alone", func() []*talk { return []*talk{pop(aClient, aPOP).without(0, 2, 4, 6, 8, 10)} }},
	{"the client's side alone", func() []*talk { return []*talk{pop(aClient, aPOP).without(1, 3, 5, 7, 9)} }},
	{"the client's side alone, without its SYN", func() []*talk { return []*talk{pop(aClient, aPOP).without(0, 1, 3, 5, 7, 9)} }},
	{"from the middle, POP3", func() []*talk { return []*talk{pop(aClient, aPOP).without(0, 1, 2, 3)} }},
	{"from the middle, IMAP", func() []*talk {
		x := newTalk(aClient, anIMAP)
		x.s(" FETCH (FLAGS ())\r\na7 OK done\r\n").c("a8 LOGIN joe secret\r\n").s("a8 OK\r\n").c("a9 SELECT INBOX\r\n").s("* 3 EXISTS\r\na9 OK\r\n")
		return []*talk{x.close()}
	}},
	{"from the middle, inside of TLS", func() []*talk {
		return []*talk{newTalk(aClient, anIMAP).c(sealed).s(sealed).close()}
	}},
	{"from the middle, on a port of nobody", func() []*talk { return []*talk{pop(aClient, another).without(0, 1, 2)} }},
	{"on a port of nobody", func() []*talk { return []*talk{pop(aClient, another)} }},
	{"POP3 on the port of IMAP", func() []*talk { return []*talk{pop(aClient, anIMAP)} }},
	{"POP3 in clear on the port of TLS", func() []*talk { return []*talk{pop(aClient, aTLS)} }},
	{"TLS", func() []*talk { return []*talk{newTalk(aClient, aTLS).open().c(hello).s(hello).c(sealed).close()} }},
	{"TLS on the port of IMAP", func() []*talk { return []*talk{newTalk(aClient, anIMAP).open().c(hello).s(hello).close()} }},
	{"no TLS where TLS belongs", func() []*talk { return []*talk{newTalk(aClient, aTLS).open().c("EHLO\r\n").close()} }},
	{"STARTTLS", func() []*talk {
		x := newTalk(aClient, anIMAP).open().s("* OK hello\r\n").c("a STARTTLS\r\n").s("a OK go\r\n").c(hello).s(hello).c(sealed)
		return []*talk{x.close()}
	}},
	{"STARTTLS, the client's side alone", func() []*talk {
		x := newTalk(aClient, anIMAP).open().s("* OK hello\r\n").c("a STARTTLS\r\n").s("a OK go\r\n").c(hello).s(hello).c(sealed)
		return []*talk{x.close().without(1, 3, 5, 7, 10)}
	}},
	{"a banner of SMTP on the port of POP3", func() []*talk { return []*talk{newTalk(aClient, aPOP).open().s("220 hello\r\n").c("QUIT\r\n").close()} }},
	{"a client that speaks first", func() []*talk {
		return []*talk{newTalk(aClient, anIMAP).open().c("a NOOP\r\n").s("* OK hello\r\na OK\r\n").close()}
	}},
	{"a greeting in two segments", func() []*talk { return []*talk{newTalk(aClient, another).open().s("* O").s("K hello\r\n").close()} }},
	{"an answer that looks like a greeting", func() []*talk {
		return []*talk{newTalk(aClient, "198.51.100.9:6379").open().c("PING\r\n").s("+OK\r\n").close()}
	}},
	{"web pages", func() []*talk {
		return []*talk{other(0), newTalk(aClient, "198.51.100.9:8080").open().c("GET /\r\n\r\n").close()}
	}},
	{"nobody listens", func() []*talk {
		x := newTalk(aClient, anIMAP).add(decode.Client, "S", "").reset(decode.Server)
		return []*talk{x}
	}},
	{"nobody answers", func() []*talk { return []*talk{newTalk(aClient, anIMAP).add(decode.Client, "S", "")} }},
	{"reset by the client", func() []*talk {
		return []*talk{newTalk(aClient, aPOP).open().s("+OK hello\r\n").c("LIST\r\n").reset(decode.Client).s("+OK late\r\n")}
	}},
	{"reset by the server, out of the blue", func() []*talk { return []*talk{newTalk(aClient, aPOP).open().s("+OK hello\r\n").reset(decode.Server)} }},
	{"an old RST", func() []*talk {
		x := newTalk(aClient, aPOP).open()
		old := seg{from: x.ends[decode.Server], to: x.ends[decode.Client], seq: x.next[decode.Server] - 500, flags: "R", at: x.at}
		x.s("+OK hello\r\n")
		x.segs = append(x.segs, old)
		return []*talk{x.c("NOOP\r\n").s("+OK\r\n").close()}
	}},
	{"the same ports again", func() []*talk {
		x := pop(aClient, aPOP)
		y := newTalk(aClient, aPOP).wait(hour).anew().open().s("+OK again\r\n").close()
		return []*talk{x, y}
	}},
	{"the same ports again, and no end between", func() []*talk {
		x := newTalk(aClient, aPOP).open().s("+OK hello\r\n").c("NOO")
		y := newTalk(aClient, aPOP).wait(hour).anew().open().s("+OK again\r\n").close()
		return []*talk{x, y}
	}},
	{"what comes late changes nothing", func() []*talk { return []*talk{pop(aClient, aPOP).again(3).again(8).again(0)} }},
	{"two connections", func() []*talk {
		return []*talk{pop(aClient, aPOP), pop("192.0.2.7:40001", anIMAP).wait(0)}
	}},
	{"mail among others", func() []*talk { return []*talk{other(0), pop(aClient, aPOP)} }},
	{"probes of an idle connection", func() []*talk {
		x := newTalk(aClient, aPOP).open().s("+OK hello\r\n").c("NOOP\r\n").s("+OK\r\n")
		x.next[decode.Client]--
		x.add(decode.Client, "A", "\x00")
		x.next[decode.Client]--
		x.add(decode.Client, "A", "")
		x.next[decode.Client]++
		return []*talk{x.c("QUIT\r\n").s("+OK\r\n").close()}
	}},
	{"octets with the SYN and with the FIN", func() []*talk {
		x := newTalk(aClient, aPOP).add(decode.Client, "S", "").add(decode.Server, "SA", "+OK hello\r\n")
		return []*talk{x.add(decode.Client, "FPA", "QUIT\r\n").add(decode.Server, "FPA", "+OK bye\r\n")}
	}},
	{"only the client ends", func() []*talk {
		return []*talk{newTalk(aClient, aPOP).open().s("+OK hello\r\n").c("QUIT\r\n").add(decode.Client, "FA", "").s("+OK bye\r\n")}
	}},
}

func TestStories(t *testing.T) {
	var b strings.Builder
	for _, x := range stories {
		lines, left, err := story(t, foreign(t, x.talks()...))
		fmt.Fprintf(&b, "== %s ==\n", x.name)
		for _, line := range lines {
			b.WriteString(line + "\n")
		}
		if left.String() != "" {
			fmt.Fprintf(&b, "left out: %s\n", left)
		}
		if err != nil {
			fmt.Fprintf(&b, "error: %v\n", err)
			if !errors.As(err, new(*NoMail)) {
				t.Errorf("%s: %v", x.name, err)
			}
		}
		b.WriteByte('\n')
	}
	const golden = "testdata/stories.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Error(d)
	}
}

// TestEveryLink tells the same story on every link, in every kind of file.
func TestEveryLink(t *testing.T) {
	for name, f := range framings {
		client, server := aClient, aPOP
		if name == "IPv6" {
			client, server = "[2001:db8::1]:40000", "[2001:db8::2]:110"
		}
		segs := pop(client, server).segs
		want, _, err := story(t, foreign(t, pop(client, server)))
		if err != nil {
			t.Fatal(err)
		}
		records := onLink(t, f, segs)
		for kind, file := range map[string][]byte{
			"pcap":               pcapOf(t, records),
			"pcap, nanoseconds":  pcapBy(littleEndian, time.Nanosecond, records),
			"pcap, big":          pcapBy(bigEndian, time.Microsecond, records),
			"pcap, big, nanos":   pcapBy(bigEndian, time.Nanosecond, records),
			"pcapng":             pcapngBy(littleEndian, records),
			"pcapng, big-endian": pcapngBy(bigEndian, records),
		} {
			got, left, err := story(t, file)
			if d := cmp.Diff(want, got); d != "" || err != nil || left.String() != "" {
				t.Errorf("%s, %s: %v %v\n%s", name, kind, err, left, d)
			}
			if r, err := NewReader(bytes.NewReader(file)); err != nil || !r.Foreign() {
				t.Errorf("%s, %s: %v", name, kind, err)
			} else if it, err := r.Next(); err != nil || !it.Time.Equal(start) || it.Offset < 24 {
				t.Errorf("%s, %s: %v at %d, %v", name, kind, it.Time, it.Offset, err)
			}
		}
	}
}
