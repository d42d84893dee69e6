package replay

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/mailtrace/mailtrace/captures"
	"github.com/mailtrace/mailtrace/decode/registry"
	"github.com/mailtrace/mailtrace/internal/dial"
	"github.com/mailtrace/mailtrace/proxy"
	"github.com/mailtrace/mailtrace/proxy/certs"
)

// recorderDrain bounds the end of a recording: closing connections, and writing what is queued.
const recorderDrain = 10 * time.Second

// recorder stands before a server that is there, as mailtrace proxy does, and keeps what goes
// through in a capture of its own.
type recorder struct {
	proxy    *proxy.Proxy
	served   chan error
	file     *os.File // nil where nothing is kept
	captured *captures.Recorder
}

// newRecorder listens at listen, and records into a new file at capture; "" keeps nothing.
func newRecorder(listen, upstream dial.URL, cfg dial.Config, ca *certs.CA, capture string) (*recorder, error) {
	r := &recorder{served: make(chan error, 1)}
	c := proxy.Config{
		Routes: []proxy.Route{{Listen: listen, Upstream: upstream}},
		CA:     ca, Dial: cfg, Protocols: registry.All, Bare: true,
	}
	if capture != "" {
		f, err := captures.Create(capture, true)
		if err != nil {
			return nil, err
		}
		r.file = f
		r.captured = captures.NewRecorder(f, captures.Options{
			Application: "mailtrace", Protocols: registry.All, Bodies: true, Compression: captures.CompressionOf(capture),
		})
		c.Recorder = r.captured
	}
	p, err := proxy.New(c)
	if err != nil {
		return nil, errors.Join(err, r.close(context.Background()))
	}
	r.proxy = p
	go func() { r.served <- p.Serve(context.Background()) }()
	return r, nil
}

// url is where clients have to connect to.
func (r *recorder) url() string { return r.proxy.Listeners()[0] }

// stop ends all connections. The capture is whole then.
func (r *recorder) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), recorderDrain)
	defer cancel()
	err := r.proxy.Shutdown(ctx)
	return errors.Join(err, <-r.served, r.close(ctx))
}

func (r *recorder) close(ctx context.Context) error {
	if r.file == nil {
		return nil
	}
	return errors.Join(r.captured.Close(ctx), r.file.Close())
}

// keep puts a capture in the place of path: as it is where the name is that of a capture,
// otherwise as a script with its larger bodies beside it.
func keep(capture, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	if captureEnding(path) != "" {
		f, err := os.Open(capture)
		if err != nil {
			return fmt.Errorf("replay: %w", err)
		}
		return errors.Join(replaceFile(path, f), f.Close())
	}
	r, err := captures.Open(capture)
	if err != nil {
		return err
	}
	script, files, err := FromCapture(path, r, CaptureOptions{BodiesAbove: bodiesAbove, Dir: BodiesDir(path)})
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	for name, lit := range files {
		body := filepath.Join(filepath.Dir(path), filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(body), 0o755); err != nil {
			return fmt.Errorf("replay: %w", err)
		}
		if err := replaceFile(body, lit.Reader()); err != nil {
			return err
		}
	}
	return replaceFile(path, strings.NewReader(script.String()))
}

// bodiesAbove is the size in octets above which a body does not stand in a recorded script.
const bodiesAbove = 4 << 10

// captureEnding is the ending of a file's name that makes it a capture, "" for a script's.
func captureEnding(path string) string {
	i := strings.LastIndex(path, ".pcapng")
	if i < 0 {
		return ""
	}
	switch ending := path[i:]; ending {
	case ".pcapng", ".pcapng.gz", ".pcapng.zst":
		return ending
	}
	return ""
}

var unnameable = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// BodiesDir names the directory beside a script for its larger bodies: what a script can name.
func BodiesDir(script string) string {
	base := filepath.Base(script)
	return unnameable.ReplaceAllString(strings.TrimSuffix(base, filepath.Ext(base)), "-") + "-bodies"
}
