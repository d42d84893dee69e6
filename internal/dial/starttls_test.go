package dial

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// play plays the server's side of a dialogue on conn: "S: " sends a line, "S| " sends text
// as it stands, "C: " expects a line. At the end it closes conn. With single every octet is
// a write of its own.
func play(conn net.Conn, single bool, script ...string) error {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for _, step := range script {
		side, text := step[:3], step[3:]
		switch side {
		case "S: ":
			text += "\r\n"
		case "C: ":
			line, err := in.ReadString('\n')
			if err != nil || line != text+"\r\n" {
				return fmt.Errorf("expected %q, got %q (%v)", text, line, err)
			}
			continue
		}
		size := len(text)
		if single {
			size = 1
		}
		for ; text != ""; text = text[size:] {
			if _, err := conn.Write([]byte(text[:size])); err != nil {
				return nil // the client has given up, as its error says
			}
		}
	}
	return nil
}

// transcript is an observer that writes down what it sees in the form of play.
type transcript []string

func (s *transcript) observe(client bool, line []byte) {
	side := "S: "
	if client {
		side = "C: "
	}
	*s = append(*s, side+strings.TrimSuffix(string(line), "\r\n"))
}

// exchange runs StartTLS against a script.
func exchange(t *testing.T, protocol string, single bool, script ...string) (greeting, held string, seen transcript, err error) {
	t.Helper()
	client, server := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- play(server, single, script...) }()
	g, h, err := (&Config{}).StartTLS(t.Context(), client, protocol, seen.observe)
	client.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	return string(g), string(h), seen, err
}

func TestStartTLS(t *testing.T) {
	tests := []struct {
		name     string
		protocol string
		greeting string
		script   []string
	}{
		{"IMAP", IMAP, "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n", []string{
			"S: * OK [CAPABILITY IMAP4rev1 STARTTLS] ready",
			"C: m1 STARTTLS",
			"S: m1 OK Begin TLS negotiation now.",
		}},
		{"POP3", POP3, "+OK ready <1.2@pop.example.org>\r\n", []string{
			"S: +OK ready <1.2@pop.example.org>",
			"C: STLS",
			"S: +OK Begin TLS negotiation now.",
		}},
		{"several greetings", IMAP, "* OK Dovecot ready.\r\n", []string{
			"S: * OK Waiting for authentication process to respond..",
			"S: * OK Dovecot ready.",
			"C: m1 STARTTLS",
			"S: m1 OK",
		}},
		{"untagged responses on the way", IMAP, "* ok hello\r\n", []string{
			"S: * ok hello",
			"C: m1 STARTTLS",
			"S: * CAPABILITY IMAP4rev1 STARTTLS",
			"S: * OK {1}",
			"S: * BAD another",
			"S: m1 ok",
		}},
	}
	for _, test := range tests {
		for _, single := range []bool{false, true} {
			greeting, held, seen, err := exchange(t, test.protocol, single, test.script...)
			if err != nil || held != "" {
				t.Errorf("%s: held %q, error %v", test.name, held, err)
			}
			if greeting != test.greeting {
				t.Errorf("%s: greeting %q; want %q", test.name, greeting, test.greeting)
			}
			if got, want := strings.Join(seen, "\n"), strings.Join(test.script, "\n"); got != want {
				t.Errorf("%s: observed\n%s\nwant\n%s", test.name, got, want)
			}
		}
	}
}

