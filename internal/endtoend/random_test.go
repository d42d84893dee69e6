package endtoend

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"strings"

	"pgregory.net/rapid"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/internal/mailserver"
)

// random draws sessions that look like mail most of the time, and like nothing the rest.
type random struct {
	t        *rapid.T
	protocol string
	startTLS bool // the session may have one
	garbage  bool // peers may say anything

	layers   [][]step
	now      []step
	tag      int
	deflate  map[decode.Dir]*deflater
	upgraded bool
	noisy    bool // there was noise: nobody can tell any more what is a STARTTLS
}

type deflater struct {
	out bytes.Buffer
	w   *flate.Writer
}

func (d *deflater) pack(p []byte) []byte {
	d.out.Reset()
	d.w.Write(p) // a bytes.Buffer takes everything
	d.w.Flush()
	return bytes.Clone(d.out.Bytes())
}

// draw gives a session. most bounds the number of its exchanges.
func (r *random) draw(t *rapid.T, most int) session {
	r.t = t
	r.greet()
	for range rapid.IntRange(0, most).Draw(t, "exchanges") {
		r.exchange()
	}
	r.layers = append(r.layers, r.now)
	return session{layers: r.layers, last: rapid.SampledFrom([]decode.Dir{decode.NoDir, decode.Client, decode.Server}).Draw(t, "last")}
}

func (r *random) chance(percent int, what string) bool {
	return rapid.IntRange(0, 99).Draw(r.t, what) < percent
}

func (r *random) one(of ...string) string { return rapid.SampledFrom(of).Draw(r.t, "one of") }

// say adds what a peer says; after: it has heard all before.
func (r *random) say(d decode.Dir, after bool, format string, args ...any) {
	r.octets(d, after, fmt.Appendf(nil, format, args...))
}

func (r *random) octets(d decode.Dir, after bool, p []byte) {
	if x := r.deflate[d]; x != nil {
		p = x.pack(p)
	}
	s := step{dir: d, p: p, after: after}
	if len(p) > 1 && r.chance(40, "cut?") {
		for at := 0; len(s.cuts) < 5; {
			n := rapid.IntRange(1, 40).Draw(r.t, "cut")
			if at += n; at >= len(p) {
				break
			}
			s.cuts = append(s.cuts, at)
		}
	}
	r.now = append(r.now, s)
}

func (r *random) client(format string, args ...any) {
	// Now and then a client does not wait for answers: it pipelines.
	r.say(decode.Client, !r.chance(25, "pipelined?"), format, args...)
}

func (r *random) server(format string, args ...any) { r.say(decode.Server, true, format, args...) }

func (r *random) next() string {
	r.tag++
	return fmt.Sprintf("a%d", r.tag)
}

// noise is octets that are no mail.
func (r *random) noise() {
	r.noisy = true
	d := rapid.SampledFrom([]decode.Dir{decode.Client, decode.Server}).Draw(r.t, "noisy")
	p := rapid.OneOf(
		rapid.SliceOfN(rapid.Byte(), 1, 300),
		rapid.Map(rapid.IntRange(1, 9_000), func(n int) []byte { return bytes.Repeat([]byte("long line "), n) }),
		rapid.Map(rapid.SampledFrom([]string{
			"\r\n", "\n", "*\r\n", ".\r\n", "..\r\n", "{5}\r\n", "DONE\r\n", "+ \r\n", "* BYE\r\n", "GET / HTTP/1.1\r\n", "\x16\x03\x01\x02\x00",
			"a1 APPEND INBOX {9223372036854775807}\r\n", "* 1 FETCH (BODY[] {99999}\r\n", "-ERR\r\n", "+OK\r\n", "* OK\r\n", "no end ",
			"a1 LOGIN u {7}\r\n", "PASS", "AUTH PLAIN\r\n", "\xff\xfe\x00\r\n",
		}), func(s string) []byte { return []byte(s) }),
	).Draw(r.t, "noise")
	r.octets(d, r.chance(50, "after?"), p)
}

func (r *random) exchange() {
	switch {
	case r.garbage && r.chance(15, "noise?"):
		r.noise()
	case r.startTLS && !r.upgraded && !r.noisy && r.deflate == nil && r.chance(30, "STARTTLS?"):
		r.upgrade()
	case r.protocol == "imap":
		r.imap()
	default:
		r.pop3()
	}
}

