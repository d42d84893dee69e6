package client

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/internal/mailserver"
	"github.com/mailtrace/mailtrace/internal/spool"
)

func TestList(t *testing.T) {
	c := Cmd("SEARCH", Raw("NOT"), List{Raw("FROM"), String("é"), List{String("a b")}, List{}}, Raw("SEEN"))
	var b strings.Builder
	for _, p := range c.parts {
		b.Write(p.text)
		if p.reader != nil {
			s, err := io.ReadAll(p.reader)
			if err != nil || int64(len(s)) != p.octets {
				t.Errorf("%d octets announced, %d there: %v", p.octets, len(s), err)
			}
			fmt.Fprintf(&b, "{%d}%s", p.octets, s)
		}
	}
	if want := `SEARCH NOT (FROM {2}é ("a b") ()) SEEN`; b.String() != want {
		t.Errorf("%s, want %s", b.String(), want)
	}
}

func TestFound(t *testing.T) {
	const messages = 700
	var even, backward []uint32
	for uid := uint32(2); uid <= messages; uid += 2 {
		even = append(even, uid)
	}
	for uid := uint32(messages); uid > 0; uid-- {
		backward = append(backward, uid)
	}
	for _, c := range []struct {
		name    string
		uids    []uint32
		fetches int
	}{
		{"none", nil, 0},
		{"one", []uint32{5}, 1},
		{"twice", []uint32{7, 5, 7}, 1},
		{"gone", []uint32{5, messages + 9}, 1},
		{"even", even, 2},
		{"backward", backward, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := serve(t, "imaps", func(s *mailserver.Server) { s.Store = mailserver.NewStore(many(messages)) })
			x := &turns{}
			cfg.Observer = x
			s, err := DialIMAP(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close(nil)
			if _, err := s.Select(t.Context(), "INBOX", true, "", nil); err != nil {
				t.Fatal(err)
			}
			before := x.n
			var got []uint32
			err = s.Found(t.Context(), c.uids, func(s *Summary) error {
				if want := fmt.Sprintf("number %d", s.UID); s.Subject != want {
					return fmt.Errorf("%+v, want %s", s, want)
				}
				got = append(got, s.UID)
				return nil
			})
			want := slices.Compact(slices.Sorted(slices.Values(c.uids)))
			want = slices.DeleteFunc(want, func(uid uint32) bool { return uid > messages })
			slices.Reverse(want)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%v, want %v: %v", got, want, err)
			}
			if k := strings.Count(x.octets[decode.Client].String(), " UID FETCH "); k != c.fetches {
				t.Errorf("%d FETCH, want %d", k, c.fetches)
			}
			if turns := x.n - before; turns > min(c.fetches, 1) {
				t.Errorf("waited %d times: the commands are said ahead of the answers", turns)
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	cfg := serve(t, "pop3s", nil)
	s, err := DialPOP3(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(nil)
	want := mailserver.DemoMessages()
	n := 0
	err = s.Headers(t.Context(), 0, func(row *Summary, header *spool.Spool) error {
		n++
		p, ok := header.Bytes()
		if !ok || !strings.HasPrefix(string(want[row.Number-1].Octets), string(p)) {
			return fmt.Errorf("message %d: %q", row.Number, p)
		}
		return nil
	})
	if err != nil || n != len(want) {
		t.Errorf("%d headers: %v", n, err)
	}
}

func TestReadHeader(t *testing.T) {
	var got []string
	err := ReadHeader(strings.NewReader("A: 1\r\n\r\n"), func(name, value string) { got = append(got, name+"="+value) })
	if err != nil || !slices.Equal(got, []string{"A= 1"}) {
		t.Errorf("%q: %v", got, err)
	}
	got = nil
	err = ReadHeader(strings.NewReader("A : 1\r\n 2\r\nno field\r\nB:\n\n\nC: body\n"), func(name, value string) { got = append(got, name+"="+value) })
	if err != nil || !slices.Equal(got, []string{"A= 1 2", "B="}) {
		t.Errorf("%q: %v", got, err)
	}
}

// A refusal names the charsets that there are.
func TestBadCharset(t *testing.T) {
	cfg := rogue(t, "imap", "* PREAUTH [CAPABILITY IMAP4rev1] ready\r\n", map[string]string{
		"SEARCH": "TAG NO [BADCHARSET (US-ASCII \"ISO-8859-1\")] not that one\r\n",
	}, "")
	s, err := DialIMAP(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(nil)
	_, err = s.Search(t.Context(), true, Raw("CHARSET"), Raw("UTF-8"), Raw("SEEN"))
	var refused *ServerError
	if !errors.As(err, &refused) || !slices.Equal(refused.Charsets, []string{"US-ASCII", "ISO-8859-1"}) || refused.Hint() == "" {
		t.Errorf("%#v", err)
	}
}