func TestStartTLSErrors(t *testing.T) {
	const ok, okPOP3 = "S: * OK ready", "S: +OK ready"
	tests := []struct {
		name     string
		protocol string
		script   []string
		cause    error
		what     string
		hint     string
		held     string
	}{
		{"refused with NO", IMAP, []string{ok, "C: m1 STARTTLS", "S: m1 NO no \x1b[2Jcertificate"}, ErrRefused, `refuses STARTTLS: "m1 NO no \x1b[2Jcertificate"`, "use imaps://", ""},
		{"refused with BAD", IMAP, []string{ok, "C: m1 STARTTLS", "S: m1 BAD what?"}, ErrRefused, "refuses STARTTLS", "imap://", ""},
		{"refused with -ERR", POP3, []string{okPOP3, "C: STLS", "S: -ERR no"}, ErrRefused, `refuses STARTTLS: "-ERR no"`, "use pop3s://", ""},
		{"PREAUTH", IMAP, []string{"S: * PREAUTH hello Smith"}, ErrPreauth, "makes STARTTLS impossible", "imaps://", ""},
		{"PREAUTH later", IMAP, []string{ok, "C: m1 STARTTLS", "S: * PREAUTH hello"}, ErrPreauth, "PREAUTH before TLS", "imaps://", ""},
		{"BYE", IMAP, []string{"S: * BYE too many connections"}, ErrBye, "too many connections", "later", ""},
		{"BYE without a line end", IMAP, []string{"S| * BYE too many"}, ErrBye, "too many", "", ""},
		{"-ERR at once", POP3, []string{"S: -ERR [SYS/TEMP] no"}, ErrBye, "[SYS/TEMP]", "later", ""},
		{"BYE later", IMAP, []string{ok, "C: m1 STARTTLS", "S| * BYE autologout"}, ErrBye, "goodbye instead of starting TLS", "log", ""},
		{"injected with the completion", IMAP, []string{ok, "C: m1 STARTTLS", "S| m1 OK go\r\n* CAPABILITY IMAP4rev1\r\n"}, ErrInjection, "24 octets in clear", "tampering", "* CAPABILITY IMAP4rev1\r\n"},
		{"injected, POP3", POP3, []string{okPOP3, "C: STLS", "S| +OK go\r\n+"}, ErrInjection, "1 octets", "pop3s://", "+"},
		{"completion before the command", IMAP, []string{"S| * OK ready\r\nm1 OK go\r\n", "C: m1 STARTTLS"}, ErrEarly, "before it was sent", "tampering", ""},
		{"completion before the command, POP3", POP3, []string{"S| +OK ready\r\n+OK go\r\n", "C: STLS"}, ErrEarly, "before it was sent", "", ""},
		{"another tag", IMAP, []string{ok, "C: m1 STARTTLS", "S: M1 OK go"}, ErrReply, `got "M1 OK go"`, "", ""},
		{"a continuation request", IMAP, []string{ok, "C: m1 STARTTLS", "S: + go"}, ErrReply, `got "+ go"`, "", ""},
		{"a literal that hides a completion", IMAP, []string{ok, "C: m1 STARTTLS", "S: * LIST () NIL {9}", "S: m1 OK x", "S: "}, ErrReply, "{9}", "", ""},
		{"odd POP3 reply", POP3, []string{okPOP3, "C: STLS", "S: OK"}, ErrReply, `got "OK"`, "", ""},
		{"POP3 where IMAP was expected", IMAP, []string{okPOP3}, ErrGreeting, "a server for IMAP", "the server speaks POP3: use pop3+starttls://", ""},
		{"IMAP where POP3 was expected", POP3, []string{ok}, ErrGreeting, "a server for POP3", "use imap+starttls://", ""},
		{"SMTP", IMAP, []string{"S: 220 mx ESMTP"}, ErrGreeting, `got "220 mx ESMTP"`, "this is SMTP", ""},
		{"TLS at once", IMAP, []string{"S| \x15\x03\x01\x00\x02\x02\x0a"}, ErrGreeting, "speaks TLS from the first octet", "use imaps://", ""},
		{"TLS at once, no line end", POP3, []string{"S| \x16\x03\x01\x00\x02"}, ErrGreeting, "speaks TLS from the first octet", "use pop3s://", ""},
		{"a line without end", IMAP, []string{"S| " + strings.Repeat("x", maxLine+5000)}, ErrTooLong, "no end of the first line", "check host", ""},
		{"a completion without end", IMAP, []string{ok, "C: m1 STARTTLS", "S| m1 OK " + strings.Repeat("x", maxLine+5000)}, ErrTooLong, "no answer to STARTTLS", "", ""},
		{"lines without end", IMAP, []string{ok, "C: m1 STARTTLS", "S| " + strings.Repeat("* X "+strings.Repeat("x", 100)+"\r\n", 2000)}, ErrTooLong, "no answer to STARTTLS", "", ""},
		{"greetings without end", IMAP, []string{"S| " + strings.Repeat("* OK Waiting for authentication process\r\n", 2000)}, ErrTooLong, "no end", "", ""},
		{"closed at once", IMAP, nil, io.EOF, "closed the connection", "", ""},
		{"closed in the greeting", IMAP, []string{"S| * OK re"}, io.EOF, "closed the connection", "", ""},
		{"closed in the completion", IMAP, []string{ok, "C: m1 STARTTLS", "S| m1 O"}, io.EOF, "closed the connection", "", ""},
		{"closed before the completion's line end", IMAP, []string{ok, "C: m1 STARTTLS", "S| m1 OK go"}, io.EOF, "closed the connection", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, held, _, err := exchange(t, test.protocol, false, test.script...)
			wantError(t, err, StageStartTLS, test.what, test.hint)
			if !errors.Is(err, test.cause) {
				t.Errorf("%v is not %v", err, test.cause)
			}
			if held != test.held {
				t.Errorf("held %q; want %q", held, test.held)
			}
		})
	}
}

