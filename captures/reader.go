package captures

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// ItemKind says what an Item is.
type ItemKind uint8

const (
	ItemOctets ItemKind = iota // octets of one direction
	ItemMark                   // something that no octet carries
	ItemGap                    // octets of one direction are missing here
)

// Item is the next thing that a capture tells, in the order in which it was recorded
// over all connections.
type Item struct {
	Conn   int // from 1
	Origin decode.Origin
	Kind   ItemKind
	Dir    decode.Dir
	Time   time.Time // UTC, microseconds
	P      []byte    // ItemOctets: at most 16 KiB, valid until the next call of Next
	Fill   bool      // ItemOctets: secrets in it are filler
	Mark   decode.Mark
	Gap    int64 // ItemGap: octets that are missing
	Offset int64 // of the block in the file
}

// mostStreams bounds the streams that are open at once, and with them a Reader's memory.
const mostStreams = 1 << 18

// Reader reads a capture. Its memory does not depend on the size of the file.
type Reader struct {
	name    string
	file    *os.File
	blocks  blocks
	linked  bool // the interface was described
	streams map[endpoint]*stream
	last    endpoint // of the stream looked up last
	lastOf  *stream
	items   []Item // of the current block
	given   int
	err     error
}

// stream is one synthetic TCP connection of the file.
type stream struct {
	place
	next [3]uint32 // sequence number of a direction's next octet
}

// Open opens the capture at path, and checks that it is one. The errors are those of
// NewReader, and those of the operating system.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("captures: %w", err)
	}
	r, err := newReader(f, path)
	if err != nil {
		f.Close()
		return nil, err
	}
	r.file = f
	return r, nil
}

// NewReader reads a capture from any stream. Its errors are *NotCapture, *Foreign,
// *Truncated, *Damaged, and those of the stream.
func NewReader(r io.Reader) (*Reader, error) { return newReader(r, "") }

// Close closes a file that Open opened.
func (r *Reader) Close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}

// named puts the file's name into an error.
func named(name string, err error) error {
	var t *Truncated
	var d *Damaged
	switch {
	case errors.Is(err, io.EOF):
		return err
	case errors.As(err, &t):
		t.Name = name
	case errors.As(err, &d):
		d.Name = name
	default:
		return fmt.Errorf("%sreading: %w", prefix(name), err)
	}
	return err
}

func newReader(r io.Reader, name string) (*Reader, error) {
	x := &Reader{name: name, blocks: blocks{r: r}, streams: map[endpoint]*stream{}}
	head, err := x.blocks.peek(12)
	if err != nil {
		return nil, named(name, err)
	}
	if err := x.recognise(head); err != nil {
		return nil, err
	}
	block, _, err := x.blocks.next()
	if err != nil {
		return nil, named(name, err)
	}
	if len(block) < 28 {
		return nil, named(name, damaged(0, "expected a section header of 28 octets at least, got %d", len(block)))
	}
	return x, x.section(block)
}

var magics = []struct {
	octets string
	what   string
	packed bool
}{
	{"\xd4\xc3\xb2\xa1", "a pcap file", false},
	{"\xa1\xb2\xc3\xd4", "a pcap file", false},
	{"\x4d\x3c\xb2\xa1", "a pcap file", false},
	{"\xa1\xb2\x3c\x4d", "a pcap file", false},
	{"\x1f\x8b", "gzip", true},
	{"\x28\xb5\x2f\xfd", "zstd", true},
}

const (
	othersAdvice = "captures of other programs cannot be read yet, only what mailtrace proxy --capture FILE writes"
	laterAdvice  = "use the mailtrace that wrote it, or a later one"
)

// recognise looks at the first octets of the file, at most 12.
func (r *Reader) recognise(head []byte) error {
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m.octets)) {
			if m.packed {
				return &NotCapture{Name: r.name, Got: bytes.Clone(head), What: m.what}
			}
			return &Foreign{Name: r.name, What: m.what, Advice: othersAdvice}
		}
	}
	section := le.AppendUint32(nil, sectionHeader)
	if len(head) == 0 || !bytes.HasPrefix(head, section[:min(len(head), 4)]) {
		return &NotCapture{Name: r.name, Got: bytes.Clone(head)}
	}
	if len(head) < 12 {
		return &Truncated{Name: r.name}
	}
	switch {
	case binary.BigEndian.Uint32(head[8:]) == byteOrderMagic:
		return &Foreign{Name: r.name, What: "a big-endian pcapng file", Advice: othersAdvice}
	case le.Uint32(head[8:]) != byteOrderMagic:
		return &NotCapture{Name: r.name, Got: bytes.Clone(head)}
	}
	return nil
}

// section checks that the section header is ours.
func (r *Reader) section(block []byte) error {
	var application string
	var texts []string
	err := options(block[24:len(block)-4], func(code uint16, value []byte) error {
		if code == optApplication {
			application = string(value)
		}
		return nil
	})
	if err == nil {
		texts, err = comments(block[24 : len(block)-4])
	}
	if err != nil {
		return named(r.name, damaged(0, "%v", err))
	}
	for _, text := range texts {
		format, ok := strings.CutPrefix(text, "capture ")
		if !ok {
			continue
		}
		fields, _ := decode.ParseFields(format)
		if got := fields.Get("format"); got != formatVersion {
			return &Foreign{
				Name: r.name, What: fmt.Sprintf("a capture of format %q by %q, not format %s", got, application, formatVersion),
				Advice: laterAdvice,
			}
		}
		return nil
	}
	if application == "" {
		application = "an unknown program"
	}
	return &Foreign{Name: r.name, What: fmt.Sprintf("a pcapng file by %q", application), Advice: othersAdvice}
}

