package main

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
	"github.com/mailtrace/mailtrace/internal/print"
)

// TestHexShowsEveryOctet reads the octets back from what --hex prints: all of them, in order,
// at their offsets, a body longer than what is held included.
func TestHexShowsEveryOctet(t *testing.T) {
	body := strings.Repeat("0123456789 a line of the body\r\n", 7000)
	for _, c := range []struct {
		protocol string
		dialogue []string
	}{
		{"imap", []string{
			"S: * OK ready\r\n", "C: a1 SELECT INBOX\r\n", "S: * 1 EXISTS\r\na1 OK\r\n", "C: a2 FETCH 1 (UID BODY[])\r\n",
			"S: * 1 FETCH (UID 1 BODY[] {" + strconv.Itoa(len(body)) + "}\r\n" + body + ")\r\na2 OK\r\n", "C: a3 unfinished",
		}},
		{"pop3", []string{
			"S: +OK\r\n", "C: CAPA\r\n", "S: +OK\r\nTOP\r\nUIDL\r\n.\r\n", "C: USER u\r\nPASS xxxx\r\nRETR 1\r\n",
			"S: +OK\r\n+OK\r\n+OK\r\n" + body + ".\r\n", "C: QUIT\r\n", "S: +OK\r\n",
		}},
	} {
		for _, n := range []int{7, 100, 16 << 10} {
			var out bytes.Buffer
			h := newHexer(&out, print.None(), nil, false)
			trace := decode.NewTrace(decode.TraceOptions{
				Options:  decode.Options{Secrets: true, Tap: func(o decode.Octets) { h.octets(1, decode.FromPeer, o) }},
				Protocol: registry.ByName(c.protocol), Conn: 1,
			})
			want := map[string]string{}
			at := time.Unix(0, 0)
			h.Events(trace.Mark(decode.Mark{Time: at, Kind: decode.Open}))
			for _, line := range c.dialogue {
				d := decode.Server
				if line[0] == 'C' {
					d = decode.Client
				}
				want[d.String()] += line[3:]
				for p := []byte(line[3:]); len(p) > 0; {
					k, _, events := trace.Write(d, at, p[:min(n, len(p))])
					h.Events(events)
					p = p[k:]
				}
			}
			h.Events(trace.Mark(decode.Mark{Time: at, Kind: decode.Close}))
			got := map[string]string{}
			for row := range strings.Lines(out.String()) {
				_, row, _ = strings.Cut(row, "┊ ")
				dir, row, _ := strings.Cut(row, "@")
				off := strings.TrimSpace(row[:7])
				p, err := hex.DecodeString(strings.ReplaceAll(row[7:min(len(row), 58)], " ", ""))
				if err != nil {
					t.Fatalf("%q: %v", row, err)
				}
				if off != strconv.Itoa(len(got[dir])) {
					t.Fatalf("%s cut at %d: a row of %s is at %s, want %d", c.protocol, n, dir, off, len(got[dir]))
				}
				got[dir] += string(p)
			}
			for _, dir := range []string{"C", "S"} {
				if got[dir] != want[dir] {
					t.Errorf("%s cut at %d: %s: %d octets shown, %d went by, or others", c.protocol, n, dir, len(got[dir]), len(want[dir]))
				}
			}
		}
	}
}
