package captures

import (
	"bytes"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
)

// FuzzImport: whatever a file of another program holds, reading it comes to an end, its
// items make sense, and memory is bounded.
func FuzzImport(f *testing.F) {
	records := onLink(f, framings["Ethernet"], pop(aClient, aPOP).segs)
	f.Add(pcapOf(f, records))
	f.Add(pcapBy(bigEndian, time.Nanosecond, onLink(f, framings["cooked"], pop("[2001:db8::1]:40000", "[2001:db8::2]:143").segs)))
	f.Add(pcapngBy(bigEndian, onLink(f, framings["null"], pop(aClient, another).segs)))
	f.Add([]byte(pack(Gzip, string(pcapOf(f, records)))))
	f.Add([]byte(pack(Zstd, string(pcapngBy(littleEndian, records)))))
	var fragments [][]byte
	for _, s := range pop(aClient, anIMAP).segs {
		fragments = append(fragments, fragmented4(f, s.ip(f), 16)...)
	}
	f.Add(pcapOf(f, onIP(fragments...)))
	for _, x := range stories {
		f.Add(foreign(f, x.talks()...))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := NewReader(bytes.NewReader(file))
		if err != nil {
			return
		}
		defer r.Close()
		octets, open := 0, map[int]bool{}
		for r.Foreign() {
			it, err := r.Next()
			if err != nil {
				break
			}
			octets += len(it.P)
			begins := it.Kind == ItemMark && it.Mark.Kind == decode.Open
			if it.Conn < 1 || it.Offset < 0 || (it.Kind == ItemGap) != (it.Gap > 0) || open[it.Conn] == begins {
				t.Fatalf("item %+v", it)
			}
			if y := it.Time.Year(); y < 1970 || y > 9999 {
				t.Fatalf("the year %d", y)
			}
			open[it.Conn] = it.Kind != ItemMark || it.Mark.Kind != decode.Close || it.Mark.Dir != decode.NoDir
		}
		if r.unpacked == nil && octets > len(file) {
			t.Fatalf("%d octets from a file of %d", octets, len(file))
		}
		if len(r.blocks.buf) > 4*largestBlock {
			t.Fatalf("a buffer of %d octets", len(r.blocks.buf))
		}
		for conn, still := range open {
			if still && r.Foreign() {
				t.Fatalf("connection %d is not closed", conn)
			}
		}
		again, err := NewReader(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		_ = Decode(again, DecodeOptions{Protocols: registry.All}, func(events []decode.Event) {
			if len(events) == 0 {
				t.Fatal("no events are given")
			}
		})
	})
}
