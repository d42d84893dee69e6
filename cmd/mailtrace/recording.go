package main

import (
	"context"
	"io"
	"slices"

	"github.com/mailtrace/mailtrace/captures"
	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
	"github.com/mailtrace/mailtrace/proxy"
)

// recording is the capture of a run. The proxy is given it before there is a file, since
// the file comes last of all that may fail at the start.
type recording struct {
	capturing
	u        *ui
	file     io.Closer
	recorder *captures.Recorder
}

// create makes the file and begins to record.
func (r *recording) create() error {
	if r.path == "" {
		return nil
	}
	f, err := captures.Create(r.path, r.force)
	if err != nil {
		return err
	}
	r.file = f
	r.recorder = captures.NewRecorder(f, captures.Options{
		Application: "mailtrace " + version(),
		Protocols:   registry.All,
		Bodies:      r.bodies,
		Compression: captures.CompressionOf(r.path),
		OnError: func(err error) {
			// At most twice: octets are missing, and recording ended.
			r.u.warn("%s: %s; sessions go on", r.path, words(err))
		},
	})
	return nil
}

// Open implements proxy.Recorder.
func (r *recording) Open(conn int, origin decode.Origin) proxy.Tape {
	tape := r.recorder.Open(conn, origin)
	if r.bodies {
		return tape
	}
	return bodiless{tape}
}

// bodiless says in a capture that message bodies were left out, so that nobody takes
// the filler for them.
type bodiless struct{ proxy.Tape }

func (b bodiless) Mark(m decode.Mark) {
	if m.Kind == decode.Open && m.Fields.Get("bodies") == "" {
		m.Fields = slices.Clone(m.Fields).With("bodies", "no")
	}
	b.Tape.Mark(m)
}

// close writes what is queued. What fails is told.
func (r *recording) close(ctx context.Context) {
	if r.recorder == nil {
		return
	}
	if err := r.recorder.Close(ctx); err != nil && ctx.Err() != nil {
		r.u.warn("%s: %s", r.path, words(err))
		return // the writer still has the file
	}
	if err := r.file.Close(); err != nil {
		r.u.warn("%s: %v", r.path, bare(err))
	}
}
