package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
)

// extractFrom decodes a dialogue, cut into pieces of n octets, and gives what was extracted:
// name to octets.
func extractFrom(t *testing.T, protocol string, opened decode.Fields, n int, dialogue []string) (files map[string]string, skipped []string) {
	t.Helper()
	dir := t.TempDir()
	x, err := newExtractor(dir)
	if err != nil {
		t.Fatal(err)
	}
	x.begin("")
	trace := decode.NewTrace(decode.TraceOptions{
		Options:  decode.Options{Tap: func(o decode.Octets) { x.octets(1, o) }},
		Protocol: registry.ByName(protocol), Conn: 1,
	})
	at := time.Unix(0, 0)
	x.Events(trace.Mark(decode.Mark{Time: at, Kind: decode.Open, Fields: opened}))
	for _, line := range dialogue {
		d := decode.Server
		if strings.HasPrefix(line, "C: ") {
			d = decode.Client
		}
		for p := []byte(line[3:]); len(p) > 0; {
			k := min(n, len(p))
			_, _, events := trace.Write(d, at, p[:k])
			x.Events(events)
			p = p[k:]
		}
	}
	x.Events(trace.Mark(decode.Mark{Time: at, Kind: decode.Close}))
	if err := x.end(); err != nil {
		t.Fatal(err)
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files = map[string]string{}
	for _, e := range names {
		p, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(p)
	}
	return files, x.skipped
}

func TestExtract(t *testing.T) {
	imap := func(lines ...string) []string {
		return append([]string{"S: * OK ready\r\n", "C: a1 LOGIN u p\r\n", "S: a1 OK\r\n", "C: a2 SELECT INBOX\r\n", "S: a2 OK\r\n"}, lines...)
	}
	pop3 := func(lines ...string) []string {
		return append([]string{"S: +OK ready\r\n", "C: USER u\r\n", "S: +OK\r\n", "C: PASS p\r\n", "S: +OK\r\n"}, lines...)
	}
	for _, c := range []struct {
		name, protocol string
		opened         decode.Fields
		dialogue       []string
		want           map[string]string
		skipped        []string
	}{
		{
			name: "FETCH by UID, which stands before or behind", protocol: "imap",
			dialogue: imap("C: a3 UID FETCH 7,8 BODY.PEEK[]\r\n",
				"S: * 1 FETCH (UID 7 BODY[] {6}\r\nA: b\r\n)\r\n* 2 FETCH (BODY[] {6}\r\nC: d\r\n UID 8)\r\na3 OK\r\n"),
			want: map[string]string{"c1-uid-7.eml": "A: b\r\n", "c1-uid-8.eml": "C: d\r\n"},
		},
		{
			name: "FETCH of RFC822 without UID; a quoted UID is none", protocol: "imap",
			dialogue: imap("C: a3 FETCH 1 (ENVELOPE RFC822)\r\n",
				"S: * 1 FETCH (ENVELOPE (NIL \" UID 9 \" NIL NIL NIL NIL NIL NIL NIL NIL) RFC822 {6}\r\nA: b\r\n)\r\na3 OK\r\n"),
			want: map[string]string{"c1-seq-1.eml": "A: b\r\n"},
		},
		{
			name: "headers are no messages", protocol: "imap",
			dialogue: imap("C: a3 FETCH 1 (UID BODY[HEADER] BODY[])\r\n",
				"S: * 1 FETCH (UID 3 BODY[HEADER] {4}\r\nA: b BODY[] {6}\r\nA: b\r\n)\r\na3 OK\r\n"),
			want: map[string]string{"c1-uid-3.eml": "A: b\r\n"},
		},
		{
			name: "APPEND, a name used twice", protocol: "imap",
			dialogue: imap("C: a3 APPEND x {4+}\r\nA: b\r\n", "S: a3 OK\r\n", "C: a4 FETCH 1 (UID BODY[])\r\n",
				"S: * 1 FETCH (UID 3 BODY[] {1}\r\nx)\r\n* 1 FETCH (UID 3 BODY[] {1}\r\ny)\r\na4 OK\r\n"),
			want: map[string]string{"c1-APPEND-1.eml": "A: b", "c1-uid-3.eml": "x", "c1-uid-3-2.eml": "y"},
		},
		{
			name: "pieces", protocol: "imap",
			dialogue: imap(
				"C: a3 UID FETCH 5 (UID BODY.PEEK[]<0.4>)\r\n", "S: * 1 FETCH (UID 5 BODY[]<0> {4}\r\nA: b)\r\na3 OK\r\n",
				"C: a4 UID FETCH 5 (UID BODY.PEEK[]<4.4>)\r\n", "S: * 1 FETCH (UID 5 BODY[]<4> {4}\r\n\r\n\r\n)\r\na4 OK\r\n",
				"C: a5 UID FETCH 5 (UID BODY.PEEK[]<8.2>)\r\n", "S: * 1 FETCH (UID 5 BODY[]<8> {2}\r\nxy)\r\na5 OK\r\n"),
			want: map[string]string{"c1-uid-5.eml": "A: b\r\n\r\nxy"},
		},
		{
			name: "pieces, one missing", protocol: "imap",
			dialogue: imap(
				"C: a3 UID FETCH 5 (UID BODY.PEEK[]<0.4>)\r\n", "S: * 1 FETCH (UID 5 BODY[]<0> {4}\r\nA: b)\r\na3 OK\r\n",
				"C: a5 UID FETCH 5 (UID BODY.PEEK[]<8.2>)\r\n", "S: * 1 FETCH (UID 5 BODY[]<8> {2}\r\nxy)\r\na5 OK\r\n"),
			want: map[string]string{},
			skipped: []string{
				"c1-uid-5 incomplete: its last piece was not fetched",
				"c1-uid-5 incomplete: a piece is missing before octet 8",
			},
		},
		{
			name: "cut off", protocol: "imap",
			dialogue: imap("C: a3 FETCH 1 (UID BODY[])\r\n", "S: * 1 FETCH (UID 3 BODY[] {100}\r\nA: b\r\n"),
			want:     map[string]string{}, skipped: []string{"c1-uid-3 incomplete"},
		},
		{
			name: "RETR un-stuffed, TOP left out", protocol: "pop3",
			dialogue: pop3("C: TOP 1 0\r\n", "S: +OK\r\nA: b\r\n\r\n.\r\n", "C: RETR 1\r\n", "S: +OK\r\nA: b\r\n\r\n..\r\n..x\r\n.\r\n",
				"C: RETR 9\r\n", "S: -ERR no\r\n", "C: RETR 2\r\n", "S: +OK\r\nC: d\r\n.\r\n"),
			want: map[string]string{"c1-RETR-1.eml": "A: b\r\n\r\n.\r\n.x\r\n", "c1-RETR-2.eml": "C: d\r\n"},
		},
		{
			name: "RETR pipelined behind TOP", protocol: "pop3",
			dialogue: pop3("C: TOP 1 0\r\nRETR 1\r\nRETR 2\r\n", "S: +OK\r\n.A\r\n.\r\n+OK\r\n..\r\n.\r\n+OK\r\nb\r\n.\r\n"),
			want:     map[string]string{"c1-RETR-1.eml": ".\r\n", "c1-RETR-2.eml": "b\r\n"},
		},
		{
			name: "RETR cut off", protocol: "pop3",
			dialogue: pop3("C: RETR 1\r\n", "S: +OK\r\nA: b\r\n"),
			want:     map[string]string{}, skipped: []string{"c1-RETR-1 incomplete"},
		},
		{
			name: "recorded without bodies", protocol: "pop3", opened: decode.Fields{{Key: "bodies", Value: "no"}},
			dialogue: pop3("C: RETR 1\r\n", "S: +OK\r\nxxxx\r\n.\r\n"),
			want:     map[string]string{}, skipped: []string{"c1-RETR-1 redacted: recorded without bodies"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, n := range []int{1, 2, 7, 1 << 20} {
				files, skipped := extractFrom(t, c.protocol, c.opened, n, c.dialogue)
				if len(files) != len(c.want) {
					t.Errorf("cut at %d: got %q, want %q", n, files, c.want)
				}
				for name, want := range c.want {
					if files[name] != want {
						t.Errorf("cut at %d: %s is %q, want %q", n, name, files[name], want)
					}
				}
				if strings.Join(skipped, "\n") != strings.Join(c.skipped, "\n") {
					t.Errorf("cut at %d: skipped %q, want %q", n, skipped, c.skipped)
				}
			}
		})
	}
}
