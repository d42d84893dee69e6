package corpus

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
	"github.com/mailtrace/mailtrace/replay"
)

// dialogue is one session of a transcript and what its comments say.
type dialogue struct {
	name    string
	head    map[string][]string // comments "# key: value", by key
	tls     bool
	proto   *decode.Protocol
	octets  []piece
	conduct string // the source without comments, to compare twins
}

// piece is octets of one direction that came at once.
type piece struct {
	dir decode.Dir
	p   []byte
}

// parse reads one dialogue.
func parse(t testing.TB, name, file, src string) dialogue {
	t.Helper()
	d := dialogue{name: name, head: map[string][]string{}}
	var conduct strings.Builder
	for line := range strings.Lines(src) {
		if comment, is := strings.CutPrefix(line, "# "); is {
			if key, value, ok := strings.Cut(strings.TrimSpace(comment), ": "); ok {
				d.head[key] = append(d.head[key], value)
			}
			continue
		}
		conduct.WriteString(line)
	}
	d.conduct = conduct.String()
	d.tls = len(d.head["tls"]) > 0
	open := func(f string) ([]byte, error) { return os.ReadFile(filepath.Join(filepath.Dir(file), f)) }
	script, err := replay.ParseTranscript(file, []byte(src), open)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	chunks, err := script.Chunks(nil)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, c := range chunks {
		if d.proto == nil {
			d.proto = registry.ByName(string(c.Protocol))
			for _, p := range d.prologue(t, string(c.Protocol)) {
				d.say(p.dir, p.p)
			}
		}
		dir := decode.Server
		if c.Client {
			dir = decode.Client
		}
		d.say(dir, c.Octets)
	}
	if d.proto == nil {
		t.Fatalf("%s: no line of a dialogue", name)
	}
	return d
}

func (d *dialogue) say(dir decode.Dir, p []byte) {
	if n := len(d.octets); n > 0 && d.octets[n-1].dir == dir {
		d.octets[n-1].p = append(d.octets[n-1].p, p...)
		return
	}
	d.octets = append(d.octets, piece{dir, bytes.Clone(p)})
}

// prologue brings the session into the state in which the dialogue begins.
func (d *dialogue) prologue(t testing.TB, proto string) (out []piece) {
	states := d.head["state"]
	if len(states) == 0 {
		return nil
	}
	words := strings.Fields(states[0])
	client := func(s string) { out = append(out, piece{decode.Client, []byte(s + "\r\n")}) }
	server := func(s ...string) { out = append(out, piece{decode.Server, []byte(strings.Join(s, "\r\n") + "\r\n")}) }
	caps := strings.Join(d.head["capabilities"], " ")
	switch {
	case proto == "pop3":
		server("+OK <1896.697170952@dbc.mtview.ca.us>")
		if caps != "" {
			client("CAPA")
			server(append(append([]string{"+OK"}, strings.Split(caps, ", ")...), ".")...)
		}
		if words[0] == "transaction" {
			client("USER mrose")
			server("+OK")
			client("PASS secret")
			server("+OK")
		}
	case words[0] == "not-authenticated":
		server("* OK [CAPABILITY " + caps + "] ready")
	default:
		server("* OK [CAPABILITY " + caps + "] ready")
		client("pro1 LOGIN fred foobar")
		server("pro1 OK [CAPABILITY " + caps + "] welcome")
		if words[0] != "selected" {
			break
		}
		uidNext := "4294967295"
		if len(words) > 4 {
			uidNext = words[4]
		}
		client("pro2 SELECT " + words[1])
		server("* "+words[2]+" EXISTS", `* FLAGS (\Answered \Flagged \Deleted \Seen \Draft)`, `* OK [PERMANENTFLAGS (\Deleted \Seen \*)] limited`,
			"* OK [UIDVALIDITY 3857529045] valid", "* OK [UIDNEXT "+uidNext+"] next", "pro2 OK [READ-WRITE] selected")
	}
	return out
}

// whole, octets and drawn are how pieces are cut into writes.
func whole(p []byte) [][]byte { return [][]byte{p} }

func octets(p []byte) [][]byte {
	out := make([][]byte, len(p))
	for i := range p {
		out[i] = p[i : i+1]
	}
	return out
}

func drawn(seed uint64) func([]byte) [][]byte {
	r := rand.New(rand.NewPCG(seed, 1))
	return func(p []byte) (out [][]byte) {
		for len(p) > 0 {
			n := 1 + r.IntN(min(len(p), 40))
			out, p = append(out, p[:n]), p[n:]
		}
		return out
	}
}

// run decodes a dialogue.
func (d *dialogue) run(cut func([]byte) [][]byte) []decode.Event {
	return d.runAs(decode.Options{TLS: d.tls}, cut)
}

// runAs goes on behind STARTTLS as if TLS began where its OK ended.
func (d *dialogue) runAs(o decode.Options, cut func([]byte) [][]byte) []decode.Event {
	var out []decode.Event
	add := func(events []decode.Event) {
		for i := range events {
			out = append(out, events[i].Clone())
		}
	}
	s := d.proto.New(o)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, piece := range d.octets {
		due := false
		var left []byte
		for _, p := range cut(piece.p) {
			now = now.Add(time.Millisecond)
			if len(left) > 0 {
				p = append(left, p...)
			}
			for {
				n, next, events := s.Write(piece.dir, now, p)
				add(events)
				p, due = p[n:], next == decode.TLSHere
				if len(p) == 0 || n == 0 {
					break
				}
			}
			left = bytes.Clone(p)
		}
		if due {
			add(s.Resume(decode.Terminated, now))
		}
	}
	add(s.Close(decode.Client, now))
	add(s.Close(decode.Server, now))
	return out
}

// same tells where events differ between two ways of cutting, "" where they do not.
func same(a, b []decode.Event) string {
	for i := range max(len(a), len(b)) {
		x, y := "nothing", "nothing"
		if i < len(a) {
			x = spelled(&a[i])
		}
		if i < len(b) {
			y = spelled(&b[i])
		}
		if x != y {
			return fmt.Sprintf("event %d: %s\ncut: %s", i, x, y)
		}
	}
	return ""
}

func spelled(e *decode.Event) string {
	s := framed(e) + fmt.Sprintf(" %q", e.Text)
	for _, f := range e.Findings {
		s += fmt.Sprintf("\n  %s %s %v %s", f.Severity, f.ID, f.Span, f.Fact)
	}
	return s
}

// framed prints how an event is framed.
func framed(e *decode.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-2s %s", e.Dir, e.Kind)
	for _, s := range [...]string{e.Tag, e.Name} {
		if s != "" {
			b.WriteString(" " + strconv.QuoteToASCII(s))
		}
	}
	if c := e.Command; c != nil && e.Kind != decode.CommandLine {
		fmt.Fprintf(&b, " for=%q", strings.TrimSpace(c.Tag+" "+c.Name))
	}
	fmt.Fprintf(&b, " @%d+%d", e.Span.Off, e.Span.Len)
	return b.String()
}
