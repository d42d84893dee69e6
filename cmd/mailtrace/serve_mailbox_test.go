package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/proxy/certs"
)

// serveArgs runs serveMailbox with arguments, and gives the addresses it told of and what
// ends it.
func serveArgs(t *testing.T, n int, args ...string) (addrs []string, end func() error) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	u := newUI(w, w)
	app := &cli.App{
		Name: "serve", Writer: w, ErrWriter: w, DisableSliceFlagSeparator: true,
		Flags: append(mailboxFlags(), &cli.StringSliceFlag{Name: "listen"}, &cli.StringFlag{Name: "user"},
			&cli.StringFlag{Name: "password-command"}, &cli.StringFlag{Name: "ca-dir"}),
		Action:         func(c *cli.Context) error { return serveMailbox(u, c) },
		ExitErrHandler: func(*cli.Context, error) {},
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- app.RunContext(ctx, append([]string{"serve"}, args...))
		w.Close()
	}()
	in := bufio.NewScanner(r)
	port := regexp.MustCompile(`: serving .* on \S+(127\.0\.0\.1:\d+)$`)
	for len(addrs) < n && in.Scan() {
		if m := port.FindStringSubmatch(in.Text()); m != nil {
			addrs = append(addrs, m[1])
		}
	}
	if len(addrs) < n {
		t.Fatalf("it ended before it served: %v", <-done)
	}
	return addrs, func() error {
		cancel()
		for in.Scan() {
		}
		r.Close()
		return <-done
	}
}

// say runs a dialogue by hand: what is sent, and how the line begins that ends the answer.
// It gives all that came.
func say(t *testing.T, conn net.Conn, greeting string, dialogue [][2]string) string {
	t.Helper()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	r := bufio.NewReader(conn)
	for _, d := range append([][2]string{{"", greeting}}, dialogue...) {
		if d[0] != "" {
			if _, err := conn.Write([]byte(d[0] + "\r\n")); err != nil {
				t.Fatal(err)
			}
		}
		for {
			line, err := r.ReadString('\n')
			all.WriteString(line)
			if err != nil {
				t.Fatalf("%q: expected %q: %v in\n%s", d[0], d[1], err, &all)
			}
			if strings.HasPrefix(line, d[1]) {
				break
			}
		}
	}
	return all.String()
}

func TestServeMailbox(t *testing.T) {
	caDir, mail := t.TempDir(), t.TempDir()
	for _, sub := range [...]string{"cur", "new", "tmp"} {
		if err := os.Mkdir(filepath.Join(mail, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(mail, "cur", "1.x:2,S"), []byte("A: 1\n\n.dot\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MAILTRACE_PASSWORD", "secret")
	addrs, end := serveArgs(t, 3, "--ca-dir", caDir, "--maildir", mail, "--user", "u1",
		"--listen", "imaps://127.0.0.1:0", "--listen", "pop3s://127.0.0.1:0", "--listen", "imap+starttls://127.0.0.1:0")
	ca, _, err := certs.Load(caDir)
	if err != nil {
		t.Fatal(err)
	}
	secure := func(addr string) net.Conn {
		conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: ca.Pool(), MinVersion: tls.VersionTLS12})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	got := say(t, secure(addrs[0]), "* OK", [][2]string{
		{"a LOGIN u1 wrong", "a NO"},
		{"b LOGIN u1 secret", "b OK"},
		{"c SELECT INBOX", "c OK"},
		{"d FETCH 1 (FLAGS BODY.PEEK[])", "d OK"},
	})
	if want := `(FLAGS (\Seen) BODY[] {14}` + "\r\nA: 1\r\n\r\n.dot\r\n)"; !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwithout\n%s", got, want)
	}
	got = say(t, secure(addrs[1]), "+OK", [][2]string{
		{"USER u1", "+OK"}, {"PASS secret", "+OK"}, {"LIST 1", "+OK 1 14"}, {"RETR 1", ".\r\n"}, {"DELE 1", "+OK"}, {"QUIT", "+OK"},
	})
	if want := "A: 1\r\n\r\n..dot\r\n.\r\n"; !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwithout\n%s", got, want)
	}
	plain, err := net.Dial("tcp", addrs[2])
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	say(t, plain, "* OK", [][2]string{{"a LOGIN u1 secret", "a NO [PRIVACYREQUIRED]"}, {"b STARTTLS", "b OK"}})
	if err := end(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(mail, "cur", "1.x:2,S")); err != nil {
		t.Error("DELE reached the Maildir:", err)
	}
}

func TestServeMailboxAnyUser(t *testing.T) {
	addrs, end := serveArgs(t, 1, "--ca-dir", t.TempDir(), "--listen", "pop3://127.0.0.1:0")
	conn, err := net.Dial("tcp", addrs[0])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	say(t, conn, "+OK", [][2]string{{"USER whoever", "+OK"}, {"PASS whatever", "+OK 13 messages"}})
	if err := end(); err != nil {
		t.Error(err)
	}
}
