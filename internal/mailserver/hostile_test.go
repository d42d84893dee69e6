package mailserver

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// panics fails a test when imapserver tells of one, which it survives.
type panics struct{ *testing.T }

func (p panics) Printf(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); strings.Contains(text, "panic") {
		p.Error(text)
	}
}

// throw sends octets to a server, and closes once the answer holds what it is waited for:
// at once for "". It returns when the session has ended.
func throw(t *testing.T, s *Server, serve func(net.Listener) error, octets, wait string) string {
	t.Helper()
	s.log = panics{t}
	l := newPipes()
	done := make(chan error, 1)
	go func() { done <- serve(l) }()
	conn := l.dial(t)
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	var got strings.Builder
	seen, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		in := make([]byte, 4096)
		for waiting := true; ; {
			n, err := conn.Read(in)
			got.Write(in[:n])
			if waiting && (err != nil || strings.Contains(got.String(), wait)) {
				close(seen)
				waiting = false
			}
			if err != nil {
				return
			}
		}
	}()
	_, _ = io.WriteString(conn, octets) // the server may have hung up
	<-seen
	conn.Close()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	<-ended
	return got.String()
}

const loggedIn = "a LOGIN u1 secret\r\nb SELECT INBOX\r\n"

func FuzzIMAP(f *testing.F) {
	for _, c := range []string{
		"c FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE BODY[1.2.MIME]<1.5>)", "c STORE *:1 -FLAGS.SILENT (\\Seen $x)", "c UID SEARCH OR NOT (1:3 $) TEXT \"x\"",
		"c APPEND INBOX (\\Seen) \" 1-Jan-2026 00:00:00 +0000\" {3}\r\nabc", "c APPEND INBOX {9223372036854775807+}\r\nabc\r\nd NOOP", "c LOGIN {9223372036854775807}",
		"c MOVE 1,3:2 Trash", "c RENAME INBOX x/y", "c RENAME Archive Archive/x", "c DELETE Trash", "c LIST (SUBSCRIBED) \"\" (% *) RETURN (STATUS (SIZE))", "c IDLE\r\nDONE",
		"c UID EXPUNGE 1:*", "c COPY 1:* nowhere", "c CREATE ../x", "c AUTHENTICATE PLAIN =", "c CLOSE\r\nd FETCH 1 FLAGS", "c SELECT Trash\r\nd FETCH * FLAGS\r\ne SEARCH RETURN (SAVE) ALL\r\nf FETCH $ UID",
		"c EXPUNGE", "c STATUS INBOX (SIZE DELETED)", "c ENABLE IMAP4rev2", "c NAMESPACE", "c UNSUBSCRIBE &AOQ-",
	} {
		f.Add(c)
	}
	f.Fuzz(func(t *testing.T, input string) {
		s := &Server{Store: NewStore(DemoMessages()[:3]), Users: map[string]string{"u1": "secret"}, Name: "mailtrace"}
		throw(t, s, s.ServeIMAP, loggedIn+input+"\r\n", "")
	})
}

func FuzzPOP3(f *testing.F) {
	for _, c := range []string{
		"LIST\r\nRETR 1\r\nTOP 1 2\r\nDELE 2\r\nRSET\r\nUIDL 3\r\nQUIT", "AUTH PLAIN\r\n*", "TOP 1 99999999999999999999", "RETR -1", "CAPA\r\nSTLS", "APOP u1 x", "\x00\x00",
	} {
		f.Add(c)
	}
	f.Fuzz(func(t *testing.T, input string) {
		s := &Server{Store: NewStore(DemoMessages()[:3]), Users: map[string]string{"u1": "secret"}}
		throw(t, s, s.ServePOP3, "USER u1\r\nPASS secret\r\n"+input+"\r\n", "")
	})
}

// What no client sends is answered or ends the connection, and nothing more.
func TestHostileOctets(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for _, c := range []struct{ name, input, want string }{
		{"endless line", "c NOOP " + long, ""},
		{"endless tag", long, ""},
		{"literal of 2^63-1", "c APPEND INBOX {9223372036854775807}\r\nd NOOP\r\n", "c NO [TOOBIG]"},
		{"literal of 2^63", "c APPEND INBOX {9223372036854775808}\r\nd NOOP\r\n", "c BAD"},
		{"literal of 2^63-1 unasked", "c SELECT {9223372036854775807+}\r\nd NOOP\r\n", "c BAD"},
		{"literal that does not end", "c APPEND INBOX {1000+}\r\nabc", ""},
		{"nested", "c SEARCH " + strings.Repeat("(", 40_000) + "\r\n", ""},
		{"many", strings.Repeat("c NOOP\r\n", 20_000), "c OK"},
		{"ClientHello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", ""},
		{"HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", ""},
	} {
		for _, before := range []string{"", loggedIn} {
			s := &Server{Store: NewStore(DemoMessages()[:3]), Users: map[string]string{"u1": "secret"}, Name: "mailtrace"}
			want := c.want
			if before == "" {
				want = ""
			}
			if got := throw(t, s, s.ServeIMAP, before+c.input, want); !strings.Contains(got, want) {
				t.Errorf("%s: missing %q in %.400q", c.name, c.want, got)
			}
			s = &Server{Store: NewStore(DemoMessages()[:3]), Users: map[string]string{"u1": "secret"}}
			if got := throw(t, s, s.ServePOP3, c.input+"\r\n", "+OK"); !strings.HasPrefix(got, "+OK") {
				t.Errorf("%s: POP3 greeted with %.100q", c.name, got)
			}
		}
	}
}
