package replay

import (
	"bytes"
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/captures"
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

// A UID that the client has from elsewhere is that one: another is not in the recording.
func TestServeCaptureOtherUID(t *testing.T) {
	said := parse(t, "@connect a imap\nS: * OK\nC: a1 LOGIN ${user} ${password}\nS: a1 OK\nC: a2 SELECT INBOX\nS: * 2 EXISTS\nS: a2 OK\n"+
		"C: a3 UID FETCH 7 (FLAGS)\nS: * 1 FETCH (UID 7 FLAGS ())\nS: a3 OK\nC: a4 LOGOUT\nS: * BYE\nS: a4 OK\n")
	r, err := captures.NewReader(bytes.NewReader(record(t, said)))
	if err != nil {
		t.Fatal(err)
	}
	script, _, err := FromCapture("a", r, CaptureOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for uid, different := range map[string]int{"7": 0, "8": 1} {
		u, report := served(t, &Server{Script: script, Timeout: 5 * time.Second}, IMAP)
		asks := parse(t, "@connect a imap\n@login\nC: a2 SELECT INBOX\nS: a2 OK\nC: a3 UID FETCH "+uid+" (FLAGS)\nS: a3 OK\nC: a4 LOGOUT\nS: a4 OK\n")
		if _, err := (&Client{URL: u, Password: "x", AllowCleartext: true}).Run(context.Background(), asks); err != nil {
			t.Error(err)
		}
		if got := report(); got.Different != different {
			t.Errorf("UID %s: %s", uid, got)
		}
	}
}

// What a recording that was cut off does not tell is no guess of the server's.
func TestServeCutOff(t *testing.T) {
	for protocol, src := range map[Protocol]string{
		POP3: "@connect a pop3\n@login\nC: STAT\n",
		IMAP: "@connect a imap\n@login\nC: a1 SELECT INBOX\nS: * 3 EXISTS\n",
	} {
		u, report := served(t, &Server{Script: parse(t, src), Timeout: 5 * time.Second}, protocol)
		full := map[Protocol]string{POP3: src + "S: -ERR\nC: QUIT\nS: +OK\n", IMAP: src + "S: a1 NO\nC: a2 LOGOUT\nS: a2 OK\n"}
		r, err := (&Client{URL: u, Password: "x", AllowCleartext: true}).Run(context.Background(), parse(t, full[protocol]))
		if err != nil || r.Fails() {
			t.Error(r, err)
		}
		if got := report(); got.Different != 1 || !strings.Contains(got.String(), "has no end in the recording") {
			t.Error(got)
		}
	}
}
