package captures

import (
	"encoding/binary"
	"strconv"

	"github.com/mailtrace/mailtrace/decode"
)

// TCP flags (RFC 9293).
const (
	flagFIN = 0x01
	flagSYN = 0x02
	flagPSH = 0x08
	flagACK = 0x10
)

// ackEvery bounds the octets of one direction that nobody acknowledged, so that the
// other's window (65,535 << windowScale) never looks full.
const (
	ackEvery    = 1 << 20
	windowScale = 8
)

// synOptions are those of a SYN: no limit on segments worth mentioning, window scale.
var synOptions = [8]byte{2, 4, segmentSize >> 8, segmentSize & 0xff, 3, 3, windowScale, 1}

// encoder turns the octets and marks of one connection into blocks, appended to buf. It
// is plain data, so that a copy of it is a state to go back to.
type encoder struct {
	o       *Options
	streams func() endpoint // the next unused endpoint

	buf  []byte
	open int // where the block of the unfinished segment begins in buf, -1 for none
	dir  decode.Dir
	at   int64 // of the unfinished segment, microseconds since 1970
	fill bool  // it holds filler

	place      // dir and previous of the comment being written are set on a copy
	begun      bool
	ended      bool
	client     endpoint
	serverPort uint16
	addresses  uint64 // sum of the pseudo header but for its length

	off     [3]int64 // octets of each direction so far, over all layers
	base    [3]int64 // off where the stream began
	told    [3]int64 // off that the file shows; less than off where octets are missing
	fin     [3]bool
	closer  decode.Dir // whose FIN came first, and who therefore acknowledges last
	unacked [3]int64
	marks   [3]uint16  // empty segments of each direction so far
	last    [3][2]byte // last two octets of a direction, for leaving out bodies
}

func newEncoder(o *Options, conn int, origin decode.Origin, streams func() endpoint) encoder {
	return encoder{
		o: o, streams: streams, open: -1, serverPort: unknownPort,
		place: place{conn: conn, origin: origin, layer: 1},
	}
}

// octets appends a piece of one direction. Pieces of the same time and direction share a
// segment until one has End.
func (e *encoder) octets(o decode.Octets) {
	if e.ended || (o.Dir != decode.Client && o.Dir != decode.Server) {
		return
	}
	at := o.Time.UnixMicro()
	if len(o.P) > 0 {
		e.identify(at, o)
		switch {
		case !e.begun:
			e.begin(at, e.comment(kindStream, nil))
		case e.fin[decode.Client] && e.fin[decode.Server]:
			// Both directions have ended, and something comes all the same: nobody would look for it
			// behind two FINs.
			e.seal()
			e.turnover(at, e.serverPort, decode.NoDir, kindStream, nil)
		}
	}
	for p := o.P; len(p) > 0; {
		if e.open >= 0 && (e.dir != o.Dir || e.at != at || e.payload() == segmentSize) {
			e.seal()
		}
		if e.open < 0 {
			e.open, e.dir, e.at = len(e.buf), o.Dir, at
			e.buf = append(e.buf, zeros[:segmentHeader]...)
		}
		n := min(len(p), segmentSize-e.payload())
		e.buf = append(e.buf, p[:n]...)
		if o.Body && !e.o.Bodies {
			e.leaveOut(o.Dir, e.buf[len(e.buf)-n:])
		}
		if n > 1 {
			e.last[o.Dir][0] = p[n-2]
		} else {
			e.last[o.Dir][0] = e.last[o.Dir][1]
		}
		e.last[o.Dir][1] = p[n-1]
		e.fill = e.fill || o.Fill
		p = p[n:]
	}
	if o.End && e.open >= 0 && e.dir == o.Dir {
		e.seal()
	}
}

var zeros [segmentHeader + len(synOptions)]byte

func (e *encoder) payload() int { return len(e.buf) - e.open - segmentHeader }

// leaveOut overwrites content with filler. Line ends stay, and the first two dots of a line
// that begins so, which tell whether it was dot-stuffed (RFC 1939 §3); counts still hold.
func (e *encoder) leaveOut(d decode.Dir, p []byte) {
	before, last := e.last[d][0], e.last[d][1]
	for i, c := range p {
		leads := c == '.' && (last == '\n' || last == '.' && before == '\n')
		if c != '\r' && c != '\n' && !leads {
			p[i] = 'x'
		}
		before, last = last, c
	}
}

