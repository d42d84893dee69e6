package endtoend

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mailtrace/mailtrace/captures"
	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
	"github.com/mailtrace/mailtrace/internal/print"
	"github.com/mailtrace/mailtrace/proxy"
)

// fragile is a session that panics at one of its writes, or at a close.
type fragile struct {
	decode.Session
	left int // calls before it breaks
}

func (f *fragile) count() {
	if f.left--; f.left < 0 {
		panic("injected")
	}
}

func (f *fragile) Write(d decode.Dir, t time.Time, p []byte) (int, decode.Next, []decode.Event) {
	f.count()
	return f.Session.Write(d, t, p)
}

func (f *fragile) Close(d decode.Dir, t time.Time) []decode.Event {
	f.count()
	return f.Session.Close(d, t)
}

// Octets implements decode.Counter for those sessions that do.
func (f *fragile) Octets(d decode.Dir) int64 { return f.Session.(decode.Counter).Octets(d) }

// Stop implements decode.Stopper.
func (f *fragile) Stop() {
	if s, ok := f.Session.(decode.Stopper); ok {
		s.Stop()
	}
}

// breaking wraps sessions so that they panic at a write.
func breaking(left int) func(decode.Session) decode.Session {
	return func(s decode.Session) decode.Session {
		f := &fragile{Session: s, left: left}
		if _, ok := s.(decode.Counter); ok {
			return f
		}
		return struct {
			decode.Session
			decode.Stopper
		}{f, f}
	}
}

// A decoder that panics costs events, not octets; the capture tells the same story.
func TestPanicTransparent(t *testing.T) {
	var broke atomic.Int64
	rapid.Check(t, func(t *rapid.T) {
		left := rapid.IntRange(0, 20).Draw(t, "calls before the panic")
		l := startLines(t, outputs{}, func(cfg *proxy.Config) {
			cfg.WrapSession = breaking(left)
		})
		// Behind a panic nobody sees a STARTTLS any more, and TLS goes through untouched.
		l.playAll(t, 3, true)
		l.equal(t)
		stopped := func(k decode.Kind) int64 {
			n := int64(0)
			for _, r := range l.events.reasons(k) {
				if r == "decoder stopped" {
					n++
				}
			}
			return n
		}
		if a, b := stopped(decode.Desync), stopped(decode.Opaque); a != b {
			t.Errorf("%d desync, %d opaque\n%s", a, b, l.events.text())
		}
		broke.Add(stopped(decode.Opaque))
	})
	if broke.Load() == 0 {
		t.Error("nothing panicked")
	}
}

// explosive is a session that panics behind a write that holds a word, as a real mistake in
// a decoder would: again and again for the same octets.
type explosive struct{ decode.Session }

func (x explosive) Write(d decode.Dir, t time.Time, p []byte) (int, decode.Next, []decode.Event) {
	n, next, events := x.Session.Write(d, t, p)
	if bytes.Contains(p[:n], []byte("CHECK")) {
		panic("injected")
	}
	return n, next, events
}

func explosives() []decode.Protocol {
	all := slices.Clone(registry.All)
	for i := range all {
		sound := all[i].New
		all[i].New = func(o decode.Options) decode.Session { return explosive{sound(o)} }
	}
	return all
}

