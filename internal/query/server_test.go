package query_test

import (
	"bytes"
	"context"
	_ "embed"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/internal/mailserver"
	"github.com/mailtrace/mailtrace/internal/message"
	"github.com/mailtrace/mailtrace/internal/query"
)

// queries are answered without a server, a line each.
//
//go:embed testdata/queries.txt
var queries string

// What a header tells agrees with what a server finds.
func TestMatchIsSearch(t *testing.T) {
	store := mailserver.NewStore(mailserver.DemoMessages())
	s := &mailserver.Server{Store: store, Users: map[string]string{"u1": "swordfish"}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.ServeIMAP(ln) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	u, err := dial.Parse("imap://u1@localhost")
	if err != nil {
		t.Fatal(err)
	}
	u.Port = ln.Addr().(*net.TCPAddr).Port
	c, err := client.DialIMAP(t.Context(), client.Config{
		URL: u, AllowCleartext: true, Idle: 10 * time.Second,
		Password: func(context.Context) (string, error) { return "swordfish", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(nil)
	if _, err := c.Select(t.Context(), "INBOX", true, "", nil); err != nil {
		t.Fatal(err)
	}
	messages := demo(t)
	some, lines := 0, strings.Split(strings.TrimSpace(queries), "\n")
	for _, text := range lines {
		q, err := query.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		args, _, err := q.Program(query.Server{})
		if err != nil {
			t.Fatal(err)
		}
		want, err := c.Search(t.Context(), true, args...)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if keys, _ := q.Unanswered(query.Holds{Flags: true, Arrived: true, UID: true, Body: true}); len(keys) > 0 {
			t.Fatalf("%s: %v cannot be answered here", text, keys)
		}
		var got []uint32
		for _, m := range messages {
			if q.Match(m) {
				got = append(got, m.UID)
			}
		}
		if len(got) > 0 && len(got) < len(messages) {
			some++
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: found %v, the server %v", text, got, want)
		}
	}
	if some < len(lines)/2 {
		t.Errorf("%d of %d queries tell messages apart", some, len(lines))
	}
}

// texts gives the texts of a message.
func texts(t *testing.T, octets []byte) func(yield func(io.Reader) bool) error {
	m, err := message.Read(bytes.NewReader(octets))
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func(io.Reader) bool) error {
		for _, p := range m.Parts {
			if !p.IsText() {
				continue
			}
			r, err := m.Open(p, false)
			if err != nil {
				return err
			}
			if !yield(message.Text(r, p.Charset)) {
				break
			}
		}
		return nil
	}
}

// demo gives the demo messages as the server has them.
func demo(t *testing.T) (list []*query.Message) {
	all := mailserver.DemoMessages()
	for i, m := range all {
		x := &query.Message{
			UID: uint32(i + 1), Highest: uint32(len(all)), Octets: int64(len(m.Octets)), Flags: m.Flags, HasFlags: true, Arrived: m.Date,
			Header: []query.Field{},
		}
		x.Body = texts(t, m.Octets)
		err := client.ReadHeader(bytes.NewReader(m.Octets), func(name, value string) {
			x.Header = append(x.Header, query.Field{Name: name, Value: value})
		})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, x)
	}
	return list
}
