package client

import (
	"bufio"
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/internal/dial"
)

// rogue is a server that answers each line by what answers has for the first of its keys that the line
// holds; a tag in the line stands for TAG. What repeats is said until the client goes.
func rogue(t *testing.T, protocol, greeting string, answers map[string]string, repeats string) Config {
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
		_, _ = conn.Write([]byte(greeting))
		lines := bufio.NewScanner(conn)
		for lines.Scan() {
			tag, _, _ := strings.Cut(lines.Text(), " ")
			for key, answer := range answers {
				if !strings.Contains(lines.Text(), key) {
					continue
				}
				answer = strings.ReplaceAll(answer, "TAG", tag)
				before, _, endless := strings.Cut(answer, "ENDLESS")
				if _, err := conn.Write([]byte(before)); err != nil {
					return
				}
				for endless {
					if _, err := conn.Write([]byte(repeats)); err != nil {
						return
					}
				}
				if strings.HasSuffix(answer, "CLOSE") {
					return
				}
			}
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		<-done
	})
	return Config{
		URL:  dial.URL{Scheme: protocol, Protocol: protocol, Host: "127.0.0.1", Port: ln.Addr().(*net.TCPAddr).Port, User: "u1"},
		Idle: 5 * time.Second, AllowCleartext: true,
		Password: func(context.Context) (string, error) { return "p", nil },
	}
}

const hello = "* OK [CAPABILITY IMAP4rev1] hi\r\n"

// loggedIn are the answers up to an open mailbox.
func loggedIn(more map[string]string) map[string]string {
	m := map[string]string{
		" LOGIN ": "TAG OK [CAPABILITY IMAP4rev1] in\r\n", " EXAMINE ": "* 3 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\nTAG OK x\r\n",
		" LOGOUT": "* BYE\r\nTAG OK\r\n",
	}
	for k, v := range more {
		m[k] = v
	}
	return m
}

// A hostile server gets an error, and no memory.
func TestHostileIMAP(t *testing.T) {
	long := strings.Repeat("x", 64<<10)
	for _, c := range []struct {
		name, greeting string
		answers        map[string]string
		repeats        string
		want           string
	}{
		{"a goodbye", "* BYE too many connections\r\n", nil, "", "says goodbye: too many connections"},
		{"POP3", "+OK ready\r\n", nil, "", "speaks POP3 on this port, not IMAP"},
		{"HTTP", "HTTP/1.1 400 Bad Request\r\n\r\nCLOSE", nil, "", ""},
		{"nothing", "CLOSE", nil, "", ""},
		{"no login", hello, map[string]string{" LOGIN ": "TAG NO [AUTHENTICATIONFAILED] no\r\n"}, "", "refuses the login of u1 by LOGIN"},
		{"a goodbye at login", hello, map[string]string{" LOGIN ": "* BYE out\r\nCLOSE"}, "", "says goodbye: out"},
		{"a completion nobody asked for", hello, loggedIn(map[string]string{" FETCH ": "m99 OK x\r\n"}), "", "expected the completion of a command that was sent"},
		{"a continuation request nobody asked for", hello, loggedIn(map[string]string{" FETCH ": "+ go\r\n"}), "", "expected no continuation request"},
		{"a literal of 2^63-1", hello, loggedIn(map[string]string{" FETCH ": "* 1 FETCH (BODY[] {9223372036854775807}\r\n"}), "", "at most 1048576 are taken"},
		{"a literal that grows", hello, loggedIn(map[string]string{" FETCH ": "* 1 FETCH (BODY[] {1048577}\r\nENDLESS"}), long, "at most 1048576 are taken"},
		{"a literal that breaks off", hello, loggedIn(map[string]string{" FETCH ": "* 1 FETCH (BODY[] {10}\r\nabcCLOSE"}), "", "connection to 127.0.0.1"},
		{"a line without end", hello, loggedIn(map[string]string{" FETCH ": "* 1 FETCH (ENDLESS"}), long, "a line of more than"},
		{"literals without end", hello, loggedIn(map[string]string{" FETCH ": "* 1 FETCH (ENDLESS"}), "BODY[] {3}\r\nabc ", "of more than 1000 literals"},
		{"refused", hello, loggedIn(map[string]string{" FETCH ": "TAG NO [LIMIT] not today\r\n"}), "", "FETCH: the server says NO: not today"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := rogue(t, "imap", strings.TrimSuffix(c.greeting, "CLOSE"), c.answers, c.repeats)
			if strings.HasSuffix(c.greeting, "CLOSE") {
				cfg.Idle = 300 * time.Millisecond
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			err := useIMAP(t.Context(), cfg)
			runtime.GC()
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
				t.Errorf("the heap has grown by %d octets", grown)
			}
		})
	}
}

