//go:build interop

package captures

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/mime"
	"github.com/mailtrace/mailtrace/decode/registry"
)

// strangers are captures that other projects test themselves with. They are not part of
// this one; where the folder is, each must tell what stands here. Octets and commands are
// those that tshark counts in them.
const strangers = "../../shared/pcaps"

// told is a short expectation: what a capture has of each connection.
type told struct {
	conns    []string // protocol, commands, messages, octets of client and server
	lost     int      // desync and malformed
	opaque   []string
	findings []string // above note
	left     string
}

const sealedIMAP, sealedPOP = "TLS on port 993: it is encrypted and cannot be read", "TLS on port 995: it is encrypted and cannot be read"

var expected = map[string]told{
	"arkime-arkime_synthetic.pcap": {
		// SELECT and FETCH, and no login before them.
		conns: []string{"imap 1 0 21 217", "imap 2 0 46 200"}, findings: []string{"imap.wrong-state", "starttls.untagged-before-tls"},
		left: "92 connections on ports 80 (22), 443 (12), 22 (5), 445 (4), 1521 (4), 5985 (4), 88 (3), 389 (3) and 20 more",
	},
	// Its server ends a line behind "[PERMANENTFLAGS ()]", and says no UIDNEXT.
	"ndpi-imap.pcap":          {conns: []string{"imap 6 0 179 1401"}, findings: []string{"auth.cleartext", "imap.code-without-text", "imap.uidnext-missing"}},
	"ndpi-imaps.pcap":         {conns: []string{"imap 0 0 548 3308", "imap 0 0 517 2776"}, opaque: []string{sealedIMAP, sealedIMAP}},
	"ndpi-pop3_stls.pcap":     {conns: []string{"pop3 3 0 805 7462"}, opaque: []string{"TLS that was not intercepted"}},
	"ndpi-pops.pcapng":        {conns: []string{"pop3 0 0 184 2520"}, opaque: []string{sealedPOP}},
	"zeek-imap-starttls.pcap": {conns: []string{"imap 2 0 540 5653"}, opaque: []string{"TLS that was not intercepted"}},
	"zeek-pop3-starttls.pcap": {conns: []string{"pop3 1 0 851 2590"}, opaque: []string{"TLS that was not intercepted"}},
	// What the server says instead of its replies is nonsense on purpose.
	"zeek-bad-list-retr.pcap": {conns: []string{"pop3 3 1 20 253"}, lost: 2, findings: []string{"pop3.size"}},
	// Typed by hand, with LF alone.
	"zeek-pop3-unknown.pcap": {conns: []string{"pop3 4 0 39 128"}, lost: 1, findings: []string{"pop3.line-end", "auth.cleartext"}},
	"zeek-pop3.pcap": {conns: []string{
		"pop3 0 0 0 0", "pop3 0 0 0 0", "pop3 2 0 12 175", "pop3 3 0 86 205", "pop3 2 0 12 175", "pop3 4 0 96 297", "pop3 10 3 138 19651",
	}, findings: []string{"auth.cleartext"}},
	"zeek-redis.pcap": {left: "1 connection on port 6379"},
}

func TestStrangers(t *testing.T) {
	paths, err := filepath.Glob(strangers + "/*.pcap*")
	if _, missing := os.Stat(strangers); missing != nil {
		t.Skip("the captures of other projects are not here")
	}
	if err != nil || len(paths) == 0 {
		t.Fatalf("no captures in %s, %v", strangers, err)
	}
	for _, path := range paths {
		name := filepath.Base(path)
		want, ok := expected[name]
		if !ok {
			t.Errorf("%s: nothing is known of it", name)
			continue
		}
		got, err := tally(path)
		if none := errors.As(err, new(*NoMail)); none != (want.conns == nil) || err != nil && !none {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(told{})); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// tally decodes a capture and counts.
func tally(path string) (got told, err error) {
	r, err := Open(path)
	if err != nil {
		return got, err
	}
	defer r.Close()
	messages, ends := map[int]int{}, map[int]string{}
	err = Decode(r, DecodeOptions{Protocols: registry.All}, func(events []decode.Event) {
		for _, e := range events {
			switch d := e.Detail.(type) {
			case *mime.Part:
				if d.Number == "" {
					messages[e.Conn]++
				}
			case *decode.CloseDetail:
				ends[e.Conn] = fmt.Sprintf("%s %d %d %d %d", e.Protocol, d.Commands, messages[e.Conn], d.ClientOctets, d.ServerOctets)
			}
			switch e.Kind {
			case decode.Desync, decode.Malformed:
				got.lost++
			case decode.Opaque:
				got.opaque = append(got.opaque, string(e.Text))
			}
			for _, f := range e.Findings {
				if f.Severity > decode.Note && !slices.Contains(got.findings, f.ID) {
					got.findings = append(got.findings, f.ID)
				}
			}
		}
	})
	for conn := 1; conn <= len(ends); conn++ {
		got.conns = append(got.conns, ends[conn])
	}
	got.left = r.LeftOut().String()
	return got, err
}
