package replay

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Whatever a script holds, its text reads as the same script.
func TestFormatRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		roundTrip(t, drawScript(t))
	})
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

func roundTrip(t failer, s *Script) {
	t.Helper()
	text := s.String()
	again, err := ParseTranscript("t", []byte(text), opener(nil))
	if err != nil {
		t.Fatalf("does not parse again: %v\n%s", err, text)
	}
	if diff := cmp.Diff(s.Items, again.Items, ignorePos); diff != "" {
		t.Fatalf("not the same script:\n%s\n%s", diff, text)
	}
	if second := again.String(); second != text {
		t.Fatalf("formatted twice differs:\n%q\n%q", text, second)
	}
}

func drawScript(t *rapid.T) *Script {
	s := &Script{Name: "t"}
	s.Items = append(s.Items,
		&Directive{Verb: Connect, Conn: "a", Protocol: IMAP},
		&Directive{Verb: Connect, Conn: "b", Protocol: POP3})
	open := 0
	var rules []Rules
	for range rapid.IntRange(0, 12).Draw(t, "items") {
		switch rapid.IntRange(0, 5).Draw(t, "item") {
		case 0:
			s.Items = append(s.Items, &Comment{Text: textOf(`a #$"|&{`).Draw(t, "comment")})
		case 1:
			s.Items = append(s.Items, &Blank{})
		case 2:
			verb := rapid.SampledFrom([]Verb{Login, StartTLS, Wait, Pause}).Draw(t, "verb")
			d := &Directive{Verb: verb, Conn: "b", Protocol: POP3}
			if rapid.Bool().Draw(t, "named") {
				d.Conn, d.Protocol, d.Named = "a", IMAP, true
			}
			if verb == Wait || verb == Pause {
				d.Time = time.Duration(rapid.Int64Range(1, 1e15).Draw(t, "time"))
			}
			s.Items = append(s.Items, d)
		case 3:
			if open > 0 && rapid.Bool().Draw(t, "end") {
				open--
				rules = rules[:open]
				s.Items = append(s.Items, &Directive{Verb: End})
				continue
			}
			var r Rules
			if open > 0 {
				r = rules[open-1]
			}
			d := &Directive{Verb: rapid.SampledFrom([]Verb{Ordered, Exact, AnyOrder, Optional}).Draw(t, "group")}
			switch d.Verb {
			case Ordered:
				r.Ordered = true
			case Exact:
				r.Exact = true
			case AnyOrder:
				r.AnyOrder = true
			case Optional:
				r.Optional = true
			}
			open++
			rules = append(rules, r)
			s.Items = append(s.Items, d)
		default:
			l := drawLine(t)
			if open > 0 {
				l.Rules = rules[open-1]
			}
			s.Items = append(s.Items, l)
		}
	}
	for ; open > 0; open-- {
		s.Items = append(s.Items, &Directive{Verb: End})
	}
	return s
}

func textOf(letters string) *rapid.Generator[string] {
	return rapid.StringOfN(rapid.SampledFrom([]rune(letters)), 0, 8, -1)
}

func drawLine(t *rapid.T) *Line {
	l := &Line{Conn: "a", Named: true, Protocol: IMAP, Side: Side(rapid.IntRange(0, 1).Draw(t, "side"))}
	taken := false
	for range rapid.IntRange(0, 5).Draw(t, "nodes") {
		var last Text
		if n := len(l.Pattern); n > 0 {
			last, _ = l.Pattern[n-1].(Text)
		}
		switch rapid.IntRange(0, 2).Draw(t, "node") {
		case 0:
			if text := textOf(`a ${}$~=*.()|"é`).Draw(t, "text"); text != "" && last == "" {
				l.Pattern = append(l.Pattern, Text(text))
			}
		case 1:
			v := &Value{Name: "x.y", Kind: ValueKind(rapid.IntRange(0, 1).Draw(t, "kind")), Has: rapid.Bool().Draw(t, "has")}
			if v.Kind == AnyOne {
				v.Name = ""
			}
			if v.Has {
				v.Sample = textOf(`a$}{=é`).Draw(t, "sample")
			}
			l.Pattern = append(l.Pattern, v)
		case 2:
			lit := &Literal{Kind: LiteralKind(rapid.IntRange(0, 3).Draw(t, "literal")), Must: rapid.Bool().Draw(t, "must")}
			lit.Binary = rapid.Bool().Draw(t, "binary") || strings.HasSuffix(string(last), "~")
			lit.NonSync = l.Side == ClientSide && rapid.Bool().Draw(t, "nonsync")
			switch lit.Kind {
			case FromBlock:
				taken = true
				lit.Blocks = drawBlocks(t, 1)
				lit.Octets = octetsOf(lit.Blocks)
			case FromFile:
				lit.Name = "hello.eml"
				lit.Octets, _ = os.ReadFile(filepath.Join("testdata", lit.Name))
			case ToFile:
				lit.Name = "out/x-1.eml"
			case Counted:
				lit.Count = fmt.Sprint(rapid.Int64Range(0, 1<<40).Draw(t, "count"))
			}
			l.Pattern = append(l.Pattern, lit)
		}
	}
	if !taken {
		l.Blocks = drawBlocks(t, 0)
	}
	return l
}

func drawBlocks(t *rapid.T, least int) []Block {
	var blocks []Block
	for range rapid.IntRange(least, 3).Draw(t, "blocks") {
		b := Block{Exact: rapid.Bool().Draw(t, "exact")}
		if b.Exact {
			b.Text = string(rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(t, "octets"))
		} else {
			b.Text = textOf(`a.|"\ é&`).Draw(t, "text")
		}
		blocks = append(blocks, b)
	}
	return blocks
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"pop3-fetch.script", "imap-push.script", "two.script"} {
		src, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Add([]byte("@connect a imap\n@exact\nC: $${ ${{} ${$}${v=$}$$} ~{|!} {|+}\n|\n&\n\"\\x00\\r\"\n@end\n@include two.script\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		s, err := ParseTranscript("t", src, opener(nil))
		if err != nil {
			var at *Error
			if !errors.As(err, &at) || at.Pos.Line < 1 || at.Pos.Column < 1 {
				t.Fatalf("an error without its place: %v", err)
			}
			return
		}
		roundTrip(t, s)
		_ = checkSecrets(s)
		_ = s.Check(ClientSide)
		_ = s.Check(ServerSide)
		_, _ = s.Chunks(map[string]string{"user": "u", "password": "p"})
	})
}
