package print

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/mime"
)

// quiet begins a connection that was there before, so that nothing but its rows is printed.
func quiet(protocol string) *story {
	s := newStory()
	s.conn, s.protocol, s.start, s.commands = 1, protocol, day, map[string]*decode.Command{}
	return s
}

func TestRows(t *testing.T) {
	part := mime.Part{Type: "text/plain", Encoding: "7bit", Off: 10, Size: 2, Decoded: -1, Subject: "hi"}
	literal := func(s *story, d decode.Dir, n int64) {
		s.add(decode.Event{Time: s.at(3), Dir: d, Kind: decode.Literal, Command: s.last, Span: decode.Span{Off: s.offsets[d], Len: n}}, "")
	}
	for _, c := range []struct {
		name     string
		protocol string
		tell     func(*story)
		want     string
	}{
		{"a literal is whole", "imap", func(s *story) {
			s.c(0, "a1", "LOGIN", "a1 LOGIN {2}", "")
			literal(s, decode.Client, 2)
			s.add(decode.Event{Time: s.at(4), Dir: decode.Client, Kind: decode.Continuation, Command: s.last, Text: []byte(" xx")}, "")
		}, `
#1   0.000 C: a1 LOGIN {2}
#1   0.004 C:  xx                                         literal whole: 2 of 2
`},
		{"a literal is cut off", "imap", func(s *story) {
			s.c(0, "a1", "APPEND", "a1 APPEND x {3000+}", "")
			literal(s, decode.Client, 1999)
			s.end(5, "client", decode.Totals{}, nil)
		}, `
#1   0.000 C: a1 APPEND x {3000+}
#1            ┊ literal cut off: 1,999 of 3,000
#1 ── client closed after 0.01 s ─────────────────────── 0 commands · C 0 S 0 octets · 0 findings ──
`},
		{"what is not decoded is said once, with what helps", "pop3", func(s *story) {
			stopped := decode.Fields{{Key: "reason", Value: "decoder stopped"}}
			s.add(decode.Event{Time: s.at(0), Dir: decode.Client, Kind: decode.Desync, Text: []byte("decoder stopped: a mistake"), Detail: stopped}, "decoder stopped")
			s.add(decode.Event{Time: s.at(0), Dir: decode.Client, Kind: decode.Opaque, Text: []byte("octets go on untouched"), Detail: stopped}, "")
			tls := decode.Fields{{Key: "reason", Value: "TLS, not POP3"}, {Key: "hint", Value: "give it a listener pop3s://"}}
			s.add(decode.Event{Time: s.at(1), Dir: decode.Client, Kind: decode.Opaque, Text: []byte("TLS, not POP3"), Detail: tls}, "")
			http := decode.Fields{{Key: "reason", Value: "HTTP"}, {Key: "hint", Value: "a browser came here"}}
			s.add(decode.Event{Time: s.at(2), Dir: decode.Client, Kind: decode.Malformed, Text: []byte("GET /"), Detail: http}, "HTTP")
		}, `
#1   0.000 !! framing lost, C@0: decoder stopped: a mistake
#1   0.000 !! not decoded from here, C: decoder stopped: octets go on untouched
#1   0.001 !! not decoded from here, C: TLS, not POP3
#1            hint: give it a listener pop3s://
#1   0.002 C: GET /                                       malformed · HTTP
#1            hint: a browser came here
`},
		{"a command comes while a message goes by", "imap", func(s *story) {
			s.c(0, "a1", "FETCH", "a1 FETCH 1 BODY[]", "")
			of := s.last
			s.server(1, decode.Untagged, "FETCH", "* 1 FETCH (BODY[] {12}", "")
			s.c(2, "a2", "NOOP", "a2 NOOP", "")
			s.last = of
			s.parts(3, of, part)
			literal(s, decode.Server, 12)
			s.add(decode.Event{Time: s.at(3), Dir: decode.Server, Kind: decode.Continuation, Command: of, Text: []byte(")")}, "")
		}, `
#1   0.000 C: a1 FETCH 1 BODY[]
#1   0.001 S: * 1 FETCH (BODY[] {12}
#1   0.002 C: a2 NOOP                                     ┘ 2 pipelined; their tags tell the answers
#1            ┊ (S: a1 FETCH)
#1            ┊ Subject: hi
#1            ┊ -        text/plain                 7bit             @10        2 octets
#1   0.003 S: )                                           literal whole: 12 of 12
`},
		{"a listing takes its time", "pop3", func(s *story) {
			s.c(0, "", "UIDL", "UIDL", "")
			s.answer(10, 10, decode.Completion, "", "+OK", "+OK they come", "")
			s.c(20, "", "QUIT", "QUIT", "")
			e := s.answer(2000, 2000, decode.Multiline, "", "", "", "2 ids")
			e.Command, e.Detail = s.events[0].Command, listed("1 a", "2 b")
		}, `
#1   0.000 C: UIDL
#1   0.010 S: +OK they come
#1   0.020 C: QUIT
#1            ┊ (S: UIDL)
#1            ┊ 1 a · 2 b
#1   2.000 S: .                                           ✓ UIDL 2.0 s · 2 ids
`},
		{"a listing is long", "pop3", func(s *story) {
			s.c(0, "", "LIST", "LIST", "")
			s.answer(1, 1, decode.Completion, "", "+OK", "+OK", "")
			e := s.answer(1, 1, decode.Multiline, "", "", "", "")
			e.Detail = many{}
		}, `
#1   0.000 C: LIST
#1   0.001 S: +OK                                         ✓ LIST 1 ms
#1            ┊ 1 9 · 2 9 · 3 9 · … 4,994 more · 4998 9 · 4999 9 · 5000 9
`},
		{"a listing is told in parts", "pop3", func(s *story) {
			s.c(0, "", "UIDL", "UIDL", "")
			s.answer(1, 1, decode.Completion, "", "+OK", "+OK", "")
			e := s.answer(1, 1, decode.Multiline, "", "", "", "")
			e.Detail = lines{9, list("1 a", "2 b", "3 c", "4 d", "5 e", "6 f", "7 g", "8 h"), list("9 i")}
		}, `
#1   0.000 C: UIDL
#1   0.001 S: +OK                                         ✓ UIDL 1 ms
#1            ┊ 1 a · 2 b · 3 c · … 3 more · 7 g · 8 h · 9 i
`},
		{"LIST with an argument has no listing", "pop3", func(s *story) {
			s.c(0, "", "LIST", "LIST 1", "")
			s.answer(1, 1, decode.Completion, "", "+OK", "+OK 1 255", "")
		}, `
#1   0.000 C: LIST 1
#1   0.001 S: +OK 1 255                                   ✓ LIST 1 ms
`},
		{"a refusal has no listing", "pop3", func(s *story) {
			s.c(0, "", "RETR", "RETR 9", "")
			s.answer(1, 1, decode.Completion, "", "-ERR", "-ERR no such message", "")
		}, `
#1   0.000 C: RETR 9
#1   0.001 S: -ERR no such message                        ✗ RETR 1 ms
`},
		{"explanations come once, news always", "imap", func(s *story) {
			for i := range 2 {
				s.c(10*i, "a", "FETCH", fmt.Sprintf("a FETCH %d ALL", i), fmt.Sprintf("envelope of seq %d", i))
				s.server(10*i+1, decode.Untagged, "OK", "* OK [UIDVALIDITY 1]", "cached UIDs hold")
				s.server(10*i+1, decode.Untagged, "EXISTS", "* 3 EXISTS", "3 messages\tsequence numbers begin at 1")
				s.answer(10*i+2, 2, decode.Completion, "a", "OK", "a OK", "done again")
			}
		}, `
#1   0.000 C: a FETCH 0 ALL                               envelope of seq 0
#1   0.001 S: * OK [UIDVALIDITY 1]                        cached UIDs hold
#1   0.001 S: * 3 EXISTS                                  3 messages · sequence numbers begin at 1
#1   0.002 S: a OK                                        ✓ FETCH 2 ms · done again
#1   0.010 C: a FETCH 1 ALL
#1   0.011 S: * OK [UIDVALIDITY 1]
#1   0.011 S: * 3 EXISTS                                  3 messages
#1   0.012 S: a OK                                        ✓ FETCH 2 ms · done again
`},
		{"a run ends with a lull", "imap", func(s *story) {
			for i := range 5 {
				s.server(i, decode.Untagged, "EXPUNGE", "* 1 EXPUNGE", "")
			}
			s.server(1500, decode.Untagged, "EXPUNGE", "* 9 EXPUNGE", "")
		}, `
#1   0.000 S: * 1 EXPUNGE
#1   0.001 S: * 1 EXPUNGE
#1   0.002 S: * 1 EXPUNGE
#1   0.003 S: * 1 EXPUNGE
#1   0.004 S: * 1 EXPUNGE
#1   1.500 S: * 9 EXPUNGE
`},
		{"a finding is never among like rows", "imap", func(s *story) {
			for i := range 12 {
				e := s.server(i, decode.Untagged, "FETCH", "* 1 FETCH ()", "")
				if i == 5 || i == 6 {
					e.Findings = []decode.Finding{{ID: "imap.empty", Severity: decode.Warning, Text: "nothing is in it"}}
				}
			}
		}, `
#1   0.000 S: * 1 FETCH ()
#1   0.001 S: * 1 FETCH ()
#1   0.002 S: * 1 FETCH ()
#1   0.003 S: * 1 FETCH ()
#1   0.004 S: * 1 FETCH ()
#1   0.005 S: * 1 FETCH ()
#1            ▲ warning imap.empty
#1               nothing is in it
#1   0.006 S: * 1 FETCH ()
#1            ▲ warning imap.empty
#1   0.007 S: * 1 FETCH ()
#1   0.008 S: * 1 FETCH ()
#1   0.009 S: * 1 FETCH ()
#1   0.010 S: * 1 FETCH ()
#1   0.011 S: * 1 FETCH ()
`},
		{"responses with literals are like rows too", "imap", func(s *story) {
			for i := range 11 {
				s.server(3*i, decode.Untagged, "FETCH", fmt.Sprintf("* %d FETCH (BODY[HEADER] {2}", i+1), "")
				s.add(decode.Event{Time: s.at(3*i + 1), Dir: decode.Server, Kind: decode.Literal, Name: "FETCH", Span: decode.Span{Len: 2}}, "")
				s.server(3*i+2, decode.Continuation, "FETCH", ")", "")
			}
			s.server(40, decode.Untagged, "FETCH", "* 12 FETCH (BODY[HEADER] {2}", "")
			s.c(41, "a", "NOOP", "a NOOP", "")
			s.add(decode.Event{Time: s.at(42), Dir: decode.Server, Kind: decode.Literal, Name: "FETCH", Span: decode.Span{Len: 2}}, "")
			s.server(43, decode.Continuation, "FETCH", ")", "")
		}, `
#1   0.000 S: * 1 FETCH (BODY[HEADER] {2}
#1   0.002 S: )                                           literal whole: 2 of 2
#1   0.003 S: * 2 FETCH (BODY[HEADER] {2}
#1   0.005 S: )                                           literal whole: 2 of 2
#1   0.006 S: * 3 FETCH (BODY[HEADER] {2}
#1   0.008 S: )                                           literal whole: 2 of 2
#1            ┊ … 5 more
#1   0.024 S: * 9 FETCH (BODY[HEADER] {2}
#1   0.026 S: )                                           literal whole: 2 of 2
#1   0.027 S: * 10 FETCH (BODY[HEADER] {2}
#1   0.029 S: )                                           literal whole: 2 of 2
#1   0.030 S: * 11 FETCH (BODY[HEADER] {2}
#1   0.032 S: )                                           literal whole: 2 of 2
#1   0.040 S: * 12 FETCH (BODY[HEADER] {2}
#1   0.041 C: a NOOP
#1   0.043 S: )                                           literal whole: 2 of 2
`},
		{"the proxy has a word with the server", "imap", func(s *story) {
			s.add(decode.Event{Time: s.at(0), Kind: decode.Open, Origin: decode.FromProxy, Detail: decode.Fields{{Key: "upstream", Value: "imap://h:143"}}}, "")
			s.add(decode.Event{Time: s.at(1), Dir: decode.Client, Kind: decode.CommandLine, Origin: decode.FromProxy, Name: "STARTTLS", Text: []byte("p1 STARTTLS")}, "")
			s.add(decode.Event{Time: s.at(2), Dir: decode.Server, Kind: decode.Completion, Origin: decode.FromProxy, Name: "OK", Text: []byte("p1 OK")}, "")
			s.add(decode.Event{Time: s.at(3), Kind: decode.Close, Origin: decode.FromProxy, Detail: &decode.CloseDetail{Totals: decode.Totals{ClosedBy: "proxy"}}}, "")
			s.server(4, decode.Greeting, "OK", "* OK hello", "")
		}, `
#1 ── mailtrace itself → imap://h:143 ────────────────────────────────────────────── 09:14:02.118 ──
#1   0.001 C~ p1 STARTTLS
#1   0.002 S~ p1 OK
#1 ── mailtrace closed after 0.00 s ──────────────────── 0 commands · C 0 S 0 octets · 0 findings ──
#1   0.000 S: * OK hello                                  greeting
`},
		{"wide runes take two columns, marks none", "imap", func(s *story) {
			s.server(0, decode.Untagged, "LIST", `* LIST () "/" "日本語の受信トレイとe`+"\u0301"+`té, 下書き, 送信済み, ごみ箱"`, "a mailbox 3")
			s.server(1, decode.Untagged, "OK", "* OK e\u0301te\u0301", "7")
		}, `
#1   0.000 S: * LIST () "/" "日本語の受信…信済み, ごみ箱" a mailbox 3
#1   0.001 S: * OK ` + "e\u0301te\u0301" + `                                    7
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := quiet(c.protocol)
			c.tell(s)
			if diff := cmp.Diff(strings.TrimPrefix(c.want, "\n"), string(printed(s, Options{}))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// many is a listing of which the ends are known.
type many struct{}

func (many) Rows() (first, last [][]byte, total int) {
	return list("1 9", "2 9", "3 9", "4 9", "5 9", "6 9", "7 9", "8 9"), list("4998 9", "4999 9", "5000 9"), 5000
}

func TestVisible(t *testing.T) {
	for _, c := range []struct{ raw, want, ascii string }{
		{"plain", "plain", "plain"},
		{"\x1b[31m\r\x00", `\x1B[31m\x0D\x00`, `\x1B[31m\x0D\x00`},
		{"é", "é", `\xC3\xA9`},
		{"\xc3(", `\xC3(`, `\xC3(`},
		{"\u202e", `\xE2\x80\xAE`, `\xE2\x80\xAE`},
		{"\u0085", `\xC2\x85`, `\xC2\x85`}, // NEL, a C1 control
		{`\Seen`, `\Seen`, `\Seen`},
		{`\x41 \x4g`, `\x5Cx41 \x4g`, `\x5Cx41 \x4g`},
		{"e" + strings.Repeat("\u0301", 6), "e" + strings.Repeat("\u0301", 4) + `\xCC\x81\xCC\x81`, "e" + strings.Repeat(`\xCC\x81`, 6)},
	} {
		if got := string(appendVisible(nil, []byte(c.raw), false)); got != c.want {
			t.Errorf("%q shows as %q, not %q", c.raw, got, c.want)
		}
		if got := string(appendVisible(nil, []byte(c.raw), true)); got != c.ascii {
			t.Errorf("%q shows in ASCII as %q, not %q", c.raw, got, c.ascii)
		}
	}
}

func TestUnits(t *testing.T) {
	for _, c := range []struct {
		d             time.Duration
		latency, span string
	}{
		{-time.Second, "0 µs", "0.00 s"},
		{420 * time.Microsecond, "420 µs", "0.00 s"},
		{999600 * time.Nanosecond, "1 ms", "0.00 s"},
		{8 * time.Millisecond, "8 ms", "0.01 s"},
		{999700 * time.Microsecond, "1.0 s", "1.00 s"},
		{1200 * time.Millisecond, "1.2 s", "1.20 s"},
		{41800 * time.Millisecond, "41.8 s", "41.8 s"},
		{59990 * time.Millisecond, "1 min 0 s", "1 min 0 s"},
		{125 * time.Second, "2 min 5 s", "2 min 5 s"},
		{25*time.Hour + 61*time.Second, "25 h 1 min", "25 h 1 min"},
	} {
		if got := string(appendLatency(nil, c.d)); got != c.latency {
			t.Errorf("latency of %v is %q, not %q", c.d, got, c.latency)
		}
		if got := string(appendSpan(nil, c.d)); got != c.span {
			t.Errorf("span of %v is %q, not %q", c.d, got, c.span)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567", 1<<63 - 1: "9,223,372,036,854,775,807", -1 << 63: "-9,223,372,036,854,775,808"} {
		if got := string(appendCount(nil, n)); got != want {
			t.Errorf("%d counts as %q, not %q", n, got, want)
		}
	}
}