// Next gives the next item; its P is valid until the next call. At the end it gives
// io.EOF, at the end of a capture that was cut off *Truncated, and *Damaged for what
// mailtrace never writes. An error stays.
func (r *Reader) Next() (Item, error) {
	for r.given == len(r.items) {
		if r.err != nil {
			return Item{}, r.err
		}
		r.items, r.given = r.items[:0], 0
		block, offset, err := r.blocks.next()
		if err == nil {
			err = r.block(block, offset)
		}
		if err != nil {
			r.items = r.items[:0]
			r.err = named(r.name, err)
		}
	}
	r.given++
	return r.items[r.given-1], nil
}

func (r *Reader) block(b []byte, offset int64) error {
	switch le.Uint32(b) {
	case enhancedBlock:
		return r.segment(b, offset)
	case interfaceBlock:
		return r.link(b, offset)
	case sectionHeader:
		return damaged(offset, "a second section begins: two captures were joined")
	}
	return nil // statistics, names and the like, from whoever saved the file again
}

func (r *Reader) link(b []byte, offset int64) error {
	if len(b) < 20 {
		return damaged(offset, "expected an interface description of 20 octets at least, got %d", len(b))
	}
	resolution := byte(microseconds)
	err := options(b[16:len(b)-4], func(code uint16, value []byte) error {
		if code == optResolution && len(value) == 1 {
			resolution = value[0]
		}
		return nil
	})
	if err != nil {
		return damaged(offset, "%v", err)
	}
	if got := le.Uint16(b[8:]); got != linkRaw || resolution != microseconds {
		return damaged(offset, "expected raw IP (link type %d) in microseconds, got link type %d, resolution %d", linkRaw, got, resolution)
	}
	r.linked = true
	return nil
}

// segment turns one block into items: a gap, a mark, octets, as far as it has them.
func (r *Reader) segment(b []byte, offset int64) error {
	if !r.linked {
		return damaged(offset, "expected an interface description before it")
	}
	s, ok := parseSegment(b)
	if !ok {
		return damaged(offset, "expected a TCP segment to or from 198.51.100.1")
	}
	texts, err := comments(s.options)
	if err != nil {
		return damaged(offset, "%v", err)
	}
	var mark *decode.Mark
	var begins *place
	gap, fill := int64(0), false
	at := time.UnixMicro(s.micros).UTC()
	for _, text := range texts {
		c, err := parseComment(text)
		if err != nil {
			return damaged(offset, "comment %q: %v", text[:min(len(text), 80)], err)
		}
		kind, isMark := decode.KindOf(c.kind)
		switch {
		case c.kind == kindRedacted:
			fill = true
			continue
		case c.kind == kindGap:
			gap, err = strconv.ParseInt(c.fields.Get("octets"), 10, 64)
			if err != nil || gap < 1 {
				return damaged(offset, "expected octets= of a gap, got %q", c.fields.Get("octets"))
			}
			continue
		case isMark:
			mark = &decode.Mark{Time: at, Kind: kind, Dir: c.dir, Fields: c.fields}
		}
		begins = &c.place
	}
	st := r.find(s.client)
	if s.flags&(flagSYN|flagACK) == flagSYN {
		if begins == nil {
			return damaged(offset, "expected a comment on the first segment of a stream")
		}
		if st, err = r.begin(s.client, *begins); err != nil {
			return damaged(offset, "%v", err)
		}
	}
	if st == nil {
		return damaged(offset, "the beginning of the stream from %v is missing", s.client)
	}

	expected := st.next[s.dir]
	if jump := s.seq - expected; jump != 0 && gap == 0 {
		// No comment says how much, so the numbers do: marks outlive lost octets.
		if int32(jump) < 0 {
			return damaged(offset, "expected sequence number %d, got %d", expected, s.seq)
		}
		gap = int64(jump)
	}
	st.next[s.dir] = s.seq + uint32(len(s.payload))
	if s.flags&(flagSYN|flagFIN) != 0 {
		st.next[s.dir]++
	}
	item := Item{Conn: st.conn, Origin: st.origin, Dir: s.dir, Time: at, Offset: offset}
	if gap > 0 {
		item.Kind, item.Gap = ItemGap, gap
		r.items = append(r.items, item)
		item.Gap = 0
	}
	if mark != nil {
		marked := item
		marked.Kind, marked.Mark, marked.Dir = ItemMark, *mark, mark.Dir
		r.items = append(r.items, marked)
		if mark.Kind == decode.Close && mark.Dir == decode.NoDir {
			r.forget(s.client)
		}
	}
	if len(s.payload) > 0 {
		item.Kind, item.P, item.Fill = ItemOctets, s.payload, fill
		r.items = append(r.items, item)
	}
	return nil
}

func (r *Reader) find(e endpoint) *stream {
	if r.lastOf == nil || r.last != e {
		r.last, r.lastOf = e, r.streams[e]
	}
	return r.lastOf
}

func (r *Reader) begin(e endpoint, p place) (*stream, error) {
	if p.previous != "" {
		previous, err := parseEndpoint(p.previous)
		if err != nil {
			return nil, err
		}
		r.forget(previous)
	}
	if len(r.streams) >= mostStreams {
		return nil, fmt.Errorf("expected at most %d open streams", mostStreams)
	}
	st := &stream{place: p}
	r.streams[e] = st
	r.last, r.lastOf = e, st
	return st, nil
}

func (r *Reader) forget(e endpoint) {
	delete(r.streams, e)
	r.lastOf = nil
}
