package mailsync

import (
	"bufio"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/internal/mailfile"
)

// liar is a server that answers the command in a line by what answers has for it.
func liar(t *testing.T, answers map[string]string) *client.IMAP {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Write([]byte("* OK [CAPABILITY IMAP4rev1] hi\r\n"))
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			tag, _, _ := strings.Cut(lines.Text(), " ")
			for key, answer := range answers {
				if strings.Contains(lines.Text(), key) {
					_, _ = conn.Write([]byte(strings.ReplaceAll(answer, "TAG", tag)))
				}
			}
		}
	}()
	c, err := client.DialIMAP(t.Context(), client.Config{
		URL:  dial.URL{Scheme: "imap", Protocol: dial.IMAP, Host: "127.0.0.1", Port: ln.Addr().(*net.TCPAddr).Port, User: "u1"},
		Idle: 5 * time.Second, AllowCleartext: true,
		Password: func(context.Context) (string, error) { return "p", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close(nil)
		ln.Close()
		<-done
	})
	return c
}

// A server that does not tell of what is there, or lies about it, costs nothing that is here.
func TestLiar(t *testing.T) {
	const login = "TAG OK [CAPABILITY IMAP4rev1] in\r\n"
	for _, c := range []struct{ name, selected, flags, fetched, want string }{
		{"leaves out", "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\nTAG OK x\r\n", "* 1 FETCH (UID 1 FLAGS ())\r\nTAG OK x\r\n", "TAG OK x\r\n", "tells of 1; nothing was changed"},
		{"refuses", "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\nTAG OK x\r\n", "TAG NO some are damaged\r\n", "TAG OK x\r\n", "some are damaged"},
		{"no UIDVALIDITY", "* 0 EXISTS\r\nTAG OK x\r\n", "", "", "has no UIDVALIDITY"},
		{"no lasting UIDs", "* 0 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* NO [UIDNOTSTICKY] x\r\nTAG OK x\r\n", "", "", "keeps no UIDs"},
		{"NIL for a message", "* 2 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\nTAG OK x\r\n", "* 1 FETCH (UID 1 FLAGS ())\r\n* 2 FETCH (UID 9 FLAGS ())\r\nTAG OK x\r\n", "* 2 FETCH (UID 9 FLAGS () BODY[] NIL)\r\nTAG OK x\r\n", "sends NIL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if _, err := mailfile.Open(dir, "maildir"); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "cur", "INBOX-7-1.mailtrace,S=3:2,S")
			if err := os.WriteFile(file, []byte("abc"), 0o600); err != nil {
				t.Fatal(err)
			}
			s := liar(t, map[string]string{" LOGIN ": login, " SELECT ": c.selected, "(UID FLAGS)": c.flags, "BODY.PEEK[]": c.fetched, " STORE ": "TAG OK x\r\n"})
			_, err := Mailbox(t.Context(), s, "INBOX", dir, "imap://u1@host/INBOX", Options{Delete: true})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if files, err := mailfile.ReadMaildir(dir); err != nil || len(files) != 1 {
				t.Errorf("%d files are left: %v", len(files), err)
			}
		})
	}
}
