package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/term"

	"github.com/mailtrace/mailtrace/captures"
	"github.com/mailtrace/mailtrace/decode"
)

// capture is an open capture.
type capture struct {
	*captures.Reader
	name    string // for messages
	secrets bool   // it was recorded with --secrets: they are shown, as they were live
}

// openCapture opens the capture at path; "-" is standard input, read while it comes.
func openCapture(path string) (*capture, error) {
	if path == "-" {
		if term.IsTerminal(int(os.Stdin.Fd())) {
			return nil, usagef("such as tcpdump -i lo -U -w - port 143 | mailtrace show -", "standard input is a terminal, expected a capture")
		}
		return pipedCapture(os.Stdin)
	}
	r, err := captures.Open(path)
	var failed *fs.PathError
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist):
		return nil, &ioError{fmt.Errorf("there is no file %s", path), "mailtrace proxy --capture FILE writes captures"}
	case errors.Is(err, syscall.EISDIR):
		return nil, &ioError{fmt.Errorf("%s is a directory, expected a capture", path), "mailtrace list, search and fetch read a Maildir"}
	case errors.As(err, &failed):
		return nil, &ioError{err: fmt.Errorf("cannot read %s: %w", path, failed.Err)}
	case errors.As(err, new(*captures.NotCapture)) && filepath.Ext(path) == ".script":
		return nil, &ioError{err, "mailtrace replay FILE --to URL and mailtrace serve FILE play scripts"}
	default:
		return nil, err
	}
	c := &capture{Reader: r, name: path}
	if r.Foreign() {
		return c, nil
	}
	// The first connection is looked for in a reading of its own.
	first, err := captures.Open(path)
	if err != nil {
		discard(c)
		return nil, err
	}
	defer discard(first)
	c.secrets = keptSecrets(first, nil)
	return c, nil
}

// pipedCapture reads a capture that can be read once.
func pipedCapture(in io.Reader) (*capture, error) {
	begin := &head{in: in}
	r, err := captures.NewReader(begin)
	if err != nil {
		return nil, err
	}
	c := &capture{Reader: r, name: "standard input"}
	if r.Foreign() {
		begin.full = true // of what is read from here on nothing is read again
		return c, nil
	}
	c.secrets = keptSecrets(r, begin)
	discard(r)
	c.Reader, err = captures.NewReader(io.MultiReader(&begin.kept, in))
	return c, err
}

// head keeps what was read, to be read again.
type head struct {
	in   io.Reader
	kept bytes.Buffer
	full bool // it keeps no more
}

func (h *head) Read(p []byte) (int, error) {
	n, err := h.in.Read(p)
	if !h.full {
		h.kept.Write(p[:n])
	}
	return n, err
}

// mostHead is how many octets may go by before the first connection.
const mostHead = 1 << 20

// keptSecrets tells whether a capture was recorded with --secrets. All connections of a run are
// alike, so the first one tells; begin, where not nil, is what r reads.
func keptSecrets(r *captures.Reader, begin *head) bool {
	for begin == nil || begin.kept.Len() < mostHead {
		item, err := r.Next()
		if err != nil {
			return false
		}
		if item.Kind == captures.ItemMark && item.Mark.Kind == decode.Open && item.Origin == decode.FromPeer {
			return item.Mark.Fields.Get("secrets") == "yes"
		}
	}
	return false
}
