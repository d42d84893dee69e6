package imap_test

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap"
	"github.com/mailtrace/mailtrace/decode/internal/decodetest"
)

// rewrite passes the turns of a dialogue through a rewriter, each cut by cut, and gives what
// the client sees.
func rewrite(how decode.Rewrite, turns []decodetest.Chunk, cut func([]byte) [][]byte) (seen []byte, edits []decode.Edited) {
	w := imap.Protocol.Rewriter(how)
	for _, x := range turns {
		for _, p := range cut(x.Octets) {
			if x.Dir == decode.Client {
				w.Client(p)
				continue
			}
			var e []decode.Edited
			seen, e = w.Server(seen, p)
			edits = append(edits, e...)
		}
	}
	return w.Flush(seen), edits
}

func whole(p []byte) [][]byte { return [][]byte{p} }

func chunksOf(turns []turn) (chunks []decodetest.Chunk) {
	for _, x := range turns {
		chunks = append(chunks, decodetest.Chunk{Dir: x.dir, Octets: []byte(x.octets)})
	}
	return chunks
}

func TestRewrite(t *testing.T) {
	hide := decode.Rewrite{Hide: []string{"auth=*-plus", "X*"}}
	add := decode.Rewrite{AddStartTLS: true}
	remove := decode.Rewrite{RemoveStartTLS: true}
	long := strings.Repeat(" CAPA", 4<<10)
	for name, c := range map[string]struct {
		how   decode.Rewrite
		turns []turn
		want  string
		what  []string
	}{
		"greeting code":       {hide, []turn{s("* OK [CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-1-PLUS AUTH=PLAIN] hi\r\n")}, "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n", []string{"removed AUTH=SCRAM-SHA-1-PLUS"}},
		"untagged":            {hide, []turn{s("* CAPABILITY IMAP4rev1 xyz AUTH=PLAIN\r\n")}, "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n", []string{"removed xyz"}},
		"untagged, in case":   {hide, []turn{s("* capability IMAP4rev1 XYZ\n")}, "* capability IMAP4rev1\n", []string{"removed XYZ"}},
		"two spaces":          {hide, []turn{s("*  CAPABILITY IMAP4rev1 XYZ\r\n")}, "*  CAPABILITY IMAP4rev1\r\n", []string{"removed XYZ"}},
		"tagged":              {hide, []turn{s("* OK hi\r\n"), c("a1 LOGIN u p\r\n"), s("a1 OK [CAPABILITY XYZ] in {3}\r\n* 1 EXISTS\r\n")}, "* OK hi\r\na1 OK [CAPABILITY ] in {3}\r\n* 1 EXISTS\r\n", []string{"removed XYZ"}},
		"nothing to do":       {hide, []turn{s("* OK [CAPABILITY  IMAP4rev1   AUTH=PLAIN ]  hi\r\n* CAPABILITY\r\n")}, "* OK [CAPABILITY  IMAP4rev1   AUTH=PLAIN ]  hi\r\n* CAPABILITY\r\n", nil},
		"no capability reply": {hide, []turn{s("* OK hi\r\n* 1 CAPABILITY XYZ\r\n+ CAPABILITY XYZ\r\n* OK CAPABILITY XYZ\r\n* OK [ALERT] [CAPABILITY XYZ]\r\n* LIST () NIL {24}\r\n* CAPABILITY XYZ XYZXYZ\r\n\r\n")}, "* OK hi\r\n* 1 CAPABILITY XYZ\r\n+ CAPABILITY XYZ\r\n* OK CAPABILITY XYZ\r\n* OK [ALERT] [CAPABILITY XYZ]\r\n* LIST () NIL {24}\r\n* CAPABILITY XYZ XYZXYZ\r\n\r\n", nil},
		"behind a literal":    {hide, []turn{s("* OK hi\r\n* 1 FETCH (BODY[] {2}\r\nab* CAPABILITY XYZ\r\n* CAPABILITY XYZ\r\n")}, "* OK hi\r\n* 1 FETCH (BODY[] {2}\r\nab* CAPABILITY XYZ\r\n* CAPABILITY \r\n", []string{"removed XYZ"}},
		"greeting hidden":     {decode.Rewrite{HideGreetingCapabilities: true}, []turn{s("* OK [CAPABILITY IMAP4rev1] hi\r\n"), c("a1 NOOP\r\n"), s("a1 OK [CAPABILITY IMAP4rev1] hi\r\n")}, "* OK hi\r\na1 OK [CAPABILITY IMAP4rev1] hi\r\n", []string{"left the CAPABILITY code out of the greeting"}},
		"second greeting":     {decode.Rewrite{HideGreetingCapabilities: true}, []turn{s("* OK Waiting\r\n* OK [CAPABILITY IMAP4rev1]\r\n")}, "* OK Waiting\r\n* OK \r\n", []string{"left the CAPABILITY code out of the greeting"}},
		"client first":        {decode.Rewrite{HideGreetingCapabilities: true}, []turn{c("a1 CAPABILITY\r\n"), s("* PREAUTH [CAPABILITY IMAP4rev1]hi\r\n* CAPABILITY IMAP4rev1\r\n")}, "* PREAUTH hi\r\n* CAPABILITY IMAP4rev1\r\n", []string{"left the CAPABILITY code out of the greeting"}},
		"added":               {add, []turn{s("* OK hi\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n")}, "* OK hi\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN STARTTLS LOGINDISABLED\r\n", []string{"added STARTTLS LOGINDISABLED"}},
		"added to one":        {add, []turn{s("* OK [CAPABILITY starttls] hi\r\n")}, "* OK [CAPABILITY starttls LOGINDISABLED] hi\r\n", []string{"added LOGINDISABLED"}},
		"added to none":       {add, []turn{s("* OK [CAPABILITY] hi\r\n* CAPABILITY\r\n")}, "* OK [CAPABILITY STARTTLS LOGINDISABLED] hi\r\n* CAPABILITY STARTTLS LOGINDISABLED\r\n", []string{"added STARTTLS LOGINDISABLED", "added STARTTLS LOGINDISABLED"}},
		"removed":             {remove, []turn{s("* OK [CAPABILITY IMAP4rev1 StartTLS LOGINDISABLED]\r\n")}, "* OK [CAPABILITY IMAP4rev1]\r\n", []string{"removed StartTLS LOGINDISABLED"}},
		"too long":            {hide, []turn{s("* OK hi\r\n* CAPABILITY" + long + " XYZ\r\n* CAPABILITY XYZ\r\n")}, "* OK hi\r\n* CAPABILITY" + long + " XYZ\r\n* CAPABILITY \r\n", []string{"removed XYZ"}},
		"long data":           {hide, []turn{s("* OK hi\r\n* SEARCH" + long + "\r\na1 OK" + long + "\r\n")}, "* OK hi\r\n* SEARCH" + long + "\r\na1 OK" + long + "\r\n", nil},
		"long tag":            {hide, []turn{s("* OK hi\r\n" + strings.Repeat("a", 1100) + " OK [CAPABILITY XYZ]\r\n")}, "* OK hi\r\n" + strings.Repeat("a", 1100) + " OK [CAPABILITY XYZ]\r\n", nil},
		"compressed":          {hide, []turn{s("* OK hi\r\n"), c("a1 COMPRESS DEFLATE\r\n"), s("a1 OK\r\n* CAPABILITY XYZ\r\n")}, "* OK hi\r\na1 OK\r\n* CAPABILITY XYZ\r\n", nil},
		"compression refused": {hide, []turn{s("* OK hi\r\n"), c("a1 COMPRESS DEFLATE\r\n"), s("a1 NO\r\n* CAPABILITY XYZ\r\n")}, "* OK hi\r\na1 NO\r\n* CAPABILITY \r\n", []string{"removed XYZ"}},
		"COMPRESS in a literal": {hide, []turn{
			s("* OK hi\r\n"), c("a1 APPEND x {21}\r\n"), s("+\r\n"), c("a1 COMPRESS DEFLATE\r\n\r\n"),
			s("a1 OK\r\n* CAPABILITY XYZ\r\n"),
		}, "* OK hi\r\n+\r\na1 OK\r\n* CAPABILITY \r\n", []string{"removed XYZ"}},
		"COMPRESS behind a literal": {hide, []turn{
			s("* OK hi\r\n"), c("a1 SEARCH SUBJECT {0}\r\n"), s("+\r\n"), c("a1 COMPRESS DEFLATE\r\n"),
			s("a1 OK\r\n* CAPABILITY XYZ\r\n"),
		}, "* OK hi\r\n+\r\na1 OK\r\n* CAPABILITY \r\n", []string{"removed XYZ"}},
		"COMPRESS behind a refused literal": {hide, []turn{
			s("* OK hi\r\n"), c("a1 APPEND x {1000}\r\n"), s("a1 NO\r\n"), c("a2 COMPRESS DEFLATE\r\n"),
			s("a2 OK\r\n* CAPABILITY XYZ\r\n"),
		}, "* OK hi\r\na1 NO\r\na2 OK\r\n* CAPABILITY XYZ\r\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			for how, cut := range map[string]func([]byte) [][]byte{"whole": whole, "octet by octet": decodetest.Octets} {
				got, edits := rewrite(c.how, chunksOf(c.turns), cut)
				if string(got) != c.want {
					t.Fatalf("%s:\ngot  %.300q\nwant %.300q", how, got, c.want)
				}
				var what []string
				for _, e := range edits {
					what = append(what, e.What)
					if e.Before == e.After || !strings.Contains(c.want, e.After) {
						t.Errorf("%+v", e)
					}
				}
				if strings.Join(what, "|") != strings.Join(c.what, "|") {
					t.Fatalf("%s: edits %q", how, what)
				}
			}
		})
	}
}

