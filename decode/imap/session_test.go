package imap_test

import (
	"bytes"
	"compress/flate"
	"flag"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap"
	"github.com/mailtrace/mailtrace/decode/internal/decodetest"
)

var update = flag.Bool("update", false, "write the goldens")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func transcripts(t testing.TB) []string {
	paths, err := filepath.Glob("testdata/*.script")
	if err != nil || len(paths) == 0 {
		t.Fatal("no transcripts", err)
	}
	return paths
}

func TestTranscripts(t *testing.T) {
	for _, path := range transcripts(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			chunks := decodetest.Load(t, path)
			r := decodetest.Run(imap.New, decode.Options{}, chunks, nil, true)
			decodetest.Golden(t, strings.TrimSuffix(path, ".script")+".golden", r.Events, *update)
			rapid.Check(t, func(rt *rapid.T) {
				decodetest.Properties(rt, imap.New, chunks, func(n int) int { return rapid.IntRange(0, n).Draw(rt, "n") })
			})
		})
	}
}

// nonsense are the words of dialogues that look a little like IMAP.
var nonsense = []string{
	"a1 ", "a2 ", "a3 ", "* ", "+ ", "+\r\n", "OK ", "NO ", "BAD ", "LOGIN ", "u1 ", "secret", "\"", "\"se cret\"", "{3}", "{2+}", "{0}", "{0+}", "{6}\r\n",
	"~{4}", "\r\n", "\r\n", "\r\n", "\n", "AUTHENTICATE PLAIN", "AUTHENTICATE LOGIN", "AHUxAHNlY3JldA==", "c2VjcmV0", "IDLE", "DONE", "DONE\r\n",
	"SELECT INBOX", "EXAMINE ", "CLOSE", "NOOP", "1 FETCH (BODY[] ", "1 FETCH (FLAGS ())", ")", ")\r\n", "STARTTLS", "\x16\x03\x01", "BYE", "*", "*\r\n", "\r",
	"x", " ", "  ", "\t", "\x00", "\xff", "UID FETCH 1 BODY[]", "UID ", "APPEND x ", "GET / HTTP/1.1", "FOO bar", "LOGOUT", "[CAPABILITY IMAP4rev1]",
	"[ALERT] ", "3 EXISTS", "1 EXPUNGE", "PREAUTH ", "CAPABILITY", "UNAUTHENTICATE", "a1 OK\r\n", "a1 NO\r\n", "a2 BAD\r\n", "a1 LOGIN {2}\r\n", "a1 LOGIN u1 secret\r\n",
	"a2 IDLE\r\n", "a3 NOOP\r\n", "a1 STARTTLS\r\n", "* OK ready\r\n", "* PREAUTH hi\r\n", "LIST () \"/\" ", "S", "E", "}", "{", "(", "A1 ", "a1 AUTHENTICATE PLAIN\r\n",
	"a1 SELECT INBOX\r\n", "* 3 EXISTS\r\n", "* 2 EXPUNGE\r\n", "* VANISHED 2:9\r\n", "* 2 FETCH (UID 5 FLAGS (\\Seen x) RFC822.SIZE 9)\r\n", "* 3 FETCH (UID 4 BODY[] {2}\r\n",
	"* OK [UIDNEXT 4] x\r\n", "* OK [UIDVALIDITY 3] x\r\n", "* OK [CLOSED] x\r\n", "a2 SEARCH RETURN (ALL) {2}\r\n", "a1 OK [READ-WRITE] x\r\n", "a3 UID FETCH 5 BODY[1]\r\n",
	"* 1 FETCH (BODYSTRUCTURE (\"A\" \"B\" NIL NIL NIL \"7BIT\" 3))\r\n", "a1 DELETE {4+}\r\nx\ny\r\r\n",
}

// drawDialogue draws a dialogue of nonsense, the lines of some directions whole.
func drawDialogue(t *rapid.T) []decodetest.Chunk {
	var chunks []decodetest.Chunk
	if rapid.Bool().Draw(t, "greeting") {
		chunks = append(chunks, decodetest.Chunk{Dir: decode.Server, Octets: []byte("* OK ready\r\n")})
	}
	for range rapid.IntRange(1, 30).Draw(t, "chunks") {
		d := decode.Dir(rapid.IntRange(1, 2).Draw(t, "dir"))
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(nonsense), 1, 8).Draw(t, "words"), "")
		if rapid.IntRange(0, 3).Draw(t, "whole") > 0 {
			text += "\r\n"
		}
		if n := len(chunks); n > 0 && chunks[n-1].Dir == d {
			chunks[n-1].Octets = append(chunks[n-1].Octets, text...)
			continue
		}
		chunks = append(chunks, decodetest.Chunk{Dir: d, Octets: []byte(text)})
	}
	for _, c := range chunks {
		t.Logf("%s %q", c.Dir, c.Octets)
	}
	return chunks
}

// Random octets that look a little like IMAP.
func TestPropertiesOfNonsense(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		decodetest.Properties(t, imap.New, drawDialogue(t), func(n int) int { return rapid.IntRange(0, n).Draw(t, "n") })
	})
}

