package print

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/mime"
)

// source takes choices from fuzzed octets.
type source struct{ p []byte }

func (s *source) byte() byte {
	if len(s.p) == 0 {
		return 0
	}
	b := s.p[0]
	s.p = s.p[1:]
	return b
}

func (s *source) text() []byte {
	n := min(int(s.byte()), len(s.p))
	t := s.p[:n]
	s.p = s.p[n:]
	if n == 255 {
		t = bytes.Repeat(t, 100)
	}
	return t
}

func (s *source) number() int64 {
	n := int64(0)
	for range s.byte() % 9 {
		n = n<<8 | int64(s.byte())
	}
	return n
}

func (s *source) pick(names ...string) string {
	n := int(s.byte())
	if n >= len(names) {
		return string(s.text())
	}
	return names[n]
}

// events makes anything that the types allow, likely to be near to what decoders give.
func (s *source) events() []decode.Event {
	var events []decode.Event
	commands := []*decode.Command{nil}
	at := day
	var seq decode.Sequencer
	for len(s.p) > 0 && len(events) < 500 {
		at = at.Add(time.Duration(int8(s.byte())) * 20 * time.Millisecond)
		e := decode.Event{
			Time: at, Conn: int(s.byte() % 3), Protocol: s.pick("imap", "pop3", ""), Kind: decode.Kind(s.byte() % 20),
			Dir: decode.Dir(s.byte() % 3), State: decode.State(s.byte() % 8), Origin: decode.Origin(s.byte() % 2),
			Tag: s.pick("", "a1"), Name: s.pick("OK", "+OK", "-ERR", "FETCH", "LIST", "RETR", "CAPA"), Text: s.text(),
			Mailbox: s.pick("INBOX"), Latency: time.Duration(s.number()), Span: decode.Span{Off: s.number(), Len: s.number()},
		}
		if e.Kind == decode.CommandLine {
			e.Command = &decode.Command{Tag: e.Tag, Name: e.Name, Complete: at}
			commands = append(commands, e.Command)
		} else {
			e.Command = commands[int(s.byte())%len(commands)]
		}
		fields := decode.Fields{{Key: s.pick("error", "alert", "leg", "before", "octets", "client"), Value: string(s.text())}}
		switch s.byte() % 8 {
		case 0:
			e.Detail = fields
		case 1:
			e.Detail = &mime.Part{
				Number: s.pick("", "1", "1.2", "2"), Depth: int(s.byte()), Type: s.pick("text/plain"), Charset: s.pick(""), Boundary: s.pick(""),
				Name: s.pick(""), Encoding: s.pick("7bit"), Off: s.number(), Size: s.number(), Decoded: s.number(), From: s.pick(""), Subject: s.pick(""),
			}
		case 2:
			e.Detail = &decode.CloseDetail{Fields: fields, Totals: decode.Totals{
				Commands: int(s.number()), ServerOctets: s.number(), Duration: time.Duration(s.number()), Unanswered: int(s.byte()), PendingOctets: s.number(),
				Warnings: int(s.byte()), ClosedBy: s.pick("server"), Reason: s.pick(""), LastState: decode.State(s.byte() % 8),
			}}
		case 3:
			e.Detail = lines{int(s.number()), [][]byte{s.text(), s.text()}, [][]byte{s.text()}}
		case 4:
			e.Detail = stuffed{string(s.text())}
		case 5:
			e.Detail = (*mime.Part)(nil)
		}
		if s.byte()%8 == 0 {
			e.Findings = []decode.Finding{{ID: s.pick("a.b"), Severity: decode.Severity(s.byte() % 3), Ref: s.pick(""), Text: s.pick(""), Dir: e.Dir, Span: e.Span}}
		}
		one := []decode.Event{e}
		seq.Number(one)
		events = append(events, one...)
	}
	return events
}

// harmlessOutput checks that nothing in an output can steer a terminal.
func harmlessOutput(t *testing.T, out []byte, o Options) {
	t.Helper()
	if !utf8.Valid(out) {
		t.Fatalf("not UTF-8: %q", out)
	}
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSuffix(line, "\n")
		for _, r := range line {
			if !unicode.IsPrint(r) || o.ASCII && r >= 0x7f {
				t.Fatalf("%q in %q", r, line)
			}
		}
		if w := widthOf([]byte(line)); w > max(o.Width, widthMin) {
			t.Fatalf("%d columns: %q", w, line)
		}
	}
}

