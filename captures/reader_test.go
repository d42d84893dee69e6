package captures

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/mailtrace/mailtrace/decode"
)

func TestReadsHoweverTheFileComes(t *testing.T) {
	file := record(t, options4test(), session)
	for name, in := range map[string]io.Reader{
		"octet by octet":    iotest.OneByteReader(bytes.NewReader(file)),
		"data with the end": iotest.DataErrReader(bytes.NewReader(file)),
	} {
		r, err := NewReader(in)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var items []Item
		for {
			it, err := r.Next()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					t.Errorf("%s: %v", name, err)
				}
				break
			}
			it.P = bytes.Clone(it.P)
			items = append(items, it)
		}
		if d := cmp.Diff(sessionTold, tell(items)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if r, err := NewReader(bytes.NewReader(file)); err != nil {
		t.Fatal(err)
	} else if err := Decode(r, DecodeOptions{}, func([]decode.Event) {}); err != nil || len(r.streams) > 0 {
		t.Errorf("%d streams are still open, %v", len(r.streams), err)
	}
	broken := errors.New("broken disk")
	r, err := NewReader(io.MultiReader(bytes.NewReader(file), iotest.ErrReader(broken)))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = r.Next()
	}
	if _, again := r.Next(); !errors.Is(err, broken) || !errors.Is(again, broken) {
		t.Errorf("got %v, then %v", err, again)
	}
}

// TestRefused: what is no capture of ours is named for what it is.
func TestRefused(t *testing.T) {
	own := record(t, options4test(), session)
	change := func(at int, with string) string {
		b := bytes.Clone(own)
		copy(b[at:], with)
		return string(b)
	}
	comment := bytes.Index(own, []byte("format=1"))
	cases := map[string]struct {
		file, text, hint string
		as               any
	}{
		"empty":  {"", "expected a pcapng or pcap file, got an empty one", "--capture", new(*NotCapture)},
		"text":   {"From: a@b\r\n\r\n", `got "From: a@b\r\n\r"`, "--capture", new(*NotCapture)},
		"short":  {"x", `got "x"`, "--capture", new(*NotCapture)},
		"xz":     {"\xfd7zXZ\x00whatever", "got xz data", "decompress", new(*NotCapture)},
		"gzip":   {"\x1f\x8b\x08\x00", "cut off at octet 0", "", new(*Truncated)},
		"zstd":   {"\x28\xb5\x2f\xfd", "cut off at octet 0", "", new(*Truncated)},
		"twice":  {pack(Gzip, pack(Zstd, string(own))), "got zstd data inside gzip data", "decompress", new(*NotCapture)},
		"packed": {pack(Zstd, "From: a@b\r\n\r\n"), `got "From: a@b\r\n\r"`, "--capture", new(*NotCapture)},
		"magic":  {change(8, "what"), "expected a pcapng or pcap file", "--capture", new(*NotCapture)},
		"pcap":   {"\xd4\xc3\xb2\xa1\x02\x00\x04\x00", "cut off at octet 0", "", new(*Truncated)},
		"later":  {change(comment, "format=2"), `format "2" by "mailtrace test"`, "later", new(*Later)},
		"cut":    {string(own[:20]), "cut off at octet 0", "", new(*Truncated)},
		"length": {change(4, "\x01\x00\x00\x00"), "block at octet 0: expected a length", "changed", new(*Damaged)},
		"small":  {"\n\r\r\n\x0c\x00\x00\x00\x4d\x3c\x2b\x1a\x0c\x00\x00\x00", "expected its length", "changed", new(*Damaged)},
	}
	for name, c := range cases {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(c.file), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path)
		if !errors.As(err, c.as) || !strings.HasPrefix(err.Error(), "captures: "+path+": ") || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		var h interface{ Hint() string }
		if c.hint != "" && (!errors.As(err, &h) || !strings.Contains(h.Hint(), c.hint)) {
			t.Errorf("%s: no hint with %q", name, c.hint)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "directory") {
		t.Errorf("got %v", err)
	}
}

