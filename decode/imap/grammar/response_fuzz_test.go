package grammar

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/mailtrace/mailtrace/decode/internal/fragment"
)

// fuzzLine makes a Line of octets as framing would: what announces a literal at a line end is
// followed by as many octets of its content as there are.
func fuzzLine(b []byte, cut bool) *Line {
	l := &Line{Cut: cut}
	for {
		n := bytes.Index(b, []byte("\r\n"))
		if n < 0 {
			l.Text = append(l.Text, b...)
			return l
		}
		l.Text = append(l.Text, b[:n]...)
		b = b[n+2:]
		spec, ok := fragment.ParseLiteral(l.Text)
		if !ok {
			return l
		}
		content := b[:min(spec.Octets, int64(len(b)))]
		b = b[len(content):]
		if len(content)%3 == 2 {
			content = nil // was not kept
		}
		l.Literals = append(l.Literals, Literal{At: len(l.Text), Octets: spec.Octets, Content: content})
	}
}

// outcome is all that a response says, as values that can be compared.
type outcome struct {
	Kind      Kind
	Tag, Name string
	Number    uint32
	Code      string
	Human     string
	Detail    string
	Problems  []Problem
}

func outcomeOf(t *testing.T, p *Parser, l *Line) outcome {
	r := p.Response(l)
	detail, err := json.Marshal(r.Detail())
	if err != nil {
		t.Fatalf("%q: %v", l.Text, err)
	}
	code, err := json.Marshal(r.Code)
	if err != nil {
		t.Fatalf("%q: %v", l.Text, err)
	}
	return outcome{
		r.Kind, string(r.Tag), r.Name, r.Number, string(code), string(r.Human), string(detail),
		append([]Problem(nil), r.Problems...),
	}
}

func FuzzResponse(f *testing.F) {
	for _, c := range clean {
		f.Add([]byte(c.text), false, []byte(envelopeRow))
	}
	for _, q := range quirks {
		f.Add([]byte(q.text), true, []byte(q.twin))
	}
	f.Fuzz(func(t *testing.T, text []byte, cut bool, before []byte) {
		if len(text) > 1<<14 || len(before) > 1<<14 {
			return
		}
		l := fuzzLine(text, cut)
		var fresh, used Parser
		used.Response(fuzzLine(before, !cut))
		want := outcomeOf(t, &fresh, l)
		kept := used.Response(l).Detail()
		if got := outcomeOf(t, &used, l); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q behind %q:\n got %+v\nwant %+v", text, before, got, want)
		}
		// What is kept does not change when the line and the Parser are used again.
		for i := range l.Text {
			l.Text[i] = 'x'
		}
		used.Response(fuzzLine(before, cut))
		if b, _ := json.Marshal(kept); string(b) != want.Detail {
			t.Fatalf("%q: the Detail changed to %s from %s", text, b, want.Detail)
		}
		for _, x := range want.Problems {
			if x.Off < 0 || x.Len < 0 || x.Off+x.Len > len(l.Text) || x.Rule == nil {
				t.Fatalf("%q: problem %+v", text, x)
			}
		}
	})
}

// TestResponseAllocates nothing once its memory has grown.
func TestResponseAllocates(t *testing.T) {
	var p Parser
	var lines []*Line
	for _, c := range clean {
		lines = append(lines, lineOf(c.text))
	}
	for _, l := range lines {
		if r := p.Response(l); r.Data == &p.data.tokens {
			continue // what it is called is not known before
		}
		if n := testing.AllocsPerRun(10, func() { p.Response(l) }); n > 0 && (p.response.Code == nil || p.response.Code.Name != "X-FOO") {
			t.Errorf("%s: %v allocations", l.Text, n)
		}
	}
}
