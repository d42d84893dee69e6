package replay

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/internal/dial"
)

// served starts a server on the loopback, in clear, and gives what Serve gives.
func served(t *testing.T, s *Server, protocol Protocol) (dial.URL, func() *Report) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u, err := dial.Parse(string(protocol) + "://u1@" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	type outcome struct {
		report *Report
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		report, err := s.Serve(ctx, Listener{Listener: l, Protocol: protocol, Security: dial.Plain})
		done <- outcome{report, err}
	}()
	t.Cleanup(cancel)
	return u, func() *Report {
		t.Helper()
		var x outcome
		select {
		case x = <-done:
		case <-time.After(5 * time.Second):
			cancel()
			x = <-done
		}
		if x.err != nil {
			t.Fatal(x.err)
		}
		return x.report
	}
}

// What is recorded can be played from both sides: by the server to the client of the same script.
func TestServeRecordings(t *testing.T) {
	for _, file := range recordings(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			script, _ := scriptOf(t, file, CaptureOptions{})
			for _, protocol := range [...]Protocol{IMAP, POP3} {
				part := script.Only(protocol)
				if part == nil {
					continue
				}
				s := &Server{Script: part, User: "u1", Password: "secret", Timeout: 5 * time.Second}
				u, report := served(t, s, protocol)
				c := &Client{URL: u, Password: "secret", AllowCleartext: true, AllowChanges: true, Timeout: 5 * time.Second}
				played, err := c.Run(context.Background(), part)
				if err != nil && !errors.As(err, new(*AuthError)) {
					t.Error(err)
				}
				if played != nil && played.Fails() {
					t.Errorf("the client says\n%s", played)
				}
				if r := report(); r.Different > 0 || r.Unplayed > 0 {
					t.Errorf("the server says\n%s", r)
				}
			}
		})
	}
}