// TestDamaged: what stands before is given, then what is wrong and where.
func TestDamaged(t *testing.T) {
	own := record(t, options4test(), session)
	ends := blockEnds(t, own)
	third := int(ends[4]) // the first block behind the handshake: the greeting
	replace := func(old, new string) []byte { return bytes.Replace(own, []byte(old), []byte(new), 1) }
	patch := func(at int, with ...byte) []byte {
		b := bytes.Clone(own)
		copy(b[at:], with)
		return b
	}
	cases := map[string]struct {
		file []byte
		text string
	}{
		"length lies":        {patch(third+4, 0xff, 0xff, 0xff, 0x7f), "expected a length of 12 to"},
		"length not whole":   {patch(third+4, 0x51), "expected a length of 12 to"},
		"ends disagree":      {patch(int(ends[5])-4, 1), "again at its end"},
		"octets lie":         {patch(third+20, 0xff, 0xff), "expected a TCP segment"},
		"IP version":         {patch(third+28, 0x65), "expected a TCP segment"},
		"UDP":                {patch(third+28+9, 17), "expected a TCP segment"},
		"TCP header":         {patch(third+48+12, 0xf0), "expected a TCP segment"},
		"addresses":          {patch(third+28+12, 1, 2, 3, 4), "expected a TCP segment"},
		"unknown stream":     {patch(third+48+2, 1, 2), "beginning of the stream from 192.0.2.1:258 is missing"},
		"goes back":          {patch(third+48+4, 0, 0, 0, 0), "expected sequence number 1, got 0"},
		"link type":          {patch(int(ends[0])+8, 1), "expected raw IP"},
		"resolution":         {patch(int(ends[0])+20, 9), "expected raw IP"},
		"no interface":       {append(bytes.Clone(own[:ends[0]]), own[ends[1]:]...), "expected an interface description"},
		"no beginning":       {append(bytes.Clone(own[:ends[1]]), own[ends[2]:]...), "is missing"},
		"joined":             {append(bytes.Clone(own), own...), "two captures were joined"},
		"comment":            {replace("open conn=1", "open conn=0"), "expected a number from 1"},
		"no layer":           {replace("conn=1 layer=1 client", "conn=1 later=1 client"), `got "later"`},
		"no conn":            {replace("conn=1 dir=C layer=2", "dir=C  dir=C layer=2"), "expected conn= before layer="},
		"direction":          {replace("dir=C", "dir=X"), "expected dir=C or dir=S"},
		"no mark on the SYN": {replace("mailtrace: open", "mailtrack: open"), "expected a comment on the first segment"},
		"previous":           {replace("previous=192", "previous=abc"), "expected an IPv4 address"},
	}
	for name, c := range cases {
		items, err := read(c.file)
		var d *Damaged
		if !errors.As(err, &d) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v", name, err)
		} else if d.Offset < 0 || d.Offset > int64(len(own)) || !strings.Contains(err.Error(), "block at octet ") {
			t.Errorf("%s: offset %d", name, d.Offset)
		}
		for i, it := range items {
			if got := tell([]Item{it})[0]; got != sessionTold[i] {
				t.Errorf("%s: item %d is %s", name, i, got)
			}
		}
	}
	zeros := append(bytes.Clone(own), make([]byte, 4096)...)
	if items, err := read(zeros); !errors.As(err, new(*Truncated)) || len(items) != len(sessionTold) {
		t.Errorf("zeros at the end: %d items, %v", len(items), err)
	}
}

// TestSegmentTakenOut: where somebody took segments out of the file, the numbers tell.
func TestSegmentTakenOut(t *testing.T) {
	own := record(t, options4test(), session)
	ends := blockEnds(t, own)
	items := readAll(t, append(bytes.Clone(own[:ends[4]]), own[ends[5]:]...))
	want := append([]string{}, sessionTold[0], sessionTold[2], "1/0 S 3 gap 11")
	if d := cmp.Diff(append(want, sessionTold[3:]...), tell(items)); d != "" {
		t.Error(d)
	}
}

