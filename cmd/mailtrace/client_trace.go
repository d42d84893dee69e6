package main

import (
	"context"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
	"github.com/mailtrace/mailtrace/internal/client"
	"github.com/mailtrace/mailtrace/internal/print"
	"github.com/mailtrace/mailtrace/proxy"
)

// tracing shows and records what the mail client says, secrets filled, as the proxy does. The
// connections of a verb run one after another.
//
//	client ──octets──► decode.Trace ──events──► stderr (--trace)
//	                        └──octets, filled──► capture (--capture)
type tracing struct {
	u       *ui
	queue   *print.Queue // nil without --trace
	rec     *recording   // nil without --capture
	seq     decode.Sequencer
	conns   int
	secrets bool
}

func (u *ui) newTracing(c *cli.Context) (*tracing, error) {
	w := &tracing{u: u, secrets: c.Bool("secrets")}
	if path := c.String("capture"); path != "" {
		w.rec = &recording{capturing: capturing{path: path, force: c.Bool("force"), bodies: true}, u: u}
		if err := w.rec.create(); err != nil {
			return nil, err
		}
	}
	if c.Bool("trace") {
		w.queue = print.NewQueue(print.Text(u.err, print.Options{
			Color: u.colored(u.err), ASCII: u.ascii, Width: widthOf(u.err), Verbose: c.Bool("verbose"), Notes: note,
		}), print.QueueOptions{})
	}
	return w, nil
}

// open begins to follow a connection.
func (w *tracing) open(protocol string) client.Observer {
	w.conns++
	x := &traced{tracing: w}
	o := decode.TraceOptions{
		Options: decode.Options{Secrets: w.secrets}, Conn: w.conns, Protocol: registry.ByName(protocol),
	}
	if w.rec != nil {
		x.tape = w.rec.Open(w.conns, decode.FromPeer)
		o.Tap, o.Keep = x.tape.Octets, x.tape.Mark
	}
	x.trace = decode.NewTrace(o)
	return x
}

// close prints and writes what is queued.
func (w *tracing) close() {
	if w == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if w.rec != nil {
		w.rec.close(ctx)
	}
	if w.queue != nil {
		if err := w.queue.Close(ctx); err != nil {
			w.u.warn("--trace: %s", words(err))
		}
	}
}

// traced is one connection.
type traced struct {
	tracing *tracing
	trace   *decode.Trace
	tape    proxy.Tape
}

// Mark implements client.Observer.
func (x *traced) Mark(m decode.Mark) {
	if m.Kind == decode.Open && x.tracing.secrets {
		fields := decode.Fields{}
		for _, f := range m.Fields {
			if f.Key == "secrets" {
				f.Value = "yes"
			}
			fields = append(fields, f)
		}
		m.Fields = fields
	}
	x.publish(x.trace.Mark(m))
}

// Octets implements client.Observer.
func (x *traced) Octets(d decode.Dir, at time.Time, p []byte) {
	for len(p) > 0 {
		n, next, events := x.trace.Write(d, at, p)
		x.publish(events)
		if n == 0 && next != decode.Continue {
			return // what stands behind STARTTLS in clear is refused, and said
		}
		p = p[n:]
	}
}

func (x *traced) publish(events []decode.Event) {
	x.tracing.seq.Number(events)
	if x.tracing.queue != nil && len(events) > 0 {
		x.tracing.queue.Events(events)
	}
	if x.tape != nil {
		x.tape.Commit()
	}
}
