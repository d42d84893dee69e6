package endtoend

import (
	"bytes"
	"compress/flate"
	"io"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/proxy"
)

// abuse plays octets through a plain route, each step heard at the other end before the
// next one; then both ends close. It comes through whole, the capture tells what was live,
// and nothing is left behind.
func abuse(t *testing.T, protocol string, steps ...step) *live {
	t.Helper()
	noLeaks(t)
	l := pass(t, protocol, outputs{}, steps...)
	l.equal(t)
	return l
}

// frugal does the same, but counts memory instead of comparing outputs.
func frugal(t *testing.T, protocol string, steps ...step) *live {
	t.Helper()
	noLeaks(t)
	// What is asked is what is held, not what the collector leaves lying about.
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	before := settled()
	stop := make(chan struct{})
	most := heap(stop)
	l := pass(t, protocol, outputs{capture: io.Discard, only: func(e *decode.Event) bool {
		return e.Kind == decode.Close || e.Kind == decode.Opaque || len(e.Findings) > 0
	}}, steps...)
	close(stop)
	if peak := most.Load(); peak > before+allowed {
		t.Errorf("%d MiB more at the peak", (peak-before)>>20)
	}
	l.stop(t)
	return l
}

// countable is how many unanswered commands of POP3 are counted.
const countable = 1 << 20 / slowness

func pass(t *testing.T, protocol string, out outputs, steps ...step) *live {
	t.Helper()
	u := listen(t, false)
	l := start(t, proxy.Config{
		Routes: []proxy.Route{route(t, protocol, protocol, u.addr)},
		Limits: decode.Limits{Queue: countable},
	}, out)
	client := l.dial(t, 0)
	server := u.take(t)
	if err := (session{layers: [][]step{steps}}).run(client, server); err != nil {
		t.Errorf("%v", err)
	}
	client.Close()
	server.Close()
	l.events.closed(t, 1)
	return l
}

func client(text string) step { return step{dir: decode.Client, p: []byte(text), after: true} }
func server(text string) step { return step{dir: decode.Server, p: []byte(text), after: true} }

func greeting(protocol string) step {
	if protocol == "imap" {
		return server("* OK ready\r\n")
	}
	return server("+OK ready\r\n")
}

// names tells that there is an event of a kind whose reason holds a text.
func (l *live) names(t *testing.T, k decode.Kind, reason string) {
	t.Helper()
	if !slices.ContainsFunc(l.events.reasons(k), func(s string) bool { return strings.Contains(s, reason) }) {
		t.Errorf("no %s with %q\n%s", k, reason, l.events.text())
	}
}

// finds tells that there is such a finding.
func (l *live) finds(t *testing.T, id string) {
	t.Helper()
	if !slices.Contains(l.events.findings(), id) {
		t.Errorf("no %s\n%s", id, l.events.text())
	}
}

// A line without end is told while it lasts; behind it decoding goes on.
func TestEndlessLine(t *testing.T) {
	long := strings.Repeat("endless ", 1<<20/slowness)
	tests := []struct {
		name, protocol string
		steps          []step
		finding        string
		kind           decode.Kind
		reason         string
	}{
		{"of an IMAP server", "imap", []step{server(long), server("\r\n* OK\r\n")}, "imap.long-line", decode.Malformed, "expected"},
		{"of an IMAP client", "imap", []step{client(long), client("\r\na NOOP\r\n"), server("a OK\r\n")}, "imap.long-line", decode.Malformed, "expected"},
		{"of a POP3 server", "pop3", []step{server(long), server("\r\n+OK\r\n")}, "pop3.long-line", decode.Desync, "expected +OK or -ERR"},
		{"of a POP3 client", "pop3", []step{client(long), client("\r\nNOOP\r\n"), server("-ERR\r\n+OK\r\n")}, "pop3.long-line", decode.Malformed, "expected a command"},
		{"to the end", "imap", []step{server(long)}, "imap.long-line", decode.Malformed, "in the middle of a line"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			steps := append([]step{greeting(test.protocol)}, test.steps...)
			l := abuse(t, test.protocol, steps...)
			l.finds(t, test.finding)
			l.names(t, test.kind, test.reason)
			frugal(t, test.protocol, steps...).finds(t, test.finding)
		})
	}
}

// A literal as long as there can be is one that was cut off.
func TestEndlessLiteral(t *testing.T) {
	const most = "9223372036854775807"
	for name, steps := range map[string][]step{
		"FETCH":       {client("a FETCH 1 BODY[]\r\n"), server("* 1 FETCH (BODY[] {" + most + "}\r\nabc")},
		"APPEND":      {client("a APPEND INBOX {" + most + "}\r\n"), server("+\r\n"), client("abc")},
		"APPEND with": {client("a APPEND INBOX {" + most + "+}\r\nabc")},
		"LOGIN":       {client("a LOGIN {" + most + "+}\r\nabc")},
	} {
		t.Run(name, func(t *testing.T) {
			l := abuse(t, "imap", append([]step{greeting("imap")}, steps...)...)
			if x := l.events.kept(decode.Literal); len(x) != 1 || x[0].Span.Len != 3 {
				t.Errorf("literals: %v", x)
			}
			if x := l.events.closed(t, 1); x.PendingOctets != 3 || x.Unanswered != 1 {
				t.Errorf("%+v", x)
			}
			if name != "LOGIN" && !strings.Contains(string(l.text.bytes()), "cut off: 3 of 9,223,372,036,854,775,807") {
				t.Errorf("%s", l.text.bytes())
			}
		})
	}
	t.Run("longer", func(t *testing.T) {
		// RFC 9051 §9: number64 has 63 bits; what is more is no literal.
		l := abuse(t, "imap", greeting("imap"), server("* 1 FETCH (BODY[] {9223372036854775808}\r\n* 2 EXISTS\r\n"))
		if x := l.events.kept(decode.Untagged); len(x) != 2 || x[1].Name != "EXISTS" {
			t.Errorf("%s", l.events.text())
		}
	})
}