// identify looks at the server's first octets where the Open mark named no protocol. If
// they tell it, a new stream begins whose port says so to other readers.
func (e *encoder) identify(at int64, o decode.Octets) {
	if e.serverPort != unknownPort || o.Dir != decode.Server || e.off[decode.Server] > 0 || e.openIs(decode.Server) {
		return
	}
	for i := range e.o.Protocols {
		if yes, _ := e.o.Protocols[i].Greets(o.P); yes {
			e.seal()
			port := uint16(e.o.Protocols[i].Port)
			if e.begun {
				e.turnover(at, port, decode.NoDir, kindStream, nil)
			} else {
				e.serverPort = port
			}
			return
		}
	}
}

func (e *encoder) openIs(d decode.Dir) bool { return e.open >= 0 && e.dir == d }

// mark keeps what no octet carries: a comment on a SYN, a FIN or an empty segment.
func (e *encoder) mark(m decode.Mark) {
	if e.ended {
		return
	}
	e.seal()
	at := m.Time.UnixMicro()
	kind := m.Kind.String()
	p := e.place
	p.dir = m.Dir
	switch {
	case m.Kind == decode.Close:
		e.close(at, m)
	case !e.begun:
		if name := m.Fields.Get("protocol"); m.Kind == decode.Open && name != "" {
			for i := range e.o.Protocols {
				if e.o.Protocols[i].Name == name {
					e.serverPort = uint16(e.o.Protocols[i].Port)
				}
			}
		}
		e.begin(at, p.comment(kind, m.Fields))
	case newLayer(m) && e.off != e.base:
		e.turnover(at, e.serverPort, m.Dir, kind, m.Fields)
	default:
		e.empty(sender(m.Dir), at, flagACK, p.comment(kind, m.Fields))
	}
}

// newLayer tells whether cleartext from inside a new TLS layer follows the mark.
func newLayer(m decode.Mark) bool {
	return m.Kind == decode.TLS && m.Fields.Get("error") == "" && m.Fields.Get("leg") != "server"
}

func sender(d decode.Dir) decode.Dir {
	if d == decode.NoDir {
		return decode.Client
	}
	return d
}

func (e *encoder) close(at int64, m decode.Mark) {
	if !e.begun {
		e.begin(at, e.comment(kindStream, nil))
	}
	p := e.place
	p.dir = m.Dir
	text := p.comment(m.Kind.String(), m.Fields)
	if m.Dir != decode.NoDir {
		if e.fin[m.Dir] {
			e.empty(m.Dir, at, flagACK, text)
			return
		}
		e.finish(m.Dir, at, text)
		return
	}
	e.finish(decode.Client, at)
	e.finish(decode.Server, at)
	e.empty(e.closer, at, flagACK, text)
	e.ended = true
}

// begin opens a stream with a three-way handshake. The SYN carries the comment.
func (e *encoder) begin(at int64, text string) {
	e.begun = true
	e.base, e.fin, e.unacked, e.marks = e.off, [3]bool{}, [3]int64{}, [3]uint16{}
	e.client = e.streams()
	// Both directions have the same pseudo header (RFC 9293).
	var pseudo [10]byte
	binary.BigEndian.PutUint32(pseudo[:], e.client.address)
	binary.BigEndian.PutUint32(pseudo[4:], serverAddress)
	pseudo[9] = 6
	e.addresses = sum(0, pseudo[:])
	e.empty(decode.Client, at, flagSYN, text)
	e.empty(decode.Server, at, flagSYN|flagACK)
	e.empty(decode.Client, at, flagACK)
}

// turnover ends the stream and begins the next one of the same connection, to port.
func (e *encoder) turnover(at int64, port uint16, d decode.Dir, kind string, fields decode.Fields) {
	e.finish(decode.Client, at)
	e.finish(decode.Server, at)
	e.empty(e.closer, at, flagACK)
	e.layer++
	e.serverPort = port
	p := e.place
	p.dir, p.previous = d, e.client.String()
	e.begin(at, p.comment(kind, fields))
}

func (e *encoder) finish(d decode.Dir, at int64, texts ...string) {
	if !e.fin[d] {
		e.empty(d, at, flagFIN|flagACK, texts...)
		if !e.fin[d.Other()] {
			e.closer = d
		}
		e.fin[d] = true
	}
}

