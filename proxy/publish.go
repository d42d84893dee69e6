package proxy

import (
	"sync"

	"github.com/mailtrace/mailtrace/decode"
)

// Tape records one stream of a connection. Its methods must not block; what they are given
// is valid during the call only. Octets and Mark are called in wire order under the
// connection's lock; Commit follows what belongs together, under the publisher's lock, so
// that the order of commits is the order in which events were numbered.
type Tape = interface {
	Octets(decode.Octets)
	Mark(decode.Mark)
	Commit()
}

// Recorder opens tapes: for each connection one of what the client saw (decode.FromPeer),
// and where the proxy does a STARTTLS of its own with an upstream, one of that
// (decode.FromProxy).
type Recorder interface {
	Open(conn int, origin decode.Origin) Tape
}

// Sink is shown every event. The events are numbered and valid during the call only. It is
// called under the publisher's lock and must not block.
type Sink interface{ Events([]decode.Event) }

// publisher gives the events of all connections their one order.
type publisher struct {
	mu   sync.Mutex
	seq  decode.Sequencer
	sink Sink
}

// publish numbers events, shows them and commits the tape, which may be nil.
func (p *publisher) publish(events []decode.Event, tape Tape) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seq.Number(events)
	if p.sink != nil && len(events) > 0 {
		p.sink.Events(events)
	}
	if tape != nil {
		tape.Commit()
	}
}

// stream is a trace with the tape that records it. It is not safe for concurrent use.
type stream struct {
	pub   *publisher
	trace *decode.Trace
	tape  Tape
}

// newStream follows a connection; without a recorder nothing is taped and nothing costs.
func (p *Proxy) newStream(conn int, origin decode.Origin, protocol *decode.Protocol) stream {
	s := stream{pub: &p.pub}
	o := decode.TraceOptions{
		Options:   decode.Options{Limits: p.cfg.Limits, Secrets: p.cfg.Secrets, Bare: p.cfg.Bare, Unseen: p.cfg.Unseen},
		Conn:      conn,
		Origin:    origin,
		Protocol:  protocol,
		Protocols: p.cfg.Protocols,
		Wrap:      p.cfg.WrapSession,
	}
	if p.cfg.Recorder != nil {
		s.tape = p.cfg.Recorder.Open(conn, origin)
	}
	if s.tape != nil {
		o.Tap, o.Keep = s.tape.Octets, s.tape.Mark
	}
	s.trace = decode.NewTrace(o)
	return s
}

// publish is for the events that the trace just gave. Where there are none, the tape may
// still have taken octets.
func (s *stream) publish(events []decode.Event) {
	if len(events) > 0 || s.tape != nil && !s.trace.Opaque() {
		s.pub.publish(events, s.tape)
	}
}