func FuzzPrint(f *testing.F) {
	f.Add([]byte("\x01\x01\x00\x06\x02\x01\x00\x01\x03\x30* 1 FETCH (BODY[] {12}\x1b[2J\x9b\xc3"), false, 100)
	f.Add(bytes.Repeat([]byte("\x00\x01\x01\x07\x02\x01\x00\x00\x00\x04+OK\xff\x00\x00"), 20), true, 60)
	f.Fuzz(func(t *testing.T, p []byte, ascii bool, width int) {
		s := &source{p: p}
		events := s.events()
		note := func(e *decode.Event) string {
			if e.Seq%7 == 3 {
				panic("a note that panics")
			}
			return fmt.Sprintf("%s\t%s", e.Name, e.Text)
		}
		for _, verbose := range [...]bool{false, true} {
			o := Options{ASCII: ascii, Width: 1 + width&0xff, Verbose: verbose, Notes: note, Local: time.UTC}
			var whole, single bytes.Buffer
			a, b := Text(&whole, o), Text(&single, o)
			a.Events(events)
			a.Close()
			for i := range events {
				b.Events(events[i : i+1])
			}
			b.Close()
			harmlessOutput(t, whole.Bytes(), o)
			if !bytes.Equal(whole.Bytes(), single.Bytes()) {
				t.Fatalf("batches matter:\n%s\n%s", &whole, &single)
			}
		}
		for line := range strings.Lines(jsonOf(events, Options{})) {
			if !json.Valid([]byte(line)) {
				t.Fatalf("no JSON: %s", line)
			}
			harmlessOutput(t, []byte(line), Options{Width: len(line)})
		}
	})
}

// TestTerminalInjection puts what terminals obey into everything that peers say, and into
// everything that is said of them.
func TestTerminalInjection(t *testing.T) {
	const evil = "\x1b]0;owned\a\x1b[2J\x9b31m\x00\r\b\u202e\u2066\u0085\ufeff\x7f"
	s := everything()
	for i := range s.events {
		e := &s.events[i]
		e.Tag, e.Name, e.Mailbox = e.Tag+evil, e.Name+evil, e.Mailbox+evil
		e.Text = append([]byte(evil), e.Text...)
		if e.Command != nil {
			c := *e.Command
			c.Name += evil
			e.Command = &c
		}
		for j := range e.Findings {
			f := &e.Findings[j]
			f.ID, f.Ref, f.Text = f.ID+evil, f.Ref+evil, f.Text+evil
		}
		switch d := e.Detail.(type) {
		case decode.Fields:
			for j := range d {
				d[j].Value += evil
			}
		case *decode.CloseDetail:
			d.Reason, d.ClosedBy = d.Reason+evil, d.ClosedBy+evil
		case *mime.Part:
			p := *d
			p.Type, p.Charset, p.Name, p.Boundary, p.Encoding = p.Type+evil, p.Charset+evil, p.Name+evil, p.Boundary+evil, p.Encoding+evil
			p.From, p.Subject = p.From+evil, "=?utf-8?Q?=1B[2J=07?="+evil
			e.Detail = &p
		case lines:
			d.First = append(list(evil), d.First...)
			e.Detail = d
		case stuffed:
			e.Detail = append(stuffed{evil}, d...)
		}
	}
	note := s.note
	for _, o := range []Options{{}, {ASCII: true}, {Verbose: true}} {
		o.Notes = func(e *decode.Event) string { return note(e) + evil }
		var b bytes.Buffer
		p := Text(&b, o)
		p.Events(s.events)
		p.Close()
		o.Width = widthDefault
		harmlessOutput(t, b.Bytes(), o)
		if !strings.Contains(b.String(), `\x1B]0;owned\x07`) {
			t.Error("the escape sequence is not shown")
		}
	}
	out := jsonOf(s.events, Options{})
	harmlessOutput(t, []byte(out), Options{Width: len(out)})
}
