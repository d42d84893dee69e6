package captures

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mailtrace/mailtrace/decode"
)

// TestTimesOfOthers: whatever a file's resolution and offset of time, its events have the
// same times, in microseconds.
func TestTimesOfOthers(t *testing.T) {
	r := onLink(t, framings["raw"], pop(aClient, aPOP).segs)
	for name, c := range map[string]struct {
		tick    byte
		seconds int64
		ticks   func(time.Time) uint64
	}{
		"seconds":      {0, 0, func(t time.Time) uint64 { return uint64(t.Unix()) }},
		"milliseconds": {3, 0, func(t time.Time) uint64 { return ticksOf(t, 1e3) }},
		"microseconds": {6, 0, func(t time.Time) uint64 { return ticksOf(t, 1e6) }},
		"nanoseconds":  {9, 0, func(t time.Time) uint64 { return ticksOf(t, 1e9) }},
		"10^-10":       {10, start.Unix() - 5, func(t time.Time) uint64 { return uint64(t.Sub(start.Truncate(time.Second)))*10 + 5e10 }},
		"offset":       {6, 3600, func(t time.Time) uint64 { return ticksOf(t.Add(-time.Hour), 1e6) }},
		"before 1970":  {6, -100, func(t time.Time) uint64 { return ticksOf(t.Add(100*time.Second), 1e6) }},
		"2^-20":        {0x80 | 20, 0, func(t time.Time) uint64 { return uint64(t.Unix())<<20 + uint64(t.Nanosecond())<<20/1e9 + 1 }},
		"2^0":          {0x80, 0, func(t time.Time) uint64 { return uint64(t.Unix()) }},
		"2^-63":        {0x80 | 63, start.Unix(), func(t time.Time) uint64 { return uint64(t.Nanosecond()) << 33 / 1e9 << 30 }},
	} {
		file := append(ngSection(littleEndian), ngLink(littleEndian, 101, c.tick, c.seconds)...)
		for _, x := range r {
			file = append(file, ngRecord(littleEndian, 0, c.ticks(x.at), x)...)
		}
		items, err := read(file)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		unit := time.Microsecond
		switch {
		case c.tick == 3:
			unit = time.Millisecond
		case c.tick&0x7f == 0:
			unit = time.Second
		}
		if off := items[0].Time.Sub(start.Truncate(unit)); off < -time.Microsecond || off > 2*time.Microsecond || items[0].Time.Nanosecond()%1000 != 0 {
			t.Errorf("%s: %v, expected %v", name, items[0].Time, start)
		}
	}
}

// TestSections: several sections, interfaces, byte orders and kinds of block in one file,
// and blocks that mean nothing here.
func TestSections(t *testing.T) {
	segs := pop(aClient, aPOP).segs
	ethernet := onLink(t, framings["Ethernet"], segs)
	raw := onLink(t, framings["raw"], segs)
	want, _, err := story(t, pcapOf(t, ethernet))
	if err != nil {
		t.Fatal(err)
	}
	old := func(o byteOrder, id uint16, r captured) []byte {
		ticks := ticksOf(r.at, 1e6)
		b := o.AppendUint16(o.AppendUint16(nil, id), 0xffff)
		b = o.AppendUint32(o.AppendUint32(b, uint32(ticks>>32)), uint32(ticks))
		b = o.AppendUint32(o.AppendUint32(b, uint32(len(r.p))), uint32(r.octets))
		return ngBlock(o, oldBlock, append(b, r.p...))
	}
	simple := func(o byteOrder, r captured) []byte {
		return ngBlock(o, simpleBlock, append(o.AppendUint32(nil, uint32(r.octets)), r.p...))
	}
	var file []byte
	for i := range segs {
		o := []byteOrder{littleEndian, bigEndian}[i%2]
		file = append(file, ngSection(o)...)
		file = append(file, ngBlock(o, 5, make([]byte, 12))...)
		file = append(file, ngLink(o, 105, 6, 0)...)
		file = append(file, ngLink(o, 101, 6, 0)...)
		file = append(file, ngBlock(o, 0x0bad, []byte("custom"))...)
		switch i % 3 {
		case 0:
			file = append(file, ngRecord(o, 1, ticksOf(raw[i].at, 1e6), raw[i])...)
		case 1:
			file = append(file, old(o, 1, raw[i])...)
		case 2:
			file = append(file, ngSection(o)...)
			file = append(file, ngLink(o, 1, 6, 0)...)
			file = append(file, simple(o, ethernet[i])...)
		}
	}
	file = append(file, ngSection(bigEndian)...)
	file = append(file, ngLink(bigEndian, 105, 6, 0)...)
	file = append(file, ngRecord(bigEndian, 0, 5, captured{p: []byte("radio"), octets: 5})...)
	got, left, err := story(t, file)
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v %s", err, d)
	}
	if want := "link type 105 (802.11) cannot be read (1 record)"; left.String() != want {
		t.Errorf("left out: %s", left)
	}
}

