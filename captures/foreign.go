package captures

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mailtrace/mailtrace/captures/internal/tcp"
	"github.com/mailtrace/mailtrace/decode"
)

// importer makes items of a capture that another program wrote. It chooses the
// connections that are mail:
//
//	       ┌─ greeting of a protocol, before the client said anything ─► that protocol
//	Begin ─┼─ port of a protocol ─► that protocol, unless TLS begins ──► opaque
//	       ├─ port of a protocol's TLS, and no greeting ───────────────► opaque
//	       └─ anything else ───────────────────────────────────────────► left out
type importer struct {
	reader  *Reader
	records records
	asm     *tcp.Assembler
	mail    int // connections that are mail
	others  int
	ports   [1 << 16]int32     // of the others' servers
	unread  map[tcp.Link]int64 // records of links that cannot be read
	offset  int64
	end     error // behind the last record
}

func newImporter(r *Reader, records records) *importer {
	x := &importer{reader: r, records: records, unread: map[tcp.Link]int64{}}
	x.asm = tcp.New(x)
	return x
}

// step takes one record and appends what it brings to the Reader's items.
func (x *importer) step() error {
	if x.end != nil {
		return x.end
	}
	r, err := x.records.next()
	if err != nil {
		x.end = err
		x.asm.End() // what was held comes before the error
		if x.mail == 0 && errors.Is(err, io.EOF) {
			x.end = &NoMail{Name: x.reader.name, Protocols: x.reader.protocols, LeftOut: x.leftOut()}
		}
		return nil
	}
	x.offset = r.offset
	switch {
	case r.link.Known():
		x.asm.Record(r.link, r.at, r.p, r.octets)
	case len(x.unread) < mostUnread || x.unread[r.link] > 0:
		x.unread[r.link]++
	}
	return nil
}

// mostUnread bounds the link types that are counted.
const mostUnread = 256

// stranger is what is known of one connection.
type stranger struct {
	conn     int // 0 while it is not known to be mail
	client   int // its side
	port     uint16
	protocol *decode.Protocol // whose port it is
	tls      bool             // it is the port of the protocol's TLS
	mid      bool             // the beginning was not captured
	held     []Item           // until it is known
	octets   int
	greeting []byte
	spoken   bool // the client said something
}

// mostHeld bounds what is held of a connection that is not known to be mail yet.
const mostHeld = 4 << 10

func (s *stranger) dir(side int) decode.Dir {
	if side == s.client {
		return decode.Client
	}
	return decode.Server
}

// Begin implements tcp.Sink.
func (x *importer) Begin(c *tcp.Conn) {
	s := &stranger{client: c.Opener, mid: c.Opener < 0}
	if s.mid {
		s.client = x.guess(c)
	}
	s.port = c.Ends[1-s.client].Port()
	s.protocol, s.tls = x.byPort(s.port)
	c.User = s
	if s.mid && s.protocol == nil {
		x.leave(c, s)
	}
}

// guess tells which side is the client where the SYN was not captured: the one without a
// port of ours, or with the higher one.
func (x *importer) guess(c *tcp.Conn) int {
	a, _ := x.byPort(c.Ends[0].Port())
	b, _ := x.byPort(c.Ends[1].Port())
	switch {
	case a == nil && b != nil:
		return 0
	case a != nil && b == nil:
		return 1
	case c.Ends[0].Port() < c.Ends[1].Port():
		return 1
	}
	return 0
}

func (x *importer) byPort(port uint16) (p *decode.Protocol, tls bool) {
	for i := range x.reader.protocols {
		p := &x.reader.protocols[i]
		if int(port) == p.Port || int(port) == p.TLSPort {
			return p, int(port) != p.Port
		}
	}
	return nil, false
}

// leave counts a connection that is no mail, and forgets it.
func (x *importer) leave(c *tcp.Conn, s *stranger) {
	x.others++
	x.ports[s.port]++
	s.held, s.greeting = nil, nil
	c.Ignore()
}

func (x *importer) item(s *stranger, kind ItemKind, d decode.Dir, at time.Time) Item {
	return Item{Conn: s.conn, Kind: kind, Dir: d, Time: at, Offset: x.offset}
}

func (x *importer) add(it Item) { x.reader.items = append(x.reader.items, it) }

// Octets implements tcp.Sink.
func (x *importer) Octets(c *tcp.Conn, side int, at time.Time, p []byte) {
	s := c.User.(*stranger)
	it := x.item(s, ItemOctets, s.dir(side), at)
	it.P = p
	if s.conn > 0 {
		x.add(it)
		return
	}
	it.P = append([]byte(nil), p...)
	s.held = append(s.held, it)
	s.octets += len(p)
	x.choose(c, s, it)
}

// choose looks at the first octets of a connection.
func (x *importer) choose(c *tcp.Conn, s *stranger, it Item) {
	known := s.protocol != nil
	switch {
	case known && looksLikeTLS(it.P, s.mid):
		x.sealed(c, s)
	case known && s.mid:
		x.byPortAlone(c, s)
	case it.Dir == decode.Client:
		s.spoken = true // servers of mail speak first, or should
		if !known || s.tls || s.octets > mostHeld {
			x.byPortAlone(c, s)
		}
	default:
		s.greeting = append(s.greeting, it.P...)
		p, more := x.greets(s)
		if p != nil {
			x.decide(c, s, p, "")
		} else if !more || s.octets > mostHeld {
			x.byPortAlone(c, s)
		}
	}
}