// empty writes a segment without octets.
func (e *encoder) empty(d decode.Dir, at int64, flags byte, texts ...string) {
	start := len(e.buf)
	n := segmentHeader
	if flags&flagSYN != 0 {
		n += len(synOptions)
	}
	e.buf = append(e.buf, zeros[:n]...)
	if flags&flagSYN != 0 {
		copy(e.buf[start+segmentHeader:], synOptions[:])
	}
	e.segment(start, d, at, flags, 0, texts...)
}

// seal finishes the segment that is still open for octets.
func (e *encoder) seal() {
	if e.open < 0 {
		return
	}
	start, d, n := e.open, e.dir, e.payload()
	e.open = -1
	if e.fill {
		e.fill = false
		e.segment(start, d, e.at, flagPSH|flagACK, n, kindRedacted)
	} else {
		e.segment(start, d, e.at, flagPSH|flagACK, n)
	}
	if e.unacked[d] >= ackEvery {
		e.empty(d.Other(), e.at, flagACK)
	}
}

// segment fills in the headers of the block that begins at start and whose last n octets
// are payload, and ends it.
func (e *encoder) segment(start int, d decode.Dir, at int64, flags byte, n int, texts ...string) {
	o := d.Other()
	b := e.buf[start:]
	le.PutUint32(b, enhancedBlock)
	le.PutUint32(b[12:], uint32(uint64(at)>>32))
	le.PutUint32(b[16:], uint32(uint64(at)))
	data := len(b) - enhancedHeader
	le.PutUint32(b[20:], uint32(data))
	le.PutUint32(b[24:], uint32(data))

	ip := b[enhancedHeader:]
	tcp := ip[ipHeader:]
	ip[0] = 0x45
	binary.BigEndian.PutUint16(ip[2:], uint16(data))
	ip[6] = 0x40 // do not fragment
	ip[8], ip[9] = 64, 6
	from, to := 12, 16
	fromPort, toPort := 0, 2
	if d == decode.Server {
		from, to = to, from
		fromPort, toPort = toPort, fromPort
	}
	binary.BigEndian.PutUint32(ip[from:], e.client.address)
	binary.BigEndian.PutUint32(ip[to:], serverAddress)
	binary.BigEndian.PutUint16(tcp[fromPort:], e.client.port)
	binary.BigEndian.PutUint16(tcp[toPort:], e.serverPort)
	binary.BigEndian.PutUint16(ip[10:], fold(sum(0, ip[:ipHeader])))

	header := tcpHeader
	window := uint16(65535)
	seq := e.seq(d)
	switch {
	case flags&flagSYN != 0:
		header += len(synOptions)
		seq--
	case n == 0 && flags&flagFIN == 0:
		// Another window each time, or it would look like a duplicate acknowledgement.
		e.marks[d]++
		window -= 1 + e.marks[d]%2
	}
	binary.BigEndian.PutUint32(tcp[4:], seq)
	if flags&flagACK != 0 {
		binary.BigEndian.PutUint32(tcp[8:], e.seq(o))
		e.unacked[o] = 0
	}
	tcp[12] = byte(header / 4 << 4)
	tcp[13] = flags
	binary.BigEndian.PutUint16(tcp[14:], window)
	length := [2]byte{byte(len(tcp) >> 8), byte(len(tcp))}
	binary.BigEndian.PutUint16(tcp[16:], fold(sum(sum(e.addresses, length[:]), tcp)))

	e.buf = append(e.buf, zeros[:pad(len(b))]...)
	options := len(e.buf)
	if missing := e.off[d] - e.told[d]; missing > 0 {
		p := e.place
		p.dir = d
		e.buf = appendComment(e.buf, p.comment(kindGap, decode.Fields{{Key: "octets", Value: strconv.FormatInt(missing, 10)}}))
	}
	for _, text := range texts {
		e.buf = appendComment(e.buf, text)
	}
	if len(e.buf) > options {
		e.buf = appendOption(e.buf, optEnd, "")
	}
	e.buf = closeBlock(e.buf, start)
	e.off[d] += int64(n)
	e.told[d] = e.off[d]
	e.unacked[d] += int64(n)
}

// seq is the number of a direction's next octet. A stream counts from 0; SYN and FIN
// take one each.
func (e *encoder) seq(d decode.Dir) uint32 {
	n := uint32(e.off[d]-e.base[d]) + 1
	if e.fin[d] {
		n++
	}
	return n
}