// A line is held no longer than it may turn out to be a capability reply.
func TestRewriterHoldsLittle(t *testing.T) {
	for _, line := range []string{"* 1", "* LIST ", "* OK h", "* OK [A", "a1 OK d", "a1 NO x", "+", "+ ", "* SEARCH ", "* BYE [CAPABILITX"} {
		w := imap.Protocol.Rewriter(decode.Rewrite{AddStartTLS: true})
		out, _ := w.Server(nil, []byte("* OK hi\r\n"+line))
		if string(out) != "* OK hi\r\n"+line {
			t.Errorf("%q is held: %q", line, out)
		}
	}
}

// What is flushed in the middle of a line passes, and so does the rest of it.
func TestRewriterFlush(t *testing.T) {
	line := "* CAPABILITY IMAP4rev1 XYZ\r\n"
	for at := range line {
		w := imap.Protocol.Rewriter(decode.Rewrite{Hide: []string{"XYZ"}})
		out, _ := w.Server(nil, []byte("* OK hi\r\n"+line[:at]))
		out = w.Flush(w.Flush(out))
		if string(out) != "* OK hi\r\n"+line[:at] {
			t.Fatalf("cut at %d: %q", at, out)
		}
		out, edits := w.Server(out, []byte(line[at:]+line))
		want := "* OK hi\r\n" + line + "* CAPABILITY IMAP4rev1\r\n"
		if at == 0 {
			want = "* OK hi\r\n* CAPABILITY IMAP4rev1\r\n* CAPABILITY IMAP4rev1\r\n"
		}
		if string(out) != want {
			t.Fatalf("cut at %d: %q, %v", at, out, edits)
		}
	}
}