// greets finds the protocol of a greeting. One that comes late is an answer, as "+OK" is
// in Redis, unless it is what the port lets expect.
func (x *importer) greets(s *stranger) (p *decode.Protocol, more bool) {
	for i := range x.reader.protocols {
		p := &x.reader.protocols[i]
		yes, maybe := p.Greets(s.greeting)
		if yes && (!s.spoken || s.protocol == p && !s.tls) {
			return p, false
		}
		more = more || maybe
	}
	return nil, more
}

// looksLikeTLS tells whether octets begin a record of TLS (RFC 8446 §5.1): that of a
// handshake, or in mid-session of any kind.
func looksLikeTLS(p []byte, mid bool) bool {
	return len(p) >= 3 && (p[0] == 22 || mid && p[0] >= 20 && p[0] <= 23) && p[1] == 3 && p[2] <= 4
}

// byPortAlone decides about a connection without a greeting.
func (x *importer) byPortAlone(c *tcp.Conn, s *stranger) {
	switch {
	case s.protocol == nil:
		x.leave(c, s)
	case s.tls:
		x.sealed(c, s)
	case s.mid:
		x.decide(c, s, s.protocol, "mid-session")
	case s.spoken:
		x.decide(c, s, s.protocol, "no-greeting") // as behind a TLS that was taken away
	default:
		x.decide(c, s, s.protocol, "") // what stands in its place is not one
	}
}

// decide says that a connection is mail, and gives what was held of it.
func (x *importer) decide(c *tcp.Conn, s *stranger, p *decode.Protocol, begins string, marks ...decode.Mark) {
	x.mail++
	s.conn = x.mail
	open := decode.Mark{Time: c.Began, Kind: decode.Open, Fields: decode.Fields{
		{Key: "client", Value: c.Ends[s.client].String()},
		{Key: "upstream", Value: c.Ends[1-s.client].String()},
		{Key: "protocol", Value: p.Name},
		{Key: "source", Value: "capture"},
	}.With("begins", begins)}
	for _, m := range append([]decode.Mark{open}, marks...) {
		x.mark(s, m)
	}
	for _, it := range s.held {
		it.Conn = s.conn
		x.add(it)
	}
	s.held, s.greeting = nil, nil
}

// sealed says that a connection is mail and that nobody can read it.
func (x *importer) sealed(c *tcp.Conn, s *stranger) {
	text := fmt.Sprintf("TLS on port %d: it is encrypted and cannot be read", s.port)
	if s.tls && !s.mid && len(s.held) > 0 && !looksLikeTLS(s.held[0].P, false) {
		text = fmt.Sprintf("port %d is for TLS, and this is neither TLS nor a greeting", s.port)
	}
	x.decide(c, s, s.protocol, "", decode.Mark{
		Time: c.Began, Kind: decode.Opaque,
		Fields: decode.Fields{{Key: "reason", Value: text}, {Key: "text", Value: text}},
	})
}

func (x *importer) mark(s *stranger, m decode.Mark) {
	it := x.item(s, ItemMark, m.Dir, m.Time)
	it.Mark = m
	if s.conn > 0 {
		x.add(it)
	} else {
		s.held = append(s.held, it)
	}
}

// Gap implements tcp.Sink.
func (x *importer) Gap(c *tcp.Conn, side int, at time.Time, n int64) {
	s := c.User.(*stranger)
	if s.conn == 0 {
		s.mid = true
		if x.byPortAlone(c, s); s.conn == 0 {
			return
		}
	}
	it := x.item(s, ItemGap, s.dir(side), at)
	it.Gap = n
	x.add(it)
}

// End implements tcp.Sink.
func (x *importer) End(c *tcp.Conn, side int, at time.Time) {
	s := c.User.(*stranger)
	x.mark(s, decode.Mark{Time: at, Kind: decode.Close, Dir: s.dir(side)})
}

// Close implements tcp.Sink.
func (x *importer) Close(c *tcp.Conn, side int, at time.Time, reason string) {
	s := c.User.(*stranger)
	if x.settle(c, s); s.conn == 0 {
		return
	}
	by := ""
	switch {
	case side == s.client:
		by = "client"
	case side >= 0:
		by = "server"
	}
	if reason == tcp.Reset {
		reason = "connection reset by " + by
	}
	x.mark(s, decode.Mark{Time: at, Kind: decode.Close, Fields: decode.Fields{}.With("by", by).With("reason", reason)})
}

// Left implements tcp.Sink.
func (x *importer) Left(c *tcp.Conn, at time.Time) {
	s := c.User.(*stranger)
	if x.settle(c, s); s.conn > 0 {
		x.mark(s, decode.Mark{Time: at, Kind: decode.Close, Fields: decode.Fields{{Key: "reason", Value: EndsHere}}})
	}
}

// settle decides about a connection of which nothing more comes.
func (x *importer) settle(c *tcp.Conn, s *stranger) {
	switch {
	case s.conn > 0:
	case s.protocol != nil && s.octets == 0:
		x.decide(c, s, s.protocol, "") // as where nobody listens
	default:
		x.byPortAlone(c, s)
	}
}