// upgrade is a STARTTLS that is accepted.
func (r *random) upgrade() {
	tag, command, ok := "", "STLS", "+OK"
	if r.protocol == "imap" {
		tag, command, ok = r.next()+" ", "STARTTLS", "OK"
	}
	r.say(decode.Client, true, "%s%s\r\n", tag, command)
	r.upgraded = true
	r.server("%s%s go\r\n", tag, ok)
	r.layers, r.now = append(r.layers, r.now), nil
}

func (r *random) greet() {
	if r.protocol == "imap" {
		r.server("%s\r\n", r.one("* OK ready", "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready", "* PREAUTH", "* OK\r\n* OK again", "* BYE full"))
	} else {
		r.server("%s\r\n", r.one("+OK ready", "+OK <1.2@example.org>", "-ERR busy", "+OK"))
	}
}

// content is a message, more or less.
func (r *random) content() []byte {
	all := mailserver.DemoMessages()
	return rapid.OneOf(
		rapid.Map(rapid.IntRange(0, len(all)-1), func(i int) []byte { return all[i].Octets }),
		rapid.SliceOfN(rapid.Byte(), 0, 400),
		rapid.Map(rapid.IntRange(0, 600), func(n int) []byte {
			return []byte("Subject: x\r\n\r\n" + strings.Repeat(".a line with a dot\r\n.\r\n", n))
		}),
	).Draw(r.t, "content")
}

func (r *random) status() string { return r.one("OK", "OK done", "NO [ALERT] no", "BAD what") }

func (r *random) imap() {
	tag := r.next()
	done := func() { r.server("%s %s\r\n", tag, r.status()) }
	switch rapid.IntRange(0, 10).Draw(r.t, "imap") {
	case 0:
		r.client("%s %s\r\n", tag, r.one("NOOP", "CAPABILITY", "noop", "CHECK", "XYZZY 1 2", "LOGOUT", "UNSELECT"))
		r.server("%s", r.one("", "* 3 EXISTS\r\n", "* CAPABILITY IMAP4rev1 IDLE\r\n", "* BYE\r\n", "* 1 EXPUNGE\r\n"))
		done()
	case 1:
		r.client("%s LOGIN %s %s\r\n", tag, r.one("u1", `"u 1"`), r.one("sesame", `"open \" sesame"`))
		r.server("%s %s\r\n", tag, r.one("OK", "NO wrong", "NO sesame is wrong"))
	case 2:
		plus := r.one("", "+")
		r.client("%s LOGIN {2%s}\r\n", tag, plus)
		if plus == "" {
			r.server("+ go on\r\n")
		}
		r.client("u1 {6%s}\r\n", plus)
		if plus == "" {
			r.server("+ go on\r\n")
		}
		r.client("sesame\r\n")
		done()
	case 3:
		response := base64.StdEncoding.EncodeToString([]byte("\x00u1\x00sesame"))
		if r.chance(50, "initial response?") {
			r.client("%s AUTHENTICATE PLAIN %s\r\n", tag, response)
		} else {
			r.client("%s AUTHENTICATE PLAIN\r\n", tag)
			r.server("+ \r\n")
			r.client("%s\r\n", r.one(response, "*"))
		}
		done()
	case 4:
		r.client("%s SELECT %s\r\n", tag, r.one("INBOX", `"a folder"`, "{5+}\r\nDraft"))
		r.server("* %d EXISTS\r\n* FLAGS (\\Seen)\r\n* OK [UIDVALIDITY 7]\r\n", rapid.IntRange(0, 9).Draw(r.t, "messages"))
		r.server("%s OK [READ-WRITE] selected\r\n", tag)
	case 5:
		r.client("%s %s\r\n", tag, r.one("FETCH 1:* (FLAGS BODY[])", "UID FETCH 1:* BODY.PEEK[]", "FETCH 1 RFC822"))
		for i := range rapid.IntRange(0, 3).Draw(r.t, "rows") {
			p := r.content()
			r.server("* %d FETCH (FLAGS (\\Seen) BODY[] {%d}\r\n", i+1, len(p))
			r.octets(decode.Server, true, p)
			r.server(" UID %d)\r\n", i+7)
		}
		done()
	case 6:
		r.client("%s FETCH 1:9 FLAGS\r\n", tag)
		for i := range rapid.IntRange(0, 12).Draw(r.t, "rows") {
			r.server("* %d FETCH (FLAGS ())\r\n", i+1)
		}
		done()
	case 7:
		p := r.content()
		plus := r.one("", "+")
		r.client("%s APPEND INBOX {%d%s}\r\n", tag, len(p), plus)
		switch {
		case plus == "" && r.chance(30, "refused?"):
			r.server("%s NO [OVERQUOTA] no\r\n", tag)
			return
		case plus == "":
			r.server("+ go on\r\n")
		}
		r.octets(decode.Client, plus == "", p)
		r.client("\r\n")
		done()
	case 8:
		r.client("%s IDLE\r\n", tag)
		r.server("+ idling\r\n")
		r.server("%s", r.one("", "* 4 EXISTS\r\n", "* 4 EXISTS\r\n* 1 RECENT\r\n"))
		r.say(decode.Client, true, "DONE\r\n")
		done()
	case 9:
		other := r.next()
		r.client("%s SEARCH ALL\r\n%s NOOP\r\n", tag, other)
		r.server("* SEARCH 1 2 3\r\n%s OK\r\n%s OK\r\n", tag, other)
	case 10:
		if r.deflate != nil {
			return
		}
		r.say(decode.Client, true, "%s COMPRESS DEFLATE\r\n", tag)
		if r.chance(30, "refused?") {
			r.server("%s NO\r\n", tag)
			return
		}
		r.server("%s OK\r\n", tag)
		r.deflate = map[decode.Dir]*deflater{decode.Client: {}, decode.Server: {}}
		for _, d := range r.deflate {
			d.w, _ = flate.NewWriter(&d.out, flate.BestSpeed) // a level that there is
		}
		// From here on both sides know: nothing is cut off by an answer that is under way.
		r.say(decode.Client, true, "%s NOOP\r\n", r.next())
		r.server("a%d OK\r\n", r.tag)
	}
}