func TestStartTLSTimeout(t *testing.T) {
	for name, script := range map[string][]string{
		"greeting": nil,
		"answer":   {"* OK ready\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := net.Pipe()
				defer client.Close()
				defer server.Close()
				go func() {
					for _, s := range script {
						server.Write([]byte(s))
					}
					io.Copy(io.Discard, server)
				}()
				start := time.Now()
				_, _, err := (&Config{Timeout: 9 * time.Second}).StartTLS(t.Context(), client, IMAP, nil)
				e := wantError(t, err, StageStartTLS, " in time", "--timeout")
				if !errors.Is(e, context.DeadlineExceeded) {
					t.Errorf("%v is not context.DeadlineExceeded", err)
				}
				if took := time.Since(start); took != 9*time.Second {
					t.Errorf("gave up after %v; want 9s", took)
				}
			})
		})
	}
}

func TestStartTLSLeavesNoDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		defer server.Close()
		go func() {
			in := bufio.NewReader(server)
			server.Write([]byte("* OK ready\r\n"))
			in.ReadString('\n')
			server.Write([]byte("m1 OK go\r\n"))
			time.Sleep(time.Hour) // of the bubble's clock
			server.Write([]byte("x"))
		}()
		if _, _, err := (&Config{Timeout: time.Second}).StartTLS(t.Context(), client, IMAP, nil); err != nil {
			t.Fatal(err)
		}
		if n, err := client.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("read an hour later: %d, %v", n, err)
		}
	})
}

func TestStartTLSCanceled(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		server.Write([]byte("* OK ready\r\n"))
		cancel()
		io.Copy(io.Discard, server)
	}()
	_, _, err := (&Config{}).StartTLS(ctx, client, IMAP, nil)
	wantError(t, err, StageStartTLS, "canceled", "")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v is not context.Canceled", err)
	}
}

func TestSilentAdvice(t *testing.T) {
	for _, test := range []struct {
		p    peer
		want string
	}{
		{peer{protocol: IMAP, addr: "h:143"}, "--timeout allows more time"},
		{peer{protocol: IMAP, addr: "h:993", secure: true}, "--timeout allows more time"},
		{peer{protocol: IMAP, addr: "h:993"}, "if the port expects TLS at once, use imaps://h; --timeout allows more time"},
		{peer{protocol: POP3, addr: "[::1]:1995"}, "if the port expects TLS at once, use pop3s://[::1]:1995; --timeout allows more time"},
	} {
		if got := test.p.silentAdvice(); got != test.want {
			t.Errorf("%+v: %q; want %q", test.p, got, test.want)
		}
	}
}

// octets is a server that says what it is to say, whatever it hears.
type octets struct {
	net.Conn
	in *strings.Reader
}

func (o octets) Read(p []byte) (int, error)  { return o.in.Read(p) }
func (o octets) Write(p []byte) (int, error) { return len(p), nil }
func (o octets) SetDeadline(time.Time) error { return nil }
func (o octets) RemoteAddr() (none net.Addr) { return none }

func FuzzStartTLS(f *testing.F) {
	for _, s := range []string{
		"* OK ready\r\nm1 OK go\r\n", "+OK\r\n+OK\r\n", "* OK \n* X {3}\r\nabc\r\nm1 NO\r\n", "* BYE", "\x15\x03",
	} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, said string, pop3 bool) {
		protocol := IMAP
		if pop3 {
			protocol = POP3
		}
		seen := 0
		_, held, err := (&Config{}).StartTLS(t.Context(), octets{in: strings.NewReader(said)}, protocol, func(client bool, line []byte) {
			if !client {
				seen += len(line)
			}
		})
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%T: %v", err, err)
		}
		if (len(held) > 0) != errors.Is(err, ErrInjection) {
			t.Fatalf("held %q with error %v", held, err)
		}
		if seen+len(held) > len(said) {
			t.Fatalf("saw %d octets and held %d of %d", seen, len(held), len(said))
		}
		if seen > maxTotal+maxLine {
			t.Fatalf("saw %d octets: unbounded", seen)
		}
	})
}
