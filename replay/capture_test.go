package replay

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mailtrace/mailtrace/captures"
	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
)

func recordings(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../captures/samples/*.pcapng")
	if err != nil || len(files) == 0 {
		t.Fatal("no samples", err)
	}
	return files
}

func scriptOf(t *testing.T, file string, o CaptureOptions) (*Script, map[string][]byte) {
	t.Helper()
	r, err := captures.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s, files, err := FromCapture(filepath.Base(file), r, o)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	octets := map[string][]byte{}
	for name, lit := range files {
		p, err := lit.all()
		if err != nil {
			t.Fatal(err)
		}
		octets[name] = p
	}
	return s, octets
}

// A script of a capture is the same each time, parses as itself, and both sides can say it.
func TestFromCapture(t *testing.T) {
	for _, file := range recordings(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			s, _ := scriptOf(t, file, CaptureOptions{})
			again, _ := scriptOf(t, file, CaptureOptions{})
			if s.String() != again.String() {
				t.Error("two scripts of one capture differ")
			}
			parsed, err := Parse(filepath.Base(file), []byte(s.String()), nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(s, parsed, cmpopts.IgnoreUnexported(Literal{})); diff != "" {
				t.Error(diff)
			}
			for _, side := range []Side{ClientSide, ServerSide} {
				if err := s.Check(side); err != nil {
					t.Error(side, err)
				}
			}
		})
	}
}

// Bodies above a size are files, and the script says the same with them.
func TestFromCaptureFiles(t *testing.T) {
	for _, file := range recordings(t) {
		s, _ := scriptOf(t, file, CaptureOptions{})
		small, files := scriptOf(t, file, CaptureOptions{BodiesAbove: 100, Dir: "bodies"})
		_, err := Parse("x", []byte(small.String()), func(name string) ([]byte, error) {
			if p, ok := files[name]; ok {
				return p, nil
			}
			return nil, errors.New("no such file")
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wireOf(t, s), wireOf(t, small)); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
	}
}

func wireOf(t *testing.T, s *Script) []string {
	t.Helper()
	chunks, err := s.Chunks(map[string]string{"user": "u1", "password": "secret"})
	if err != nil {
		t.Fatal(err)
	}
	return spelled(chunks)
}

// recollection keeps of events what a script has to keep: what commands were given behind the login,
// and all that was answered, human text of continuation requests apart.
type recollection struct{ lines map[int][]string }

func (d *recollection) events(events []decode.Event) {
	for i := range events {
		e := &events[i]
		if e.Origin == decode.FromProxy || e.State == decode.NotAuthenticated || e.State == decode.Authorization {
			continue
		}
		if e.Command != nil && e.Command.Name == "COMPRESS" || e.Kind == decode.ContinuationRequest {
			continue
		}
		switch e.Kind {
		case decode.CommandLine, decode.Continuation, decode.Untagged, decode.Completion, decode.Multiline, decode.Literal, decode.Malformed:
			d.lines[e.Conn] = append(d.lines[e.Conn], strings.Join([]string{e.Dir.String(), e.Kind.String(), e.Name, string(e.Text)}, " "))
		}
	}
}

func (d *recollection) tap(conn int, origin decode.Origin, o decode.Octets) {
	if o.Body && origin == decode.FromPeer {
		d.lines[-conn] = append(d.lines[-conn], string(o.P))
	}
}

// What a script of a capture says decodes to what the capture does.
func TestFromCaptureSaysTheSame(t *testing.T) {
	for _, file := range recordings(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want := recollection{map[int][]string{}}
			r, err := captures.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := captures.Decode(r, captures.DecodeOptions{Protocols: registry.All, Tap: want.tap}, want.events); err != nil {
				t.Fatal(err)
			}
			s, _ := scriptOf(t, file, CaptureOptions{})
			got := recollection{map[int][]string{}}
			chunks, err := s.Chunks(map[string]string{"user": "u1", "password": "secret"})
			if err != nil {
				t.Fatal(err)
			}
			traces := map[string]*decode.Trace{}
			for _, c := range chunks {
				tr := traces[c.Conn]
				if tr == nil {
					n := 1 + slices.IndexFunc(s.Conns, func(k Connection) bool { return k.Name == c.Conn })
					tr = decode.NewTrace(decode.TraceOptions{Conn: n, Protocols: registry.All, Options: decode.Options{
						TLS: true, Tap: func(o decode.Octets) { got.tap(n, decode.FromPeer, o) },
					}})
					traces[c.Conn] = tr
				}
				dir := decode.Server
				if c.Client {
					dir = decode.Client
				}
				n, _, events := tr.Write(dir, time.Unix(0, 0), c.Octets)
				if n != len(c.Octets) {
					t.Fatalf("%s: %d of %d octets taken", c.Pos, n, len(c.Octets))
				}
				got.events(events)
			}
			for conn := range want.lines {
				if conn < 0 { // bodies, however they were cut
					if a, b := strings.Join(want.lines[conn], ""), strings.Join(got.lines[conn], ""); a != b {
						t.Errorf("connection %d: bodies differ: %d and %d octets", -conn, len(a), len(b))
					}
				} else if diff := cmp.Diff(want.lines[conn], got.lines[conn]); diff != "" {
					t.Errorf("connection %d: %s", conn, diff)
				}
			}
		})
	}
}

// The pauses of a recording are kept where one asks for them, and nothing else changes.
func TestFromCapturePace(t *testing.T) {
	pauses := 0
	for _, file := range recordings(t) {
		plain, _ := scriptOf(t, file, CaptureOptions{})
		paced, _ := scriptOf(t, file, CaptureOptions{Pace: true})
		var rest strings.Builder
		for line := range strings.Lines(paced.String()) {
			if _, after, ok := strings.Cut(line, "@pause "); !ok {
				rest.WriteString(line)
			} else if d, err := time.ParseDuration(strings.TrimSpace(after)); err != nil || d < 10*time.Millisecond {
				t.Errorf("%s: %s", file, line)
			} else {
				pauses++
			}
		}
		if diff := cmp.Diff(plain.String(), rest.String()); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
	}
	if pauses == 0 {
		t.Error("no recording stands still")
	}
}

// A literal of which octets are missing takes its line with it: nobody could say it.
func TestFromCaptureMissingOctets(t *testing.T) {
	c := &capturer{conns: map[int]*recorded{}, files: map[string]*Literal{}, vars: newVolatile(), spool: &spool{}}
	off := int64(0)
	say := func(kind decode.Kind, name, wire string, missing int64) {
		c.tap(1, decode.FromPeer, decode.Octets{Dir: decode.Server, P: []byte(wire)})
		n := int64(len(wire)) + missing
		c.event(c.conn(1), &decode.Event{Protocol: "imap", Dir: decode.Server, Kind: kind, Name: name, Text: []byte(strings.TrimSpace(wire)), Span: decode.Span{Off: off, Len: n}})
		off += n
	}
	say(decode.Greeting, "OK", "* OK hi\r\n", 0)
	say(decode.Untagged, "FETCH", "* 1 FETCH (BODY[] {10}\r\n", 0)
	say(decode.Literal, "FETCH", "abcd", 6)
	script := c.script().String()
	if !strings.Contains(script, "octets are missing") || strings.Contains(script, "{10}") {
		t.Errorf("the script is\n%s", script)
	}
}

// Content is the same wherever it lies.
func TestLargeContent(t *testing.T) {
	var s spool
	defer func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}()
	of := func(text string) *Literal {
		l, err := s.take(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return &Literal{large: l}
	}
	text := strings.Repeat("The quick brown fox\r\n.jumps\r\n", 5000)
	for _, other := range []string{text, text[:len(text)-2], text + "x", "T" + text, strings.Replace(text, "jumps", "jumpt", 1), ""} {
		for _, pair := range [][2]*Literal{{of(text), of(other)}, {of(text), {Octets: []byte(other)}}, {{Octets: []byte(text)}, of(other)}} {
			if same, at := sameContent(pair[0], pair[1]); same != (text == other) || at > int64(len(text)) {
				t.Errorf("of %d and %d octets: %v, %d", len(text), len(other), same, at)
			}
		}
		var got bytes.Buffer
		if err := stuffTo(func(p []byte) error { got.Write(p); return nil }, of(other).Reader()); err != nil || got.String() != string(Stuff([]byte(other))) {
			t.Errorf("%d octets were stuffed in another way, %v", len(other), err)
		}
		got.Reset()
		wire := string(Stuff([]byte(other))) + ".\r\n"
		err := unstuffTo(&got, strings.NewReader(wire))
		if want := string(unstuffed([]byte(strings.TrimSuffix(wire, ".\r\n")))); err != nil || got.String() != want {
			t.Errorf("%d octets came back as %d, %v", len(want), got.Len(), err)
		}
	}
	for _, wire := range []string{"a\r\n", "a\r\n.b\r\n.\r\n", "a\n.\r\n", "a\r\n.\r\nb", "a"} {
		if err := unstuffTo(io.Discard, strings.NewReader(wire)); err == nil {
			t.Errorf("%q is no stuffed body", wire)
		}
	}
}
