package replay

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/internal/dial"
)

// against plays a script against peers that serve one connection each, in order.
func against(t *testing.T, src, scheme string, c Client, says ...string) (*Report, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		for _, text := range says {
			conn, err := l.Accept()
			if err != nil {
				done <- err
				return
			}
			silent := strings.HasSuffix(text, "silence\n")
			err = peer(conn, strings.TrimSuffix(text, "silence\n"))
			if silent {
				_, _ = conn.Read(make([]byte, 1)) // until the client gives up
			}
			conn.Close()
			if err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	c.URL, err = dial.Parse(scheme + "://u1@" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	report, err := c.Run(context.Background(), parse(t, src))
	l.Close()
	if perr := <-done; perr != nil && err == nil {
		t.Log("peer:", perr)
	}
	return report, err
}

func TestClientBreaks(t *testing.T) {
	const src = "@connect a imap\nS: * OK\nC: a1 NOOP\nS: a1 OK\nC: a2 NOOP\nS: a2 OK\nC: a3 LOGOUT\nS: a3 OK\n"
	for _, test := range []struct{ name, says, want string }{
		{"stalls", "S * OK hi\nC a1 NOOP\nS a1 OK x\nC a2 NOOP\nsilence\n", "nothing came within"},
		{"closes early", "S * OK hi\nC a1 NOOP\nS a1 OK x\nC a2 NOOP\nclose\n", "the server closed the connection"},
		{"says what nobody asked", "S * OK hi\nC a1 NOOP\nS a1 OK x\nC a2 NOOP\nS %$! garbage\nclose\n", "a completion that no line expects"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := against(t, src, "imap", Client{Timeout: 300 * time.Millisecond}, test.says)
			if err != nil {
				t.Fatal(err)
			}
			if r.Same != 2 || r.Different != 1 || r.Unplayed != 1 || !strings.Contains(r.String(), test.want) || !strings.Contains(r.String(), "FAIL #1 a2 NOOP") || !strings.Contains(r.String(), "t:6") {
				t.Error(r)
			}
		})
	}
}

// A maildrop has one session at a time: the second connection waits for the first.
func TestClientOrder(t *testing.T) {
	const one = "S: +OK\nC: QUIT\nS: +OK\n"
	says := "S +OK hi\nC QUIT\nS +OK x\n"
	r, err := against(t, "@connect a pop3\n"+one+"@connect b pop3\n"+one, "pop3", Client{}, says, says)
	if err != nil || r.Same != 4 || r.Fails() {
		t.Error(r, err)
	}
}

func TestClientSync(t *testing.T) {
	src := "@connect a imap\n@connect b imap\na S: * OK\nb S: * OK\na C: a1 NOOP\na S: a1 OK\n@sync\nb C: b1 NOOP\nb S: b1 OK\n"
	r, err := against(t, src, "imap", Client{Timeout: time.Second}, "S * OK hi\nC a1 NOOP\nS a1 OK x\n", "S * OK hi\nC b1 NOOP\nS b1 OK x\n")
	if err != nil || r.Same != 4 || r.Fails() {
		t.Error(r, err)
	}
}

func TestClientUnplayed(t *testing.T) {
	src := "@connect a pop3\nS: +OK\nC: DELE 1\nC: STAT\nC: NOOP\nS: +OK\nS: +OK 0 0\nS: +OK\nC: RETR 1\nS: -ERR\nC: QUIT\nS: +OK\n"
	r, err := against(t, src, "pop3", Client{}, "S +OK hi\nC NOOP\nS +OK\nC QUIT\nS +OK x\n")
	if err != nil || r.Same != 3 || r.Different != 0 || r.Unplayed != 3 || r.Changing != 3 {
		t.Error(r, err)
	}
	src = "@connect a imap\nS: * OK\nC: a1 APPEND INBOX {|}\n|x\nS: a1 OK [APPENDUID 1 ${uid=4}]\nC: a2 UID FETCH ${uid} (UID)\nS: * 1 FETCH (UID ${uid})\nS: a2 OK\nC: a3 CLOSE\nS: a3 OK\nC: a4 LOGOUT\nS: a4 OK\n"
	r, err = against(t, src, "imap", Client{}, "S * OK hi\nC a4 LOGOUT\nS a4 OK x\n")
	if err != nil || r.Same != 2 || r.Unplayed != 3 {
		t.Error(r, err)
	}
}

func TestClientCleartext(t *testing.T) {
	for _, test := range []struct{ src, says string }{
		{"S: +OK\nC: USER ${user}\nS: +OK\nC: PASS ${password}\nS: +OK\n", "S +OK hi\nC USER u1\nS +OK\n"},
		{"S: +OK\nC: AUTH PLAIN ${sasl}\nS: +OK\n", "S +OK hi\n"},
		{"@login\n", "S +OK hi\nC CAPA\nS +OK\nS USER\nS .\nC USER u1\nS +OK\n"},
		{"@login\n", "S +OK hi\nC CAPA\nS +OK\nS SASL LOGIN PLAIN\nS .\n"},
	} {
		r, err := against(t, "@connect a pop3\n"+test.src, "pop3", Client{Password: "swordfish"}, test.says)
		if !errors.As(err, new(*CleartextError)) || r.Fails() && r.Different > 0 {
			t.Errorf("%s: got %v, %v", test.src, r, err)
		}
	}
}

// The example of RFC 1939 §7.
func TestAPOP(t *testing.T) {
	m := &mechanism{name: "APOP"}
	got, err := m.next(map[string]string{"password": "tanstaaf"}, []byte(stampOf("+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>")))
	if got != "c4c9334bac560ecc979e58001b3e22fb" || err != nil {
		t.Error(got, err)
	}
}

func TestStrongest(t *testing.T) {
	r, err := against(t, "@connect a pop3\n@login\n", "pop3", Client{Password: "tanstaaf"},
		"S +OK <1896.697170952@dbc.mtview.ca.us>\nC CAPA\nS +OK\nS USER\nS .\nC APOP u1 c4c9334bac560ecc979e58001b3e22fb\nS +OK\n")
	if err != nil || r.Fails() {
		t.Error(r, err)
	}
}

func TestUpdate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.script")
	const src = "# kept\n@connect a pop3\nS: +OK\nC: STAT\nS: +OK 1 2\nC: RETR 1\nS: +OK\nS: old\nS: older\nS: .\nC: QUIT\nS: +OK\n"
	if err := os.WriteFile(path, []byte(src), 0o640); err != nil {
		t.Fatal(err)
	}
	s, err := ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := against(t, s.String(), "pop3", Client{}, "S +OK hi\nC STAT\nS +OK 3 9\nC RETR 1\nS +OK\nS new ${x}\nS \nS ..\nS .\nC QUIT\nS +OK\n")
	if err != nil || r.Different != 2 {
		t.Fatal(r, err)
	}
	for i := range r.Differences { // the script was parsed under another name
		r.Differences[i].line.Pos.File = s.Items[1].Position().File
		if b := r.Differences[i].body; b != nil {
			for j := range b.want {
				b.want[j].line.Pos.File = s.Items[1].Position().File
			}
		}
	}
	if n, err := r.UpdateFile(path); n != 2 || err != nil {
		t.Error(n, err)
	}
	got, err := os.ReadFile(path)
	want := "# kept\n@connect a pop3\nS: +OK\nC: STAT\nS: +OK 3 9\nC: RETR 1\nS: +OK\nS: new $${x}\nS:\nS: ..\nS: .\nC: QUIT\nS: +OK\n"
	if string(got) != want || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
}

// A step that needs a variable which the server has given no value is not played: any other value
// could mean another message.
func TestClientUnboundIsUnplayed(t *testing.T) {
	src := "@connect a imap\nS: * OK\nC: a1 FETCH 1 (UID)\nS: * 1 FETCH (UID ${uid=7})\nS: a1 OK\n" +
		"C: a2 UID FETCH ${uid} (FLAGS)\nS: * 1 FETCH (UID ${uid} FLAGS ())\nS: a2 OK\nC: a3 LOGOUT\nS: a3 OK\n"
	r, err := against(t, src, "imap", Client{Timeout: time.Second}, "S * OK hi\nC a1 FETCH 1 (UID)\nS a1 NO x\nC a3 LOGOUT\nS a3 OK x\n")
	if err != nil || r.Same != 2 || r.Different != 1 || r.Unplayed != 1 {
		t.Error(r, err)
	}
}
