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
	"github.com/mailtrace/mailtrace/decode/registry"
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
	P      []byte    // ItemOctets: at most 64 KiB, valid until the next call of Next
	Fill   bool      // ItemOctets: secrets in it are filler
	Mark   decode.Mark
	Gap    int64 // ItemGap: octets that are missing
	Offset int64 // of the block in the file
}

// mostStreams bounds the streams that are open at once, and with them a Reader's memory.
const mostStreams = 1 << 18

// Reader reads a capture: one that mailtrace wrote, or a pcap or pcapng file of another
// program, of whose TCP connections it takes those that are mail. Either may be packed
// with gzip or zstd. Its memory does not depend on the size of the file.
type Reader struct {
	name      string
	file      *os.File
	unpacked  *unpacked // nil where the file is not packed
	blocks    blocks
	foreign   *importer // nil for a capture of ours
	protocols []decode.Protocol
	linked    bool // the interface was described
	streams   map[endpoint]*stream
	last      endpoint // of the stream looked up last
	lastOf    *stream
	items     []Item // of the current block
	given     int
	err       error
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

// NewReader reads a capture from any stream. Its errors are *NotCapture, *Later,
// *Truncated, *Damaged, and those of the stream.
func NewReader(r io.Reader) (*Reader, error) { return newReader(r, "") }

// Foreign tells whether another program wrote the capture.
func (r *Reader) Foreign() bool { return r.foreign != nil }

// LeftOut tells what of a foreign capture was left out so far.
func (r *Reader) LeftOut() LeftOut {
	if r.foreign == nil {
		return LeftOut{}
	}
	return r.foreign.leftOut()
}

// Close ends reading, and closes a file that Open opened.
func (r *Reader) Close() error {
	if r.unpacked != nil {
		r.unpacked.close()
	}
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
	case errors.Is(err, io.EOF), errors.As(err, new(*NoMail)):
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

func newReader(in io.Reader, name string) (*Reader, error) {
	r := &Reader{name: name, blocks: blocks{r: in}, protocols: registry.All}
	err := r.open()
	if err != nil && r.unpacked != nil {
		r.unpacked.close()
	}
	return r, err
}

// open finds out what the file is.
func (r *Reader) open() error {
	head, err := r.peek()
	if err != nil {
		return err
	}
	for i := range packings {
		if bytes.HasPrefix(head, []byte(packings[i].magic)) {
			if packings[i].open == nil {
				return &NotCapture{Name: r.name, Got: bytes.Clone(head), What: packings[i].name + " data"}
			}
			if head, err = r.unpack(packings[i].open); err != nil {
				return err
			}
			break
		}
	}
	if f, ok := pcapMagics[string(head[:min(4, len(head))])]; ok {
		file, err := openPcap(&r.blocks, f)
		if err != nil {
			return named(r.name, err)
		}
		r.foreign = newImporter(r, file)
		return nil
	}
	return r.pcapng(head)
}

func (r *Reader) peek() ([]byte, error) {
	head, err := r.blocks.peek(12)
	if err != nil {
		return nil, named(r.name, err)
	}
	return head, nil
}

// unpack puts an unpacker between the file and the blocks, and gives what comes out first.
func (r *Reader) unpack(open func(*tail) (*unpacked, error)) ([]byte, error) {
	begun := bytes.NewReader(bytes.Clone(r.blocks.buf[r.blocks.from:r.blocks.to]))
	in := io.Reader(begun)
	if !r.blocks.eof {
		in = io.MultiReader(begun, r.blocks.r)
	}
	u, err := open(&tail{r: in})
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, &Truncated{Name: r.name}
	}
	if err != nil {
		return nil, named(r.name, err)
	}
	r.unpacked, r.blocks = u, blocks{r: u}
	head, err := r.peek()
	if err == nil && len(head) == 0 && r.blocks.cut {
		err = &Truncated{Name: r.name}
	}
	for i := range packings {
		if err == nil && bytes.HasPrefix(head, []byte(packings[i].magic)) {
			err = &NotCapture{Name: r.name, Got: bytes.Clone(head), What: packings[i].name + " data inside " + u.name + " data"}
		}
	}
	return head, err
}

// pcapng reads the first section header, which tells who wrote the file.
func (r *Reader) pcapng(head []byte) error {
	section := le.AppendUint32(nil, sectionHeader)
	if len(head) == 0 || !bytes.HasPrefix(head, section[:min(len(head), 4)]) {
		return &NotCapture{Name: r.name, Got: bytes.Clone(head)}
	}
	if len(head) == 12 && le.Uint32(head[8:]) != byteOrderMagic && binary.BigEndian.Uint32(head[8:]) != byteOrderMagic {
		return &NotCapture{Name: r.name, Got: bytes.Clone(head)}
	}
	block, _, err := r.blocks.next()
	if err == nil && len(block) < 28 {
		err = damaged(0, "expected a section header of 28 octets at least, got %d", len(block))
	}
	if err != nil {
		return named(r.name, err)
	}
	ours := false
	if !r.blocks.big {
		if ours, err = r.section(block); err != nil {
			return err
		}
	}
	if ours {
		r.streams = map[endpoint]*stream{}
	} else {
		r.foreign = newImporter(r, &pcapngFile{blocks: &r.blocks})
	}
	return nil
}

// section tells whether a section header is ours.
func (r *Reader) section(block []byte) (ours bool, err error) {
	var application string
	var texts []string
	err = options(le, block[24:len(block)-4], func(code uint16, value []byte) error {
		if code == optApplication {
			application = string(value)
		}
		return nil
	})
	if err == nil {
		texts, err = comments(block[24 : len(block)-4])
	}
	if err != nil {
		return false, named(r.name, damaged(0, "%v", err))
	}
	for _, text := range texts {
		format, ok := strings.CutPrefix(text, "capture ")
		if !ok {
			continue
		}
		fields, _ := decode.ParseFields(format)
		if got := fields.Get("format"); got != formatVersion {
			return false, &Later{Name: r.name, Format: got, By: application}
		}
		return true, nil
	}
	return false, nil
}

// Next gives the next item; its P is valid until the next call. At the end it gives
// io.EOF, at the end of a capture that was cut off *Truncated, *Damaged for what mailtrace
// or the format never writes, and at the end of a foreign capture without mail *NoMail. An
// error stays.
func (r *Reader) Next() (Item, error) {
	for r.given == len(r.items) {
		if r.err != nil {
			return Item{}, r.err
		}
		r.items, r.given = r.items[:0], 0
		var err error
		if r.foreign != nil {
			err = r.foreign.step()
		} else {
			err = r.step()
		}
		if err != nil {
			r.items = r.items[:0]
			r.err = named(r.name, err)
		}
	}
	r.given++
	return r.items[r.given-1], nil
}

// step takes one block of a capture of ours.
func (r *Reader) step() error {
	b, offset, err := r.blocks.next()
	if err != nil {
		return err
	}
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
	err := options(le, b[16:len(b)-4], func(code uint16, value []byte) error {
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