// The same where lines are longer than what is kept of them, in captures that begin in
// mid-session, and with few commands kept.
func TestPropertiesOfNonsenseWithOtherOptions(t *testing.T) {
	for name, with := range map[string]func(*decode.Options){
		"short lines":  func(o *decode.Options) { o.Limits.Line = 40 },
		"mid":          func(o *decode.Options) { o.Mid = true },
		"few commands": func(o *decode.Options) { o.Limits.Commands = 2 },
		"behind TLS":   func(o *decode.Options) { o.TLS = true },
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				newSession := func(o decode.Options) decode.Session { with(&o); return imap.New(o) }
				decodetest.Properties(t, newSession, drawDialogue(t), func(n int) int { return rapid.IntRange(0, n).Draw(t, "n") })
			})
		})
	}
}

// The same where octets are missing: in the recording they are missing too.
func TestPropertiesOfNonsenseWithGaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type step struct {
			dir decode.Dir
			p   []byte
			gap int64
		}
		var steps []step
		for _, c := range drawDialogue(t) {
			steps = append(steps, step{dir: c.Dir, p: c.Octets})
			if rapid.IntRange(0, 3).Draw(t, "lost") == 0 {
				lost := step{dir: decode.Dir(rapid.IntRange(1, 2).Draw(t, "dir")), gap: int64(rapid.IntRange(1, 30).Draw(t, "octets"))}
				if rapid.Bool().Draw(t, "how many is not known") {
					lost.gap = -1
				}
				t.Logf("%s lost %d", lost.dir, lost.gap)
				steps = append(steps, lost)
			}
		}
		run := func(steps []step, cut func([]byte) [][]byte) (events []string, taped []step) {
			s := imap.New(decode.Options{Tap: func(x decode.Octets) {
				if n := len(taped); n > 0 && taped[n-1].dir == x.Dir && taped[n-1].gap == 0 {
					taped[n-1].p = append(taped[n-1].p, x.P...)
				} else if len(x.P) > 0 {
					taped = append(taped, step{dir: x.Dir, p: bytes.Clone(x.P)})
				}
			}})
			add := func(es []decode.Event) {
				for i := range es {
					events = append(events, decodetest.Line(&es[i]))
				}
			}
			for _, x := range steps {
				if x.gap != 0 {
					add(s.Gap(x.dir, decodetest.Epoch, x.gap))
					taped = append(taped, x)
					continue
				}
				for _, p := range cut(x.p) {
					for len(p) > 0 {
						n, _, es := s.Write(x.dir, decodetest.Epoch, p)
						add(es)
						if p = p[n:]; n == 0 {
							return events, taped // TLS would begin
						}
					}
				}
			}
			add(s.Close(decode.Client, decodetest.Epoch))
			add(s.Close(decode.Server, decodetest.Epoch))
			return events, taped
		}
		want, taped := run(steps, whole)
		for _, e := range want {
			if strings.Contains(e, " opaque ") || strings.Contains(e, "STARTTLS") {
				return // what stands behind is in no recording
			}
		}
		got, _ := run(steps, decodetest.Octets)
		decodetest.Same(t, "octet by octet", want, got)
		got, _ = run(taped, whole)
		decodetest.Same(t, "decoded again from what the recorder got", want, got)
	})
}

// The same inside of compression.
func TestPropertiesOfCompressedNonsense(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		chunks := []decodetest.Chunk{
			{Dir: decode.Server, Octets: []byte("* OK hello\r\n")},
			{Dir: decode.Client, Octets: []byte("z1 COMPRESS DEFLATE\r\n")},
			{Dir: decode.Server, Octets: []byte("z1 OK go\r\n")},
		}
		client, server := newDeflater(t), newDeflater(t)
		for _, c := range drawDialogue(rt) {
			z := client
			if c.Dir == decode.Server {
				z = server
			}
			deflated := []byte(z.flush(string(c.Octets)))
			if n := len(chunks); chunks[n-1].Dir == c.Dir {
				chunks[n-1].Octets = append(chunks[n-1].Octets, deflated...)
				continue
			}
			chunks = append(chunks, decodetest.Chunk{Dir: c.Dir, Octets: deflated})
		}
		decodetest.Properties(rt, imap.New, chunks, func(n int) int { return rapid.IntRange(0, n).Draw(rt, "n") })
	})
}

