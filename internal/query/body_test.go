package query

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestContains(t *testing.T) {
	long := strings.Repeat("x", 32<<10)
	for _, c := range []struct {
		in, text string
		want     bool
	}{
		{"", "a", false},
		{"A", "a", true},
		{"Grüße", "grüße", true},
		{"GRÜSSE", "üss", true},
		{"ab", "abc", false},
		{long + "Straße", "xstraße", true},
		{long[1:] + "ÄB", "xäb", true},
		{long[2:] + "会議", "会議", true},
		{"\xff\xe4a", "a", true},
		{"a\xe4", "b", false},
		{long + long + "needle", "needle", true},
		{long + "needl", "needle", false},
	} {
		for name, r := range map[string]io.Reader{
			"whole": strings.NewReader(c.in), "octets": iotest.OneByteReader(strings.NewReader(c.in)), "halves": iotest.HalfReader(strings.NewReader(c.in)),
			"end with the data": iotest.DataErrReader(strings.NewReader(c.in)),
		} {
			if got, err := contains(r, c.text); got != c.want || err != nil {
				t.Errorf("%.20q in %.20q, read by %s: %v, %v", c.text, c.in, name, got, err)
			}
		}
	}
}

func TestMatchBody(t *testing.T) {
	bodies := func(texts ...string) *Message {
		return &Message{Header: []Field{{"Subject", " head"}}, Body: func(yield func(io.Reader) bool) error {
			for _, s := range texts {
				if !yield(strings.NewReader(s)) {
					return nil
				}
			}
			return nil
		}}
	}
	broken := bodies()
	broken.Body = func(yield func(io.Reader) bool) error {
		if yield(iotest.ErrReader(errors.New("broken"))) {
			t.Error("a text that cannot be read is the last")
		}
		return nil
	}
	gone := bodies()
	gone.Body = func(func(io.Reader) bool) error { return errors.New("gone") }
	for _, c := range []struct {
		query string
		m     *Message
		want  verdict
	}{
		{"body:one", bodies("text One", "two"), yes},
		{"body:two", bodies("text one", "two"), yes},
		{"body:onetwo", bodies("one", "two"), no},
		{"body:head", bodies("one"), no},
		{"head", bodies("one"), yes},
		{"one", bodies("one"), yes},
		{"three", bodies("one"), no},
		{"one", bodies(), no},
		{"one", broken, unknown},
		{"one", gone, unknown},
		{"-body:one", gone, unknown},
		{"head", gone, yes},
		{"body:one", &Message{Header: []Field{}}, unknown},
		{"one", &Message{Header: []Field{}}, no},
	} {
		q, err := Parse(c.query)
		if err != nil {
			t.Fatal(err)
		}
		if got := q.root.match(c.m); got != c.want {
			t.Errorf("%s: %v, want %v", c.query, got, c.want)
		}
	}
}