// A mistake that happens again when the capture is read is told once.
func TestPanicTwice(t *testing.T) {
	addr := serve(t, imapServer(t))
	l := start(t, proxy.Config{Protocols: explosives(), Routes: []proxy.Route{route(t, "imap", "imap", addr)}}, outputs{})
	c := talk(t, l.dial(t, 0))
	c.expect("* OK [CAPABILITY IMAP4rev1] ready")
	c.send("a CHECK\r\n")
	c.expect("a OK")
	imapLogout(c)
	l.events.closed(t, 1)
	l.stop(t)
	var printed bytes.Buffer
	p := print.JSON(&printed, printOptions())
	r, err := captures.NewReader(bytes.NewReader(l.capture.bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if err := captures.Decode(r, captures.DecodeOptions{Protocols: explosives()}, p.Events); err != nil {
		t.Fatal(err)
	}
	same(t, "JSON", l.json.bytes(), printed.Bytes())
	if n := bytes.Count(printed.Bytes(), []byte(`"kind":"opaque"`)); n != 1 {
		t.Errorf("told %d times", n)
	}
}

// A client whose STARTTLS waits for its answer when the decoder breaks is let go, and TLS
// between client and server goes through untouched.
func TestPanicReleasesPark(t *testing.T) {
	for _, protocol := range []string{"imap", "pop3"} {
		t.Run(protocol, func(t *testing.T) {
			noLeaks(t)
			greeting, command, ok := "* OK ready\r\n", "a STARTTLS\r\n", "a OK go\r\n"
			if protocol == "pop3" {
				greeting, command, ok = "+OK ready\r\n", "STLS\r\n", "+OK go\r\n"
			}
			u := listen(t, false)
			scheme := protocol + "+starttls"
			l := start(t, proxy.Config{
				Routes:      []proxy.Route{route(t, scheme, scheme, u.addr)},
				WrapSession: breaking(2),
			}, outputs{})
			client := l.dial(t, 0)
			server := u.take(t)
			defer server.Close()
			s := session{layers: [][]step{
				{
					{dir: decode.Server, p: []byte(greeting)},
					{dir: decode.Client, p: []byte(command), after: true},
					{dir: decode.Server, p: []byte(ok), after: true}, // here the decoder breaks
				},
				{
					{dir: decode.Client, p: []byte("b LOGIN u1 sesame\r\n")},
					{dir: decode.Server, p: []byte("b OK\r\n"), after: true},
				},
			}}
			if err := s.run(client, server); err != nil {
				t.Fatalf("%v\n%s", err, l.events.text())
			}
			client.Close()
			l.equal(t)
			if r := l.events.reasons(decode.Opaque); len(r) != 1 || r[0] != "decoder stopped" {
				t.Errorf("opaque: %q", r)
			}
			if len(l.events.kept(decode.TLS)) > 0 {
				t.Errorf("TLS was looked into\n%s", l.events.text())
			}
			l.holdsNoSecret(t, "sesame")
		})
	}
}

// A panic is said once, and concerns its own connection alone.
func TestPanicElsewhere(t *testing.T) {
	noLeaks(t)
	addr := serve(t, imapServer(t))
	var first sync.Once
	l := start(t, proxy.Config{
		Routes: []proxy.Route{route(t, "imap", "imap", addr)},
		WrapSession: func(s decode.Session) decode.Session {
			broken := s
			first.Do(func() { broken = breaking(0)(s) })
			return broken
		},
	}, outputs{})
	for range 2 {
		imapClient(talk(t, l.dial(t, 0)))
	}
	l.events.closed(t, 2)
	l.equal(t)
	commands := map[int]int{}
	for _, e := range l.events.kept(decode.CommandLine) {
		commands[e.Conn]++
	}
	if commands[1] != 0 || commands[2] != 2 {
		t.Errorf("commands by connection: %v\n%s", commands, l.events.text())
	}
	text := string(l.text.bytes())
	if n := strings.Count(text, "decoder stopped: injected"); n != 1 {
		t.Errorf("the panic was said %d times:\n%s", n, text)
	}
}

// brittle is a rewriter that panics at a word.
type brittle struct{ decode.Rewriter }

func (b brittle) Server(dst, p []byte) ([]byte, []decode.Edited) {
	if bytes.Contains(p, []byte("BYE")) {
		panic("injected")
	}
	return b.Rewriter.Server(dst, p)
}

// An editor that panics costs edits, not octets; the capture tells of it.
func TestPanicInEditor(t *testing.T) {
	all := slices.Clone(registry.All)
	for i := range all {
		sound := all[i].Rewriter
		all[i].Rewriter = func(how decode.Rewrite) decode.Rewriter { return brittle{sound(how)} }
	}
	addr := serve(t, imapServer(t))
	l := single(t, proxy.Config{Protocols: all, Hide: []string{"X*"}, Routes: []proxy.Route{route(t, "imap", "imap", addr)}}, imapClient)
	if x := l.events.kept(decode.Desync); len(x) != 1 {
		t.Errorf("desync: %v\n%s", x, l.events.text())
	}
}