// A server that says nothing in the clear may wait for TLS: the error names the URL to try.
func TestSilentGreeting(t *testing.T) {
	for protocol, want := range map[string]string{"imap": "use imaps://u1@127.0.0.1:", "pop3": "use pop3s://u1@127.0.0.1:"} {
		cfg := rogue(t, protocol, "", nil, "")
		cfg.Idle = 50 * time.Millisecond
		var err error
		if protocol == "imap" {
			_, err = DialIMAP(t.Context(), cfg)
		} else {
			_, err = DialPOP3(t.Context(), cfg)
		}
		var silent *TimeoutError
		if !errors.As(err, &silent) || !strings.Contains(silent.Hint(), want) {
			t.Errorf("%s: %v, want the hint to say %s", protocol, err, want)
		}
	}
}

func useIMAP(ctx context.Context, cfg Config) error {
	s, err := DialIMAP(ctx, cfg)
	if err != nil {
		return err
	}
	defer s.Close(nil)
	if _, err := s.Select(ctx, "INBOX", true, "", nil); err != nil {
		return err
	}
	s.ContentLimit(1 << 20)
	return s.Fetch(ctx, false, "1:3", "BODY.PEEK[]", func(*Fetched) error { return nil })
}

// Data that never ends is passed on, and the user may have enough of it.
func TestEndlessData(t *testing.T) {
	cfg := rogue(t, "imap", hello, loggedIn(map[string]string{" FETCH ": "ENDLESS"}), "* 1 FETCH (UID 1 FLAGS ())\r\n")
	ctx, cancel := context.WithCancel(t.Context())
	s, err := DialIMAP(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(nil)
	n := 0
	err = s.Fetch(ctx, true, "1", "FLAGS", func(*Fetched) error {
		if n++; n == 100_000 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%d rows, %v", n, err)
	}
}

func TestHostilePOP3(t *testing.T) {
	long := strings.Repeat("x", 64<<10)
	for _, c := range []struct {
		name, greeting string
		answers        map[string]string
		repeats, want  string
	}{
		{"refused at the door", "-ERR [SYS/TEMP] come back\r\n", nil, "", "the greeting: the server says -ERR: come back"},
		{"IMAP", hello, nil, "", "speaks IMAP on this port, not POP3"},
		{"CAPA without end", "+OK\r\n", map[string]string{"CAPA": "+OK\r\nENDLESS"}, "X\r\n", "at most 65536 are taken"},
		{"a listing that is none", "+OK\r\n", map[string]string{"CAPA": "-ERR\r\n", "USER": "+OK\r\n", "PASS": "+OK\r\n", "LIST": "+OK\r\nmany\r\n.\r\n"}, "", "expected a message number and its value in LIST"},
		{"a negative size", "+OK\r\n", map[string]string{"CAPA": "-ERR\r\n", "USER": "+OK\r\n", "PASS": "+OK\r\n", "LIST": "+OK\r\n-1 5\r\n.\r\n"}, "", "expected a message number in LIST"},
		{"a header without end", "+OK\r\n", map[string]string{"CAPA": "-ERR\r\n", "USER": "+OK\r\n", "PASS": "+OK\r\n", "LIST": "+OK\r\n1 5\r\n.\r\n", "UIDL": "-ERR\r\n", "TOP": "+OK\r\nENDLESS"}, long, "at most 4194304 are taken"},
		{"in use", "+OK\r\n", map[string]string{"CAPA": "-ERR\r\n", "USER": "+OK\r\n", "PASS": "-ERR [IN-USE] locked\r\n"}, "", "refuses the login of u1 by USER: locked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := rogue(t, "pop3", c.greeting, c.answers, c.repeats)
			err := func() error {
				s, err := DialPOP3(t.Context(), cfg)
				if err != nil {
					return err
				}
				defer s.Close(nil)
				return s.Summaries(t.Context(), 0, func(*Summary) error { return nil })
			}()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}