// stuffed is a multi-line body on the wire.
func stuffed(p []byte) []byte {
	p = bytes.ReplaceAll(p, []byte("\n."), []byte("\n.."))
	if bytes.HasPrefix(p, []byte(".")) {
		p = append([]byte("."), p...)
	}
	if len(p) > 0 && !bytes.HasSuffix(p, []byte("\r\n")) {
		p = append(bytes.Clone(p), "\r\n"...)
	}
	return append(bytes.Clone(p), ".\r\n"...)
}

func (r *random) pop3() {
	switch rapid.IntRange(0, 8).Draw(r.t, "pop3") {
	case 0:
		r.client("%s\r\n", r.one("STAT", "NOOP", "noop", "DELE 1", "RSET", "XYZZY", "LAST", "QUIT"))
		r.server("%s\r\n", r.one("+OK 3 4711", "+OK", "-ERR no"))
	case 1:
		r.client("USER u1\r\n")
		r.server("+OK\r\n")
		r.client("PASS %s\r\n", r.one("sesame", "open sesame", ""))
		r.server("%s\r\n", r.one("+OK", "-ERR wrong", "-ERR sesame is wrong"))
	case 2:
		r.client("APOP u1 c4c9334bac560ecc979e58001b3e22fb\r\n")
		r.server("%s\r\n", r.one("+OK", "-ERR"))
	case 3:
		response := base64.StdEncoding.EncodeToString([]byte("\x00u1\x00sesame"))
		if r.chance(50, "initial response?") {
			r.client("AUTH PLAIN %s\r\n", response)
		} else {
			r.client("AUTH PLAIN\r\n")
			r.server("%s\r\n", r.one("+ ", "+", "+OK"))
			r.say(decode.Client, true, "%s\r\n", r.one(response, "*"))
		}
		r.server("%s\r\n", r.one("+OK", "-ERR"))
	case 4:
		r.client("%s\r\n", r.one("CAPA", "LIST", "UIDL", "LANG", "AUTH"))
		if r.chance(20, "refused?") {
			r.server("-ERR\r\n")
			return
		}
		r.server("+OK\r\n")
		for i := range rapid.IntRange(0, 5).Draw(r.t, "lines") {
			r.server("%d %d\r\n", i+1, i*100)
		}
		r.server(".\r\n")
	case 5, 6:
		r.client("%s\r\n", r.one("RETR 1", "TOP 1 3", "retr 2"))
		if r.chance(20, "refused?") {
			r.server("-ERR\r\n")
			return
		}
		r.server("+OK octets follow\r\n")
		r.octets(decode.Server, true, stuffed(r.content()))
	case 7:
		r.say(decode.Client, true, "STAT\r\nLIST 1\r\nRETR 1\r\nNOOP\r\n")
		r.server("+OK 1 2\r\n+OK 1 2\r\n+OK\r\nSubject: x\r\n\r\n..\r\n.\r\n")
		r.server("+OK\r\n")
	case 8:
		r.client("LIST 1\r\n")
		r.server("%s\r\n", r.one("+OK 1 200", "-ERR no such message"))
	}
}
