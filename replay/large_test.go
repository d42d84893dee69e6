package replay

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// peak runs f and gives how many octets of heap there were more at the peak than before.
func peak(f func()) int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before := int64(m.HeapAlloc)
	var most atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most.Store(max(most.Load(), int64(m.HeapAlloc)))
		}
	}()
	f()
	close(stop)
	<-stopped
	return most.Load() - before
}

// A message of 64 MiB is said by the server, and compared by the client, without either holding it.
func TestLargeMessage(t *testing.T) {
	for _, protocol := range [...]Protocol{IMAP, POP3} {
		t.Run(string(protocol), func(t *testing.T) {
			dir := t.TempDir()
			line := []byte("The quick brown fox jumps over the lazy dog.\r\n.dot\r\n")
			if err := os.WriteFile(filepath.Join(dir, "large.eml"), bytes.Repeat(line, 64<<20/len(line)), 0o600); err != nil {
				t.Fatal(err)
			}
			text := "@connect a imap\n@login\nC: a1 SELECT INBOX\nS: a1 OK\nC: a2 UID FETCH 1 (BODY.PEEK[])\nS: * 1 FETCH (UID 1 BODY[] {large.eml})\nS: a2 OK\n"
			if protocol == POP3 {
				text = "@connect a pop3\n@login\nC: RETR 1\nS: +OK\nS: {large.eml}\nS: .\n"
			}
			path := filepath.Join(dir, "large.script")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			grown := peak(func() {
				script, err := ParseFile(path)
				if err != nil {
					t.Error(err)
					return
				}
				u, report := served(t, &Server{Script: script}, protocol)
				c := &Client{URL: u, Password: "x", AllowCleartext: true, AllowChanges: true}
				played, err := c.Run(context.Background(), script)
				if err != nil || played.Fails() {
					t.Error(played, err)
				}
				if r := report(); r.Different > 0 || r.Unplayed > 0 {
					t.Error(r)
				}
			})
			if grown > 24<<20 {
				t.Errorf("%d MiB more at the peak", grown>>20)
			}

			// One octet is another: the report says so, and does not hold the message either.
			other := filepath.Join(dir, "other")
			if err := os.Mkdir(other, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(other, "large.script"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			message, err := os.ReadFile(filepath.Join(dir, "large.eml"))
			if err != nil {
				t.Fatal(err)
			}
			message[40<<20] ^= 1
			if err := os.WriteFile(filepath.Join(other, "large.eml"), message, 0o600); err != nil {
				t.Fatal(err)
			}
			said, err := ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			awaited, err := ParseFile(filepath.Join(other, "large.script"))
			if err != nil {
				t.Fatal(err)
			}
			u, _ := served(t, &Server{Script: said}, protocol)
			played, err := (&Client{URL: u, Password: "x", AllowCleartext: true, AllowChanges: true}).Run(context.Background(), awaited)
			where := "another from octet 41943040: "
			if protocol == POP3 {
				where = "line 1613194 of the body"
			}
			if err != nil || played.Different != 1 || !strings.Contains(played.String(), where) {
				t.Error(played, err)
			}
		})
	}
}
