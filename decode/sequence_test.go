package decode_test

import (
	"testing"

	"github.com/mailtrace/mailtrace/decode"
)

func TestSequencer(t *testing.T) {
	var s decode.Sequencer
	a, b := &decode.Command{Name: "A"}, &decode.Command{Name: "B"}
	s.Number(nil)
	if s.Last() != 0 {
		t.Fatal("numbers begin with 1")
	}
	first := []decode.Event{{Kind: decode.Open}, {Kind: decode.CommandLine, Command: a}, {Kind: decode.Continuation, Command: a}}
	s.Number(first)
	second := []decode.Event{{Kind: decode.CommandLine, Command: b}, {Kind: decode.Completion, Command: a}, {Kind: decode.CommandLine}}
	s.Number(second)
	for i, e := range append(first, second...) {
		if e.Seq != uint64(i+1) {
			t.Errorf("event %d has number %d", i+1, e.Seq)
		}
	}
	if a.Seq != 2 || b.Seq != 4 || s.Last() != 6 {
		t.Errorf("commands %d and %d, last %d", a.Seq, b.Seq, s.Last())
	}
}

func TestNames(t *testing.T) {
	for k := decode.Open; k <= decode.Close; k++ {
		if back, ok := decode.KindOf(k.String()); !ok || back != k {
			t.Errorf("%v does not come back", k)
		}
	}
	if _, ok := decode.KindOf("nothing"); ok {
		t.Error("a kind that is none")
	}
	if got := (decode.Close + 1).String(); got != "unknown" {
		t.Error(got)
	}
	for d, other := range map[decode.Dir]decode.Dir{decode.Client: decode.Server, decode.Server: decode.Client, decode.NoDir: decode.NoDir} {
		if d.Other() != other {
			t.Errorf("%q", d)
		}
	}
}

func TestCloneKeepsItsText(t *testing.T) {
	e := decode.Event{Text: []byte("text")}
	c := e.Clone()
	e.Text[0] = 'x'
	if string(c.Text) != "text" {
		t.Fatal(string(c.Text))
	}
}

func TestLimitsDefaults(t *testing.T) {
	l := decode.Limits{Line: 5}.WithDefaults()
	if l.Line != 5 || l.Commands != 4096 || l.Queue != 1<<20 || l.Parts == 0 || l.Depth == 0 || l.Header == 0 {
		t.Fatalf("%+v", l)
	}
}
