package captures

import (
	"cmp"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// DecodeOptions say how a capture is decoded.
type DecodeOptions struct {
	// Protocols are those that streams may speak; usually registry.All.
	Protocols []decode.Protocol
	Limits    decode.Limits
	// Secrets leaves secrets in clear, where the capture holds any.
	Secrets bool
	// Bare leaves out the typed Details that only a reader of them needs.
	Bare bool
	// Unseen leaves out events too that tell nothing but themselves (decode.Options).
	Unseen bool
	// Conn, where set, chooses the connections whose events are given. The others are
	// decoded too, so that events keep their numbers.
	Conn func(conn int) bool
	// Tap, where set, gets the octets of the chosen connections with what their session
	// knows of them, each before the event that it completes.
	Tap func(conn int, origin decode.Origin, o decode.Octets)
}

// Decode reads a capture to its end and gives its events, numbered as they were when it
// was recorded. The events are valid during the call of sink. Connections that the
// capture does not see to their end are closed with the reason "capture ends here",
// whatever error ended it; that error is returned, nil for an orderly end.
func Decode(r *Reader, o DecodeOptions, sink func([]decode.Event)) error {
	r.protocols = o.Protocols
	d := decoder{o: o, foreign: r.Foreign(), sink: sink, traces: map[trace]*decode.Trace{}}
	for {
		item, err := r.Next()
		if err != nil {
			d.end()
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		d.item(item)
	}
}

// EndsHere is why a connection is closed that the capture does not see to its end: the reason of its
// Close event, which says nothing about the connection.
const EndsHere = "capture ends here"

// trace names one exchange: a connection, or the proxy's own with its upstream.
type trace struct {
	conn   int
	origin decode.Origin
}

type decoder struct {
	o       DecodeOptions
	foreign bool
	sink    func([]decode.Event)
	seq     decode.Sequencer
	traces  map[trace]*decode.Trace
	latest  time.Time
}

func (d *decoder) item(it Item) {
	at := trace{it.Conn, it.Origin}
	t := d.traces[at]
	if t == nil {
		t = d.begin(at, it.Mark)
		d.traces[at] = t
	}
	if it.Time.After(d.latest) {
		d.latest = it.Time
	}
	switch it.Kind {
	case ItemOctets:
		d.write(at, t, it)
	case ItemGap:
		d.give(at, t.Gap(it.Dir, it.Time, it.Gap))
	case ItemMark:
		d.mark(at, t, it.Mark)
	}
}

func (d *decoder) mark(at trace, t *decode.Trace, m decode.Mark) {
	switch {
	case m.Kind == decode.Opaque:
		if t.Opaque() {
			return // the octets before it had told so already
		}
		d.give(at, t.Mark(m))
		return
	case m.Kind == decode.Close && m.Dir == decode.NoDir:
		delete(d.traces, at)
	}
	d.give(at, t.Mark(m))
}

func (d *decoder) begin(at trace, first decode.Mark) *decode.Trace {
	o := decode.TraceOptions{
		Options: decode.Options{
			Limits: d.o.Limits, Secrets: d.o.Secrets, Bare: d.o.Bare, Unseen: d.o.Unseen, Inflated: !d.foreign,
			Mid:      d.foreign && first.Fields.Get("begins") != "",
			Bodiless: first.Fields.Get("bodies") == "no",
		},
		Conn: at.conn, Origin: at.origin, Protocols: d.o.Protocols,
	}
	if name := first.Fields.Get("protocol"); first.Kind == decode.Open && name != "" {
		for i := range d.o.Protocols {
			if d.o.Protocols[i].Name == name {
				o.Protocol = &d.o.Protocols[i]
			}
		}
	}
	if d.o.Tap != nil && d.chosen(at) {
		o.Tap = func(p decode.Octets) { d.o.Tap(at.conn, at.origin, p) }
	}
	return decode.NewTrace(o)
}

// write offers octets until all are taken. What a session leaves belongs to a handshake,
// of which a capture has no octets; if there are any, nobody can read what follows.
func (d *decoder) write(at trace, t *decode.Trace, it Item) {
	for p := it.P; len(p) > 0; {
		n, _, events := t.Write(it.Dir, it.Time, p)
		d.give(at, events)
		if p = p[n:]; len(p) == 0 {
			return
		}
		d.give(at, t.Resume(decode.Ciphertext, it.Time))
		if n == 0 && !t.Opaque() {
			return
		}
	}
}

func (d *decoder) chosen(at trace) bool { return d.o.Conn == nil || d.o.Conn(at.conn) }

func (d *decoder) give(at trace, events []decode.Event) {
	if len(events) == 0 {
		return
	}
	d.seq.Number(events)
	if d.chosen(at) {
		d.sink(events)
	}
}

// end closes what is still open.
func (d *decoder) end() {
	left := make([]trace, 0, len(d.traces))
	for at := range d.traces {
		left = append(left, at)
	}
	slices.SortFunc(left, func(a, b trace) int {
		return cmp.Or(cmp.Compare(a.conn, b.conn), cmp.Compare(a.origin, b.origin))
	})
	for _, at := range left {
		d.give(at, d.traces[at].Mark(decode.Mark{
			Time: d.latest, Kind: decode.Close,
			Fields: decode.Fields{{Key: "reason", Value: EndsHere}},
		}))
	}
}
