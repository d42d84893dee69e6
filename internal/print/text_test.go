package print

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files and the examples of docs/events.md anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// printed gives what a story looks like.
func printed(s *story, o Options) []byte {
	var b bytes.Buffer
	o.Notes, o.Local = s.note, time.UTC
	p := Text(&b, o)
	p.Events(s.events)
	p.Close()
	return b.Bytes()
}

func sessions() *story {
	s := newStory()
	s.imap()
	s.pop3()
	return s
}

func TestTextLooks(t *testing.T) {
	trouble, many, rest := newStory(), newStory(), newStory()
	rest.rest()
	trouble.trouble()
	many.many()
	for _, c := range []struct {
		name string
		s    *story
		o    Options
	}{
		{"sessions", sessions(), Options{}},
		{"sessions-narrow", sessions(), Options{Width: 72}},
		{"sessions-wide", sessions(), Options{Width: 140}},
		{"sessions-ascii", sessions(), Options{ASCII: true}},
		{"sessions-color", sessions(), Options{Color: true}},
		{"sessions-verbose", sessions(), Options{Verbose: true}},
		{"trouble", trouble, Options{}},
		{"trouble-color", trouble, Options{Color: true}},
		{"trouble-verbose", trouble, Options{Verbose: true}},
		{"many", many, Options{}},
		{"rest", rest, Options{}},
	} {
		t.Run(c.name, func(t *testing.T) { golden(t, c.name, printed(c.s, c.o)) })
	}
}

func TestOneConnectionOnly(t *testing.T) {
	for _, row := range strings.Split(strings.TrimSpace(string(printed(sessions(), Options{Conn: 2}))), "\n") {
		if !strings.HasPrefix(row, "#2 ") {
			t.Errorf("a row of another connection: %q", row)
		}
	}
}