// Commands that nobody answers are counted, a million of them too.
func TestMillionCommands(t *testing.T) {
	const million = 1_000_000 / slowness
	t.Run("imap", func(t *testing.T) {
		l := frugal(t, "imap", greeting("imap"), client(strings.Repeat("a NOOP\r\n", million)), server("a OK\r\n"))
		if x := l.events.closed(t, 1); x.Commands != million || x.Unanswered < 4095 { // of so many it knows
			t.Errorf("%+v", x)
		}
	})
	t.Run("pop3", func(t *testing.T) {
		l := frugal(t, "pop3", greeting("pop3"), client(strings.Repeat("NOOP\r\n", million)), server("+OK\r\n"))
		if x := l.events.closed(t, 1); x.Commands != million || x.Unanswered != million-1 {
			t.Errorf("%+v", x)
		}
	})
	t.Run("pop3, more than are counted", func(t *testing.T) {
		l := frugal(t, "pop3", greeting("pop3"), client(strings.Repeat("NOOP\r\n", countable+2)), server("+OK\r\n"))
		if x := l.events.kept(decode.Opaque); len(x) != 1 {
			t.Errorf("%s", l.events.text())
		}
		if x := l.events.closed(t, 1); x.ClientOctets != 6*(countable+2) {
			t.Errorf("%+v", x)
		}
	})
}

// Octets that are nothing go through, and each line says what was expected.
func TestGarbage(t *testing.T) {
	random := rand.NewChaCha8([32]byte{3})
	octets := func() string {
		p := make([]byte, 256<<10)
		random.Read(p) // never fails
		return string(p)
	}
	for _, protocol := range []string{"imap", "pop3"} {
		for _, greeted := range []bool{true, false} {
			name := protocol
			if !greeted {
				name += " from the first octet"
			}
			t.Run(name, func(t *testing.T) {
				steps := []step{client(octets()), server(octets()), client(octets()), server(octets())}
				if greeted {
					steps = append([]step{greeting(protocol)}, steps...)
				}
				l := abuse(t, protocol, steps...)
				if n := len(l.events.kept(decode.Malformed)) + len(l.events.kept(decode.Desync)); n == 0 {
					t.Errorf("%s", l.events.text())
				}
				frugal(t, protocol, steps...)
			})
		}
	}
}

// What belongs to another protocol is named, with a hint.
func TestOtherProtocols(t *testing.T) {
	for _, protocol := range []string{"imap", "pop3"} {
		hello := client("\x16\x03\x01\x00\x05hello")
		alert := server("\x15\x03\x01\x00\x02\x02\x28")
		for name, steps := range map[string][]step{"behind the greeting": {greeting(protocol), hello, alert}, "at once": {hello, alert}} {
			t.Run(protocol+" ClientHello "+name, func(t *testing.T) {
				l := abuse(t, protocol, steps...)
				l.names(t, decode.Opaque, "a TLS ClientHello where cleartext")
				if x := l.events.closed(t, 1); x.ClientOctets != 10 || x.ServerOctets < 7 {
					t.Errorf("%+v", x.Totals)
				}
				if !strings.Contains(string(l.text.bytes()), protocol+"s://") {
					t.Errorf("no hint:\n%s", l.text.bytes())
				}
			})
		}
		t.Run(protocol+" HTTP", func(t *testing.T) {
			l := abuse(t, protocol, greeting(protocol), client("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), server("-ERR what\r\n"))
			l.names(t, decode.Malformed, "an HTTP request where")
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// deflated is n zeros, very small.
func deflated(n int64) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression) // a level that there is
	io.CopyN(w, zeros{}, n)                            // neither can fail
	w.Flush()
	return b.String()
}

// A deflate bomb is decoded in little memory and goes through as it came.
func TestDeflateBomb(t *testing.T) {
	begin := []step{greeting("imap"), client("a COMPRESS DEFLATE\r\n"), server("a OK\r\n")}
	const size = 128 << 20 / slowness
	bomb := deflated(size)
	l := frugal(t, "imap", append(begin, server(bomb))...)
	l.finds(t, "imap.long-line")
	if x := l.events.closed(t, 1); x.ServerOctets < size {
		t.Errorf("%+v", x)
	}
	frugal(t, "imap", append(begin, client(bomb))...).finds(t, "imap.long-line")
	abuse(t, "imap", append(begin, client(deflated(1<<20)), server(deflated(1<<20)))...).finds(t, "imap.long-line")
}

// A compressed stream that is broken is opaque from there.
func TestBrokenDeflate(t *testing.T) {
	l := abuse(t, "imap", greeting("imap"), client("a COMPRESS DEFLATE\r\n"), server("a OK\r\n"), server("\xff\xff\xff\xff"), client("\xff\xff"))
	l.names(t, decode.Opaque, "the compressed stream is broken")
	if x := l.events.closed(t, 1); x.ClientOctets != 22 || x.ServerOctets != 22 {
		t.Errorf("%+v", x.Totals)
	}
}
