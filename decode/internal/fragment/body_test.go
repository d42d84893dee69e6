package fragment

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// unstuff takes pieces to the end of the first body, or of them all, and gives what
// stands behind it.
func unstuff(pieces ...string) string {
	var b Body
	var text, wire, rest strings.Builder
	end := ""
	take := func(p Piece) {
		switch {
		case p.End:
			end = fmt.Sprintf("end %q", p.Wire)
			if p.Broken {
				end = "broken " + end
			}
			rest.Write(p.Rest)
		default:
			text.Write(p.Text)
			wire.Write(p.Wire)
		}
	}
	for _, s := range pieces {
		p := []byte(s)
		for len(p) > 0 {
			if end != "" {
				rest.Write(p)
				break
			}
			piece, n := b.Take(p)
			take(piece)
			p = p[n:]
		}
	}
	if end == "" {
		take(b.Finish())
	}
	if b.Octets != int64(text.Len()) || b.Wire != int64(wire.Len()) {
		return fmt.Sprintf("counts %d and %d octets of %d and %d", b.Octets, b.Wire, text.Len(), wire.Len())
	}
	return fmt.Sprintf("%q %s stuffed %d rest %q", text.String(), end, b.Stuffed, rest.String())
}

func TestBody(t *testing.T) {
	for _, c := range []struct{ wire, want string }{
		{".\r\n+OK\r\n", `"" end ".\r\n" stuffed 0 rest "+OK\r\n"`},
		{"a\r\n.\r\n", `"a\r\n" end ".\r\n" stuffed 0 rest ""`},
		{"a\r\n..\r\n...b\r\n.c\r\n.\r\nx", `"a\r\n.\r\n..b\r\nc\r\n" end ".\r\n" stuffed 3 rest "x"`},
		{"a.\r\n.....\r\n.\r\n", `"a.\r\n....\r\n" end ".\r\n" stuffed 1 rest ""`},
		{"bare\n.\r\n+OK", `"bare\n" end ".\r\n" stuffed 0 rest "+OK"`},
		{"a\r\n.\n+OK 2\r\n", `"a\r\n" broken end ".\n" stuffed 0 rest "+OK 2\r\n"`},
		{"a\r\n.\r-ERR\r\n", `"a\r\n" broken end ".\r" stuffed 0 rest "-ERR\r\n"`},
		{"a\r\n.\n+OKAY\r\n.\r\n", `"a\r\n\n+OKAY\r\n" end ".\r\n" stuffed 1 rest ""`},
		{"a\r\n.\n.\n.\r\n", `"a\r\n\n\n" end ".\r\n" stuffed 2 rest ""`},
		{"a\r\n.\rb\r\n.\r\n", `"a\r\n\rb\r\n" end ".\r\n" stuffed 1 rest ""`},
		{"a\r\n.\n", `"a\r\n" broken end ".\n" stuffed 0 rest ""`},
		{"a\r\n.\r", `"a\r\n" broken end ".\r" stuffed 0 rest ""`},
		{"a\r\n.\n+", `"a\r\n\n+"  stuffed 1 rest ""`},
		{"a\r\n.", `"a\r\n"  stuffed 1 rest ""`},
		{"a\r.\r\n", `"a\r.\r\n"  stuffed 0 rest ""`},
	} {
		if got := unstuff(c.wire); got != c.want {
			t.Errorf("%q:\ngot  %s\nwant %s", c.wire, got, c.want)
		}
	}
}

func TestBodyDoesNotDependOnCuts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOf(rapid.SampledFrom([]string{".", "\r", "\n", "\r\n", "a", "+OK", "-ERR", " ", "-", ".\r\n"})).Draw(t, "wire")
		wire := strings.Join(words, "")
		var pieces []string
		for rest := wire; rest != ""; {
			n := rapid.IntRange(1, min(len(rest), 6)).Draw(t, "cut")
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		if w, g := unstuff(wire), unstuff(pieces...); w != g {
			t.Fatalf("%q:\nwhole  %s\npieces %s", pieces, w, g)
		}
	})
}

func TestStuffedBodyIsRestored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOf(rapid.StringOf(rapid.SampledFrom([]rune(".a\r")))).Draw(t, "lines")
		var plain, wire strings.Builder
		for _, l := range lines {
			plain.WriteString(l + "\r\n")
			if strings.HasPrefix(l, ".") {
				wire.WriteByte('.')
			}
			wire.WriteString(l + "\r\n")
		}
		var b Body
		var got []byte
		p := []byte(wire.String() + ".\r\n")
		for {
			piece, n := b.Take(p)
			p = p[n:]
			if piece.End {
				break
			}
			got = append(got, piece.Text...)
		}
		if string(got) != plain.String() || len(p) != 0 {
			t.Fatalf("got %q and %q left, want %q", got, p, plain.String())
		}
	})
}

func BenchmarkBody(b *testing.B) {
	text := "The quick brown fox jumps over the lazy dog. And so on...\r\n"
	for _, c := range []struct {
		name string
		body []byte
	}{
		{"base64", bytes.Repeat([]byte(strings.Repeat("Zm9vYmFyYmF6", 7)[:76]+"\r\n"), 100_000)},
		{"text", bytes.Repeat([]byte(text), 100_000)},
		{"stuffed", bytes.Repeat([]byte(text+text+text+"..\r\n"), 30_000)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.body)))
			b.ReportAllocs()
			var x Body
			for b.Loop() {
				x.Reset()
				for p := c.body; len(p) > 0; {
					chunk := p[:min(32<<10, len(p))]
					p = p[len(chunk):]
					for len(chunk) > 0 {
						_, n := x.Take(chunk)
						chunk = chunk[n:]
					}
				}
			}
		})
	}
}
