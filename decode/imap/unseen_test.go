package imap_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap"
	"github.com/mailtrace/mailtrace/decode/internal/decodetest"
)

// fetches draws sessions whose FETCH responses are mostly alike, and sometimes lie.
func fetches(t *rapid.T) []decodetest.Chunk {
	var chunks []decodetest.Chunk
	server := func(format string, args ...any) {
		chunks = append(chunks, decodetest.Chunk{Dir: decode.Server, Octets: fmt.Appendf(nil, format, args...)})
	}
	client := func(format string, args ...any) {
		chunks = append(chunks, decodetest.Chunk{Dir: decode.Client, Octets: fmt.Appendf(nil, format, args...)})
	}
	rarely := func(label string) bool { return rapid.IntRange(0, 40).Draw(t, label) == 0 }
	n := rapid.IntRange(1, 12).Draw(t, "messages")
	server("* PREAUTH [CAPABILITY IMAP4rev1 UIDPLUS] hi\r\n")
	client("a1 SELECT INBOX\r\n")
	server("* %d EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n* OK [UIDNEXT %d] ok\r\n* FLAGS (\\Seen)\r\na1 OK [READ-WRITE] done\r\n", n, 100+2*n)
	for i := range rapid.IntRange(1, 4).Draw(t, "fetches") {
		client("b%d FETCH 1:* (UID FLAGS RFC822.SIZE ENVELOPE BODY[])\r\n", i)
		for k := 1; k <= n; k++ {
			number, uid, size, subject, line := k, 100+2*k, 4, "hello", "\r\n"
			flags := rapid.SampledFrom([]string{`\Seen`, `\Seen \Deleted`, "", "$Junk"}).Draw(t, "flags")
			switch {
			case rarely("beyond"):
				number = n + 3
			case rarely("other UID"):
				uid += rapid.IntRange(-3, 3).Draw(t, "more")
			case rarely("UIDNEXT lies"):
				uid = 1000
			case rarely("size"):
				size = 5
			case rarely("subject"):
				subject = rapid.SampledFrom([]string{`a\"b`, "\u00e9", "a\nb", "a\rb", "a\x00b"}).Draw(t, "odd")
			case rarely("line end"):
				line = "\n"
			case rarely("gone"):
				server("* %d EXPUNGE\r\n", k)
				n--
			case rarely("new"):
				n++
				server("* %d EXISTS\r\n", n)
			}
			server(`* %d FETCH (UID %d FLAGS (%s) RFC822.SIZE %d ENVELOPE (NIL "%s %d" NIL NIL NIL NIL NIL NIL NIL "<%d@example.org>"))%s`,
				number, uid, flags, size, subject, k, uid, line)
			if rapid.IntRange(0, 3).Draw(t, "content") == 0 {
				server("* %d FETCH (UID %d BODY[] {4}\r\n\r\nxy)\r\n", number, uid)
			}
		}
		server("b%d OK done\r\n", i)
	}
	return chunks
}

// What nobody sees has the same findings and the same other events, wherever the stream is cut.
func TestUnseenFindsTheSame(t *testing.T) {
	left := 0
	rapid.Check(t, func(t *rapid.T) {
		chunks := fetches(t)
		run := func(o decode.Options, cut func(int) int) (events []string, findings []string, rows int) {
			s := imap.New(o)
			see := func(got []decode.Event) {
				for _, e := range got {
					for _, f := range e.Findings {
						findings = append(findings, fmt.Sprint(f))
					}
					if e.Kind == decode.Untagged && e.Name == "FETCH" {
						rows++
						continue
					}
					events = append(events, fmt.Sprintf("%v %v %q %v %v %v", e.Kind, e.Name, e.Text, e.Span, e.Latency, e.First))
				}
			}
			// What one side says in a row may come in one go.
			for i := 0; i < len(chunks); {
				var p []byte
				d := chunks[i].Dir
				for ; i < len(chunks) && chunks[i].Dir == d; i++ {
					p = append(p, chunks[i].Octets...)
				}
				for len(p) > 0 {
					n := cut(len(p))
					_, _, got := s.Write(d, decodetest.Epoch, bytes.Clone(p[:n]))
					see(got)
					p = p[n:]
				}
			}
			for _, d := range []decode.Dir{decode.Client, decode.Server} {
				see(s.Close(d, decodetest.Epoch))
			}
			return events, findings, rows
		}
		whole := func(n int) int { return n }
		events, findings, rows := run(decode.Options{TLS: true}, whole)
		for name, cut := range map[string]func(int) int{
			"whole": whole, "cut": func(n int) int { return rapid.IntRange(1, n).Draw(t, "cut") },
		} {
			e, f, r := run(decode.Options{TLS: true, Unseen: true}, cut)
			if !slices.Equal(f, findings) {
				t.Fatalf("%s: findings\n%s\nwant\n%s", name, strings.Join(f, "\n"), strings.Join(findings, "\n"))
			}
			if !slices.Equal(e, events) {
				t.Fatalf("%s: events\n%s\nwant\n%s", name, strings.Join(e, "\n"), strings.Join(events, "\n"))
			}
			left += rows - r
		}
	})
	if left == 0 {
		t.Error("every row has an event")
	}
}
