//go:build unix

package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/internal/mailserver"
)

// TestStalledStdout has a proxy whose stdout nobody reads: the session goes on, stderr
// says so once, and a second signal ends the waiting for it at once.
func TestStalledStdout(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &mailserver.Server{Store: mailserver.NewStore(nil), Users: map[string]string{"u1": "swordfish"}}
	served := make(chan error, 1)
	go func() { served <- s.ServePOP3(l) }()
	t.Cleanup(func() {
		_ = s.Close() // gives nil always
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	cmd := exec.Command(os.Args[0], "proxy", "--ca-dir", t.TempDir(), "--listen", "pop3://127.0.0.1:0", "pop3://"+l.Addr().String())
	cmd.Env = append(os.Environ(), asCommand+"=1")
	unread, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer unread.Close()
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var stderr transcript
	ended := make(chan struct{})
	go func() {
		stderr.fill(pipe)
		close(ended)
	}()
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // it may have ended
	text, err := stderr.await(ready)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", "127.0.0.1:"+listening.FindStringSubmatch(text)[1])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	// Far more rows than a pipe and the queue hold.
	const noops = 12000
	go func() {
		fmt.Fprintf(conn, "USER u1\r\nPASS swordfish\r\n%sQUIT\r\n", strings.Repeat("NOOP\r\n", noops))
	}()
	replies := 0
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		replies++
	}
	if want := 1 + 2 + noops + 1; replies != want {
		t.Errorf("%d replies, want %d", replies, want)
	}
	if _, err := stderr.await(regexp.MustCompile(`(?m)^mailtrace: warning: output stalled, events are dropped; sessions go on$`)); err != nil {
		t.Error(err)
	}
	// Two signals that differ, so that none is lost in the other.
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("it does not stop")
	}
	_ = cmd.Wait() // its code counts
	if code := cmd.ProcessState.ExitCode(); code != exitAbort {
		t.Errorf("exit code %d, want %d:\n%s", code, exitAbort, &stderr)
	}
	if n := strings.Count(stderr.String(), "stalled"); n != 1 {
		t.Errorf("said %d times that stdout stalled:\n%s", n, &stderr)
	}
}

// TestReaderGone has a proxy whose stdout is closed by its reader, as head does: sessions
// go on, and the end is an orderly one.
func TestReaderGone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	cmd := exec.Command(os.Args[0], "proxy", "--ca-dir", t.TempDir(), "--listen", "pop3://127.0.0.1:0", "pop3://"+l.Addr().String())
	cmd.Env = append(os.Environ(), asCommand+"=1")
	cmd.Stdout = w
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, "+OK ready\r\n")
			go func() {
				defer c.Close()
				for lines := bufio.NewScanner(c); lines.Scan(); {
					fmt.Fprint(c, "+OK\r\n")
				}
			}()
		}
	}()
	var stderr transcript
	ended := make(chan struct{})
	go func() {
		stderr.fill(pipe)
		close(ended)
	}()
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // it may have ended
	text, err := stderr.await(ready)
	if err != nil {
		t.Fatal(err)
	}
	addr := "127.0.0.1:" + listening.FindStringSubmatch(text)[1]
	for range 3 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(conn)
		for _, command := range []string{"", "NOOP\r\n", "NOOP\r\n"} {
			fmt.Fprint(conn, command)
			if !lines.Scan() {
				t.Fatalf("the session ended: %v", lines.Err())
			}
		}
		conn.Close()
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("it does not stop")
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v:\n%s", err, &stderr)
	}
	if n := strings.Count(stderr.String(), "warning: "); n > 2 {
		t.Errorf("said %d warnings:\n%s", n, &stderr)
	}
}

// TestStopped has verbs of the mail client stopped while a server owes its greeting: there is
// nothing to explain, and the exit code is that of a signal.
func TestStopped(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, verb := range []string{"list imap", "folders imap", "fetch imap", "list pop3", "list imaps", "search imap"} {
		t.Run(verb, func(t *testing.T) {
			name, scheme, _ := strings.Cut(verb, " ")
			args := []string{name, scheme + "://u1@" + l.Addr().String()}
			if name == "search" {
				args = append(args, "all")
			}
			cmd := exec.Command(os.Args[0], args...)
			cmd.Env = append(os.Environ(), asCommand+"=1", "MAILTRACE_PASSWORD=secret", "XDG_CONFIG_HOME="+t.TempDir())
			var said strings.Builder
			cmd.Stdout, cmd.Stderr = &said, &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() }) // the exit code tells
			defer late.Stop()
			if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			conn, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // its code counts
			if code := cmd.ProcessState.ExitCode(); code != exitAbort || said.String() != "" {
				t.Errorf("exit code %d, want %d; said %q", code, exitAbort, &said)
			}
		})
	}
}
