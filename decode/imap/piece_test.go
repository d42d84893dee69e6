package imap_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap"
	"github.com/mailtrace/mailtrace/decode/internal/decodetest"
	"github.com/mailtrace/mailtrace/decode/mime"
)

const pieced = "From: a@example.org\r\nSubject: in pieces\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>hello\r\n--b--\r\n"

// piecesOf is a session that fetches pieced in pieces of n octets, but for those left out.
func piecesOf(n int, order ...int) []decodetest.Chunk {
	chunks := []decodetest.Chunk{
		{Dir: decode.Server, Octets: []byte("* PREAUTH [CAPABILITY IMAP4rev1] hello\r\n")},
		{Dir: decode.Client, Octets: []byte("s SELECT INBOX\r\n")},
		{Dir: decode.Server, Octets: []byte("* 9 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 99] x\r\ns OK [READ-WRITE] done\r\n")},
	}
	for i, k := range order {
		from, to := min(k*n, len(pieced)), min(k*n+n, len(pieced))
		tag := fmt.Sprintf("a%d", i)
		chunks = append(
			chunks,
			decodetest.Chunk{Dir: decode.Client, Octets: fmt.Appendf(nil, "%s UID FETCH 7 (UID RFC822.SIZE BODY.PEEK[]<%d.%d>)\r\n", tag, k*n, n)},
			decodetest.Chunk{Dir: decode.Server, Octets: fmt.Appendf(nil, "* 3 FETCH (UID 7 RFC822.SIZE %d BODY[]<%d> {%d}\r\n%s)\r\n%s OK done\r\n",
				len(pieced), k*n, to-from, pieced[from:to], tag)},
		)
	}
	return chunks
}

// A message that is fetched in pieces has its parts with its last piece, whatever the order in which
// they are asked for again; what never came is a gap.
func TestPieces(t *testing.T) {
	const whole = `"" multipart/mixed, "1" text/plain, "2" text/html`
	last := (len(pieced) - 1) / 64
	var all []int
	for k := range last + 1 {
		all = append(all, k)
	}
	for _, c := range []struct {
		name  string
		n     int
		order []int
		parts string
		gaps  string
	}{
		{"in order", 64, all, whole, "[]"},
		{"one twice", 64, append([]int{0, 1, 1}, all[2:]...), whole, "[]"},
		{"in one", 4096, []int{0}, whole, "[]"},
		{"an empty one at the end", len(pieced), []int{0, 1}, whole, "[]"},
		{"not all", 64, all[:2], "", "[]"},
		{"one missing", 64, append([]int{0, 1}, all[3:]...), `"" multipart/mixed, "1" text/plain`, "[{128 64}]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var parts []string
			gaps := "[]"
			s := imap.New(decode.Options{TLS: true})
			for _, chunk := range piecesOf(c.n, c.order...) {
				_, _, events := s.Write(chunk.Dir, decodetest.Epoch, chunk.Octets)
				for _, e := range events {
					switch d := e.Detail.(type) {
					case *mime.Part:
						parts = append(parts, fmt.Sprintf("%q %s", d.Number, d.Type))
					case *imap.LiteralDetail:
						if len(d.Gaps) > 0 {
							gaps = fmt.Sprint(d.Gaps)
						}
					}
				}
			}
			got := strings.Join(parts, ", ")
			if c.name == "one missing" {
				if len(parts) == 0 || !strings.HasPrefix(got, `"" multipart/mixed`) {
					t.Errorf("parts %s", got)
				}
			} else if got != c.parts {
				t.Errorf("parts %s, want %s", got, c.parts)
			}
			if gaps != c.gaps {
				t.Errorf("gaps %s, want %s", gaps, c.gaps)
			}
			decodetest.Properties(t, imap.New, piecesOf(c.n, c.order...), func(limit int) int { return limit / 3 })
		})
	}
}

// Octets that are missing in the capture are no end of the message.
func TestPieceDamaged(t *testing.T) {
	s := imap.New(decode.Options{TLS: true})
	whole := 0
	count := func(events []decode.Event) {
		for _, e := range events {
			if p, ok := e.Detail.(*mime.Part); ok && !p.Cut {
				whole++
			}
		}
	}
	for i, chunk := range piecesOf(64, 0, 1, 2, 3) {
		p := chunk.Octets
		if i == 6 {
			_, _, events := s.Write(chunk.Dir, decodetest.Epoch, p[:len(p)-60])
			count(events)
			count(s.Gap(decode.Server, decodetest.Epoch, 40))
			p = p[len(p)-20:]
		}
		_, _, events := s.Write(chunk.Dir, decodetest.Epoch, p)
		count(events)
	}
	if whole != 0 {
		t.Errorf("%d parts are said to be whole, of a message whose octets are missing", whole)
	}
}
