package captures

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines is a protocol of the tests: every line is an event, "STLS" turns TLS on once the
// server answered "+OK", a client line "PASS …" is filled. The server greets with "+OK".
var lines = decode.Protocol{
	Name: "lines", Port: 4999,
	Greets: func(p []byte) (yes, more bool) {
		return bytes.HasPrefix(p, []byte("+OK")), len(p) < 3 && bytes.HasPrefix([]byte("+OK"), p)
	},
	New: func(o decode.Options) decode.Session { return &lineSession{o: o} },
}

type lineSession struct {
	o      decode.Options
	rest   [3][]byte
	off    [3]int64
	parked bool
	last   *decode.Command
}

func (s *lineSession) Write(d decode.Dir, t time.Time, p []byte) (n int, next decode.Next, events []decode.Event) {
	for n < len(p) {
		i := bytes.IndexByte(p[n:], '\n')
		if i < 0 {
			s.rest[d] = append(s.rest[d], p[n:]...)
			return len(p), next, events
		}
		line := append(s.rest[d], p[n:n+i+1]...)
		s.rest[d] = nil
		n += i + 1
		fill := bytes.HasPrefix(line, []byte("PASS ")) && !s.o.Secrets
		if fill {
			for j := range bytes.TrimRight(line, "\r\n")[5:] {
				line[5+j] = 'x'
			}
		}
		if s.o.Tap != nil {
			s.o.Tap(decode.Octets{Dir: d, Time: t, P: line, End: true, Fill: fill})
		}
		e := decode.Event{
			Time: t, Dir: d, Kind: decode.Completion, Text: bytes.TrimRight(line, "\r\n"),
			Span: decode.Span{Off: s.off[d], Len: int64(len(line))},
		}
		s.off[d] += int64(len(line))
		if d == decode.Client {
			s.last = &decode.Command{Name: string(e.Text), Complete: t}
			e.Kind = decode.CommandLine
		}
		e.Command = s.last
		events = append(events, e)
		switch {
		case d == decode.Client && string(e.Text) == "STLS":
			s.parked = true
			return n, decode.Park, events
		case d == decode.Server && s.parked:
			s.parked = false
			if bytes.HasPrefix(line, []byte("+OK")) {
				return n, decode.TLSHere, events
			}
			next = decode.Release
		}
	}
	return n, next, events
}

func (s *lineSession) Resume(how decode.Resume, t time.Time) []decode.Event {
	if how == decode.Ciphertext {
		return []decode.Event{{Time: t, Kind: decode.Opaque, Text: []byte("ciphertext")}}
	}
	return []decode.Event{{Time: t, Kind: decode.StateChange}}
}

func (s *lineSession) Gap(d decode.Dir, t time.Time, n int64) []decode.Event {
	s.rest[d] = nil
	s.off[d] += n
	return []decode.Event{{Time: t, Dir: d, Kind: decode.Desync, Text: fmt.Appendf(nil, "%d octets", n)}}
}

func (s *lineSession) Close(decode.Dir, time.Time) []decode.Event { return nil }

func (s *lineSession) Pending(d decode.Dir) (int, int64) { return 0, int64(len(s.rest[d])) }

// start is the time of the tests' first octet.
var start = time.Date(2026, 3, 4, 5, 6, 7, 891_011_000, time.UTC)

func after(n int) time.Time { return start.Add(time.Duration(n) * time.Microsecond) }

func options4test() Options {
	return Options{Application: "mailtrace test", Protocols: []decode.Protocol{lines}, Bodies: true}
}

func octets(d decode.Dir, at int, s string) decode.Octets {
	return decode.Octets{Dir: d, Time: after(at), P: []byte(s)}
}

func mark(kind decode.Kind, d decode.Dir, at int, fields ...string) decode.Mark {
	m := decode.Mark{Time: after(at), Kind: kind, Dir: d}
	for i := 0; i < len(fields); i += 2 {
		m.Fields = append(m.Fields, decode.Field{Key: fields[i], Value: fields[i+1]})
	}
	return m
}

// record runs f on a Recorder and gives what was written.
func record(t testing.TB, o Options, f func(*Recorder)) []byte {
	t.Helper()
	var b bytes.Buffer
	r := NewRecorder(&b, o)
	f(r)
	if err := r.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// read gives all items, their octets copied, and the error behind them, nil for io.EOF.
func read(file []byte) ([]Item, error) {
	r, err := NewReader(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	var items []Item
	for {
		it, err := r.Next()
		if errors.Is(err, io.EOF) {
			return items, nil
		}
		if err != nil {
			return items, err
		}
		it.P = bytes.Clone(it.P)
		items = append(items, it)
	}
}

func readAll(t testing.TB, file []byte) []Item {
	t.Helper()
	items, err := read(file)
	if err != nil {
		t.Fatal(err)
	}
	return items
}

// tell writes items as one line each.
func tell(items []Item) []string {
	var s []string
	for _, it := range items {
		line := fmt.Sprintf("%d/%d %s %d ", it.Conn, it.Origin, it.Dir, it.Time.Sub(start).Microseconds())
		switch it.Kind {
		case ItemOctets:
			line += fmt.Sprintf("%q", it.P)
			if it.Fill {
				line += " filled"
			}
		case ItemGap:
			line += fmt.Sprintf("gap %d", it.Gap)
		case ItemMark:
			line += it.Mark.Kind.String() + " " + it.Mark.Fields.String()
		}
		s = append(s, line)
	}
	return s
}

// session records a small session: STARTTLS in the middle, a half-close, a secret.
func session(r *Recorder) {
	t := r.Open(1, decode.FromPeer)
	t.Mark(mark(decode.Open, decode.NoDir, 0, "client", "127.0.0.1:5", "protocol", "lines", "note", `a "b" = c`))
	t.Commit()
	t.Octets(octets(decode.Server, 1, "+OK hello\r\n"))
	t.Commit()
	t.Octets(decode.Octets{Dir: decode.Client, Time: after(2), P: []byte("STLS\r\n"), End: true})
	t.Commit()
	t.Octets(octets(decode.Server, 3, "+OK go\r\n"))
	t.Mark(mark(decode.TLS, decode.NoDir, 4, "leg", "server", "version", "1.3"))
	t.Mark(mark(decode.TLS, decode.NoDir, 5, "leg", "client", "version", "1.3"))
	t.Commit()
	t.Octets(decode.Octets{Dir: decode.Client, Time: after(6), P: []byte("PASS xxxx\r\n"), End: true, Fill: true})
	t.Mark(mark(decode.Close, decode.Client, 7))
	t.Octets(octets(decode.Server, 8, "+OK bye\r\n"))
	t.Mark(mark(decode.Close, decode.NoDir, 9, "by", "client"))
	t.Commit()
}

var sessionTold = []string{
	`1/0  0 open client=127.0.0.1:5 protocol=lines note="a \"b\" = c"`,
	`1/0 S 1 "+OK hello\r\n"`,
	`1/0 C 2 "STLS\r\n"`,
	`1/0 S 3 "+OK go\r\n"`,
	`1/0  4 tls leg=server version=1.3`,
	`1/0  5 tls leg=client version=1.3`,
	`1/0 C 6 "PASS xxxx\r\n" filled`,
	`1/0 C 7 close `,
	`1/0 S 8 "+OK bye\r\n"`,
	`1/0  9 close by=client`,
}
