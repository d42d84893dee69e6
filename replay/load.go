package replay

import (
	"errors"

	"github.com/mailtrace/mailtrace/captures"
)

// bodiesHeld is the size in octets above which the bodies of a capture are not held in memory.
const bodiesHeld = 512

// LoadOptions say how a file is read.
type LoadOptions struct {
	Capture CaptureOptions // for a capture
}

// Load reads a script or a capture, whatever the file at path is by its content. Errors are
// those of ParseFile and FromCapture.
func Load(path string, o LoadOptions) (*Script, error) {
	r, err := captures.Open(path)
	if errors.As(err, new(*captures.NotCapture)) {
		return ParseFile(path)
	}
	if err != nil {
		return nil, err
	}
	if o.Capture.BodiesAbove == 0 {
		o.Capture.BodiesAbove, o.Capture.Dir = bodiesHeld, "bodies" // a script that nobody reads
	}
	script, _, err := FromCapture(path, r, o.Capture)
	return script, errors.Join(err, r.Close())
}