// TestForeignCutOff: a file that ends anywhere is read up to its last whole record.
func TestForeignCutOff(t *testing.T) {
	records := onLink(t, framings["raw"], pop(aClient, aPOP).segs)
	for name, c := range map[string]struct {
		file []byte
		head int
		of   func(captured) int
	}{
		"pcap":   {pcapBy(bigEndian, time.Microsecond, records), pcapHeader, func(r captured) int { return recordHeader + len(r.p) }},
		"pcapng": {pcapngBy(littleEndian, records), len(pcapngBy(littleEndian, records[:1])) - len(ngRecord(littleEndian, 0, 0, records[0])), func(r captured) int { return 32 + len(r.p) + pad(len(r.p)) }},
	} {
		whole := map[int]bool{c.head: true}
		at := c.head
		for _, r := range records {
			at += c.of(r)
			whole[at] = true
		}
		if at != len(c.file) {
			t.Fatalf("%s: %d octets, expected %d", name, len(c.file), at)
		}
		all := tell(readAll(t, c.file))
		for n := c.head; n <= len(c.file); n++ {
			items, err := read(c.file[:n])
			var cut *Truncated
			switch {
			case whole[n] && err != nil && !errors.As(err, new(*NoMail)), !whole[n] && !errors.As(err, &cut):
				t.Fatalf("%s, %d octets: %v", name, n, err)
			case cut != nil && !whole[int(cut.Offset)]:
				t.Fatalf("%s, %d octets: cut off at %d", name, n, cut.Offset)
			case len(items) > 0: // the last one says that the capture ends
				if d := cmp.Diff(all[:len(items)-1], tell(items[:len(items)-1])); d != "" {
					t.Fatalf("%s, %d octets: %s", name, n, d)
				}
			}
		}
		if items, err := read(append(bytes.Clone(c.file), make([]byte, 100)...)); !errors.As(err, new(*Truncated)) || len(items) != len(all) {
			t.Errorf("%s: zeros at the end: %d items, %v", name, len(items), err)
		}
	}
}

func TestForeignDamaged(t *testing.T) {
	r := onLink(t, framings["raw"], pop(aClient, aPOP).segs)
	pcap, ng := pcapOf(t, r), pcapngBy(littleEndian, r)
	head := len(ngSection(littleEndian))
	link := len(ngLink(littleEndian, 101, 9, 0))
	patch := func(file []byte, at int, with ...byte) []byte {
		b := bytes.Clone(file)
		copy(b[at:], with)
		return b
	}
	many := ngSection(littleEndian)
	for range mostLinks + 1 {
		many = append(many, ngLink(littleEndian, 101, 6, 0)...)
	}
	for name, c := range map[string]struct {
		file []byte
		text string
	}{
		"record too large":   {patch(pcap, pcapHeader+8, 0xff, 0xff, 0xff, 0x7f), "block at octet 24: expected a record of 4194304 octets at most"},
		"block too large":    {patch(ng, head+link+4, 0xff, 0xff, 0xff, 0x7f), "expected a length of 12 to"},
		"no interface":       {patch(ng, head+link+8, 7), "expected a description of interface 7"},
		"too many octets":    {patch(ng, head+link+20, 0xff, 0xff), "expected 65535 octets, got 44"},
		"resolution":         {patch(ng, head+20, 20), "expected a resolution of time"},
		"resolution of 2":    {patch(ng, head+20, 0xff), "expected a resolution of time"},
		"option":             {patch(ng, head+18, 200), "expected an option of 200 octets"},
		"byte order":         {patch(append(bytes.Clone(ng), ngSection(littleEndian)...), len(ng)+8, 1), "expected a byte-order magic"},
		"interfaces":         {many, "expected at most 65536 interfaces"},
		"short interface":    {append(ngSection(bigEndian), ngBlock(bigEndian, interfaceBlock, make([]byte, 4))...), "expected an interface description of 20"},
		"short block":        {append(ngSection(bigEndian), ngBlock(bigEndian, enhancedBlock, make([]byte, 8))...), "expected a block of 32"},
		"short simple block": {append(ngSection(bigEndian), ngBlock(bigEndian, simpleBlock, nil)...), "expected a block of 16"},
	} {
		_, err := read(c.file)
		var d *Damaged
		if !errors.As(err, &d) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHugeTimes: no time is one that cannot be printed.
func TestHugeTimes(t *testing.T) {
	for _, seconds := range []int64{-1 << 63, -1, 1<<63 - 1} {
		l := link{tick: 0, offset: seconds}
		for _, ticks := range []uint64{0, 1 << 63, 1<<64 - 1} {
			if y := l.time(ticks).Year(); y < 1970 || y > 9999 {
				t.Errorf("offset %d, %d ticks: the year %d", seconds, ticks, y)
			}
		}
	}
}

// TestNoMail: what was found instead is said.
func TestNoMail(t *testing.T) {
	many := []*talk{}
	for i := range 12 {
		x := newTalk(aClient, "198.51.100.9:80").open().c("GET /\r\n")
		x.ends[decode.Client] = netipPort(40000 + i)
		x.ends[decode.Server] = netipPort(9000 + i/2)
		x.segs = nil
		many = append(many, x.open().c("GET /\r\n"))
	}
	radio := captured{link: 127, p: []byte("radio"), octets: 5, at: start}
	for name, c := range map[string]struct {
		file       []byte
		text, hint string
	}{
		"nothing": {pcapBy(bigEndian, time.Microsecond, []captured{radio})[:pcapHeader], "no IMAP or POP3 in the capture: no TCP connection", "interface"},
		"radio":   {pcapBy(bigEndian, time.Microsecond, []captured{radio, radio}), "no TCP connection, link type 127 (802.11 with radiotap) cannot be read (2 records)", "interface"},
		"web":     {foreign(t, many...), "12 connections on ports 9000 (2), 9001 (2), 9002 (2), 9003 (2), 9004 (2), 9005 (2)", "from its beginning"},
	} {
		_, err := read(c.file)
		var none *NoMail
		if !errors.As(err, &none) || !strings.HasSuffix(err.Error(), c.text) || !strings.Contains(none.Hint(), c.hint) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
