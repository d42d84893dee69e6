package client

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mailtrace/mailtrace/internal/mailserver"
)

// changed runs do in an open mailbox of five messages, and gives the UIDs that are left, and those marked as
// deleted, as another session sees them.
func changed(t *testing.T, hide []string, do func(*IMAP, *Mailbox) error) (left, marked []uint32, err error) {
	t.Helper()
	cfg := serve(t, "imaps", func(s *mailserver.Server) { s.Store = mailserver.NewStore(many(5)) })
	open := func() (*IMAP, *Mailbox) {
		c, err := DialIMAP(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close(nil) })
		m, err := c.Select(t.Context(), "INBOX", false, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		return c, m
	}
	// Another client has marked message 5: nobody but it may remove that.
	other, _ := open()
	if err := other.Store(t.Context(), []uint32{5}, "+", []string{`\Deleted`}, nil); err != nil {
		t.Fatal(err)
	}
	c, m := open()
	for _, name := range hide {
		delete(c.caps, name)
	}
	err = do(c, m)
	if _, err := other.Do(t.Context(), Cmd("NOOP"), nil); err != nil { // or it is not told of what is gone
		t.Fatal(err)
	}
	list, lerr := other.Existing(t.Context(), true, "1:*")
	if lerr != nil {
		t.Fatal(lerr)
	}
	for _, x := range list {
		left = append(left, x.UID)
		if slices.Contains(x.Flags, `\Deleted`) {
			marked = append(marked, x.UID)
		}
	}
	return left, marked, err
}

func TestRemove(t *testing.T) {
	remove := func(c *IMAP, _ *Mailbox) error { return c.Remove(t.Context(), []uint32{2, 3}) }
	left, marked, err := changed(t, nil, remove)
	if err != nil || !slices.Equal(left, []uint32{1, 4, 5}) || !slices.Equal(marked, []uint32{5}) {
		t.Errorf("left %v, marked %v, %v", left, marked, err)
	}
	left, marked, err = changed(t, []string{"UIDPLUS"}, remove)
	if !errors.Is(err, ErrNoExpunge) || len(left) != 5 || !slices.Equal(marked, []uint32{2, 3, 5}) {
		t.Errorf("without UIDPLUS: left %v, marked %v, %v", left, marked, err)
	}
}

func TestMove(t *testing.T) {
	for _, hide := range [][]string{nil, {"MOVE"}} {
		var moved *Copied
		left, marked, err := changed(t, hide, func(c *IMAP, _ *Mailbox) (err error) {
			moved, err = c.Move(t.Context(), []uint32{4, 1}, "Archive")
			return err
		})
		if err != nil || !slices.Equal(left, []uint32{2, 3, 5}) || !slices.Equal(marked, []uint32{5}) {
			t.Errorf("hiding %v: left %v, marked %v, %v", hide, left, marked, err)
		}
		if !slices.Equal(moved.Source, []uint32{1, 4}) || !slices.Equal(moved.Dest, []uint32{1, 2}) || moved.UIDValidity == 0 {
			t.Errorf("hiding %v: %+v", hide, moved)
		}
	}
}

func TestStore(t *testing.T) {
	var now []Flagged
	_, _, err := changed(t, nil, func(c *IMAP, m *Mailbox) error {
		if !m.CanStore(`\Seen`) || !m.CanStore("keyword") || m.CanStore(`\Recent`) {
			t.Errorf("permanent %v", m.Permanent)
		}
		if err := c.Store(t.Context(), []uint32{1, 2}, "+", []string{`\Seen`, "$Label"}, func(f Flagged) { now = append(now, f) }); err != nil {
			return err
		}
		return c.Store(t.Context(), []uint32{2}, "-", []string{`\Seen`}, func(f Flagged) { now = append(now, f) })
	})
	if err != nil || len(now) != 3 || !slices.Equal(now[0].Flags, []string{`\Seen`, "$Label"}) || !slices.Equal(now[2].Flags, []string{"$Label"}) {
		t.Errorf("%v, %v", now, err)
	}
}

// A server that tells nonsense of copies is not believed.
func TestHostileCopy(t *testing.T) {
	for answer, want := range map[string]string{
		"TAG OK [COPYUID 7 1:2 5] x\r\n":               "expected as many new UIDs",
		"TAG OK [COPYUID 7 1:4294967295 1:2] x\r\n":    "finds more than",
		"TAG NO [TRYCREATE] no such mailbox\r\n":       "no such mailbox",
		"TAG NO [OVERQUOTA] full\r\n":                  "full",
		"* 2 EXPUNGE\r\n* BYE enough\r\nTAG BAD x\r\n": "BAD",
	} {
		cfg := rogue(t, "imap", hello, loggedIn(map[string]string{" UID COPY ": answer}), "")
		err := func() error {
			c, err := DialIMAP(t.Context(), cfg)
			if err != nil {
				return err
			}
			defer c.Close(nil)
			_, err = c.Copy(t.Context(), []uint32{1, 2}, "there")
			return err
		}()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", answer, err)
		}
	}
}

func TestIsFlag(t *testing.T) {
	for flag, want := range map[string]bool{`\Seen`: true, "$Label1": true, "Junk": true, "": false, `\`: false, "a b": false, "a(": false, `\\x`: false, "ä": false, `a"`: false} {
		if IsFlag(flag) != want {
			t.Errorf("%q: want %v", flag, want)
		}
	}
}