func TestRewriterReset(t *testing.T) {
	w := imap.Protocol.Rewriter(decode.Rewrite{AddStartTLS: true, HideGreetingCapabilities: true})
	w.Server(nil, []byte("* OK hi\r\n"))
	w.Reset(decode.Rewrite{RemoveStartTLS: true, HideGreetingCapabilities: true})
	out, _ := w.Server(nil, []byte("a1 OK [CAPABILITY STARTTLS X] in\r\n* OK [CAPABILITY Y]\r\n"))
	if string(out) != "a1 OK [CAPABILITY X] in\r\n* OK [CAPABILITY Y]\r\n" {
		t.Fatalf("%q", out)
	}
}

// A rewriter with nothing to do gives what it got; any rewriter gives the same whatever the
// cuts, and changes no octet but those it tells of.
func TestRewriterProperties(t *testing.T) {
	words := append([]string{"* CAPABILITY ", "[CAPABILITY ", "XYZ", "STARTTLS ", "] ", "a1 OK ", "COMPRESS", "a1 COMPRESS DEFLATE\r\n", "* CAPABILITY XYZ\r\n", strings.Repeat("y", 9<<10), strings.Repeat("z", 17<<10)}, nonsense...)
	rapid.Check(t, func(t *rapid.T) {
		var turns []decodetest.Chunk
		for range rapid.IntRange(1, 12).Draw(t, "turns") {
			d := decode.Dir(rapid.IntRange(1, 2).Draw(t, "dir"))
			text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 1, 8).Draw(t, "words"), "")
			turns = append(turns, decodetest.Chunk{Dir: d, Octets: []byte(text)})
		}
		cut := func(p []byte) [][]byte {
			var out [][]byte
			for len(p) > 0 {
				n := rapid.IntRange(1, len(p)).Draw(t, "n")
				out, p = append(out, p[:n]), p[n:]
			}
			return out
		}
		in := decodetest.Joined(turns, decode.Server)
		if got, edits := rewrite(decode.Rewrite{}, turns, cut); !bytes.Equal(got, in) || len(edits) > 0 {
			t.Fatalf("with nothing to do: %d octets of %d, %v", len(got), len(in), edits)
		}
		how := decode.Rewrite{
			HideGreetingCapabilities: rapid.Bool().Draw(t, "hide"), AddStartTLS: rapid.Bool().Draw(t, "add"),
			RemoveStartTLS: rapid.Bool().Draw(t, "remove"), Hide: []string{"X*"},
		}
		one, edits := rewrite(how, turns, whole)
		other, more := rewrite(how, turns, cut)
		if !bytes.Equal(one, other) || len(edits) != len(more) {
			t.Fatalf("whole %d octets, %d edits; cut %d octets, %d edits", len(one), len(edits), len(other), len(more))
		}
		// Line by line, what came out is what came in, or is told.
		rest := one
		for _, line := range bytes.SplitAfter(in, []byte("\n")) {
			if after, ok := bytes.CutPrefix(rest, line); ok {
				rest = after
				continue
			}
			text := bytes.TrimRight(line, "\n")
			text = bytes.TrimSuffix(text, []byte("\r"))
			eol := line[len(text):]
			if len(edits) == 0 || string(text) != edits[0].Before || !bytes.HasPrefix(rest, append([]byte(edits[0].After), eol...)) {
				t.Fatalf("of %.300q came %.300q; edits %v", line, rest, edits)
			}
			rest = rest[len(edits[0].After)+len(eol):]
			edits = edits[1:]
		}
		if len(rest) > 0 || len(edits) > 0 {
			t.Fatalf("more came out: %.300q %v", rest, edits)
		}
	})
}