// TestSavedByOthers: another program may write the file anew, with blocks of its own.
func TestSavedByOthers(t *testing.T) {
	in, err := pcapgo.NewNgReader(bytes.NewReader(record(t, options4test(), session)), pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	info := in.SectionInfo()
	info.Application = "another program"
	// Its writer knows nanoseconds alone; with a scaled time they pass for microseconds.
	out, err := pcapgo.NewNgWriterInterface(&b, pcapgo.NgInterface{Name: "any", LinkType: layers.LinkTypeRaw}, pcapgo.NgWriterOptions{SectionInfo: info})
	if err != nil {
		t.Fatal(err)
	}
	if err := out.WriteInterfaceStats(0, pcapgo.NgInterfaceStatistics{LastUpdate: start, PacketsReceived: 1}); err != nil {
		t.Fatal(err)
	}
	for {
		data, ci, o, err := in.ReadPacketDataWithOptions()
		if err != nil {
			break
		}
		o.Comments = append([]string{"a note of mine"}, o.Comments...)
		o.Flags = &pcapgo.NgEpbFlags{}
		us := ci.Timestamp.UnixMicro()
		ci = gopacket.CaptureInfo{Timestamp: time.Unix(us/1e9, us%1e9), CaptureLength: len(data), Length: len(data)}
		if err := out.WritePacketWithOptions(ci, data, o); err != nil {
			t.Fatal(err)
		}
	}
	out.Flush()
	file := b.Bytes()
	at := bytes.Index(file, []byte{9, 0, 1, 0, 9}) // if_tsresol
	file[at+4] = microseconds
	if d := cmp.Diff(sessionTold, tell(readAll(t, file))); d != "" {
		t.Error(d)
	}
}

// TestMemoryIsBounded: neither the length of the file nor a lie in it costs memory.
func TestMemoryIsBounded(t *testing.T) {
	head := appendSection(nil, "mailtrace test")
	lie := le.AppendUint32(bytes.Clone(head), enhancedBlock)
	lie = le.AppendUint32(lie, largestBlock)
	o := options4test()
	e := newEncoder(&o, 1, decode.FromPeer, func() endpoint { return clientEndpoint(0) })
	e.octets(octets(decode.Client, 0, "a"))
	e.seal()
	head = append(head, e.buf...)
	e.buf = nil
	for range 100 {
		e.octets(octets(decode.Client, 0, strings.Repeat("b", segmentSize)))
	}
	e.seal()
	var before, behind runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := read(lie); !errors.As(err, new(*Truncated)) {
		t.Errorf("got %v", err)
	}
	r, err := NewReader(io.MultiReader(bytes.NewReader(head), bytes.NewReader(e.buf)))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for err == nil {
		_, err = r.Next()
		n++
	}
	if !errors.Is(err, io.EOF) || n < 100 {
		t.Errorf("%d items, %v", n, err)
	}
	runtime.ReadMemStats(&behind)
	if got := behind.TotalAlloc - before.TotalAlloc; got > 8*readSize {
		t.Errorf("%d octets were allocated", got)
	}
}

func FuzzReader(f *testing.F) {
	f.Add(record(f, options4test(), session))
	f.Add(appendSection(nil, ""))
	f.Add([]byte("\n\r\r\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := NewReader(bytes.NewReader(file))
		if err != nil {
			return
		}
		octets := 0
		for {
			it, err := r.Next()
			if err != nil {
				break
			}
			octets += len(it.P)
			if it.Conn < 1 || it.Offset < 0 || it.Offset > int64(len(file)) || (it.Kind == ItemGap) != (it.Gap > 0) {
				t.Fatalf("item %+v", it)
			}
		}
		if octets > len(file) || len(r.blocks.buf) > 2*max(readSize, len(file)) {
			t.Fatalf("%d octets and a buffer of %d from a file of %d", octets, len(r.blocks.buf), len(file))
		}
		again, err := NewReader(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		// Decoding must come to an end as well, whatever the items say.
		_ = Decode(again, DecodeOptions{Protocols: []decode.Protocol{lines}}, func(events []decode.Event) {
			if len(events) == 0 {
				t.Fatal("no events are given")
			}
		})
	})
}