// No secret is left in what a recorder or a reader of events gets, wherever the reads
// were cut.
func TestSecretsAreFilled(t *testing.T) {
	secrets := []string{"secret", "word", "c2VjcmV0", "AHUxAHNlY3JldA", "token123", "dG9rZW4xMjM"}
	for _, name := range []string{"session", "login-literals", "sasl", "greetings", "starttls"} {
		chunks := decodetest.Load(t, "testdata/"+name+".script")
		total := 0
		for _, c := range chunks {
			total += len(c.Octets)
		}
		for at := range total {
			off := 0
			cut := func(p []byte) [][]byte {
				i := at - off
				off += len(p)
				if i <= 0 || i >= len(p) {
					return [][]byte{p}
				}
				return [][]byte{p[:i], p[i:]}
			}
			r := decodetest.Run(imap.New, decode.Options{}, chunks, cut, true)
			everything := strings.Join(r.Events, "\n") + string(decodetest.Joined(r.Tapped, decode.Client)) + string(decodetest.Joined(r.Tapped, decode.Server))
			// What the transcripts say that is no secret.
			for _, harmless := range []string{`missing quote`, `the password of`, "UGFzc3dvcmQ6", `no passwords in the clear`, `expected a password`} {
				everything = strings.ReplaceAll(everything, harmless, "")
			}
			for _, s := range secrets {
				if strings.Contains(everything, s) {
					t.Fatalf("%s, cut at %d: %q is left in\n%s", name, at, s, everything)
				}
			}
		}
	}
}

// deflater compresses one direction.
type deflater struct {
	t testing.TB
	b bytes.Buffer
	w *flate.Writer
}

func newDeflater(t testing.TB) *deflater {
	z := &deflater{t: t}
	w, err := flate.NewWriter(&z.b, 6)
	if err != nil {
		t.Fatal(err)
	}
	z.w = w
	return z
}

// flush gives a line as a peer sends it: what was added to the stream, flushed.
func (z *deflater) flush(line string) string {
	if _, err := z.w.Write([]byte(line)); err != nil {
		z.t.Fatal(err)
	}
	if err := z.w.Flush(); err != nil {
		z.t.Fatal(err)
	}
	defer z.b.Reset()
	return z.b.String()
}

func deflated(t *testing.T, lines ...string) []byte {
	z := newDeflater(t)
	var out []byte
	for _, l := range lines {
		out = append(out, z.flush(l)...)
	}
	return out
}

func TestCompress(t *testing.T) {
	server := deflated(t, "* 1 FETCH (BODY[] {15}\r\nSubject: x\r\n\r\ny)\r\na2 OK done\r\n", "a3 OK bye\r\n")
	client := deflated(t, "a2 FETCH 1 BODY[]\r\n", "a3 UNAUTHENTICATE\r\n")
	chunks := []decodetest.Chunk{
		{Dir: decode.Server, Octets: []byte("* PREAUTH hello\r\n")},
		{Dir: decode.Client, Octets: []byte("a1 COMPRESS DEFLATE\r\n")},
		{Dir: decode.Server, Octets: append([]byte("a1 OK go\r\n"), server[:10]...)},
		{Dir: decode.Client, Octets: append(client, "a4 LOGIN u1 secret\r\n"...)},
		{Dir: decode.Server, Octets: append(server[10:], "a4 OK in\r\n"...)},
	}
	r := decodetest.Run(imap.New, decode.Options{}, chunks, nil, true)
	decodetest.Golden(t, "testdata/compress.golden", r.Events, *update)
	rapid.Check(t, func(rt *rapid.T) {
		decodetest.Properties(rt, imap.New, chunks, func(n int) int { return rapid.IntRange(0, n).Draw(rt, "n") })
	})
	if got := string(decodetest.Joined(r.Tapped, decode.Client)); got != "a1 COMPRESS DEFLATE\r\na2 FETCH 1 BODY[]\r\na3 UNAUTHENTICATE\r\na4 LOGIN u1 xxxxxx\r\n" {
		t.Fatalf("the recorder got %q", got)
	}
}

func TestLatencies(t *testing.T) {
	s := imap.New(decode.Options{})
	t0 := decodetest.Epoch
	at := func(ms int) time.Time { return t0.Add(time.Duration(ms) * time.Millisecond) }
	last := func(d decode.Dir, ms int, text string) decode.Event {
		_, _, events := s.Write(d, at(ms), []byte(text))
		for i := len(events) - 1; i >= 0; i-- {
			if events[i].Kind != decode.StateChange {
				return events[i].Clone()
			}
		}
		return decode.Event{}
	}
	last(decode.Server, 0, "* PREAUTH hi\r\n")
	last(decode.Client, 10, "a1 FET")
	last(decode.Client, 20, "CH 1 FLAGS\r\n")
	last(decode.Server, 25, "* 1 FET")
	last(decode.Server, 30, "CH (FLAGS ())\r\n")
	e := last(decode.Server, 50, "a1 OK\r\n")
	if e.Latency != 30*time.Millisecond || e.First != 5*time.Millisecond || !e.Answers() {
		t.Fatalf("latency %v, first %v", e.Latency, e.First)
	}
	last(decode.Client, 100, "a2 IDLE\r\n")
	if e := last(decode.Server, 103, "+ idling\r\n"); e.Latency != 3*time.Millisecond {
		t.Fatalf("IDLE's continuation request after %v", e.Latency)
	}
	last(decode.Client, 5000, "DONE\r\n")
	if e := last(decode.Server, 5002, "a2 OK\r\n"); e.Latency != 2*time.Millisecond {
		t.Fatalf("IDLE %v after DONE", e.Latency)
	}
}
